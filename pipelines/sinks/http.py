"""HTTP: any REST endpoint; one event, lines or an array a request."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from pipelines.secrets import SecretReference, is_reference, read_secret
from pipelines.sinks.bodies import is_json, json_values, lines
from pipelines.sinks.http_client import Answer, HttpClient
from pipelines.sinks.http_settings import (
    HttpFamilySettings,
    Url,
    basic_authorization,
    origin,
    resolve_url,
    secret_parts,
)
from pipelines.sinks.settings import Clock
from pipelines.sinks.signatures import Signature, Style
from pipelines.sinks.sink import (
    Batch,
    Limits,
    PayloadSinkError,
    Receipt,
    SinkError,
    TransientSinkError,
)
from pipelines.sinks.verdict import accepted, refusal

if TYPE_CHECKING:
    from pipelines.lake.storage import Storage

TOKEN = re.compile(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
"""What a header may be called (RFC 9110, 5.6.2)."""
SECRET = re.compile(
    r"authorization|cookie|token|secret|passw|credential|signature|api-?key|access-?key"
    r"|auth-?key|app(lication)?-?key|subscription-?key|license-?key|insert-?key|^x-auth$",
    re.IGNORECASE,
)
"""Names of headers whose values let somebody in, such as `Cookie`, `X-Api-Key`, `DD-API-KEY`."""
PAGE = re.compile(r"\ufeff?\s*<(!doctype\s+)?html", re.IGNORECASE)
MEANT = {401, 403, 407, 429}
"""Answers to a probe that hold for every method."""
MOST_SINGLE_EVENTS = 100
"""Most events in a batch that is sent event by event, so that a batch does not take minutes."""


class HttpSettings(HttpFamilySettings):
    """Any REST endpoint."""

    kind: Literal["http"]
    url: Url
    """Address to send to, or a reference to one that holds a token, such as a chat's webhook."""
    method: Literal["POST", "PUT", "PATCH"] = "POST"
    """HTTP method."""
    format: Literal["lines", "array", "single"] = "lines"
    """What a request holds: one message a line, a JSON array of messages, or one message."""
    batch_events: Annotated[int, Field(ge=1)] | None = 1_000
    """Most events in a batch."""
    content_type: Annotated[str, Field(pattern=r"^[\w.+-]+/[\w.+-]+(;[ -~]*)?$")] | None = None
    """Type of the body, where it is not what the template and the format say."""
    headers: Mapping[str, str] = {}
    """Further headers; a value may be a reference to a secret."""
    bearer_token: SecretReference | None = None
    """Token sent as `Authorization: Bearer …`."""
    username: Annotated[str, Field(min_length=1)] | None = None
    """Name for basic authentication; needs `password`."""
    password: SecretReference | None = None
    """Password for basic authentication."""
    signing_secret: SecretReference | None = None
    """Key of the HMAC-SHA-256 with which each body is signed."""
    signature: Style = "body"
    """Sign the body (`X-Signature-256: sha256=<hex>`), or as standardwebhooks.com says."""
    signature_header: Annotated[str, Field(pattern=TOKEN.pattern)] = "X-Signature-256"
    """Header of the signature of the body."""
    gzip: bool = False
    """Compress bodies; not every endpoint understands it."""
    judge_answer: bool = True
    """Take `{"ok": false}`, `{"success": false}`, an `error` or a page in 2xx for a failure."""
    probe_url: Url | None = None
    """Address that tells whether the service is well; without it `url` is asked with HEAD."""

    @model_validator(mode="after")
    def _authentication_is_one(self) -> HttpSettings:
        if bool(self.username) != bool(self.password):
            raise ValueError("username and password belong together; set both or none")
        if self.bearer_token and self.username:
            raise ValueError("bearer_token and username exclude each other; set one")
        for name, value in self.headers.items():
            if not TOKEN.match(name) or re.search(r"[\r\n\0]", value):
                raise ValueError(f"headers: {name!r} cannot be sent as a header")
            if SECRET.search(name) and not is_reference(value):
                raise ValueError(
                    f"headers: {name!r} carries a secret; write where it is kept instead: "
                    f'{name} = "env:NAME" or "file:/path", which holds the whole value'
                )
        return self

    def open(self, storage: Storage, clock: Clock) -> HttpSink:
        """Open the sink."""
        return HttpSink(self, clock)


class HttpSink:
    """Sends each batch to one URL; `Idempotency-Key` lets the receiver drop repeats."""

    needs: tuple[str, ...] = ()

    def __init__(self, settings: HttpSettings, clock: Clock) -> None:
        most = settings.limits()
        if settings.format == "single":
            most = replace(most, events=min(most.events, MOST_SINGLE_EVENTS))
        self.limits: Limits = most
        self._settings = settings
        self._clock = clock
        self._signature = _signature(settings)
        url = resolve_url(settings.url)
        headers, secrets = _headers(settings)
        if is_reference(settings.url):
            secrets += secret_parts(url)
        self._probe_url = resolve_url(settings.probe_url) if settings.probe_url else None
        self._service = origin(url)
        self._client = HttpClient(settings, url, headers=headers, secrets=secrets)

    def send(self, batch: Batch) -> Receipt:
        """Deliver a batch: as one request, or in the format `single` as one an event."""
        if self._settings.format == "single":
            return self._send_singly(batch)
        if self._settings.format == "lines":
            several = "application/x-ndjson" if is_json(batch.content_type) else batch.content_type
            return Receipt(self._post(batch.batch_id, lines(batch), several))
        values = json_values(batch)
        if not values.texts:
            return values.receipt("", {}, {})
        body = f"[{','.join(values.texts)}]".encode()
        return values.receipt(self._post(batch.batch_id, body, "application/json"), {}, {})

    def probe(self) -> None:
        """Ask for the probe's address, or for the head of the sink's own."""
        if self._probe_url:
            answer = self._client.probe("GET", self._probe_url)
            if not accepted(answer):
                raise refusal(answer, self._service, self._clock)
            return
        answer = self._client.probe("HEAD", self._client.url)
        # an endpoint that only takes POST answers HEAD with anything; these are meant nevertheless
        if answer.status in MEANT or (answer.status // 100 == 5 and answer.status != 501):
            raise refusal(answer, self._service, self._clock)

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _send_singly(self, batch: Batch) -> Receipt:
        """Send one event after the other; when one has to wait, so do those after it."""
        said, refused = "", {}
        for at, message in enumerate(batch.messages):
            try:
                said = self._post(_event_key(batch, at), message.encode(), batch.content_type)
            except PayloadSinkError as error:
                refused[at] = error.response
            except SinkError as error:
                if not at:
                    raise
                waiting = dict.fromkeys(range(at, len(batch)), str(error))
                return Receipt(said, refused, waiting, error)
        return Receipt(said, refused)

    def _post(self, key: str, body: bytes, content_type: str) -> str:
        """Send a body that was taken when this returns what was said to it."""
        headers = {
            "Content-Type": self._settings.content_type or content_type,
            "Idempotency-Key": key,
        }
        if self._signature:
            headers |= self._signature.headers(key, body, self._clock())
        answer = self._client.post(body, headers, method=self._settings.method)
        if not accepted(answer):
            raise refusal(answer, self._service, self._clock)
        if self._settings.judge_answer and (why := _failure_in(answer)):
            raise TransientSinkError(
                f"{self._service} answered {answer.status}, but says that it failed: {why}",
                cause="wrong_answer",
                response=answer.summary,
            )
        return answer.summary


def _event_key(batch: Batch, at: int) -> str:
    """A key of an event as it was rendered, whatever batch it is in by now."""
    text = f"{batch.events['event_id'][at]}\0{batch.messages[at]}"
    return hashlib.sha256(text.encode()).hexdigest()


def _signature(settings: HttpSettings) -> Signature | None:
    if not settings.signing_secret:
        return None
    key = read_secret(settings.signing_secret).encode()
    return Signature(key, settings.signature, settings.signature_header)


def _headers(settings: HttpSettings) -> tuple[dict[str, str], list[str]]:
    """The headers that every request carries, and the secrets among them."""
    found = [read_secret(value) for value in settings.headers.values() if is_reference(value)]
    # a service that repeats `Bearer …` may leave the first word out
    secrets = [part for value in found for part in (value, value.rpartition(" ")[2])]
    headers = {
        name: read_secret(value) if is_reference(value) else value
        for name, value in settings.headers.items()
    }
    if settings.bearer_token:
        secrets.append(read_secret(settings.bearer_token))
        headers["Authorization"] = f"Bearer {secrets[-1]}"
    elif settings.username and settings.password:
        password = read_secret(settings.password)
        headers["Authorization"] = basic_authorization(settings.username, password)
        secrets += [password, headers["Authorization"]]
    return headers, secrets


def _failure_in(answer: Answer) -> str | None:
    """What an answer says of a failure, although its status is 2xx.

    A page is what a login or a portal shows. Services that call a word such as `ok` HTML, as
    Slack's webhooks do, are believed.
    """
    is_html = "text/html" in answer.headers.get("content-type", "").lower()
    if PAGE.match(answer.text) or (is_html and "<" in answer.text):
        return "it is a page for people; see whether the url leads to a login"
    found = answer.json
    for name in ("error", "errors"):
        if found.get(name):
            return str(found[name])[:300]
    for name in ("ok", "success"):
        if found.get(name) is False:
            return f"{name} is false"
    return None

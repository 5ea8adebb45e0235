"""HTTP: any REST endpoint; one event, lines or an array a request."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from pipelines.secrets import SecretReference, is_reference, read_secret
from pipelines.sinks.bodies import Values, is_json, json_values, lines
from pipelines.sinks.http_client import Answer, HttpClient
from pipelines.sinks.http_settings import (
    HttpFamilySettings,
    Url,
    basic_authorization,
    origin,
    resolve_url,
)
from pipelines.sinks.settings import Clock
from pipelines.sinks.sink import (
    Batch,
    Limits,
    Receipt,
    TransientSinkError,
)
from pipelines.sinks.verdict import accepted, refusal

if TYPE_CHECKING:
    from pipelines.lake.storage import Storage

TOKEN = re.compile(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
"""What a header may be called (RFC 9110, 5.6.2)."""
MEANT = {401, 403, 407, 429}
"""Answers to a probe that hold for every method."""


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
    signature: Literal["body", "standard_webhooks"] = "body"
    """Sign the body (`X-Signature-256: sha256=<hex>`), or as standardwebhooks.com says."""
    signature_header: Annotated[str, Field(pattern=TOKEN.pattern)] = "X-Signature-256"
    """Header of the signature of the body."""
    gzip: bool = False
    """Compress bodies; not every endpoint understands it."""
    judge_answer: bool = True
    """Take `{"ok": false}`, `{"success": false}` or an `error` in a 2xx answer for a failure."""
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
        return self

    def open(self, storage: Storage, clock: Clock) -> HttpSink:
        """Open the sink."""
        return HttpSink(self, clock)


class HttpSink:
    """Sends each batch to one URL; `Idempotency-Key` lets the receiver drop repeats."""

    needs: tuple[str, ...] = ()

    def __init__(self, settings: HttpSettings, clock: Clock) -> None:
        most = settings.limits()
        one = settings.format == "single"
        self.limits = Limits(1, most.event_bytes, most.event_bytes) if one else most
        self._settings = settings
        self._clock = clock
        self._key = (
            read_secret(settings.signing_secret).encode() if settings.signing_secret else b""
        )
        url = resolve_url(settings.url)
        headers, secrets = _headers(settings)
        if is_reference(settings.url):
            secrets.append(url)
        self._probe_url = resolve_url(settings.probe_url) if settings.probe_url else None
        self._service = origin(url)
        self._client = HttpClient(settings, url, headers=headers, secrets=secrets)

    def send(self, batch: Batch) -> Receipt:
        """Deliver a batch as one request."""
        body, content_type, values = self._body(batch)
        if values is not None and not values.texts:
            return values.receipt("", {}, {})
        sent = {
            "Content-Type": self._settings.content_type or content_type,
            "Idempotency-Key": batch.batch_id,
            **self._signed(batch.batch_id, body),
        }
        answer = self._client.post(body, sent, method=self._settings.method)
        if not accepted(answer):
            raise refusal(answer, self._service, self._clock)
        if self._settings.judge_answer and (why := _failure_in(answer)):
            raise TransientSinkError(
                f"{self._service} answered {answer.status}, but says that it failed: {why}",
                cause="wrong_answer",
                response=answer.summary,
            )
        return values.receipt(answer.summary, {}, {}) if values else Receipt(answer.summary)

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

    def _body(self, batch: Batch) -> tuple[bytes, str, Values | None]:
        match self._settings.format:
            case "array":
                values = json_values(batch)
                return f"[{','.join(values.texts)}]".encode(), "application/json", values
            case "single":
                return batch.messages[0].encode(), batch.content_type, None
        several = "application/x-ndjson" if is_json(batch.content_type) else batch.content_type
        return lines(batch).encode(), several, None

    def _signed(self, batch_id: str, body: bytes) -> dict[str, str]:
        """Headers that prove who sent the body; it is signed as it is before compression."""
        if not self._key:
            return {}
        if self._settings.signature == "body":
            digest = hmac.new(self._key, body, hashlib.sha256).hexdigest()
            return {self._settings.signature_header: f"sha256={digest}"}
        return standard_webhook(self._key, batch_id, int(self._clock().timestamp()), body)


def standard_webhook(key: bytes, message_id: str, at: int, body: bytes) -> dict[str, str]:
    """Headers of a signed request as standardwebhooks.com says; `whsec_` keys are base64."""
    if key.startswith(b"whsec_"):
        key = base64.b64decode(key.removeprefix(b"whsec_"))
    digest = hmac.new(key, f"{message_id}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _headers(settings: HttpSettings) -> tuple[dict[str, str], list[str]]:
    """The headers that every request carries, and the secrets among them."""
    secrets = [read_secret(value) for value in settings.headers.values() if is_reference(value)]
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
    """What a JSON answer says of a failure, although its status is 2xx."""
    import orjson

    try:
        found: Any = orjson.loads(answer.text) if answer.text.startswith("{") else None
    except orjson.JSONDecodeError:
        return None
    if not isinstance(found, dict):
        return None
    for name in ("error", "errors"):
        if found.get(name):
            return str(found[name])[:300]
    for name in ("ok", "success"):
        if found.get(name) is False:
            return f"{name} is false"
    return None

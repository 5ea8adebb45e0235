"""Elasticsearch: the bulk API, which answers for each event; OpenSearch speaks it too.

Format and item statuses: elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from pipelines.secrets import SecretReference, read_secret
from pipelines.sinks.bodies import Values, as_object, json_values, with_fields
from pipelines.sinks.http_client import Answer, HttpClient
from pipelines.sinks.http_settings import (
    HttpFamilySettings,
    Url,
    basic_authorization,
    origin,
    resolve_url,
)
from pipelines.sinks.settings import Clock, Text
from pipelines.sinks.sink import (
    Batch,
    Cause,
    ConfigurationSinkError,
    Limits,
    Receipt,
    SinkError,
    TransientSinkError,
)
from pipelines.sinks.verdict import TRANSIENT, accepted, refusal

if TYPE_CHECKING:
    from pipelines.lake.storage import Storage

ANSWER = "items.*.status,items.*.error.type,items.*.error.reason"
IS_THERE = 409
"""`create` of an id that is there already: an earlier attempt delivered it."""
IS_FULL = re.compile(r"cluster_block_exception.*/12/", re.DOTALL)
"""The block of indices above the flood-stage watermark; older versions say 403, newer ones 429."""


class ElasticsearchSettings(HttpFamilySettings):
    """Elasticsearch or OpenSearch."""

    kind: Literal["elasticsearch"]
    url: Url
    """Address of the cluster."""
    index: Annotated[str, Field(pattern=r"^[a-z0-9.][a-z0-9._-]{0,254}$")]
    """Index or data stream to write to."""
    api_key: SecretReference | None = None
    """API key, in its encoded form; needs the privilege of the operation on the index."""
    username: Text | None = None
    """User for basic authentication; needs `password`."""
    password: SecretReference | None = None
    """Password for basic authentication."""
    operation: Literal["create", "index"] = "create"
    """Leave a document that is there as it is, or write it anew; data streams only create."""
    pipeline: Annotated[str, Field(pattern=r"^[\w.-]+$")] | None = None
    """Ingest pipeline."""

    @model_validator(mode="after")
    def _authentication_is_one(self) -> ElasticsearchSettings:
        if bool(self.username) != bool(self.password):
            raise ValueError("username and password belong together; set both or none")
        if self.api_key and self.username:
            raise ValueError("api_key and username exclude each other; set one")
        return self

    def open(self, storage: Storage, clock: Clock) -> ElasticsearchSink:
        """Open the sink."""
        return ElasticsearchSink(self, clock)


class ElasticsearchSink:
    """Writes one document an event, under the event's id, so that a repeat makes no second one."""

    needs: tuple[str, ...] = ("occurred_at",)

    def __init__(self, settings: ElasticsearchSettings, clock: Clock) -> None:
        self.limits: Limits = settings.limits(160)  # the line of the action, with an id of 64
        self._clock = clock
        self._operation = settings.operation
        self._base = resolve_url(settings.url).rstrip("/")
        self._service = f"Elasticsearch at {origin(self._base)}"
        headers, secrets = _headers(settings)
        through = f"&pipeline={settings.pipeline}" if settings.pipeline else ""
        url = f"{self._base}/{settings.index}/_bulk?filter_path={ANSWER}{through}"
        self._client = HttpClient(settings, url, headers=headers, secrets=secrets)

    def send(self, batch: Batch) -> Receipt:
        """Deliver a batch; each event is judged by its own status."""
        import orjson

        values = json_values(batch)
        if not values.texts:
            return values.receipt("", {}, {})
        times, ids = batch.events["occurred_at"], batch.events["event_id"]
        parts: list[str] = []
        for at, text in zip(values.positions, values.texts, strict=True):
            when = {"@timestamp": f'"{times[at].isoformat()}"'} if times[at] else {}
            parts.append(f'{{"{self._operation}":{{"_id":{orjson.dumps(ids[at]).decode()}}}}}')
            parts.append(with_fields(as_object(text), when))
        body = "\n".join(parts) + "\n"  # the last line must end as well
        answer = self._client.post(body.encode(), {"Content-Type": "application/x-ndjson"})
        if not accepted(answer):
            if IS_FULL.search(answer.text):
                raise self._postponement(1, answer.summary)
            raise refusal(answer, self._service, self._clock)
        return self._receipt(values, answer)

    def probe(self) -> None:
        """Ask who answers; 403 says that the key is known and may not ask that, which is fine."""
        answer = self._client.probe("GET", f"{self._base}/")
        if answer.status not in {200, 403}:
            raise refusal(answer, self._service, self._clock)

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _receipt(self, values: Values, answer: Answer) -> Receipt:
        items = answer.json.get("items")
        if not isinstance(items, list) or len(items) != len(values.texts):
            raise TransientSinkError(
                f"{self._service} did not answer for each event",
                cause="wrong_answer",
                response=answer.summary,
            )
        refused: dict[int, str] = {}
        retry: dict[int, str] = {}
        kept = 0
        for at, item in enumerate(items):
            status, said = self._judged(item)
            if status in {401, 403, 404} and not IS_FULL.search(said):
                raise ConfigurationSinkError(
                    f"{self._service} refuses documents: {said}",
                    cause="not_found" if status == 404 else "access_denied",
                    response=said,
                )
            if status // 100 == 2:
                continue
            if status == IS_THERE and self._operation == "create":
                kept += 1
            elif status // 100 == 4 and status not in TRANSIENT and not IS_FULL.search(said):
                refused[at] = said
            else:
                retry[at] = said
        failure = self._postponement(len(retry), next(iter(retry.values()))) if retry else None
        if failure and len(retry) == len(items):
            raise failure
        taken = len(items) - len(refused) - len(retry) - kept
        told = f"{answer.status} {taken} written" + f", {kept} were there already" * bool(kept)
        return values.receipt(told, refused, retry, failure)

    def _judged(self, item: Any) -> tuple[int, str]:
        """Status of one event and what was said of it; what cannot be read is not delivered."""
        done = item.get(self._operation) if isinstance(item, dict) else None
        if not isinstance(done, dict) or type(status := done.get("status")) is not int:
            return 500, "no status was answered"
        error = done.get("error")
        if not isinstance(error, dict):
            return status, f"{status} {error or ''}".strip()[:500]
        return status, f"{status} {error.get('type', '')}: {error.get('reason', '')}"[:500]

    def _postponement(self, count: int, said: str) -> SinkError:
        """Why Elasticsearch wants documents again."""
        cause: Cause = "throttled" if said.startswith("429") else "server_error"
        return TransientSinkError(
            f"{self._service} did not take {count} documents: {said[:300]}",
            cause="disk_full" if IS_FULL.search(said) else cause,
            response=said,
        )


def _headers(settings: ElasticsearchSettings) -> tuple[dict[str, str], list[str]]:
    if settings.api_key:
        key = read_secret(settings.api_key)
        return {"Authorization": f"ApiKey {key}"}, [key]
    if settings.username and settings.password:
        password = read_secret(settings.password)
        value = basic_authorization(settings.username, password)
        return {"Authorization": value}, [password, value]
    return {}, []

"""Sinks of log services, each against a receiver that enforces what the service documents."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from receivers import Answer, Receiver, receiving
from services import NOW, AzureMonitor, Datadog, Elasticsearch, Loki, Splunk, Sumo

from pipelines.settings import load_settings
from pipelines.sinks.registry import open_sink
from pipelines.sinks.sink import (
    Batch,
    ConfigurationSinkError,
    PayloadSinkError,
    Sink,
    SinkError,
    TransientSinkError,
)
from pipelines.sinks.splunk_hec import SplunkHecSettings, SplunkHecSink

SECRETS = {
    "SPLUNK": "splunk-t0ken",
    "DATADOG": "datadog-k3y",
    "ELASTIC": "ZWxhc3RpYw==",
    "AZURE": "azure-s3cret",
    "WRONG": "wr0ng-secret",
}


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


def sink_of(kind: str, **fields: Any) -> Sink:
    """A sink as the settings would give it."""
    settings = load_settings(sink=({"name": "s", "kind": kind, "timeout_seconds": 5} | fields,))
    return open_sink(settings.sink[0], None, clock=lambda: NOW)  # type: ignore[arg-type]


def batch(
    *messages: str,
    content_type: str = "application/json",
    times: Sequence[datetime | None] = (),
    **columns: Sequence[Any],
) -> Batch:
    """A batch of messages with the facts of their events."""
    count = len(messages)
    facts: dict[str, Sequence[Any]] = {
        "event_id": [f"job:{n}" for n in range(count)],
        "occurred_at": times or [NOW - timedelta(minutes=1)] * count,
        "event_kind": ["job"] * count,
    }
    return Batch("s", "5f" * 32, messages, facts | columns, content_type)


def failure_of(sink: Sink, *messages: str) -> SinkError:
    """How sending fails."""
    with pytest.raises(SinkError) as failure:
        sink.send(batch(*(messages or ('{"a":1}',))))
    return failure.value


def event(number: int, size: int = 10) -> str:
    """A rendered event."""
    return json.dumps({"number": number, "text": "x" * size})


class TestSplunk:
    """The HTTP Event Collector."""

    @pytest.fixture
    def splunk(self) -> Splunk:
        return Splunk()

    @pytest.fixture
    def receiver(self, splunk: Splunk) -> Iterator[Receiver]:
        with receiving(splunk) as running:
            yield running

    def test_events_keep_their_time_and_their_order(
        self, splunk: Splunk, receiver: Receiver
    ) -> None:
        sink = sink_of("splunk_hec", url=receiver.url, token="env:SPLUNK", index="main", host="h")
        at = datetime(2026, 3, 1, 0, 0, 0, 123456, tzinfo=UTC)

        sink.send(batch(event(0), event(1), times=[at, None]))

        assert [found["event"]["number"] for found in splunk.events] == [0, 1]
        assert [found["time"] for found in splunk.events] == [1772323200.123456, None]
        assert {found["host"] for found in splunk.events} == {"h"}
        assert receiver.requests[0].headers["content-encoding"] == "gzip"

    def test_an_event_that_it_cannot_take_is_refused_alone(
        self, splunk: Splunk, receiver: Receiver
    ) -> None:
        sink = sink_of("splunk_hec", url=receiver.url, token="env:SPLUNK")

        receipt = sink.send(batch(event(0), '""', event(2), "{", '""', event(5)))

        assert sorted(receipt.refused) == [1, 3, 4]
        assert {found["event"]["number"] for found in splunk.events} == {0, 2, 5}

    def test_a_batch_of_nothing_but_such_events_delivers_none(
        self, splunk: Splunk, receiver: Receiver
    ) -> None:
        receipt = sink_of("splunk_hec", url=receiver.url, token="env:SPLUNK").send(
            batch('""', '""')
        )

        assert sorted(receipt.refused) == [0, 1]
        assert splunk.events == []

    def test_acknowledgement_is_waited_for(self) -> None:
        splunk = Splunk(acknowledges=True, looks_before_indexed=4)
        waits: list[float] = []
        with receiving(splunk) as receiver:
            settings = SplunkHecSettings(
                name="s", kind="splunk_hec", url=receiver.url, token="env:SPLUNK", acknowledge=True
            )
            sink = SplunkHecSink(settings, lambda: NOW, waits.append)

            sink.send(batch(event(0)))
            sink.send(batch(event(1)))

        assert len(waits) == 10
        assert waits[:5] == sorted(waits[:5])
        assert len(splunk.channels) == 1

    def test_what_is_never_acknowledged_is_sent_again_later(self) -> None:
        splunk = Splunk(acknowledges=True, looks_before_indexed=1_000_000)
        with receiving(splunk) as receiver:
            sink = sink_of(
                "splunk_hec",
                url=receiver.url,
                token="env:SPLUNK",
                acknowledge=True,
                acknowledge_seconds=0.1,
            )
            failure = failure_of(sink)

        assert (type(failure), failure.cause) == (TransientSinkError, "timeout")

    def test_a_token_without_acknowledgement_is_told_as_such(self, receiver: Receiver) -> None:
        sink = sink_of("splunk_hec", url=receiver.url, token="env:SPLUNK", acknowledge=True)

        failure = failure_of(sink)

        assert isinstance(failure, ConfigurationSinkError)
        assert "acknowledge = false" in str(failure)

    @pytest.mark.parametrize(
        ("fields", "kind", "cause"),
        [
            ({"token": "env:WRONG"}, ConfigurationSinkError, "bad_credentials"),
            ({"index": "secret"}, ConfigurationSinkError, "wrong_answer"),
        ],
    )
    def test_a_wrong_setting_is_no_fault_of_the_event(
        self, receiver: Receiver, fields: dict[str, str], kind: type[SinkError], cause: str
    ) -> None:
        sink = sink_of("splunk_hec", **({"url": receiver.url, "token": "env:SPLUNK"} | fields))

        failure = failure_of(sink)

        assert (type(failure), failure.cause) == (kind, cause)

    def test_full_queues_are_seen_by_sender_and_probe(
        self, splunk: Splunk, receiver: Receiver
    ) -> None:
        sink = sink_of("splunk_hec", url=receiver.url, token="env:SPLUNK")
        sink.probe()
        splunk.is_full = True

        assert failure_of(sink).cause == "server_error"
        with pytest.raises(TransientSinkError):
            sink.probe()

    def test_success_with_another_code_is_no_success(self, receiver: Receiver) -> None:
        receiver.then(Answer(200, '{"text":"Server is busy","code":9}'), Answer(200, "welcome"))
        sink = sink_of("splunk_hec", url=receiver.url, token="env:SPLUNK")

        assert failure_of(sink).cause == "server_error"
        assert failure_of(sink).cause == "wrong_answer"


class TestDatadog:
    """The logs intake."""

    @pytest.fixture
    def datadog(self) -> Datadog:
        return Datadog(NOW)

    @pytest.fixture
    def receiver(self, datadog: Datadog) -> Iterator[Receiver]:
        with receiving(datadog) as running:
            yield running

    def sink(self, receiver: Receiver, **fields: Any) -> Sink:
        urls = {"intake_url": receiver.url, "api_url": receiver.url}
        return sink_of("datadog", **{"api_key": "env:DATADOG", **urls, **fields})

    def test_logs_have_the_attributes_that_datadog_reserves(
        self, datadog: Datadog, receiver: Receiver
    ) -> None:
        sink = self.sink(receiver, tags=["env:prod", "team:a"], hostname="h")

        sink.send(batch('{"a":1}', '{"service":"own"}', "{ }", '"text"'))

        first, own, empty, text = datadog.events
        assert first == {
            "ddsource": "workato",
            "service": "workato",
            "ddtags": "env:prod,team:a",
            "hostname": "h",
            "timestamp": "2026-03-20T11:59:00+00:00",
            "a": 1,
        }
        assert own["service"] == "own"
        assert empty.keys() == first.keys() - {"a"}
        assert text["message"] == "text"

    def test_events_too_old_for_datadog_are_taken_all_the_same(
        self, datadog: Datadog, receiver: Receiver
    ) -> None:
        old = NOW - timedelta(days=6)
        message = json.dumps({"timestamp": old.isoformat(), "a": 1})

        self.sink(receiver).send(batch(message, '{"a":2}', times=[old, NOW]))

        assert datadog.dropped == []
        assert [log.get("event", log)["a"] for log in datadog.events] == [1, 2]
        assert datadog.events[0]["occurred_at"] == old.isoformat()

    def test_plain_text_becomes_a_message(self, datadog: Datadog, receiver: Receiver) -> None:
        self.sink(receiver).send(batch('a "quoted" line', content_type="text/plain"))

        assert datadog.events[0]["message"] == 'a "quoted" line'

    def test_a_full_batch_stays_below_the_limits(
        self, datadog: Datadog, receiver: Receiver
    ) -> None:
        sink = self.sink(receiver, tags=["x" * 100])
        most = sink.limits
        size = most.bytes // most.events - len(event(0, 0))

        sink.send(batch(*(event(0, size) for _ in range(most.events))))

        assert most.events == 1_000
        assert 4_900_000 < len(receiver.requests[0].body) <= 5_000_000

    def test_a_wrong_key_is_seen_by_sender_and_probe(self, receiver: Receiver) -> None:
        self.sink(receiver).probe()
        wrong = self.sink(receiver, api_key="env:WRONG")

        assert failure_of(wrong).cause == "access_denied"
        with pytest.raises(ConfigurationSinkError) as failure:
            wrong.probe()
        assert failure.value.cause == "bad_credentials"


class TestSumo:
    """The HTTP source."""

    def test_messages_arrive_line_by_line_under_their_category(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sumo = Sumo()
        with receiving(sumo) as receiver:
            monkeypatch.setenv("SUMO", receiver.url + sumo.path)
            sink = sink_of("sumo", url="env:SUMO", category="prod/workato", fields=["a=1", "b=2"])
            sink.probe()
            sink.send(batch(event(0), event(1, 65_000)))

        assert [json.loads(line)["number"] for line in sumo.events] == [0, 1]
        headers = receiver.requests[-1].headers
        assert (headers["x-sumo-category"], headers["x-sumo-fields"]) == ("prod/workato", "a=1,b=2")
        assert sink.limits.event_bytes < 65_536

    def test_an_address_that_is_no_longer_valid_is_not_repeated(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with receiving(Sumo()) as receiver:
            monkeypatch.setenv("SUMO", f"{receiver.url}/receiver/v1/http/0ldT0ken")
            sink = sink_of("sumo", url="env:SUMO")
            failure = failure_of(sink)
            with pytest.raises(ConfigurationSinkError):
                sink.probe()

        assert failure.cause == "bad_credentials"
        assert "0ldT0ken" not in str(failure) + failure.response


class TestLoki:
    """The push API."""

    @pytest.fixture
    def loki(self) -> Loki:
        return Loki()

    @pytest.fixture
    def receiver(self, loki: Loki) -> Iterator[Receiver]:
        with receiving(loki) as running:
            yield running

    def test_events_are_lines_of_streams_by_their_labels(
        self, loki: Loki, receiver: Receiver
    ) -> None:
        sink = sink_of(
            "loki",
            url=receiver.url,
            tenant="acme",
            label_columns=["event_kind", "environment"],
            metadata_columns=["event_id"],
        )
        at = datetime(2026, 3, 1, 0, 0, 0, 123456, tzinfo=UTC)

        sink.send(
            batch(
                event(0),
                event(1),
                event(2),
                times=[at] * 3,
                event_kind=["job", "activity", "job"],
                environment=["prod", None, "prod"],
            )
        )

        assert set(sink.needs) == {"occurred_at", "event_kind", "environment", "event_id"}
        prod = '{"environment": "prod", "event_kind": "job", "job": "trailhouse"}'
        assert loki.streams.keys() == {prod, '{"event_kind": "activity", "job": "trailhouse"}'}
        assert [line for _, line in loki.streams[prod]] == [event(0), event(2)]
        assert {when[:16] for when, _ in loki.streams[prod]} == {"1772323200123456"}
        assert list(loki.streams[prod].values())[1] == [{"event_id": "job:2"}]

    def test_events_that_look_the_same_stay_two(self, loki: Loki, receiver: Receiver) -> None:
        sink = sink_of("loki", url=receiver.url, tenant="acme")

        sink.send(batch("same", "same", content_type="text/plain"))

        assert loki.events == ["same", "same"]

    def test_a_repeat_leaves_no_trace(self, loki: Loki, receiver: Receiver) -> None:
        sink = sink_of("loki", url=f"{receiver.url}/loki/api/v1/push", tenant="acme")

        sink.send(batch(event(0), event(1)))
        sink.send(batch(event(0), event(1)))

        assert loki.events == [event(0), event(1)]

    def test_a_line_that_is_too_long_is_a_matter_of_the_payload(
        self, loki: Loki, receiver: Receiver
    ) -> None:
        failure = failure_of(
            sink_of("loki", url=receiver.url, tenant="acme"), event(0), event(1, 300_000)
        )

        assert isinstance(failure, PayloadSinkError)
        assert loki.events == [event(0)]

    def test_a_column_that_no_event_has_is_refused_by_name(self) -> None:
        with pytest.raises(ConfigurationSinkError, match=r"label_columns.*'event_knd'.*event_kind"):
            sink_of("loki", url="http://127.0.0.1", label_columns=["event_knd"])

    def test_a_wrong_tenant_is_seen_by_sender_and_probe(self, receiver: Receiver) -> None:
        sink_of("loki", url=receiver.url, tenant="acme").probe()
        wrong = sink_of("loki", url=receiver.url, tenant="other")

        assert failure_of(wrong).cause == "bad_credentials"
        with pytest.raises(ConfigurationSinkError):
            wrong.probe()


class TestElasticsearch:
    """The bulk API."""

    @pytest.fixture
    def elastic(self) -> Elasticsearch:
        return Elasticsearch()

    @pytest.fixture
    def receiver(self, elastic: Elasticsearch) -> Iterator[Receiver]:
        with receiving(elastic) as running:
            yield running

    def sink(self, receiver: Receiver, **fields: Any) -> Sink:
        more = {"url": receiver.url, "index": "workato-audit", "api_key": "env:ELASTIC"}
        return sink_of("elasticsearch", **more | fields)

    def test_documents_go_by_the_id_of_their_event_so_that_a_repeat_changes_nothing(
        self, elastic: Elasticsearch, receiver: Receiver
    ) -> None:
        sink = self.sink(receiver)
        sink.probe()

        first = sink.send(batch('{"a":1}', '{"@timestamp":"own"}', '"text"'))
        again = sink.send(batch('{"a":2}', "{}", "{}"))

        assert not {**first.refused, **again.refused, **first.retry, **again.retry}
        assert first.response == "200 3 written"
        assert again.response == "200 0 written, 3 were there already"
        assert elastic.documents == {
            "job:0": {"@timestamp": "2026-03-20T11:59:00+00:00", "a": 1},
            "job:1": {"@timestamp": "own"},
            "job:2": {"@timestamp": "2026-03-20T11:59:00+00:00", "message": "text"},
        }

    def test_documents_are_written_anew_where_the_settings_say_so(
        self, elastic: Elasticsearch, receiver: Receiver
    ) -> None:
        sink = self.sink(receiver, operation="index")

        sink.send(batch('{"a":1}'))
        again = sink.send(batch('{"a":2}'))

        assert again.response == "200 1 written"
        assert elastic.documents["job:0"]["a"] == 2

    def test_each_event_is_judged_by_its_own_answer(
        self, elastic: Elasticsearch, receiver: Receiver
    ) -> None:
        elastic.room = 2

        receipt = self.sink(receiver).send(
            batch("{}", '{"count":"many"}', "not json", '{"count":1}', "{}", "{}")
        )

        assert sorted(elastic.documents) == ["job:0", "job:3"]
        assert sorted(receipt.refused) == [1, 2]
        assert sorted(receipt.retry) == [4, 5]
        assert receipt.postponement.cause == "throttled"
        assert "document_parsing_exception" in receipt.refused[1]

    def test_a_full_queue_is_transient(self, elastic: Elasticsearch, receiver: Receiver) -> None:
        elastic.room = 0

        failure = failure_of(self.sink(receiver))

        assert (type(failure), failure.cause) == (TransientSinkError, "throttled")

    @pytest.mark.parametrize(
        ("block", "kind", "cause"),
        [
            pytest.param(
                (403, "index [a] blocked by: [FORBIDDEN/12/index read-only / allow delete (api)];"),
                TransientSinkError,
                "disk_full",
                id="full, as older versions tell it",
            ),
            pytest.param(
                (429, "index [a] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded …];"),
                TransientSinkError,
                "disk_full",
                id="full",
            ),
            pytest.param(
                (403, "index [a] blocked by: [FORBIDDEN/8/index write (api)];"),
                ConfigurationSinkError,
                "access_denied",
                id="closed to writers",
            ),
        ],
    )
    def test_a_full_disk_is_no_lack_of_rights(
        self,
        elastic: Elasticsearch,
        receiver: Receiver,
        block: tuple[int, str],
        kind: type[SinkError],
        cause: str,
    ) -> None:
        elastic.block = block

        failure = failure_of(self.sink(receiver))

        assert (type(failure), failure.cause) == (kind, cause)

    @pytest.mark.parametrize(
        ("fields", "cause"),
        [
            pytest.param({"api_key": "env:WRONG"}, "bad_credentials", id="key"),
            pytest.param({"index": "gone"}, "not_found", id="index"),
        ],
    )
    def test_a_wrong_setting_opens_the_breaker(
        self, receiver: Receiver, fields: dict[str, str], cause: str
    ) -> None:
        failure = failure_of(self.sink(receiver, **fields))

        assert (type(failure), failure.cause) == (ConfigurationSinkError, cause)

    @pytest.mark.parametrize(
        "body",
        ["{}", "proxy", '{"errors":true,"items":[]}', '{"errors":true,"items":[{"create":{}}]}'],
    )
    def test_an_answer_that_cannot_be_read_delivers_nothing(
        self, receiver: Receiver, body: str
    ) -> None:
        receiver.then(Answer(200, body))

        assert isinstance(failure_of(self.sink(receiver)), TransientSinkError)


class TestAzureMonitor:
    """The logs ingestion API."""

    @pytest.fixture
    def azure(self) -> AzureMonitor:
        return AzureMonitor()

    @pytest.fixture
    def receiver(self, azure: AzureMonitor) -> Iterator[Receiver]:
        with receiving(azure) as running:
            yield running

    def sink(self, receiver: Receiver, **fields: Any) -> Sink:
        more = {
            "endpoint": receiver.url,
            "authority_url": receiver.url,
            "rule_id": "dcr-0123",
            "stream": "Custom-Trailhouse",
            "tenant_id": "tenant-1",
            "client_id": "app-1",
            "client_secret": "env:AZURE",
        }
        return sink_of("azure_monitor", **more | fields)

    def test_rows_have_the_time_of_their_event_under_one_token(
        self, azure: AzureMonitor, receiver: Receiver
    ) -> None:
        sink = self.sink(receiver)
        sink.probe()

        sink.send(batch('{"a":1}', '{"TimeGenerated":"own"}'))
        sink.send(batch('{"a":2}'))

        assert azure.events == [
            {"TimeGenerated": "2026-03-20T11:59:00+00:00", "a": 1},
            {"TimeGenerated": "own"},
            {"TimeGenerated": "2026-03-20T11:59:00+00:00", "a": 2},
        ]
        assert len(azure.tokens) == 1

    def test_a_token_is_renewed_before_it_ends(
        self, azure: AzureMonitor, receiver: Receiver
    ) -> None:
        azure.token_seconds = 60
        sink = self.sink(receiver)

        sink.send(batch("{}"))
        sink.send(batch("{}"))

        assert len(azure.tokens) == 2

    def test_a_token_that_was_revoked_is_replaced_at_once(
        self, azure: AzureMonitor, receiver: Receiver
    ) -> None:
        sink = self.sink(receiver)
        sink.send(batch("{}"))
        azure.tokens.append("revoked")

        sink.send(batch("{}"))

        assert len(azure.events) == 2

    def test_an_expired_secret_is_told_but_not_shown(self, receiver: Receiver) -> None:
        failure = failure_of(self.sink(receiver, client_secret="env:WRONG"))

        assert (type(failure), failure.cause) == (ConfigurationSinkError, "bad_credentials")
        assert "expired" in str(failure)
        assert SECRETS["WRONG"] not in str(failure) + failure.response

    def test_a_missing_stream_is_no_fault_of_the_events(self, receiver: Receiver) -> None:
        failure = failure_of(self.sink(receiver, stream="Custom-Gone"))

        assert (type(failure), failure.cause) == (ConfigurationSinkError, "not_found")

    def test_a_full_batch_stays_below_the_limit(self, receiver: Receiver) -> None:
        sink = self.sink(receiver)
        most = sink.limits
        size = most.bytes // most.events - len(event(0, 0))

        sink.send(batch(*(event(0, size) for _ in range(most.events))))

        assert len(receiver.requests[-1].body) <= 1_048_576

"""The syslog sink against a real daemon, over TCP and TLS, and against receivers that go away."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from naughty import STRINGS, batch_of
from syslog_daemon import Syslog, syslog_ng

from pipelines.exports.template import READY
from pipelines.settings import load_settings
from pipelines.sinks.bodies import is_json
from pipelines.sinks.registry import open_sink
from pipelines.sinks.sink import (
    Batch,
    ConfigurationSinkError,
    Sink,
    SinkError,
    TransientSinkError,
)
from pipelines.sinks.syslog import _unacknowledged

NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)
FORGED = "\n<14>1 2026-03-20T12:00:00Z forged forged - - - forged"
NAUGHTY = [*STRINGS, FORGED, f"a{FORGED}", "9 <14>1 - - - -", "\x00", "a\r\nb", '"]x[y z="', "\\"]
WAYS = {
    "octets over TCP": {"port": "octets", "tls": False},
    "octets over TLS": {"port": "tls"},
    "lines over TCP": {"port": "tcp", "tls": False, "framing": "lines"},
}


@pytest.fixture(scope="module")
def syslog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Syslog]:
    """A real daemon."""
    yield from syslog_ng(tmp_path_factory.mktemp("syslog"))


def sink_of(**fields: Any) -> Sink:
    """A sink as the settings would give it."""
    table = {"name": "siem", "kind": "syslog", "host": "localhost", "timeout_seconds": 10}
    settings = load_settings(sink=(table | fields,))
    return open_sink(settings.sink[0], None)  # type: ignore[arg-type]


def sink_at(daemon: Syslog, way: str = "octets over TLS", **fields: Any) -> Sink:
    """A sink that speaks to the daemon in one of its ways."""
    own = dict(WAYS[way])
    own["port"] = daemon.ports[str(own["port"])]
    if own.get("tls", True):
        own["ca_file"] = str(daemon.ca_file)
    return sink_of(**own | fields)


def batch(*messages: str, content_type: str = "application/json", **columns: Any) -> Batch:
    """A batch of messages, one of them of a failure."""
    count = len(messages)
    facts: dict[str, list[Any]] = {
        "event_id": [f"job:{n}" for n in range(count)],
        "event_type": ["recipe_stopped"] * count,
        "occurred_at": [NOON + timedelta(microseconds=n) for n in range(count)],
        "outcome": ["failed"] + ["succeeded"] * (count - 1),
    }
    return Batch("siem", "5f" * 32, messages, facts | columns, content_type)


@pytest.mark.parametrize("way", WAYS)
def test_a_daemon_understands_every_field(syslog: Syslog, way: str) -> None:
    start = syslog.count()

    receipt = sink_at(syslog, way, hostname="acme").send(batch('{"a": 1}', '{"b": "ü"}'))

    first, second = syslog.wait_for(2, start)
    assert receipt.response == "2 messages read"
    assert first == {
        "priority": "108",
        "time": "2026-03-20T12:00:00.000000+00:00",
        "host": "acme",
        "app": "trailhouse",
        "kind": "recipe_stopped",
        "event_id": "job:0",
        "message": '{"a": 1}',
    }
    assert (second["priority"], second["message"]) == ("110", '{"b": "ü"}')
    assert second["time"] == "2026-03-20T12:00:00.000001+00:00"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
def test_naughty_strings_arrive_and_forge_nothing(
    syslog: Syslog, way: str, content_type: str
) -> None:
    start = syslog.count()
    is_json = content_type == "application/json"
    texts = [json.dumps({"n": t}, ensure_ascii=False) if is_json else f"|{t}|" for t in NAUGHTY]
    sent = batch(*texts, content_type=content_type, event_id=NAUGHTY, event_type=NAUGHTY)

    receipt = sink_at(syslog, way).send(sent)
    sink_at(syslog, way).send(batch('{"the": "last"}'))

    received = syslog.wait_for(len(NAUGHTY) + 1, start)
    assert not receipt.refused
    assert len(received) == len(NAUGHTY) + 1
    assert {one["app"] for one in received} == {"trailhouse"}
    messages = [one["message"] for one in received[:-1]]
    if is_json:
        assert [json.loads(message)["n"] for message in messages] == NAUGHTY
    else:
        assert messages == [f"|{escaped(text)}|" for text in NAUGHTY]


@pytest.mark.parametrize("template", READY)
def test_every_template_arrives_message_by_message(syslog: Syslog, template: str) -> None:
    start = syslog.count()
    sent = batch_of(template, NOON)

    receipt = sink_at(syslog, "octets over TCP", message_bytes=65_536).send(sent)

    received = syslog.wait_for(len(sent), start)
    as_sent = str if is_json(sent.content_type) else escaped
    assert not receipt.refused
    # a byte order mark at the beginning says that UTF-8 follows (RFC 5424, 6.4)
    told = [as_sent(text).removeprefix("\ufeff") for text in sent.messages]
    assert [one["message"] for one in received] == told


def escaped(text: str) -> str:
    """A text as it is shown on one line."""
    named = {"\n": "\\n", "\r": "\\r", "\t": "\t"}
    return "".join(
        named.get(letter, f"\\x{ord(letter):02x}") if ord(letter) in {*range(32), 127} else letter
        for letter in text
    )


def test_a_large_batch_arrives_whole_and_in_order(syslog: Syslog) -> None:
    start = syslog.count()
    texts = [json.dumps({"n": n, "padding": "x" * 500}) for n in range(5_000)]

    sink_at(syslog).send(batch(*texts))

    assert [one["message"] for one in syslog.wait_for(5_000, start)] == texts


def test_a_message_that_would_be_cut_is_refused_and_the_others_go(syslog: Syslog) -> None:
    start = syslog.count()
    sink = sink_at(syslog, message_bytes=1_000)

    receipt = sink.send(batch("1", "x" * 1_000, "\ud800", "4"))

    assert sink.limits.event_bytes == 1_000
    assert list(receipt.refused) == [1, 2]
    assert "message_bytes is 1,000" in receipt.refused[1]
    assert [one["message"] for one in syslog.wait_for(2, start)] == ["1", "4"]


def test_this_side_identifies_itself_where_the_receiver_wants_it(
    syslog: Syslog, tmp_path: Path
) -> None:
    start = syslog.count()
    file = tmp_path / "client.pem"
    syslog.client_ca.issue_cert("trailhouse").private_key_and_cert_chain_pem.write_to_path(
        str(file)
    )
    fields = {"port": syslog.ports["mutual"], "ca_file": str(syslog.ca_file)}

    sink_of(**fields, client_certificate_file=str(file)).send(batch("known"))
    failure = failure_of(sink_of(**fields))
    at_length = failure_of(sink_of(**fields), *["x" * 8_000] * 1_000)

    assert at_length.cause in {"tls", "network"}
    assert (type(failure), failure.cause) == (ConfigurationSinkError, "tls")
    assert [one["message"] for one in syslog.wait_for(1, start)] == ["known"]
    assert syslog.count() - start == 1


def test_a_probe_says_whether_the_receiver_is_there_and_sends_nothing(syslog: Syslog) -> None:
    start = syslog.count()

    sink_at(syslog).probe()
    sink_at(syslog, "octets over TCP").probe()
    with pytest.raises(TransientSinkError) as refused:
        sink_of(port=1, tls=False).probe()
    sink_at(syslog).send(batch("after"))

    assert refused.value.cause == "network"
    assert [one["message"] for one in syslog.wait_for(1, start)] == ["after"]


def test_a_certificate_of_nobody_we_know_is_not_spoken_to(syslog: Syslog, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))

    failure = failure_of(sink_at(syslog, ca_file=str(other)))

    assert (type(failure), failure.cause) == (ConfigurationSinkError, "tls")


def test_a_host_that_nobody_knows_is_told() -> None:
    failure = failure_of(sink_of(host="nobody.invalid", tls=False))

    assert (type(failure), failure.cause) == (ConfigurationSinkError, "dns")


def failure_of(sink: Sink, *messages: str) -> SinkError:
    """How sending fails."""
    with pytest.raises(SinkError) as failure:
        sink.send(batch(*(messages or ("{}",))))
    return failure.value


@contextmanager
def listening(treat: Callable[[socket.socket], None]) -> Iterator[int]:
    """A receiver on a free port that treats each connection so."""
    server = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                treat(connection)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


def test_a_receiver_that_dies_before_it_has_read_everything_has_not_got_it() -> None:
    def die(connection: socket.socket) -> None:
        connection.recv(10)
        # what the kernel does with a process that is killed with unread data
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    with listening(die) as port:
        failure = failure_of(sink_of(port=port, tls=False), "x" * 5_000)

    assert (type(failure), failure.cause) == (TransientSinkError, "network")


@pytest.mark.parametrize("size", [1, 5_000, 3_000_000])
def test_a_receiver_that_closes_at_once_has_not_got_it(size: int) -> None:
    with listening(socket.socket.close) as port:
        sink = sink_of(port=port, tls=False)
        messages = ["x" * min(size, 5_000)] * (size // 5_000 or 1)
        failures = [failure_of(sink, *messages) for _ in range(50)]

    assert {(type(failure), failure.cause) for failure in failures} == {
        (TransientSinkError, "network")
    }


def test_what_the_other_side_has_not_acknowledged_is_known() -> None:
    held: list[socket.socket] = []
    with listening(held.append) as port, socket.create_connection(("127.0.0.1", port)) as sender:
        sender.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                sender.send(bytes(1_000_000))

        assert _unacknowledged(sender) > 0


def test_a_receiver_that_reads_nothing_is_not_waited_for_without_end() -> None:
    held: list[socket.socket] = []
    with listening(held.append) as port:
        failure = failure_of(sink_of(port=port, tls=False, timeout_seconds=0.2))
        sent = sink_of(port=port, tls=False, await_close=False).send(batch("{}"))

    assert (type(failure), failure.cause) == (TransientSinkError, "timeout")
    assert "await_close" in str(failure)
    assert sent.response == "1 messages sent"


def test_over_tls_a_receiver_that_never_closes_need_not_be_waited_for(syslog: Syslog) -> None:
    start = syslog.count()

    receipt = sink_at(syslog, await_close=False).send(batch("{}"))

    assert receipt.response == "1 messages sent"
    assert len(syslog.wait_for(1, start)) == 1

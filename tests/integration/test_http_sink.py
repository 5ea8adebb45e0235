"""The HTTP sink against a real server: what is sent, and what each answer and failure means."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from receivers import Answer, Fault, Receiver, accept, receiving, server_context
from services import NOW

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

SECRET = "s3cret-t0ken"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that takes everything."""
    with receiving() as running:
        yield running


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", SECRET)


def sink_at(url: str, **fields: Any) -> Sink:
    """An HTTP sink as the settings would give it."""
    table = {"name": "web", "kind": "http", "url": url, "timeout_seconds": 5} | fields
    settings = load_settings(sink=(table,))
    return open_sink(settings.sink[0], None, clock=lambda: NOW)  # type: ignore[arg-type]


def batch(*messages: str, content_type: str = "application/json") -> Batch:
    """A batch of messages, with the facts that sinks may need."""
    count = len(messages)
    return Batch(
        sink="web",
        batch_id="5f" * 32,
        messages=messages,
        events={"event_id": [f"job:{n}" for n in range(count)], "occurred_at": [NOW] * count},
        content_type=content_type,
    )


def failure_of(sink: Sink, *messages: str) -> SinkError:
    """How sending fails."""
    with pytest.raises(SinkError) as failure:
        sink.send(batch(*(messages or ('{"a":1}',))))
    return failure.value


@pytest.mark.parametrize(
    ("form", "body", "content_type"),
    [
        pytest.param("lines", '{"a":1}\n{"b":  2}', "application/x-ndjson", id="lines"),
        pytest.param("array", '[{"a":1},{"b":  2}]', "application/json", id="array"),
    ],
)
def test_a_batch_is_one_request_that_a_receiver_can_recognise(
    receiver: Receiver, form: str, body: str, content_type: str
) -> None:
    sink = sink_at(f"{receiver.url}/in", format=form, headers={"X-Key": "env:TOKEN", "X-B": "b"})

    sink.send(batch('{"a":1}', '{"b":\r\n2}'))

    (request,) = receiver.requests
    assert (request.method, request.path, request.body.decode()) == ("POST", "/in", body)
    assert request.headers["content-type"] == content_type
    assert request.headers["idempotency-key"] == "5f" * 32
    assert (request.headers["x-key"], request.headers["x-b"]) == (SECRET, "b")


def test_a_sink_of_single_events_sends_each_as_it_was_rendered(receiver: Receiver) -> None:
    sink = sink_at(receiver.url, format="single", method="PUT", content_type="text/x-alert")

    sink.send(batch("line\nline", "two", content_type="text/plain"))

    assert [request.body for request in receiver.requests] == [b"line\nline", b"two"]
    assert {request.method for request in receiver.requests} == {"PUT"}
    assert {request.headers["content-type"] for request in receiver.requests} == {"text/x-alert"}


def test_a_single_event_is_known_again_in_another_batch(receiver: Receiver) -> None:
    sink = sink_at(receiver.url, format="single")
    first = batch("a", "a", "b")
    rest = Batch("web", "other", first.messages[1:], {"event_id": ["job:1", "job:2"]})

    sink.send(first)
    sink.send(rest)

    keys = [request.headers["idempotency-key"] for request in receiver.requests]
    assert len(set(keys[:3])) == 3
    assert keys[1:3] == keys[3:]


def test_of_single_events_the_refused_are_named_and_after_a_failure_all_wait(
    receiver: Receiver,
) -> None:
    receiver.then(Answer(200), Answer(422, "no"), Answer(200), Answer(503))

    receipt = sink_at(receiver.url, format="single").send(batch(*"abcde"))

    assert receipt.refused == {1: "422 no"}
    assert list(receipt.retry) == [3, 4]
    assert receipt.postponement.cause == "server_error"
    assert [request.body for request in receiver.requests] == [b"a", b"b", b"c", b"d"]


def test_single_events_of_which_the_first_fails_all_fail(receiver: Receiver) -> None:
    receiver.then(Answer(401))

    failure = failure_of(sink_at(receiver.url, format="single"), "a", "b")

    assert failure.cause == "bad_credentials"
    assert len(receiver.requests) == 1


def test_a_message_cannot_end_its_line_or_its_place_in_an_array(receiver: Receiver) -> None:
    forged = '{"a":1},{"forged":true}'
    array = sink_at(receiver.url, format="array")
    text = sink_at(receiver.url)

    receipt = array.send(batch('{"b":1}', forged, '{"c":1}'))
    text.send(batch("good", "bad\nforged\rline", content_type="text/plain"))

    assert list(receipt.refused) == [1]
    assert receiver.requests[0].json == [{"b": 1}, {"c": 1}]
    assert receiver.requests[1].lines == ["good", r"bad\nforged\rline"]


def test_when_no_message_can_be_sent_nothing_is(receiver: Receiver) -> None:
    receipt = sink_at(receiver.url, format="array").send(batch("{", "]"))

    assert list(receipt.refused) == [0, 1]
    assert receiver.requests == []


def test_line_breaks_within_quotes_of_csv_stay(receiver: Receiver) -> None:
    sink_at(receiver.url).send(batch('1,"two\nlines"', "2,b", content_type="text/csv"))

    assert receiver.requests[0].body == b'1,"two\nlines"\n2,b'


def test_a_compressed_body_is_the_same_bytes_each_time(receiver: Receiver) -> None:
    sink = sink_at(receiver.url, gzip=True)

    sink.send(batch("é" * 5_000))
    sink.send(batch("é" * 5_000))

    first, second = receiver.requests
    assert first.headers["content-encoding"] == "gzip"
    assert first.wire_bytes < 100
    assert first.body == second.body == ("é" * 5_000).encode()
    assert first.wire_bytes == second.wire_bytes


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        pytest.param({"bearer_token": "env:TOKEN"}, f"Bearer {SECRET}", id="bearer"),
        pytest.param(
            {"username": "ünal", "password": "env:TOKEN"},
            "Basic " + base64.b64encode(f"ünal:{SECRET}".encode()).decode(),
            id="basic",
        ),
    ],
)
def test_the_sink_says_who_it_is(receiver: Receiver, fields: dict[str, str], sent: str) -> None:
    sink_at(receiver.url, **fields).send(batch("{}"))

    assert receiver.requests[0].headers["authorization"] == sent


def test_a_receiver_can_check_the_signature_of_a_body(receiver: Receiver) -> None:
    sink_at(receiver.url, signing_secret="env:TOKEN", gzip=True).send(batch('{"a":"é"}'))

    (request,) = receiver.requests
    expected = hmac.new(SECRET.encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-signature-256"] == f"sha256={expected}"


def test_a_standard_webhook_is_signed_as_its_specification_shows(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = b"0123456789abcdef01234567"
    monkeypatch.setenv("KEY", "whsec_" + base64.b64encode(key).decode())
    sink = sink_at(receiver.url, signing_secret="env:KEY", signature="standard_webhooks")

    sink.send(batch("{}"))

    (request,) = receiver.requests
    name, at = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    digest = hmac.digest(key, f"{name}.{at}.{{}}".encode(), "sha256")
    assert (name, at) == ("5f" * 32, str(int(NOW.timestamp())))
    assert request.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize(
    ("status", "kind", "cause"),
    [
        (400, PayloadSinkError, "payload"),
        (401, ConfigurationSinkError, "bad_credentials"),
        (403, ConfigurationSinkError, "access_denied"),
        (404, ConfigurationSinkError, "not_found"),
        (405, ConfigurationSinkError, "wrong_answer"),
        (408, TransientSinkError, "timeout"),
        (409, TransientSinkError, "server_error"),
        (413, PayloadSinkError, "too_large"),
        (422, PayloadSinkError, "payload"),
        (425, TransientSinkError, "server_error"),
        (429, TransientSinkError, "throttled"),
        (451, ConfigurationSinkError, "wrong_answer"),
        (500, TransientSinkError, "server_error"),
        (503, TransientSinkError, "server_error"),
        (599, TransientSinkError, "server_error"),
    ],
)
def test_each_status_has_its_verdict(
    receiver: Receiver, status: int, kind: type[SinkError], cause: str
) -> None:
    receiver.then(Answer(status, "because"))

    failure = failure_of(sink_at(receiver.url))

    assert (type(failure), failure.cause) == (kind, cause)
    assert failure.response == f"{status} because"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        pytest.param("120", 120, id="seconds"),
        pytest.param("Fri, 20 Mar 2026 12:01:00 GMT", 60, id="a date"),
        pytest.param("Fri, 20 Mar 2026 11:00:00 GMT", 0, id="a date that is over"),
        pytest.param("99999999999", 7 * 86_400, id="longer than a week"),
        pytest.param("soon", None, id="no time at all"),
        pytest.param("Fri, 20 Mar 2026 12:01:00", None, id="a date without a zone"),
    ],
)
def test_the_time_that_the_receiver_asks_for_is_kept(
    receiver: Receiver, header: str, seconds: float | None
) -> None:
    receiver.then(Answer(429, headers={"Retry-After": header}))

    failure = failure_of(sink_at(receiver.url))

    assert isinstance(failure, TransientSinkError)
    assert failure.retry_after_seconds == seconds


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        pytest.param(Fault.DROP, "network", id="drops"),
        pytest.param(Fault.HANG, "timeout", id="takes it and says nothing"),
        pytest.param(Fault.DRIP, "timeout", id="never finishes its answer"),
    ],
)
def test_a_receiver_that_gives_no_answer_may_give_one_later(
    receiver: Receiver, fault: Fault, cause: str
) -> None:
    receiver.then(fault)

    failure = failure_of(sink_at(receiver.url, timeout_seconds=0.2))

    assert (type(failure), failure.cause) == (TransientSinkError, cause)
    assert len(receiver.requests) == 1


def test_after_a_failure_the_same_sink_delivers_again(receiver: Receiver) -> None:
    sink = sink_at(receiver.url)
    receiver.then(Fault.DROP)
    failure_of(sink)

    sink.send(batch("{}"))

    assert len(receiver.requests) == 2


def test_a_closed_port_is_transient() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    failure = failure_of(sink_at(f"http://127.0.0.1:{port}"))

    assert (type(failure), failure.cause) == (TransientSinkError, "network")


def test_a_name_that_nobody_knows_is_told_as_such() -> None:
    failure = failure_of(sink_at("http://no-such-host.invalid"))

    assert failure.cause == "dns"
    assert "no-such-host.invalid" in str(failure)


def test_an_answer_of_success_may_say_failure(receiver: Receiver) -> None:
    answers = ['{"ok":false}', '{"success":false}', '{"error":"quota"}', '{"errors":["quota"]}']
    sink = sink_at(receiver.url)

    for text in answers:
        receiver.then(Answer(200, text))
        failure = failure_of(sink)
        assert (type(failure), failure.cause) == (TransientSinkError, "wrong_answer")
    for text in ["ok", '{"ok":true,"error":null,"errors":[]}', "{", ""]:
        receiver.then(Answer(200, text))
        assert sink.send(batch("{}")).response == f"200 {text}".strip()
    receiver.then(Answer(200, answers[0]))
    sink_at(receiver.url, judge_answer=False).send(batch("{}"))


def test_a_cookie_of_the_service_is_shown_to_it_again(receiver: Receiver) -> None:
    # a service that is spread over several machines is found again by it
    sink = sink_at(receiver.url)
    receiver.then(Answer(200, headers={"Set-Cookie": "node=b7; Path=/"}))

    sink.send(batch("{}"))
    sink.send(batch("{}"))

    first, second = receiver.requests
    assert "cookie" not in first.headers
    assert second.headers["cookie"] == "node=b7"


def test_an_answer_that_is_packed_is_read(receiver: Receiver) -> None:
    sink = sink_at(receiver.url)
    packed = {"Content-Encoding": "gzip"}

    receiver.then(Answer(200, gzip.compress(b'{"ok":false}'), packed))
    said = failure_of(sink)
    receiver.then(Answer(200, b"no gzip", packed))
    broken = failure_of(sink)

    assert (said.cause, said.response) == ("wrong_answer", '200 {"ok":false}')
    assert (type(broken), broken.cause) == (TransientSinkError, "wrong_answer")
    assert "cannot be unpacked" in str(broken)


def test_an_address_beyond_ascii_is_encoded(receiver: Receiver) -> None:
    sink_at(f"{receiver.url}/über/50%25?q=ß").send(batch("{}"))

    (request,) = receiver.requests
    assert (request.path, request.query) == ("/%C3%BCber/50%25", {"q": "ß"})


def test_a_name_and_a_password_in_a_secret_address_are_sent_as_such(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACE", receiver.url.replace("//", "//me:p%40ss@"))

    sink_at("env:PLACE").send(batch("{}"))

    (request,) = receiver.requests
    assert base64.b64decode(request.headers["authorization"].split()[1]) == b"me:p@ss"


def test_a_proxy_gets_the_request_for_the_service(receiver: Receiver) -> None:
    sink_at("http://siem.invalid/in", proxy_url=receiver.url).send(batch("{}"))

    (request,) = receiver.requests
    assert (request.headers["host"], request.body) == ("siem.invalid", b"{}")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_within_the_host_is_followed_with_the_body(
    receiver: Receiver, status: int
) -> None:
    receiver.then(Answer(status, headers={"Location": "/new"}))

    sink_at(f"{receiver.url}/old").send(batch('{"a":1}'))

    old, new = receiver.requests
    assert (old.path, new.path, new.method, new.body) == ("/old", "/new", "POST", old.body)


def test_neither_events_nor_credentials_follow_a_redirect_to_another_host(
    receiver: Receiver,
) -> None:
    with receiving() as other:
        receiver.then(Answer(307, headers={"Location": f"{other.url}/new"}))

        failure = failure_of(sink_at(receiver.url, bearer_token="env:TOKEN"))

    assert (type(failure), failure.cause) == (ConfigurationSinkError, "redirect")
    assert other.url in str(failure)
    assert other.requests == []


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(303, headers={"Location": "/page"}), id="to a page"),
        pytest.param(Answer(304), id="to nowhere"),
        pytest.param(Answer(308, headers={"Location": "file:///etc/passwd"}), id="to a file"),
    ],
)
def test_other_redirects_are_refused(receiver: Receiver, answer: Answer) -> None:
    receiver.then(answer)

    assert failure_of(sink_at(receiver.url)).cause == "redirect"
    assert len(receiver.requests) == 1


def test_redirects_in_a_circle_end(receiver: Receiver) -> None:
    receiver.rule = lambda _: Answer(307, headers={"Location": "/again"})

    assert failure_of(sink_at(receiver.url)).cause == "redirect"
    assert len(receiver.requests) == 4


def test_a_secret_that_the_receiver_repeats_is_not_shown(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = base64.b64encode(f"me:{SECRET}".encode()).decode()
    receiver.rule = lambda request: Answer(
        401, f"unknown: {request.headers['authorization']}, {SECRET}"
    )

    monkeypatch.setenv("WHOLE", f"Bearer {SECRET}")

    for fields in (
        {"bearer_token": "env:TOKEN"},
        {"username": "me", "password": "env:TOKEN"},
        {"headers": {"Authorization": "env:WHOLE"}},
    ):
        failure = failure_of(sink_at(receiver.url, **fields))

        assert failure.cause == "bad_credentials"
        assert not {SECRET, pair} & {*failure.response.split(), *str(failure).split()}
        assert SECRET not in failure.response + str(failure) + repr(failure)


def test_an_address_that_is_a_secret_is_not_shown(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", f"{receiver.url}/hook/T0P")
    receiver.rule = lambda request: Answer(404, f"nothing at {request.path}")

    failure = failure_of(sink_at("env:HOOK"))

    assert receiver.requests[0].path == "/hook/T0P"
    assert "T0P" not in str(failure) + failure.response


@pytest.mark.parametrize("fields", [{"bearer_token": "env:NONE"}, {"ca_file": "/none.pem"}])
def test_a_sink_whose_secret_or_file_is_missing_is_broken_and_says_so(
    fields: dict[str, str],
) -> None:
    with pytest.raises(ConfigurationSinkError, match=r"NONE is not set|/none\.pem|ca_file"):
        sink_at("https://example.com", **fields)


@pytest.mark.parametrize("value", ["hunter2\nX-Forged: 1", "hünter2", "hunter2\x00"])
def test_a_secret_that_no_header_can_carry_is_not_shown(
    value: str, tmp_path: Path, receiver: Receiver
) -> None:
    path = tmp_path / "token"
    path.write_text(value)

    with pytest.raises(ConfigurationSinkError, match="Authorization") as failure:
        sink_at(receiver.url, bearer_token=f"file:{path}")

    assert "nter2" not in str(failure.value)
    assert failure.value.__cause__ is not None
    assert "nter2" not in str(failure.value.__cause__)


def test_neither_proxy_variables_nor_netrc_decide_where_events_go(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    sink_at(receiver.url).send(batch("{}"))

    assert "authorization" not in receiver.requests[0].headers


class TestTls:
    """Certificates: whom the sink trusts, and whom the server trusts."""

    ca = trustme.CA()

    def trusted(self, folder: Path) -> str:
        """The authority's file."""
        path = folder / "ca.pem"
        self.ca.cert_pem.write_to_path(path)
        return str(path)

    def test_a_server_of_the_named_authority_is_trusted(self, tmp_path: Path) -> None:
        with receiving(tls=server_context(self.ca)) as receiver:
            sink_at(receiver.url, ca_file=self.trusted(tmp_path)).send(batch("{}"))

            assert len(receiver.requests) == 1

    @pytest.mark.parametrize("name", [None, "other.example"])
    def test_no_other_is(self, tmp_path: Path, name: str | None) -> None:
        fields = {"ca_file": self.trusted(tmp_path)} if name else {}
        with receiving(tls=server_context(self.ca, name=name or "localhost")) as receiver:
            failure = failure_of(sink_at(receiver.url, **fields))

            assert (type(failure), failure.cause) == (ConfigurationSinkError, "tls")
            assert receiver.requests == []

    def test_a_server_without_tls_is_told_as_such(self, receiver: Receiver) -> None:
        failure = failure_of(sink_at(receiver.url.replace("http:", "https:")))

        assert (type(failure), failure.cause) == (ConfigurationSinkError, "tls")

    def test_a_server_that_wants_a_certificate_gets_it(self, tmp_path: Path) -> None:
        ours = trustme.CA()
        issued, both = ours.issue_cert("trailhouse"), tmp_path / "client.pem"
        issued.private_key_and_cert_chain_pem.write_to_path(both)
        context: ssl.SSLContext = server_context(self.ca, client_ca=ours)
        with receiving(accept, context) as receiver:
            ca = self.trusted(tmp_path)
            refused = failure_of(sink_at(receiver.url, ca_file=ca))
            sink_at(receiver.url, ca_file=ca, client_certificate_file=str(both)).send(batch("{}"))

            assert refused.cause == "tls"
            assert len(receiver.requests) == 1


class TestProbe:
    """Asking without sending."""

    @pytest.mark.parametrize("status", [200, 404, 405, 501])
    def test_an_answer_will_do(self, receiver: Receiver, status: int) -> None:
        receiver.then(Answer(status))

        sink_at(receiver.url).probe()

        assert [request.method for request in receiver.requests] == ["HEAD"]

    @pytest.mark.parametrize(
        ("status", "kind"),
        [(401, ConfigurationSinkError), (429, TransientSinkError), (503, TransientSinkError)],
    )
    def test_unless_it_holds_for_events_as_well(
        self, receiver: Receiver, status: int, kind: type[SinkError]
    ) -> None:
        receiver.then(Answer(status))

        with pytest.raises(kind):
            sink_at(receiver.url).probe()

    def test_an_address_of_its_own_must_be_well(self, receiver: Receiver) -> None:
        receiver.rule = lambda r: Answer(200 if r.path == "/health" else 500)

        sink_at(receiver.url, probe_url=f"{receiver.url}/health").probe()

        receiver.then(Answer(404))
        with pytest.raises(ConfigurationSinkError):
            sink_at(receiver.url, probe_url=f"{receiver.url}/health").probe()

    def test_it_does_not_wait_long(self, receiver: Receiver) -> None:
        receiver.then(Fault.HANG)

        with pytest.raises(TransientSinkError) as failure:
            sink_at(receiver.url, timeout_seconds=600).probe()

        assert failure.value.cause == "timeout"

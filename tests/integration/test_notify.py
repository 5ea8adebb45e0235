"""Notices by a real mail server and to a real webhook: who is told, how safely, and how often."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from mails import PASSWORD, USER, Mails, Security, mail_receiver
from receivers import Answer, receiving, server_context

from pipelines.errors import ConfigurationError
from pipelines.notify.channels import notify
from pipelines.notify.notice import Notice, NotToldError, PartlyToldError
from pipelines.settings import load_settings

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
ADMINS = ("ops@example.com", "ada@example.com")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def mails() -> Iterator[Mails]:
    """A mail server that takes everything, without TLS."""
    with mail_receiver() as running:
        yield running


def tell(
    mail: dict[str, Any] | None, *, chat: Any = None, admins: Any = ADMINS, **more: Any
) -> None:
    """Send a notice by these settings."""
    sink = {"name": "siem", "kind": "http", "url": "https://siem.example/", "admins": admins}
    tables = {name: table for name, table in (("mail", mail), ("chat", chat)) if table}
    facts: dict[str, Any] = {
        "sink": "siem",
        "state": "broken",
        "cause": "bad_credentials",
        "since": NOW - timedelta(hours=2),
        "waiting_events": 1234,
        "oldest_at": NOW - timedelta(days=3),
        "response": '401 {"error": "token expired"}',
    }
    notify(Notice(**(facts | more)), load_settings(sink=(sink,), **tables), lambda: NOW)


def table(mails: Mails, **more: Any) -> dict[str, Any]:
    """The `[mail]` table for a receiver."""
    common = {"smtp_host": "localhost", "smtp_port": mails.port, "smtp_from": "th@example.com"}
    return common | {"smtp_security": "none"} | more


def test_one_message_goes_to_all_admins_as_text_and_html(mails: Mails) -> None:
    tell(table(mails))

    (message,) = mails.received
    text, html = mails.bodies()
    assert mails.recipients == list(ADMINS)
    assert message["From"] == "Trailhouse <th@example.com>"
    assert message["To"] == ", ".join(ADMINS)
    assert message["Subject"] == "[Trailhouse] siem is broken: credentials refused"
    assert message["Date"].datetime == NOW
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "multipart/alternative"
    for body in (text, html):
        assert "1,234 events" in body
        assert "token expired" in body


def test_the_same_notice_has_the_same_id_and_another_state_the_same_thread(mails: Mails) -> None:
    for state in ("broken", "broken", "recovered"):
        tell(table(mails), state=state)

    first, again, recovered = mails.received
    assert first["Message-ID"] == again["Message-ID"] != recovered["Message-ID"]
    assert first["References"] == recovered["References"]


@pytest.mark.filterwarnings("ignore:Requiring AUTH while")  # it knows no TLS but STARTTLS
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_the_message_and_the_password_go_only_over_tls(
    security: Security, authority: trustme.CA, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", PASSWORD)
    context = server_context(authority)
    login = {"smtp_user": USER, "smtp_password": "env:SMTP_PASSWORD"}
    with mail_receiver(context, security=security, wants_login=True) as mails:
        tell(table(mails, smtp_security=security, smtp_ca_file=ca_file, **login))

        assert mails.encrypted == [True]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mail_server_whose_certificate_nobody_vouches_for_gets_nothing(
    security: Security, authority: trustme.CA
) -> None:
    with mail_receiver(server_context(authority), security=security) as mails:
        with pytest.raises(NotToldError, match="CERTIFICATE_VERIFY_FAILED"):
            tell(table(mails, smtp_security=security))

        assert mails.received == []


def test_a_mail_server_of_another_name_gets_nothing(authority: trustme.CA, ca_file: Path) -> None:
    context = server_context(authority, name="mail.elsewhere.example")
    with mail_receiver(context, security="starttls") as mails:
        with pytest.raises(NotToldError, match="Hostname mismatch"):
            tell(table(mails, smtp_security="starttls", smtp_ca_file=ca_file))

        assert mails.received == []


def test_a_mail_server_without_starttls_gets_nothing(mails: Mails) -> None:
    with pytest.raises(NotToldError, match="STARTTLS"):
        tell(table(mails, smtp_security="starttls"))

    assert mails.received == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH while")
def test_a_wrong_password_is_told_without_it(
    authority: trustme.CA, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "wrong-s3cret")
    login = {"smtp_user": USER, "smtp_password": "env:SMTP_PASSWORD"}
    with mail_receiver(server_context(authority), security="tls", wants_login=True) as mails:
        with pytest.raises(NotToldError, match="535") as refused:
            tell(table(mails, smtp_security="tls", smtp_ca_file=ca_file, **login))

        assert mails.received == []
    assert "wrong-s3cret" not in str(refused.value)


def test_a_mail_server_that_is_away_or_busy_is_told_by_name(mails: Mails) -> None:
    mails.down = True

    with pytest.raises(NotToldError, match=f"localhost:{mails.port}.*451 try later"):
        tell(table(mails))
    with pytest.raises(NotToldError, match=r"localhost:1 .*ConnectionRefusedError"):
        tell(table(mails, smtp_port=1))


def test_who_cannot_be_reached_is_named_and_the_others_get_it_once(mails: Mails) -> None:
    mails.refuses = {"ada@example.com"}

    with pytest.raises(PartlyToldError, match=r"ada@example\.com: 550 no such mailbox"):
        tell(table(mails))

    assert mails.recipients == ["ops@example.com"]


def test_when_nobody_can_be_reached_nobody_was_told(mails: Mails) -> None:
    mails.refuses = set(ADMINS)

    with pytest.raises(NotToldError, match="550 no such mailbox"):
        tell(table(mails))


def test_a_sink_whom_nobody_looks_after_is_not_passed_over_in_silence() -> None:
    with pytest.raises(NotToldError, match="nobody is told that sink 'siem' is broken"):
        tell(None, admins=())


@pytest.mark.parametrize("kind", ["slack", "teams"])
def test_a_chat_is_told_as_well(kind: str, mails: Mails, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as chat:
        monkeypatch.setenv("WEBHOOK", f"{chat.url}/services/T0/s3cret")
        tell(table(mails), chat={"url": "env:WEBHOOK", "template": kind})

    (request,) = chat.requests
    assert request.path == "/services/T0/s3cret"
    assert request.headers["content-type"] == "application/json"
    assert "siem is broken: credentials refused" in json.dumps(request.json)
    assert len(mails.received) == 1


@pytest.mark.parametrize(
    "answer", [Answer(403, "no_service"), Answer(200, '{"ok": false}'), Answer(400, "invalid")]
)
def test_a_chat_that_refuses_is_told_without_its_address_and_the_mail_is_not_repeated(
    answer: Answer, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving(lambda _: answer) as chat:
        monkeypatch.setenv("WEBHOOK", f"{chat.url}/services/T0/s3cret")
        with pytest.raises(PartlyToldError, match="chat: ") as refused:
            tell(table(mails), chat={"url": "env:WEBHOOK"})

    assert "s3cret" not in str(refused.value)
    assert len(mails.received) == 1


def test_a_chat_stands_in_for_a_mail_server_that_is_away(
    mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    mails.down = True
    with receiving() as chat:
        monkeypatch.setenv("WEBHOOK", chat.url)
        with pytest.raises(PartlyToldError, match="451"):
            tell(table(mails), chat={"url": "env:WEBHOOK"})

    assert len(chat.requests) == 1


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        pytest.param({"mail": {"smtp_host": "m"}}, "mail.smtp_from", id="no sender"),
        pytest.param(
            {"mail": {"smtp_host": "m", "smtp_from": "a@b", "smtp_user": "u"}},
            "belong together",
            id="no password",
        ),
        pytest.param(
            {
                "mail": {
                    "smtp_host": "m",
                    "smtp_from": "a@b",
                    "smtp_user": "u",
                    "smtp_password": "env:P",
                    "smtp_security": "none",
                }
            },
            "would show the password",
            id="password without TLS",
        ),
        pytest.param(
            {"sink": [{"name": "a", "kind": "http", "url": "http://x", "admins": ["a@b"]}]},
            "sink 'a' has admins, but there is no mail server",
            id="nobody carries it",
        ),
        pytest.param({"mail": {"smtp_hots": "m"}}, "mail.smtp_hots.*known:.*smtp_host", id="name"),
    ],
)
def test_settings_that_could_not_work_are_refused(tables: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        load_settings(**tables)


@pytest.mark.parametrize(
    "tables",
    [
        {"mail": {"smtp_host": "m", "smtp_from": "a@b", "smtp_password": "hunter2"}},
        {"mail": {"smtp_host": "m", "smtp_from": "a@b", "smtp_pass": "hunter2"}},
        {"chat": {"url": "https://hooks.example/hunter2"}},
    ],
)
def test_a_secret_that_stands_where_a_reference_belongs_is_not_repeated(
    tables: dict[str, Any],
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_settings(**tables)

    assert "hunter2" not in str(refused.value)


def test_a_file_of_authorities_that_is_none_is_told(mails: Mails, tmp_path: Path) -> None:
    wrong = tmp_path / "ca.pem"
    wrong.write_text("nothing")

    with pytest.raises(NotToldError, match=f"mail.smtp_ca_file {wrong}"):
        tell(table(mails, smtp_security="starttls", smtp_ca_file=wrong))

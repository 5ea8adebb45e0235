"""Settings of sinks: a wrong one is refused by name, and no secret is ever repeated."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from pipelines.errors import ConfigurationError
from pipelines.exports.ledger import ledger_url
from pipelines.settings import load_settings
from pipelines.sinks.http_settings import origin
from pipelines.sinks.registry import KINDS
from pipelines.sinks.settings import LIMITS, limits_of
from pipelines.sinks.sink import Limits

WEB = 'name = "web"\nkind = "http"\nurl = "https://example.com/in"\n'


def write(*tables: str) -> None:
    """Write the settings file of the working folder, which is the test's own."""
    Path("trailhouse.toml").write_text("".join(f"[[sink]]\n{table}\n" for table in tables))


def refusal() -> str:
    """Why the settings are refused."""
    with pytest.raises(ConfigurationError) as failure:
        load_settings()
    return str(failure.value)


def test_a_table_names_its_kind_and_needs_little_more() -> None:
    write(WEB, 'name = "logs"\nkind = "loki"\nurl = "https://logs.example.com"')

    web, logs = load_settings().sink

    assert (web.name, web.kind, web.enabled, web.start) == ("web", "http", True, "now")
    assert (web.template, web.detail, web.give_up_after_days) == ("workato", "full", 7)
    assert (logs.name, logs.kind) == ("logs", "loki")


def test_every_common_setting_can_be_set() -> None:
    write(
        WEB
        + """
        enabled = false
        start = "beginning"
        template = "ecs"
        template_by_kind = { job = "cef" }
        kinds = ["activity", "job"]
        event_types = ["user_login"]
        resource_types = ["Flow"]
        workspaces = ["1"]
        environments = ["production"]
        failed_jobs_only = true
        where = "actor_email like '%@example.com'"
        detail = "status"
        mask = [{ field = "actor_email", action = "hash" }]
        batch_events = 10
        batch_bytes = 1000
        give_up_after_days = 3
        admins = ["ops@example.com"]

        [mail]
        smtp_host = "mail.example.com"
        smtp_from = "trailhouse@example.com"
        """
    )

    (web,) = load_settings().sink

    assert web.template_by_kind == {"job": "cef"}
    assert [(mask.field, mask.action) for mask in web.mask] == [("actor_email", "hash")]
    assert web.limits() == Limits(events=10, bytes=1_000, event_bytes=10_000_000)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        pytest.param('name = "web"\nkind = "htp"', ["'htp'", "'splunk_hec'"], id="kind"),
        pytest.param('name = "web"\nkind = "http"', ["url", "required"], id="no url"),
        pytest.param(WEB + "methd = 1", ["methd", "unknown", "method"], id="misspelt"),
        pytest.param(WEB + 'kinds = ["jobs"]', ["kinds", "'activity', 'job'"], id="event kind"),
        pytest.param(WEB + 'mask = [{field = "a", action = "no"}]', ["action", "hash"], id="mask"),
        pytest.param(WEB + 'admins = ["a, b@c"]', ["admins"], id="address"),
        pytest.param(WEB + "batch_events = 10001", ["batch_events", "10,000"], id="too many"),
        pytest.param(WEB + "batch_bytes = 99999999", ["batch_bytes", "10,000,000"], id="bytes"),
        pytest.param(WEB.replace('"web"', '"We b"'), ["name", "'We b'"], id="name"),
        pytest.param(WEB + 'username = "me"', ["username", "password"], id="half a login"),
        pytest.param(WEB + 'headers = {"a b" = "c"}', ["'a b'", "header"], id="header's name"),
        pytest.param(WEB + 'headers = {a = "b\\r\\nc: d"}', ["'a'", "header"], id="header"),
        *(
            pytest.param(
                f'{WEB}headers = {{ {name} = "Bearer hunter2" }}',
                [f"'{name}'", f'{name} = "env:NAME"'],
                id=f"a plain {name}",
            )
            for name in (
                "Authorization",
                "proxy-authorization",
                "Cookie",
                "X-Api-Key",
                "api-key",
                "DD-API-KEY",
                "X-Auth-Token",
                "Ocp-Apim-Subscription-Key",
            )
        ),
        pytest.param(WEB.replace("https", "ftp"), ["url"], id="scheme"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(table: str, told: list[str]) -> None:
    write(table)

    message = refusal()

    assert all(text in message for text in told), message


@pytest.mark.parametrize(
    "line",
    [
        pytest.param('bearer_token = "hunter2"', id="where a reference belongs"),
        pytest.param("bearer_token = ['hunter2']", id="in a list"),
        pytest.param('headers = { X-Api-Key = "hunter2" }', id="in a header"),
        pytest.param('tokn = "hunter2"', id="under a name that is unknown"),
        pytest.param('url = "https://me:hunter2@example.com"', id="in an address"),
        pytest.param('kind = "splunk_hec"\nsource = "hunter2"', id="beside a missing setting"),
    ],
)
def test_a_secret_in_the_wrong_place_is_not_repeated(line: str) -> None:
    name = line.partition(" ")[0]
    write("\n".join(row for row in WEB.splitlines() if not row.startswith(name)) + f"\n{line}")

    message = refusal()

    assert "hunter2" not in message
    assert "trailhouse.toml" in message


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h:443/a?b", "https://h"),
        ("HTTPS://H", "https://h"),
        ("https://me:hunter2@h:443", "https://h"),
        ("http://[::1]:80/", "http://[::1]"),
        ("http://h:443", "http://h:443"),
        ("https://h:4430", "https://h:4430"),
    ],
)
def test_an_origin_reads_the_same_with_its_own_port(url: str, shown: str) -> None:
    assert origin(url) == shown


def test_settings_as_shown_have_references_and_no_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOKEN", "hunter2")
    write(WEB + 'bearer_token = "env:TOKEN"')

    settings = load_settings()

    assert settings.shown()["sink"][0]["bearer_token"] == "env:TOKEN"
    assert "hunter2" not in f"{settings!r}{settings.shown()}"


def test_two_sinks_cannot_share_a_ledger_entry() -> None:
    write(WEB, WEB)

    assert "two sinks are named 'web'" in refusal()


def test_a_variable_holds_sinks_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAILHOUSE_SINK", '[{"name":"a","kind":"http","url":"http://x/"}]')
    assert [sink.name for sink in load_settings().sink] == ["a"]

    monkeypatch.setenv("TRAILHOUSE_SINK", "[")
    assert "TRAILHOUSE_SINK: not valid JSON" in refusal()


def test_every_kind_has_its_limits_with_their_source() -> None:
    with LIMITS.open(encoding="utf-8", newline="") as file:
        listed = {row["kind"]: row for row in csv.DictReader(file)}

    assert listed.keys() == KINDS.keys()
    for kind, row in listed.items():
        limits = limits_of(kind)
        assert row["source"].startswith("https://"), kind
        assert row["note"], kind
        assert 0 < limits.event_bytes <= limits.bytes, kind


def test_envelopes_leave_room_for_the_messages() -> None:
    write('name = "s"\nkind = "splunk_hec"\nurl = "https://x"\ntoken = "env:T"')
    (sink,) = load_settings().sink

    limits = sink.limits(envelope_bytes=200)

    assert limits.events * 200 + limits.bytes <= 1_000_000
    assert limits.bytes >= 750_000


@pytest.mark.parametrize("folder", ["here", "there"])
def test_the_ledger_of_a_lake_on_s3_lies_beside_the_settings_wherever_one_works(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config" / "trailhouse.toml"
    for path in (config.parent, tmp_path / "here", tmp_path / "there"):
        path.mkdir()
    config.write_text('lake_url = "s3://bucket/lake"\n')
    monkeypatch.setenv("TRAILHOUSE_CONFIG", "../config/trailhouse.toml")
    monkeypatch.chdir(tmp_path / folder)

    found = ledger_url(load_settings())

    assert Path(found.removeprefix("sqlite:///")).resolve() == (
        config.parent / ".trailhouse" / "ledger.sqlite"
    )

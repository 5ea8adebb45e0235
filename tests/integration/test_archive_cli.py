"""Archive commands: what they print and record, what they refuse, and that keys stay hidden."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import stat
from collections.abc import Callable
from getpass import getuser
from pathlib import Path
from typing import Any

import pytest
from lakes import activity, encode, job, lake_at, run_load
from typer.testing import CliRunner, Result

from pipelines.archive.keys import make_key
from pipelines.cli.main import app
from pipelines.errors import TrailhouseError

DAY, LAST = "2020-02-03", "2020-02-05"
"""The only day with events, long enough ago for a retention to pass; the last that is sealed."""
CASE = ("--reason", "Case 14", "--owner", "Legal")
Archive = Callable[..., Result]


def run(*arguments: str, answer: str | None = None) -> Result:
    """Run one command of the archive on the lake of the settings."""
    return CliRunner().invoke(app, ["archive", *arguments], input=answer)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key, and a lake of which three days are sealed."""
    folder = tmp_path_factory.mktemp("sealed")
    stopped = activity(timestamp=f"{DAY} 09:15:27 UTC")
    ran = job(started_at=f"{DAY}T09:20:05Z", completed_at=f"{DAY}T09:20:07Z")
    (folder / "events.ndjson").write_bytes(encode(stopped) + b"\n" + encode(ran))
    run_load(lake_at(folder / "lake"), [folder / "events.ndjson"])
    make_key(folder / "seal.pem")
    with pytest.MonkeyPatch.context() as patch:
        use(folder, patch)
        done = run("seal", "--to", LAST, "--by", "night shift")
    assert done.exit_code == 0, done.output
    return folder


def use(folder: Path, patch: pytest.MonkeyPatch, retention: str = "[]") -> None:
    """Have commands work on the lake and the key of a folder."""
    patch.setenv("TRAILHOUSE_LAKE_URL", str(folder / "lake"))
    patch.setenv("TRAILHOUSE_ARCHIVE__SIGNING_KEY", f"file:{folder / 'seal.pem'}")
    patch.setenv("TRAILHOUSE_ARCHIVE__RETENTION", retention)


@pytest.fixture
def archive(sealed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the lake and its archive, on which commands work."""
    shutil.copytree(sealed, tmp_path / "copy")
    use(tmp_path / "copy", monkeypatch)
    return tmp_path / "copy"


def told(*arguments: str) -> str:
    """What a command prints that succeeds."""
    done = run(*arguments)
    assert done.exit_code == 0, f"{done.output}{done.exception!r}"
    return done.stdout


def facts(*arguments: str) -> list[dict[str, Any]]:
    """The JSON array that a command prints."""
    found = json.loads(told(*arguments, "--json"))
    assert isinstance(found, list)
    return found


def refused(*arguments: str, answer: str | None = None) -> str:
    """Why a command refuses to go on."""
    done = run(*arguments, answer=answer)
    assert isinstance(done.exception, TrailhouseError | SystemExit), done.output
    assert isinstance(done.exception, TrailhouseError) or done.exit_code == 2
    assert done.stdout == ""
    return f"{done.exception}{done.stderr}"


def test_a_key_is_made_for_its_owner_alone_and_shows_its_public_half(tmp_path: Path) -> None:
    done = told("keygen", str(tmp_path / "new.pem"))

    private, public = tmp_path / "new.pem", tmp_path / "new.pub.pem"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert "PUBLIC KEY" in public.read_text()
    assert re.search(r"[0-9a-f]{64}", done)
    secret = private.read_text().splitlines()[1]
    assert secret not in done + public.read_text()


@pytest.mark.parametrize("taken", ["new.pem", "new.pub.pem"])
def test_a_key_is_never_written_over_another_file(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).write_text("mine")

    message = refused("keygen", str(tmp_path / "new.pem"))

    assert taken in message
    assert (tmp_path / taken).read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == [taken]


@pytest.mark.usefixtures("archive")
def test_sealing_again_seals_nothing_twice() -> None:
    before = told("list", "--log")

    assert "Nothing to seal" in told("seal", "--to", LAST)
    assert facts("seal", "--to", LAST) == []
    assert told("list", "--log") == before


@pytest.mark.usefixtures("archive")
def test_sealing_goes_on_with_the_next_days_and_says_which() -> None:
    done = facts("seal", "--to", "2020-02-06")

    assert {(day["table"], day["event_date"], day["rows"]) for day in done} == {
        (table, "2020-02-06", 0) for table in ("activity", "jobs", "job_steps")
    }


@pytest.mark.usefixtures("archive")
def test_a_day_that_is_not_closed_is_refused() -> None:
    assert "not closed" in refused("seal", "--to", "2126-01-01")


@pytest.mark.usefixtures("archive")
def test_the_list_sums_up_each_table_and_environment() -> None:
    streams = {(one["table"], one["environment"]): one for one in facts("list")}

    assert streams.keys() == {("activity", None), ("jobs", "prod"), ("job_steps", "prod")}
    one = streams["activity", None]
    assert (one["first_day"], one["last_day"]) == (DAY, LAST)
    assert (one["days"], one["empty_days"], one["rows"]) == (3, 2, 1)
    assert "activity" in told("list")


@pytest.mark.usefixtures("archive")
def test_the_list_of_days_is_narrowed_by_each_of_its_options() -> None:
    def days(*options: str) -> set[tuple[object, object]]:
        return {(one["table"], one["event_date"]) for one in facts("list", "--days", *options)}

    assert len(days()) == 9
    assert days("--table", "jobs") == {("jobs", f"2020-02-0{day}") for day in (3, 4, 5)}
    assert days("--environment", "prod", "--from", LAST) == {("jobs", LAST), ("job_steps", LAST)}
    assert days("--table", "activity", "--to", DAY) == {("activity", DAY)}
    assert days("--table", "no such table") == set()


@pytest.mark.usefixtures("archive")
def test_the_log_names_who_did_what_in_order() -> None:
    told("hold", "add", *CASE)

    acts = facts("list", "--log")

    assert [one["index"] for one in acts] == list(range(11))
    assert [one["kind"] for one in acts] == ["key", *["seal"] * 9, "hold"]
    assert acts[1]["by"] == "night shift"
    assert acts[-1]["by"] == getuser()
    assert "Case 14" in told("list", "--log")


def test_show_writes_the_bytes_that_the_next_entry_names(archive: Path) -> None:
    raw = run("show", "4", "--raw").stdout_bytes

    assert raw == (archive / "lake" / "archive" / "log" / "00000004.json").read_bytes()
    following = json.loads(told("show", "5", "--json"))
    assert following["previous"] == hashlib.sha256(raw).hexdigest()
    assert json.loads(told("show", "4", "--json"))["digest"] == following["previous"]


@pytest.mark.usefixtures("archive")
def test_show_tells_people_what_a_manifest_says() -> None:
    (day,) = (one for one in facts("list", "--days", "--table", "activity") if one["rows"])

    shown = told("show", str(day["entry"]))

    for word in ("recipe_stopped: 1", "activity", str(day["root"]), ".parquet", "signed by"):
        assert word in shown


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("show", "11"), id="entry"),
        pytest.param(("list", "--days", "--log"), id="both"),
        pytest.param(("list", "--from", LAST, "--to", DAY), id="reversed"),
        pytest.param(("hold", "add", "--reason", "x"), id="no-owner"),
        pytest.param(("hold", "add", "--reason", "", "--owner", "x"), id="no-reason"),
        pytest.param(("hold", "add", *CASE, "--table", "no_such_table"), id="table"),
        pytest.param(("hold", "release", "abc", *CASE), id="no-hold"),
        pytest.param(("trim", "--to", DAY, *CASE, "--table", "no_such_table"), id="trim"),
        pytest.param(("limit", "--years", "1", *CASE, "--table", "no_such_table"), id="limit"),
        pytest.param(("limit", "--years", "1", "--reason", " ", "--owner", "x"), id="why-limit"),
        pytest.param(("anchor",), id="no-witness"),
        pytest.param(("key", "rotate", "--to", "file:no.pem"), id="no-key"),
        pytest.param(("delete", "--reason", " "), id="no-reason-to-delete"),
    ],
)
def test_a_wrong_call_is_refused_and_records_nothing(
    archive: Path, arguments: tuple[str, ...]
) -> None:
    before = sorted((archive / "lake" / "archive" / "log").iterdir())

    assert refused(*arguments)

    assert sorted((archive / "lake" / "archive" / "log").iterdir()) == before


@pytest.mark.usefixtures("archive")
def test_a_hold_stands_until_it_is_released() -> None:
    hold = json.loads(told("hold", "add", *CASE, "--table", "jobs", "--json"))

    assert [one["hold_id"] for one in facts("hold", "list")] == [hold["hold_id"]]
    assert "Case 14" in told("hold", "list")
    assert f"held: {hold['hold_id']}" in told("list", "--days", "--table", "jobs")
    assert "held" not in told("list", "--days", "--table", "activity")

    told("hold", "release", hold["hold_id"][:6], "--reason", "Closed", "--owner", "Legal")

    assert facts("hold", "list") == []


@pytest.mark.usefixtures("archive")
def test_a_hold_says_at_once_what_it_covers() -> None:
    found = told("hold", "add", *CASE, "--environment", "prod", "--from", DAY, "--to", DAY)
    missed = told("hold", "add", *CASE, "--environment", "Prod")
    without = told("hold", "add", *CASE, "--environment", "", "--from", DAY, "--to", DAY)

    assert "covers 2 seals: job_steps prod, jobs prod." in found
    assert "covers 0 seals." in missed
    assert "covers 1 seals: activity." in without
    assert {one["table"] for one in facts("list", "--environment", "")} >= {"activity"}
    assert {one["environment"] for one in facts("list", "--environment", "")} == {None}
    assert "(none)" in told("hold", "list")


@pytest.mark.usefixtures("archive")
def test_what_was_limited_and_trimmed_stands_in_the_log() -> None:
    told("limit", "--years", "7", "--table", "jobs", "--environment", "", *CASE)
    told("trim", "--to", DAY, "--table", "jobs", *CASE)

    acts = told("list", "--log")

    assert "jobs, no environment: 7 years" in acts
    assert f"the lake lacks jobs up to {DAY}" in acts


def test_a_sealing_tells_the_witnesses_as_the_schedule_does(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAILHOUSE_ARCHIVE__ANCHOR_URLS", f'["{tmp_path / "witness"}"]')
    newest = facts("list", "--log")[-1]["index"]

    said = told("seal", "--to", LAST)

    assert f"knows of entry {newest}." in said
    assert (tmp_path / "witness" / "log" / f"{newest:08d}.json").exists()
    assert facts("list", "--log")[-1]["kind"] == "anchor"
    assert facts("seal", "--to", LAST) == []


def test_a_copy_of_the_log_that_lacks_a_hold_is_not_shown(archive: Path) -> None:
    """Who may write the lake, and nothing else, could hide it so."""
    told("hold", "add", *CASE)
    (*_, newest) = sorted((archive / "lake" / "archive_log").iterdir())
    newest.unlink()

    for command in (("hold", "list"), ("list",), ("show", "1"), ("due",), ("key", "list")):
        assert "lacks the newest 1 entries" in refused(*command)
    told("hold", "add", *CASE)
    assert "Standing holds: 2" in told("hold", "list")


def test_a_copy_of_the_log_that_was_written_anew_is_not_shown(archive: Path) -> None:
    told("hold", "add", *CASE)
    (*_, newest) = sorted((archive / "lake" / "archive_log").iterdir())
    newest.write_bytes(newest.read_bytes().replace(b'"Case', b'"Pace'))

    assert "has another entry" in refused("hold", "list")


@pytest.fixture
def expired(archive: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive whose jobs and steps are to be kept for one year, and all else for ever."""
    rules = [{"table": name, "environment": "*", "years": 1} for name in ("jobs", "job_steps")]
    use(archive, monkeypatch, json.dumps(rules))
    assert facts("due") == [], "what was sealed to be kept for ever is, whatever rule came later"
    for name in ("jobs", "job_steps"):
        told("limit", "--years", "1", "--table", name, *CASE)
    return archive


def parquet(archive: Path, table: str) -> list[Path]:
    return sorted((archive / "lake" / "archive" / table).rglob("*.parquet"))


def test_what_has_expired_is_listed_as_due_and_stays(expired: Path) -> None:
    assert {(one["table"], one["event_date"]) for one in facts("due")} == {
        ("jobs", DAY),
        ("job_steps", DAY),
    }
    assert facts("due", "--to", "2020-02-02") == []
    assert [one["table"] for one in facts("due", "--table", "jobs")] == ["jobs"]
    assert "Due: 2 seals, 0 of them held" in told("due")
    assert parquet(expired, "jobs") != []


@pytest.mark.parametrize("answer", [pytest.param("n\n", id="no"), pytest.param("", id="nobody")])
def test_nothing_is_deleted_without_a_yes(expired: Path, answer: str) -> None:
    before = parquet(expired, "jobs")

    message = refused("delete", "--reason", "Expired", answer=answer)

    assert "nothing was deleted" in message
    assert parquet(expired, "jobs") == before != []
    assert {one["kind"] for one in facts("list", "--log")} == {"key", "seal", "limit"}


def test_a_deletion_takes_what_is_due_and_says_so_in_the_log(expired: Path) -> None:
    kept = parquet(expired, "activity")

    done = json.loads(told("delete", "--reason", "Expired", "--yes", "--json"))

    assert parquet(expired, "jobs") == []
    assert parquet(expired, "activity") == kept
    last = facts("list", "--log")[-1]
    assert (last["kind"], last["reason"], last["paths"]) == ("delete", "Expired", done["paths"])
    assert facts("due") == []
    assert "deleted" in told("list", "--days", "--table", "jobs")
    assert "Nothing is due" in told("delete", "--reason", "again", "--yes")


def test_what_is_held_is_not_deleted(expired: Path) -> None:
    told("hold", "add", *CASE, "--table", "jobs")

    told("delete", "--reason", "Expired", "--yes")

    assert len(parquet(expired, "jobs")) == 1
    assert parquet(expired, "job_steps") == []
    assert [(one["table"], len(one["holds"])) for one in facts("due")] == [("jobs", 1)]


def test_after_a_rotation_only_the_new_key_signs(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = archive / "new.pem"
    told("keygen", str(new))

    told("key", "rotate", "--to", f"file:{new}")

    first, second = facts("key", "list")
    assert (first["retired_by"], second["added_by"], second["retired_by"]) == (10, 10, None)
    assert "the archive is signed with" in refused("hold", "add", *CASE)
    monkeypatch.setenv("TRAILHOUSE_ARCHIVE__SIGNING_KEY", f"file:{new}")
    told("hold", "add", *CASE)
    assert run("verify").exit_code == 0


def test_an_anchor_is_left_where_the_settings_say(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = archive / "elsewhere"
    monkeypatch.setenv("TRAILHOUSE_ARCHIVE__ANCHOR_URLS", json.dumps([str(elsewhere)]))

    (told_of,) = facts("anchor")
    again = facts("anchor")

    entry = archive / "lake" / "archive" / "log" / "00000009.json"
    assert (told_of["entry"], told_of["where"]) == (9, str(elsewhere))
    assert (elsewhere / "log" / entry.name).read_bytes() == entry.read_bytes()
    assert again == []


@pytest.mark.parametrize(
    ("key", "words"),
    [
        pytest.param(None, ["archive.signing_key"], id="none"),
        pytest.param("seal.pem", ["archive.signing_key", "file:"], id="no-scheme"),
        pytest.param("file:no-such.pem", ["no-such.pem"], id="missing"),
        pytest.param("env:NO_SUCH_KEY", ["NO_SUCH_KEY"], id="variable"),
    ],
)
def test_a_wrong_signing_key_is_named(
    archive: Path, monkeypatch: pytest.MonkeyPatch, key: str | None, words: list[str]
) -> None:
    monkeypatch.delenv("TRAILHOUSE_ARCHIVE__SIGNING_KEY")
    if key:
        monkeypatch.setenv("TRAILHOUSE_ARCHIVE__SIGNING_KEY", key)

    message = refused("seal")

    for word in words:
        assert word in message


def test_a_key_that_others_can_read_is_refused(archive: Path) -> None:
    (archive / "seal.pem").chmod(0o644)

    message = refused("seal")

    assert "seal.pem" in message
    assert "0600" in message or "600" in message


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("seal", "--to", "2020-02-06"), id="seal"),
        pytest.param(("list", "--log", "--json"), id="list"),
        pytest.param(("key", "list"), id="key"),
        pytest.param(("verify",), id="verify"),
    ],
)
def test_no_command_shows_the_private_key(
    archive: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    secret = (archive / "seal.pem").read_text()
    monkeypatch.setenv("SEAL_KEY", secret)
    monkeypatch.setenv("TRAILHOUSE_ARCHIVE__SIGNING_KEY", "env:SEAL_KEY")

    done = run(*words)

    assert done.exit_code == 0, done.output
    logged = "".join(one.read_text() for one in (archive / "lake" / "archive" / "log").iterdir())
    assert secret.splitlines()[1] not in done.output + logged
    assert "PRIVATE" not in done.output + logged

"""Command line: exit codes, what goes to which stream, and messages that a person can act on."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from cli_process import refusal, trailhouse
from lakes import Place, activity, encode, folder_place, job, lake_at, run_load
from s3_server import S3Server
from typer.main import get_command
from typer.testing import CliRunner

from pipelines.cli.main import app
from pipelines.errors import LakeError
from pipelines.lake.tables import explained

FACTS = ("load_id", "objects", "received", "accepted", "duplicate", "rejected", "bytes", "seconds")
SECRET = "not-to-be-seen-7f3a"


def commands() -> list[tuple[str, ...]]:
    """Every command and sub-command by its words."""
    return sorted(words_of(get_command(app)))


def words_of(command: Any) -> Iterator[tuple[str, ...]]:
    inner = getattr(command, "commands", {})
    for name, one in inner.items():
        yield from ((name, *words) for words in words_of(one))
    if not inner:
        yield ()


@pytest.fixture
def place(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A place with three records, on whose lake the command line works."""
    monkeypatch.setenv("TRAILHOUSE_LAKE_URL", place.lake().url)
    place.put("1.ndjson", encode(activity()) + b"\n" + encode(job()) + b"\n{broken")
    return place


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A folder with one record, on whose lake the command line works."""
    found = folder_place(tmp_path)
    monkeypatch.setenv("TRAILHOUSE_LAKE_URL", found.lake().url)
    found.put("1.json", encode(activity()))
    return found


def test_there_are_commands() -> None:
    found = set(commands())

    assert {("load",), ("query",), ("lake", "vacuum"), ("rejected", "reload")} <= found
    assert {("archive", "verify"), ("archive", "hold", "release")} <= found


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_the_help_of_every_command_has_an_example(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*words, "--help"])

    assert result.exit_code == 0
    example = result.stdout.partition("Example:")[2].lstrip(" │\n")
    assert example.partition("trailhouse")[0].count(" ") <= 1  # variables may stand before it
    assert f"trailhouse {' '.join(words)}" in " ".join(example.split())


def test_load_prints_one_json_object_and_nothing_else(place: Place) -> None:
    done = trailhouse("load", place.landing, "--json")
    again = trailhouse("load", place.landing, "--json")

    assert (done.returncode, again.returncode) == (0, 0), done.stderr
    facts = json.loads(done.stdout)
    assert set(FACTS) <= facts.keys()
    assert [facts[name] for name in FACTS[1:6]] == [1, 3, 2, 0, 1]
    assert done.stdout.count(b"\n") == 1
    assert json.loads(again.stdout)["load_id"] is None
    assert json.loads(again.stdout)["objects"] == 0


def test_load_tells_people_what_it_did(place: Place) -> None:
    done = trailhouse("load", place.landing)
    again = trailhouse("load", place.landing)

    for word in ("received", "accepted", "not_json", "trailhouse rejected list"):
        assert word in done.stdout.decode()
    assert "Nothing new" in again.stdout.decode()


def test_progress_goes_to_standard_error(here: Place) -> None:
    """With a terminal at standard error, and a pipe at standard output."""
    screen, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli.main", "load", here.landing, "--json"],
        stdout=subprocess.PIPE,
        stderr=terminal,
        env=os.environ | {"TERM": "xterm"},
    )
    out, _ = process.communicate(timeout=120)
    os.close(terminal)
    shown = os.read(screen, 100_000)
    os.close(screen)

    assert process.returncode == 0
    assert json.loads(out)["objects"] == 1
    assert b"Bytes read" in shown or b"Days written" in shown


def test_a_failed_blocking_check_ends_with_one(here: Place) -> None:
    here.put("2.json", encode(activity(id=7)))
    lake = lake_at(here.lake().url)
    run_load(lake, [here.landing])
    from deltalake import write_deltalake

    rows = lake.open("activity").to_pyarrow_table()
    write_deltalake(lake.table_url("activity"), rows, mode="append")  # every event twice

    broken = trailhouse(
        "check", "--table", "activity", "--from", "2026-02-03", "--to", "2026-02-03"
    )
    sound = trailhouse("check", "--table", "jobs", "--from", "2026-02-03", "--to", "2026-02-03")

    assert broken.returncode == 1, broken.stderr
    assert b"Traceback" not in broken.stderr
    assert sound.returncode == 0, sound.stderr


@pytest.mark.parametrize(
    ("variables", "file", "words"),
    [
        pytest.param({"TRAILHOUSE_LAKE": "x"}, "", ["TRAILHOUSE_LAKE", "LAKE_URL"], id="variable"),
        pytest.param({}, "lake = 'x'", ["'lake'", "unknown setting", "lake_url"], id="key"),
        pytest.param({}, "threads = 0", ["'threads'", "greater than or equal to 1"], id="range"),
        pytest.param({}, "lake_url = ", ["not valid TOML", "trailhouse.toml"], id="toml"),
        pytest.param({}, "\x00", ["not valid TOML"], id="binary"),
        pytest.param(
            {"TRAILHOUSE_SOURCE": "{"}, "", ["TRAILHOUSE_SOURCE", "not valid JSON"], id="json"
        ),
        pytest.param({"TRAILHOUSE_CONFIG": "no.toml"}, "", ["no.toml", "not a file"], id="no-file"),
        pytest.param({"TRAILHOUSE_LAKE_URL": "gs://b/x"}, "", ["gs://b/x", "s3://"], id="scheme"),
        pytest.param({"TRAILHOUSE_LAKE_URL": "s3://"}, "", ["names no bucket"], id="no-bucket"),
    ],
)
def test_a_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], file: str, words: list[str]
) -> None:
    Path("trailhouse.toml").write_text(file)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    message = refusal(trailhouse("load"))

    for word in words:
        assert word in message


def test_a_secret_in_a_wrong_setting_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("trailhouse.toml").write_text(f"s3_secret_access_key = ['{SECRET}']")

    assert SECRET not in refusal(trailhouse("config"))


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["table", "json"])
def test_config_masks_secrets(monkeypatch: pytest.MonkeyPatch, form: tuple[str, ...]) -> None:
    monkeypatch.setenv("TRAILHOUSE_S3_SECRET_ACCESS_KEY", SECRET)
    Path("trailhouse.toml").write_text("threads = 3")

    done = trailhouse("config", *form)

    assert done.returncode == 0, done.stderr
    assert SECRET.encode() not in done.stdout + done.stderr
    assert b"**********" in done.stdout
    if form:
        assert json.loads(done.stdout)["threads"] == 3


def test_a_missing_path_is_named(here: Place) -> None:
    message = refusal(trailhouse("load", f"{here.url}/no-such-folder"))

    assert f"{here.url}/no-such-folder does not exist" in message


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("load", "--no-such-option"), id="option"),
        pytest.param(("lode",), id="command"),
        pytest.param(("check", "--table", "no_such_table"), id="table"),
        pytest.param(("query", "select 1", "--format", "xml"), id="format"),
        pytest.param(("query",), id="argument"),
        pytest.param(("lake", "vacuum", "--retention-hours", "-1"), id="range"),
        pytest.param(("check", "--from", "yesterday"), id="date"),
        pytest.param(("rejected", "show", "3f2a"), id="rejected"),
        pytest.param(("query", "from no_such_table"), id="view"),
        pytest.param(("query", "select 1", "--format", "csv", "--out", "no/folder.csv"), id="out"),
    ],
)
def test_a_wrong_call_is_refused(here: Place, arguments: tuple[str, ...]) -> None:
    refusal(trailhouse(*arguments))


def test_an_unknown_table_is_answered_with_the_known_ones(here: Place) -> None:
    message = refusal(trailhouse("check", "--table", "no_such_table"))

    assert "no_such_table" in message
    assert "activity" in message


def test_a_lake_without_loads_is_no_error_but_for_check(here: Place) -> None:
    for words in (
        ("lake", "compact"),
        ("lake", "vacuum"),
        ("lake", "evolve"),
        ("rejected", "list"),
        ("build",),
        ("query", "from jobs"),
    ):
        done = trailhouse(*words)
        assert done.returncode == 0, (words, done.stderr)
    assert "run trailhouse load first" in refusal(trailhouse("check"))


@pytest.mark.parametrize(
    "words",
    [
        ("load",),
        ("build",),
        ("check",),
        ("query", "from jobs"),
        ("rejected", "list"),
        ("rejected", "reload"),
        ("lake", "compact"),
        ("lake", "vacuum"),
        ("lake", "evolve"),
    ],
    ids=" ".join,
)
def test_a_bucket_that_does_not_exist_is_said_to(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("TRAILHOUSE_LAKE_URL", "s3://no-such-bucket-here/lake")

    assert "no-such-bucket-here" in refusal(trailhouse(*words))


def test_a_bucket_to_load_from_that_does_not_exist_is_named(here: Place, s3: S3Server) -> None:
    message = refusal(trailhouse("load", "s3://no-such-bucket-here/audit"))

    assert "no-such-bucket-here" in message
    assert "does not exist" in message


@pytest.mark.parametrize(
    "words",
    [
        ("load",),
        ("build",),
        ("rejected", "reload"),
        ("lake", "compact", "--all"),
        ("lake", "vacuum", "--retention-hours", "0"),
    ],
    ids=" ".join,
)
def test_who_may_not_write_is_told_so(
    s3: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    lake = lake_at(f"s3://{bucket}/lake")
    client = s3.client()
    for number in range(2):
        key = f"lake/landing/{number}.ndjson"
        client.put_object(Bucket=bucket, Key=key, Body=encode(activity()) + b"\n{broken")
        if number == 0 or words[0] != "load":
            run_load(lake, [f"{lake.url}/landing"])
    monkeypatch.setenv("TRAILHOUSE_LAKE_URL", lake.url)
    for name, value in s3.environment(s3.reader).items():
        monkeypatch.setenv(name, value)

    if words == ("rejected", "reload"):
        done = trailhouse(*words)  # what is refused still asks for no write
        assert done.returncode == 0, done.stderr
        return
    message = refusal(trailhouse(*words))

    assert any(word in message for word in ("denied", "privileges", "lacks the right"))
    assert s3.reader.secret not in message


def test_who_may_only_read_can_query(
    s3: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.models import write_catalogue

    lake = lake_at(f"s3://{bucket}/lake")
    s3.client().put_object(Bucket=bucket, Key="lake/landing/1.json", Body=encode(job()))
    run_load(lake, [f"{lake.url}/landing"])
    write_catalogue(lake)
    monkeypatch.setenv("TRAILHOUSE_LAKE_URL", lake.url)
    for name, value in s3.environment(s3.reader).items():
        monkeypatch.setenv(name, value)

    done = trailhouse("query", "select count(*) as jobs from jobs", "--format", "csv")

    assert done.stdout == b"jobs\n1\n", done.stderr


def test_without_credentials_the_places_to_put_them_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRAILHOUSE_LAKE_URL", "s3://audit/lake")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
    monkeypatch.setenv("AWS_CONFIG_FILE", "none")

    assert "AWS_ACCESS_KEY_ID" in refusal(trailhouse("load"))


def test_a_lake_that_cannot_be_written_to_is_named(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAILHOUSE_LAKE_URL", "/proc/no-lake")

    message = refusal(trailhouse("load", here.landing))

    assert "/proc/no-lake" in message


def test_a_reader_that_goes_away_ends_the_command_quietly(here: Place) -> None:
    trailhouse("load", here.landing)
    command = f"{sys.executable} -m pipelines.cli.main query 'from range(200000)' --format csv"

    done = subprocess.run(
        ["bash", "-c", f"{command} | head -1"], capture_output=True, timeout=120, check=False
    )

    assert done.stdout == b"range\n"
    assert b"Traceback" not in done.stderr
    assert done.stderr == b""


def test_a_damaged_file_of_the_lake_is_named(here: Place) -> None:
    trailhouse("load", here.landing)
    (damaged,) = Path(here.lake().table_url("activity")).glob("event_date=*/*.parquet")
    damaged.write_bytes(b"junk" * 100)
    here.put("2.json", encode(activity()))

    message = refusal(trailhouse("load", here.landing))

    assert damaged.name in message
    assert "is not what was written there" in message


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        pytest.param(duckdb.OutOfMemoryException("Out of Memory Error: x"), "MEMORY", id="memory"),
        pytest.param(duckdb.InvalidInputException("No magic bytes"), "not what", id="damaged"),
        pytest.param(
            duckdb.InvalidInputException("No magic bytes in '9253940136974c84030.parquet'"),
            "not what",
            id="damaged, digits in its name",
        ),
        pytest.param(duckdb.InternalException("INTERNAL Error: x"), "cannot be read", id="other"),
    ],
)
def test_what_the_engine_says_becomes_a_message(error: Exception, hint: str) -> None:
    with pytest.raises(LakeError, match=f"the-lake: .*{hint}"), explained("the-lake"):
        raise error

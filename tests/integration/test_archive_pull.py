"""Pulling: what an evidence pack has, what it proves, and what its own verify.py finds in it."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from archives import key, seal_all, ticking, written
from hypothesis import given, settings
from hypothesis import strategies as st
from lakes import NOW, Place, activity, encode, folder_place, rows, run_load
from packs import (
    FORMULAS,
    Sealed,
    body,
    check,
    found,
    json_lines,
    newest,
    pull_pack,
    resigned,
    sealed,
    selection,
    unpack,
    write,
)

from pipelines.archive import scan
from pipelines.archive.evidence import verify
from pipelines.archive.layout import Format
from pipelines.archive.log import open_log
from pipelines.archive.pull import pull
from pipelines.archive.retention import delete
from pipelines.archive.rotation import rotate
from pipelines.archive.seal import seal
from pipelines.archive.selection import Selection
from pipelines.errors import TrailhouseError
from pipelines.lake.duck import connect, list_literal
from pipelines.lake.schemas import LOADED_TABLES

Files = dict[str, bytes]
EACH = pytest.mark.parametrize("as_format", [pytest.param(f, id=f.value) for f in Format])


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    folder = tmp_path_factory.mktemp("pull")
    return sealed(folder_place(folder), folder)


@pytest.fixture(scope="module")
def packs(archive: Sealed, tmp_path_factory: pytest.TempPathFactory) -> dict[Format, Path]:
    """A whole pack in each format."""
    folder = tmp_path_factory.mktemp("packs")
    for as_format in Format:
        pull_pack(archive, folder / f"{as_format}.zip", as_format=as_format)
    return {as_format: folder / f"{as_format}.zip" for as_format in Format}


@pytest.fixture
def files(packs: dict[Format, Path]) -> Files:
    """The files of a pack of JSON Lines, to be tampered with."""
    return unpack(packs[Format.JSONL])


def cells(content: bytes) -> list[dict[str, str]]:
    """The rows of a CSV as a spreadsheet has them."""
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def ids_of(files: Files, table: str = "activity") -> list[str]:
    return [line["id"] for line in json_lines(files["proofs.jsonl"]) if line["table"] == table]


# what a pack has


@EACH
def test_a_pack_has_every_row_of_the_lake(
    archive: Sealed, packs: dict[Format, Path], as_format: Format
) -> None:
    files = unpack(packs[as_format])

    for name in LOADED_TABLES:
        id_ = {"rejected": "rejected_id", "loads": "load_id"}.get(name, "event_id")
        expected = Counter(row[id_] for row in rows(archive.lake, name))
        content = files[f"{name}.{as_format}"]
        if as_format is Format.PARQUET:
            held = pq.read_table(io.BytesIO(content)).column(id_).to_pylist()
        elif as_format is Format.CSV:
            held = [row[id_] for row in cells(content)]
        else:
            held = [row[id_] for row in json_lines(content)]
        assert Counter(held) == expected, name
        assert Counter(ids_of(files, name)) == expected, name


def test_parquet_has_the_rows_of_the_lake_column_by_column(
    archive: Sealed, packs: dict[Format, Path]
) -> None:
    content = unpack(packs[Format.PARQUET])["activity.parquet"]

    held = pq.read_table(io.BytesIO(content)).to_pylist()

    assert sorted(held, key=str) == sorted(rows(archive.lake, "activity"), key=str)


@EACH
def test_raw_is_kept_byte_for_byte(
    archive: Sealed, packs: dict[Format, Path], as_format: Format
) -> None:
    expected = sorted(row["raw"] for row in rows(archive.lake, "activity"))

    leaves = json_lines(unpack(packs[as_format])["proofs.jsonl"])

    assert sorted(line["leaf"] for line in leaves if line["table"] == "activity") == expected


def test_a_pack_says_who_pulled_what_and_when(archive: Sealed, packs: dict[Format, Path]) -> None:
    files = unpack(packs[Format.CSV])

    told = body(files[newest(files)])

    assert (told["kind"], told["by"]) == ("pull", "Ines Auditor")
    assert told["recorded_at"] == "2026-03-20T12:00:00.000000Z"
    assert (told["query"]["from"], told["query"]["to"]) == ("2026-02-01", "2026-02-28")
    assert "select * from activity where event_date between" in told["query"]["sql"]["activity"]
    assert told in [entry.body for entry in open_log(archive.lake).entries()]
    readme = files["README.txt"].decode()
    assert "Pulled by Ines Auditor at 2026-03-20 12:00:00 UTC" in readme
    assert "activity.csv: 18 rows, as CSV" in readme


def test_no_private_key_is_in_a_pack(archive: Sealed, packs: dict[Format, Path]) -> None:
    private = Path(archive.lake.storage.settings.archive.signing_key.removeprefix("file:"))
    secret = private.read_bytes().splitlines()[1]

    for pack in packs.values():
        for content in unpack(pack).values():
            assert secret not in content
            assert b"PRIVATE KEY" not in content


def test_days_without_rows_are_in_the_pack_as_signed_statements(files: Files) -> None:
    manifests = [body(content) for name, content in files.items() if name.startswith("log/")]

    quiet = [
        one
        for one in manifests
        if one["kind"] == "seal"
        and one["table"] == "activity"
        and one["event_date"] == "2026-02-05"
    ]

    assert [one["rows"] for one in quiet] == [0]
    assert [one["root"] for one in quiet] == [sha256(b"").hexdigest()]


def test_a_late_event_is_pulled_from_its_supplement(files: Files) -> None:
    seals = {
        told["index"]: told
        for name, content in files.items()
        if name.startswith("log/") and (told := body(content))["kind"] == "seal"
    }

    numbers = {
        seals[line["seal"]]["supplement"]
        for line in json_lines(files["proofs.jsonl"])
        if line["table"] == "activity" and seals[line["seal"]]["event_date"] == "2026-02-03"
    }

    assert numbers == {0, 1}


# what is asked for


@pytest.mark.parametrize(
    ("narrowed", "expected"),
    [
        pytest.param(
            {"persons": ("mira@larkfield.example",)},
            lambda row: (
                "mira@larkfield.example"
                in [(row[name] or "").lower() for name in ("actor_email", "resource_email")]
            ),
            id="by-e-mail-in-any-case-as-actor-or-acted-on",
        ),
        pytest.param(
            {"persons": ("70456",)}, lambda row: row["actor_id"] == "70456", id="by-id-as-actor"
        ),
        pytest.param(
            {"persons": ("903",)}, lambda row: row["resource_id"] == "903", id="by-id-as-acted-on"
        ),
        pytest.param(
            {"persons": ("70456", "mira@larkfield.example")}, lambda row: True, id="any-of-two"
        ),
        pytest.param(
            {"recipes": ("5501203",), "tables": ("activity",)},
            lambda row: row["resource_id"] == "5501203",
            id="by-recipe",
        ),
        pytest.param(
            {"event_types": ("recipe_started",)},
            lambda row: row["event_type"] == "recipe_started",
            id="by-event-type",
        ),
        pytest.param(
            {"event_types": ("recipe_started", "user_invited"), "persons": ("904",)},
            lambda row: row["event_type"] == "user_invited" and row["resource_id"] == "904",
            id="all-ways-at-once",
        ),
    ],
)
def test_only_the_rows_asked_for_are_pulled(
    archive: Sealed,
    tmp_path: Path,
    narrowed: dict[str, Any],
    expected: Callable[[dict[str, Any]], bool],
) -> None:
    wanted = {row["event_id"] for row in rows(archive.lake, "activity") if expected(row)}

    pulled = pull_pack(archive, tmp_path / "pack.zip", asked=selection(**narrowed))

    files = unpack(tmp_path / "pack.zip")
    assert set(ids_of(files)) == wanted
    assert wanted
    assert pulled.tables["activity"] == len(ids_of(files))
    assert found(tmp_path / "pack.zip", archive) == set()


def test_a_recipe_brings_its_jobs_and_steps(archive: Sealed, tmp_path: Path) -> None:
    pulled = pull_pack(archive, tmp_path / "p.zip", asked=selection(recipes=("5501203",)))

    assert pulled.tables == {"activity": 3, "jobs": 3, "job_steps": 6}


def test_an_environment_brings_its_rows_alone(archive: Sealed, tmp_path: Path) -> None:
    pulled = pull_pack(archive, tmp_path / "p.zip", asked=selection(environments=("dev",)))

    assert pulled.tables == {"jobs": 1, "job_steps": 2}


def test_nothing_found_is_a_pack_that_says_so(archive: Sealed, tmp_path: Path) -> None:
    pulled = pull_pack(archive, tmp_path / "p.zip", asked=selection(persons=("no@body.example",)))

    assert pulled.tables == {}
    assert "no rows" in unpack(tmp_path / "p.zip")["README.txt"].decode()
    assert found(tmp_path / "p.zip", archive) == set()


@pytest.mark.parametrize(
    "narrowed",
    [
        pytest.param({}, id="all"),
        pytest.param({"persons": ("Mira@larkfield.example", "904")}, id="persons"),
        pytest.param({"recipes": ("5501203",), "environments": ("prod",)}, id="recipe"),
        pytest.param({"event_types": ("o'clock", "succeeded")}, id="types"),
    ],
)
def test_the_recorded_sql_selects_the_rows_of_the_pack(
    archive: Sealed, tmp_path: Path, narrowed: dict[str, Any]
) -> None:
    pulled = pull_pack(archive, tmp_path / "p.zip", asked=selection(**narrowed))

    files = unpack(tmp_path / "p.zip")
    statements = body(files[newest(files)])["query"]["sql"]
    root = Path(archive.lake.url, "archive")
    with closing(connect(archive.lake.storage)) as connection:
        counts = {}
        for name, statement in statements.items():
            parquet = list_literal([str(path) for path in (root / name).rglob("*.parquet")])
            connection.execute(
                f"create view {name} as from read_parquet({parquet}, hive_partitioning = false)"
            )
            counts[name] = len(connection.execute(statement).fetchall())
    assert {name: count for name, count in counts.items() if count} == pulled.tables


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        pytest.param(
            {"persons": ("Mira Okafor",)}, "neither an e-mail address nor an id", id="name"
        ),
        pytest.param({"recipes": ("Orders to ledger",)}, "is not an id", id="recipe-name"),
        pytest.param({"tables": ("people",)}, "allowed: activity, jobs", id="no-table"),
        pytest.param(
            {"persons": ("7",), "tables": ("jobs",)}, "leave one out", id="nobody-in-that-table"
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(TrailhouseError, match=message):
        selection(**wrong)


def test_days_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(TrailhouseError, match="swap them"):
        Selection(date(2026, 2, 2), date(2026, 2, 1))


def test_days_that_are_not_sealed_are_refused_by_name(archive: Sealed, tmp_path: Path) -> None:
    asked = Selection(date(2025, 1, 1), date(2025, 1, 2))

    with pytest.raises(TrailhouseError, match="sealed are 2026-02-03 to 2026-02-08"):
        pull_pack(archive, tmp_path / "p.zip", asked=asked)

    assert list(tmp_path.iterdir()) == []


# what a spreadsheet and DuckDB make of it


def test_no_cell_of_a_csv_is_a_formula(packs: dict[Format, Path]) -> None:
    files = unpack(packs[Format.CSV])

    held = [
        cell
        for name, content in files.items()
        if name.endswith(".csv")
        for row in cells(content)
        for cell in row.values()
    ]

    assert not [cell for cell in held if re.match(r"[=+\-@\t\r\n＝＋－＠]", cell)]
    assert sum(cell.startswith("'") for cell in held) >= len(FORMULAS)


def test_without_its_guards_a_csv_has_the_cells_as_they_were(
    archive: Sealed, packs: dict[Format, Path]
) -> None:
    read = cells(unpack(packs[Format.CSV])["activity.csv"])

    bare = (row["resource_name"].removeprefix("'") for row in read)
    names = {re.sub(r"([;\r\n][\t']*)'([=+\-@＝])", r"\1\2", name) for name in bare}

    assert names >= set(FORMULAS)
    assert names == {row["resource_name"] for row in rows(archive.lake, "activity")}


def test_duckdb_finds_the_rows_of_a_parquet_pack_proved(
    packs: dict[Format, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import duckdb

    for name, content in unpack(packs[Format.PARQUET]).items():
        if "/" not in name:
            (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)

    queries = re.findall(r"select count\(\*\).*?;", (tmp_path / "README.txt").read_text(), re.S)

    assert len(queries) == len(LOADED_TABLES)
    assert [duckdb.sql(query).fetchall() for query in queries] == [[(0,)]] * len(LOADED_TABLES)


# what the auditor does


@EACH
def test_a_pack_is_clean(archive: Sealed, packs: dict[Format, Path], as_format: Format) -> None:
    done = check(packs[as_format], [archive.key_id])

    facts = done.as_dict()
    assert done.findings == []
    assert facts["manifests"] == facts["manifests_whole"]
    assert facts["rows"] == sum(len(rows(archive.lake, name)) for name in LOADED_TABLES)


def test_an_auditor_runs_it_with_python_alone(
    archive: Sealed, packs: dict[Format, Path], tmp_path: Path
) -> None:
    for name, content in unpack(packs[Format.CSV]).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)

    # -I and -S: no installed package can be reached
    command = [sys.executable, "-I", "-S", "verify.py", "--key", archive.key_id]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    # the pull asks for more days than were sealed
    assert (done.returncode, done.stderr) == (4, "")
    assert f"CLEAN IN PART: what is here leads to the key given, {archive.key_id}" in done.stdout
    assert "NOT SEALED YET, so not here: jobs prod 2026-02-09 to 2026-02-28" in done.stdout


@pytest.mark.parametrize(
    ("as_format", "last", "code"),
    [
        pytest.param(Format.JSONL, 8, 0, id="all of it"),
        pytest.param(Format.JSONL, 9, 4, id="a day that is not sealed"),
        pytest.param(Format.PARQUET, 8, 4, id="rows that were not compared"),
    ],
)
def test_clean_is_said_of_what_was_looked_at_alone(
    archive: Sealed,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    as_format: Format,
    last: int,
    code: int,
) -> None:
    pack, asked = tmp_path / "pack.zip", Selection(date(2026, 2, 1), date(2026, 2, last))
    pull_pack(archive, pack, as_format=as_format, asked=asked)

    assert verify.main([str(pack), "--key", archive.key_id]) == code

    told = capsys.readouterr().out
    assert ("were not compared with the proofs" in told) == (as_format is Format.PARQUET)
    assert ("NOT SEALED YET" in told) == (last == 9)
    assert ("CLEAN: everything" in told) == (code == 0)


def test_a_pack_says_which_days_were_sealed_of_what_was_asked_for(
    archive: Sealed, packs: dict[Format, Path]
) -> None:
    files = unpack(packs[Format.CSV])

    told, readme = body(files[newest(files)]), files["README.txt"].decode()

    of_jobs = [one for one in told["sealed"] if one["table"] == "jobs"]
    assert of_jobs == [
        {"table": "jobs", "environment": "dev", "from": "2026-02-04", "to": "2026-02-08"},
        {"table": "jobs", "environment": "prod", "from": "2026-02-03", "to": "2026-02-08"},
    ]
    lacking = {(one["from"], one["to"]) for one in told["not_sealed"]}
    assert lacking == {("2026-02-09", "2026-02-28")}
    assert told["never_sealed"] == []
    assert "jobs dev                 2026-02-04 to 2026-02-08" in readme
    assert "NOT here" in readme


def test_without_a_key_it_says_what_is_left_to_ask(
    archive: Sealed, packs: dict[Format, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code = verify.main([str(packs[Format.CSV])])

    assert code == 3
    assert f"leads to the key {archive.key_id}. Ask the archive's owner" in capsys.readouterr().out


def test_it_prints_json(packs: dict[Format, Path], capsys: pytest.CaptureFixture[str]) -> None:
    code = verify.main(["--json", "--key", "0" * 64, str(packs[Format.CSV])])

    facts = json.loads(capsys.readouterr().out)
    assert code == 1
    assert facts["clean"] is False
    assert {finding["name"] for finding in facts["findings"]} == {"unknown_key"}


def test_what_is_no_pack_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pack.zip").write_bytes(b"no zip")

    assert verify.main([str(tmp_path / "pack.zip")]) == 2
    assert "not a pack" in capsys.readouterr().err


# what somebody did to it


def change_a_row(files: Files, _: Sealed) -> Files:
    return files | {
        "activity.jsonl": files["activity.jsonl"].replace(b"Mira Okafor", b"Mira 0kafor")
    }


def remove_a_row(files: Files, _: Sealed) -> Files:
    return files | {"activity.jsonl": files["activity.jsonl"].split(b"\n", 1)[1]}


def remove_a_file(files: Files, _: Sealed) -> Files:
    return {name: content for name, content in files.items() if name != "jobs.jsonl"}


def add_a_file(files: Files, _: Sealed) -> Files:
    return files | {"activity-2.jsonl": files["activity.jsonl"]}


def remove_a_manifest(files: Files, _: Sealed) -> Files:
    gone = next(n for n, c in files.items() if n.startswith("log/") and body(c)["kind"] == "seal")
    return {name: content for name, content in files.items() if name != gone}


def change_a_manifest(files: Files, _: Sealed) -> Files:
    name = next(n for n, c in files.items() if n.startswith("log/") and body(c).get("rows"))
    return files | {name: files[name].replace(b'"rows":', b'"rows":1', 1)}


def forge_a_manifest(files: Files, of: Sealed) -> Files:
    name = next(n for n, c in files.items() if n.startswith("log/") and body(c)["kind"] == "seal")
    forger = key(Path(of.place.url), "forger")
    return files | {name: written(body(files[name]) | {"rows": 0}, forger)}


def remove_the_pull(files: Files, _: Sealed) -> Files:
    return {name: content for name, content in files.items() if name != newest(files)}


def change_who_pulled(files: Files, _: Sealed) -> Files:
    name = newest(files)
    return files | {name: files[name].replace(b"Ines Auditor", b"Ines Author!")}


def remove_the_proofs(files: Files, _: Sealed) -> Files:
    return {name: content for name, content in files.items() if name != "proofs.jsonl"}


def swap_a_key_file(files: Files, of: Sealed) -> Files:
    forger = key(Path(of.place.url), "forger")
    return files | {f"keys/{of.key_id}.pem": forger.public.pem.encode()}


@pytest.mark.parametrize(
    ("tamper", "name"),
    [
        pytest.param(change_a_row, "modified", id="row-changed"),
        pytest.param(remove_a_row, "modified", id="row-removed"),
        pytest.param(remove_a_file, "missing", id="file-removed"),
        pytest.param(add_a_file, "added", id="file-added"),
        pytest.param(remove_a_manifest, "missing", id="manifest-removed"),
        pytest.param(change_a_manifest, "bad_signature", id="manifest-changed"),
        pytest.param(forge_a_manifest, "unknown_key", id="manifest-forged"),
        pytest.param(remove_the_pull, "missing", id="pull-removed"),
        pytest.param(change_who_pulled, "bad_signature", id="custody-changed"),
        pytest.param(remove_the_proofs, "missing", id="proofs-removed"),
        pytest.param(swap_a_key_file, "modified", id="key-file-swapped"),
    ],
)
def test_tampering_is_found_by_name(
    archive: Sealed,
    files: Files,
    tmp_path: Path,
    tamper: Callable[[Files, Sealed], Files],
    name: str,
) -> None:
    pack = write(tmp_path / "pack.zip", tamper(files, archive))

    assert name in found(pack, archive)


def test_a_link_to_a_folder_added_to_an_unpacked_pack_is_found(
    archive: Sealed, files: Files, tmp_path: Path
) -> None:
    pack = write(tmp_path / "pack.zip", files)
    with zipfile.ZipFile(pack) as packed:
        packed.extractall(tmp_path / "pack")
    (tmp_path / "pack" / "more").symlink_to(tmp_path)

    assert found(tmp_path / "pack", archive) == {"added"}


def test_a_pipe_in_an_unpacked_pack_is_found_and_not_waited_for(
    archive: Sealed, files: Files, tmp_path: Path
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    for name in ("README.txt", "log/00000001.json"):
        (tmp_path / name).unlink()
        os.mkfifo(tmp_path / name)

    findings = check(tmp_path, [archive.key_id]).findings

    assert {"README.txt", "log/00000001.json"} <= {where.split(":")[0] for _, where in findings}


def test_a_folder_of_a_zip_with_bytes_of_its_own_is_found(
    archive: Sealed, files: Files, tmp_path: Path
) -> None:
    assert found(write(tmp_path / "a.zip", files | {"more/": b""}), archive) == set()
    assert found(write(tmp_path / "b.zip", files | {"more/": b"bytes"}), archive) == {"added"}


def test_a_whole_forgery_with_another_key_is_found(
    archive: Sealed, files: Files, tmp_path: Path
) -> None:
    forger = key(tmp_path)
    forged: Files = {}
    for name, content in sorted(files.items()):
        if name.startswith("log/"):
            told = body(content)
            if told["kind"] == "key":
                told |= {"key_id": forger.public.key_id, "public_key": forger.public.pem}
            before = forged.get(f"log/{told['index'] - 1:08}.json")
            if before is not None:
                told["previous"] = sha256(before).hexdigest()
            forged[name] = written(told, forger)
        elif name.startswith("keys/"):
            forged[f"keys/{forger.public.key_id}.pem"] = forger.public.pem.encode()
        else:
            forged[name] = content
    pack = write(tmp_path / "pack.zip", resigned(forged, forger))

    assert found(pack, archive) == {"unknown_key"}
    assert check(pack, [forger.public.key_id]).findings == []


def proofs_of(files: Files) -> list[dict[str, Any]]:
    return json_lines(files["proofs.jsonl"])


def as_lines(values: list[dict[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(value) + b"\n" for value in values)


def test_a_row_that_was_never_sealed_has_no_proof_whoever_signs_the_pack(
    archive: Sealed, files: Files, tmp_path: Path
) -> None:
    lines, proofs = json_lines(files["activity.jsonl"]), proofs_of(files)
    lines[0]["raw"] = proofs[0]["leaf"] = lines[0]["raw"].replace("recipe", "recipé", 1)
    changed = files | {"activity.jsonl": as_lines(lines), "proofs.jsonl": as_lines(proofs)}

    pack = write(tmp_path / "pack.zip", resigned(changed, archive.signer))

    assert found(pack, archive) == {"not_proved"}


def test_a_row_beside_its_proof_is_found_whoever_signs_the_pack(
    archive: Sealed, files: Files, tmp_path: Path
) -> None:
    lines = json_lines(files["activity.jsonl"])
    lines[0]["raw"] = lines[0]["raw"].replace("recipe", "recipé", 1)
    changed = files | {"activity.jsonl": as_lines(lines)}

    pack = write(tmp_path / "pack.zip", resigned(changed, archive.signer))

    assert found(pack, archive) == {"modified"}


def test_rows_in_another_order_are_found_whoever_signs_the_pack(
    archive: Sealed, files: Files, tmp_path: Path
) -> None:
    lines, proofs = json_lines(files["activity.jsonl"]), proofs_of(files)
    lines[0], lines[1] = lines[1], lines[0]
    proofs[0], proofs[1] = proofs[1], proofs[0]
    changed = files | {"activity.jsonl": as_lines(lines), "proofs.jsonl": as_lines(proofs)}

    pack = write(tmp_path / "pack.zip", resigned(changed, archive.signer))

    assert found(pack, archive) == {"reordered"}


def test_a_row_given_twice_is_found_whoever_signs_the_pack(
    archive: Sealed, files: Files, tmp_path: Path
) -> None:
    lines, proofs = json_lines(files["activity.jsonl"]), proofs_of(files)
    changed = files | {
        "activity.jsonl": as_lines([lines[0], *lines]),
        "proofs.jsonl": as_lines([proofs[0], *proofs]),
    }
    told = body(files[newest(files)])
    tables = [t | {"rows": t["rows"] + (t["table"] == "activity")} for t in told["tables"]]

    signed = resigned(changed, archive.signer, rows=told["rows"] + 1, tables=tables)

    assert found(write(tmp_path / "pack.zip", signed), archive) == {"reordered"}


def test_a_day_that_was_left_out_is_found_whoever_signs_the_pack(
    archive: Sealed, files: Files, tmp_path: Path
) -> None:
    gone = next(
        name
        for name, content in files.items()
        if name.startswith("log/") and body(content).get("event_date") == "2026-02-05"
    )
    left = {name: content for name, content in files.items() if name != gone}

    pack = write(tmp_path / "pack.zip", resigned(left, archive.signer))

    assert found(pack, archive) == {"gap_of_days"}


@pytest.mark.parametrize("gone", ["the last day", "a whole stream"])
def test_days_that_are_missing_at_the_end_are_found_whoever_signs_the_pack(
    archive: Sealed, files: Files, tmp_path: Path, gone: str
) -> None:
    logged = {name: body(content) for name, content in files.items() if name.startswith("log/")}
    dropped = {
        name
        for name, told in logged.items()
        if told["kind"] == "seal"
        and (told["table"], told["environment"], told["rows"]) == ("log_messages", None, 0)
        and (told["event_date"] == "2026-02-08" or gone == "a whole stream")
    }
    left = {name: content for name, content in files.items() if name not in dropped}

    pack = write(tmp_path / "pack.zip", resigned(left, archive.signer))

    assert dropped
    assert found(pack, archive) == {"gap_of_days"}


@pytest.mark.parametrize("as_format", [Format.CSV, Format.JSONL])
def test_an_id_that_is_not_the_proved_one_is_found_whoever_signs_the_pack(
    archive: Sealed, packs: dict[Format, Path], tmp_path: Path, as_format: Format
) -> None:
    files = unpack(packs[as_format])
    path, (first, *_) = f"activity.{as_format}", ids_of(files)
    changed = files | {path: files[path].replace(first.encode(), b"activity:1", 1)}

    pack = write(tmp_path / "pack.zip", resigned(changed, archive.signer))

    assert found(pack, archive) == {"modified"}


def test_two_entries_that_do_not_follow_each_other_are_found(
    archive: Sealed, files: Files, tmp_path: Path
) -> None:
    name = "log/00000001.json"
    told = body(files[name]) | {"previous": "0" * 64}
    changed = files | {name: written(told, archive.signer)}

    pack = write(tmp_path / "pack.zip", resigned(changed, archive.signer))

    assert "broken_chain" in found(pack, archive)


@pytest.fixture(scope="module")
def small(archive: Sealed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of few entries, which are checked quickly."""
    out = tmp_path_factory.mktemp("small") / "pack.zip"
    asked = selection(tables=("rejected",))
    pull_pack(archive, out, as_format=Format.CSV, asked=asked)
    return out


@settings(max_examples=100)
@given(data=st.data())
def test_any_bit_that_is_turned_in_any_file_is_found(
    archive: Sealed, small: Path, data: st.DataObject
) -> None:
    files = unpack(small)
    name = data.draw(st.sampled_from(sorted(files)))
    changed = bytearray(files[name])
    at = data.draw(st.integers(0, len(changed) - 1))
    changed[at] ^= 1 << data.draw(st.integers(0, 7))

    pack = write(small.with_name("turned.zip"), files | {name: bytes(changed)})

    assert found(pack, archive)


def test_a_damaged_zip_is_no_clean_pack(
    archive: Sealed, packs: dict[Format, Path], tmp_path: Path
) -> None:
    content = bytearray(packs[Format.CSV].read_bytes())
    content[200] ^= 1

    (tmp_path / "pack.zip").write_bytes(content)

    assert found(tmp_path / "pack.zip", archive)


# keys that followed each other, days that were deleted


@pytest.fixture(scope="module")
def aged(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    """An archive whose key was changed, then days sealed with the new one, then one day deleted."""
    folder = tmp_path_factory.mktemp("aged")
    of = sealed(folder_place(folder), folder)
    after = ticking(datetime(2026, 2, 18, tzinfo=UTC))
    new = key(folder, "new")
    rotate(open_log(of.lake), of.signer, new, clock=after, by="tests")
    list(seal(of.lake, clock=after, signer=new, by="tests"))
    rule = {"table": "activity", "environment": "*", "years": 1}
    later = of.place.lake(archive={"retention": [rule]})
    first = next(e for e in open_log(later).entries() if e.body.get("table") == "activity")
    delete(
        later,
        [first.index],
        reason="retention",
        clock=lambda: datetime(2028, 1, 1, tzinfo=UTC),
        signer=new,
        by="tests",
    )
    return Sealed(of.place, later, new)


@pytest.fixture(scope="module")
def aged_pack(aged: Sealed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("aged-pack") / "pack.zip"
    pull_pack(aged, out, as_format=Format.JSONL)
    return out


def test_a_pack_over_a_change_of_keys_leads_to_the_first_key(aged: Sealed, aged_pack: Path) -> None:
    first = next(iter(open_log(aged.lake).entries())).body["key_id"]

    assert first != aged.key_id
    assert check(aged_pack, [first]).findings == []
    assert {name for name, _ in check(aged_pack, [aged.key_id]).findings} == {"unknown_key"}


def test_a_change_of_keys_that_is_left_out_is_found(
    aged: Sealed, aged_pack: Path, tmp_path: Path
) -> None:
    files = unpack(aged_pack)
    first = body(files["log/00000000.json"])["key_id"]
    change = [n for n, c in files.items() if n.startswith("log/") and body(c)["kind"] == "key"][1]
    left = {name: content for name, content in files.items() if name != change}

    pack = write(tmp_path / "pack.zip", resigned(left, aged.signer))

    assert {name for name, _ in check(pack, [first]).findings} >= {"unknown_key"}


def test_a_manifest_signed_with_a_key_that_was_retired_is_found(
    aged: Sealed, aged_pack: Path, tmp_path: Path
) -> None:
    files = unpack(aged_pack)
    retired = key(Path(aged.place.url))
    first = body(files["log/00000000.json"])["key_id"]
    seals = [n for n, c in files.items() if n.startswith("log/") and body(c)["kind"] == "seal"]
    newest_seal = max(seals)

    forged = files | {newest_seal: written(body(files[newest_seal]), retired)}
    pack = write(tmp_path / "pack.zip", resigned(forged, aged.signer))

    assert "unknown_key" in {name for name, _ in check(pack, [first]).findings}


def test_a_deleted_day_stays_in_a_pack_as_its_manifest_and_its_deletion(
    aged: Sealed, aged_pack: Path
) -> None:
    files = unpack(aged_pack)
    kinds = Counter(body(c)["kind"] for name, c in files.items() if name.startswith("log/"))
    deleted = next(body(c) for c in files.values() if b'"kind":"delete"' in c)

    facts = check(aged_pack, []).as_dict()

    assert kinds["delete"] == 1
    assert deleted["seals"][0] in body(files[newest(files)])["seals"]
    assert deleted["seals"][0] not in {line["seal"] for line in proofs_of(files)}
    assert facts["manifests"] - facts["manifests_whole"] == 1
    assert "1 deletions" in files["README.txt"].decode()


def test_a_pull_that_is_cut_off_is_in_the_log_before_any_row_is_on_the_disk(
    archive: Sealed, tmp_path: Path
) -> None:
    partial, modes = tmp_path / ".pack.zip.partial", list[int]()
    partial.write_bytes(b"of a pull that was killed")
    before = len(open_log(archive.lake).entries())

    def killed(what: str, added: int, total: int) -> None:
        modes.append(partial.stat().st_mode & 0o777)
        raise SystemExit

    with pytest.raises(SystemExit):
        pull_pack(archive, tmp_path / "pack.zip", progress=killed)

    (begun,) = open_log(archive.lake).entries()[before:]
    assert (begun.kind, begun.body["by"]) == ("pull_begun", "Ines Auditor")
    assert begun.body["query"]["from"] == "2026-02-01"
    assert modes == [0o600]
    assert list(tmp_path.iterdir()) == []


def test_a_pack_names_the_entry_that_says_it_was_begun(
    archive: Sealed, packs: dict[Format, Path]
) -> None:
    files = unpack(packs[Format.CSV])

    told = body(files[newest(files)])

    begun = open_log(archive.lake).entries()[told["begun"]]
    assert (begun.kind, begun.body["query"]) == ("pull_begun", told["query"])
    assert packs[Format.CSV].stat().st_mode & 0o777 == 0o600


# what is not pulled from an archive that was tampered with


@pytest.mark.parametrize("whole_bytes", [scan.WHOLE_BYTES, 0], ids=["whole", "by row groups"])
@pytest.mark.parametrize("column", ["raw", "actor_name"])
def test_rows_that_were_changed_in_the_archive_are_not_pulled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, column: str, whole_bytes: int
) -> None:
    monkeypatch.setattr(scan, "WHOLE_BYTES", whole_bytes)
    monkeypatch.setattr(scan, "SMALL_BYTES", whole_bytes)
    of = sealed(folder_place(tmp_path), tmp_path)
    sealed_file = next(Path(of.lake.url, "archive", "activity").rglob("*.parquet"))
    held = pq.read_table(sealed_file)
    at = held.schema.get_field_index(column)
    forged = held.set_column(at, column, [["{}"] * held.num_rows])
    pq.write_table(forged, sealed_file)

    with pytest.raises(TrailhouseError, match="archive verify"):
        pull_pack(of, tmp_path / "pack.zip")

    assert not (tmp_path / "pack.zip").exists()
    assert not [path for path in tmp_path.iterdir() if "partial" in path.name]


def test_a_log_that_is_not_sound_is_not_relied_on(tmp_path: Path) -> None:
    of = sealed(folder_place(tmp_path), tmp_path)
    entry = Path(of.lake.url, "archive", "log", "00000003.json")
    entry.write_bytes(entry.read_bytes().replace(b'"rows":', b'"rows":1', 1))

    with pytest.raises(TrailhouseError, match="not sound"):
        pull_pack(of, tmp_path / "pack.zip")


def test_without_an_archive_it_says_what_to_do(tmp_path: Path) -> None:
    signer = key(tmp_path)
    lake = folder_place(tmp_path).lake(archive={"signing_key": f"file:{tmp_path}/seal.pem"})

    with pytest.raises(TrailhouseError, match="trailhouse archive seal"):
        pull_pack(Sealed(folder_place(tmp_path), lake, signer), tmp_path / "pack.zip")


# how much it reads


def test_a_recipe_is_pulled_from_the_row_groups_that_can_hold_it(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    signer = key(tmp_path)
    lake = place.lake(archive={"signing_key": f"file:{tmp_path}/seal.pem"})
    events = [
        activity(resource={"type": "Flow", "id": 1_000_000 + n}, details={"n": f"{n * n:040}"})
        for n in range(60_000)
    ]
    place.put("many.ndjson", b"\n".join(map(encode, events)))
    run_load(lake, [place.landing], now=datetime(2026, 2, 4, tzinfo=UTC))
    seal_all(lake, signer)

    pulled = pull(
        lake,
        Selection(date(2026, 2, 3), date(2026, 2, 3), recipes=("1030000",), tables=("activity",)),
        tmp_path / "pack.zip",
        as_format=Format.CSV,
        clock=lambda: NOW,
        signer=signer,
        by="tests",
    )

    reads = pulled.reads
    assert pulled.rows == 1
    # parent_id, which is null throughout, is told by the bounds alone
    assert (reads.row_groups, reads.row_groups_of) == (1, 4)
    # and the file that holds it is held against its digest
    assert reads.bytes_of < reads.bytes < reads.bytes_of * 1.1


def test_files_without_the_event_type_are_not_read(archive: Sealed, tmp_path: Path) -> None:
    asked = selection(event_types=("user_invited",), tables=("activity",))

    pulled = pull_pack(archive, tmp_path / "p.zip", asked=asked)

    assert (pulled.rows, pulled.reads.files, pulled.reads.files_of) == (3, 3, 4)


# elsewhere


def test_packs_are_pulled_from_object_stores_too(place: Place, tmp_path: Path) -> None:
    of = sealed(place, tmp_path)

    pulled = pull_pack(of, tmp_path / "pack.zip")

    assert pulled.rows == sum(len(rows(of.lake, name)) for name in LOADED_TABLES)
    assert found(tmp_path / "pack.zip", of) == set()

"""The commands that pull and restore: what they print, record and refuse."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from lakes import counts, folder_place, lake_at
from packs import Sealed, found, sealed, unpack
from typer.testing import CliRunner, Result

from pipelines.archive.log import open_log
from pipelines.cli.main import app
from pipelines.errors import TrailhouseError

DAYS = ("--from", "2026-02-01", "--to", "2026-02-28")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["archive", *arguments])


@pytest.fixture(scope="module")
def of(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    folder = tmp_path_factory.mktemp("pull-cli")
    return sealed(folder_place(folder), folder)


@pytest.fixture(autouse=True)
def _use(of: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = of.lake.storage.settings.archive
    monkeypatch.setenv("TRAILHOUSE_LAKE_URL", of.lake.url)
    monkeypatch.setenv("TRAILHOUSE_ARCHIVE__SIGNING_KEY", str(archive.signing_key))


def test_a_pack_is_pulled_and_its_own_verify_py_says_clean(of: Sealed, tmp_path: Path) -> None:
    pack = tmp_path / "pack.zip"

    done = run("pull", *DAYS, "--format", "csv", "--out", str(pack), "--by", "Ines", "--json")

    facts = json.loads(done.stdout)
    assert facts["rows"] == sum(counts(of.lake).values())
    assert open_log(of.lake).entries()[facts["entry"]].body["by"] == "Ines"
    (tmp_path / "verify.py").write_bytes(unpack(pack)["verify.py"])
    command = [sys.executable, "-I", "-S", "verify.py", "--key", of.key_id, "pack.zip"]
    checked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert checked.returncode == 4, checked.stdout  # more days were asked for than are sealed
    assert facts["not_sealed"][0]["from"] == "2026-02-09"
    assert "pulled by Ines at" in checked.stdout


def test_ways_to_narrow_may_be_repeated(of: Sealed, tmp_path: Path) -> None:
    pack = tmp_path / "pack.zip"
    people = ("--person", "mira@larkfield.example", "--person", "70456")

    done = run("pull", *DAYS, *people, "--event-type", "recipe_started", "--out", str(pack))

    assert done.exit_code == 0, done.output
    assert "rows of activity" in done.stdout
    assert "Sealed is through 2026-02-08; the days after it are not in the pack." in done.stdout
    assert found(pack, of) == set()


def test_a_pack_is_not_written_where_there_is_no_folder(tmp_path: Path) -> None:
    done = run("pull", *DAYS, "--out", str(tmp_path / "no" / "pack.zip"))

    assert done.exit_code == 2
    assert "--out" in done.stderr


def test_a_name_is_refused_with_what_is_allowed(tmp_path: Path) -> None:
    done = run("pull", *DAYS, "--person", "Mira Okafor", "--out", str(tmp_path / "pack.zip"))

    assert isinstance(done.exception, TrailhouseError)
    assert "neither an e-mail address nor an id" in str(done.exception)


def test_a_lake_is_restored_and_the_log_says_so(of: Sealed, tmp_path: Path) -> None:
    done = run("restore", "--to", str(tmp_path / "restored"), "--json")

    facts = json.loads(done.stdout)
    assert facts["tables"] == {name: n for name, n in counts(of.lake).items() if n}
    assert counts(lake_at(tmp_path / "restored")) == counts(of.lake)
    entry = open_log(of.lake).entries()[facts["entry"]]
    assert (entry.kind, entry.body["target"]) == ("restore", str(tmp_path / "restored"))


def test_a_copy_is_restored_into_a_file_where_no_private_key_is(
    of: Sealed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRAILHOUSE_ARCHIVE__SIGNING_KEY")
    monkeypatch.setenv("TRAILHOUSE_LAKE_URL", str(tmp_path / "none"))
    copy, target = str(Path(of.lake.url, "archive")), tmp_path / "restored.duckdb"

    done = run("restore", "--archive", copy, "--key", of.key_id, "--to", str(target))

    assert done.exit_code == 0, done.output
    assert target.is_file()
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("form", ["id", "file"])
def test_a_key_is_named_by_its_id_or_its_file(of: Sealed, tmp_path: Path, form: str) -> None:
    public = tmp_path / "seal.pub.pem"
    public.write_text(of.signer.public.pem)
    given = of.key_id if form == "id" else str(public)

    done = run("restore", "--key", given, "--to", str(tmp_path / "restored.duckdb"))

    assert done.exit_code == 0, done.output


def test_what_is_no_key_is_told_as_such(tmp_path: Path) -> None:
    done = run("restore", "--key", "no-such.pem", "--to", str(tmp_path / "restored.duckdb"))

    assert "no-such.pem: neither a key id" in str(done.exception)

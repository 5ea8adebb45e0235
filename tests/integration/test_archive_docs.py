"""The page on the archive: its commands run as they stand, and those by hand find tampering."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import orjson
import pytest
from typer.testing import CliRunner

from pipelines.archive.findings import MEANINGS
from pipelines.cli.main import app

PAGE = (Path(__file__).parents[2] / "docs" / "archive.md").read_text()
BLOCK = re.compile(r"^```(console|sql)\n(.*?)^```", re.M | re.S)


@dataclass
class Reader:
    """Somebody who follows the page: a folder, what was exported, what each step answered."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)

    def follow(self, page: str) -> None:
        """Do all steps of a page in order; each must succeed."""
        for kind, text in BLOCK.findall(page):
            if kind == "sql":
                self.answers[text] = self.query(text)
                continue
            for line in re.findall(r"^\$ (.*)$", text, re.M):
                done = self.run(line)
                assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
                self.answers[line] = done.stdout

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run one line as a shell does, and keep what it exports; ours without a new process."""
        if exported := re.fullmatch(r"export (\w+)=(.*)", line):
            self.variables[exported[1]] = exported[2].strip("'")
        if line.startswith("trailhouse "):
            return self._trailhouse(line)
        return subprocess.run(
            ["bash", "-c", line], cwd=self.folder, capture_output=True, text=True, check=False
        )

    def _trailhouse(self, line: str) -> subprocess.CompletedProcess[str]:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            for name, value in self.variables.items():
                patch.setenv(name, value)
            done = CliRunner().invoke(app, shlex.split(line)[1:])
        why = f"{done.stderr}{done.exception!r}"
        return subprocess.CompletedProcess(line, done.exit_code, done.stdout, why)

    def query(self, sql: str) -> str:
        """Run SQL as DuckDB does in this folder; the first value of the answer."""
        with pytest.MonkeyPatch.context() as patch, duckdb.connect() as connection:
            patch.chdir(self.folder)
            return str(connection.execute(sql).fetchall()[0][0])

    def step(self, words: str) -> str:
        """The first step that has these words."""
        return next(step for step in self.answers if words in step)

    def answer(self, words: str) -> str:
        """What that step answered."""
        return self.answers[self.step(words)]

    def entry(self, number: int) -> Path:
        """An entry of the copied log."""
        return self.folder / "copy" / "log" / f"{number:08d}.json"


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """A reader who has done all that the page says."""
    reader = Reader(tmp_path_factory.mktemp("page"))
    reader.follow(PAGE)
    return reader


@pytest.fixture
def reader(followed: Reader, tmp_path: Path) -> Reader:
    """A reader with the same copy of the archive, who may spoil it."""
    shutil.copytree(followed.folder / "copy", tmp_path / "copy")
    for name in ("seal.pub.pem", "sums", "statement", "signature"):
        shutil.copy(followed.folder / name, tmp_path / name)
    return Reader(tmp_path, followed.variables, followed.answers)


def test_every_step_of_the_page_can_be_done(followed: Reader) -> None:
    assert len(followed.answers) > 30


def test_the_page_names_every_finding_with_its_meaning() -> None:
    told = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE.partition("## Check by hand")[0], re.M))

    assert told == dict(MEANINGS)


def test_by_hand_the_key_is_the_one_that_was_made(followed: Reader) -> None:
    made = re.search(r"Key: +([0-9a-f]{64})", followed.answer("keygen seal.pem"))

    assert made is not None
    assert followed.answer("openssl pkey -pubin").split()[0] == made[1]


def test_by_hand_an_untouched_archive_is_clean(followed: Reader) -> None:
    assert "Verified Successfully" in followed.answer("openssl pkeyutl")
    assert followed.answer("unsigned:") == ""
    assert followed.answer("broken:") == ""
    assert followed.answer("sha256sum --quiet --check") == ""
    assert followed.answer("comm -23") == ""
    last = int(followed.answer("ls copy/log | tail -1")[:8])
    assert int(followed.answer("ls copy/log | wc -l")) == last + 1


def test_by_hand_the_root_of_a_day_is_that_of_its_manifest(followed: Reader) -> None:
    root = followed.answer("with recursive level")
    names = followed.answer("ls copy/jobs").split()

    assert {name[:15] for name in names} == {f"0-{root[:12]}-"}
    assert {name.partition(".")[2] for name in names} == {"parquet", "tiles.zip"}
    assert len(names) == 2
    entries = sorted((followed.folder / "copy" / "log").iterdir())
    bodies = [orjson.loads(entry.read_bytes().split(b"\n")[0]) for entry in entries]
    assert root in {body.get("root") for body in bodies}


def test_by_hand_a_changed_entry_breaks_the_chain_and_its_signature(reader: Reader) -> None:
    entry = reader.entry(1)
    entry.write_bytes(entry.read_bytes().replace(b'"rows":', b'"rows":1', 1))

    for words in ("| tr -d", "base64 -d"):
        reader.run(reader.step(words))
    checked = reader.run(reader.step("openssl pkeyutl"))
    all_checked = reader.run(reader.step("unsigned:"))
    chain = reader.run(reader.step("broken:"))

    assert checked.returncode != 0
    assert all_checked.stdout.split() == ["unsigned:", "copy/log/00000001.json"]
    assert chain.stdout.split() == ["broken:", "00000002.json"]


def test_by_hand_two_entries_that_were_removed_break_the_chain(reader: Reader) -> None:
    for number in (3, 4):
        reader.entry(number).unlink()

    chain = reader.run(reader.step("broken:"))

    assert chain.stdout.split() == ["broken:", "00000005.json"]


def test_by_hand_a_flipped_bit_of_a_file_is_found(reader: Reader) -> None:
    spoilt = next(reader.folder.rglob("*.parquet"))
    content = bytearray(spoilt.read_bytes())
    content[len(content) // 2] ^= 1
    spoilt.write_bytes(content)

    checked = reader.run(reader.step("sha256sum --quiet --check"))

    assert checked.returncode != 0
    assert str(spoilt.relative_to(reader.folder / "copy")) in checked.stdout


def test_by_hand_a_file_that_was_slipped_in_is_found(reader: Reader) -> None:
    file = next(reader.folder.rglob("*.parquet"))
    shutil.copy(file, file.with_name("1-000000000000.parquet"))

    found = reader.run(reader.step("comm -23"))

    assert found.stdout.split() == [
        str(file.with_name("1-000000000000.parquet").relative_to(reader.folder / "copy"))
    ]

"""Verifying: what is read, while others go on sealing, on every kind of place, and what is told."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import IO, Any

import pytest
from archives import (
    SEALED,
    Copy,
    anchor,
    copied,
    facts_of,
    fill,
    found,
    key,
    seal_all,
    sealed_lake,
    ticking,
    usual_archive,
)
from lakes import Place, activity, folder_place
from typer.testing import CliRunner, Result

from pipelines.archive.log import open_log, open_mirror
from pipelines.archive.place import Folder, open_archive_place
from pipelines.archive.verification import Sample, Verification
from pipelines.archive.verify import record, verify
from pipelines.cli.main import app


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A sealed archive in a folder."""
    return usual_archive(tmp_path_factory.mktemp("original"))


@pytest.fixture
def copy(original: Copy, tmp_path: Path) -> Copy:
    """A copy of it, to be changed."""
    return copied(original, tmp_path)


def verified(copy: Copy, **more: Any) -> Verification:
    return verify(Folder(str(copy.folder)), trusted={copy.signer.public.key_id}, **more)


def test_an_archive_is_verified_wherever_it_lies(place: Place, tmp_path: Path) -> None:
    signer = key(tmp_path)
    lake = sealed_lake(place, signer)
    archive, trusted = open_archive_place(lake), {signer.public.key_id}
    sound = verify(archive, trusted=trusted, mirror=open_mirror(lake), deep=True)
    path = next(path for path, _ in sorted(archive.list()) if path.endswith(".parquet"))
    content = archive.get(path)
    archive.delete(path)
    archive.put_new(path, content + b"!")
    archive.put_new("activity/more", b"")

    spoilt = verify(archive, trusted=trusted, mirror=open_mirror(lake))

    assert sound.findings == ()
    assert sound.checked.rows == 23
    assert found(spoilt) == {("modified", path), ("added", "activity/more")}


def test_a_verification_counts_what_it_read(copy: Copy) -> None:
    objects = [*copy.files(), *copy.files(".zip")]

    checked = verified(copy).checked

    assert checked.as_dict() == {
        "entries": len(copy.log),
        "seals": len(copy.bodies("seal")),
        "objects": len(objects),
        "bytes": sum(one.stat().st_size for one in objects),
        "rows": sum(body["rows"] for body in copy.bodies("seal")),
    }


def test_progress_reaches_what_there_is_to_read(copy: Copy) -> None:
    told: list[tuple[str, int, int]] = []

    verification = verified(copy, deep=True, progress=lambda *one: told.append(one))

    read = [one for one in told if one[0] == "bytes read"]
    assert sum(added for _, added, _ in read) == verification.checked.bytes
    assert {total for _, _, total in read} == {verification.checked.bytes}
    seals = [one for one in told if one[0] == "seals read row by row"]
    assert sum(added for _, added, _ in seals) == seals[0][2]


def test_a_window_narrows_whose_bytes_are_read(copy: Copy) -> None:
    early, late = copy.files()[0], copy.files()[-1]
    for file in (early, late):
        file.write_bytes(file.read_bytes()[::-1])
    days = [
        date.fromisoformat(one.parent.name.removeprefix("event_date=")) for one in (early, late)
    ]
    assert days[0] < days[1]

    first = verified(copy, to_date=days[0])
    second = verified(copy, from_date=days[1], to_date=days[1])

    assert found(first) == {("modified", copy.path(early))}
    assert found(second) == {("modified", copy.path(late))}


def test_what_is_gone_outside_the_window_is_found_all_the_same(copy: Copy) -> None:
    gone = copy.files()[0]
    gone.unlink()

    verification = verified(copy, from_date=date(2026, 2, 9))

    assert found(verification) == {("missing", copy.path(gone))}


def test_the_log_is_checked_whole_whatever_the_window(copy: Copy) -> None:
    copy.put(3, copy.log[3].read_bytes()[:-2])

    verification = verified(copy, from_date=date(2026, 2, 9))

    assert ("modified", "log/00000003.json") in found(verification)


def test_a_sample_reads_the_same_seals_for_the_same_seed(copy: Copy) -> None:
    def drawn(seed: int) -> tuple[int, int]:
        checked = verified(copy, sample=Sample(2, seed)).checked
        return checked.seals, checked.bytes

    draws = {seed: drawn(seed) for seed in range(6)}

    assert {seals for seals, _ in draws.values()} == {2}
    assert all(drawn(seed) == read for seed, read in draws.items())
    assert len(set(draws.values())) > 1, "another seed draws others"


def test_a_sample_sees_at_once_what_is_gone_or_has_another_size(copy: Copy) -> None:
    gone, longer = copy.files()[0], copy.files()[1]
    gone.unlink()
    with longer.open("ab") as opened:
        opened.write(b"!")

    verification = verified(copy, sample=Sample(0, seed=1))

    assert found(verification) == {("missing", copy.path(gone)), ("modified", copy.path(longer))}


@dataclass(frozen=True)
class Busy:
    """A folder in which something happens once its objects were listed."""

    folder: Folder
    meanwhile: Any

    @property
    def url(self) -> str:
        return self.folder.url

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        listed = list(self.folder.list(prefix))
        if not prefix:
            self.meanwhile()
        return iter(listed)

    def get(self, path: str) -> bytes:
        return self.folder.get(path)

    def open(self, path: str) -> IO[bytes]:
        return self.folder.open(path)

    def exists(self, path: str) -> bool:
        return self.folder.exists(path)

    def put_new(self, path: str, data: bytes | Path, *, retain_until: date | None = None) -> bool:
        return self.folder.put_new(path, data, retain_until=retain_until)

    def delete(self, path: str) -> None:
        self.folder.delete(path)


def test_what_is_sealed_meanwhile_is_no_finding(tmp_path: Path) -> None:
    signer = key(tmp_path)
    lake = sealed_lake(folder_place(tmp_path), signer)
    fill(folder_place(tmp_path), lake, [activity(timestamp="2026-02-10 12:00:00 UTC")], "next")

    def meanwhile() -> None:
        seal_all(lake, signer, SEALED + timedelta(days=1))

    archive = Busy(Folder(open_archive_place(lake).url), meanwhile)

    verification = verify(archive, trusted={signer.public.key_id}, mirror=open_mirror(lake))

    assert verification.findings == ()
    assert verification.sealed_through == date(2026, 2, 10)


def test_a_file_whose_entry_is_written_while_others_are_read_is_no_finding(copy: Copy) -> None:
    entry = copy.log[-1]
    content = entry.read_bytes()
    assert copy.bodies("seal")[-1]["files"], "its files are there before it is"
    entry.unlink()

    verification = verified(copy, progress=lambda *_: entry.write_bytes(content) and None)

    assert verification.findings == ()


def test_what_is_deleted_meanwhile_is_no_finding(copy: Copy) -> None:
    seal = copy.expire(next(body["index"] for body in copy.bodies("seal") if body["rows"]))
    paths = [one["path"] for one in [*seal["files"], seal["tiles"]]]
    facts = {"kind": "delete", "reason": "due", "seals": [seal["index"]], "paths": paths}
    for path in paths:
        (copy.folder / path).unlink()
    recorded: list[int] = []

    def meanwhile(*_: object) -> None:
        if not recorded:
            recorded.append(copy.append(facts))

    verification = verified(copy, progress=meanwhile)

    assert recorded
    assert verification.findings == ()


def test_what_is_deleted_while_rows_are_read_is_no_finding(copy: Copy) -> None:
    seal = copy.expire(next(body["index"] for body in copy.bodies("seal") if body["rows"]))
    paths = [one["path"] for one in [*seal["files"], seal["tiles"]]]
    facts = {"kind": "delete", "reason": "due", "seals": [seal["index"]], "paths": paths}
    hashed = 0

    def meanwhile(what: str, added: int, total: int) -> None:
        nonlocal hashed
        hashed += added if what == "bytes read" else 0
        if hashed == total and (copy.folder / paths[0]).exists():
            copy.append(facts)
            for path in paths:
                (copy.folder / path).unlink()

    verification = verified(copy, deep=True, progress=meanwhile)

    assert not (copy.folder / paths[0]).exists()
    assert verification.findings == ()


def test_an_object_that_cannot_be_read_is_told_apart_from_one_that_was_changed(copy: Copy) -> None:
    file = copy.files()[0]
    file.unlink()
    file.symlink_to(file)

    verification = verified(copy)

    assert found(verification) == {("unreadable", copy.path(file))}


def a_link(file: Path) -> None:
    """The same bytes, but outside the archive, where they can change."""
    outside = file.parents[4] / "outside"
    file.rename(outside)
    file.symlink_to(outside)


def a_pipe(file: Path) -> None:
    """What whoever reads it waits for, for ever."""
    file.unlink()
    os.mkfifo(file)


@pytest.mark.parametrize("put", [a_link, a_pipe])
@pytest.mark.parametrize("sampled", [None, Sample(0, 1)], ids=["all", "sizes"])
def test_only_a_regular_file_is_the_one_that_was_sealed(
    copy: Copy, put: Callable[[Path], None], sampled: Sample | None
) -> None:
    file = copy.files()[0]
    put(file)

    verification = verified(copy, sample=sampled)

    assert found(verification) == {("unreadable", copy.path(file))}
    assert "not a file" in verification.findings[0].detail


def test_a_log_with_a_pipe_and_an_endless_object_is_read_to_its_end(copy: Copy) -> None:
    a_pipe(copy.log[-1])
    endless = copy.log[-1].with_name("00009999.json")
    endless.touch()
    os.truncate(endless, 2**40)

    findings = verified(copy).findings

    unreadable = {one.where for one in findings if one.name == "unreadable"}
    assert unreadable == {f"log/{len(copy.log) - 2:08}.json", "log/00009999.json"}


def test_what_was_left_where_objects_are_written_is_listed(copy: Copy) -> None:
    half = copy.folder / ".incoming" / "half"
    half.parent.mkdir(exist_ok=True)
    half.write_bytes(b"ha")

    verification = verified(copy)

    assert verification.clean
    assert verification.as_dict()["leftovers"] == [".incoming/half"]


def test_a_verification_is_recorded_in_the_log_with_what_it_found(tmp_path: Path) -> None:
    signer = key(tmp_path)
    lake = sealed_lake(folder_place(tmp_path), signer)
    archive = open_archive_place(lake)
    archive.put_new("more", b"")
    trusted = {signer.public.key_id}
    verification = verify(archive, trusted=trusted, from_date=date(2026, 2, 5))

    entry = record(
        open_log(lake),
        verification,
        clock=ticking(SEALED + timedelta(days=1)),
        signer=signer,
        by="an auditor",
    )

    assert entry.kind == "verify"
    assert entry.body["scope"]["from"] == "2026-02-05"
    assert (entry.body["clean"], entry.body["findings"]) == (False, 1)
    assert entry.body["found"] == {"added": 1}
    archive.delete("more")
    assert verify(archive, trusted=trusted, mirror=open_mirror(lake)).findings == ()


# The command


@pytest.fixture
def lake_folder(original: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the whole lake, of which the settings tell the commands."""
    folder = tmp_path / "lake"
    shutil.copytree(original.folder.parent, folder)
    monkeypatch.setenv("TRAILHOUSE_LAKE_URL", str(folder))
    keys = [original.signer.public.key_id]
    monkeypatch.setenv("TRAILHOUSE_ARCHIVE__TRUSTED_KEYS", json.dumps(keys))
    return folder


@pytest.fixture
def signing(original: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings name the signing key as well."""
    path = original.folder.parents[1] / "seal.pem"
    monkeypatch.setenv("TRAILHOUSE_ARCHIVE__SIGNING_KEY", f"file:{path}")


def command(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["archive", "verify", *arguments])


def told(*arguments: str, code: int = 0) -> dict[str, Any]:
    done = command(*arguments, "--json")
    assert done.exit_code == code, (done.output, done.exception)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.usefixtures("signing")
def test_the_command_says_clean_and_records_itself(lake_folder: Path) -> None:
    before = len(list((lake_folder / "archive" / "log").iterdir()))

    answer = told("--deep", "--by", "Mira")

    assert answer["clean"] is True
    assert answer["findings"] == []
    assert answer["entry"] == before
    content = (lake_folder / "archive" / "log" / f"{before:08}.json").read_bytes()
    assert json.loads(content.splitlines()[0])["by"] == "Mira"


def test_the_command_without_a_signing_key_verifies_and_records_nothing(lake_folder: Path) -> None:
    log = lake_folder / "archive" / "log"
    before = len(list(log.iterdir()))

    done = command()

    assert done.exit_code == 0
    assert "Clean." in done.stdout
    assert "archive.signing_key is not set" in done.stderr
    assert len(list(log.iterdir())) == before


def test_the_command_names_what_is_wrong_and_exits_with_one(lake_folder: Path) -> None:
    path = next(one["path"] for one in first_seal(lake_folder)["files"])
    (lake_folder / "archive" / path).unlink()

    answer = told(code=1)
    shown = command()

    assert [(one["name"], one["where"]) for one in answer["findings"]] == [("missing", path)]
    assert answer["found"] == {"missing": 1}
    assert shown.exit_code == 1
    assert path in shown.stdout.replace("\n", "")
    assert "NOT CLEAN: 1 found." in shown.stdout


def first_seal(lake: Path) -> dict[str, Any]:
    entry = (lake / "archive" / "log" / "00000001.json").read_bytes()
    body: dict[str, Any] = json.loads(entry.splitlines()[0])
    return body


def test_a_copy_is_verified_without_any_settings(copy: Copy, tmp_path: Path) -> None:
    public = tmp_path / "seal.pub.pem"
    public.write_text(copy.signer.public.pem)

    by_file = told("--offline", str(copy.folder), "--key", str(public))
    by_id = told("--offline", str(copy.folder), "--key", copy.signer.public.key_id)

    assert by_file["clean"] is by_id["clean"] is True
    assert by_file["entry"] is None


def test_a_copy_is_not_verified_without_a_trusted_key(copy: Copy) -> None:
    done = command("--offline", str(copy.folder))

    assert done.exception is not None
    assert "--key" in str(done.exception)
    assert copy.signer.public.key_id in str(done.exception), "the id to be confirmed"


def test_a_copy_is_not_clean_to_who_trusts_another_key(copy: Copy) -> None:
    answer = told("--offline", str(copy.folder), "--key", "ab" * 32, code=1)

    assert answer["found"] == {"unknown_key": 1}


def test_an_anchor_from_an_e_mail_shows_that_the_tail_was_cut_off(copy: Copy) -> None:
    witness = anchor(copy)
    copy.log[-1].unlink()

    answer = told(
        *("--offline", str(copy.folder), "--key", copy.signer.public.key_id),
        *("--anchor", f"{witness.index}:{witness.digest}"),
        code=1,
    )

    assert answer["found"]["truncated_tail"] == 1


def test_a_place_of_anchors_is_compared_entry_by_entry(copy: Copy, tmp_path: Path) -> None:
    kept = tmp_path / "kept" / "log"
    kept.mkdir(parents=True)
    for index in (4, len(copy.log) - 1):
        shutil.copy(copy.log[index], kept)
    options = ("--offline", str(copy.folder), "--key", copy.signer.public.key_id)
    sound = told(*options, "--anchor", str(kept.parent))
    copy.rewrite(len(copy.log) - 1, by="somebody else")

    answer = told(*options, "--anchor", str(kept.parent), code=1)

    assert sound["clean"] is True
    assert answer["found"] == {"rewritten": 1}


def test_a_place_without_anchors_is_refused(copy: Copy, tmp_path: Path) -> None:
    options = ("--offline", str(copy.folder), "--key", copy.signer.public.key_id)

    done = command(*options, "--anchor", str(tmp_path / "nowhere"))

    assert "no entries are kept there" in str(done.exception)


def test_the_places_of_the_settings_are_compared_too(
    lake_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept"
    shutil.copytree(lake_folder / "archive" / "log", kept / "log")
    monkeypatch.setenv("TRAILHOUSE_ARCHIVE__ANCHOR_URLS", json.dumps([str(kept)]))
    last = sorted((lake_folder / "archive" / "log").iterdir())[-1]
    (lake_folder / "archive_log" / last.name).unlink()
    last.unlink()

    answer = told(code=1)

    assert answer["found"]["truncated_tail"] == 1


@pytest.fixture
def witness(lake_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place that was told of the newest entry, as the log says."""
    place = tmp_path / "witness"
    monkeypatch.setenv("TRAILHOUSE_ARCHIVE__ANCHOR_URLS", json.dumps([str(place)]))
    done = CliRunner().invoke(app, ["archive", "anchor"])
    assert done.exit_code == 0, done.output
    return place


@pytest.mark.usefixtures("signing")
def test_a_witness_that_lost_what_it_was_told_is_found(lake_folder: Path, witness: Path) -> None:
    sound, shown = told(), command()
    (kept,) = (witness / "log").iterdir()
    kept.unlink()

    answer = told(code=1)

    assert sound["witnesses_compared"] == [str(witness)]
    assert sound["witnesses_not_compared"] == {}
    assert f"Compared with what is kept elsewhere: {witness}." in shown.stdout.replace("\n", "")
    where = f"{witness}/log/{kept.name}"
    assert [(one["name"], one["where"]) for one in answer["findings"]] == [("missing", where)]
    assert answer["witnesses_compared"] == []
    assert answer["witnesses_not_compared"] == {str(witness): "no entries are kept there"}


@pytest.mark.usefixtures("signing")
def test_clean_without_a_witness_says_so(copy: Copy, lake_folder: Path, witness: Path) -> None:
    options = ("--offline", str(lake_folder / "archive"), "--key", copy.signer.public.key_id)

    answer, shown = told(*options), command(*options)
    named = told(*options, "--anchor", str(witness))

    assert answer["witnesses_compared"] == []
    assert "--anchor" in answer["witnesses_not_compared"][str(witness)]
    assert "No witness was compared" in shown.stdout
    assert named["witnesses_compared"] == [str(witness)]
    assert named["witnesses_not_compared"] == {}


def test_entries_of_every_kind_are_part_of_a_clean_archive(copy: Copy) -> None:
    witness = anchor(copy)
    told = {"kind": "anchor", "entry": witness.index, "digest": witness.digest, "where": "x"}
    copy.append(told)
    for kind in ("pull", "restore"):
        copy.append({**facts_of(copy.body(0)), "kind": kind})

    assert verified(copy).findings == ()

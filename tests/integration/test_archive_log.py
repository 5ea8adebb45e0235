"""Log: entries follow one another whoever appends, survive crashes, and are read only if sound."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from getpass import getuser
from hashlib import sha256
from pathlib import Path
from socket import gethostname
from threading import Barrier
from typing import IO, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakes import Place as LakePlace

from pipelines.archive.entry import sign_entry
from pipelines.archive.keys import Signer, make_key, signer_from_file
from pipelines.archive.log import Entry, Log, Overtaken, open_log, parse_entry
from pipelines.archive.place import Place, open_archive_place, open_place
from pipelines.archive.rotation import rotate
from pipelines.errors import ArchiveError, ConfigurationError

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)


class Crash(Exception):
    """The process ends here."""


@dataclass
class Failing:
    """A place whose process crashes before, or right after, it puts entry 2."""

    inner: Place
    when: Literal["before", "after"] = "before"
    url: str = field(init=False)

    def __post_init__(self) -> None:
        self.url = self.inner.url

    def put_new(self, path: str, data: bytes | Path, *, retain_until: date | None = None) -> bool:
        if not path.endswith("00000002.json"):
            return self.inner.put_new(path, data, retain_until=retain_until)
        if self.when == "after":
            self.inner.put_new(path, data, retain_until=retain_until)
        raise Crash(path)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@dataclass
class Forgetful:
    """A place that says of its first put that the object exists, as after a lost answer of S3."""

    inner: Place

    def put_new(self, path: str, data: bytes | Path, *, retain_until: date | None = None) -> bool:
        self.inner.put_new(path, data, retain_until=retain_until)
        return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@dataclass
class WriteOnly:
    """A place whose identity may put and nothing else."""

    inner: Place
    url: str = "s3://archive"

    def put_new(self, path: str, data: bytes | Path, *, retain_until: date | None = None) -> bool:
        return self.inner.put_new(path, data, retain_until=retain_until)

    def get(self, path: str) -> bytes:
        raise ArchiveError("access was denied")

    def open(self, path: str) -> IO[bytes]:
        raise ArchiveError("access was denied")

    def list(self, prefix: str = "") -> Any:
        raise ArchiveError("access was denied")

    def exists(self, path: str) -> bool:
        raise ArchiveError("access was denied")

    def delete(self, path: str) -> None:
        raise ArchiveError("access was denied")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Signer]:
    """Signers by name."""
    folder = tmp_path_factory.mktemp("keys")

    def key(name: str) -> Signer:
        path = folder / name
        if not path.exists():
            make_key(path)
        return signer_from_file(path)

    return key


@pytest.fixture
def signer(keys: Callable[[str], Signer]) -> Signer:
    """The archive's signer."""
    return keys("first")


@pytest.fixture
def archive(place: LakePlace) -> Place:
    """The archive of a lake."""
    return open_archive_place(place.lake())


@pytest.fixture
def mirror(place: LakePlace) -> Place:
    """The mirror of its log."""
    return open_place(f"{place.lake().url}/archive_log", place.lake().storage)


def append(log: Log, signer: Signer, reason: str = "audit", **more: Any) -> Entry:
    """Append a hold."""
    return log.append("hold", {"reason": reason}, clock=lambda: NOW, signer=signer, by="m", **more)


def contents(place: Place) -> dict[str, bytes]:
    """The log's objects by index."""
    return {path[-13:]: place.get(path) for path, _ in place.list()}


def kinds(log: Log) -> list[str]:
    """What the log records."""
    return [entry.kind for entry in log.entries()]


def test_a_log_begins_with_the_key_that_signs_it(place: LakePlace, signer: Signer) -> None:
    log = open_log(place.lake())

    append(log, signer)

    first = log.entries()[0]
    assert kinds(log) == ["key", "hold"]
    assert first.body["public_key"] == signer.public.pem
    assert first.signatures[0].key_id == first.body["key_id"] == signer.public.key_id


def test_every_entry_names_the_digest_of_the_one_before(
    place: LakePlace, archive: Place, signer: Signer
) -> None:
    log = open_log(place.lake())

    for reason in "abc":
        append(log, signer, reason)

    stored = [archive.get(f"log/{index:08d}.json") for index in range(4)]
    named = [json.loads(content.splitlines()[0])["previous"] for content in stored]
    assert named == [None, *(sha256(content).hexdigest() for content in stored[:-1])]


def test_an_entry_has_what_happened_when_by_whom_and_with_what(
    place: LakePlace, signer: Signer
) -> None:
    at = datetime(2026, 3, 20, 13, 30, tzinfo=timezone(timedelta(hours=2)))

    entry = open_log(place.lake()).append(
        "hold", {"reason": "ä"}, clock=lambda: at, signer=signer, by="mira"
    )

    body = parse_entry(entry.content).body
    assert (body["kind"], body["reason"], body["by"]) == ("hold", "ä", "mira")
    assert body["recorded_at"] == "2026-03-20T11:30:00.000000Z"
    assert body["software"].startswith("trailhouse ")


def test_the_mirror_and_the_archive_hold_the_same_bytes(
    place: LakePlace, archive: Place, mirror: Place, signer: Signer
) -> None:
    append(open_log(place.lake()), signer)

    assert contents(archive) == contents(mirror) != {}


def test_a_log_is_read_by_whoever_opens_it(
    place: LakePlace, archive: Place, signer: Signer
) -> None:
    written = [append(open_log(place.lake()), signer, reason) for reason in "abc"]

    from_the_mirror = open_log(place.lake()).entries()
    from_the_archive = Log(archive).entries()

    assert from_the_mirror == from_the_archive
    assert from_the_mirror[1:] == written


def test_openssl_accepts_an_entry(place: LakePlace, signer: Signer, tmp_path: Path) -> None:
    entry = append(open_log(place.lake()), signer)
    (tmp_path / "statement").write_bytes(entry.content.splitlines()[0])
    (tmp_path / "signature").write_bytes(entry.signatures[0].signature)
    (tmp_path / "key.pem").write_text(signer.public.pem)

    command = "pkeyutl -verify -pubin -inkey key.pem -rawin -in statement -sigfile signature"
    done = subprocess.run(
        ["openssl", *command.split()], cwd=tmp_path, capture_output=True, check=True
    )

    assert done.stdout == b"Signature Verified Successfully\n"


def test_two_writers_at_once_append_one_after_the_other(
    place: LakePlace, archive: Place, mirror: Place, signer: Signer
) -> None:
    append(open_log(place.lake()), signer)
    together, each = Barrier(2), 6

    def write(name: str) -> int:
        log, overtaken, left = open_log(place.lake()), 0, each
        log.entries()
        together.wait()
        while left:
            try:
                append(log, signer, name)
                left -= 1
            except Overtaken:
                overtaken += 1
        return overtaken

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, ("left", "right")))

    entries = open_log(place.lake()).entries()
    reasons = [entry.body["reason"] for entry in entries[2:]]
    assert (reasons.count("left"), reasons.count("right")) == (each, each)
    assert contents(archive) == contents(mirror)


def test_who_comes_second_appends_nothing_and_sees_what_was_appended(
    place: LakePlace, signer: Signer
) -> None:
    first, second = open_log(place.lake()), open_log(place.lake())
    append(first, signer, "a")
    second.entries()
    append(first, signer, "b")

    with pytest.raises(Overtaken, match="entry 2"):
        append(second, signer, "c")

    assert [entry.body.get("reason") for entry in second.entries()] == [None, "a", "b"]
    assert append(second, signer, "c").index == 3


def test_a_crash_between_mirror_and_archive_is_healed_by_the_next_writer(
    archive: Place, mirror: Place, signer: Signer
) -> None:
    append(Log(archive, mirror), signer, "a")
    with pytest.raises(Crash):
        append(Log(Failing(archive), mirror), signer, "b")
    assert len(contents(archive)) == 2

    append(Log(archive, mirror), signer, "c")

    assert [entry.body.get("reason") for entry in Log(archive).entries()] == [None, "a", "b", "c"]
    assert contents(archive) == contents(mirror)


def test_a_crash_right_after_the_archive_leaves_nothing_to_heal(
    archive: Place, mirror: Place, signer: Signer
) -> None:
    append(Log(archive, mirror), signer, "a")
    with pytest.raises(Crash):
        append(Log(Failing(archive, "after"), mirror), signer, "b")

    append(Log(archive, mirror), signer, "c")

    assert [entry.body.get("reason") for entry in Log(archive).entries()] == [None, "a", "b", "c"]


def test_a_crash_before_the_mirror_appends_nothing(
    archive: Place, mirror: Place, signer: Signer
) -> None:
    append(Log(archive, mirror), signer, "a")
    with pytest.raises(Crash):
        append(Log(archive, Failing(mirror)), signer, "b")

    append(Log(archive, mirror), signer, "c")

    assert [entry.body.get("reason") for entry in Log(archive).entries()] == [None, "a", "c"]


def test_an_append_whose_answer_was_lost_is_not_repeated(
    archive: Place, mirror: Place, signer: Signer
) -> None:
    log = Log(Forgetful(archive), Forgetful(mirror))

    append(log, signer, "a")
    append(log, signer, "b")

    assert [entry.body.get("reason") for entry in Log(archive).entries()] == [None, "a", "b"]


def test_who_may_only_write_heals_as_well(archive: Place, mirror: Place, signer: Signer) -> None:
    append(Log(WriteOnly(archive), mirror), signer, "a")
    with pytest.raises(Crash):
        append(Log(Failing(WriteOnly(archive)), mirror), signer, "b")

    append(Log(WriteOnly(archive), mirror), signer, "c")

    assert contents(archive) == contents(mirror)
    assert len(contents(archive)) == 4


def test_who_may_only_write_does_not_begin_an_archive_twice(
    archive: Place, mirror: Place, signer: Signer
) -> None:
    append(Log(WriteOnly(archive), mirror), signer, "a")
    before = contents(archive)
    for path, _ in list(mirror.list()):
        mirror.delete(path)

    with pytest.raises(ArchiveError, match="mirror"):
        append(Log(WriteOnly(archive), mirror), signer, "b")

    assert contents(archive) == before


@pytest.mark.parametrize("kept", [0, 2])
def test_a_mirror_that_was_lost_is_filled_from_the_archive(
    archive: Place, mirror: Place, signer: Signer, kept: int
) -> None:
    for reason in "abc":
        append(Log(archive, mirror), signer, reason)
    for path, _ in sorted(mirror.list())[kept:]:
        mirror.delete(path)

    append(Log(archive, mirror), signer, "d")

    reasons = [entry.body.get("reason") for entry in Log(archive).entries()]
    assert reasons == [None, "a", "b", "c", "d"]
    assert contents(archive) == contents(mirror)


def test_what_somebody_without_the_key_put_into_the_archive_is_not_continued(
    archive: Place, mirror: Place, keys: Callable[[str], Signer]
) -> None:
    head = append(Log(archive, mirror), keys("first"), "a")
    continued = {**head.body, "index": 2, "previous": head.digest}
    forged = sign_entry(continued, [keys("forger")])
    archive.put_new(forged.path, forged.content)

    with pytest.raises(ArchiveError, match=r"00000002.json is not signed with the archive's key"):
        append(Log(archive, mirror), keys("first"), "b")

    assert len(contents(mirror)) == 2


@pytest.mark.parametrize("may_read", [True, False], ids=["who may read", "who may only write"])
def test_what_somebody_without_the_key_put_into_the_mirror_is_not_sealed_in(
    archive: Place, mirror: Place, keys: Callable[[str], Signer], may_read: bool
) -> None:
    head = append(Log(archive, mirror), keys("first"), "a")
    continued = {**head.body, "index": 2, "previous": head.digest}
    forged = sign_entry(continued, [keys("forger")])
    mirror.put_new("00000002.json", forged.content)

    with pytest.raises(ArchiveError, match=r"00000002.json is not signed with the archive's key"):
        append(Log(archive if may_read else WriteOnly(archive), mirror), keys("first"), "b")

    assert len(contents(archive)) == 2


def test_an_archive_that_says_something_else_than_its_mirror_is_not_continued(
    archive: Place, mirror: Place, signer: Signer
) -> None:
    append(Log(archive, mirror), signer, "a")
    archive.delete("log/00000001.json")
    archive.put_new("log/00000001.json", b"other")

    with pytest.raises(ArchiveError, match="another entry than the mirror's"):
        append(Log(archive, mirror), signer, "b")

    assert len(contents(mirror)) == 2


def test_a_log_with_a_hole_is_not_continued(archive: Place, signer: Signer) -> None:
    for reason in "abc":
        append(Log(archive), signer, reason)
    archive.delete("log/00000002.json")

    with pytest.raises(ArchiveError, match=r"entry 2.*does not continue"):
        append(Log(archive), signer, "d")


def test_a_changed_entry_is_not_continued(archive: Place, signer: Signer) -> None:
    for reason in "abc":
        append(Log(archive), signer, reason)
    content = archive.get("log/00000002.json").replace(b'"reason":"b"', b'"reason":"x"')
    archive.delete("log/00000002.json")
    archive.put_new("log/00000002.json", content)

    with pytest.raises(ArchiveError, match=r"entry 3.*does not continue"):
        append(Log(archive), signer, "d")


def test_another_key_than_the_one_that_signs_is_refused(
    place: LakePlace, keys: Callable[[str], Signer]
) -> None:
    append(open_log(place.lake()), keys("first"))

    with pytest.raises(ArchiveError, match=r"archive.signing_key.*key rotate"):
        append(open_log(place.lake()), keys("other"))


def test_a_rotation_is_signed_by_both_keys(place: LakePlace, keys: Callable[[str], Signer]) -> None:
    log, old, new = open_log(place.lake()), keys("first"), keys("second")
    append(log, old)

    entry = rotate(log, old, new, clock=lambda: NOW, by="m")

    assert entry.body["retires"] == old.public.key_id
    assert [one.key_id for one in entry.signatures] == [old.public.key_id, new.public.key_id]
    assert old.public.verify(entry.signatures[0].signature, entry.signed)
    assert new.public.verify(entry.signatures[1].signature, entry.signed)


def test_after_a_rotation_the_new_key_alone_signs(
    place: LakePlace, keys: Callable[[str], Signer]
) -> None:
    log, old, new = open_log(place.lake()), keys("first"), keys("second")
    append(log, old)
    rotate(log, old, new, clock=lambda: NOW, by="m")

    append(open_log(place.lake()), new)

    with pytest.raises(ArchiveError, match="is signed with"):
        append(open_log(place.lake()), old)


def test_a_rotation_is_appended_although_another_writer_came_first(
    place: LakePlace, keys: Callable[[str], Signer]
) -> None:
    log, old, new = open_log(place.lake()), keys("first"), keys("second")
    append(log, old)
    others = iter(["pulled meanwhile"])

    def clock() -> datetime:
        for reason in others:
            append(open_log(place.lake()), old, reason)
        return NOW

    entry = rotate(log, old, new, clock=clock, by="m")

    assert entry.index == 3
    assert kinds(open_log(place.lake())) == ["key", "hold", "hold", "key"]


def test_a_key_is_not_rotated_to_one_that_signed_before(
    place: LakePlace, keys: Callable[[str], Signer]
) -> None:
    log, old, new = open_log(place.lake()), keys("first"), keys("second")
    append(log, old)
    rotate(log, old, new, clock=lambda: NOW, by="m")

    with pytest.raises(ConfigurationError, match="make a new one"):
        rotate(log, new, old, clock=lambda: NOW, by="m")


def test_a_mirror_lost_after_a_rotation_is_filled_too(
    archive: Place, mirror: Place, keys: Callable[[str], Signer]
) -> None:
    old, new = keys("first"), keys("second")
    append(Log(archive, mirror), old)
    rotate(Log(archive, mirror), old, new, clock=lambda: NOW, by="m")
    append(Log(archive, mirror), new)
    for path, _ in list(mirror.list()):
        mirror.delete(path)

    append(Log(archive, mirror), new)

    assert contents(archive) == contents(mirror)
    assert len(contents(mirror)) == 5


def test_facts_cannot_take_the_place_of_what_every_entry_has(
    archive: Place, signer: Signer
) -> None:
    with pytest.raises(ValueError, match="'by'"):
        Log(archive).append("hold", {"by": "x"}, clock=lambda: NOW, signer=signer, by="m")


@pytest.fixture(scope="module")
def entry(tmp_path_factory: pytest.TempPathFactory, keys: Callable[[str], Signer]) -> Entry:
    """An entry with two signatures."""
    from pipelines.archive.folder import Folder

    log = Log(Folder(str(tmp_path_factory.mktemp("archive"))))
    append(log, keys("first"))
    return rotate(log, keys("first"), keys("second"), clock=lambda: NOW, by="m")


@given(data=st.data())
def test_no_bit_of_an_entry_can_change_unnoticed(
    entry: Entry, keys: Callable[[str], Signer], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(entry.content) * 8 - 1))
    flipped = bytearray(entry.content)
    flipped[at // 8] ^= 1 << at % 8

    assert not is_sound(bytes(flipped), [keys("first"), keys("second")])


def is_sound(content: bytes, signers: list[Signer]) -> bool:
    """Whether an entry can be read and is signed by these keys in order."""
    try:
        entry = parse_entry(content)
    except ValueError:
        return False
    return len(entry.signatures) == len(signers) and all(
        one.key_id == by.public.key_id and by.public.verify(one.signature, entry.signed)
        for one, by in zip(entry.signatures, signers, strict=True)
    )


def test_an_entry_that_nobody_touched_is_sound(entry: Entry, keys: Callable[[str], Signer]) -> None:
    assert is_sound(entry.content, [keys("first"), keys("second")])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(lambda c: b"", "line feed", id="empty"),
        pytest.param(lambda c: c[:-1], "line feed", id="cut"),
        pytest.param(lambda c: c.split(b"\n")[0] + b"\n", "no signature", id="unsigned"),
        pytest.param(lambda c: c + b"\n", "not JSON", id="a line more"),
        pytest.param(lambda c: b" " + c, "canonical", id="spaces"),
        pytest.param(
            lambda c: c.replace(b'{"account"', b'{"z":1,"account"'), "canon", id="unsorted"
        ),
        pytest.param(lambda c: c.replace(b'"index":2', b'"index":true'), "index", id="index"),
        pytest.param(lambda c: c.replace(b'"kind":"key"', b'"kind":1'), "kind", id="kind"),
        pytest.param(lambda c: c.replace(b'=="}', b'="}'), "cannot be read", id="base64"),
        pytest.param(lambda c: b"[]\n" + c.partition(b"\n")[2], "object", id="a list"),
        pytest.param(lambda c: b"\xff\n" + c.partition(b"\n")[2], "not JSON", id="not UTF-8"),
    ],
)
def test_what_is_no_entry_is_refused(
    entry: Entry, change: Callable[[bytes], bytes], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        parse_entry(change(entry.content))


def test_an_entry_names_the_account_that_made_it_whatever_somebody_typed(
    place: LakePlace, signer: Signer
) -> None:
    log = open_log(place.lake())

    entry = log.append("hold", {}, clock=lambda: NOW, signer=signer, by="The Board")

    assert entry.body["by"] == "The Board"
    assert entry.body["account"] == f"{getuser()}@{gethostname()}"
    with pytest.raises(ValueError, match="account"):
        log.append("hold", {"account": "x"}, clock=lambda: NOW, signer=signer, by="The Board")

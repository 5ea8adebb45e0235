"""Tampering: whatever is done to a sealed archive is found, and named for what it is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from archives import (
    SEALED,
    Copy,
    anchor,
    copied,
    facts_of,
    found,
    key,
    names,
    stamp,
    usual_archive,
    written,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.archive.place import Folder
from pipelines.archive.verification import Verification
from pipelines.archive.verify import verify


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A sealed archive that nobody tampers with."""
    return usual_archive(tmp_path_factory.mktemp("original"))


@pytest.fixture
def copy(original: Copy, tmp_path: Path) -> Copy:
    """A copy of it, to be tampered with."""
    return copied(original, tmp_path)


def verified(copy: Copy, **more: Any) -> Verification:
    """Verify with the key of the archive alone, unless more is given."""
    return verify(Folder(str(copy.folder)), trusted={copy.signer.public.key_id}, **more)


def entry(index: int) -> str:
    return f"log/{index:08}.json"


def flip(file: Path, bit: int) -> None:
    """Flip one bit of a file."""
    content = bytearray(file.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    file.write_bytes(content)


def swap(one: Path, other: Path) -> None:
    """Exchange the contents of two files."""
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def with_rows(copy: Copy) -> int:
    """The index of a seal with rows that is neither the first nor the last of its stream."""
    return next(body["index"] for body in copy.bodies("seal") if body["rows"] and body["index"] > 8)


def test_an_archive_that_nobody_touched_is_clean(copy: Copy) -> None:
    verification = verified(copy, mirror=Folder(str(copy.mirror)), deep=True)

    assert verification.findings == ()
    assert verification.checked.entries == len(copy.log)
    assert verification.checked.seals == len(copy.bodies("seal"))
    assert verification.checked.objects == len(copy.files()) + len(copy.files(".zip"))


# Objects of the days


def test_bytes_appended_to_a_file_are_found(copy: Copy) -> None:
    file = copy.files()[2]
    with file.open("ab") as opened:
        opened.write(b"\n")

    (finding,) = verified(copy).findings

    assert (finding.name, finding.where) == ("modified", copy.path(file))
    assert finding.detail == "1 bytes were appended to those sealed"


def test_a_file_that_was_cut_off_is_found(copy: Copy) -> None:
    file = copy.files(".zip")[1]
    file.write_bytes(file.read_bytes()[:-1])

    assert found(verified(copy)) == {("modified", copy.path(file))}


def test_rows_taken_out_of_a_file_are_found_although_it_is_sound_parquet(copy: Copy) -> None:
    file = max(copy.files(), key=lambda one: pq.read_metadata(one).num_rows)
    table = pq.read_table(file)
    pq.write_table(table.slice(1), file)

    assert found(verified(copy)) == {("modified", copy.path(file))}


def test_rows_in_another_order_are_found(copy: Copy) -> None:
    file = max(copy.files(), key=lambda one: pq.read_metadata(one).num_rows)
    table = pq.read_table(file)
    pq.write_table(table.take(list(range(table.num_rows))[::-1]), file)

    assert found(verified(copy)) == {("modified", copy.path(file))}


@pytest.mark.parametrize("suffix", [".parquet", ".tiles.zip"])
def test_an_object_that_is_gone_is_found(copy: Copy, suffix: str) -> None:
    file = copy.files(suffix)[3]
    file.unlink()

    assert found(verified(copy)) == {("missing", copy.path(file))}


def test_a_whole_day_that_is_gone_is_found(copy: Copy) -> None:
    file = copy.files()[0]
    paths = {copy.path(one) for one in file.parent.iterdir()}
    shutil.rmtree(file.parent)

    assert found(verified(copy)) == {("missing", path) for path in paths}


def test_files_moved_elsewhere_are_found_where_they_are_and_where_they_are_not(copy: Copy) -> None:
    file = copy.files()[0]
    target = file.parent.parent / "event_date=2031-01-01" / file.name
    target.parent.mkdir()
    file.rename(target)

    verification = verified(copy)

    path, moved = copy.path(file), copy.path(target)
    assert found(verification) == {("missing", path), ("added", moved)}
    (detail,) = (one.detail for one in verification.findings if one.name == "added")
    assert detail.endswith(f"holds the bytes that were sealed as {path}")


def test_two_files_that_changed_places_are_found_as_reordered(copy: Copy) -> None:
    one, other = copy.files()[0], copy.files()[-1]
    swap(one, other)

    assert found(verified(copy)) == {("reordered", copy.path(f)) for f in (one, other)}


@pytest.mark.parametrize(
    "path",
    [
        "activity/environment=dev/event_date=2026-02-05/0-000000000000-000000000000.parquet",
        "activity/.hidden",
        "notes.txt",
        "log/readme.txt",
        "log/99999999.json.bak",
    ],
)
def test_an_object_that_nobody_sealed_is_found(copy: Copy, path: str) -> None:
    target = copy.folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(b"PAR1")

    assert found(verified(copy)) == {("added", path)}


def test_a_link_to_a_folder_of_more_days_is_found(copy: Copy, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = copy.files()[0].parent.parent / "event_date=2026-02-20"
    link.symlink_to(tmp_path / "elsewhere")

    assert found(verified(copy)) == {("added", copy.path(link))}


def test_an_older_version_of_a_supplement_put_in_place_of_the_day_is_found(copy: Copy) -> None:
    day = next(one for one in copy.files() if one.name.startswith("1-")).parent
    sealed, late = (next(day.glob(f"{n}-*.parquet")) for n in (0, 1))
    sealed.write_bytes(late.read_bytes())

    assert found(verified(copy)) == {("reordered", copy.path(sealed))}


# Entries of the log


def test_a_changed_statement_is_found(copy: Copy) -> None:
    index = with_rows(copy)
    content = copy.log[index].read_bytes().replace(b'"rows":', b'"rows":1', 1)
    copy.put(index, content)

    verification = verified(copy)

    assert {("bad_signature", entry(index)), ("broken_chain", entry(index + 1))} <= found(
        verification
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b'"kind":', b'"kind": ', id="a space"),
        pytest.param(b'{"account":', b'{"account":"x","account":', id="a key twice"),
        pytest.param(b"\n{", b"\n\n{", id="an empty line"),
        pytest.param(b'"}\n', b'"}\r\n', id="another line end"),
        pytest.param(b'=="}', b'="}', id="base64 without padding"),
    ],
)
def test_an_entry_written_otherwise_is_found_although_it_says_the_same(
    copy: Copy, old: bytes, new: bytes
) -> None:
    content = copy.log[-1].read_bytes()
    assert old in content
    copy.put(len(copy.log) - 1, content.replace(old, new, 1))

    assert ("modified", entry(len(copy.log) - 1)) in found(verified(copy))


def test_a_signature_taken_from_another_entry_is_found(copy: Copy) -> None:
    last = len(copy.log) - 1
    statement = copy.log[last].read_bytes().splitlines()[0]
    signature = copy.log[last - 1].read_bytes().splitlines()[1]
    copy.put(last, statement + b"\n" + signature + b"\n")

    assert found(verified(copy)) == {("bad_signature", entry(last))}


def test_an_entry_without_its_signature_is_found(copy: Copy) -> None:
    last = len(copy.log) - 1
    copy.put(last, copy.log[last].read_bytes().splitlines()[0] + b"\n")

    assert ("modified", entry(last)) in found(verified(copy))


def test_two_consecutive_manifests_that_are_gone_are_found(copy: Copy) -> None:
    index = with_rows(copy)
    for at in (index, index + 1):
        (copy.folder / entry(at)).unlink()

    verification = verified(copy)

    assert {
        ("missing", entry(index)),
        ("missing", entry(index + 1)),
        ("broken_chain", entry(index + 2)),
    } <= found(verification)
    assert "added" in names(verification.findings), "their files are named by nobody now"


def test_two_consecutive_manifests_that_are_gone_are_found_although_the_rest_moved_up(
    copy: Copy,
) -> None:
    index, log = with_rows(copy), copy.log
    for at in range(index, len(log) - 2):
        log[at].write_bytes(log[at + 2].read_bytes())
    for file in log[-2:]:
        file.unlink()

    verification = verified(copy)

    assert ("reordered", entry(index)) in found(verification)
    assert ("missing", entry(index)) in found(verification)


def test_two_entries_that_changed_places_are_found_as_reordered(copy: Copy) -> None:
    swap(copy.log[5], copy.log[6])

    assert found(verified(copy)) == {("reordered", entry(5)), ("reordered", entry(6))}


def test_an_entry_that_was_copied_to_the_end_is_found(copy: Copy) -> None:
    end = len(copy.log)
    copy.put(end, copy.log[-1].read_bytes())

    assert found(verified(copy)) == {("reordered", entry(end))}


def test_the_first_entry_that_is_gone_takes_every_key_with_it(copy: Copy) -> None:
    copy.log[0].unlink()

    verification = verified(copy)

    assert ("missing", entry(0)) in found(verification)
    assert ("unknown_key", entry(1)) in found(verification)


def test_an_archive_without_a_log_is_not_clean(copy: Copy) -> None:
    shutil.rmtree(copy.folder / "log")

    verification = verified(copy)

    assert ("missing", "log/") in found(verification)
    assert len([one for one in verification.findings if one.name == "added"]) == len(
        copy.files()
    ) + len(copy.files(".zip"))


def test_an_empty_folder_is_not_clean(copy: Copy) -> None:
    shutil.rmtree(copy.folder)

    assert found(verified(copy)) == {("missing", "log/")}


# The tail


def test_a_tail_cut_off_leaves_files_that_no_entry_names(copy: Copy) -> None:
    last = copy.bodies("seal")[-1]
    assert last["files"], "the last seal is the supplement"
    copy.log[-1].unlink()

    paths = {one["path"] for one in [*last["files"], last["tiles"]]}
    assert found(verified(copy)) == {("added", path) for path in paths}


def cut(copy: Copy, count: int = 2) -> None:
    """Cut off the newest entries and the files that they name."""
    for file in reversed(copy.log[-count:]):
        body = copy.body(int(file.stem))
        for one in [*body["files"], *([body["tiles"]] if body["tiles"] else [])]:
            (copy.folder / one["path"]).unlink()
        file.unlink()


def test_a_tail_cut_off_with_its_files_is_seen_by_nobody_but_a_witness(copy: Copy) -> None:
    witness, end = anchor(copy), len(copy.log)
    cut(copy)

    alone, told = verified(copy), verified(copy, anchors=[witness])

    assert alone.findings == (), "what the archive itself can never show"
    assert found(told) == {("truncated_tail", entry(end - 1))}


def test_a_tail_cut_off_is_seen_by_the_mirror(copy: Copy) -> None:
    end = len(copy.log)
    cut(copy)

    verification = verified(copy, mirror=Folder(str(copy.mirror)))

    assert found(verification) == {("truncated_tail", entry(at)) for at in (end - 2, end - 1)}


def test_a_tail_cut_off_is_seen_by_who_asks_for_its_days(copy: Copy) -> None:
    (last,) = {body["event_date"] for body in copy.bodies("seal")[-2:-1]}
    newest = [body["index"] for body in copy.bodies("seal") if body["event_date"] == last]
    cut(copy, len(copy.log) - min(newest))

    verification = verified(copy, to_date=date.fromisoformat(last))

    assert found(verification) == {("truncated_tail", "log/")}


def test_a_mirror_that_lacks_entries_is_found(copy: Copy) -> None:
    last = len(copy.log) - 1
    next(copy.mirror.glob(f"*{last:08}.json")).unlink()

    verification = verified(copy, mirror=Folder(str(copy.mirror)))

    assert found(verification) == {("missing", entry(last))}


# Keys


def test_a_re_signed_forgery_with_an_unknown_key_is_found(copy: Copy, tmp_path: Path) -> None:
    last = len(copy.log) - 1
    copy.rewrite(last, key(tmp_path, "forger"), rows=1)

    assert ("unknown_key", entry(last)) in found(verified(copy))


def test_a_log_that_was_signed_anew_from_the_beginning_is_found(copy: Copy, tmp_path: Path) -> None:
    forger = key(tmp_path, "forger")
    first = {"key_id": forger.public.key_id, "public_key": forger.public.pem}
    copy.rewrite(0, forger, **first)

    assert found(verified(copy)) == {("unknown_key", entry(0))}


def test_a_key_that_was_smuggled_in_is_found(copy: Copy, tmp_path: Path) -> None:
    forger = key(tmp_path, "forger")
    index = copy.append(added(copy, forger), forger, forger)
    copy.append({"kind": "release", "hold_id": "1", "reason": "", "owner": ""}, forger)

    assert found(verified(copy)) == {
        ("unknown_key", entry(index)),
        ("unknown_key", entry(index + 1)),
    }


def added(copy: Copy, signer: Any, retires: Any = None) -> dict[str, Any]:
    """The facts of a rotation to another key."""
    return {
        "kind": "key",
        "action": "add",
        "key_id": signer.public.key_id,
        "public_key": signer.public.pem,
        "retires": (retires or copy.signer).public.key_id,
    }


def rotated(copy: Copy, folder: Path) -> tuple[Copy, int]:
    """The archive after its key was rotated, and the entry that did so."""
    after = key(folder, "after")
    index = copy.append(added(copy, after), copy.signer, after)
    return replace(copy, signer=after), index


def test_an_archive_is_clean_after_its_key_was_rotated(copy: Copy, tmp_path: Path) -> None:
    after, _ = rotated(copy, tmp_path)
    after.append({"kind": "release", "hold_id": "1", "reason": "", "owner": ""})

    assert verified(copy).findings == ()
    assert verified(after).findings == (), "the newest key vouches for all before it"


def test_an_entry_signed_by_a_retired_key_is_found(copy: Copy, tmp_path: Path) -> None:
    rotated(copy, tmp_path)
    index = copy.append({"kind": "release", "hold_id": "1", "reason": "", "owner": ""})

    assert found(verified(copy)) == {("retired_key", entry(index))}


def test_a_rotation_that_the_old_key_did_not_sign_is_found(copy: Copy, tmp_path: Path) -> None:
    after = key(tmp_path, "after")
    index = copy.append(added(copy, after), after)

    assert ("bad_signature", entry(index)) in found(verified(copy))


def test_a_rotation_that_the_new_key_did_not_sign_is_found(copy: Copy, tmp_path: Path) -> None:
    after = key(tmp_path, "after")
    index = copy.append(added(copy, after), copy.signer)

    assert found(verified(copy)) == {("bad_signature", entry(index))}


def test_a_key_that_retires_another_than_the_one_that_signs_is_found(
    copy: Copy, tmp_path: Path
) -> None:
    after = key(tmp_path, "after")
    index = copy.append(added(copy, after, retires=after), copy.signer, after)

    assert found(verified(copy)) == {("wrong_manifest", entry(index))}


@pytest.mark.parametrize("line", [1, 2], ids=["the old key's", "the new key's"])
def test_a_window_that_ends_on_a_key_rotation_has_both_its_signatures_checked(
    copy: Copy, tmp_path: Path, line: int
) -> None:
    last = date.fromisoformat(max(body["event_date"] for body in copy.bodies("seal")))
    _, index = rotated(copy, tmp_path)
    lines = copy.log[index].read_bytes().splitlines(keepends=True)
    other = copy.log[1].read_bytes().splitlines(keepends=True)[1]
    lines[line] = other.replace(copy.signer.public.key_id.encode(), key_of(lines[line]))
    copy.put(index, b"".join(lines))

    assert found(verified(copy, to_date=last)) == {("bad_signature", entry(index))}


def key_of(line: bytes) -> bytes:
    return line.split(b'"key_id":"')[1].split(b'"')[0]


# Days, as only the holder of the key can tamper with them

NO_ROWS = {"rows": 0, "files": [], "tiles": None, "loads": [], "event_types": {}}


def without(copy: Copy, index: int) -> None:
    """Write the log anew without one entry, its files included, as the key's holder can."""
    body, bodies = copy.body(index), [copy.body(at) for at in range(len(copy.log))]
    for one in [*body["files"], *([body["tiles"]] if body["tiles"] else [])]:
        (copy.folder / one["path"]).unlink()
    copy.log[-1].unlink()
    for at in range(index, len(copy.log)):
        copy.put(at, written(bodies[at + 1] | {"index": at}, copy.signer))
    copy.rewrite(index)


def test_a_day_that_its_holder_left_out_of_the_log_is_a_gap(copy: Copy) -> None:
    seal = copy.body(with_rows(copy))
    witness = anchor(copy, seal["index"])
    without(copy, seal["index"])

    verification = verified(copy, anchors=[witness])

    stream = f"{seal['table']}/environment={seal['environment'] or ''}"
    assert found(verification) == {("gap_of_days", stream), ("rewritten", entry(witness.index))}


def test_an_empty_day_that_its_holder_left_out_is_a_gap_too(copy: Copy) -> None:
    empty = next(b for b in copy.bodies("seal") if not b["rows"] and b["index"] > 8)
    without(copy, empty["index"])

    assert names(verified(copy).findings) == {"gap_of_days"}


def test_a_day_that_was_sealed_a_second_time_is_found(copy: Copy) -> None:
    seal = copy.body(with_rows(copy))
    index = copy.append(facts_of(seal))

    assert found(verified(copy)) == {("repeated_seal", entry(index))}


def test_a_supplement_that_its_holder_left_out_is_a_gap(copy: Copy) -> None:
    late = copy.bodies("seal")[-1]
    copy.append(facts_of(late) | NO_ROWS | {"supplement": 3})

    assert names(verified(copy).findings) == {"gap_of_days"}


def test_a_stream_that_is_no_longer_sealed_while_others_are_is_a_gap(copy: Copy) -> None:
    last = max(copy.bodies("seal"), key=lambda body: (body["event_date"], body["index"]))
    day = date.fromisoformat(last["event_date"])
    for days in (1, 2, 3):
        next_day = {"event_date": (day + timedelta(days=days)).isoformat(), "supplement": 0}
        copy.append(facts_of(last) | NO_ROWS | next_day, at=SEALED + timedelta(days=days))

    verification = verified(copy)

    assert names(verification.findings) == {"gap_of_days"}
    assert all("while others are through" in one.detail for one in verification.findings)


def test_an_entry_recorded_before_its_predecessor_is_found(copy: Copy) -> None:
    index = len(copy.log) - 1
    copy.rewrite(index, recorded_at=stamp(SEALED - timedelta(days=1)))

    assert found(verified(copy)) == {("clock_skew", entry(index))}


def test_a_day_that_was_sealed_before_it_was_over_is_found(copy: Copy) -> None:
    index = len(copy.log) - 1
    tomorrow = (SEALED + timedelta(days=1)).date().isoformat()
    index = copy.append(
        facts_of(copy.body(index)) | NO_ROWS | {"event_date": tomorrow, "supplement": 0}
    )

    assert ("clock_skew", entry(index)) in found(verified(copy))


def test_a_day_with_events_of_another_day_is_found(copy: Copy) -> None:
    index = with_rows(copy)
    files = copy.body(index)["files"]
    files[0]["min_at"] = stamp(SEALED - timedelta(days=300))
    copy.rewrite(index, files=files)

    assert found(verified(copy)) == {("clock_skew", entry(index))}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda body: {"rows": body["rows"] + 1}, id="rows"),
        pytest.param(lambda body: {"event_types": {"no_such_event": body["rows"]}}, id="types"),
        pytest.param(lambda body: {"root": "00" * 32}, id="root"),
        pytest.param(lambda body: {"loads": [{"load_id": "x", "rows": body["rows"]}]}, id="loads"),
        pytest.param(lambda body: {"schema": body["schema"][1:]}, id="schema"),
        pytest.param(lambda body: {"leaf": "event_type"}, id="leaf"),
        pytest.param(
            lambda body: {"files": [body["files"][0] | {"min_at": body["files"][0]["max_at"]}]},
            id="times",
        ),
    ],
)
def test_a_manifest_that_its_holder_made_up_is_found_from_the_rows(
    copy: Copy, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    index = next(b["index"] for b in copy.bodies("seal") if b["rows"] > 1)
    copy.rewrite(index, **change(copy.body(index)))

    assert found(verified(copy, deep=True)) == {("wrong_manifest", entry(index))}


def test_a_manifest_that_names_files_of_another_day_is_found(copy: Copy) -> None:
    one, other = [b for b in copy.bodies("seal") if b["table"] == "jobs" and b["rows"]][:2]
    copy.rewrite(other["index"], files=one["files"], tiles=one["tiles"])

    assert ("wrong_manifest", entry(other["index"])) in found(verified(copy))


# Deletions


def deletion(copy: Copy, seal: dict[str, Any]) -> dict[str, Any]:
    """The facts of a deletion of one seal's objects."""
    paths = [one["path"] for one in [*seal["files"], seal["tiles"]]]
    return {"kind": "delete", "reason": "retention", "seals": [seal["index"]], "paths": paths}


def remove(copy: Copy, seal: dict[str, Any]) -> set[str]:
    """Remove the objects of a seal."""
    paths = deletion(copy, seal)["paths"]
    for path in paths:
        (copy.folder / path).unlink()
    return set(paths)


def test_a_recorded_deletion_is_clean(copy: Copy) -> None:
    seal = copy.expire(with_rows(copy))
    copy.append(deletion(copy, seal))
    remove(copy, seal)

    assert verified(copy, deep=True).findings == ()


def test_an_object_whose_deletion_is_recorded_and_that_is_there_is_found(copy: Copy) -> None:
    seal = copy.expire(with_rows(copy))
    facts = deletion(copy, seal)
    copy.append(facts)

    assert found(verified(copy)) == {("undeleted", path) for path in facts["paths"]}


def test_a_deletion_that_an_unknown_key_recorded_excuses_nothing(
    copy: Copy, tmp_path: Path
) -> None:
    seal = copy.expire(with_rows(copy))
    index = copy.append(deletion(copy, seal), key(tmp_path, "forger"))
    paths = remove(copy, seal)

    assert found(verified(copy)) == {
        ("unknown_key", entry(index)),
        *(("missing", path) for path in paths),
    }


def test_a_deletion_before_the_end_of_the_retention_is_found(copy: Copy) -> None:
    at = with_rows(copy)
    copy.rewrite(at, retain_until="2036-02-03")
    index = copy.append(deletion(copy, copy.body(at)))
    remove(copy, copy.body(at))

    assert found(verified(copy)) == {("deleted_early", entry(index))}


LIMIT = {
    "kind": "limit",
    "years": 1,
    "reason": "Policy 7",
    "owner": "Legal",
    "table": "*",
    "environment": "*",
}


@pytest.mark.parametrize(
    ("limits", "year", "names"),
    [
        pytest.param([], 2028, {"deleted_early"}, id="no-limit"),
        pytest.param([LIMIT], 2028, set(), id="limit"),
        pytest.param([LIMIT], 2027, {"deleted_early"}, id="too-early"),
        pytest.param([LIMIT, LIMIT | {"years": 2}], 2028, {"deleted_early"}, id="longer-limit"),
        pytest.param([LIMIT | {"table": "rejected"}], 2028, {"deleted_early"}, id="other-table"),
        pytest.param([LIMIT | {"years": "x"}], 2028, {"deleted_early", "wrong_manifest"}, id="odd"),
    ],
)
def test_what_was_sealed_for_ever_is_deleted_early_but_by_a_limit_signed_before(
    copy: Copy, limits: list[dict[str, Any]], year: int, names: set[str]
) -> None:
    """A rule of the settings that came after the seal is no excuse."""
    seal = copy.body(with_rows(copy))
    assert seal["retain_until"] is None
    for one in limits:
        copy.append(one)
    index = copy.append(deletion(copy, seal), at=datetime(year, 2, 1, tzinfo=UTC))
    remove(copy, seal)

    assert found(verified(copy)) == {(name, entry(index)) for name in names}


HOLD = {
    "kind": "hold",
    "hold_id": "0123456789ab",
    "reason": "Case 14",
    "owner": "Legal",
    "tables": None,
    "environments": None,
    "from_date": "2026-02-01",
    "to_date": None,
}


def test_a_deletion_of_what_was_held_is_found(copy: Copy) -> None:
    seal = copy.expire(with_rows(copy))
    copy.append(HOLD)
    index = copy.append(deletion(copy, seal))
    remove(copy, seal)

    assert found(verified(copy)) == {("deleted_while_held", entry(index))}


def test_a_deletion_that_names_objects_but_no_seal_does_not_get_round_a_hold(copy: Copy) -> None:
    at = with_rows(copy)
    copy.rewrite(at, retain_until="2036-02-03")
    copy.append(HOLD)
    index = copy.append(deletion(copy, copy.body(at)) | {"seals": []})
    remove(copy, copy.body(at))

    assert found(verified(copy)) == {
        ("deleted_early", entry(index)),
        ("deleted_while_held", entry(index)),
    }


def test_a_deletion_of_a_part_of_a_seal_is_found(copy: Copy) -> None:
    seal = copy.expire(with_rows(copy))
    tiles = seal["tiles"]["path"]
    index = copy.append(deletion(copy, seal) | {"paths": [tiles]})
    (copy.folder / tiles).unlink()

    assert found(verified(copy)) == {("wrong_manifest", entry(index))}


def test_a_deletion_recorded_before_the_seal_is_found(copy: Copy) -> None:
    last = len(copy.log) - 1
    seal = copy.expire(last)
    copy.log[last].unlink()
    index = copy.append(deletion(copy, seal))
    copy.append(facts_of(seal))
    remove(copy, seal)

    assert found(verified(copy)) == {("wrong_manifest", entry(index))}


def test_a_deletion_after_the_hold_was_released_is_clean(copy: Copy) -> None:
    seal = copy.expire(with_rows(copy))
    copy.append(HOLD)
    copy.append({"kind": "release", "hold_id": HOLD["hold_id"], "reason": "", "owner": ""})
    copy.append(deletion(copy, seal))
    remove(copy, seal)

    assert verified(copy).findings == ()


# Anchors that the log itself records


def told(copy: Copy, **changes: Any) -> dict[str, Any]:
    """The facts of an anchor of the newest entry."""
    witness = anchor(copy)
    named = {"entry": witness.index, "digest": witness.digest}
    return {"kind": "anchor", **named, "where": "https://tsa.example"} | changes


def test_an_anchor_of_another_entry_than_the_log_has_is_found(copy: Copy) -> None:
    index = copy.append(told(copy, digest="0" * 64))

    assert found(verified(copy)) == {("rewritten", entry(index))}


def test_a_time_stamp_on_something_else_is_found(copy: Copy) -> None:
    index = copy.append(told(copy, token="MAA="))

    assert found(verified(copy)) == {("wrong_manifest", entry(index))}


# Everything at once, and anything at all


def test_one_finding_does_not_hide_another(copy: Copy) -> None:
    files, tiles = copy.files(), copy.files(".zip")
    flip(files[0], 800)
    tiles[-1].unlink()
    swap(files[2], files[3])
    swap(copy.log[5], copy.log[6])
    (copy.folder / "more").write_bytes(b"")
    copy.log[-1].unlink()

    verification = verified(copy, mirror=Folder(str(copy.mirror)))

    assert names(verification.findings) == {
        "modified",
        "missing",
        "reordered",
        "added",
        "truncated_tail",
    }


@pytest.fixture(scope="module")
def flipped(original: Copy, tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A copy in which the property tests do and undo their harm."""
    return copied(original, tmp_path_factory.mktemp("flipped"))


def everything(copy: Copy) -> list[Path]:
    return sorted(one for one in copy.folder.rglob("*") if one.is_file())


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_single_bit_of_any_file_that_flips_is_found(flipped: Copy, data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(everything(flipped)), label="file")
    bit = data.draw(st.integers(0, file.stat().st_size * 8 - 1), label="bit")
    flip(file, bit)

    try:
        findings = verified(flipped).findings
    finally:
        flip(file, bit)

    assert flipped.path(file) in {one.where for one in findings}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_two_objects_that_change_places_are_found(flipped: Copy, data: st.DataObject) -> None:
    files = everything(flipped)
    one = data.draw(st.sampled_from(files), label="one")
    other = data.draw(st.sampled_from(files), label="other")
    is_same = one.read_bytes() == other.read_bytes()
    swap(one, other)

    try:
        findings = verified(flipped).findings
    finally:
        swap(one, other)

    assert bool(findings) != is_same


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_objects_that_are_gone_are_found(flipped: Copy, data: st.DataObject) -> None:
    files = everything(flipped)
    last = flipped.log[-1]
    gone = data.draw(st.sets(st.sampled_from([f for f in files if f != last]), min_size=1))
    contents = {file: file.read_bytes() for file in gone}
    for file in gone:
        file.unlink()

    try:
        findings = verified(flipped).findings
    finally:
        for file, content in contents.items():
            file.write_bytes(content)

    assert findings


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"supplement": 2**60}, id="a supplement of any number"),
        pytest.param({"event_date": "9999-12-31"}, id="the last day that there is"),
        pytest.param({"recorded_at": "0001-01-01T00:00:00.000000Z"}, id="the first moment"),
    ],
)
def test_a_seal_that_a_stranger_made_up_does_not_keep_a_verification_from_its_verdict(
    copy: Copy, tmp_path: Path, changes: dict[str, Any]
) -> None:
    stranger, index = key(tmp_path, "stranger"), len(copy.log)
    copy.put(index, written(copy.body(with_rows(copy)) | {"index": index} | changes, stranger))
    copy.append({"kind": "verify"}, stranger)

    assert ("unknown_key", entry(index)) in found(verified(copy))


@pytest.mark.parametrize("suffix", [".parquet", ".tiles.zip"])
def test_an_object_that_a_stranger_made_up_does_not_keep_a_deep_verification_from_its_verdict(
    copy: Copy, tmp_path: Path, suffix: str
) -> None:
    body = copy.body(with_rows(copy))
    one = next(o for o in [*body["files"], body["tiles"]] if o["path"].endswith(suffix))
    content = bytearray((copy.folder / one["path"]).read_bytes())
    content[8:-128:16] = bytes(len(content[8:-128:16]))
    one["path"] = one["path"].replace("/0-", "/1-")
    one["sha256"] = sha256(content).hexdigest()
    (copy.folder / one["path"]).write_bytes(content)
    index = copy.append(facts_of(body) | {"supplement": 1}, key(tmp_path, "stranger"))

    findings = found(verified(copy, deep=True))

    assert {("unknown_key", entry(index)), ("wrong_manifest", entry(index))} <= findings


@pytest.mark.parametrize("index", [99_999_999, 2**60], ids=["with a path", "without one"])
def test_an_entry_of_any_number_does_not_keep_a_verification_from_its_verdict(
    copy: Copy, tmp_path: Path, index: int
) -> None:
    # a finding for every number between took hours and all memory
    before, body = len(copy.log), copy.body(1) | {"index": index}
    (copy.folder / "log" / "99999999.json").write_bytes(written(body, key(tmp_path, "stranger")))

    findings = found(verified(copy))

    assert ("unknown_key", entry(index)) in findings
    assert ("missing", entry(before)) in findings
    assert len(findings) < 2000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_its_holder_writes_the_verification_comes_to_an_end(
    flipped: Copy, data: st.DataObject
) -> None:
    log = flipped.log
    before = [file.read_bytes() for file in log]
    index = data.draw(st.integers(0, len(log) - 1), label="entry")
    field = data.draw(st.sampled_from(sorted(flipped.body(index))), label="field")
    flipped.rewrite(index, **{field: data.draw(JSON, label="value")})

    try:
        verification = verified(flipped, deep=True, mirror=Folder(str(flipped.mirror)))
    finally:
        for file, content in zip(log, before, strict=True):
            file.write_bytes(content)

    assert verification.as_dict()["checked"]["objects"] > 0

"""Fetch: objects come whole, in order, unpacked whatever their name, or not at all."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakes import lake_at

from pipelines.errors import SourceError
from pipelines.lake.load import find_new
from pipelines.lake.storage import Storage
from pipelines.lake.tables import Lake
from pipelines.sources.fetch import GZIP, fetch
from pipelines.sources.fetch import _unpacked as unpacked  # pieces of any size, without a file
from pipelines.sources.find import LandingObject, Source, explain

AT = datetime(2026, 2, 3, tzinfo=UTC)


def landing_object(uri: str, size: int = 1) -> LandingObject:
    """An object as a listing tells of it."""
    return LandingObject("test", uri, "e", size, AT)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    """Storage over folders."""
    return lake_at(tmp_path / "lake").storage


def read(objects: Sequence[LandingObject], storage: Storage) -> list[tuple[int, bytes]]:
    """Every object's content."""
    return [(n, b"".join(pieces)) for n, pieces in fetch(objects, storage, concurrency=4)]


def test_objects_come_in_the_order_asked_for(tmp_path: Path, storage: Storage) -> None:
    bodies = [b"", b"x", gzip.compress(b"y" * 100), b"\x1f", b"\x1f\x8b"]
    objects = []
    for number, body in enumerate(bodies * 10):
        path = tmp_path / f"{number}.json"
        path.write_bytes(body)
        objects.append(landing_object(str(path), len(body)))

    found = read(objects, storage)

    expected = [b"", b"x", b"y" * 100, b"\x1f", b"\n" + GZIP] * 10
    assert found == list(enumerate(expected))


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=3), st.integers(0, 3))
def test_gzip_of_one_or_more_members_is_unpacked(members: list[bytes], padding: int) -> None:
    content = b"".join(gzip.compress(member) for member in members) + b"\0" * padding

    assert b"".join(unpacked(landing_object("x"), iter([content]))) == b"".join(members)


@given(st.binary(min_size=1, max_size=300), st.integers(2, 30))
def test_gzip_in_pieces_is_unpacked(content: bytes, size: int) -> None:
    packed = gzip.compress(content)
    pieces = [packed[i : i + size] for i in range(0, len(packed), size)]

    assert b"".join(unpacked(landing_object("x"), iter(pieces))) == content


@given(st.binary(min_size=1, max_size=300), st.data())
def test_gzip_that_ends_early_is_seen(content: bytes, data: st.DataObject) -> None:
    packed = gzip.compress(content)
    packed = packed[: data.draw(st.integers(2, len(packed) - 1))]

    found = b"".join(unpacked(landing_object("x"), iter([packed])))

    assert found.endswith(b"\n" + GZIP)
    assert content.startswith(found.removesuffix(b"\n" + GZIP))


def test_a_file_that_is_gone_since_it_was_listed_is_passed_over(
    tmp_path: Path, storage: Storage
) -> None:
    gone, there = (landing_object(str(tmp_path / f"{name}.json")) for name in ("gone", "there"))
    Path(there.uri).write_bytes(b"{}")

    assert read([gone, there], storage) == [(1, b"{}")]


def test_a_file_that_cannot_be_read_is_a_clear_error(tmp_path: Path, storage: Storage) -> None:
    folder = landing_object(str(tmp_path))

    with pytest.raises(SourceError, match=r"cannot read .*Nothing of this load"):
        read([folder], storage)


def test_only_loadable_names_are_found(tmp_path: Path, storage: Storage) -> None:
    folder = tmp_path / "in"
    (folder / "deep/er").mkdir(parents=True)
    for name in ("a.json", "b.ndjson.gz", "deep/er/c.jsonl", "d.csv", "e.json.partial", "f.gz"):
        (folder / name).write_bytes(b"{}")
    source = Source("s", str(folder))

    found = [item.uri for item in find_new(Lake(storage), [source], None)]

    expected = {"a.json", "b.ndjson.gz", "deep/er/c.jsonl"}
    assert set(found) == {str(folder / name) for name in expected}


def test_a_url_that_names_one_object_is_loadable_whatever_its_suffix(
    tmp_path: Path, storage: Storage
) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(b"{}")

    (item,) = find_new(Lake(storage), [Source("s", str(path))], None)

    assert (item.uri, item.bytes, bool(item.etag)) == (str(path), 2, True)


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (PermissionError("no"), "lacks the right"),
        (FileNotFoundError("no"), "does not exist"),
        (RuntimeError("InvalidAccessKeyId"), "credentials are wrong"),
        (RuntimeError(""), "RuntimeError"),
        (TimeoutError("slow\nmore"), "The store said: slow"),
    ],
)
def test_errors_say_what_to_do(error: Exception, hint: str) -> None:
    found = explain(error, "s3://b/x", "list")

    assert hint in str(found)
    assert "\n" not in str(found)

"""Place: objects are added whole, never replaced, found again, and never outside the place."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from threading import Barrier

import pytest
from lakes import Place as LakePlace
from lakes import lake_at
from s3_server import S3Server

from pipelines.archive.place import Place, open_archive_place, open_place
from pipelines.errors import ArchiveError, ConfigurationError

ODD = "activity/environment=pr%C3%B6d%2Fä b/event_date=2026-02-03/0-ab.parquet"
"""A path as Hive quotes an odd environment, with what it leaves alone."""


@pytest.fixture
def archive(place: LakePlace) -> Place:
    """An empty archive, once in a folder and once on S3."""
    return open_archive_place(place.lake())


def test_an_object_is_found_again(archive: Place) -> None:
    put = archive.put_new(ODD, b"rows")

    assert put
    assert archive.exists(ODD)
    assert archive.get(ODD) == b"rows"
    assert list(archive.list()) == list(archive.list("activity")) == [(ODD, 4)]


def test_an_object_is_never_replaced(archive: Place) -> None:
    archive.put_new("a", b"first")

    again = archive.put_new("a", b"second")

    assert not again
    assert archive.get("a") == b"first"


def test_of_many_who_put_at_once_one_succeeds(archive: Place) -> None:
    together = Barrier(6)

    def put(number: int) -> bool:
        together.wait()
        return archive.put_new("log/00000007.json", str(number).encode())

    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(put, range(6)))

    assert done.count(True) == 1
    assert archive.get("log/00000007.json") == str(done.index(True)).encode()


def test_a_local_file_is_put_and_stays(archive: Place, tmp_path: Path) -> None:
    local = tmp_path / "local"
    local.write_bytes(b"x" * 3_000_000)

    archive.put_new("a/b", local)

    assert archive.get("a/b") == local.read_bytes()


def test_any_part_can_be_read(archive: Place) -> None:
    content = os.urandom(300_000)
    archive.put_new("a", content)

    with archive.open("a") as reader:
        reader.seek(-8, os.SEEK_END)
        tail = reader.read()
        reader.seek(100_000)
        middle = reader.read(150_000)
        at = reader.tell()

    assert (tail, middle, at) == (content[-8:], content[100_000:250_000], 250_000)


def test_a_list_has_the_objects_of_the_folder_alone(archive: Place) -> None:
    for path in ("log/1", "logs/2", "log/deep/3", "log.txt"):
        archive.put_new(path, b"")

    found = sorted(path for path, _ in archive.list("log"))

    assert found == ["log/1", "log/deep/3"]


def test_an_empty_place_lists_nothing(archive: Place) -> None:
    assert list(archive.list()) == list(archive.list("log")) == []


def test_what_is_not_there_is_told_as_such(archive: Place) -> None:
    archive.put_new("a", b"")

    with pytest.raises(FileNotFoundError, match="/a/b"):
        archive.get("a/b")
    with pytest.raises(FileNotFoundError, match="/c"):
        archive.open("c")

    assert not archive.exists("c")


def test_what_was_deleted_is_gone_and_may_be_deleted_again(archive: Place) -> None:
    archive.put_new("a", b"")
    archive.put_new("ab", b"")

    archive.delete("a")
    archive.delete("a")
    archive.delete("never/was")

    assert list(archive.list()) == [("ab", 0)]


@pytest.mark.parametrize("path", ["../a", "/etc/passwd", "a/../../b", "..", "a\\..\\b", "a\0"])
def test_no_path_leads_out_of_the_place(archive: Place, path: str) -> None:
    for act in (archive.get, archive.open, archive.exists, archive.delete):
        with pytest.raises(ArchiveError, match="no path inside"):
            act(path)
    with pytest.raises(ArchiveError, match="no path inside"):
        archive.put_new(path, b"")


def test_what_a_crash_left_half_written_is_not_listed(tmp_path: Path) -> None:
    archive = open_archive_place(lake_at(tmp_path))
    archive.put_new("a", b"")

    (tmp_path / "archive" / ".incoming" / "half").write_bytes(b"ha")

    assert list(archive.list()) == [("a", 0)]


def test_a_hidden_file_is_listed(tmp_path: Path) -> None:
    archive = open_archive_place(lake_at(tmp_path))
    archive.put_new("log/a", b"")

    (tmp_path / "archive" / "log" / ".incoming").mkdir()
    (tmp_path / "archive" / "log" / ".incoming" / "b").write_bytes(b"")

    assert sorted(path for path, _ in archive.list()) == ["log/.incoming/b", "log/a"]


def test_a_delete_removes_every_version(s3: S3Server, bucket: str, tmp_path: Path) -> None:
    s3.client().put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    archive = open_place(f"s3://{bucket}/archive", lake_at(tmp_path).storage)
    archive.put_new("a", b"first")
    s3.client().put_object(Bucket=bucket, Key="archive/a", Body=b"somebody else's")
    archive.put_new("ab", b"other")

    archive.delete("a")

    versions = s3.client().list_object_versions(Bucket=bucket)
    assert [version["Key"] for version in versions["Versions"]] == ["archive/ab"]
    assert "DeleteMarkers" not in versions


def test_a_refused_put_says_what_is_needed(
    s3: S3Server, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3.environment(s3.reader).items():
        monkeypatch.setenv(name, value)
    archive = open_place(f"s3://{bucket}/archive", lake_at(tmp_path).storage)

    with pytest.raises(ArchiveError, match=r"archive/a: cannot be written.*s3:PutObject") as told:
        archive.put_new("a", b"")

    assert s3.reader.secret not in str(told.value)


def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("a file where the folder should be")

    with pytest.raises(ArchiveError, match=r"archive/a: .*cannot be read or written"):
        open_archive_place(lake_at(tmp_path)).put_new("a", b"")


def test_object_lock_is_not_asked_of_a_folder(tmp_path: Path) -> None:
    archive = {"object_lock": "governance", "retention": [{"years": 1}]}

    with pytest.raises(ConfigurationError, match=r"archive.object_lock.*is a folder"):
        open_archive_place(lake_at(tmp_path, archive=archive))


def test_a_folder_takes_an_object_with_a_date_of_retention(tmp_path: Path) -> None:
    archive = open_archive_place(lake_at(tmp_path))

    assert archive.put_new("a", b"", retain_until=date(2036, 1, 1))

"""Find: every file of a folder is met once, whatever its name, and as it was known before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from lakes import activity, encode, folder_place, job, rows, run_load
from obstore.store import LocalStore

from pipelines.errors import SourceError
from pipelines.lake.load import find_new
from pipelines.sources.find import PAGE_OBJECTS, Source


def test_a_file_is_loaded_whatever_its_name(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    names = ["two\nlines.json", "100%25?#é.json", "'quoted' \"twice\".json", "tab\t.json.gz"]
    for number, name in enumerate(names):
        place.put(name, encode(job(id=f"j-{number}")))

    first = run_load(place.lake(), [place.landing])
    again = run_load(place.lake(), [place.landing])

    assert (first.objects, first.accepted, again.objects) == (4, 4, 0)
    held = {row["source_uri"] for row in rows(place.lake(), "jobs")}
    assert held == {f"{place.landing}/{name}" for name in names}


def test_links_are_followed_but_not_round_in_circles(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    landing = Path(place.landing)
    place.put("a/one.json", encode(activity()))
    place.put("b/two.json", encode(activity(id="2")))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "three.json").write_bytes(encode(activity(id="3")))
    (landing / "linked").symlink_to(tmp_path / "elsewhere")
    (landing / "a" / "up").symlink_to(landing)
    (landing / "a" / "over").symlink_to(landing / "b")
    (landing / "b" / "back").symlink_to(landing / "a")
    (landing / "broken.json").symlink_to(tmp_path / "nothing")
    (landing / "itself.json").symlink_to(landing / "itself.json")
    (landing / "folder.json").mkdir()

    found = find_new(place.lake(), [Source("path", place.landing)], None)

    names = {os.path.relpath(item.uri, landing) for item in found}
    assert {"a/one.json", "b/two.json", "linked/three.json", "a/over/two.json"} <= names
    assert len(found) == len(names) < 10
    assert not {"broken.json", "itself.json", "folder.json"} & names


def test_a_name_that_is_no_text_is_named_and_not_passed_over(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    place.put("a.json", encode(activity()))
    with open(os.fsencode(f"{place.landing}/b") + b"\xff.json", "wb") as file:
        file.write(encode(activity()))

    with pytest.raises(SourceError, match=r"b\\udcff.json' is not UTF-8; rename the file"):
        run_load(place.lake(), [place.landing])


def test_files_are_known_by_what_they_were_known_by(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    content = encode(activity())
    for number in range(PAGE_OBJECTS + 2):
        place.put(f"{number % 3}/{number}.json", content)

    found = find_new(place.lake(), [Source("path", place.landing)], None)

    listed = {
        f"{place.landing}/{meta['path']}": (meta["e_tag"], meta["size"], meta["last_modified"])
        for page in LocalStore(place.landing).list()
        for meta in page
    }
    assert len(found) == PAGE_OBJECTS + 2
    assert {item.uri: (item.etag, item.bytes, item.modified_at) for item in found} == listed

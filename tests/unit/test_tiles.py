"""Tiles: paths and widths are those of C2SP tlog-tiles, and a tree comes back from its tiles."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.archive.merkle import (
    inclusion_proof,
    leaf_hash,
    range_hash,
    root,
    root_of,
    tree_levels,
)
from pipelines.archive.tiles import (
    TILE_BYTES,
    Tiles,
    proof_from_tiles,
    read_leaves,
    tile_path,
    write_tree,
)


def tree(size: int) -> bytes:
    """The leaf hashes of a tree."""
    return b"".join(leaf_hash(str(number).encode()) for number in range(size))


def written(folder: Path, size: int) -> Path:
    """The tiles of a tree, as a file."""
    path = folder / f"{size}.zip"
    write_tree(path, pieces(tree(size), 100 * 32))
    return path


def pieces(content: bytes, length: int) -> list[bytes]:
    """The content, cut."""
    return [content[start : start + length] for start in range(0, len(content), length)]


class Counting(io.FileIO):
    """A file that counts the bytes that are read from it."""

    count = 0

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        found = super().readinto(buffer) or 0
        self.count += found
        return found

    def read(self, size: int = -1) -> bytes:  # type: ignore[override]
        found = super().read(size) or b""
        self.count += len(found)
        return found


@pytest.mark.parametrize(
    ("level", "number", "width", "path"),
    [
        # the examples of https://c2sp.org/tlog-tiles
        (0, 0, 256, "tile/0/000"),
        (0, 1234067, 256, "tile/0/x001/x234/067"),
        (1, 67, 7, "tile/1/067.p/7"),
        (0, 1000, 256, "tile/0/x001/000"),
        (2, 999, 1, "tile/2/999.p/1"),
    ],
)
def test_a_tile_lies_where_the_specification_says(
    level: int, number: int, width: int, path: str
) -> None:
    assert tile_path(level, number, width) == path


def test_a_tree_of_70_000_leaves_has_the_tiles_of_the_specification(tmp_path: Path) -> None:
    # the example of the specification: 273 full tiles and one of 112 at level 0, one full and one
    # of 17 at level 1, one of a single hash at level 2
    with zipfile.ZipFile(written(tmp_path, 70_000)) as archive:
        sizes = {member.filename: member.file_size // 32 for member in archive.infolist()}

    assert len(sizes) == 273 + 1 + 1 + 1 + 1
    assert sizes["tile/0/000"] == sizes["tile/0/272"] == sizes["tile/1/000"] == 256
    assert (sizes["tile/0/273.p/112"], sizes["tile/1/001.p/17"]) == (112, 17)
    assert sizes["tile/2/000.p/1"] == 1


def test_equal_trees_give_equal_files(tmp_path: Path) -> None:
    leaves, files = tree(140_000), [tmp_path / "first", tmp_path / "second"]

    for file, length in zip(files, (1_000 * 32, 90_001 * 32), strict=True):
        write_tree(file, pieces(leaves, length))

    assert files[0].read_bytes() == files[1].read_bytes()


def test_members_are_stored_as_they_are(tmp_path: Path) -> None:
    path = written(tmp_path, 300)

    with zipfile.ZipFile(path) as archive:
        kinds = {member.compress_type for member in archive.infolist()}

    assert kinds == {zipfile.ZIP_STORED}
    assert tree(300)[: 256 * 32] in path.read_bytes()


@pytest.mark.parametrize("size", [1, 255, 256, 257, 512, 65_536, 65_537])
def test_leaves_come_back(tmp_path: Path, size: int) -> None:
    assert read_leaves(written(tmp_path, size)) == tree(size)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiles of a tree whose level 2 is not empty and whose right edge is ragged."""
    return written(tmp_path_factory.mktemp("tiles"), 66_051)


@given(index=st.integers(0, 66_050))
def test_a_proof_from_tiles_is_that_of_the_tree(large: Path, index: int) -> None:
    found = proof_from_tiles(large, index, 66_051)

    assert found == inclusion_proof(LEVELS, index, 66_051)


LEVELS = tree_levels(tree(66_051))


def test_the_root_comes_back(large: Path) -> None:
    assert range_hash(Tiles(large).node, 0, 66_051) == root_of(LEVELS, 66_051)


def test_a_proof_reads_the_tiles_that_it_needs(large: Path) -> None:
    with Counting(large) as raw:
        tiles = Tiles(raw, 66_051)
        opened = raw.count

        tiles.proof(40_000)

    # at most one full tile a level, and the partial ones of the right edge; the file has 263
    assert raw.count - opened < 6 * TILE_BYTES


@pytest.mark.parametrize("size", [0, 1, 2, 3, 255, 256, 257, 511, 513, 65_535, 65_536, 65_793])
def test_a_tree_built_in_one_pass_has_its_size_and_root(tmp_path: Path, size: int) -> None:
    found = write_tree(tmp_path / "tiles.zip", pieces(tree(size), 7_000 * 32))

    assert found == (size, root(tree(size)))


@given(size=st.integers(0, 2_000), length=st.integers(1, 900))
def test_it_does_not_matter_how_leaves_are_handed_over(size: int, length: int) -> None:
    file = io.BytesIO()

    found = write_tree(file, pieces(tree(size), length * 32))

    assert found == (size, root(tree(size)))
    assert Tiles(file).leaves == tree(size)

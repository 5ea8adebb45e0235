"""Tiles: a Merkle tree as C2SP tlog-tiles, kept in one uncompressed ZIP.

Paths and contents of the members follow https://c2sp.org/tlog-tiles; one object instead of
thousands can be locked, copied and hashed at once, and single tiles are still read by range.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from pipelines.archive.merkle import HASH_BYTES, inclusion_path, parents

HEIGHT = 8
WIDTH = 1 << HEIGHT
"""Hashes in a full tile."""
TILE_BYTES = WIDTH * HASH_BYTES
WRITTEN = (1980, 1, 1, 0, 0, 0)
"""Time of every member: the same tree gives the same bytes."""


def tile_path(level: int, number: int, width: int = WIDTH) -> str:
    """Path of a tile, as in `tile/0/x001/234` or, of 7 hashes, `tile/1/000.p/7`."""
    groups = [f"{number % 1000:03d}"]
    while number := number // 1000:
        groups.insert(0, f"x{number % 1000:03d}")
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(groups)}{partial}"


def tile_widths(level: int, size: int) -> Iterator[tuple[int, int]]:
    """Number and width of each tile of a level, in a tree of `size` leaves."""
    count = size >> HEIGHT * level
    for number in range(count // WIDTH):
        yield number, WIDTH
    if count % WIDTH:
        yield count // WIDTH, count % WIDTH


def write_tiles(path: Path, levels: Sequence[bytes], size: int) -> None:
    """Write the tiles of a tree; deterministic, so that equal trees give equal files.

    Args:
        path: The ZIP to write.
        levels: As `tree_levels` returns them.
        size: Leaves in the tree.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for level, hashes in enumerate(levels[::HEIGHT]):
            for number, width in tile_widths(level, size):
                start = number * TILE_BYTES
                member = _member(tile_path(level, number, width))
                archive.writestr(member, hashes[start : start + width * HASH_BYTES])


def _member(path: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(path, WRITTEN)
    member.create_system = 3  # of the running system by default
    member.external_attr = 0o444 << 16
    return member


class Tiles:
    """A tree read back from its tiles, only those that a question needs, each once."""

    def __init__(self, file: Path | BinaryIO, size: int | None = None) -> None:
        self._archive = zipfile.ZipFile(file)
        self._size = self._count() if size is None else size
        self._tiles: dict[tuple[int, int], bytes] = {}

    @property
    def leaves(self) -> bytes:
        """The leaf hashes in order, concatenated."""
        return b"".join(self._read(0, number) for number, _ in tile_widths(0, self._size))

    def node(self, level: int, index: int) -> bytes:
        """Hash of the complete subtree of 2**level leaves that is number `index` of its level."""
        tile_level, above = divmod(level, HEIGHT)
        number, start = divmod(index << above, WIDTH)
        if (tile_level, number) not in self._tiles:
            self._tiles[tile_level, number] = self._read(tile_level, number)
        hashes = self._tiles[tile_level, number][start * HASH_BYTES :][: HASH_BYTES << above]
        for _ in range(above):
            hashes = parents(hashes)
        return hashes

    def proof(self, index: int) -> list[bytes]:
        """The inclusion proof of one leaf (RFC 9162, 2.1.3.1).

        Raises:
            ValueError: There is no such leaf.
        """
        return inclusion_path(self.node, index, self._size)

    def _count(self) -> int:
        """Leaves in the tree: what the lowest tiles hold."""
        members = self._archive.infolist()
        lowest = (member for member in members if member.filename.startswith("tile/0/"))
        return sum(member.file_size for member in lowest) // HASH_BYTES

    def _read(self, level: int, number: int) -> bytes:
        count = self._size >> HEIGHT * level
        width = min(WIDTH, count - number * WIDTH)
        return self._archive.read(tile_path(level, number, width))


def read_leaves(file: Path | BinaryIO) -> bytes:
    """The leaf hashes of a tree, from its tiles."""
    return Tiles(file).leaves


def proof_from_tiles(file: Path | BinaryIO, index: int, size: int) -> list[bytes]:
    """The inclusion proof of one leaf, from the few tiles that it needs."""
    return Tiles(file, size).proof(index)

"""Tiles: a Merkle tree as C2SP tlog-tiles, kept in one uncompressed ZIP.

Paths and contents of the members follow https://c2sp.org/tlog-tiles; one object instead of
thousands can be locked, copied and hashed at once, and single tiles are still read by range.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from pipelines.archive.merkle import EMPTY, HASH_BYTES, inclusion_path, parents, root

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


def write_tree(file: Path | BinaryIO, leaves: Iterable[bytes]) -> tuple[int, bytes]:
    """Build a tree, and write its tiles, in one pass with memory for some tiles.

    Args:
        file: The ZIP to write; equal trees give equal bytes, after a crash as well.
        leaves: The leaf hashes in order, concatenated, in pieces of any length.

    Returns:
        The number of leaves, and the root.
    """
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        writer = _Writer(archive)
        for piece in _even(leaves, WIDTH * TILE_BYTES):
            writer.add(0, piece)
        return writer.finish()


def _even(pieces: Iterable[bytes], length: int) -> Iterator[bytes]:
    """The same bytes in pieces of one length, so that it does not decide the order of members."""
    rest = bytearray()
    for piece in pieces:
        rest += piece
        while len(rest) >= length:
            yield bytes(rest[:length])
            del rest[:length]
    yield bytes(rest)


@dataclass
class _Writer:
    """The right edge of a growing tree: per level the hashes that fill no tile yet."""

    archive: zipfile.ZipFile
    edge: list[bytearray] = field(default_factory=list)
    written: list[int] = field(default_factory=list)

    def add(self, level: int, hashes: bytes) -> None:
        """Add hashes to a level, and what they complete to the levels above."""
        if level == len(self.edge):
            self.edge.append(bytearray())
            self.written.append(0)
        self.edge[level] += hashes
        full = len(self.edge[level]) - len(self.edge[level]) % TILE_BYTES
        if not full:
            return
        complete = bytes(self.edge[level][:full])
        del self.edge[level][:full]
        for start in range(0, full, TILE_BYTES):
            self._write(level, complete[start : start + TILE_BYTES])
            self.written[level] += 1
        for _ in range(HEIGHT):
            complete = parents(complete)
        self.add(level + 1, complete)

    def finish(self) -> tuple[int, bytes]:
        """Write the tiles that are not full; returns the number of leaves, and the root."""
        size, found = 0, b""
        for level, edge in enumerate(self.edge):
            width = len(edge) // HASH_BYTES
            size += width << HEIGHT * level
            if width:
                self._write(level, bytes(edge))
            # what is right of the complete subtrees is one subtree more, which is not complete
            found = root(bytes(edge) + found) if edge or found else b""
        return size, found or EMPTY

    def _write(self, level: int, hashes: bytes) -> None:
        width = len(hashes) // HASH_BYTES
        member = _member(tile_path(level, self.written[level], width))
        self.archive.writestr(member, hashes)


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

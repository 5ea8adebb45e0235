"""Prove: inclusion proofs of a seal's rows, from the few tiles that they need."""

from __future__ import annotations

import zipfile
from collections import OrderedDict
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from pipelines.archive.merkle import (
    HASH_BYTES,
    inclusion_path,
    leaf_hash,
    tree_levels,
    verify_inclusion,
)
from pipelines.archive.tiles import HEIGHT, WIDTH, tile_path
from pipelines.errors import TrailhouseError

if TYPE_CHECKING:
    from pipelines.archive.manifest import Manifest
    from pipelines.archive.place import Place

KEPT_TILES = 64
"""Tiles kept with all their subtrees, 16 KiB each: rows come in order, so that few serve many."""


class Prover:
    """Proves rows of one seal; opened and closed with `with`."""

    def __init__(self, archive: Place, seal: Manifest) -> None:
        """Prepare to prove rows of a seal that has any."""
        self._archive, self._seal = archive, seal
        self._stack = ExitStack()
        self._kept: OrderedDict[tuple[int, int], list[bytes]] = OrderedDict()
        self._root = bytes.fromhex(seal.root)

    def __enter__(self) -> Self:
        if self._seal.tiles is None:
            raise TrailhouseError(f"{self._seal.name} has rows but no tree; no row can be proved")
        file = self._stack.enter_context(self._archive.open(self._seal.tiles.path))
        try:
            self._zip = self._stack.enter_context(zipfile.ZipFile(file))
        except zipfile.BadZipFile as error:
            raise self._unsound(0) from error
        return self

    def __exit__(self, *raised: object) -> None:
        self._stack.close()

    def prove(self, index: int, content: bytes) -> list[bytes]:
        """The proof of a row (RFC 9162, 2.1.3.1), checked against the signed root.

        Args:
            index: The row's leaf.
            content: The row's canonical bytes.

        Raises:
            TrailhouseError: The archive's row or tree is not what was sealed.
        """
        size = self._seal.rows
        try:
            proof = inclusion_path(self._node, index, size)
        except (KeyError, ValueError, IndexError, zipfile.BadZipFile) as error:
            raise self._unsound(index) from error
        if not verify_inclusion(leaf_hash(content), index, size, proof, self._root):
            raise self._unsound(index)
        return proof

    def _unsound(self, index: int) -> TrailhouseError:
        return TrailhouseError(
            f"{self._seal.name}: row {index:,} is not the one that was sealed, or its tree is "
            "damaged; no pack was made. `trailhouse archive verify` names what was changed"
        )

    def _node(self, level: int, index: int) -> bytes:
        tile_level, above = divmod(level, HEIGHT)
        number, first = divmod(index << above, WIDTH)
        at = (first >> above) * HASH_BYTES
        return self._tile(tile_level, number)[above][at : at + HASH_BYTES]

    def _tile(self, level: int, number: int) -> list[bytes]:
        """A tile and the subtrees in it."""
        key = (level, number)
        if key not in self._kept:
            width = min(WIDTH, (self._seal.rows >> HEIGHT * level) - number * WIDTH)
            self._kept[key] = tree_levels(self._zip.read(tile_path(level, number, width)))
            if len(self._kept) > KEPT_TILES:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

"""Merkle: trees over sealed events as RFC 6962 hashes them, and the proofs of RFC 9162.

Pure functions over bytes: nothing here reads files, tables or the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

EMPTY = sha256(b"").digest()
"""Root of a tree without leaves."""
HASH_BYTES = 32

Node = Callable[[int, int], bytes]
"""Hash of the complete subtree of 2**level leaves that is number `index` of its level."""


def leaf_hash(data: bytes) -> bytes:
    """Hash of one leaf; the prefix keeps leaves and nodes apart (RFC 6962, section 2.1)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of the node above two subtrees."""
    return sha256(b"\x01" + left + right).digest()


def parents(hashes: bytes) -> bytes:
    """Hashes of the nodes above pairs of neighbours; a last one without neighbour is left out."""
    pair, end = 2 * HASH_BYTES, len(hashes) - len(hashes) % (2 * HASH_BYTES)
    return b"".join(
        [sha256(b"\x01" + hashes[at : at + pair]).digest() for at in range(0, end, pair)]
    )


def tree_levels(leaves: bytes) -> list[bytes]:
    """All complete subtrees of a tree.

    Args:
        leaves: The leaf hashes in order, 32 bytes each, concatenated.

    Returns:
        One text of concatenated hashes per level, from the leaves upwards; level k holds the
        complete subtrees of 2**k leaves. Empty for no leaves.

    Raises:
        ValueError: `leaves` is no multiple of 32 bytes.
    """
    if len(leaves) % HASH_BYTES:
        raise ValueError(f"{len(leaves)} bytes are no whole number of 32-byte hashes")
    levels = []
    while leaves:
        levels.append(leaves)
        leaves = parents(leaves)
    return levels


def node_of(levels: Sequence[bytes]) -> Node:
    """The subtrees of `levels` as a function of level and index."""

    def node(level: int, index: int) -> bytes:
        return levels[level][index * HASH_BYTES : (index + 1) * HASH_BYTES]

    return node


def root(leaves: bytes) -> bytes:
    """Root over concatenated leaf hashes; of none, the SHA-256 of nothing."""
    return root_of(tree_levels(leaves), len(leaves) // HASH_BYTES)


def root_of(levels: Sequence[bytes], size: int) -> bytes:
    """Root over the first `size` leaves of the tree with these levels."""
    return range_hash(node_of(levels), 0, size) if size else EMPTY


def range_hash(node: Node, start: int, end: int) -> bytes:
    """Hash of the subtree over the leaves from `start` to before `end` (MTH of RFC 9162, 2.1.1)."""
    size = end - start
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return node(level, start >> level)
    middle = start + _split(size)
    return node_hash(range_hash(node, start, middle), range_hash(node, middle, end))


def _split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1


def inclusion_proof(levels: Sequence[bytes], index: int, size: int) -> list[bytes]:
    """The hashes that lead from one leaf to the root, lowest first (RFC 9162, 2.1.3.1).

    Raises:
        ValueError: There is no leaf `index` among the first `size` leaves.
    """
    return inclusion_path(node_of(levels), index, size)


def inclusion_path(node: Node, index: int, size: int) -> list[bytes]:
    """`inclusion_proof` over subtrees from anywhere, such as from tiles."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    path, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(range_hash(node, middle, end))
            end = middle
        else:
            path.append(range_hash(node, start, middle))
            start = middle
    return path[::-1]


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether the proof leads from a leaf hash to the root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or not _are_hashes([leaf, root, *proof]):
        return False
    at, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node_hash(sibling, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def _are_hashes(texts: Sequence[bytes]) -> bool:
    return all(len(text) == HASH_BYTES for text in texts)


def consistency_proof(levels: Sequence[bytes], old: int, new: int) -> list[bytes]:
    """The hashes that show a tree of `old` leaves to be the beginning of one of `new` (2.1.4.1).

    Raises:
        ValueError: Not 0 < old <= new; about an empty tree there is nothing to prove.
    """
    if not 0 < old <= new:
        raise ValueError(f"no proof from {old} to {new} leaves")
    node, path, start, end, is_whole = node_of(levels), [], 0, new, True
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(range_hash(node, middle, end))
            end = middle
        else:
            path.append(range_hash(node, start, middle))
            start, is_whole = middle, False
    if not is_whole:
        path.append(range_hash(node, start, end))
    return path[::-1]


def verify_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the proof shows the new tree to begin with the old one (RFC 9162, 2.1.4.2)."""
    if not 0 < old <= new or not _are_hashes(proof):
        return False
    if old == new:
        return not proof and old_root == new_root
    if old & (old - 1) == 0:
        proof = [old_root, *proof]
    if not proof:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    found_old = found_new = proof[0]
    for sibling in proof[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            found_old, found_new = node_hash(sibling, found_old), node_hash(sibling, found_new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found_new = node_hash(found_new, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and found_old == old_root and found_new == new_root

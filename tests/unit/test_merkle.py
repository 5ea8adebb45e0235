"""Merkle: roots and proofs are those of RFC 9162, by the vectors of others and random trees."""

from __future__ import annotations

import json
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.archive.merkle import (
    EMPTY,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
    root_of,
    tree_levels,
    verify_consistency,
    verify_inclusion,
)

VECTORS = Path(__file__).parent.parent / "vectors" / "merkle" / "testdata"
"""Of https://github.com/transparency-dev/merkle, with its licence."""
LARGEST = 70
"""Leaves in the trees of these tests: past 64, so that every shape of right edge occurs."""


def vectors(kind: str) -> list[Any]:
    """The vectors of a kind, each named for its file."""
    paths = sorted((VECTORS / kind).rglob("*.json"))
    assert paths
    named = [(path.relative_to(VECTORS).with_suffix("").as_posix(), path) for path in paths]
    return [pytest.param(json.loads(path.read_text()), id=name) for name, path in named]


def decoded(texts: list[str] | None) -> list[bytes]:
    """The hashes of a proof."""
    return [b64decode(text) for text in texts or []]


def leaves(count: int) -> list[bytes]:
    """The leaf hashes of a tree."""
    return [leaf_hash(str(number).encode()) for number in range(count)]


def plain_root(hashes: list[bytes]) -> bytes:
    """MTH of RFC 9162 section 2.1.1, word for word."""
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = max(2**power for power in range(32) if 2**power < len(hashes))
    return node_hash(plain_root(hashes[:split]), plain_root(hashes[split:]))


@pytest.mark.parametrize("vector", vectors("inclusion"))
def test_inclusion_is_judged_as_others_judge_it(vector: dict[str, Any]) -> None:
    accepted = verify_inclusion(
        b64decode(vector["leafHash"]),
        vector["leafIdx"],
        vector["treeSize"],
        decoded(vector["proof"]),
        b64decode(vector["root"]),
    )

    assert accepted is not vector["wantErr"]


@pytest.mark.parametrize("vector", vectors("consistency"))
def test_consistency_is_judged_as_others_judge_it(vector: dict[str, Any]) -> None:
    accepted = verify_consistency(
        vector["size1"],
        vector["size2"],
        b64decode(vector["root1"]),
        b64decode(vector["root2"]),
        decoded(vector["proof"]),
    )

    assert accepted is not vector["wantErr"]


def test_the_tree_of_the_vectors_has_their_roots_and_proofs() -> None:
    # the leaves of RFC 6962's reference implementation, from which the vectors were made
    texts = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")
    texts += ("606162636465666768696a6b6c6d6e6f",)
    levels = tree_levels(b"".join(leaf_hash(bytes.fromhex(text)) for text in texts))
    happy = json.loads((VECTORS / "consistency/2/happy-path.json").read_text())

    built = consistency_proof(levels, happy["size1"], happy["size2"])

    assert root_of(levels, happy["size2"]) == b64decode(happy["root2"])
    assert root_of(levels, happy["size1"]) == b64decode(happy["root1"])
    assert built == decoded(happy["proof"])


def test_the_root_of_nothing_is_the_digest_of_nothing() -> None:
    assert root(b"") == EMPTY == sha256(b"").digest()


def test_a_leaf_and_a_node_of_the_same_bytes_have_different_hashes() -> None:
    left, right = leaves(2)

    assert leaf_hash(left + right) != node_hash(left, right)


@pytest.mark.parametrize("size", range(LARGEST))
def test_the_root_is_what_the_rfc_defines(size: int) -> None:
    hashes = leaves(size)

    assert root(b"".join(hashes)) == plain_root(hashes)


@pytest.mark.parametrize("size", range(1, LARGEST, 7))
def test_every_leaf_of_a_tree_is_proved(size: int) -> None:
    hashes = leaves(size)
    levels = tree_levels(b"".join(hashes))

    proofs = [inclusion_proof(levels, index, size) for index in range(size)]

    assert all(
        verify_inclusion(leaf, index, size, proof, root_of(levels, size))
        for index, (leaf, proof) in enumerate(zip(hashes, proofs, strict=True))
    )


@given(st.data())
def test_a_proof_of_one_leaf_proves_no_other(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, LARGEST))
    index, other = data.draw(
        st.lists(st.integers(0, size - 1), min_size=2, max_size=2, unique=True)
    )
    hashes = leaves(size)
    levels = tree_levels(b"".join(hashes))
    proof = inclusion_proof(levels, index, size)

    whole = root_of(levels, size)

    assert not verify_inclusion(hashes[other], index, size, proof, whole)
    assert not verify_inclusion(hashes[index], other, size, proof, whole)


@given(st.data())
def test_a_proof_with_one_bit_flipped_proves_nothing(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, LARGEST))
    index = data.draw(st.integers(0, size - 1))
    hashes = leaves(size)
    levels = tree_levels(b"".join(hashes))
    proof = bytearray(b"".join(inclusion_proof(levels, index, size)))
    at = data.draw(st.integers(0, len(proof) * 8 - 1))
    proof[at // 8] ^= 1 << at % 8

    flipped = [bytes(proof[start : start + 32]) for start in range(0, len(proof), 32)]

    assert not verify_inclusion(hashes[index], index, size, flipped, root_of(levels, size))


@given(st.data())
def test_a_tree_is_the_beginning_of_every_later_one(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, LARGEST))
    old = data.draw(st.integers(1, new))
    levels = tree_levels(b"".join(leaves(new)))
    old_root, new_root = root_of(levels, old), root_of(levels, new)

    proof = consistency_proof(levels, old, new)

    assert verify_consistency(old, new, old_root, new_root, proof)


@given(st.data())
def test_a_tree_that_was_rewritten_is_no_beginning(data: st.DataObject) -> None:
    new = data.draw(st.integers(2, LARGEST))
    old = data.draw(st.integers(1, new - 1))
    changed = data.draw(st.integers(0, old - 1))
    hashes = leaves(new)
    old_root = root(b"".join(hashes[:old]))
    hashes[changed] = leaf_hash(b"changed")
    levels = tree_levels(b"".join(hashes))

    proof = consistency_proof(levels, old, new)

    assert not verify_consistency(old, new, old_root, root_of(levels, new), proof)


@pytest.mark.parametrize(
    ("index", "size"), [(0, 0), (5, 5), (-1, 5)], ids=["empty", "past the end", "before the start"]
)
def test_what_is_not_in_the_tree_has_no_proof(index: int, size: int) -> None:
    levels = tree_levels(b"".join(leaves(size)))

    with pytest.raises(ValueError, match=f"no leaf {index} in a tree of {size}"):
        inclusion_proof(levels, index, size)


def test_half_a_hash_is_no_leaf() -> None:
    with pytest.raises(ValueError, match="33 bytes"):
        tree_levels(bytes(33))

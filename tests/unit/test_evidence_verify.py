"""Evidence: the auditor's file agrees with RFC 8032 and RFC 9162, and needs Python alone."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import sys
from base64 import b64decode
from io import BytesIO
from itertools import product
from pathlib import Path

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from pipelines.archive import merkle
from pipelines.archive.evidence import verify
from pipelines.archive.formats import conform, open_writer
from pipelines.archive.layout import Format

SOURCE = Path(verify.__file__).read_text()
VECTORS = Path(__file__).parent.parent / "vectors" / "merkle" / "testdata" / "inclusion"
"""Of https://github.com/transparency-dev/merkle, with its licence."""
SEED = st.binary(min_size=32, max_size=32)

# RFC 8032, 7.1: public key, message, signature
TEST_1 = (
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "",
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
    "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
)
TEST_2 = (
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "72",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
)
TEST_3 = (
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    "af82",
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
)


def sign(seed: bytes, message: bytes) -> tuple[bytes, bytes]:
    """Public key and signature, by another implementation."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    return key.public_key().public_bytes_raw(), key.sign(message)


def flipped(content: bytes, bit: int) -> bytes:
    """The content with one bit turned."""
    changed = bytearray(content)
    changed[bit // 8 % len(content)] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize(
    "vector",
    [
        pytest.param(TEST_1, id="test-1"),
        pytest.param(TEST_2, id="test-2"),
        pytest.param(TEST_3, id="test-3"),
    ],
)
def test_the_signatures_of_rfc_8032_are_accepted(vector: tuple[str, str, str]) -> None:
    public_key, message, signature = map(bytes.fromhex, vector)

    assert verify.verify_signature(public_key, signature, message)


@given(SEED, st.binary(max_size=200))
def test_signatures_of_another_implementation_are_accepted(seed: bytes, message: bytes) -> None:
    public_key, signature = sign(seed, message)

    assert verify.verify_signature(public_key, signature, message)


@given(SEED, st.binary(min_size=1, max_size=100), st.integers(0, 2**20), st.integers(0, 2))
def test_one_bit_turned_anywhere_is_refused(
    seed: bytes, message: bytes, bit: int, part: int
) -> None:
    given_parts = [*sign(seed, message), message]

    given_parts[part] = flipped(given_parts[part], bit)

    assert not verify.verify_signature(*given_parts)


@given(SEED)
def test_a_signature_is_not_accepted_in_a_second_form(seed: bytes) -> None:
    public_key, signature = sign(seed, b"day")
    s = int.from_bytes(signature[32:], "little") + verify.L

    second = signature[:32] + s.to_bytes(32, "little")

    assert not verify.verify_signature(public_key, second, b"day")


@pytest.mark.parametrize(
    ("public_key", "signature"),
    [
        pytest.param(b"", bytes(64), id="no-key"),
        pytest.param(b"\xff" * 32, bytes(64), id="no-point"),
        pytest.param(bytes(32), b"", id="no-signature"),
    ],
)
def test_what_is_no_key_or_signature_is_refused(public_key: bytes, signature: bytes) -> None:
    assert not verify.verify_signature(public_key, signature, b"")


@given(SEED)
def test_public_keys_are_read_from_pem(seed: bytes) -> None:
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    assert verify.read_public_key(pem) == public.public_bytes_raw()


@pytest.mark.parametrize(
    "pem",
    [
        pytest.param("", id="nothing"),
        pytest.param("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", id="short"),
        pytest.param(
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", id="private"
        ),
    ],
)
def test_what_is_no_public_key_is_refused(pem: str) -> None:
    with pytest.raises(ValueError, match="not an Ed25519 public key"):
        verify.read_public_key(pem)


@given(st.integers(1, 600), st.data())
def test_it_accepts_the_proofs_that_the_archive_makes(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaves = [verify.leaf_hash(str(number).encode()) for number in range(size)]
    levels = merkle.tree_levels(b"".join(leaves))
    root = merkle.root(levels[0])
    proof = merkle.inclusion_proof(levels, index, size)

    assert verify.verify_inclusion(leaves[index], index, size, proof, root)
    assert not verify.verify_inclusion(leaves[index], index + 1, size, proof, root)
    assert not verify.verify_inclusion(leaves[index], index, size, [*proof, root], root)
    if proof:
        bit = data.draw(st.integers(0, 255))
        wrong = [flipped(proof[0], bit), *proof[1:]]
        assert not verify.verify_inclusion(leaves[index], index, size, wrong, root)
        assert not verify.verify_inclusion(leaves[index], index, size, proof[:-1], root)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.relative_to(VECTORS).with_suffix("").as_posix())
        for path in sorted(VECTORS.rglob("*.json"))
    ],
)
def test_proofs_are_judged_as_others_judge_them(path: Path) -> None:
    vector = json.loads(path.read_text())

    accepted = verify.verify_inclusion(
        b64decode(vector["leafHash"]),
        vector["leafIdx"],
        vector["treeSize"],
        [b64decode(node) for node in vector["proof"] or ()],
        b64decode(vector["root"]),
    )

    assert accepted is not vector["wantErr"]


def test_a_node_is_not_taken_for_a_leaf() -> None:
    left, right = verify.leaf_hash(b"a"), verify.leaf_hash(b"b")
    root = hashlib.sha256(b"\1" + left + right).digest()

    assert not verify.verify_inclusion(verify.leaf_hash(left + right), 0, 1, [], root)


def test_it_is_python_3_8() -> None:
    ast.parse(SOURCE, feature_version=(3, 8))


def test_it_imports_the_standard_library_alone() -> None:
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(SOURCE))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert imported <= sys.stdlib_module_names
    assert "hashlib" in imported


def test_no_cell_begins_a_formula_where_quotes_do_not_count_and_all_come_back(
    tmp_path: Path,
) -> None:
    texts = ["".join(one) for n in range(1, 6) for one in product(";\n'\t=a", repeat=n)]
    texts += ["a\r\n-1", "x;@SUM(A1);+1", "＝1;＝1", "\r'+1"]
    sink = BytesIO()
    writer = open_writer(Format.CSV, "activity", sink)
    writer.write(conform("activity", pa.table({"resource_name": texts})))
    writer.close()
    (tmp_path / "activity.csv").write_bytes(sink.getvalue())
    check = verify.Check(verify.Pack(tmp_path), [], shown=False)

    read = [row["resource_name"] for row in check.read_csv("activity.csv")]

    pieces = re.split(r"[;\r\n]", sink.getvalue().decode("utf-8-sig"))
    assert [piece for piece in pieces if re.match(r"\t*[=+\-@＝＋－＠]", piece)] == []
    assert read == texts

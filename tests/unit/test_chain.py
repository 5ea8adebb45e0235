"""Chain: no bit of the log can change unseen."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pipelines.archive.chain import check_chain
from pipelines.archive.copies import anchors_of
from pipelines.archive.entry import Entry, entry_path, sign_entry
from pipelines.archive.keys import KeySigner, parse_public_key


def signer(number: int) -> KeySigner:
    key = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return KeySigner(parse_public_key(pem.decode()), key)


FIRST, SECOND = signer(1), signer(2)


def entry(before: Entry | None, facts: dict[str, Any], *signers: KeySigner) -> Entry:
    common = {
        "index": before.index + 1 if before else 0,
        "previous": sha256(before.content).hexdigest() if before else None,
        "recorded_at": "2026-02-18T03:00:00.000000Z",
        "software": "trailhouse 0.1.0",
        "by": "tests",
    }
    return sign_entry(common | facts, signers)


def key(before: Entry | None, added: KeySigner, *signers: KeySigner) -> Entry:
    facts = {
        "kind": "key",
        "action": "add",
        "key_id": added.public.key_id,
        "public_key": added.public.pem,
        "retires": FIRST.public.key_id if before else None,
    }
    return entry(before, facts, *signers)


def log() -> list[Entry]:
    """A key, an act, another key, and an act that it signed."""
    begun = key(None, FIRST, FIRST)
    acted = entry(begun, {"kind": "release", "hold_id": "1"}, FIRST)
    rotated = key(acted, SECOND, FIRST, SECOND)
    return [begun, acted, rotated, entry(rotated, {"kind": "release", "hold_id": "2"}, SECOND)]


def objects(entries: list[Entry]) -> dict[str, bytes]:
    return {entry_path(one.index): one.content for one in entries}


@pytest.mark.parametrize("trusted", [FIRST, SECOND], ids=["the first key", "the newest key"])
def test_a_log_is_sound_to_who_trusts_one_of_its_keys(trusted: KeySigner) -> None:
    chain = check_chain(objects(log()), {trusted.public.key_id})

    assert chain.findings == ()
    assert chain.vouched == {0, 1, 2, 3}
    assert [one.key_id for one in chain.keys] == [FIRST.public.key_id, SECOND.public.key_id]


def test_nothing_is_vouched_for_to_who_trusts_no_key_of_it() -> None:
    chain = check_chain(objects(log()), {signer(3).public.key_id})

    assert [one.name for one in chain.findings] == ["unknown_key"]
    assert chain.vouched == frozenset()


@pytest.mark.parametrize("index", range(4))
def test_every_bit_of_every_entry_that_flips_is_found_at_that_entry(index: int) -> None:
    sound = objects(log())
    path, trusted = entry_path(index), {FIRST.public.key_id}
    unseen = []

    for bit in range(len(sound[path]) * 8):
        content = bytearray(sound[path])
        content[bit // 8] ^= 1 << bit % 8
        findings = check_chain(sound | {path: bytes(content)}, trusted).findings
        if path not in {one.where for one in findings}:
            unseen.append(bit)

    assert unseen == []


def test_a_log_cut_off_before_its_rotation_does_not_reach_who_trusts_the_newest_key() -> None:
    begun, acted, *_ = log()
    forged = entry(acted, {"kind": "release", "hold_id": "2"}, FIRST)

    chain = check_chain(objects([begun, acted, forged]), {SECOND.public.key_id})

    assert [one.name for one in chain.findings] == ["unknown_key"]


EARLY = "2026-02-18T01:00:00.500000Z"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param({"clock_behind_seconds": 7199}, [], id="says so"),
        pytest.param({}, ["clock_skew"], id="does not say so"),
        pytest.param({"clock_behind_seconds": 60}, ["clock_skew"], id="says something else"),
    ],
)
def test_a_clock_behind_the_entry_before_is_found_unless_the_entry_says_so(
    told: dict[str, int], expected: list[str]
) -> None:
    begun = key(None, FIRST, FIRST)
    facts = {"kind": "release", "hold_id": "1", "recorded_at": EARLY}
    acted = entry(begun, facts | told, FIRST)

    chain = check_chain(objects([begun, acted]), {FIRST.public.key_id})

    assert [one.name for one in chain.findings] == expected
    assert chain.behind == ((1,) if told else ())


def test_an_entry_that_says_its_clock_was_behind_although_it_was_not_is_found() -> None:
    begun = key(None, FIRST, FIRST)
    facts = {"kind": "release", "hold_id": "1", "clock_behind_seconds": 7199}

    chain = check_chain(objects([begun, entry(begun, facts, FIRST)]), {FIRST.public.key_id})

    assert [one.name for one in chain.findings] == ["clock_skew"]


def test_only_the_digits_0_to_9_number_an_entry() -> None:
    begun = key(None, FIRST, FIRST)
    fullwidth = "log/0000000\N{FULLWIDTH DIGIT ONE}.json"

    chain = check_chain(objects([begun]) | {fullwidth: b"x"}, {FIRST.public.key_id})

    assert [(one.name, one.where) for one in chain.findings] == [("added", fullwidth)]
    assert anchors_of({fullwidth: begun.content}, "elsewhere") == []

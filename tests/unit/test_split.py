"""Split: whatever pieces an object arrives in, its records are its bytes."""

from __future__ import annotations

import itertools
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.split import BOM, elements, split

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SCALAR = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | TEXT
JSON = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=4)


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """A JSON object as anybody might write it: compact, indented, escaped or not."""
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,", " :\t")]))
    ascii_only = draw(st.booleans())
    return json.dumps(draw(OBJECT), separators=separators, ensure_ascii=ascii_only).encode()


@st.composite
def pieces_of(draw: st.DrawFn, content: bytes) -> list[bytes]:
    """The content in pieces of any sizes, empty ones among them."""
    cuts = sorted(draw(st.lists(st.integers(0, len(content)), max_size=8)))
    ends = [0, *cuts, len(content)]
    return [content[a:b] for a, b in itertools.pairwise(ends)]


def records(*pieces: bytes) -> list[tuple[int, bytes]]:
    """All records of a content that comes in these pieces."""
    return [record for found in split(iter(pieces)) for record in found]


@given(
    st.lists(documents(), min_size=1, max_size=6),
    st.sampled_from([b"\n", b"\r\n", b"\n\n", b" \n\t"]),
    st.booleans(),
    st.data(),
)
def test_lines_come_out_as_they_went_in(
    lines: list[bytes], end: bytes, marked: bool, data: st.DataObject
) -> None:
    content = (BOM if marked else b"") + end.join(lines) + data.draw(st.sampled_from([b"", end]))

    found = records(*data.draw(pieces_of(content)))

    assert [text for _, text in found] == lines
    assert all(content[at : at + len(text)] == text for at, text in found)


@given(st.lists(JSON, max_size=5), st.sampled_from([None, 0, 2]), st.data())
def test_a_document_over_many_lines_is_one_record(
    value: list[Any], indent: int | None, data: st.DataObject
) -> None:
    content = json.dumps({"event": value, "nested": [{}, {"a": value}]}, indent=indent).encode()

    found = records(*data.draw(pieces_of(content)))

    assert found == [(0, content)]


@given(st.binary(max_size=60), st.data())
def test_any_bytes_are_cut_alike_whatever_the_pieces(content: bytes, data: st.DataObject) -> None:
    assert records(*data.draw(pieces_of(content))) == records(content)


@given(
    st.lists(st.sampled_from([b"{}", b"{", b"[", b"]", b",", b"\n", b'{"a":1}', b" ", b"x", BOM])),
    st.data(),
)
def test_any_text_like_json_is_cut_alike_whatever_the_pieces(
    parts: list[bytes], data: st.DataObject
) -> None:
    content = b"".join(parts)

    found = records(content)

    assert records(*data.draw(pieces_of(content))) == found
    lost = bytearray(content)
    for at, text in found:
        assert content[at : at + len(text)] == text
        lost[at : at + len(text)] = b" " * len(text)
    assert not bytes(lost).replace(BOM, b"").strip(b" \t\r\n")


@given(
    st.lists(documents(), max_size=5), st.sampled_from([b",", b", ", b"\n,\n"]), st.integers(0, 9)
)
def test_elements_of_an_array_are_their_own_bytes(
    items: list[bytes], comma: bytes, offset: int
) -> None:
    content = b"[ " + comma.join(items) + b"\n]"

    found = elements((offset, content)) or []

    assert [text for _, text in found] == items
    assert all(content[at - offset : at - offset + len(text)] == text for at, text in found)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"", [(0, b"")], id="empty"),
        pytest.param(b" \n\t", [(0, b" \n\t")], id="white space"),
        pytest.param(BOM, [(0, BOM)], id="only a byte order mark"),
        pytest.param(BOM + b"{}", [(3, b"{}")], id="byte order mark"),
        pytest.param(b"{\n{}\n", [(0, b"{"), (2, b"{}")], id="first line broken"),
        pytest.param(b"{}\n{\n", [(0, b"{}"), (3, b"{")], id="last line broken"),
        pytest.param(b"{}\n\x0c\n{}", [(0, b"{}"), (3, b"\x0c"), (5, b"{}")], id="form feed"),
        pytest.param(b"<html>\n</html>", [(0, b"<html>\n</html>")], id="a web page is one record"),
    ],
)
def test_records_of(content: bytes, expected: list[tuple[int, bytes]]) -> None:
    found = records(content)

    assert found == expected
    assert records(*(content[i : i + 1] for i in range(len(content)))) == expected


def test_a_large_object_is_never_held_whole() -> None:
    held = 0
    most = 0

    def pieces() -> Any:
        nonlocal held, most
        for number in range(50):
            held += 1
            most = max(most, held)
            yield orjson.dumps({"n": number}) + b"\n"

    count = 0
    for found in split(pieces()):
        held = 0
        count += len(found)

    assert count == 50
    assert most <= 3

"""Split: whatever pieces an object arrives in, its records are its bytes."""

from __future__ import annotations

import itertools
import json
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.sources.records import TooLarge
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
    return [record for found in cut(*pieces) for record in found]


def cut(*pieces: bytes, limit: int = 2**20) -> list[Any]:
    """What a content that comes in these pieces is cut into."""
    return list(split(iter(pieces), limit))


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


def test_a_large_object_is_never_held_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.sources.split.HELD_BYTES", 8)
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


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold so little that what is small counts as large."""
    monkeypatch.setattr("pipelines.sources.split.HELD_BYTES", 16)
    monkeypatch.setattr("pipelines.sources.split.CUT_BYTES", 16)
    monkeypatch.setattr("pipelines.sources.arrays.STEP_BYTES", 16)


LARGE = b'{"x":"' + b"x" * 200 + b'"}'
FITS = b'{"x":"' + b"x" * 40 + b'"}'


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(LARGE, [(0, 208)], id="one object"),
        pytest.param(
            b'{"a":1}\n' + LARGE + b"\n" + FITS,
            [(0, b'{"a":1}'), (8, 208), (217, FITS)],
            id="a line",
        ),
        pytest.param(
            LARGE + b"\n" + FITS + b"\n" + LARGE,
            [(0, 208), (209, FITS), (258, 208)],
            id="first and last line",
        ),
        pytest.param(
            b"[" + FITS + b" ,{}," + LARGE + b",{}]",
            [(1, FITS), (51, b"{}"), (54, 212)],
            id="an element and what follows",
        ),
        pytest.param(b"<p>\n" * 60, [(0, 240)], id="no JSON"),
        pytest.param(b" " * 300, [(0, 300)], id="white space"),
    ],
)
def test_a_record_that_is_too_large_comes_without_its_bytes(
    content: bytes, expected: list[tuple[int, Any]]
) -> None:
    for size in (1, 7, 100, 1_000):
        pieces = [content[i : i + size] for i in range(0, len(content), size)]

        found: list[tuple[int, Any]] = []
        for some in cut(*pieces, limit=100):
            found += [(some.offset, some.bytes)] if isinstance(some, TooLarge) else some

        assert found == expected


@pytest.mark.usefixtures("small")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(JSON, max_size=6), st.sampled_from([None, 0, 2]), st.data())
def test_a_large_array_is_cut_into_its_elements(
    items: list[Any], indent: int | None, data: st.DataObject
) -> None:
    items = [{"a": "long enough to count"}, *items]
    content = b" " + json.dumps(items, indent=indent, ensure_ascii=False).encode() + b"\n"

    found = records(*data.draw(pieces_of(content)))

    assert [json.loads(text) for _, text in found] == items
    assert all(content[at : at + len(text)] == text for at, text in found)


@pytest.mark.usefixtures("small")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from([b"{}", b"{", b"[", b"]", b",", b'{"a":1}', b" ", b"x", b'"', b"\\"])),
    st.data(),
)
def test_nothing_of_a_large_array_is_lost_however_broken(
    parts: list[bytes], data: st.DataObject
) -> None:
    content = b'[{"a":"long enough"}' + b"".join(parts)

    found = records(*data.draw(pieces_of(content)))

    lost = bytearray(content)
    for at, text in found:
        assert content[at : at + len(text)] == text
        lost[at : at + len(text)] = b" " * len(text)
    assert not bytes(lost).translate(None, b"[], \n")
    try:
        valid = isinstance(orjson.loads(content), list)
    except orjson.JSONDecodeError:
        valid = False
    whole = all(_is_value(text) for _, text in found)
    assert whole or not valid
    assert valid or not whole or _is_value(_after_array(content))


def _after_array(content: bytes) -> bytes:
    """What stands behind an array: a document of its own may follow it, as it may follow a line."""
    try:
        _, end = json.JSONDecoder().raw_decode(content.decode("latin-1"))
    except ValueError:
        return b""
    return content[end:].strip()


def _is_value(text: bytes) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


@pytest.mark.usefixtures("small")
def test_an_array_that_is_larger_than_memory_is_never_held() -> None:
    most, held = 0, 0

    def pieces() -> Any:
        nonlocal most, held
        yield b"["
        for number in range(500):
            held += 1
            most = max(most, held)
            yield orjson.dumps({"event": number, "text": "x" * 20}) + b","
        yield b"{}]"

    count = 0
    for found in split(pieces(), 100):
        held = 0
        count += len(found)  # type: ignore[arg-type]

    assert count == 501
    assert most <= 4


@pytest.mark.parametrize(
    "line",
    [b'[{"a":1}, {"b":2}]', b'"{\\"a\\":1}"', b'{"a":1}'],
    ids=["arrays", "texts", "objects"],
)
def test_lines_may_be_arrays_and_escaped_objects(line: bytes) -> None:
    assert records(line + b"\n" + line) == [(0, line), (len(line) + 1, line)]

"""Bodies: whatever a message holds, it stays in its place and arrives as it was."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sinks.bodies import as_object, is_json, json_values, lines, with_fields
from pipelines.sinks.sink import Batch
from pipelines.sinks.texts import Texts, chained, ends_of, texts_of

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)

NAMES = st.text("@abc", max_size=3)


def batch(messages: Sequence[str], content_type: str) -> Batch:
    return Batch("s", "id", messages, {"event_id": [""] * len(messages)}, content_type)


@given(st.lists(ANY_JSON, min_size=1), st.sampled_from([None, 1]))
def test_json_values_are_one_line_each_and_mean_the_same(
    values: list[object], indent: int | None
) -> None:
    messages = [json.dumps(value, ensure_ascii=False, indent=indent) for value in values]

    found = json_values(batch(messages, "application/json"))

    assert [json.loads(text) for text in found.texts] == values
    assert json.loads(f"[{','.join(found.texts)}]") == values
    assert not any("\n" in text or "\r" in text for text in found.texts)


@given(st.lists(st.text(), min_size=1))
def test_texts_become_json_strings(messages: list[str]) -> None:
    found = json_values(batch(messages, "text/plain"))

    assert [json.loads(text) for text in found.texts] == messages


@given(st.lists(st.text(), min_size=1))
def test_what_is_no_json_is_refused_and_the_rest_keeps_its_place(messages: list[str]) -> None:
    found = json_values(batch([*messages, "1"], "application/json"))

    assert sorted([*found.positions, *found.refused]) == list(range(len(messages) + 1))
    assert json.loads(f"[{','.join(found.texts)}]")[-1] == 1


@given(st.lists(st.text(), min_size=1), st.sampled_from(["text/plain", "application/json"]))
def test_a_batch_has_as_many_lines_as_messages(messages: list[str], content_type: str) -> None:
    text = lines(batch(messages, content_type))

    assert len(text.split(b"\n")) == len(messages)
    assert b"\r" not in text


@given(
    texts=st.lists(st.text("aé\n\r😀"), min_size=1),
    content_type=st.sampled_from(["text/plain", "application/json", "text/csv"]),
    is_large=st.booleans(),
    cut=st.tuples(st.integers(0, 9), st.integers(0, 9)),
)
def test_messages_are_the_same_in_arrow_as_in_a_list(
    texts: list[str], content_type: str, is_large: bool, cut: tuple[int, int]
) -> None:
    kind = pa.large_string() if is_large else pa.string()
    held, part = texts_of(pa.array(texts, kind)), slice(*sorted(cut))

    assert list(held) == texts
    assert [held[at] for at in range(len(held))] == texts
    assert list(held[part]) == texts[part]
    assert list(chained([held[part], held])) == [*texts[part], *texts]
    assert list(chained([held, held[part]])[part]) == [*texts, *texts[part]][part]
    assert list(chained([held[part], texts])) == [*texts[part], *texts]
    told = Texts(held.column, are_lines=not held.have_breaks())
    for sent, same in (
        (texts, held),
        (texts[part], told[part]),
        (texts * 2, chained([held, told])),
        (texts * 2, chained([told, told])),
    ):
        if sent:
            assert ends_of(same, 7) == ends_of(sent, 7)
            assert lines(batch(same, content_type)) == lines(batch(sent, content_type))


@given(
    st.dictionaries(st.text(max_size=3) | NAMES, ANY_JSON | NAMES),
    st.dictionaries(NAMES, ANY_JSON),
)
def test_fields_are_added_to_an_object_unless_it_has_them(
    own: dict[str, object], added: dict[str, object]
) -> None:
    fields = {name: json.dumps(value) for name, value in added.items()}

    merged = with_fields(json.dumps(own), fields)

    pairs = json.loads(merged, object_pairs_hook=list)
    assert len({name for name, _ in pairs}) == len(pairs)
    assert json.loads(merged).items() >= own.items()
    assert json.loads(merged).keys() == own.keys() | added.keys()
    assert json.loads(with_fields("{}", fields)) == added


@pytest.mark.parametrize(
    "own",
    [
        pytest.param('{"note":"say \\"time\\" twice"}', id="in a text"),
        pytest.param('{"recipe":"time"}', id="as a value"),
        pytest.param('{"recipe":{"time":0}}', id="further down"),
    ],
)
def test_a_name_elsewhere_in_the_object_hides_no_field(own: str) -> None:
    assert json.loads(with_fields(own, {"time": "1"}))["time"] == 1


@pytest.mark.parametrize("own", ['{"time":0}', r'{"\u0074ime":0}', '{"a":1, "time" : 0}'])
def test_an_object_has_each_name_once_however_it_is_spelled(own: str) -> None:
    pairs = json.loads(with_fields(own, {"time": "1", "more": "2"}), object_pairs_hook=list)

    assert sorted(name for name, _ in pairs if name != "a") == ["more", "time"]


def test_json_deeper_than_can_be_read_is_refused() -> None:
    deep = "[" * 100_000 + "]" * 100_000

    assert list(json_values(batch([deep, "1"], "application/json")).refused) == [0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [('{"a":1}', {"a": 1}), ("[1]", {"message": [1]}), ('"t"', {"message": "t"})],
)
def test_every_value_can_be_an_object(value: str, expected: dict[str, object]) -> None:
    assert json.loads(as_object(value)) == expected


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("application/x-ndjson", True),
        ("application/cloudevents+json", True),
        ("text/plain", False),
        ("text/csv", False),
    ],
)
def test_content_types_tell_json_from_text(content_type: str, expected: bool) -> None:
    assert is_json(content_type) is expected

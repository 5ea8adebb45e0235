"""Judge: an accepted record loses nothing, and the same event has the same digest."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.lake.judge import FURTHER, MOST_UNKNOWN, Judged, event_of, judge, kind_of
from pipelines.samples.traps import WRAPPERS

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBER = st.integers(-(10**40), 10**40) | st.floats(allow_nan=False, allow_infinity=False)
SCALAR = st.none() | st.booleans() | NUMBER | TEXT
JSON = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)
)
LAYOUT = st.fixed_dictionaries(
    {
        "indent": st.sampled_from([None, 0, 1, 4, "\t"]),
        "separators": st.sampled_from([None, (",", ":"), (" , ", " : ")]),
        "ensure_ascii": st.booleans(),
    }
)


def event(details: Any, **more: Any) -> dict[str, Any]:
    """An activity event without an id, whose identity is its content."""
    return {"event": "recipe_started", "resource": {"id": 7}, "details": details, **more}


def judged(*records: bytes) -> Judged:
    """The records, judged as one object's."""
    found = Judged()
    judge(0, list(enumerate(records)), found)
    return found


def digest_of(record: bytes) -> str:
    """The digest of one accepted activity event."""
    (digest,) = judged(record).kinds["activity"].digest
    return digest


def shuffled(value: Any) -> Any:
    """The same value with the keys of every object in reverse."""
    if isinstance(value, dict):
        return {key: shuffled(value[key]) for key in reversed(value)}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


@given(JSON, LAYOUT)
def test_any_event_survives_byte_for_byte(details: Any, layout: dict[str, Any]) -> None:
    record = json.dumps(event(details), **layout).encode()

    found = judged(record)

    assert found.rejected == []
    assert found.kinds["activity"].raw == [record]
    assert found.kinds["activity"].event == [record]


@given(JSON, LAYOUT, LAYOUT, st.sampled_from(WRAPPERS))
def test_spaced_ordered_or_wrapped_otherwise_it_is_the_same_event(
    details: Any, layout: dict[str, Any], other: dict[str, Any], wrap: Any
) -> None:
    text = json.dumps(event(details), **layout)

    assert digest_of(json.dumps(shuffled(event(details)), **other).encode()) == digest_of(
        text.encode()
    )
    assert digest_of(wrap(text, 1_770_000_000).encode()) == digest_of(text.encode())


@given(JSON, JSON)
def test_events_that_differ_in_any_value_have_other_digests(one: Any, other: Any) -> None:
    first, second = (json.dumps(event(value), sort_keys=True) for value in (one, other))

    same = digest_of(first.encode()) == digest_of(second.encode())

    # 1e20 and 100000000000000000000 are one number in two spellings
    assert same == (first == second or _numbers(one) == _numbers(other))


def _numbers(value: Any) -> str:
    """A value's text in which a whole float past 64 bits is written as the integer it is."""
    if isinstance(value, dict):
        return f"object {sorted((key, _numbers(item)) for key, item in value.items())!r}"
    if isinstance(value, list):
        return repr([_numbers(item) for item in value])
    if isinstance(value, float) and value.is_integer() and abs(value) >= 2**63:
        return repr(int(value))
    return repr(value)


NUMBERS = [
    "1", "1.0", "-1", "0", "0.0", "-0.0", "0.1", "0.10000000000000000001", "1e-400", "2e-400",
    "9007199254740993", "9007199254740992", "18446744073709551615", "18446744073709551616",
    "123456789012345678901234567890", "123456789012345678901234567891", "1.5e300", '"1"',
    '"1e-400"', '"number:1e-400"', '[NaN]', '{"1e-400":null}', '["1e-400"]', "true", "null",
]  # fmt: skip


def test_numbers_that_differ_by_a_hair_are_different_events() -> None:
    texts = [n for n in NUMBERS if n != "[NaN]"]
    records = [f'{{"event":"x","resource":1,"n":{n}}}'.encode() for n in texts]

    digests = [digest_of(record) for record in records]

    assert len(set(digests)) == len(texts)


def test_two_events_cannot_be_made_alike_with_the_text_of_a_number() -> None:
    pair = [
        b'{"event":"x","resource":1,"a":1e-400,"b":"number:2e-400"}',
        b'{"event":"x","resource":1,"a":"number:1e-400","b":2e-400}',
    ]

    assert digest_of(pair[0]) != digest_of(pair[1])


@given(st.binary(max_size=80))
def test_any_bytes_are_accepted_or_rejected_whole(record: bytes) -> None:
    found = judged(record)

    kept = [raw for batch in found.kinds.values() for raw in batch.raw]
    assert kept + [r.bytes for r in found.rejected] == [record] or record.strip().startswith(
        (b"[", b"{")
    )
    assert found.received == len(kept) + len(found.rejected)


@given(st.integers(200, 1_100), st.sampled_from([b'{"a":', b"["]))
def test_however_deep_a_value_is_nested_the_judge_stands(levels: int, opening: bytes) -> None:
    closing = {b"[": b"]", b'{"a":': b"}"}[opening]
    deep = opening * levels + b"1" + closing * levels
    record = b'{"event":"x","resource":1,"n":' + deep + b"}"

    found = judged(record, b'{"w":' + record + b"}", b"[{}," + deep + b"]", deep)

    assert found.received == len(found.rejected) + sum(len(b.raw) for b in found.kinds.values())
    assert {r.reason for r in found.rejected} <= {"not_json", "not_an_event"}
    if levels < 800:
        assert found.kinds["activity"].raw[0] == record


def test_a_record_of_many_small_objects_is_judged_in_little_time() -> None:
    import time

    record = json.dumps({f"k{i}": {"v": i} for i in range(100_000)}).encode()
    began = time.process_time()

    found = judged(record)

    assert [r.reason for r in found.rejected] == ["not_an_event"]
    assert time.process_time() - began < 3


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        pytest.param("id flow_id status started_at", "job", id="job"),
        pytest.param("recipe_id status started_at lines", "job", id="job of the API"),
        pytest.param("event resource", "activity", id="stream"),
        pytest.param("event_type resource", "activity", id="API"),
        pytest.param("endpoint code", "api_request", id="request"),
        pytest.param("level message", "log_message", id="message"),
        pytest.param("flow_id status", None, id="job without a start"),
        pytest.param("event", None, id="event without a resource"),
        pytest.param("conversation", None, id="something else"),
    ],
)
def test_kinds_are_told_by_their_fields(fields: str, kind: str | None) -> None:
    assert kind_of(dict.fromkeys(fields.split())) == kind


@pytest.mark.parametrize(
    ("id_text", "own"),
    [
        ("1", True), ('"a"', True), ("123456789012345678901234567890", True), ("1.5", True),
        ('""', False), ('" "', False), ("null", False), ("true", False), ("{}", False),
        ("[1]", False), ("12345678901234567890.25", False),
    ],
)  # fmt: skip
def test_an_id_is_used_only_where_it_tells_events_apart(id_text: str, own: bool) -> None:
    digest = digest_of(f'{{"id":{id_text},"event":"x","resource":1}}'.encode())

    assert (digest == "") == own


def request(**more: Any) -> bytes:
    """A record with the fields of an API request."""
    record = {"timestamp": "2026-02-03T09:15:27Z", "endpoint": "/audit", "status": 200}
    return json.dumps(record | more).encode()


def message(found: Any) -> bytes:
    """A record with the fields of a log message."""
    record = {"timestamp": "2026-02-03T09:15:27Z", "level": "INFO", "message": found}
    return json.dumps(record).encode()


@pytest.mark.parametrize(
    "envelope",
    [
        pytest.param(message(json.dumps(event({}))), id="text in a message"),
        pytest.param(message(event({})), id="object in a message"),
        pytest.param(request(payload=event({})), id="object in a request"),
        pytest.param(request(payload={"entries": [event({})]}), id="list in a request"),
    ],
)
def test_an_event_in_a_message_or_request_is_the_event(envelope: bytes) -> None:
    found = judged(envelope)

    assert set(found.kinds) == {"activity"}
    assert json.loads(found.kinds["activity"].event[0]) == event({})
    assert event_of(envelope) == found.kinds["activity"].event[0]


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        pytest.param(message("the resource started_at noon"), "log_message", id="message"),
        pytest.param(message({"resource": 1}), "log_message", id="message with an object"),
        pytest.param(request(resource="/orders"), "api_request", id="request"),
        pytest.param(b'{"w":' + message("resource") + b"}", "log_message", id="wrapped"),
    ],
)
def test_a_message_or_request_without_an_event_stays_one(record: bytes, kind: str) -> None:
    found = judged(record)

    assert set(found.kinds) == {kind}
    assert found.received == 1


@pytest.mark.parametrize(
    "envelope",
    [
        pytest.param({"records": [event(1), event(2)]}, id="list"),
        pytest.param({"body": {"data": [event(1), event(2)]}, "total": 2}, id="page in an object"),
        pytest.param({"a": event(1), "b": event(2)}, id="two fields"),
        pytest.param({"a": event(1), "b": {"c": event(2)}}, id="two depths"),
        pytest.param([{"records": [event(1)]}, {"records": [event(2)]}], id="array of lists"),
    ],
)
def test_every_event_of_a_record_counts(envelope: Any) -> None:
    record = json.dumps(envelope).encode()

    found = judged(record)

    batch = found.kinds["activity"]
    assert (found.received, found.rejected) == (2, [])
    assert [json.loads(text)["details"] for text in batch.event] == [1, 2]
    if isinstance(envelope, dict):
        for at, text in zip(batch.source_offset, batch.raw, strict=True):
            assert record[at : at + len(text)] == text


def test_several_events_of_which_one_is_escaped_are_rejected_together() -> None:
    found = judged(json.dumps({"a": event(1), "b": json.dumps(event(2))}).encode())

    assert [r.detail for r in found.rejected] == ["2 events in one record, one of them escaped"]


def test_a_text_that_is_an_event_is_opened() -> None:
    found = judged(json.dumps(json.dumps(event({}))).encode())

    assert [json.loads(text) for text in found.kinds["activity"].event] == [event({})]


def test_fields_that_nobody_documents_are_counted_wherever_they_stand() -> None:
    job = {
        "recipe_id": 1,
        "status": "succeeded",
        "started_at": "2026-02-03T01:20:05-08:00",
        "context": {"user_id": 7, "brand_new": 1},
        "lines": [{"recipe_line_number": 0, "retried": 2}, {"retried": 0, "input": {"any": 1}}],
        "report": {"Vendor": "a column of the customer"},
        "region": "eu",
    }
    stopped = event({"stop_reason": "user", "skill": "x"}, user=None, team="text", workspace=[1])

    found = judged(json.dumps(job).encode(), json.dumps(stopped).encode())

    assert found.received == 2
    assert not found.rejected
    assert found.unknown == {
        "job.context.brand_new": 1,
        "job.lines.retried": 2,
        "job.region": 1,
        "activity.details.skill": 1,
    }


def test_endless_names_of_fields_are_counted_together() -> None:
    records = [json.dumps(event({f"{n}{'x' * 999}": n})).encode() for n in range(MOST_UNKNOWN + 5)]

    found = judged(*records)

    assert len(found.unknown) == MOST_UNKNOWN + 1
    assert found.unknown[FURTHER] == 5
    assert max(map(len, found.unknown)) < 200

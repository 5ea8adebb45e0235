"""Shape: what is proved of many jobs at once is what the judge finds of each by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.lake.judge import Judged, judge
from pipelines.lake.shape import GROUP_RECORDS, MOST_PASSED_OVER, Shape

VECTORS = sorted((Path(__file__).parents[1] / "vectors" / "json" / "test_parsing").glob("*.json"))


def job(number: int = 0, **more: Any) -> dict[str, Any]:
    """A job record as Workato sends it."""
    return {
        "id": f"j-{number}",
        "recipe_id": 61040822,
        "title": "Grüße",
        "status": "succeeded",
        "is_test": False,
        "started_at": "2026-02-01T16:00:00-08:00",
        "error": None,
        "context": {"user_id": 7, "recipe_name": "Orders"},
        "lines": [
            {"recipe_line_number": 0, "input": {"a": 1.5}, "line_stat": {"total": 0.08}},
            {"recipe_line_number": 1, "input": {"b": [2]}, "error": "gone"},
        ],
    } | more


def text(value: Any, indent: int | None = None) -> bytes:
    """The value as JSON, without white space unless it is indented."""
    separators = (",", ":") if indent is None else None
    return json.dumps(value, indent=indent, separators=separators, ensure_ascii=False).encode()


JOBS = [text(job(number)) for number in range(2 * GROUP_RECORDS)]
RECORD = JOBS[0]


def experienced() -> Judged:
    """What was judged of a stream of such jobs, which has learned their shape."""
    found = Judged()
    judge(0, list(enumerate(JOBS)), found)
    assert found.shape.proves(JOBS)
    return Judged(shape=found.shape)


def facts(found: Judged) -> list[Any]:
    """All that was found of the records."""
    return [found.kinds, found.rejected, found.unknown, found.received, found.bytes]


def both_ways(*records: bytes) -> tuple[Judged, Judged]:
    """The records judged together after a stream of jobs, and each by itself."""
    together, apart = experienced(), Judged()
    judge(0, list(enumerate(records)), together)
    for offset, record in enumerate(records):
        apart.shape = Shape()
        judge(0, [(offset, record)], apart)
    return together, apart


@given(st.integers(0, len(RECORD)), st.integers(0, 12), st.binary(max_size=6))
def test_a_record_with_any_bytes_replaced_is_judged_alike(
    begin: int, length: int, patch: bytes
) -> None:
    record = RECORD[:begin] + patch + RECORD[begin + length :]

    together, apart = both_ways(JOBS[1], record, JOBS[2])

    assert facts(together) == facts(apart)


@given(st.integers(0, len(RECORD)), st.integers(0, len(RECORD)), st.integers(0, len(RECORD)))
def test_a_record_with_a_part_of_it_elsewhere_is_judged_alike(
    first: int, second: int, third: int
) -> None:
    begin, end = sorted((first, second))
    record = RECORD[:third] + RECORD[begin:end] + RECORD[third:]

    together, apart = both_ways(record, JOBS[1])

    assert facts(together) == facts(apart)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda path: path.stem)
def test_json_of_every_kind_in_a_job_is_judged_alike(vector: Path) -> None:
    before, after = RECORD.split('"Grüße"'.encode())
    records = [before + vector.read_bytes() + after, RECORD.replace(b"1.5", vector.read_bytes())]

    for record in records:
        together, apart = both_ways(record, JOBS[1])

        assert facts(together) == facts(apart)


@pytest.mark.parametrize(
    "record",
    [
        b"",
        RECORD + b"\n" + RECORD,
        b"[" + RECORD + b"]",
        text(job(), indent=1),
        text(job(id="")),
        text(job(id=" ")),
        text(job(id=None)),
        text(job(id=True)),
        text(job(id=1.5)),
        text(job(id=2**70)),
        text(job(is_special=True)),
        text(job(context={"user_id": 7, "mood": "good"})),
        text(job(lines=[{"recipe_line_number": 0, "mood": "good"}])),
        text(job(lines=[7, {"recipe_line_number": 0}])),
        text(job(lines="Log lines exceed size limit")),
        text({key: value for key, value in job().items() if key != "started_at"}),
        text({key: job()[key] for key in reversed(job())}),
        text({"message": job()}),
        RECORD.replace(b'"error":null', b'"error":null,"error":null'),
        RECORD.replace(b'"b":[2]', b'"b":[2],"b":[2]'),
        RECORD.replace(b'"b":[2]', b'"b":[{"c":1,"c":1}]'),
        RECORD.replace(b"1.5", b"1.50"),
        RECORD.replace(b"1.5", b"1e999"),
        RECORD.replace(b"1.5", b"NaN"),
        RECORD.replace(b"1.5", b"[" * 100_000),
        RECORD.replace(b"1.5", b"[" * 2_000 + b"]" * 2_000),
        RECORD.replace(b"Orders", rb"\ud800"),
        RECORD.replace(b"Orders", b"\xed\xa0\x80"),
        RECORD.replace(b"Orders", b"\xff"),
    ],
    ids=lambda record: str(record[:20]),
)
def test_a_job_out_of_the_ordinary_is_judged_alike(record: bytes) -> None:
    together, apart = both_ways(JOBS[1], record, *JOBS[2:20])

    assert facts(together) == facts(apart)


@pytest.mark.parametrize(
    "record",
    [text(job(id=7)), text(job(lines="too large")), text(job(lines=None, error={"message": "x"}))],
)
def test_a_job_with_any_documented_value_is_proved(record: bytes) -> None:
    assert experienced().shape.proves([record])


def test_fields_that_come_later_are_learned() -> None:
    found = experienced()
    rerun = text({"id": "j-9", "master_job_id": "j-1", **job(9), "completed_at": None})
    assert not experienced().shape.proves([rerun])

    judge(0, [(0, rerun)], found)

    assert found.shape.proves([rerun, *JOBS])


def test_a_stream_is_proved_again_after_many_records_of_another_kind() -> None:
    found = experienced()
    others = [text({"event": "x", "resource": {}})] * (4 * GROUP_RECORDS * MOST_PASSED_OVER)
    judge(0, list(enumerate(others)), found)

    judge(0, list(enumerate(JOBS * MOST_PASSED_OVER)), found)

    assert found.shape.proves(JOBS)


@given(st.lists(st.permutations(list(job())), min_size=1, max_size=5))
def test_whatever_the_order_of_fields_jobs_are_judged_alike(orders: list[list[str]]) -> None:
    found, apart = Judged(), Judged()
    records = [text({key: job()[key] for key in order}) for order in orders for _ in range(20)]

    judge(0, list(enumerate(records)), found)
    for offset, record in enumerate(records):
        apart.shape = Shape()
        judge(0, [(offset, record)], apart)

    assert facts(found) == facts(apart)

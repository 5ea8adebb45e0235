from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakes import activity, encode, folder_place, job, run_load

from pipelines.exports.ahead import ahead
from pipelines.exports.backoff import Backoff
from pipelines.exports.batches import OCCURRED, Origin, Outgoing, Rendered, cut, size_of
from pipelines.exports.breaker import SinkState, failed, is_due, probed, succeeded
from pipelines.exports.messages import MESSAGE_COLUMNS, log_messages
from pipelines.exports.select import select, time_scope
from pipelines.sinks.sink import ConfigurationSinkError, Limits, TransientSinkError
from pipelines.sinks.texts import texts_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORIGIN = Origin("siem", 1, 1, "load-1", "template", "application/json")
STATE = SinkState("siem", NOW, 0)


@given(failures=st.integers(1, 10_000), drawn=st.floats(0, 1, exclude_max=True))
def test_a_back_off_is_drawn_from_all_of_a_range_that_doubles_up_to_its_cap(
    failures: int, drawn: float
) -> None:
    waited = Backoff().seconds(failures, random=lambda: drawn)

    assert 0 <= waited <= min(6 * 3600, 30 * 2 ** min(failures - 1, 20))
    assert waited == drawn * min(6 * 3600, 30 * 2 ** min(failures - 1, 20))


def test_a_service_that_asks_for_patience_gets_at_least_as_much() -> None:
    assert Backoff().seconds(1, random=lambda: 0.0, retry_after=120.0) == 120.0
    assert Backoff().seconds(9, random=lambda: 0.9, retry_after=1.0) > 1.0


def test_a_breaker_opens_for_what_must_be_mended_and_closes_on_success() -> None:
    denied = ConfigurationSinkError("denied", cause="access_denied")

    opened = failed(STATE, denied, NOW, backoff=Backoff(), random=lambda: 0.5)
    closed = succeeded(probed(opened), NOW)

    assert (opened.breaker, opened.since, opened.cause) == ("open", NOW, "access_denied")
    assert (closed.breaker, closed.failure_count, is_due(closed, NOW)) == ("closed", 0, True)


def test_a_probe_that_is_not_answered_leaves_the_breaker_open() -> None:
    denied = ConfigurationSinkError("denied", cause="access_denied")
    away = TransientSinkError("away", cause="network")
    opened = failed(STATE, denied, NOW, backoff=Backoff(), random=lambda: 0.5)

    still = failed(probed(opened), away, NOW, backoff=Backoff(), random=lambda: 0.5)

    assert (still.breaker, still.since, still.failure_count) == ("open", NOW, 2)


def test_a_failure_is_not_due_before_its_time_but_after_the_clock_was_set_back() -> None:
    away = TransientSinkError("away", cause="network", retry_after_seconds=600)

    state = failed(STATE, away, NOW, backoff=Backoff(), random=lambda: 0.5)

    assert not is_due(state, NOW + timedelta(seconds=599))
    assert is_due(state, NOW + timedelta(seconds=600))
    assert is_due(state, NOW - timedelta(days=1))


def test_nobody_waits_for_longer_than_a_day_whatever_a_service_asks() -> None:
    away = TransientSinkError("away", cause="throttled", retry_after_seconds=1e12)

    state = failed(STATE, away, NOW, backoff=Backoff(), random=lambda: 0.5)

    assert state.next_attempt_at == NOW + timedelta(days=1)


def pieces(messages: list[str], at: list[int], *, in_arrow: bool) -> Iterator[Rendered]:
    """The messages in pieces of some sizes, as lists or as Arrow arrays."""
    start = 0
    for size in [*at, len(messages)]:
        part = messages[start : start + size]
        ids = [f"e{start + n}" for n in range(len(part))]
        held = texts_of(pa.array(part, pa.string())) if in_arrow else part
        yield held, {"event_id": ids, OCCURRED: list(range(start, start + len(part)))}
        start += size


def cut_all(
    messages: list[str], limits: Limits, at: list[int], *, in_arrow: bool = False
) -> list[Outgoing]:
    return list(cut(pieces(messages, at, in_arrow=in_arrow), limits, ORIGIN))


@given(
    messages=st.lists(st.text("aé\N{GRINNING FACE}", max_size=12), max_size=40),
    events=st.integers(1, 9),
    size=st.integers(1, 60),
    event_bytes=st.integers(1, 60),
    at=st.lists(st.integers(0, 9), max_size=9),
    in_arrow=st.booleans(),
)
def test_batches_hold_every_message_once_within_the_limits_wherever_pieces_end(
    messages: list[str], events: int, size: int, event_bytes: int, at: list[int], in_arrow: bool
) -> None:
    limits = Limits(events, size, event_bytes)

    made = cut_all(messages, limits, at, in_arrow=in_arrow)

    assert [m for one in made for m in one.batch.messages] == messages
    assert [one.ordinal for one in made] == list(range(len(made)))
    for one in made:
        assert one.bytes == sum(map(size_of, one.batch.messages))
        largest = max(map(size_of, one.batch.messages))
        if one.refusal is None:
            assert len(one.batch) <= events
            assert one.bytes <= size
            assert largest <= event_bytes
        else:
            assert len(one.batch) == 1
            assert largest > min(size, event_bytes)
    assert [one.batch_id for one in made] == [one.batch_id for one in cut_all(messages, limits, [])]
    assert len({one.batch_id for one in made}) == len(made)


@given(
    messages=st.lists(st.text("ab", min_size=1, max_size=9), min_size=2, max_size=30),
    after=st.integers(0, 20),
)
def test_batches_are_the_same_when_cutting_goes_on_behind_one_of_them(
    messages: list[str], after: int
) -> None:
    limits = Limits(4, 20, 20)
    whole = cut_all(messages, limits, [])
    done = whole[: after % len(whole)]
    start = sum(len(one.batch) for one in done)
    rest = [
        (m, {"event_id": [f"e{start + n}"], OCCURRED: [start + n]})
        for n, m in enumerate(messages[start:])
    ]

    again = list(cut((([m], e) for m, e in rest), limits, ORIGIN, ordinal=len(done)))

    assert [one.batch_id for one in again] == [one.batch_id for one in whole[len(done) :]]


def test_halves_have_all_events_and_ids_of_their_own_that_stay_the_same() -> None:
    (whole,) = cut_all(["a", "b", "c", "d", "e"], Limits(5, 99, 99), [])

    first, second = whole.halves()

    assert [*first.batch.messages, *second.batch.messages] == whole.batch.messages
    assert (first.position, second.position) == (0, 2)
    assert len({whole.batch_id, first.batch_id, second.batch_id}) == 3
    assert whole.halves()[0].batch_id == first.batch_id


def test_the_event_is_taken_out_of_its_wrapper_in_one_line(tmp_path: Path) -> None:
    wrappers: dict[str, Callable[[str], str]] = {
        "bare": lambda text: text,
        "over two lines": lambda text: text.replace(",", ",\n ", 1),
        "with a carriage return": lambda text: text.replace(",", ",\r", 1),
        "wrapped": lambda text: f'{{"env": "prod", "log": {text}}}',
        "like a job": lambda text: f'{{"id": "x", "status": 1, "log": {text}}}',
        "as a text": lambda text: f'{{"log": {encode(text).decode()}}}',
        "in a list": lambda text: f"[{text}]",
    }
    place = folder_place(tmp_path)
    events = []
    for name, wrap in wrappers.items():
        for kind, event in ("job", job(title='{"status":"{x}"}')), ("activity", activity()):
            events.append(encode(event).decode())
            place.put(f"{kind} {name}.json", wrap(events[-1]).encode())
    run_load(place.lake(), [place.landing])
    scope = time_scope(datetime(2026, 2, 3, tzinfo=UTC), datetime(2026, 2, 4, tzinfo=UTC))

    (rows,) = select(place.lake(), scope).rows("true", MESSAGE_COLUMNS | {"source_uri"})
    messages = log_messages(rows)

    told = sorted(message.replace(" ", "") for message in messages)
    assert told == sorted(event.replace(" ", "") for event in events)
    assert not any("\n" in message or "\r" in message for message in messages)
    uris, bare = (rows.column(name).to_pylist() for name in ("source_uri", "is_bare"))
    names = {Path(uri).stem.partition(" ")[2] for uri, so in zip(uris, bare, strict=True) if so}
    assert names == {"bare", "over two lines", "with a carriage return", "in a list"}


def test_items_are_made_ahead_in_order_and_their_error_comes_behind_them() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise ValueError("no sixth")

    made = ahead(items())
    seen = [next(made) for _ in range(5)]

    assert seen == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="no sixth"):
        next(made)


def test_a_caller_that_stops_early_stops_the_making() -> None:
    closed = []

    def items() -> Iterator[int]:
        try:
            while True:
                yield random.randrange(9)
        finally:
            closed.append(True)

    made = ahead(items())
    next(made)
    made.close()

    assert closed == [True]

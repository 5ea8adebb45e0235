"""Words: numbers, times and lengths of time as people read them."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.questions import words as w


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, ""),
        (0.0, "0s"),
        (0.25, "0.2s"),
        (9.5, "9.5s"),
        (42, "42s"),
        (59.7, "1m"),
        (61, "1m 1s"),
        (3_599.6, "1h"),
        (10_796, "3h"),
        (11_212, "3h 7m"),
        (86_399, "1d"),
        (25_743_677, "297d 23h"),
    ],
)
def test_a_length_of_time_has_two_units_and_is_rounded(
    seconds: float | None, expected: str
) -> None:
    assert w.duration(seconds) == expected


@given(st.floats(min_value=10, max_value=1e9))
def test_a_length_of_time_is_at_most_a_half_of_its_smaller_unit_off(seconds: float) -> None:
    units = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
    told = sum(int(part[:-1]) * units[part[-1]] for part in w.duration(seconds).split())

    greatest = next(size for size in units.values() if told >= size)
    smaller = {86_400: 3_600, 3_600: 60}.get(greatest, 1)

    assert abs(told - seconds) <= smaller / 2


def test_bounds_are_one_number_where_they_meet() -> None:
    assert (w.bounds(2892, 2892), w.bounds(289, 1290)) == ("2,892", "289–1,290")


def test_what_is_not_known_is_blank() -> None:
    assert {w.count(None), w.share(None), w.moment(None), w.minute(None), w.day(None)} == {""}


def test_times_are_told_to_the_second_or_minute() -> None:
    at = datetime(2026, 2, 13, 13, 42, 53, 900)

    assert (w.moment(at), w.minute(at), w.day(at)) == (
        "2026-02-13 13:42:53",
        "2026-02-13 13:42",
        "2026-02-13",
    )


def test_a_long_text_is_cut_to_one_line() -> None:
    assert w.clip("one\n two " + "x" * 200, 12) == "one two xxx…"

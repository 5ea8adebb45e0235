"""The report's small parts: wording, trends, axes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from pipelines.errors import ConfigurationError
from pipelines.report import Period, file_name
from pipelines.report import wording as w
from pipelines.report.charts import axis_top, bar_chart
from pipelines.report.period import week_before
from pipelines.report.trends import trend_of

FEBRUARY = Period(date(2026, 2, 1), date(2026, 2, 28))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (w.count(None), "–"),
        (w.count(1234567), "1,234,567"),
        (w.bounds(5, 5), "5"),
        (w.bounds(1200, 1450), "1,200–1,450"),
        (w.share(0, 10), "0%"),
        (w.share(10, 10), "100%"),
        (w.share(1, 100_000), "<0.1%"),
        (w.share(99_999, 100_000), ">99.9%"),
        (w.share(1, 0), "–"),
        (w.change(112, 100), "+12%"),
        (w.change(97, 100), "−3.0%"),
        (w.change(5, 0), "new"),
        (w.change(0, 5), "−100%"),
        (w.change(0, 0), "±0%"),
        (w.change(1200, 100), "×12"),
        (w.points(0.026, 0.022), "+0.4 points"),
        (w.points(0.02, 0.02), "±0.0 points"),
        (w.duration(0), "0 s"),
        (w.duration(0.4), "0.4 s"),
        (w.duration(59.7), "1 min"),
        (w.duration(3599), "1 h"),
        (w.duration(11212), "3 h 7 min"),
        (w.duration(86_400), "1 d"),
        (w.duration(100_000), "1 d 4 h"),
        (w.size(999), "999 bytes"),
        (w.size(10_372_073), "10.4 MB"),
        (w.span(date(2026, 2, 1), date(2026, 2, 28)), "1–28 Feb 2026"),
        (w.span(date(2025, 12, 30), date(2026, 1, 2)), "30 Dec 2025 – 2 Jan 2026"),
        (w.moment(datetime(2025, 2, 3, 4, 5, tzinfo=UTC), 2026), "3 Feb 2025 04:05"),
        (w.plural(1, "person", "people"), "1 person"),
        (w.plural(1200, "job"), "1,200 jobs"),
        (w.clip("a\nb\tc\x00"), "a b c\ufffd"),
        (w.clip("x" * 500, 10), "x" * 9 + "…"),
    ],
)
def test_numbers_and_times_read_well(told: str, expected: str) -> None:
    assert told == expected


def test_a_long_word_may_be_broken_and_stays_escaped() -> None:
    told = w.breakable("a <b> " + "x" * 30 + "<")

    assert told == "a &lt;b&gt; " + "x" * 24 + "<wbr>" + "x" * 6 + "&lt;"


@pytest.mark.parametrize(
    ("now", "before", "seen", "has_before", "expected"),
    [
        pytest.param(1, 0, date(2026, 2, 3), True, "new", id="new"),
        pytest.param(1, 0, date(2026, 2, 3), False, "new", id="new without a period before"),
        pytest.param(1, 0, date(2025, 12, 3), True, "returned", id="returned"),
        pytest.param(10, 5, date(2025, 12, 3), True, "growing", id="growing"),
        pytest.param(4, 2, date(2025, 12, 3), True, "steady", id="twice but few"),
        pytest.param(5, 10, date(2025, 12, 3), True, "falling", id="falling"),
        pytest.param(9, 10, date(2025, 12, 3), True, "steady", id="steady"),
        pytest.param(9, 0, date(2025, 12, 3), False, None, id="nothing to compare with"),
    ],
)
def test_a_trend_is_the_first_that_holds(
    now: int, before: int, seen: date, has_before: bool, expected: str | None
) -> None:
    row: dict[str, Any] = {"failed_count": now, "failed_count_before": before}

    found = trend_of(
        row | {"first_seen_date": seen}, FEBRUARY, date(2025, 12, 1), has_before=has_before
    )

    assert found == expected


def test_an_error_at_the_lakes_begin_is_not_called_new() -> None:
    row = {"failed_count": 1, "failed_count_before": 0, "first_seen_date": date(2026, 2, 3)}

    assert trend_of(row, FEBRUARY, date(2026, 1, 30), has_before=False) is None


@pytest.mark.parametrize("greatest", [0, 1, 4, 5, 13, 99, 100, 101, 231, 9_999, 1_234_567])
def test_an_axis_ends_little_above_the_greatest_value_in_four_whole_steps(greatest: int) -> None:
    top = axis_top(greatest)

    assert top % 4 == 0
    assert greatest <= top <= max(4, 2 * greatest)


def test_a_chart_of_many_days_has_a_bar_a_week_and_loses_nothing() -> None:
    period = Period(date(2025, 3, 1), date(2026, 2, 28))
    values = dict.fromkeys(period.days, 3)

    chart = bar_chart(period, {"failed": values}, "failed jobs")

    assert chart.unit == "week"
    assert len(chart.bars) == 53
    assert sum(sum(bar.values) for bar in chart.bars) == 3 * 365
    assert "1,095 failed jobs in all" in chart.summary


def test_the_week_before_a_day_is_the_last_full_one() -> None:
    monday = week_before(date(2026, 3, 2))
    sunday = week_before(date(2026, 3, 1))

    assert monday == Period(date(2026, 2, 23), date(2026, 3, 1))
    assert sunday == Period(date(2026, 2, 16), date(2026, 2, 22))


def test_a_period_does_not_end_before_it_begins() -> None:
    with pytest.raises(ConfigurationError, match="2026-02-02 is after 2026-02-01"):
        Period(date(2026, 2, 2), date(2026, 2, 1))


def test_a_file_name_holds_no_path() -> None:
    assert file_name(FEBRUARY, "../../x y") == "report_2026-02-01_2026-02-28_-x-y.html"

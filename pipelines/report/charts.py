"""Charts: where the bars stand, as numbers; the templates draw them as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pipelines.report.period import Period
from pipelines.report.wording import count, day, span

WIDTH, HEIGHT = 1000, 200
"""The drawing's own units; the page stretches it, so that it holds no text."""
MOST_BARS = 120
"""Beyond as many days a bar is a week, so that it can still be seen."""
X_LABELS = 8
WIDEST = 60
"""Width of a bar where there are few."""


@dataclass(frozen=True, slots=True)
class Part:
    """One coloured part of a bar."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a chart, from bottom to top."""

    x: float
    width: float
    parts: tuple[Part, ...]
    label: str
    values: tuple[int, ...]
    title: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A label of an axis, at a share of its length in per cent."""

    at: float
    label: str
    is_minor: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A bar chart, and what it says in words."""

    bars: tuple[Bar, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    summary: str
    unit: str
    """What a bar stands for: day or week."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(any(bar.values) for bar in self.bars)


def bar_chart(
    period: Period, series: Mapping[str, Mapping[date, int]], what: str, *, detail: str = ""
) -> Chart:
    """A stacked bar a UTC day; a bar a week where there are more than 120 days.

    Args:
        period: The days; those without a value count 0.
        series: Values per day, per kind; the first kind stands at the bottom.
        what: What is counted, for the words: jobs.
        detail: The kind that the words tell of besides the total: failed.
    """
    groups = group_days(period)
    totals = {
        kind: [sum(values.get(d, 0) for d in days) for days in groups]
        for kind, values in series.items()
    }
    sums = [sum(values) for values in zip(*totals.values(), strict=True)]
    top = axis_top(max(sums, default=0))
    step = WIDTH / len(groups)
    bars = []
    for at, days in enumerate(groups):
        parts, base = [], float(HEIGHT)
        for kind, values in totals.items():
            height = round(values[at] / top * HEIGHT, 2)
            base = round(base - height, 2)
            if height:
                parts.append(Part(kind, base, height))
        title = f"{label_of(days)}: {count(sums[at])} {what}"
        if detail and totals[detail][at]:
            title += f", {count(totals[detail][at])} {detail}"
        width = min(0.8 * step, WIDEST)
        bars.append(
            Bar(
                round((at + 0.5) * step - width / 2, 2),
                round(width, 2),
                tuple(parts),
                label_of(days),
                tuple(values[at] for values in totals.values()),
                title,
            )
        )
    unit = "day" if all(len(days) == 1 for days in groups) else "week"
    words = _summary(groups, sums, what, unit)
    return Chart(tuple(bars), _x_ticks(groups), _y_ticks(top), words, unit)


def spark(period: Period, values: Mapping[date, int]) -> tuple[tuple[float, float, float], ...]:
    """Small bars for one line of a table: x, width, height in a box of 100 by 20."""
    sums = [sum(values.get(d, 0) for d in days) for days in group_days(period)]
    top, step = max(sums, default=0), 100 / max(len(sums), 1)
    return tuple(
        # a bar that is there at all can be seen
        (round((at + 0.1) * step, 2), round(0.8 * step, 2), round(max(20 * value / top, 2), 2))
        for at, value in enumerate(sums)
        if value
    )


def group_days(period: Period) -> list[list[date]]:
    """The days of each bar: one day, or seven."""
    days = period.days
    length = 1 if len(days) <= MOST_BARS else 7
    return [days[at : at + length] for at in range(0, len(days), length)]


def label_of(days: Sequence[date]) -> str:
    """A bar's day or days in words."""
    return span(days[0], days[-1])


def axis_top(greatest: int) -> int:
    """The least round number that is no less, and that four steps of whole numbers make up."""
    if greatest <= 4:
        return 4
    power = 10 ** math.floor(math.log10(greatest / 4))
    for factor in (1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10):
        step = factor * power
        if step == int(step) and 4 * step >= greatest:
            return int(4 * step)
    return int(40 * power)


def _y_ticks(top: int) -> tuple[Tick, ...]:
    return tuple(Tick(25.0 * at, count(top * at / 4), is_minor=at % 2 == 1) for at in range(5))


def _x_ticks(groups: Sequence[Sequence[date]]) -> tuple[Tick, ...]:
    step = math.ceil(len(groups) / X_LABELS)
    return tuple(
        Tick(
            round((at + 0.5) / len(groups) * 100, 2),
            day(groups[at][0], with_year=False),
            is_minor=(at // step) % 2 == 1,
        )
        for at in range(0, len(groups), step)
    )


def _summary(groups: Sequence[Sequence[date]], sums: Sequence[int], what: str, unit: str) -> str:
    if not any(sums):
        return f"No {what} in {label_of([groups[0][0], groups[-1][-1]])}."
    most, least = max(sums), min(sums)
    return (
        f"{count(sum(sums))} {what} in all, {count(sum(sums) / len(sums))} a {unit} on average; "
        f"the most, {count(most)}, on {label_of(groups[sums.index(most)])}, "
        f"the fewest, {count(least)}, on {label_of(groups[sums.index(least)])}."
    )

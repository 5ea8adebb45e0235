"""Period: the UTC days that a report is about, and those that it compares them with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from pipelines.errors import ConfigurationError

WEEK = 7


@dataclass(frozen=True, slots=True)
class Period:
    """UTC days from one to another, both included."""

    from_date: date
    to_date: date

    def __post_init__(self) -> None:
        """Refuse a period that ends before it begins."""
        if self.from_date > self.to_date:
            raise ConfigurationError(
                f"the period ends before it begins: {self.from_date} is after {self.to_date}"
            )

    @property
    def day_count(self) -> int:
        """How many days it has."""
        return (self.to_date - self.from_date).days + 1

    @property
    def days(self) -> list[date]:
        """Its days, in order."""
        return [self.from_date + timedelta(days=at) for at in range(self.day_count)]

    @property
    def before(self) -> Period:
        """The period of the same length that ends the day before."""
        length = timedelta(days=self.day_count)
        return Period(self.from_date - length, self.from_date - timedelta(days=1))


def week_before(day: date) -> Period:
    """The last full week, Monday to Sunday, before a day."""
    monday = day - timedelta(days=day.weekday())
    return Period(monday - timedelta(days=WEEK), monday - timedelta(days=1))

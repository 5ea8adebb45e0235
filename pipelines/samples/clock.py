"""Clock: the five ways in which time is written, made from UTC epoch seconds.

Reads no wall clock and no time-zone database, so that equal moments give equal bytes anywhere.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

Seconds = NDArray[np.int64]

DAY = 86_400


def day_start(day: date) -> int:
    """Return the UTC epoch second at which `day` begins."""
    return (day - date(1970, 1, 1)).days * DAY


def moment(second: int) -> datetime:
    """Return the UTC datetime of an epoch second."""
    return datetime.fromtimestamp(second, UTC)


def iso_z(second: int) -> str:
    """Write whole seconds in ISO 8601 with `Z`: `2026-02-03T09:15:27Z`."""
    return f"{moment(second):%Y-%m-%dT%H:%M:%SZ}"


def iso_z_milliseconds(second: int, millisecond: int) -> str:
    """Write ISO 8601 with milliseconds and `Z`: `2026-02-03T09:15:27.412Z`."""
    return f"{moment(second):%Y-%m-%dT%H:%M:%S}.{millisecond:03d}Z"


def stream_text(second: int) -> str:
    """Write the time of a streamed activity event: `2026-02-03 09:15:27 UTC`."""
    return f"{moment(second):%Y-%m-%d %H:%M:%S UTC}"


def offset_text(second: int) -> str:
    """Write Pacific time with a numeric offset: `2024-06-30 11:02:45 -0700`."""
    hours = int(pacific_hours(np.array([second], dtype=np.int64))[0])
    return f"{moment(second + hours * 3600):%Y-%m-%d %H:%M:%S} -{-hours:02d}00"


def epoch_milliseconds(second: int, fraction: int) -> str:
    """Write epoch milliseconds with decimals; `fraction` is microseconds, 0 to 999,999."""
    return f"{second}{fraction // 1000:03d}.{fraction % 1000:03d}"


def stamp(second: int) -> str:
    """Write the 14 digits of an object name, UTC: `20260203091527`."""
    return f"{moment(second):%Y%m%d%H%M%S}"


def _sunday(year: int, month: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (nth - 1))


def pacific_hours(seconds: Seconds) -> Seconds:
    """Return the US Pacific offset of each moment, in hours: -7 in summer, -8 in winter.

    Args:
        seconds: UTC epoch seconds of at most a few days, all judged by the first one's year;
            at the turn of a year both years are in winter.

    Returns:
        Offsets in the order of `seconds`. Rule: second Sunday of March to first Sunday of
        November, at 02:00 local time (in force since 2007).
    """
    year = moment(int(seconds[0])).year if len(seconds) else 1970
    begins = day_start(_sunday(year, 3, 2)) + 10 * 3600
    ends = day_start(_sunday(year, 11, 1)) + 9 * 3600
    summer = (seconds >= begins) & (seconds < ends)
    return np.where(summer, np.int64(-7), np.int64(-8))


def pacific_text(seconds: Seconds) -> list[str]:
    """Write job times: ISO 8601 with the Pacific offset, `2026-02-03T01:20:05-08:00`."""
    hours = pacific_hours(seconds)
    local = (seconds + hours * 3600).astype("datetime64[s]")
    texts = np.datetime_as_string(local, unit="s").tolist()
    offsets = ["-07:00" if hour == -7 else "-08:00" for hour in hours.tolist()]
    return list(map(str.__add__, texts, offsets))


def milliseconds_text(milliseconds: Seconds) -> list[str]:
    """Write epoch milliseconds as ISO 8601 with milliseconds and `Z`."""
    texts = np.datetime_as_string(milliseconds.astype("datetime64[ms]"), unit="ms").tolist()
    return [text + "Z" for text in texts]

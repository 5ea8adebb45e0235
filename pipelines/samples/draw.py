"""Draw: where every random number comes from, and the ids made from them."""

from __future__ import annotations

from datetime import date
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Generator = np.random.Generator

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CODES = np.array([ord(digit) for digit in _DIGITS], dtype=np.uint32)
_SPREAD = 1_571_113_885  # coprime to 62: neighbours get ids that look unrelated


class Stream(IntEnum):
    """The independent streams of random numbers of one day."""

    JOBS = 1
    ACTIVITY = 2
    LOGS = 3
    TRAPS = 4
    INCIDENTS = 5


def generator(seed: int, day: date, stream: Stream, block: int = 0) -> Generator:
    """Return the generator of one stream of one UTC day.

    Days, streams and blocks never share numbers: what one day holds does not depend on another.
    """
    sequence = np.random.SeedSequence([seed, day.toordinal(), int(stream), block])
    return np.random.Generator(np.random.PCG64(sequence))


def job_ids(seconds: NDArray[np.int64], first: int) -> NDArray[np.str_]:
    """Make one job id for each start, such as `j-OWxG3Bkq-4fK0zL`.

    Args:
        seconds: UTC epoch seconds.
        first: How many ids this UTC day has handed out before.

    Returns:
        Ids in the order of `seconds`. The first part is the start, the second a permutation
        of the running number of the day, so that no two ids are equal.
    """
    running = np.arange(first, first + len(seconds), dtype=np.int64)
    head = seconds * 100_000 + (running * 7_919) % 100_000
    tail = (running * _SPREAD + 98_765) % 62**6
    letters = np.empty((len(seconds), 17), dtype=np.uint32)
    letters[:, 0], letters[:, 1], letters[:, 10] = ord("j"), ord("-"), ord("-")
    for place in range(9, 1, -1):
        head, digit = np.divmod(head, 62)
        letters[:, place] = _CODES[digit]
    for place in range(16, 10, -1):
        tail, digit = np.divmod(tail, 62)
        letters[:, place] = _CODES[digit]
    return letters.view("U17").reshape(-1)

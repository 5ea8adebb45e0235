"""Write: a whole sample, day by day, into a folder."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import orjson

from pipelines.samples import activity, jobs, messages, requests
from pipelines.samples.clock import day_start
from pipelines.samples.delivery import Batch
from pipelines.samples.draw import Stream, generator
from pipelines.samples.incidents import tell_all
from pipelines.samples.landing import DailyLanding, FileLanding, Landing
from pipelines.samples.recipes import RENAMED
from pipelines.samples.repertoire import Repertoire, build_repertoire
from pipelines.samples.runs import draw_runs
from pipelines.samples.story import Story, frame
from pipelines.samples.traps import Post
from pipelines.samples.truth import Tally, Truth
from pipelines.samples.workspace import DEV, ENVIRONMENTS, PROD

BLOCK = 40_000
"""Jobs drawn at once; keeps memory bounded however busy a day is."""

Progress = Callable[[int], None]


def _share(jobs_wanted: int, first: date, days: int) -> list[int]:
    """Share jobs over the days, a weekend day getting less than half of a working day."""
    weights = [1.0 if (first + timedelta(i)).weekday() < 5 else 0.4 for i in range(days)]
    marks = [0.0]
    for weight in weights:
        marks.append(marks[-1] + weight)
    return [
        round(jobs_wanted * after / marks[-1]) - round(jobs_wanted * before / marks[-1])
        for before, after in pairwise(marks)
    ]


class _Writer:
    """Writes the days of one sample."""

    def __init__(self, seed: int, first: date, days: int, story: Story, post: Post) -> None:
        self._seed = seed
        self._first = first
        self._days = days
        self._story = story
        self._post = post
        self._repertoire: Repertoire = post.tally.repertoire
        self._written = 0

    def write_day(self, index: int, count: int, progress: Progress | None) -> None:
        """Write one UTC day with `count` ordinary jobs and the told ones."""
        day = self._first + timedelta(days=index)
        self._post.deliver_late(index)
        self._write_activity(day, index)
        planned = self._story.planned[index]
        blocks = max(1, -(-count // BLOCK))
        done = 0
        for number in range(blocks):
            size = count * (number + 1) // blocks - count * number // blocks
            done += self._write_block(day, index, (number, blocks), (size, done))
            if progress is not None:
                progress(size + (len(planned) if number == 0 else 0))
        logs = messages.stream_batch(generator(self._seed, day, Stream.LOGS), day_start(day))
        traps = generator(self._seed, day, Stream.TRAPS, 2**30)
        self._post.deliver(traps, logs, index, forced=False)

    def _write_activity(self, day: date, index: int) -> None:
        random = generator(self._seed, day, Stream.ACTIVITY)
        actions = activity.ordinary_day(random, day, index, self._days)
        actions += self._story.actions[index]
        for place, batch in enumerate(activity.batches(random, actions, index)):
            traps = generator(self._seed, day, Stream.TRAPS, 2**30 + 1 + place)
            self._post.deliver(traps, batch, index, forced=place == DEV)

    def _write_block(
        self, day: date, index: int, part: tuple[int, int], sizes: tuple[int, int]
    ) -> int:
        """Write block `part` of the day, given its size and the jobs before; return its jobs."""
        number, blocks = part
        size, before = sizes
        second = day_start(day)
        random = generator(self._seed, day, Stream.JOBS, number)
        planned = self._story.planned[index] if number == 0 else []
        slice_ = (number / blocks, (number + 1) / blocks)
        sure = number == 0 and index == 1
        runs = draw_runs(random, self._repertoire, size, slice_, planned, second, sure=sure)
        block = jobs.write_block(
            random, self._repertoire, runs, second, before, self._story.renamed_at
        )
        self._post.tally.add_jobs(block)
        traps = generator(self._seed, day, Stream.TRAPS, number)
        made: list[Batch] = jobs.batches(block, self._repertoire)
        if sure:
            self._post.deliver_unreadable(made[PROD])
        made += requests.batches(random, self._repertoire, block, number, 2 * self._written)
        made += messages.recipe_batches(random, self._repertoire, block, self._written)
        prod = ENVIRONMENTS[PROD].account_id
        for batch in made:
            forced = number == 0 and batch.kind == "jobs" and batch.account_id == prod
            self._post.deliver(traps, batch, index, forced=forced)
        self._written += len(block.texts)
        return len(block.texts)


def write_sample(
    out: Path,
    *,
    days: int,
    jobs: int,
    seed: int,
    end: date,
    ndjson: bool = False,
    gzip: bool = False,
    progress: Progress | None = None,
) -> Truth:
    """Write a sample workspace below `out`: objects in `landing/`, the answers in `truth.json`.

    Args:
        out: A folder that is empty or does not exist yet.
        days: Length of the window in UTC days, 3 or more.
        jobs: Number of jobs, 500 or more; the other events follow from them and from the days.
        seed: Not negative; another seed gives another course of events with the same cast.
        end: The last UTC day of the window.
        ndjson: One object for each account, kind and day instead of one for each event.
        gzip: Compress the objects and append `.gz` to their names.
        progress: Called with the number of jobs written since the last call.

    Returns:
        What the sample holds, as written to `truth.json`.

    Raises:
        ValueError: `days`, `jobs` or `seed` is too small.
        FileExistsError: `out` is a file, or a folder that is not empty.

    The same arguments give the same bytes under the same names. The layout changes how events are
    packed, never which events there are. At most `BLOCK` drawn jobs are held in memory at once.
    """
    if days < 3 or jobs < 500 or seed < 0:
        raise ValueError("a sample has at least 3 days, 500 jobs and a seed of 0")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out} is not an empty folder")
    first = end - timedelta(days=days - 1)
    root = out / "landing"
    root.mkdir(parents=True)
    landing: Landing = (DailyLanding if ndjson else FileLanding)(root, gzipped=gzip)
    repertoire = build_repertoire()
    story = tell_all(frame(seed, first, days, jobs), repertoire)
    tally = Tally(repertoire)
    writer = _Writer(seed, first, days, story, Post(landing, tally, days))
    ordinary = jobs - sum(map(len, story.planned.values()))
    for index, count in enumerate(_share(ordinary, first, days)):
        writer.write_day(index, count, progress)
    usage, errors = tally.rankings({repertoire.renamed[0]: RENAMED[1]})
    truth = Truth(
        seed=seed,
        days=days,
        jobs=jobs,
        end=end,
        window={"from": first.isoformat(), "to": end.isoformat()},
        counts=tally.counts(landing.object_count),
        questions=(usage, errors, *story.questions),
        byte_count=landing.byte_count,
    )
    body = orjson.dumps(truth.as_dict(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    (out / "truth.json").write_bytes(body)
    return truth

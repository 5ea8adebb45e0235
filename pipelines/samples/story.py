"""Story: the window of a sample, and what is told rather than drawn in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

from pipelines.samples.actions import Action
from pipelines.samples.clock import DAY, day_start
from pipelines.samples.connectors import Json
from pipelines.samples.draw import Stream, generator
from pipelines.samples.runs import Planned

HOUR = 3600


@dataclass(slots=True)
class Story:
    """All that is told, by UTC day (its place in the window).

    Attributes:
        planned: Jobs.
        actions: Activity.
        questions: Questions with their answers.
        renamed_at: UTC epoch second of the renaming.
    """

    planned: defaultdict[int, list[Planned]] = field(default_factory=lambda: defaultdict(list))
    actions: defaultdict[int, list[Action]] = field(default_factory=lambda: defaultdict(list))
    questions: list[Json] = field(default_factory=list)
    renamed_at: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """The window of a sample and the rhythm of the told recipes.

    Attributes:
        first: First UTC day.
        days: Number of days.
        interval: Seconds between two runs of a told recipe.
        dense: Whether told recipes run on every day; in a sample with few jobs a day they run
            only on the day of their story and on those beside it.
        shift: A few minutes, 0 to 599 seconds, by which the stories of this seed are moved.
    """

    first: date
    days: int
    interval: int
    dense: bool
    shift: int

    def at(self, share: float, hour: float, *, weekday: bool = True) -> int:
        """Return the UTC epoch second of an hour of the day at `share` of the window.

        With `weekday`, a weekend moves back to the Friday before where the window has it.
        """
        index = max(1, int(self.days * share))
        while weekday and index > 1 and (self.first + timedelta(days=index)).weekday() > 4:
            index -= 1
        return day_start(self.first) + index * DAY + int(hour * HOUR) + self.shift

    def index(self, second: int) -> int:
        """Return the place in the window of the day of a moment."""
        return (second - day_start(self.first)) // DAY


def frame(seed: int, first: date, days: int, jobs: int) -> Frame:
    """Return the frame of a sample: told recipes run 8 to 96 times a day each."""
    runs = min(96, max(8, jobs // days // 60))
    shift = int(generator(seed, first, Stream.INCIDENTS).integers(0, 600))
    return Frame(first, days, DAY // runs, jobs // days >= 100, shift)


def run_in_rhythm(
    story: Story,
    frame: Frame,
    recipe: int,
    around: int,
    look: Callable[[int, int], int | None],
) -> list[tuple[int, int]]:
    """Run a recipe in its rhythm.

    Args:
        story: Receives the jobs.
        frame: The window.
        recipe: Place in the repertoire.
        around: UTC epoch second of its story.
        look: Given a start and the running number, returns the variant, or None for no job.

    Returns:
        Start and variant of each job, in order of time.
    """
    made = []
    number = 0
    for index in range(frame.days):
        if not frame.dense and abs(index - frame.index(around)) > 1:
            continue
        for offset in range(60 + recipe % 7 * 97, DAY - 720, frame.interval):
            second = day_start(frame.first) + index * DAY + offset + (number * 37) % 41
            number += 1
            variant = look(second, number)
            if variant is not None:
                story.planned[index].append(Planned(recipe, second, variant))
                made.append((second, variant))
    return made


def tell(story: Story, frame: Frame, *actions: Action) -> None:
    """Add activity to a story."""
    for action in actions:
        story.actions[frame.index(action.second)].append(action)


def ask(story: Story, name: str, question: str, answer: Json) -> None:
    """Add a question and its answer to a story."""
    story.questions.append({"id": name, "question": question, "answer": answer})

"""Activity: an ordinary day of the people in the workspace.

The told incidents are elsewhere; nothing here touches their recipes or their connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pipelines.samples.actions import Action, owner_resource, streamed, user_resource
from pipelines.samples.actions import from_api as spelled_by_api
from pipelines.samples.changes import CHANGES, Scene, unknown_event
from pipelines.samples.clock import DAY, day_start, stamp
from pipelines.samples.delivery import Batch
from pipelines.samples.draw import Generator
from pipelines.samples.workspace import DEV, ENVIRONMENTS, PEOPLE, PROD, TEST, Person

_API_SHARE = 0.12
_FIRST_ID = 918_000_000


def _sign_in(second: int, person: Person, failed: bool = False) -> Action:
    event = "user_login_failed" if failed else "user_login"
    details = {"activity": "sso_login", "sso_provider": "okta"}
    if not person.sso:
        details = {"activity": "password_login"}
    return Action(second, event, DEV, person, user_resource(person), details)


def _switch(generator: Generator, second: int, person: Person, target: int) -> list[Action]:
    """Leave the development account and enter another: a logout and a login."""
    word = ("switch_team", "switch_workspace")[int(generator.random() < 0.7)]
    details = {"activity": word}
    left, entered = ENVIRONMENTS[DEV], ENVIRONMENTS[target]
    return [
        Action(second, "user_logout", DEV, person, owner_resource(left), details),
        Action(second + 1, "user_login", target, person, owner_resource(entered), details),
    ]


def _person_day(generator: Generator, person: Person, scene: Scene) -> list[Action]:
    arrival = int((person.noon - 4 + generator.normal(0, 0.5)) * 3600) % (DAY - 7200)
    second = scene.day_second + arrival
    actions = []
    if generator.random() < 0.06:
        actions.append(_sign_in(second - 20, person, failed=True))
    actions.append(_sign_in(second, person))
    here = DEV
    for _ in range(int(generator.poisson(3))):
        second += int(generator.integers(60, 5400))
        if here == DEV and generator.random() < 0.25:
            here = PROD if generator.random() < 0.6 else TEST
            actions += _switch(generator, second, person, here)
            second += 30
        change = CHANGES[int(generator.integers(0, len(CHANGES)))]
        actions += change(generator, scene, second, person, here)
    if generator.random() < 0.5:
        details = {"activity": "user_logout"}
        leaving = Action(second + 900, "user_logout", here, person, user_resource(person), details)
        actions.append(leaving)
    return actions


def ordinary_day(generator: Generator, day: date, index: int, days: int) -> list[Action]:
    """Draw what people do on one UTC day.

    Args:
        generator: Source of randomness, for this day alone.
        day: The UTC day.
        index: Its place in the window, from 0.
        days: Length of the window; in a short one, people come in on weekends too.

    Returns:
        Actions in no order; every kind of change is made within any three working days.
    """
    working = day.weekday() < 5 or days < 7
    scene = Scene(day_start(day), index)
    actions: list[Action] = []
    for person in PEOPLE:
        if generator.random() < (0.85 if working else 0.08):
            actions += _person_day(generator, person, scene)
    if working:
        turn = index if days < 7 else day.toordinal() // 7 * 5 + day.weekday()
        for place in range(turn % 3, len(CHANGES), 3):
            second = scene.day_second + int(generator.integers(15 * 3600, 17 * 3600))
            person = PEOPLE[int(generator.integers(0, len(PEOPLE)))]
            actions += CHANGES[place](generator, scene, second, person, DEV)
        actions.append(unknown_event(scene, PEOPLE[0], index))
        second = scene.day_second + int(generator.integers(9 * 3600, 10 * 3600))
        actions += _switch(generator, second, PEOPLE[index % 2], PROD)
    return [act for act in actions if act.second < scene.day_second + DAY]


def batches(generator: Generator, actions: Sequence[Action], index: int) -> list[Batch]:
    """Spell a day's actions, most as streamed and some as the API returns them.

    Args:
        generator: Source of randomness, for this day alone.
        actions: The day's actions, told ones included.
        index: The day's place in the window.

    Returns:
        One batch for each environment; repeats of an equal action are left out.
    """
    ordered = sorted(actions, key=lambda act: act.second)
    made = []
    for environment, account in enumerate(ENVIRONMENTS):
        texts: dict[str, Action] = {}
        seen: set[str] = set()
        for place, act in enumerate(ordered):
            text = streamed(act)
            if act.environment != environment or text in seen:
                continue
            seen.add(text)
            if generator.random() < _API_SHARE:
                text = spelled_by_api(act, _FIRST_ID + index * 10_000 + place)
            texts[text] = act
        found = list(texts.values())

        def key(
            place: int,
            second: int,
            found: Sequence[Action] = found,
            account_id: int = account.account_id,
        ) -> str:
            digits = stamp(second)
            return (
                f"{account_id}/user_activity/{digits[:8]}/"
                f"{account_id}-{found[place].event}-{digits}-{index * 10_000 + place}.json"
            )

        seconds = [act.second for act in found]
        made.append(Batch("activity", account.account_id, list(texts), seconds, key))
    return made

"""Records: deterministic jobs (about 900 bytes each) and activity, as Workato streams them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

RECIPES = 2_000
ACCOUNTS = ((381204, "dev", 0.08), (381977, "test", 0.12), (382051, "prod", 0.80))
ADAPTERS = (
    ("salesforce", "updated_custom_object"),
    ("netsuite", "add_object"),
    ("slack", "post_message_to_channel"),
    ("jira", "create_issue"),
    ("workato_webhooks", "new_event"),
    ("postgresql", "insert_row"),
)
ERROR = (
    '{"message":"500 Internal Server Error","inner_message":"nil","error_type":"Upstream error",'
    '"error_id":"%s","line_number":1,"adapter":"netsuite","action":"add_object",'
    '"http_response":"{\\"status\\":503}"}'
)
LAST_DAY = date(2026, 2, 28)
EVENTS = (
    ("user_login", "User", 0.34),
    ("user_logout", "User", 0.22),
    ("recipe_updated", "Flow", 0.34),
    ("recipe_started", "Flow", 0.01),
    ("recipe_stopped", "Flow", 0.01),
    ("connection_updated", "SharedAccount", 0.08),
)
"""Event, type of its resource, and its share."""
PEOPLE = 60
PACIFIC = timedelta(hours=8)
"""Jobs carry the offset of their data centre, here -08:00."""


def records(day: date, count: int, seed: int = 7) -> Iterator[bytes]:
    """Yield `count` job records that started on the UTC day, in order of start, without line ends.

    Two in three have their steps with them (two or three), one in twenty failed; some end after
    midnight. The same arguments give the same bytes.
    """
    draw = random.Random(f"{seed} {day}")
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    weights = [1 / (rank + 1) for rank in range(RECIPES)]
    recipes = draw.choices(range(RECIPES), weights, k=count)
    accounts = draw.choices(ACCOUNTS, [share for *_, share in ACCOUNTS], k=count)
    for number in range(count):
        began = start + timedelta(seconds=86_400 * number / count)
        ended = began + timedelta(seconds=draw.expovariate(1 / 9))
        yield _record(draw, day, number, recipes[number], accounts[number], began, ended)


def activity(day: date, count: int, seed: int = 7) -> Iterator[bytes]:
    """Yield `count` activity events of the UTC day, in order of time, without line ends."""
    draw = random.Random(f"activity {seed} {day}")
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    drawn = draw.choices(EVENTS, [share for *_, share in EVENTS], k=count)
    weights = [1 / (rank + 1) for rank in range(RECIPES)]
    recipes = draw.choices(range(RECIPES), weights, k=count)
    for number, (event, kind, _) in enumerate(drawn):
        moment = start + timedelta(seconds=86_400 * number / count)
        account_id, environment, _ = ACCOUNTS[number % len(ACCOUNTS)]
        person = draw.randrange(PEOPLE)
        resource = {
            "User": f'{{"id":{7100 + person},"type":"User","name":"Person {person:02d}"}}',
            "Flow": f'{{"id":{61_040_200 + 311 * recipes[number]},"type":"Flow",'
            f'"name":"Recipe {recipes[number]:03d}: orders to accounting"}}',
            "SharedAccount": f'{{"id":{88_000 + recipes[number] % 12},"type":"SharedAccount",'
            f'"name":"Connection {recipes[number] % 12}","provider":"netsuite"}}',
        }[kind]
        reason = ',"stop_reason":"user"' if event == "recipe_stopped" else ""
        yield (
            f'{{"event":"{event}","timestamp":"{moment:%Y-%m-%d %H:%M:%S} UTC",'
            f'"user":{{"id":{7100 + person},"name":"Person {person:02d}",'
            f'"email":"person{person:02d}@example.com"}},'
            f'"team":{{"id":{account_id},"name":"Larkfield","environment":"{environment}"}},'
            f'"resource":{resource},"details":{{"request":{{"ip_address":"198.51.100.{person}",'
            f'"user_agent":"Mozilla/5.0 {draw.getrandbits(32):08x}"}}{reason}}}}}'
        ).encode()


def _record(
    draw: random.Random,
    day: date,
    number: int,
    recipe: int,
    account: tuple[int, str, float],
    began: datetime,
    ended: datetime,
) -> bytes:
    account_id, kind, _ = account
    job_id = f"j-{day:%y%m%d}{number:07x}-{draw.getrandbits(36):09x}"
    recipe_id = 61_040_200 + 311 * recipe
    failed = draw.random() < 0.05
    reference = draw.getrandbits(24)
    error = "null"
    if failed:
        error = '"' + _escaped(ERROR % f"{draw.getrandbits(64):016x}") + '"'
    lines = ""
    if draw.random() < 0.66:
        steps = ",".join(
            _step(draw, place, recipe, reference) for place in range(2 + (recipe % 3 > 0))
        )
        lines = f',"lines":[{steps}]'
    text = (
        f'{{"id":"{job_id}","master_job_id":"{job_id}","recipe_id":{recipe_id},'
        f'"flow_id":{recipe_id},"title":"Order SO-{reference}",'
        f'"status":"{"failed" if failed else "succeeded"}","is_repeat":false,"repeat_count":0,'
        f'"is_test":false,"started_at":"{began - PACIFIC:%Y-%m-%dT%H:%M:%S}-08:00",'
        f'"completed_at":"{ended - PACIFIC:%Y-%m-%dT%H:%M:%S}-08:00",'
        f'"action_count":{1 + recipe % 3},"error":{error},"account_id":{account_id},'
        f'"account_name":"Larkfield Outdoor",'
        f'"environment_type":"{kind}","context":{{"user_id":{account_id},'
        f'"recipe_name":"Recipe {recipe:03d}: orders to accounting",'
        f'"recipe_path":"Home/Finance/{recipe % 7}"}},'
        f'"report":{{"custom_column_0":"REF-{reference}"}}{lines}}}'
    )
    return text.encode()


def _step(draw: random.Random, place: int, recipe: int, reference: int) -> str:
    adapter, operation = ADAPTERS[(recipe + place) % len(ADAPTERS)]
    return (
        f'{{"recipe_line_number":{place},"adapter_name":"{adapter}",'
        f'"adapter_operation":"{operation}","input":{{"number":"SO-{reference}"}},'
        f'"output":{{"id":"{reference}"}},"line_stat":{{"total":{round(draw.random(), 3)},'
        f'"details":[{{"name":"execute","total":{round(draw.random(), 3)}}}]}}}}'
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def write_days(
    folder: Path, *, days: int, jobs: int, last: date = LAST_DAY, events: int = 0
) -> None:
    """Write `jobs` records and `events` of activity, an NDJSON object a UTC day, to day `last`."""
    folder.mkdir(parents=True)
    for index in range(days):
        day = last - timedelta(days=days - 1 - index)
        for name, total, make in (("", jobs, records), ("-activity", events, activity)):
            if count := total * (index + 1) // days - total * index // days:
                with (folder / f"{day:%Y%m%d}{name}.ndjson").open("wb") as file:
                    file.writelines(record + b"\n" for record in make(day, count))


def write_single(folder: Path, *, count: int, days: int = 30, last: date = LAST_DAY) -> None:
    """Write `count` records, one object each, a folder per UTC day."""
    folder.mkdir(parents=True)
    for index in range(days):
        day = last - timedelta(days=days - 1 - index)
        share = count * (index + 1) // days - count * index // days
        (folder / f"{day:%Y%m%d}").mkdir()
        for number, record in enumerate(records(day, share)):
            (folder / f"{day:%Y%m%d}/{number:06d}.json").write_bytes(record)

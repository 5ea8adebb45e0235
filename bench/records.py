"""Records: deterministic job records as Workato streams them, about 900 bytes each."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

RECIPES = 120
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


def write_days(folder: Path, *, days: int, jobs: int, last: date = LAST_DAY) -> None:
    """Write `jobs` records, one NDJSON object per UTC day, the last day `last`."""
    folder.mkdir(parents=True)
    for index in range(days):
        day = last - timedelta(days=days - 1 - index)
        count = jobs * (index + 1) // days - jobs * index // days
        with (folder / f"{day:%Y%m%d}.ndjson").open("wb") as file:
            file.writelines(record + b"\n" for record in records(day, count))


def write_single(folder: Path, *, count: int, days: int = 30, last: date = LAST_DAY) -> None:
    """Write `count` records, one object each, a folder per UTC day."""
    folder.mkdir(parents=True)
    for index in range(days):
        day = last - timedelta(days=days - 1 - index)
        share = count * (index + 1) // days - count * index // days
        (folder / f"{day:%Y%m%d}").mkdir()
        for number, record in enumerate(records(day, share)):
            (folder / f"{day:%Y%m%d}/{number:06d}.json").write_bytes(record)

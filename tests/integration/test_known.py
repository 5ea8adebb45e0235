"""Known: what loads have read is told from what is new, however much it is."""

from __future__ import annotations

import tracemalloc
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from lakes import NOW, activity, encode, folder_place, run_load

from pipelines.lake.load import find_new
from pipelines.lake.schemas import TABLES
from pipelines.lake.tables import Lake, commit_files, describe_file
from pipelines.sources.find import Source


def remember(lake: Lake, inputs: list[dict[str, Any]]) -> None:
    """Add a load that has read the inputs."""
    schema = TABLES["loads"].schema
    schema = schema.remove(schema.get_field_index("event_date"))
    values = dict.fromkeys(schema.names) | {"load_number": 9, "loaded_at": NOW, "inputs": inputs}
    path = f"event_date={NOW.date().isoformat()}/nine.parquet"
    loads = lake.open("loads")
    local = Path(lake.table_url("loads")) / path
    local.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist([values], schema=schema), local)
    commit_files(loads, [describe_file("loads", path, date(2026, 3, 20), local)], 9)


def test_what_was_read_passes_by_and_is_not_held(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    place.put("a.json", encode(activity()))
    source = Source("path", place.landing)
    (new,) = find_new(place.lake(), [source], None)
    inputs = [{"uri": f"s3://b/{n}.json", "etag": f"{n:032d}", "bytes": 9} for n in range(100_000)]
    remember(place.lake("other"), inputs)
    remember(place.lake("same"), [*inputs, {"uri": new.uri, "etag": new.etag, "bytes": 9}])
    loads = place.lake("other").find("loads")
    same = place.lake("same").find("loads")

    tracemalloc.start()
    found = find_new(place.lake("other"), [source], loads)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert found == [new]
    assert find_new(place.lake("same"), [source], same) == []
    assert peak < 5 * 2**20


def test_names_and_tags_are_told_apart_to_the_letter(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    for name in ("ä.json", "a'b.json", "c.json"):
        place.put(name, encode(activity()))

    first = run_load(place.lake(), [place.landing])
    place.put("c.json", encode(activity(event="recipe_started")))
    again = run_load(place.lake(), [place.landing])
    nothing = run_load(place.lake(), [place.landing])

    assert (first.objects, again.objects, nothing.objects) == (3, 1, 0)

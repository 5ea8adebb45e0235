"""World: models over the few events of a test, in memory, from the record as sent to the answer."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from lakes import NOW

from pipelines.lake.duck import connect
from pipelines.lake.queries import read_sql
from pipelines.lake.schemas import TABLES
from pipelines.lake.stage import Stage
from pipelines.lake.storage import Storage
from pipelines.models.header import MODELS, parse_facts, reached
from pipelines.models.macros import Macro, read_macros
from pipelines.models.relations import table_query
from pipelines.models.sources import is_reference, parameters, reference_query
from pipelines.questions.answer import ask
from pipelines.settings import load_settings

Row = dict[str, Any]

RECIPE = {"type": "Flow", "id": 5501203, "name": "Orders to ledger"}
MIRA = {"id": 70455, "name": "Mira Okafor", "email": "mira@larkfield.example"}
JONAS = {"id": 70456, "name": "Jonas Lindqvist", "email": "jonas@larkfield.example"}
TEAM = {"id": 70121, "name": "Larkfield Ops", "email": "ops@larkfield.example"}


def at(text: str) -> datetime:
    """A time as models write it: `2026-02-03 09:15` or with seconds."""
    return datetime.fromisoformat(text)


def act(
    event: str, moment: str, user: Row | None = MIRA, resource: Row = RECIPE, **fields: Any
) -> Row:
    """An activity event as streamed; fields beside the details are given with a dict."""
    spelled = f"{at(moment):%Y-%m-%d %H:%M:%S} UTC"
    common = {"event": event, "timestamp": spelled, "team": TEAM, "user": user}
    request = {"request": {"ip_address": fields.pop("ip", "203.0.113.24"), "user_agent": "x"}}
    details = (request if user else {}) | fields.pop("details", {})
    return {**common, "resource": resource, "details": details, **fields}


def as_api(event: Row, number: int) -> Row:
    """The same event as the API returns it: other names, an id and milliseconds."""
    rest = {k: v for k, v in event.items() if k not in ("event", "team", "timestamp")}
    moment = event["timestamp"].replace(" UTC", ".412Z").replace(" ", "T")
    spelled = {"id": number, "event_type": event["event"], "timestamp": moment}
    return {**spelled, "workspace": event["team"], **rest}


def stop(moment: str, reason: str | None = "user", user: Row | None = MIRA, **more: Any) -> Row:
    """A recipe is stopped."""
    details = {"stop_reason": reason, "force": False, "error": False}
    return act("recipe_stopped", moment, user, details=details, **more)


def start(moment: str, user: Row | None = JONAS, *, run_once: bool = False, **more: Any) -> Row:
    """A recipe is started."""
    return act("recipe_started", moment, user, details={"run_once": run_once}, **more)


def run(moment: str, error: str | None = None, seconds: int = 2, **fields: Any) -> Row:
    """A job that starts at a moment; with an error it failed."""
    began = at(moment).replace(tzinfo=UTC)
    ended = datetime.fromtimestamp(began.timestamp() + seconds, UTC)
    lines = [
        {"recipe_line_number": 0, "adapter_name": "clock", "adapter_operation": "timer"},
        {"recipe_line_number": 1, "adapter_name": "postgresql", "adapter_operation": "insert_row"},
    ]
    if error is not None:
        lines[1]["error"] = error
    recipe = fields.pop("recipe", RECIPE)
    return {
        "id": f"j-{began:%d%H%M%S}-{fields.pop('tail', recipe['id'])}",
        "recipe_id": recipe["id"],
        "status": "failed" if error else "succeeded",
        "started_at": began.isoformat(),
        "completed_at": ended.isoformat(),
        "action_count": 1,
        "error_type": "Connection error" if error else None,
        "error": error,
        "account_id": TEAM["id"],
        "environment_type": "prod",
        "context": {"recipe_name": recipe["name"]},
        "lines": lines,
    } | fields


class World:
    """The lake's tables with some events, and every model over them.

    An event's `_received` (a text) says when its object was written; else it was at once.
    """

    def __init__(self, *events: Row, as_of: date | None = None) -> None:
        """Conform the events into lake tables."""
        self._connection = connect(Storage(load_settings()), delta=False)
        self._made: set[str] = set()
        self._folder = tempfile.TemporaryDirectory()
        Stage(self._connection, Path(self._folder.name), NOW)  # defines how times are read
        acts = [event for event in events if "event" in event or "event_type" in event]
        days = [self._conform("activity", acts)]
        days.append(self._conform("jobs", [event for event in events if event not in acts]))
        for name in TABLES:
            if name not in ("activity", "jobs"):
                self._connection.execute(f"create view {name} as {table_query(name, [])}")
        self.as_of = as_of or max((day for day in days if day), default=date(2026, 2, 28))

    def _conform(self, table: str, events: list[Row]) -> date | None:
        texts = [json.dumps({k: v for k, v in e.items() if k[0] != "_"}) for e in events]
        batch = {
            "row_id": pa.array(range(len(texts)), pa.int64()),
            "object_index": pa.array([0] * len(texts), pa.int32()),
            "source_offset": pa.array([0] * len(texts), pa.int64()),
            "raw": pa.array(texts, pa.string()),
            "event": pa.array(texts, pa.string()),
            # what has no id of its own is told apart by its place, as the load does by its digest
            "digest": pa.array(
                ["" if "id" in e else f"d{n:04d}" for n, e in enumerate(events)], pa.string()
            ),
            "source": pa.array([e.get("_source", "landing") for e in events], pa.string()),
            "arrival": pa.array(
                [at(e["_received"]) if "_received" in e else None for e in events],
                pa.timestamp("us"),
            ),
        }
        self._connection.register("batch", pa.table(batch))
        known = [name for name, _, _ in TABLES[table].columns]
        derived = ", ".join(f"{sql} as {name}" for name, sql in TABLES[table].derived.items())
        self._connection.execute(
            f"""
            create table {table}_rows as
            select
                c.*, {derived}, b.source, 'object-' || b.row_id as source_uri,
                coalesce(b.arrival at time zone 'UTC', c.occurred_at) as received_at
            from ({read_sql(f"conform/{table}")}) as c
            inner join batch as b on c.row_id = b.row_id
            """
        )
        problems = f"select problem from {table}_rows where problem is not null"
        assert self._connection.execute(problems).fetchall() == []
        have = {row[0] for row in self._connection.execute(f"describe {table}_rows").fetchall()}
        listed = ", ".join(name for name in known if name in have)
        self._connection.execute(
            f"create view {table} as ({table_query(table, [])}) "
            f"union all by name select {listed} from {table}_rows"
        )
        newest = self._connection.execute(f"select max(event_date) from {table}").fetchone()
        assert newest is not None
        return newest[0]  # type: ignore[no-any-return]

    def _make(self, name: str) -> None:
        if name in self._made or name in TABLES:
            return
        self._made.add(name)
        if is_reference(name):
            query = reference_query(name, load_settings())
            self._connection.execute(f"create view {name} as {query}")
            return
        model = MODELS[name]
        for source in reached(name, lambda _: False):
            self._make(source)
        if not model.is_stored:
            self._connection.execute(f"create view {name} as {model.sql}")
            return
        values = {"from_date": date(2020, 1, 1), "to_date": date(2030, 1, 1), "as_of": self.as_of}
        wanted = {key: values[key] for key in parameters(model)}
        self._connection.register(
            f"{name}_made", self._connection.execute(model.sql, wanted).to_arrow_table()
        )
        self._connection.execute(f"create table {name} as from {name}_made")
        unique = f"select count(*) - count(distinct ({', '.join(model.grain)})) from {name}"
        assert self._connection.execute(unique).fetchone() == (0,), f"{name} has its grain"

    def rows(self, name: str, where: str = "true", order: str = "all") -> list[Row]:
        """The rows of a model."""
        self._make(name)
        return self.ask(f"select * from {name} where {where} order by {order}")

    def call(self, macro: str) -> list[Row]:
        """The rows of a macro's call, such as `who_stopped('x')`."""
        found = next(m for m in read_macros() if macro.startswith(f"{m.name}("))
        self._define(found)
        return self.ask(f"select * from {macro}")

    def question(self, statement: str, **parameters: Any) -> list[Row]:
        """The rows of a statement of `sql/questions`; by default of all days, and all rows."""
        macros = {macro.name: macro for macro in read_macros()}
        for name in self._read_by(f"questions/{statement}"):
            if name in macros:
                self._define(macros[name])
            else:
                self._make(name)
        given = {"from_date": date(2020, 1, 1), "to_date": date(2030, 1, 1), "top": 0}
        given |= {"environment": None, "recipe_id": None, "all_jobs": False, "ids": []}
        return list(ask(self._connection, statement, **(given | parameters)).dicts())

    def _define(self, macro: Macro) -> None:
        for name in self._read_by(f"catalogue/{macro.name}"):
            self._make(name)
        self._connection.execute(f"create or replace macro {macro.call} as table {macro.sql}")

    def _read_by(self, file: str) -> list[str]:
        _, facts = parse_facts(file, read_sql(file))
        return [name.strip() for name in facts["reads"].split(",")]

    def ask(self, sql: str) -> list[Row]:
        """The rows of a query over what was made."""
        result = self._connection.execute(sql)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def holds(row: Row, **expected: Any) -> None:
    """Hold the named columns of a row."""
    assert {name: row[name] for name in expected} == expected

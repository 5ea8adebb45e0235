"""Replay: events of a range of time go to a sink once more, rendered anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pipelines.exports import schema
from pipelines.exports.render import load_renderer
from pipelines.exports.select import check_condition, condition_of, select, time_scope
from pipelines.exports.states import add_state
from pipelines.lake.history import newest_load

if TYPE_CHECKING:
    from pipelines.exports.feed import Feed
    from pipelines.exports.ledger import Ledger
    from pipelines.lake.tables import Lake
    from pipelines.sinks.settings import SinkSettings

REPLAY = "replay:"
"""Begins the id of a replay, which stands for a load's id in the ledger."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a replay would send: events per kind, of those that happened in the range."""

    sink: str
    start: datetime
    end: datetime
    template: str | None
    in_range: int
    selected_by_kind: dict[str, int]

    @property
    def selected(self) -> int:
        """How many events pass the sink's filter."""
        return sum(self.selected_by_kind.values())


def plan_replay(
    lake: Lake, sink: SinkSettings, start: datetime, end: datetime, template: str | None = None
) -> Plan:
    """What a replay would send, without sending it.

    Args:
        lake: The lake.
        sink: The sink; its filter holds.
        start: First moment of the range, aware.
        end: First moment behind the range, aware.
        template: Another template than the sink's, for this replay.

    Raises:
        TemplateError: The template cannot be used.
        ConfigurationError: The filter cannot be used.
    """
    check_condition(sink)
    load_renderer(replayed(sink, template))
    selection = select(lake, time_scope(start, end))
    kinds: dict[str, int] = {}
    for rows in selection.rows(condition_of(sink), ()):
        for kind in rows.column(rows.schema.get_field_index("event_kind")).to_pylist():
            kinds[kind] = kinds.get(kind, 0) + 1
    return Plan(sink.name, start, end, template, selection.count(), dict(sorted(kinds.items())))


def replay(
    lake: Lake, ledger: Ledger, plan: Plan, *, unique: Callable[[], str], now: datetime
) -> str:
    """Enter a replay in the ledger; the next delivery sends it, behind what was loaded before.

    Its batches have ids of their own, its events the ids that they always had.

    Returns:
        The id of the replay, which stands for a load's id in the ledger.
    """
    asked = {
        "from": plan.start.isoformat(),
        "to": plan.end.isoformat(),
        "template": plan.template,
    }
    replay_id = f"{REPLAY}{unique()}"
    newest = newest_load(lake)
    with ledger.write() as connection:
        add_state(connection, plan.sink, base_load=newest, now=now)
        connection.execute(
            schema.feeds.insert().values(
                sink=plan.sink,
                load_number=newest,
                load_id=replay_id,
                state="pending",
                replay=json.dumps(asked),
                created_at=now,
            )
        )
    return replay_id


def replayed(sink: SinkSettings, template: str | None) -> SinkSettings:
    """The sink as a replay with a template of its own sees it."""
    if template is None:
        return sink
    return sink.model_copy(update={"template": template, "template_by_kind": {}})


def settings_of(sink: SinkSettings, feed: Feed) -> SinkSettings:
    """The settings that hold for a feed."""
    return replayed(sink, json.loads(feed.replay)["template"] if feed.replay else None)

"""Trial: a sink is tried step by step, up to one marked event that it is really sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from pipelines.errors import TrailhouseError
from pipelines.exports.batches import EPOCH, OCCURRED
from pipelines.exports.examples import columns_of, examples
from pipelines.exports.render import Renderer, load_renderer
from pipelines.exports.select import COLUMNS, check_condition
from pipelines.sinks.registry import open_sink as open_registered
from pipelines.sinks.sink import Batch, Cause, Receipt, Sink, SinkError

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.exports.visit import OpenSink
    from pipelines.lake.storage import Storage
    from pipelines.sinks.settings import SinkSettings

MARK = "Test of Trailhouse, to be ignored"
"""What the marked event is called, whatever its kind."""


UNREACHABLE = {"dns", "network", "timeout", "tls"}
"""Causes by which an event would fail as well, perhaps after a long wait."""
STEPS = (
    "The template and the filter can be used",
    "The settings are complete, and secrets can be read",
    "The service answers",
    "The service takes a marked event",
)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was tried; `problem` is None where it went well."""

    what: str
    problem: str | None = None
    response: str | None = None
    """What the service said, shortened, without secrets."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of trying a sink: the steps that were done."""

    sink: str
    event_id: str
    steps: tuple[Step, ...] = ()
    cause: Cause | None = None
    """Why the last step that failed did, where the service or the network is to blame."""
    message: str | None = None
    """The marked event as it was rendered."""

    @property
    def passed(self) -> bool:
        """Whether every step went well, to the last."""
        return len(self.steps) == len(STEPS) and not any(step.problem for step in self.steps)


def try_sink(
    sink: SinkSettings,
    storage: Storage,
    *,
    clock: Callable[[], datetime],
    unique: Callable[[], str],
    open_sink: OpenSink = open_registered,
) -> Trial:
    """Render a marked event, open a sink, ask the service, and send it that event.

    The filter is checked, but does not keep the event back. Neither the ledger nor what waits is
    touched: a trial is no delivery. What fails is told, not raised.
    """
    trial = Trial(sink.name, f"test:{unique()}")
    with ExitStack() as stack:
        try:
            check_condition(sink)
            batch = marked_batch(sink, load_renderer(sink), trial.event_id, clock())
            trial = _done(replace(trial, message=batch.messages[0]))
            opened = open_sink(sink, storage, clock=clock)
            stack.callback(opened.close)
            trial = _probed(_done(trial), opened)
            receipt = opened.send(batch)
            _hold(receipt)
        except TrailhouseError as error:
            return _failed(trial, error)
        return _done(trial, receipt.response)


def _done(trial: Trial, response: str | None = None) -> Trial:
    step = Step(STEPS[len(trial.steps)], response=response)
    return replace(trial, steps=(*trial.steps, step))


def _failed(trial: Trial, error: TrailhouseError) -> Trial:
    told = error.response or None if isinstance(error, SinkError) else None
    step = Step(STEPS[len(trial.steps)], str(error), told)
    cause = error.cause if isinstance(error, SinkError) else None
    return replace(trial, steps=(*trial.steps, step), cause=cause)


def _probed(trial: Trial, sink: Sink) -> Trial:
    """Ask the service; where it answers, an event that is refused tells more than a probe."""
    try:
        sink.probe()
    except SinkError as error:
        if error.cause in UNREACHABLE:
            raise
        return _failed(trial, error)
    return _done(trial)


def _hold(receipt: Receipt) -> None:
    """Raise where the service did not take the event, though it took the request."""
    if receipt.refused:
        reason = receipt.refused[0]
        raise SinkError("the event was refused", cause="payload", response=reason)
    if receipt.retry:
        reason = receipt.retry[0]
        raise SinkError("the event was put off", cause="throttled", response=reason)


def marked_batch(sink: SinkSettings, renderer: Renderer, event_id: str, now: datetime) -> Batch:
    """A batch of one event that says that it is a test, of the first kind that the sink takes."""
    kind = sink.kinds[0] if sink.kinds else "activity"
    rows = _rows(columns_of(kind, _marked(kind, now), now) | {"event_id": event_id})
    messages, columns = renderer.render(rows, now=now)
    batch_id = sha256(event_id.encode()).hexdigest()
    events = {name: list(values) for name, values in columns.items()}
    return Batch(sink.name, batch_id, messages, events, renderer.content_type)


def _marked(kind: str, now: datetime) -> dict[str, Any]:
    """The event's JSON, as Workato would send it, with marks that people and rules can see."""
    ((_, columns),) = examples((kind,))
    event: dict[str, Any] = json.loads(columns["log_message"][0])
    marks: dict[str, dict[str, Any]] = {
        "activity": {
            "event": "trailhouse_test",
            "resource": {"type": "Flow", "id": 0, "name": MARK},
            "user": {"id": 0, "name": "Trailhouse", "email": "trailhouse@example.com"},
        },
        "job": {"id": f"j-test-{now:%Y%m%d%H%M%S}", "title": MARK, "error": MARK},
        "api_request": {"status_details": MARK},
        "log_message": {"message": MARK},
    }
    times = {"timestamp", "started_at", "completed_at"} & event.keys()
    spelled = f"{now:%Y-%m-%d %H:%M:%S} UTC" if kind == "activity" else now.isoformat()
    return event | marks[kind] | dict.fromkeys(times, spelled) | {"trailhouse_test": True}


def _rows(row: dict[str, Any]) -> pa.RecordBatch:
    import pyarrow as pa

    arrays = {name: pa.array([row[name]], of) for name, of in COLUMNS.items()}
    moment = (row["occurred_at"] - EPOCH).total_seconds() * 1_000_000
    arrays[OCCURRED] = pa.array([round(moment)], pa.int64())
    return pa.RecordBatch.from_pydict(arrays)

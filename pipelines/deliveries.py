"""Deliveries: what was delivered, and what was not, in Dagster's words.

A sink that fails does not fail the run: its events wait safely, and the ledger says when it is
tried again. The failure stands in the verdicts of the checks of its asset.
"""

from collections.abc import Iterator
from random import SystemRandom
from typing import Any

import dagster as dg

from pipelines.exports.conservation import balance
from pipelines.exports.deliver import deliver
from pipelines.exports.due import untold
from pipelines.exports.ledger import Ledger
from pipelines.exports.visit import Delivered
from pipelines.notify.channels import notifier
from pipelines.resources import Trailhouse, now, unique
from pipelines.settings import load_settings

GROUP = "exports"
DELIVER = "deliver"
"""Name of the job."""
SINK_TAG = "trailhouse/sink"
"""Which sink a run delivers to; at most one run a sink is requested."""
TAKEN, TOLD, CONSERVED = "events_are_taken", "admins_are_told", "every_event_is_accounted_for"


def asset_key(sink: str) -> dg.AssetKey:
    """The asset of a sink."""
    return dg.AssetKey([GROUP, sink])


def pool(sink: str) -> str:
    """The pool of a sink, so that one that hangs stops no other."""
    return f"sink_{sink}"


def check_specs(sink: str) -> list[dg.AssetCheckSpec]:
    """The checks that every delivery to a sink makes."""
    texts = {
        TAKEN: "The service took what was sent, and the sink's template and filter are in order.",
        TOLD: "Whoever was to be told by mail or chat that the sink broke or recovered was told.",
    }
    key = asset_key(sink)
    return [dg.AssetCheckSpec(name, asset=key, description=text) for name, text in texts.items()]


def deliver_to(trailhouse: Trailhouse, name: str) -> Iterator[dg.AssetCheckResult | Delivered]:
    """Deliver what waits and what was loaded to one sink; the verdicts, then what was done."""
    lake, sink = trailhouse.lake(), trailhouse.sink(name)
    with trailhouse.ledger() as ledger:
        (done,) = deliver(
            lake,
            ledger,
            [sink],
            clock=now,
            random=SystemRandom().random,
            unique=unique,
            notify=notifier(load_settings(), now),
        )
        yield from verdicts(ledger, done)
    yield done


def verdicts(ledger: Ledger, done: Delivered) -> Iterator[dg.AssetCheckResult]:
    """The verdicts on a delivery; neither blocks anything."""
    wrong = {"cause": done.cause, "response": done.response, "problem": done.problem}
    if done.dead:
        wrong["dead"] = f"{done.dead:,} events; `trailhouse dead list {done.sink}` says why"
    told = untold(ledger, done.sink)
    yield _verdict(done.sink, TAKEN, {name: text for name, text in wrong.items() if text})
    yield _verdict(done.sink, TOLD, {"problem": told} if told else {})


def _verdict(sink: str, name: str, wrong: dict[str, str]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=asset_key(sink),
        check_name=name,
        passed=not wrong,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=wrong,
    )


def facts_of(done: Delivered) -> dict[str, dg.MetadataValue | int | float | str]:
    """What a delivery did, as metadata; `waiting` is all that waits, the rest is of the run."""
    return {
        "delivered": done.delivered,
        "waiting": done.waiting,
        "dead": done.dead,
        "filtered": done.filtered,
        "batches": done.batches,
        "seconds": round(done.seconds, 3),
        "breaker": done.breaker,
    }


def facts_by_sink(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    """What a run of the job did, by sink."""
    told = [event.materialization for event in result.get_asset_materialization_events()]
    return {
        one.asset_key.path[-1]: {name: fact.value for name, fact in one.metadata.items()}
        for one in told
    }


def check_keys(sink: str) -> list[dg.AssetCheckKey]:
    """The checks that a run for one sink makes; without them Dagster would add all there are."""
    return [spec.key for spec in check_specs(sink)]


def judge_conservation(trailhouse: Trailhouse, sinks: list[str]) -> Iterator[dg.AssetCheckResult]:
    """Hold for each sink that selected = delivered + waiting + dead + filtered."""
    with trailhouse.ledger() as ledger:
        for books in balance(trailhouse.lake(), ledger, sinks):
            yield dg.AssetCheckResult(
                asset_key=asset_key(books.sink),
                check_name=CONSERVED,
                passed=books.holds,
                metadata={
                    "selected": books.selected,
                    "delivered": books.delivered,
                    "waiting": books.waiting,
                    "dead": books.dead,
                    "filtered": books.filtered,
                    "pending_loads": books.pending_loads,
                    "broken": dg.MetadataValue.json(list(books.broken)),
                },
            )

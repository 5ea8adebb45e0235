"""Exports: one asset a sink, from the `[[sink]]` tables; what each delivers is in the ledger."""

from collections.abc import Iterator, Sequence

import dagster as dg

from pipelines.deliveries import (
    CONSERVED,
    GROUP,
    asset_key,
    check_specs,
    deliver_to,
    facts_of,
    judge_conservation,
    pool,
)
from pipelines.exports.visit import Delivered
from pipelines.lake.schemas import KINDS, TABLES
from pipelines.partitions import DAYS
from pipelines.resources import Trailhouse
from pipelines.sinks.settings import SinkSettings


def build_export(sink: SinkSettings) -> dg.AssetsDefinition:
    """The asset of one sink; the sensor `retry_due_deliveries` asks for it."""
    name = sink.name

    # no RetryPolicy: the ledger says when a sink is tried again
    @dg.asset(
        key=asset_key(name),
        deps=[KINDS[kind] for kind in sink.kinds or KINDS],
        group_name=GROUP,
        kinds={sink.kind},
        pool=pool(name),
        check_specs=check_specs(name),
        description=(
            f"The loads' events, delivered to the {sink.kind} sink `{name}`.\n\nWhat the service "
            "does not take waits in the persistent cache and is sent again when it is due, oldest "
            "first. Doing it again with nothing new and nothing due delivers nothing."
        ),
    )
    def export(
        trailhouse: Trailhouse,
    ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        for result in deliver_to(trailhouse, name):
            if isinstance(result, Delivered):
                yield dg.MaterializeResult(metadata=facts_of(result))
            else:
                yield result

    return export


def build_conservation_check(sink: SinkSettings) -> dg.AssetChecksDefinition:
    """The check that no event is lost on the way to one sink."""
    name = sink.name

    @dg.asset_check(
        asset=asset_key(name),
        name=CONSERVED,
        description="Every event of every load is delivered, waiting, dead or filtered.",
    )
    def check(trailhouse: Trailhouse) -> dg.AssetCheckResult:
        return next(judge_conservation(trailhouse, [name]))

    return check


def build_exports(sinks: Sequence[SinkSettings]) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The assets of the enabled sinks, and the table that every delivery adds to."""
    enabled = [sink for sink in sinks if sink.enabled]
    deliveries = dg.AssetSpec(
        "deliveries",
        deps=[asset_key(sink.name) for sink in enabled],
        group_name="lake",
        kinds={"deltalake", "parquet"},
        partitions_def=DAYS,
        description=f"{TABLES['deliveries'].description}\n\nAdded to by every delivery.",
    )
    return [*(build_export(sink) for sink in enabled), deliveries]

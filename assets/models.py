"""Models: views, marts that follow the lake day by day, and marts that are rebuilt whole."""

import warnings
from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial

import dagster as dg

from pipelines.judgement import as_result, check_specs, is_held_back, judge_days
from pipelines.lake.schemas import TABLES
from pipelines.models import (
    MODELS,
    Model,
    build_model,
    catalogue_url,
    hold_edition,
    lake_days,
    publish_when_whole,
    stale_days,
)
from pipelines.models.sources import AS_OF, needs_as_of, stored_sources
from pipelines.partitions import DAYS
from pipelines.resources import Trailhouse, now
from pipelines.verdicts import keep_verdicts

VIEW_MODELS = [model for model in MODELS.values() if not model.is_stored]
MART_MODELS = [model for model in MODELS.values() if model.is_stored]


def upstream(model: Model, names: Sequence[str]) -> list[dg.AssetDep]:
    """The assets among the names; a day depends on those that the model's window takes in."""
    before, after = model.window
    days = dg.TimeWindowPartitionMapping(start_offset=-before, end_offset=after)
    return [
        dg.AssetDep(name, partition_mapping=days if before or after else None)
        for name in dict.fromkeys(names)
        if name in TABLES or name in MODELS
    ]


VIEWS = [
    dg.AssetSpec(
        model.name,
        deps=upstream(model, model.reads),
        group_name=model.layer,
        kinds={"duckdb", "view"},
        partitions_def=None if model.is_global else DAYS,
        description=f"{model.description}\n\nA view: always as its table is, never materialised.",
    )
    for model in VIEW_MODELS
]

# eager() forgets an update that comes while the day is being built, because it counts every build
# as an answer. Here only a request made after the update does; the order is known by time as long
# as the trigger is this one condition (and/or drop the times). The second line is for what was
# reported before the first evaluation, or after a history that was lost. One table is enough, for a
# day may have jobs and no activity; and a mart waits while one that it reads is outdated itself
# (will_be_requested() does not see from a whole mart to the days of another).
UPDATED = dg.AutomationCondition.any_deps_match(dg.AutomationCondition.newly_updated())
OUTDATED = UPDATED.since(dg.AutomationCondition.newly_updated())
# a table that nothing was loaded into has no verdicts, and holds nobody back
FAILS = dg.AutomationCondition.any_checks_match(
    dg.AutomationCondition.check_failed(), blocking_only=True
)
REQUESTED = dg.AutomationCondition.newly_requested()
FOLLOWS_ITS_TABLES = (
    (UPDATED.since(REQUESTED) | dg.AutomationCondition.newly_missing().since(REQUESTED))
    & dg.AutomationCondition.any_deps_match(~dg.AutomationCondition.missing())
    & ~dg.AutomationCondition.any_deps_match(OUTDATED)
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
    & ~dg.AutomationCondition.any_deps_match(FAILS)
).ignore(dg.AssetSelection.assets(*(model.name for model in VIEW_MODELS)))


def build_mart(model: Model) -> dg.AssetsDefinition:
    """The asset of one mart: built when a table or mart that it reads was, and judged at once."""
    rule = "Building it again replaces it." if model.is_global else "A day is replaced as a whole."

    @dg.asset(
        name=model.name,
        deps=upstream(model, [*_followed(model), *model.reads]),
        group_name="marts",
        kinds={"duckdb", "deltalake"},
        partitions_def=None if model.is_global else DAYS,
        backfill_policy=None if model.is_global else dg.BackfillPolicy.single_run(),
        automation_condition=FOLLOWS_ITS_TABLES,
        pool="models",
        check_specs=check_specs(model.name),
        description=f"One row per {', '.join(model.grain)}. {model.description}\n\n{rule}",
    )
    def mart(
        context: dg.AssetExecutionContext, trailhouse: Trailhouse
    ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        lake = trailhouse.lake()
        # what an earlier failure or another version of the model left behind is built as well
        days = set(stale_days(lake, model.name))
        if context.has_partition_key or context.has_partition_key_range:
            days |= {date.fromisoformat(key) for key in context.partition_keys}
        else:
            days |= set(lake_days(lake, model.name))
        hold_edition(lake)  # readers go on with what was built before
        rows = build_model(lake, model.name, sorted(days))
        # verdicts come first, so that nothing follows an unjudged day
        for verdict in judge_days(lake, context.instance, {model.name: sorted(days)}):
            yield as_result(verdict)
        held_back = partial(is_held_back, context.instance)
        shown = publish_when_whole(lake, clock=now, is_held_back=held_back)
        if shown:  # once a build, not once a mart
            keep_verdicts(lake, context.instance, context.log.warning)
        yield dg.MaterializeResult(
            metadata={
                "rows_written": rows,
                "days": len(days),
                "catalogue": catalogue_url(lake),
                "is_shown": shown,
                "dagster/uri": lake.table_url(model.name),
            }
        )

    return mart


def _followed(model: Model) -> list[str]:
    """The tables and marts whose updates a mart answers."""
    return [*stored_sources(model), *(AS_OF if needs_as_of(model) else ())]


with warnings.catch_warnings():
    # backfill_policy is in beta; without it every day of a rebuild is a run of its own
    warnings.simplefilter("ignore", dg.BetaWarning)
    MARTS = [build_mart(model) for model in MART_MODELS]

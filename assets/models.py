"""Models: staging views over the lake, and marts that follow it day by day."""

import warnings
from datetime import date

import dagster as dg

from pipelines.models import MODELS, Model, build_model, write_catalogue
from pipelines.models.build import lake_tables
from pipelines.partitions import DAYS
from pipelines.resources import Trailhouse

STAGING_MODELS = [model for model in MODELS.values() if model.layer == "staging"]
MART_MODELS = [model for model in MODELS.values() if model.layer == "marts"]

STAGING = [
    dg.AssetSpec(
        model.name,
        deps=list(model.reads),
        group_name="staging",
        kinds={"duckdb", "view"},
        partitions_def=DAYS,
        description=f"{model.description}\n\nA view: always as its table is, never materialised.",
    )
    for model in STAGING_MODELS
]

# eager() forgets an update that comes while the day is being built, because it counts every build
# as an answer. Here only a request made after the update does; the order is known by time as long
# as the trigger is this one condition (and/or drop the times). The second line is for what was
# reported before the first evaluation, or after a history that was lost.
UPDATED = dg.AutomationCondition.any_deps_match(dg.AutomationCondition.newly_updated())
REQUESTED = dg.AutomationCondition.newly_requested()
FOLLOWS_ITS_TABLES = (
    (UPDATED.since(REQUESTED) | dg.AutomationCondition.newly_missing().since(REQUESTED))
    & ~dg.AutomationCondition.any_deps_missing()
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
    & dg.AutomationCondition.all_deps_blocking_checks_passed()
).ignore(dg.AssetSelection.assets(*(model.name for model in STAGING_MODELS)))


def build_mart(model: Model) -> dg.AssetsDefinition:
    """The asset of one mart; its upstream are the lake tables that decide when it is built."""

    @dg.asset(
        name=model.name,
        deps=[*lake_tables(model), *model.reads],
        group_name="marts",
        kinds={"duckdb", "deltalake"},
        partitions_def=DAYS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        automation_condition=FOLLOWS_ITS_TABLES,
        pool="models",
        description=(
            f"One row per {', '.join(model.grain)}. {model.description}\n\n"
            "Building a day again replaces exactly that day."
        ),
    )
    def mart(
        context: dg.AssetExecutionContext, trailhouse: Trailhouse
    ) -> dg.MaterializeResult[None]:
        lake, days = trailhouse.lake(), [date.fromisoformat(k) for k in context.partition_keys]
        rows = build_model(lake, model.name, days)
        catalogue = write_catalogue(lake)
        return dg.MaterializeResult(
            metadata={
                "rows_written": rows,
                "days": len(days),
                "catalogue": catalogue,
                "dagster/uri": lake.table_url(model.name),
            }
        )

    return mart


with warnings.catch_warnings():
    # backfill_policy is in beta; without it every day of a rebuild is a run of its own
    warnings.simplefilter("ignore", dg.BetaWarning)
    MARTS = [build_mart(model) for model in MART_MODELS]

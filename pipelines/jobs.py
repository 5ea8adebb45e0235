"""Jobs: what a sensor, a schedule, an operator or the command line runs."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg

from pipelines.deliveries import CONSERVED, DELIVER, GROUP, asset_key, judge_conservation
from pipelines.judgement import as_evaluation, judge_days
from pipelines.lake.history import loads_after
from pipelines.lake.load import load
from pipelines.reporting import days_of, last_reported, materializations
from pipelines.resources import Trailhouse, now, unique

LOAD_POOL = "loads"
"""One load at a time; two are safe, but the second only waits for the first."""
WEEK = 7


@dg.op(pool=LOAD_POOL, out={"loaded": dg.Out(dg.Nothing)})
def load_landing_objects(
    context: dg.OpExecutionContext, trailhouse: Trailhouse
) -> Iterator[
    dg.AssetCheckEvaluation | dg.AssetMaterialization | dg.AssetObservation | dg.Output[None]
]:
    """Load what is new, judge the days that it touched, and report every load not reported yet.

    Verdicts come before materialisations, so that nothing follows an unjudged partition. If a
    blocking check fails the run fails too, once everything is reported. Running again with
    nothing new loads and reports nothing.
    """
    lake = trailhouse.lake()
    report = load(lake, trailhouse.sources(), clock=now, unique=unique)
    context.log.info(
        f"load {report.load_number}: {report.objects} objects, {report.accepted} events accepted, "
        f"{report.duplicate} duplicate, {report.rejected} rejected, {report.seconds:.1f} s"
    )
    loads = loads_after(lake, last_reported(context.instance))
    yield from judge_days(lake, context.instance, days_of(loads))
    yield from materializations(lake, loads, context.log)
    yield dg.Output(None, "loaded")


@dg.op(out={"judged": dg.Out(dg.Nothing)})
def judge_closed_days(
    context: dg.OpExecutionContext, trailhouse: Trailhouse
) -> Iterator[dg.AssetCheckEvaluation | dg.Output[None]]:
    """Run every check on the last seven closed UTC days, which no late event should change.

    The books of the sinks are held as a whole: every load, whenever it was.
    """
    from pipelines.quality import CHECKS

    lake = trailhouse.lake()
    newest = now().date() - timedelta(days=lake.storage.settings.closed_after_days + 1)
    days = [newest - timedelta(days=back) for back in range(WEEK)]
    tables = sorted({check.table for check in CHECKS if lake.find(check.table) is not None})
    yield from judge_days(lake, context.instance, dict.fromkeys(tables, days))
    for verdict in judge_conservation(trailhouse, trailhouse.sinks()):
        yield as_evaluation(verdict)
    yield dg.Output(None, "judged")


@dg.op
def compact_closed_days(context: dg.OpExecutionContext, trailhouse: Trailhouse) -> None:
    """Merge the small files of closed UTC days; rows stay the same."""
    from pipelines.lake.maintain import compact

    done = list(compact(trailhouse.lake(), clock=now, unique=unique))
    for facts in done:
        context.log.info(str(facts))
    context.add_output_metadata({"days_compacted": len(done)})


@dg.op
def remove_unneeded_files(context: dg.OpExecutionContext, trailhouse: Trailhouse) -> None:
    """Delete the files that no version of a table within the retention needs."""
    from pipelines.lake.maintain import vacuum

    done = list(vacuum(trailhouse.lake()))
    for facts in done:
        context.log.info(str(facts))
    context.add_output_metadata({"files_deleted": sum(facts["files"] for facts in done)})


@dg.job(name="load")
def load_job() -> None:
    """Load new landing objects, check them, and report the partitions that they touched."""
    load_landing_objects()


@dg.job(name="check")
def check_job() -> None:
    """Judge the last seven closed days with every check."""
    judge_closed_days()


@dg.job(name="compact")
def compact_job() -> None:
    """Merge the small files of closed days."""
    compact_closed_days()


@dg.job(name="vacuum")
def vacuum_job() -> None:
    """Delete files that no reader needs any more."""
    remove_unneeded_files()


models_job = dg.define_asset_job(
    "models",
    dg.AssetSelection.groups("marts"),
    description="Build the marts for the chosen days.",
)


def build_deliver_job(sinks: Sequence[str]) -> Any:
    """The job that delivers to the chosen sinks; the books are held by the job `check`."""
    books = [dg.AssetCheckKey(asset_key(sink), CONSERVED) for sink in sinks]
    return dg.define_asset_job(
        DELIVER,
        dg.AssetSelection.groups(GROUP) - dg.AssetSelection.checks(*books),
        description="Deliver what waits and what was loaded to the chosen sinks.",
        run_tags={"dagster/max_retries": "0"},  # the ledger knows better when to try again
    )


JOBS: list[Any] = [load_job, models_job, check_job, compact_job, vacuum_job]
"""Jobs and one selection of assets, which Dagster gives no common type."""

"""Jobs: what a sensor, a schedule, an operator or the command line runs."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg

from pipelines.archiving import judge_rows, judge_sample, sealed_materializations
from pipelines.archiving import last_reported as last_reported_entry
from pipelines.deliveries import CONSERVED, DELIVER, GROUP, asset_key, judge_conservation
from pipelines.errors import TrailhouseError
from pipelines.judgement import as_evaluation, judge_days
from pipelines.lake.history import loads_after
from pipelines.lake.load import load
from pipelines.reporting import days_of, last_reported, materializations
from pipelines.resources import Trailhouse, new_seed, now, unique, user
from pipelines.verdicts import keep_verdicts

LOAD_POOL = "loads"
"""One load at a time; two are safe, but the second only waits for the first."""
ARCHIVE_POOL = "archive"
"""One writer of the archive's log at a time; several are safe, but only wait for each other."""
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
    nothing new loads and reports nothing. The verdicts go into `checks`; where that cannot be
    written, the load stands, and the next run adds them.
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
    keep_verdicts(lake, context.instance, context.log.warning)
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
    keep_verdicts(lake, context.instance, context.log.warning)
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


@dg.op(pool=ARCHIVE_POOL, out={"sealed": dg.Out(dg.Nothing)})
def seal_closed_days(
    context: dg.OpExecutionContext, trailhouse: Trailhouse
) -> Iterator[dg.AssetMaterialization | dg.AssetCheckEvaluation | dg.Output[None]]:
    """Seal the closed days, report every seal not reported yet, and compare archive and lake.

    If days were refused over a difference, or a witness could not be told, the run fails once
    everything else is done and reported.
    """
    from pipelines.archive.anchor import anchor, witnesses
    from pipelines.archive.keys import open_signer
    from pipelines.archive.log import open_log
    from pipelines.archive.seal import seal

    lake = trailhouse.lake()
    signer, by = open_signer(lake.storage.settings), user()
    failed: list[str] = []
    try:
        made = sum(1 for _ in seal(lake, clock=now, signer=signer, by=by))
        context.log.info(f"{made} seals")
    except TrailhouseError as error:
        failed.append(str(error))
    entries = open_log(lake).entries()
    yield from sealed_materializations(entries, last_reported_entry(context.instance))
    yield judge_rows(lake)
    try:
        if entries and witnesses(lake):
            for told in anchor(lake, clock=now, signer=signer, by=by):
                context.log.info(f"entry {told.entry} is anchored at {told.where}")
    except TrailhouseError as error:
        failed.append(str(error))
    if failed:
        raise TrailhouseError("\n".join(failed))
    yield dg.Output(None, "sealed")


@dg.op(pool=ARCHIVE_POOL, out={"verified": dg.Out(dg.Nothing)})
def verify_archive_sample(
    trailhouse: Trailhouse,
) -> Iterator[dg.AssetCheckEvaluation | dg.Output[None]]:
    """Verify the archive's log, and the files of seals that are drawn at random."""
    yield judge_sample(trailhouse.lake(), new_seed())
    yield dg.Output(None, "verified")


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


@dg.job(name="seal")
def seal_job() -> None:
    """Seal closed days, and tell the witnesses of the archive's newest entry."""
    seal_closed_days()


@dg.job(name="verify_sample")
def verify_sample_job() -> None:
    """Verify the archive's log and a sample of its files."""
    verify_archive_sample()


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


JOBS: list[Any] = [
    load_job,
    models_job,
    check_job,
    compact_job,
    vacuum_job,
    seal_job,
    verify_sample_job,
]
"""Jobs and one selection of assets, which Dagster gives no common type."""

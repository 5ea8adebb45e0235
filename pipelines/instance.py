"""Instance: run Dagster's jobs inside this process, in the same history that its pages show."""

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
from dagster._core.errors import DagsterAssetCheckFailedError

from pipelines.errors import ConfigurationError, LakeError
from pipelines.lake.history import loads_after
from pipelines.lake.storage import Storage
from pipelines.lake.tables import Lake
from pipelines.outcome import MainRun
from pipelines.processes import PROCESS_TAG, end_dead_runs, this_process
from pipelines.settings import Settings, load_settings

LOG = logging.getLogger(__name__)
INSTANCE_FILE = Path(__file__).with_name("dagster.yaml")
LOCATION = "trailhouse"
"""Name of the code location in `workspace.yaml`; runs with it show on their job's page."""
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def prepare_home(settings: Settings) -> Path:
    """The folder of the Dagster instance, created with `dagster.yaml` where it is missing.

    DAGSTER_HOME wins over the setting. A `dagster.yaml` that is there already is left alone: it
    may name other storage.

    Raises:
        ConfigurationError: The folder cannot be created.
    """
    home = Path(os.environ.get("DAGSTER_HOME") or settings.dagster_home).expanduser().absolute()
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not (home / "dagster.yaml").exists():
            partial = home / f".dagster.yaml.{os.getpid()}"
            shutil.copyfile(INSTANCE_FILE, partial)
            partial.replace(home / "dagster.yaml")
    except OSError as error:
        raise ConfigurationError(
            f"the Dagster home {home} cannot be written: {error}; set DAGSTER_HOME or dagster_home"
        ) from error
    return home


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The persistent instance; dead runs of this machine are marked as failed first."""
    home = prepare_home(settings)
    with (home / ".created").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two that create its tables at once fail
        instance = dg.DagsterInstance.from_config(str(home))
        instance.get_runs(limit=1)
        fcntl.flock(lock, fcntl.LOCK_UN)
    with instance:
        end_dead_runs(instance)
        yield instance


def run_job_in_process(
    settings: Settings,
    job_name: str,
    *,
    run_config: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    asset_selection: Sequence[dg.AssetKey] | None = None,
    instance: dg.DagsterInstance | None = None,
    run_id: str | None = None,
    raise_on_error: bool = True,
) -> dg.ExecuteInProcessResult:
    """Run a job of the definitions here and now, recorded in the persistent instance.

    Args:
        settings: Say where the instance is; the run itself reads its settings anew.
        job_name: `load`, `models`, `deliver`, `check`, `compact` or `vacuum`.
        run_config: Configuration of the run.
        tags: Tags of the run, besides those that place it.
        asset_selection: Assets to build, for a job of assets.
        instance: The instance, where it is open already.
        run_id: Id of the run, where the caller needs it whatever happens.
        raise_on_error: Stop at the first step that fails; otherwise go on with all that does not
            need it, and leave the failures to the caller.

    Raises:
        DagsterAssetCheckFailedError: A blocking check failed; everything is reported.
        Exception: What the step raised, after the run was marked as failed.
    """
    if instance is None:
        with open_instance(settings) as opened:
            return run_job_in_process(
                settings,
                job_name,
                run_config=run_config,
                tags=tags,
                asset_selection=asset_selection,
                instance=opened,
                run_id=run_id,
                raise_on_error=raise_on_error,
            )
    from pipelines.definitions import build_definitions, defs
    from pipelines.deliveries import DELIVER

    # the sinks are those of these settings, whatever they were when the module was loaded
    found = build_definitions(settings) if job_name == DELIVER else defs
    return found.resolve_job_def(job_name).execute_in_process(
        instance=instance,
        run_id=run_id,
        raise_on_error=raise_on_error,
        run_config={
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            **(run_config or {}),
        },
        tags={
            ".dagster/repository": f"__repository__@{LOCATION}",
            PROCESS_TAG: this_process(),
            **(tags or {}),
        },
        asset_selection=list(asset_selection) if asset_selection is not None else None,
    )


def run_main(settings: Settings) -> MainRun:
    """Load what is new, judge it, build every mart for the days that are stale, and deliver.

    The same jobs that sensors request, in this process, one after the other. Which days are
    stale is read from the lake, so that days left behind by an earlier failure are built too.
    Deliveries do not wait for verdicts: what was received goes out as it was received.

    Returns:
        What was done. A mart is left as it was where a table or mart that it reads has a blocking
        check that fails.

    Raises:
        TrailhouseError: The load could not be done; nothing of it was committed.
    """
    from pipelines.judgement import failing_checks
    from pipelines.models import MODELS, hold_edition, publish
    from pipelines.models.sources import lake_tables
    from pipelines.models.staleness import read_changes
    from pipelines.reporting import last_reported
    from pipelines.verdicts import keep_verdicts

    lake = Lake(Storage(settings))
    with open_instance(settings) as instance:
        before = last_reported(instance)
        verdicts = _load(settings, instance)
        loads = tuple(loads_after(lake, before))
        stale: dict[str, tuple[date, ...]] = {}
        blocked: dict[str, tuple[str, ...]] = {}
        changes = read_changes(lake)
        for model in (model for model in MODELS.values() if model.is_stored):
            if failing := failing_checks(instance, lake_tables(model)):
                blocked[model.name] = tuple(failing)
            elif days := changes.stale(model):
                stale[model.name] = tuple(days)
        hold_edition(lake)  # readers go on with what was built before
        blocked |= _build(settings, instance, stale)
        publish(lake)
        wrong = failing_checks(instance, stale)
        delivered = _deliver(settings, instance)
        keep_verdicts(lake, instance, LOG.warning)
    failed = sorted(v.check_name for v in verdicts if not v.passed and v.blocking)
    return MainRun(
        loads=loads,
        checks_passed=sum(v.passed for v in verdicts),
        checks_failed=(*failed, *wrong),
        built={name: days for name, days in stale.items() if name not in blocked},
        blocked=blocked,
        delivered=delivered,
    )


def _load(settings: Settings, instance: dg.DagsterInstance) -> list[dg.AssetCheckEvaluation]:
    """Run `load`; a failing blocking check is a result here, not an error."""
    run_id = str(uuid4())
    with suppress(DagsterAssetCheckFailedError):  # its verdicts say so
        run_job_in_process(settings, "load", instance=instance, run_id=run_id)
    logs = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    events = [entry.dagster_event for entry in logs if entry.dagster_event]
    return [event.asset_check_evaluation_data for event in events]


def _deliver(settings: Settings, instance: dg.DagsterInstance) -> dict[str, dict[str, Any]]:
    """Deliver to every sink that is on, one after the other; what was done, by sink."""
    from pipelines.deliveries import DELIVER, facts_by_sink

    if not any(sink.enabled for sink in settings.sink):
        return {}
    result = run_job_in_process(settings, DELIVER, instance=instance, raise_on_error=False)
    _raise_failure(result)
    return facts_by_sink(result)


def _build(
    settings: Settings, instance: dg.DagsterInstance, stale: Mapping[str, Sequence[date]]
) -> dict[str, tuple[str, ...]]:
    """Build marts, those with the same days in the same runs, each run over days in sequence.

    Returns:
        The marts that were left as they were, with the failing checks of the marts that they read.
    """
    from pipelines.judgement import failing_checks
    from pipelines.models import MODELS, build_model
    from pipelines.models.header import reached
    from pipelines.models.turns import in_turns
    from pipelines.partitions import known_days, spans

    lake = Lake(Storage(settings))
    blocked: dict[str, tuple[str, ...]] = {}

    def hold_back(name: str, judged_by_the_run: Sequence[str] = ()) -> bool:
        above = [s for s in reached(name, lambda _: False) if s in stale]
        failing = failing_checks(instance, (s for s in above if s not in judged_by_the_run))
        if failing:
            blocked[name] = tuple(failing)
        return bool(failing)

    for days, together in in_turns(stale):
        names: list[str] = []
        for name in together:
            if not hold_back(name, judged_by_the_run=names):
                names.append(name)
        known = known_days(list(days))
        spanned = spans(known) if known else []
        whole = [name for name in names if MODELS[name].is_global]
        daily = [name for name in names if name not in whole]
        for name in daily:
            if outside := sorted(set(days) - set(known)):  # no partitions: built, but not shown
                build_model(lake, name, outside)
        for first, last in spanned if daily else []:
            span = {RANGE_START: first.isoformat(), RANGE_END: last.isoformat()}
            _run_models(settings, instance, daily, span)
        if whole:
            _run_models(settings, instance, whole, {})
        for name in names:
            hold_back(name)  # as the run did, by what it found of the marts before
    return blocked


def _run_models(
    settings: Settings, instance: dg.DagsterInstance, names: Sequence[str], tags: Mapping[str, str]
) -> None:
    """Build some marts in one run; a failing check holds back what reads the mart, and no other."""
    result = run_job_in_process(
        settings,
        "models",
        tags=tags,
        asset_selection=[dg.AssetKey(name) for name in names],
        instance=instance,
        raise_on_error=False,
    )
    _raise_failure(result)


def _raise_failure(result: dg.ExecuteInProcessResult) -> None:
    """Raise what a step failed with, but for failed checks, whose verdicts say so."""
    for event in result.filter_events(lambda event: event.is_step_failure):
        error = event.step_failure_data.error
        if error is not None and error.cls_name != DagsterAssetCheckFailedError.__name__:
            cause = error.cause or error
            raise LakeError(cause.message.strip().removeprefix("LakeError: "))


if __name__ == "__main__":
    prepare_home(load_settings())

"""The graph: what exists, how it hangs together, and what starts by itself."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from pipelines.archiving import KEEPS_EVERY_ROW, SAMPLE_VERIFIES
from pipelines.definitions import defs
from pipelines.lake.schemas import LOADED_TABLES, TABLES
from pipelines.models import MODELS
from pipelines.models.header import LAYERS
from pipelines.partitions import DAYS
from pipelines.quality import CHECKS, LAKE_CHECKS, MART_CHECKS

ROOT = Path(__file__).parents[2]
GRAPH = {
    "landing": ("landing", []),
    "activity": ("lake", ["landing"]),
    "api_requests": ("lake", ["landing"]),
    "checks": ("lake", []),  # whatever judges adds to it
    "deliveries": ("lake", []),  # every export adds to it; there is none without a sink
    "job_steps": ("lake", ["landing"]),
    "jobs": ("lake", ["landing"]),
    "loads": ("lake", ["landing"]),
    "log_messages": ("lake", ["landing"]),
    "rejected": ("lake", ["landing"]),
}


def test_the_definitions_load() -> None:
    dg.Definitions.validate_loadable(defs)


def test_the_graph_is_what_the_architecture_says() -> None:
    graph = defs.resolve_asset_graph()

    found = {
        node.key.to_user_string(): (
            node.group_name,
            sorted(parent.to_user_string() for parent in node.parent_keys),
        )
        for node in graph.asset_nodes
    }

    models = {name: facts for name, facts in found.items() if facts[0] in LAYERS}
    assert {n: facts for n, facts in found.items() if facts[0] in ("landing", "lake")} == GRAPH
    assert found.keys() == GRAPH.keys() | models.keys() | {"report", "sealed_days"}
    assert found["sealed_days"] == ("archive", sorted(LOADED_TABLES))
    assert models.keys() == MODELS.keys()
    assert models["stg_jobs"] == ("staging", ["jobs"])
    assert models["int_usage_jobs"] == ("intermediate", ["stg_jobs"])
    assert models["recipe_errors_daily"] == ("marts", ["jobs", "stg_jobs"])
    # a mart depends on the tables that decide when it is built, on marts, and on what it reads
    assert models["recipe_volume"] == (
        "marts",
        ["activity", "int_usage_tasks", "jobs", "recipe_owners", "recipe_usage_daily"],
    )


def test_days_of_a_mart_depend_on_the_same_days_and_those_of_its_window() -> None:
    graph = defs.resolve_asset_graph()
    windows = {name: m.window for name, m in MODELS.items() if m.is_stored and any(m.window)}

    for name, (before, after) in windows.items():
        node = graph.get(dg.AssetKey(name))
        for parent in node.parent_keys:
            mapping = node.partition_mappings[parent]
            assert (mapping.start_offset, mapping.end_offset) == (-before, after), (name, parent)

    assert windows


def test_a_mart_has_days_unless_it_is_rebuilt_whole() -> None:
    graph = defs.resolve_asset_graph()

    found = {n: graph.get(dg.AssetKey(n)).partitions_def for n, m in MODELS.items() if m.is_stored}

    assert {name for name, days in found.items() if days is None} == {
        name for name, model in MODELS.items() if model.is_stored and model.is_global
    }


def test_every_quality_check_is_shown_on_its_table_and_blocks_where_it_should() -> None:
    graph = defs.resolve_asset_graph()

    found = {
        (key.asset_key.to_user_string(), key.name, graph.get(key).blocking)
        for key in graph.asset_check_keys
    }

    of_archive = {("sealed_days", name, False) for name in (KEEPS_EVERY_ROW, SAMPLE_VERIFIES)}
    assert found == {(check.table, check.name, check.blocking) for check in CHECKS} | of_archive
    assert {check.table for check in LAKE_CHECKS} == TABLES.keys()
    assert {check.table for check in MART_CHECKS} == {n for n, m in MODELS.items() if m.is_stored}


def test_marts_alone_are_built_by_dagster_and_every_asset_says_what_it_is() -> None:
    graph = defs.resolve_asset_graph()

    executable = {n.key.to_user_string() for n in graph.asset_nodes if n.is_executable}

    assert executable == {name for name, m in MODELS.items() if m.is_stored} | {"report"}
    assert all(node.description for node in graph.asset_nodes)


def test_sensors_and_schedules_run_without_being_switched_on() -> None:
    repository = defs.get_repository_def()

    status = {s.name: s.default_status.value for s in repository.sensor_defs}
    status |= {s.name: s.default_status.value for s in repository.schedule_defs}

    assert status == dict.fromkeys(
        (
            "check_daily",
            "compact_daily",
            "models_follow_loads",
            "new_landing_objects",
            "report_weekly",
            "seal_daily",
            "verify_sample_daily",
            "vacuum_weekly",
        ),
        "RUNNING",
    )


@pytest.mark.parametrize("package", ["great_expectations", "pandas"])
def test_the_definitions_load_without_what_only_a_run_needs(package: str) -> None:
    code = f"import sys, pipelines.definitions; sys.exit({package!r} in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)

    assert done.returncode == 0


def test_loading_the_definitions_warns_of_nothing() -> None:
    code = (
        "import warnings, dagster as dg\n"
        "kinds = (DeprecationWarning, dg.BetaWarning, dg.PreviewWarning, dg.SupersessionWarning)\n"
        "for kind in kinds:\n"
        "    warnings.simplefilter('error', kind)\n"
        "warnings.filterwarnings('ignore', message='The `__fields__`')  # Dagster's own\n"
        "from pipelines.definitions import defs\n"
        "dg.Definitions.validate_loadable(defs)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr


def test_the_keys_of_days_are_those_of_dagster_and_grow_with_the_day() -> None:
    plain = dg.DailyPartitionsDefinition("2013-01-01", timezone="UTC", end_offset=2)

    for moment in (datetime(2026, 3, 1, 12, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)):
        with dg.partition_loading_context(effective_dt=moment):
            assert DAYS.get_partition_keys() == plain.get_partition_keys()

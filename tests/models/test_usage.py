"""Usage: each rule on the few jobs that show it, from the record as sent to the figure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lakes import activity, encode, job, lake_at, run_load
from world import World

from pipelines.lake.tables import Lake
from pipelines.models import build_stale
from pipelines.models.query import open_catalogue

DAY = "2026-02-03"
Row = dict[str, Any]
Ask = Callable[[str], list[Row]]

CLOCK = {"recipe_line_number": 0, "adapter_name": "clock", "adapter_operation": "timer"}
ORDER = {"recipe_line_number": 0, "adapter_name": "shopify", "adapter_operation": "new_order"}
INSERT = {
    "recipe_line_number": 1,
    "adapter_name": "netsuite",
    "adapter_operation": "add",
    "line_stat": {"total": 0.3},
}
LOOKUP = {"recipe_line_number": 2, "adapter_name": "lookup_table", "adapter_operation": "entry"}
CALL = {
    "recipe_line_number": 3,
    "adapter_name": "workato_recipe_function",
    "adapter_operation": "call_recipe",
}
CONTROL = {"recipe_line_number": 4, "adapter_name": None, "adapter_operation": None}
BROKEN = INSERT | {
    "recipe_line_number": 5,
    "error": "Customer must be present",
    "line_stat": {"total": 1.2},
}
TOO_LARGE = "Log lines exceed size limit"


def run(recipe: int, moment: str = f"{DAY}T10:00:00", seconds: int = 2, **fields: Any) -> Row:
    """A job of a recipe that ended at a moment in UTC."""
    ended = datetime.fromisoformat(moment)
    began = ended - timedelta(seconds=seconds)
    times = {"started_at": f"{began.isoformat()}Z", "completed_at": f"{ended.isoformat()}Z"}
    return job(recipe_id=recipe, flow_id=recipe, **(times | fields))


def failed(recipe: int, **fields: Any) -> Row:
    return run(recipe, **({"status": "failed", "error": "no"} | fields))


def load_and_build(lake: Lake, folder: Path, *events: Row) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "events.ndjson").write_bytes(b"\n".join(encode(event) for event in events))
    run_load(lake, [folder])
    for _ in build_stale(lake):
        pass


def asker(lake: Lake) -> Ask:
    connection = open_catalogue(lake)

    def ask(sql: str) -> list[Row]:
        found = connection.execute(sql)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    return ask


def holds(row: Row, **expected: Any) -> None:
    """Hold the named columns of a row."""
    assert {name: row[name] for name in expected} == expected


# One recipe a rule: its jobs, and its least and most tasks by task_2019, task_2021, business_action
COUNTED: dict[str, tuple[list[Row], tuple[tuple[int, int], ...]]] = {
    "every kind of step, sent": (
        [run(101, action_count=3, lines=[CLOCK, INSERT, LOOKUP, CALL, CONTROL])],
        ((3, 3), (3, 3), (1, 1)),
    ),
    "a trigger of an eligible app": (
        [run(102, action_count=1, lines=[ORDER, INSERT])],
        ((2, 2), (1, 1), (2, 2)),
    ),
    "a step that failed counts nowhere": (
        [failed(103, action_count=2, lines=[ORDER, INSERT, BROKEN])],
        ((2, 2), (1, 1), (2, 2)),
    ),
    "a loop of which the last iteration was sent": (
        [run(104, action_count=10, lines=[ORDER, INSERT])],
        ((2, 11), (10, 10), (2, 11)),
    ),
    "steps that are not sent": (
        [run(105, action_count=5, lines=None)],
        ((1, 6), (5, 5), (0, 6)),
    ),
    "steps that are too large": (
        [run(106, action_count=5, lines=TOO_LARGE)],
        ((1, 6), (5, 5), (0, 6)),
    ),
    "a failure without steps may count the failed one": (
        [failed(107, action_count=5, lines=None)],
        ((1, 6), (4, 5), (0, 6)),
    ),
    "a failure at the trigger without steps": (
        [failed(108, action_count=0, lines=None)],
        ((1, 1), (0, 0), (0, 1)),
    ),
    "neither steps nor a count": (
        [run(109, action_count=None, lines=None)],
        ((1, 1), (0, 0), (0, 1)),
    ),
    "a test job": (
        [run(110, action_count=3, lines=[ORDER, INSERT], is_test=True)],
        ((0, 0), (0, 0), (0, 0)),
    ),
    "a rerun counts again": (
        [
            failed(111, action_count=1, lines=[ORDER, BROKEN], id="j-111"),
            run(111, action_count=1, lines=[ORDER, INSERT], master_job_id="j-111", is_repeat=True),
        ],
        ((3, 3), (1, 1), (3, 3)),
    ),
    "steps without an action count": (
        [run(112, action_count=None, lines=[ORDER, INSERT])],
        ((2, 2), (1, 1), (2, 2)),
    ),
}


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    root = tmp_path_factory.mktemp("counted")
    lake = lake_at(root / "lake")
    load_and_build(lake, root / "landing", *(e for events, _ in COUNTED.values() for e in events))
    return asker(lake)


@pytest.mark.parametrize("rule", COUNTED)
def test_tasks_are_bounded_by_every_documented_rule(counted: Ask, rule: str) -> None:
    events, expected = COUNTED[rule]

    found = counted(
        "select tasks_least_count, tasks_most_count from int_usage_tasks "
        f"where recipe_id = '{events[0]['recipe_id']}' "
        "order by counting_rule = 'business_action', counting_rule"
    )

    assert tuple(tuple(row.values()) for row in found) == expected


def test_jobs_whose_tasks_nobody_can_bound_are_counted(counted: Ask) -> None:
    rows = counted("select recipe_id, uncountable_job_count as jobs from recipe_usage_daily")

    assert {row["recipe_id"]: row["jobs"] for row in rows if row["jobs"]} == {"109": 1}


def test_a_figure_carries_the_name_of_its_rule(counted: Ask) -> None:
    (row,) = counted(
        "select * from usage_between('2026-02-01', '2026-02-28') where recipe_id='105'"
    )

    rules = counted(
        "select counting_rule from tasks_between('2026-02-01', '2026-02-28') where recipe_id='105'"
    )

    assert (row["counting_rule"], row["tasks_least_count"]) == ("task_2021", 5)
    assert {rule["counting_rule"] for rule in rules} == {
        "task_2019",
        "task_2021",
        "business_action",
    }


def test_connectors_are_known_of_stepped_jobs_alone_and_say_so(counted: Ask) -> None:
    rows = counted(
        "select * from int_usage_by_connector where period = 'day' and adapter_name <> 'unknown' "
        "order by adapter_name"
    )

    found = {row["adapter_name"]: (row["step_count"], row["failed_step_count"]) for row in rows}
    assert found == {
        "clock": (1, 0),
        "control": (1, 0),
        "lookup_table": (1, 0),
        "netsuite": (8, 2),
        "shopify": (6, 0),
        "workato_recipe_function": (1, 0),
    }
    (usage,) = counted("from int_usage_by_environment where period = 'day'")
    assert (usage["stepped_job_count"], usage["job_count"]) == (7, 12)
    assert {row["stepped_share"] for row in rows} == {7 / 12}


# One connector a line: the least and most tasks by task_2019, task_2021, business_action
BY_CONNECTOR = {
    "control": ((0, 0), (0, 0), (0, 0)),  # acts in no loop
    "clock": ((1, 1), (0, 0), (0, 0)),
    "shopify": ((6, 6), (0, 0), (6, 6)),
    # 9 hidden iterations of a loop may all be of the connector that acted in it
    "netsuite": ((6, 15), (6, 15), (6, 15)),
    "lookup_table": ((1, 1), (1, 1), (0, 0)),
    "workato_recipe_function": ((0, 0), (1, 1), (0, 0)),
    # five jobs that sent no steps; one that failed may not have finished the last of its 5 actions
    "unknown": ((5, 20), (14, 15), (0, 20)),
}


@pytest.mark.parametrize("connector", BY_CONNECTOR)
def test_tasks_of_a_connector_are_bounded_by_every_rule(counted: Ask, connector: str) -> None:
    found = counted(
        "select sum(tasks_least_count) as least, sum(tasks_most_count) as most "
        f"from int_connector_tasks where adapter_name = '{connector}' "
        "group by counting_rule order by counting_rule = 'business_action', counting_rule"
    )

    assert tuple(tuple(row.values()) for row in found) == BY_CONNECTOR[connector]


def test_a_connector_has_what_a_recipe_has(counted: Ask) -> None:
    (row,) = counted(
        "from int_usage_by_connector where period = 'day' and adapter_name = 'netsuite'"
    )

    holds(row, counting_rule="task_2021", tasks_least_count=6, tasks_most_count=15)
    # jobs of 101, 102, 103, 104, 112 and both of 111, and the test of 110
    holds(row, job_count=7, repeat_count=1, repeat_share=1 / 7, test_job_count=1, test_share=1 / 8)
    # the failed jobs of 103 and 111, and the rerun of 111
    holds(row, action_count=8, wasted_action_count=4)
    holds(row, wasted_tasks_least_count=2, wasted_tasks_most_count=2)


def test_jobs_without_steps_are_of_an_unknown_connector(counted: Ask) -> None:
    (row,) = counted(
        "from int_usage_by_connector where period = 'day' and adapter_name = 'unknown'"
    )

    holds(row, job_count=5, step_count=0, action_count=15, wasted_action_count=5)
    holds(row, wasted_tasks_least_count=4, wasted_tasks_most_count=5)


def test_a_job_that_is_sent_with_two_statuses_counts_once() -> None:
    waiting = run(1, id="j-1", status="pending", action_count=1)
    world = World(
        waiting,
        run(1, f"{DAY}T10:05:00", id="j-1", action_count=3),
        # ended after midnight
        waiting | {"id": "j-2"},
        run(1, "2026-02-04T00:05:00", id="j-2", action_count=5),
        # not ended yet, and ended in a way that nobody documents
        waiting | {"id": "j-3", "status": "queued", "completed_at": None},
        run(1, id="j-4", status="cancelled", action_count=7),
        # a record that was corrected
        failed(1, id="j-5", action_count=9),
        run(1, f"{DAY}T11:00:00", id="j-5", action_count=11),
    )

    usage = world.rows("recipe_usage_daily", order="event_date")
    processes = world.rows("process_usage_daily", order="event_date")
    rates = world.rows("recipe_error_rates_daily", order="event_date")

    assert [(r["job_count"], r["action_count"]) for r in usage] == [(3, 21), (1, 5)]
    assert [(r["succeeded_count"], r["failed_count"]) for r in usage] == [(2, 0), (1, 0)]
    assert [(r["job_count"], r["action_count"]) for r in processes] == [(3, 21), (1, 5)]
    assert [(r["succeeded_count"], r["failed_count"]) for r in rates] == [(2, 0), (1, 0)]
    assert [r["error_rate"] for r in rates] == [0.0, 0.0]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Families, processes, owners, places and periods, each on recipes of its own."""
    root = tmp_path_factory.mktemp("told")
    lake = lake_at(root / "lake", billing_cycle_day=10)
    chain = {"root_recipe_id": 301, "root_job_handle": "j-root"}
    first = {"calling_job_id": "j-root", "calling_recipe_id": 301, **chain}
    mira = {"id": 1, "name": "Mira", "email": "mira@larkfield.example"}
    jonas = {"id": 2, "name": "Jonas", "email": "jonas@larkfield.example"}
    recipe = {"type": "Flow", "id": 401, "name": "Old name"}
    load_and_build(
        lake,
        root / "landing",
        # a family: failed, failed again, succeeded; and a job on its own
        failed(201, seconds=10, action_count=2, id="j-201"),
        failed(201, seconds=20, action_count=3, master_job_id="j-201", is_repeat=True),
        run(201, seconds=40, action_count=5, master_job_id="j-201", is_repeat=True),
        run(201, seconds=80, action_count=7),
        run(201, seconds=900, action_count=9, is_test=True),
        # a process: 301 calls 302, which calls 303; 302 runs on its own too
        run(301, action_count=2, id="j-root"),
        run(302, action_count=3, id="j-mid", **first),
        run(303, action_count=4, calling_job_id="j-mid", calling_recipe_id=302, **chain),
        run(302, action_count=5),
        # an edition without roots
        run(305, action_count=6, calling_job_id="j-x", calling_recipe_id=304),
        # an owner
        run(401, context={"user_id": 70121, "recipe_name": "Old name", "recipe_path": "Home/A/B"}),
        activity(event="recipe_created", timestamp=f"{DAY} 08:00:00 UTC", user=mira,
                 resource=recipe),
        activity(event="recipe_started", timestamp=f"{DAY} 09:00:00 UTC", user=jonas,
                 resource=recipe | {"name": "New name"}),
        activity(event="recipe_stopped", timestamp=f"{DAY} 10:00:00 UTC", user=mira,
                 resource=recipe | {"name": "New name"}),
        # places
        run(501, context={"recipe_path": "Home"}),
        run(502, context={"recipe_path": "All projects/Sales/Leads"}),
        run(503, context={"recipe_path": "Finance/"}),
        run(504, context={}),
        # periods, with a billing cycle that begins on the 10th
        run(601, "2026-02-09T23:59:59"),
        run(601, "2026-02-10T00:00:00"),
        run(601, "2026-03-01T12:00:00"),
    )  # fmt: skip
    return asker(lake)


def test_the_cost_of_failures_and_reruns_counts_each_job_once(told: Ask) -> None:
    (row,) = told("from recipe_usage_daily where recipe_id = '201'")

    holds(row, job_count=4, succeeded_count=2, failed_count=2, repeat_count=2)
    holds(row, action_count=17, failed_action_count=5, repeat_action_count=8)
    holds(row, wasted_action_count=10)
    holds(row, total_seconds=150.0, failed_seconds=30.0, repeat_seconds=60.0, wasted_seconds=70.0)


@pytest.mark.parametrize("rule", COUNTED)
def test_tasks_of_wasted_jobs_are_bounded_as_all_tasks_are(counted: Ask, rule: str) -> None:
    events, expected = COUNTED[rule]
    wasted = all(event["status"] == "failed" or event.get("is_repeat") for event in events)

    found = counted(
        "select wasted_tasks_least_count, wasted_tasks_most_count from int_usage_tasks "
        f"where recipe_id = '{events[0]['recipe_id']}' "
        "order by counting_rule = 'business_action', counting_rule"
    )

    assert tuple(tuple(row.values()) for row in found) == (expected if wasted else ((0, 0),) * 3)


def test_wasted_tasks_are_those_of_failed_jobs_and_reruns_each_once(told: Ask) -> None:
    (days,) = told("from int_usage_days where recipe_id = '201'")
    (month,) = told("from int_usage_by_recipe where recipe_id = '201' and period = 'month'")
    (between,) = told("from usage_between('2026-02-01', '2026-02-28') where recipe_id = '201'")

    # as many actions as the jobs count; no job says that its last failed step was one of them
    for row in (days, month, between):
        holds(row, tasks_least_count=17, wasted_tasks_least_count=10, wasted_tasks_most_count=10)


def test_test_jobs_stand_apart(told: Ask) -> None:
    (row,) = told("from int_usage_by_recipe where recipe_id = '201' and period = 'day'")

    holds(row, test_job_count=1, test_action_count=9, test_share=1 / 5, repeat_share=2 / 4)


def test_durations_are_those_of_real_jobs(told: Ask) -> None:
    (row,) = told("from recipe_usage_daily where recipe_id = '201'")

    assert row["median_seconds"] == 30.0
    assert row["p95_seconds"] == pytest.approx(40 + 0.85 * 40)


def test_percentiles_of_any_days_are_those_of_their_jobs_within_5_percent(told: Ask) -> None:
    (recipe,) = told("from int_usage_by_recipe where recipe_id = '201' and period = 'month'")
    (between,) = told("from usage_between('2026-02-01', '2026-02-28') where recipe_id = '201'")
    (process,) = told("from int_usage_by_process where root_recipe_id='201' and period = 'month'")

    for row in (recipe, between, process):  # of 10, 20, 40 and 80 seconds
        assert row["approximate_median_seconds"] == pytest.approx(30, rel=0.05)
        assert row["approximate_p95_seconds"] == pytest.approx(40 + 0.85 * 40, rel=0.05)


def test_a_job_without_an_end_has_no_run_time() -> None:
    world = World(run(1, seconds=7), run(1, completed_at=None))

    rows = world.rows("job_durations_daily")

    assert [(row["approximate_seconds"], row["job_count"]) for row in rows] == [(7, 1)]


def test_an_approximate_run_time_is_within_5_percent() -> None:
    lengths = [0, 1, 2, 20, *(round(21 * 1.043**n) for n in range(220))]
    world = World(*(run(1, seconds=seconds) for seconds in lengths))

    rows = world.rows("int_usage_jobs")

    assert len(rows) == len(lengths)
    for row in rows:
        assert row["approximate_seconds"] == pytest.approx(row["duration_seconds"], rel=0.05)
        if row["duration_seconds"] <= 20:
            assert row["approximate_seconds"] == row["duration_seconds"]
    assert len({row["approximate_seconds"] for row in rows}) < 110


def test_steps_of_a_connector_have_percentiles_of_their_own(counted: Ask) -> None:
    (row,) = counted(
        "from int_usage_by_connector where period = 'day' and adapter_name = 'netsuite'"
    )

    assert row["approximate_median_seconds"] == pytest.approx(0.3, rel=0.05)  # six of 0.3
    assert row["approximate_p95_seconds"] == pytest.approx(1.2, rel=0.05)  # two that failed


def test_a_process_has_all_jobs_below_its_root_each_once(told: Ask) -> None:
    rows = told(
        "from int_usage_by_process where period = 'day' "
        "and root_recipe_id in ('301', '302', '303') order by root_recipe_id"
    )

    root, own = rows
    holds(root, root_recipe_id="301", job_count=3, root_job_count=1, recipe_count=3)
    holds(root, action_count=9, tasks_most_count=9)
    holds(own, root_recipe_id="302", job_count=1, root_job_count=1, action_count=5)


def test_a_process_has_the_reruns_and_tests_below_it(told: Ask) -> None:
    (row,) = told("from int_usage_by_process where period = 'day' and root_recipe_id = '201'")

    holds(row, job_count=4, repeat_share=2 / 4, test_job_count=1, test_share=1 / 5)
    holds(row, action_count=17, wasted_action_count=10, wasted_seconds=70.0)


def test_without_a_root_the_direct_caller_is_the_process(told: Ask) -> None:
    (row,) = told("from process_usage_daily where recipe_id = '305'")

    holds(row, root_recipe_id="304", job_count=1, root_job_count=0, guessed_root_count=1)


def test_without_a_root_the_chain_of_callers_leads_to_the_process() -> None:
    def called(recipe: int, by: int, **fields: Any) -> Row:
        caller = {"calling_job_id": f"j-{by}", "calling_recipe_id": by}
        return run(recipe, id=f"j-{recipe}", **(caller | fields))

    world = World(
        run(601, id="j-601"),
        called(602, 601),
        called(603, 602),
        called(604, 603),
        called(605, 604),
        called(606, 605),
        # the caller names its root
        called(702, 701, root_recipe_id=700, root_job_handle="j-700"),
        called(703, 702),
        # a caller that was never seen, two calls up
        called(802, 801),
        called(803, 802),
        # a circle comes to an end
        called(901, 902),
        called(902, 901),
    )

    processes = world.rows("process_usage_daily")
    durations = world.rows("job_durations_daily")

    roots = {row["recipe_id"]: row["root_recipe_id"] for row in processes}
    assert {r: roots[r] for r in ("601", "602", "603", "604", "605", "606")} == dict.fromkeys(
        ("601", "602", "603", "604", "605", "606"), "601"
    )
    assert (roots["702"], roots["703"]) == ("700", "700")
    assert (roots["802"], roots["803"]) == ("801", "801")
    assert {r["recipe_id"] for r in processes if r["guessed_root_count"]} == {
        "606",  # five calls up nobody looked whether 601 is called
        "802",
        "803",
        "901",
        "902",
    }
    assert {row["recipe_id"]: row["root_recipe_id"] for row in durations} == roots


def test_the_owner_is_who_last_created_edited_or_started_and_no_account(told: Ask) -> None:
    (row,) = told("from recipe_owners where recipe_id = '401'")
    (usage,) = told("from int_usage_by_owner where owner_id = '2' and period = 'month'")
    (nobody,) = told("from recipe_owners where recipe_id = '601'")

    holds(row, owner_id="2", owner_name="Jonas", owner_event_type="recipe_started")
    holds(row, recipe_name="New name", folder="Home/A/B", project="A")
    holds(usage, owner_name="Jonas", job_count=1, recipe_count=1)
    holds(nobody, owner_id="unknown", owner_email=None)


@pytest.mark.parametrize(
    ("recipe", "folder", "project"),
    [
        pytest.param(501, "Home", "Home", id="the root itself"),
        pytest.param(502, "All projects/Sales/Leads", "Sales", id="below the root"),
        pytest.param(503, "Finance", "Finance", id="without a root"),
        pytest.param(504, "unknown", "unknown", id="not sent"),
    ],
)
def test_a_project_is_the_top_folder(told: Ask, recipe: int, folder: str, project: str) -> None:
    (row,) = told(f"from recipe_usage_daily where recipe_id = '{recipe}'")

    holds(row, folder=folder, project=project)


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        pytest.param("day", {"2026-02-09": 1, "2026-02-10": 1, "2026-03-01": 1}, id="day"),
        pytest.param("week", {"2026-02-09": 2, "2026-02-23": 1}, id="week, from Monday"),
        pytest.param("month", {"2026-02-01": 2, "2026-03-01": 1}, id="month"),
        pytest.param("billing_cycle", {"2026-01-10": 1, "2026-02-10": 2}, id="billing cycle"),
    ],
)
def test_usage_is_summed_by_period(told: Ask, period: str, expected: dict[str, int]) -> None:
    rows = told(
        "select period_start_date, job_count from int_usage_by_recipe "
        f"where recipe_id = '601' and period = '{period}'"
    )

    assert {str(row["period_start_date"]): row["job_count"] for row in rows} == expected


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Two days of a cycle that begins on the 3rd: the newest day is the fifth of it."""
    root = tmp_path_factory.mktemp("volume")
    lake = lake_at(root / "lake", billing_cycle_day=3)
    million = 1_000_000
    load_and_build(
        lake,
        root / "landing",
        run(1, "2026-02-02T12:00:00", action_count=9 * million, lines=None),
        run(1, "2026-02-03T12:00:00", action_count=million, lines=None),
        run(1, "2026-02-07T12:00:00", action_count=million, lines=None),
        run(2, "2026-02-04T12:00:00", action_count=4 * million, lines=None),
        run(2, "2026-02-05T12:00:00", action_count=1, lines=None),
        run(3, "2026-02-05T12:00:00", action_count=10, lines=None),
    )
    return asker(lake)


def volume_of(volume: Ask, recipe: int, rule: str = "task_2021") -> Row:
    (row,) = volume(f"from recipe_volume where recipe_id = '{recipe}' and counting_rule = '{rule}'")
    return row


def test_a_forecast_goes_on_at_the_pace_of_the_cycle_so_far(volume: Ask) -> None:
    row = volume_of(volume, 1)

    # 2 million in 5 days of 28, February 3 to March 2: 4 million after 10 days
    holds(row, tasks_most_count=2_000_000, forecast_most_count=11_200_000, is_crossed=False)
    holds(row, tier=0, forecast_tier=1, threshold_count=4_000_000)
    holds(row, cycle_start_date=date(2026, 2, 3), cycle_end_date=date(2026, 3, 2))
    holds(row, earliest_crossing_date=date(2026, 2, 12), latest_crossing_date=date(2026, 2, 12))


def test_a_recipe_that_is_new_in_the_cycle_is_paced_by_its_own_days() -> None:
    world = World(
        run(1, "2026-02-01T12:00:00", action_count=28, lines=None),
        run(2, "2026-02-09T12:00:00", action_count=1_000_000, lines=None),
        run(2, "2026-02-10T12:00:00", action_count=1_000_000, lines=None),
        as_of=date(2026, 2, 10),
    )

    rows = world.rows("recipe_volume", "counting_rule = 'task_2021'", "recipe_id")

    # there since the 1st, and since the 9th: a million a day on 20 days
    assert [row["forecast_most_count"] for row in rows] == [78, 20_000_000]
    assert [str(row["earliest_crossing_date"]) for row in rows] == ["None", "2026-02-12"]


def test_names_are_the_newest_whatever_the_alphabet_says() -> None:
    renamed = {"type": "Flow", "id": 1, "name": "Aa"}
    world = World(
        run(1, f"{DAY}T10:00:00", context={"recipe_name": "Zz"}),
        run(1, f"{DAY}T11:00:00", context={"recipe_name": "Aa"}),
        activity(event="recipe_started", timestamp=f"{DAY} 08:00:00 UTC", resource=renamed,
                 user={"id": 1, "name": "Zoe", "email": "zoe@larkfield.example"}),
        activity(event="recipe_started", timestamp="2026-02-04 08:00:00 UTC",
                 user={"id": 1, "name": "Ada", "email": "ada@larkfield.example"},
                 resource={"type": "Flow", "id": 2, "name": "Other"}),
    )  # fmt: skip

    owners = world.rows("recipe_owners", order="recipe_id")

    assert {row["owner_name"] for row in owners} == {"Ada"}
    assert {row["owner_email"] for row in owners} == {"ada@larkfield.example"}
    for model in ("recipe_volume", "recipe_owners"):
        assert {r["recipe_name"] for r in world.rows(model, "recipe_id = '1'")} == {"Aa"}, model
    tasks = world.call("tasks_between('2026-02-01', '2026-02-28')")
    assert {row["recipe_name"] for row in tasks} == {"Aa"}


def test_a_threshold_that_was_crossed_has_its_day(volume: Ask) -> None:
    row = volume_of(volume, 2)

    holds(row, is_crossed=True, tier=1, forecast_tier=2)
    holds(row, earliest_crossing_date=date(2026, 2, 4), latest_crossing_date=date(2026, 2, 4))


def test_bounds_of_tasks_are_bounds_of_the_day(volume: Ask) -> None:
    row = volume_of(volume, 1, "business_action")

    holds(row, tasks_least_count=0, latest_crossing_date=None)
    assert row["earliest_crossing_date"] == date(2026, 2, 12)


def test_a_threshold_out_of_reach_has_no_day(volume: Ask) -> None:
    row = volume_of(volume, 3)

    holds(row, earliest_crossing_date=None, latest_crossing_date=None, forecast_tier=0)


def test_loads_and_lateness_are_told_by_day(told: Ask) -> None:
    (loads,) = told("from loads_daily")
    rows = told("from lateness_daily where event_kind = 'activity'")

    holds(loads, load_count=1, rejected_count=0, rejected_share=0.0)
    assert loads["received_count"] == loads["accepted_count"] > 0
    assert [row["event_count"] for row in rows] == [3]
    assert rows[0]["day_late_count"] == 3  # the object was written long after these days


def test_what_could_not_be_read_is_told_by_reason(tmp_path: Path) -> None:
    lake = lake_at(tmp_path / "lake")
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "bad.ndjson").write_bytes(b'not json\n{"a": 1}\n')
    load_and_build(lake, tmp_path / "landing", run(1))

    rows = asker(lake)("from rejected_daily order by reason")

    assert {row["reason"]: row["rejected_count"] for row in rows} == {
        "not_an_event": 1,
        "not_json": 1,
    }

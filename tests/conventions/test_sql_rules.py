"""SQL rules: every model keeps them, each refuses what it names, and all models go to Spark."""

from __future__ import annotations

import pytest
import sqlglot
from sql_rules import FUNCTIONS, findings, written_functions

from pipelines.models import MODELS, Model

EVERY = [pytest.param(model, id=name) for name, model in MODELS.items()]
GRAINS = {name: tuple(model.grain) for name, model in MODELS.items()}


@pytest.mark.parametrize("model", EVERY)
def test_a_model_keeps_every_rule(model: Model) -> None:
    assert findings(model.sql, grains=GRAINS, reads_instants=model.layer == "staging") == []


@pytest.mark.parametrize("model", EVERY)
def test_a_model_goes_to_spark_without_a_refusal(model: Model) -> None:
    (translated,) = sqlglot.transpile(
        model.sql, read="duckdb", write="spark", unsupported_level=sqlglot.ErrorLevel.RAISE
    )

    assert sqlglot.parse_one(translated, read="spark").named_selects == (
        sqlglot.parse_one(model.sql, read="duckdb").named_selects
    )


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        pytest.param("select to_base64(raw) as a from t", "to_base64", id="unknown function"),
        pytest.param("select a[1] as b from t", "bracket", id="subscript"),
        pytest.param("select a[1:2] as b from t", "slice", id="slice"),
        pytest.param("select [x + 1 for x in a] as b from t", "comprehension", id="comprehension"),
        pytest.param("select a from t asof join u on t.at >= u.at", "ASOF", id="asof join"),
        pytest.param("select a from t positional join u", "POSITIONAL", id="positional join"),
        pytest.param("select a from t union by name select a from u", "by name", id="by name"),
        pytest.param("select * replace (1 as a) from t", "replace", id="replace"),
        pytest.param("select columns('a.*') from t", "columns", id="columns"),
        pytest.param("pivot t on a using sum(b)", "pivot", id="pivot"),
        pytest.param(
            "select a from t qualify row_number() over (order by event_id) = 1",
            "CTE",
            id="qualify outside",
        ),
        pytest.param("with t as (from u) select * from t", "names its columns", id="final star"),
        pytest.param("select ended_at - started_at as a from t", "epoch", id="interval"),
        pytest.param(
            "select date_diff('hour', started_at, ended_at) as a from t", "borders", id="date_diff"
        ),
        pytest.param("select extract(dow from at) as a from t", "week", id="day of the week"),
        pytest.param("select unnest(steps) as step from t", "unnest", id="unnest in select"),
        pytest.param(
            "select a from t left join unnest(t.steps) as s (step) on true",
            "unnest",
            id="unnest in a left join",
        ),
        pytest.param("select string_agg(a order by a) as b from t", "string_agg", id="ordered"),
        pytest.param("select a / b as c from t", "nullif", id="unguarded division"),
        pytest.param("select a * 0.5 as b from t", "decimal", id="decimal"),
        pytest.param("select cast(a / 2 as bigint) as b from t", "round()", id="bare cast"),
        pytest.param(
            "select row_number() over (partition by a order by b) as c from t", "tie", id="ties"
        ),
        pytest.param("select at at time zone 'UTC' as a from t", "zones", id="time zone"),
        pytest.param("select approx_count_distinct(a) as b from t", "approx", id="approximate"),
    ],
)
def test_a_rule_refuses_what_it_names(sql: str, why: str) -> None:
    assert any(why in sentence for sentence in findings(sql)), findings(sql)


@pytest.mark.parametrize(
    ("sql", "allowed"),
    [
        ("select at at time zone 'UTC' as a from t", True),
        ("select at at time zone 'Europe/Berlin' as a from t", False),
        ("select cast(at as timestamp) as a from t", False),
        ("select cast(at as date) as a from t", False),
    ],
)
def test_staging_turns_instants_into_utc_whatever_zone_a_reader_is_in(
    sql: str, allowed: bool
) -> None:
    assert (findings(sql, reads_instants=True) == []) == allowed


@pytest.mark.parametrize(
    "sql",
    [
        "select a / nullif(b, 0) as c from t",
        "select a / 2 as c from t",
        "select a * 0.5e0 as b from t",
        "select quantile_cont(a, 0.95) as b from t",
        "select cast(round(a / 2) as bigint) as b from t",
        "select row_number() over (partition by a order by b, event_id) as c from t",
        "select lag(a) over (partition by recipe_id order by event_date) as b from daily",
        "select date_diff('day', event_date, cast(at as date)) as a from t",
        "select step from t cross join unnest(t.steps) as s (step)",
    ],
)
def test_a_rule_lets_pass_what_is_equal(sql: str) -> None:
    assert findings(sql, grains={"daily": ("event_date", "recipe_id")}) == []


def test_the_allow_list_has_no_function_that_nothing_calls() -> None:
    called = {name for model in MODELS.values() for name in written_functions(model.sql)}

    assert FUNCTIONS - called == {"unnest"}  # refused by its place, not by its name

"""Judge: Great Expectations decides which days pass which checks; only `docs` uses it besides."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.quality.checks import Check
from pipelines.quality.measure import Measures, ready

if TYPE_CHECKING:
    import pandas as pd

RESULT_FORMAT = {"result_format": "COMPLETE", "unexpected_index_column_names": ["event_date"]}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What Great Expectations says of one check."""

    passed: bool
    failing: dict[str, Any]
    """ISO day → measure, of the days that fail."""
    error: str | None = None
    """Why the check could not be judged; it then has not passed."""


def open_context() -> Any:
    """A context of Great Expectations that keeps nothing, shows nothing and sends nothing."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    return context


def frame_of(checks: Sequence[Check], measures: Measures) -> pd.DataFrame:
    """One row a day, one column a check; a measure that is missing is null, and passes."""
    import pandas as pd

    rows = [
        {"event_date": day.isoformat()} | {c.name: values.get(c.name) for c in checks}
        for day, values in sorted(measures.items())
    ]
    frame = pd.DataFrame(rows, columns=["event_date", *(c.name for c in checks)])
    return frame.astype({c.name: "float64" for c in checks})


def define(context: Any, table: str, checks: Sequence[Check]) -> tuple[Any, Any]:
    """The batch definition and the suite of one table."""
    import great_expectations as gx

    source = context.data_sources.add_or_update_pandas("lake")
    asset = source.add_dataframe_asset(table)
    suite = gx.ExpectationSuite(name=table, expectations=[c.expectation for c in checks])
    return asset.add_batch_definition_whole_dataframe("days"), suite


def judge(table: str, checks: Sequence[Check], measures: Measures) -> dict[str, Verdict]:
    """Let Great Expectations judge every check on every day.

    Returns:
        The verdict of each check, by its name.
    """
    batches, suite = define(open_context(), table, checks)
    batch = batches.get_batch({"dataframe": frame_of(checks, measures)})
    found = batch.validate(suite, result_format=RESULT_FORMAT)
    # the results come in another order than the suite's
    return {one.expectation_config.meta["check"]: _verdict(one) for one in found.results}


def _verdict(one: Any) -> Verdict:
    name = one.expectation_config.meta["check"]
    failing = {
        row["event_date"]: _plain(row[name]) for row in one.result.get("unexpected_index_list", ())
    }
    return Verdict(bool(one.success), failing, _error(one.exception_info))


def _plain(value: Any) -> Any:
    value = ready(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _error(raised: dict[str, Any] | None) -> str | None:
    """The message of an expectation that raised; its facts are flat, or one dict per metric."""
    for facts in (raised or {}, *(v for v in (raised or {}).values() if isinstance(v, dict))):
        if facts.get("raised_exception"):
            return str(facts.get("exception_message"))
    return None

"""Quality: what every day of lake and marts must hold, checked after each load and build.

`checks` and `marts` say what is checked, as data; `measure` counts in DuckDB; `judge` lets Great
Expectations decide; `run` puts the three together. Great Expectations and pandas take seconds to
import, so nothing here imports them before a check runs.
"""

from pipelines.quality.checks import LAKE_CHECKS, Check
from pipelines.quality.docs import write_data_docs
from pipelines.quality.marts import CHECKS, MART_CHECKS
from pipelines.quality.measure import days_of_marts
from pipelines.quality.run import CheckResult, run_checks

__all__ = [
    "CHECKS",
    "LAKE_CHECKS",
    "MART_CHECKS",
    "Check",
    "CheckResult",
    "days_of_marts",
    "run_checks",
    "write_data_docs",
]

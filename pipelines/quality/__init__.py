"""Quality: what every day of the lake must hold, checked after each load and shown to operators.

`checks` says what is checked, as data; `measure` counts in DuckDB; `judge` lets Great Expectations
decide; `run` puts the three together. Great Expectations and pandas take seconds to import, so
nothing here imports them before a check runs.
"""

from pipelines.quality.checks import CHECKS, Check
from pipelines.quality.docs import write_data_docs
from pipelines.quality.run import CheckResult, run_checks

__all__ = ["CHECKS", "Check", "CheckResult", "run_checks", "write_data_docs"]

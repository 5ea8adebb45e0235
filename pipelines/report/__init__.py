"""Report: one self-contained page about a period: usage, errors, changes, incidents, health."""

from pipelines.report.facts import READS, Facts, gather
from pipelines.report.page import render
from pipelines.report.period import Period
from pipelines.report.place import file_name, put_report

__all__ = ["READS", "Facts", "Period", "file_name", "gather", "put_report", "render"]

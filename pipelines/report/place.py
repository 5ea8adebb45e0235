"""Place: where reports lie beside the lake, and how one is put there at once."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.report.period import Period
from pipelines.sources.find import join

if TYPE_CHECKING:
    from pipelines.lake.tables import Lake

FOLDER = "reports"


def file_name(period: Period, environment: str | None = None) -> str:
    """The name of a report's file: the same days have the same name.

    An environment is a text of somebody else: what is no letter, digit or dash becomes a dash.
    """
    parts = ["report", period.from_date.isoformat(), period.to_date.isoformat()]
    if environment is not None:
        parts.append(re.sub(r"[^A-Za-z0-9-]+", "-", environment)[:60])
    return "_".join(parts) + ".html"


def put_report(lake: Lake, name: str, page: bytes) -> str:
    """Write a report under `reports/` of the lake URL; readers see the old one or the new one.

    Returns:
        Its URL. Writing it again replaces it.
    """
    folder = join(lake.url, FOLDER)
    if lake.is_s3:
        import obstore

        attributes = {"Content-Type": "text/html; charset=utf-8"}
        obstore.put(lake.storage.store(folder), name, page, attributes=attributes)
    else:
        Path(folder).mkdir(parents=True, exist_ok=True)
        partial = Path(folder) / f"{name}.{os.getpid()}.partial"
        partial.write_bytes(page)
        partial.replace(Path(folder) / name)
    return join(folder, name)

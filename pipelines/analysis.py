"""Analysis: what a notebook starts with: the lake of the settings, and charts that look alike.

No questions and no answers here: those are models, and the notebooks themselves.
"""

from __future__ import annotations

import warnings
from contextlib import chdir
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import LakeError
from pipelines.lake.storage import Storage, absolute
from pipelines.lake.tables import Lake
from pipelines.models.query import open_catalogue
from pipelines.settings import load_settings

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BLUE, SKY, ORANGE, RED = "#0072b2", "#7fbfe0", "#e69f00", "#d55e00"
GREEN, PURPLE, GREY = "#009e73", "#cc79a7", "#b8bdc4"
"""Told apart by every kind of colour vision (after Okabe and Ito, 2008); red is for failures."""
INK, FAINT = "#22272e", "#5c6670"
OUTCOMES = {"succeeded": BLUE, "failed": RED}


def open_lake() -> Lake:
    """The lake of the settings, wherever in the project the notebook lies.

    Jupyter runs a notebook in the notebook's own folder. So settings are looked for, and relative
    paths are meant, from the nearest folder upwards that has a `trailhouse.toml` or a
    `.trailhouse`; variables win, as everywhere.
    """
    here = Path.cwd()
    marks = ("trailhouse.toml", ".trailhouse")
    found = (up for up in (here, *here.parents) if any((up / mark).exists() for mark in marks))
    with chdir(next(found, here)):
        settings = load_settings()
        settings = settings.model_copy(update={"lake_url": absolute(settings.lake_url)})
    return Lake(Storage(settings))


def connect(lake: Lake | None = None) -> DuckDBPyConnection:
    """A DuckDB connection to the catalogue: every table, model and macro by its name, read-only.

    Args:
        lake: The lake; without it, that of the settings.

    Raises:
        LakeError: Nothing was loaded there yet.

    Example:
        `connect().sql("from who_stopped('onboarding')").df()`
    """
    # DuckDB 1.5.5 drops columns in place when it makes a frame, at which pandas 3.1 warns
    warnings.filterwarnings("ignore", message="The inplace keyword in DataFrame")
    lake = lake or open_lake()
    if lake.find("loads") is None:
        raise LakeError(
            f"{lake.url} has no loads yet; run trailhouse run, or make demo for a sample workspace"
        )
    return open_catalogue(lake)


def enable_charts() -> None:
    """Give Altair the look of the notebooks, and let it draw pictures without a network.

    Charts become PNG, drawn by vl-convert: they need no browser and no download, and show the
    same in Jupyter, in an editor and in a report. `alt.renderers.enable("default")` brings the
    interactive ones back, where the network may be used.
    """
    import altair as alt

    alt.theme.register("trailhouse", enable=True)(_theme)
    alt.renderers.enable("png", scale_factor=2)


def _theme() -> Any:
    axis = {
        "labelColor": FAINT,
        "titleColor": FAINT,
        "titleFontWeight": "normal",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titlePadding": 10,
        "gridColor": "#e8eaed",
        "domain": False,
        "ticks": False,
        "labelPadding": 6,
        "labelLimit": 260,
    }
    legend = {
        "orient": "top",
        "direction": "horizontal",
        "labelColor": INK,
        "labelFontSize": 12,
        "symbolSize": 120,
        "symbolType": "square",
        "title": None,
    }
    title = {
        "anchor": "start",
        "frame": "bounds",
        "color": INK,
        "subtitleColor": FAINT,
        "fontSize": 16,
        "subtitleFontSize": 12.5,
        "subtitlePadding": 6,
        "offset": 18,
    }
    header = {
        "labelColor": FAINT,
        "labelFontSize": 12,
        "labelAnchor": "start",
        "title": None,
    }
    return {
        "config": {
            "font": "Liberation Sans, Arial, Helvetica, sans-serif",
            "background": "white",
            "padding": 16,
            "view": {
                "stroke": None,
                "continuousWidth": 680,
                "discreteWidth": 680,
                "continuousHeight": 240,
            },
            "axis": axis,
            "axisX": {"grid": False},
            "legend": legend,
            "title": title,
            "header": header,
            "range": {"category": [BLUE, ORANGE, GREEN, RED, SKY, GREY]},
            "bar": {"color": BLUE},
            "text": {"color": INK, "fontSize": 12},
            "rule": {"color": FAINT},
        }
    }

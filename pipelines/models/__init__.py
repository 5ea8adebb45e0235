"""Models: the SQL files of `sql/`, what they say of themselves, and how they are built."""

from pipelines.models.build import build_model, lake_days, stale_days
from pipelines.models.catalogue import catalogue_url, hold_edition, write_catalogue
from pipelines.models.header import MODELS, Model
from pipelines.models.publish import build_stale, publish, publish_when_whole

__all__ = [
    "MODELS",
    "Model",
    "build_model",
    "build_stale",
    "catalogue_url",
    "hold_edition",
    "lake_days",
    "publish",
    "publish_when_whole",
    "stale_days",
    "write_catalogue",
]

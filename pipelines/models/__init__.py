"""Models: the SQL files of `sql/`, what they say of themselves, and how they are built."""

from pipelines.models.build import build_model, build_stale, stale_days
from pipelines.models.catalogue import write_catalogue
from pipelines.models.header import MODELS, Model

__all__ = ["MODELS", "Model", "build_model", "build_stale", "stale_days", "write_catalogue"]

"""Questions: what analysts ask of the catalogue; each answers with columns and rows.

`freshness` is not named here: it loads what reads a lake, and `trailhouse --help` must not.
"""

from pipelines.questions.answer import Answer, Span
from pipelines.questions.blindness import blindness
from pipelines.questions.errors import ErrorsBy, errors
from pipelines.questions.names import Resource
from pipelines.questions.resources import find_environment, find_resource, read_resources
from pipelines.questions.stops import stops
from pipelines.questions.timeline import timeline
from pipelines.questions.usage import Period, UsageBy, usage

__all__ = [
    "Answer",
    "ErrorsBy",
    "Period",
    "Resource",
    "Span",
    "UsageBy",
    "blindness",
    "errors",
    "find_environment",
    "find_resource",
    "read_resources",
    "stops",
    "timeline",
    "usage",
]

"""Render: rows of the lake become messages, as a sink's templates say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from pipelines.errors import ConfigurationError
from pipelines.exports.messages import RowColumns, columns_of_fields
from pipelines.exports.shape import Shape, load_shape
from pipelines.exports.template import Template, load_template
from pipelines.lake.schemas import KINDS

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.sinks.settings import SinkSettings

Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Renderer:
    """The templates of a sink; `columns` are those of the lake that they read."""

    digest: str
    columns: frozenset[str]
    content_type: str
    default: Template
    by_kind: Mapping[str, Template]
    shape: Shape
    reads_message: bool

    def render(self, rows: pa.RecordBatch, *, now: datetime) -> tuple[Sequence[str], Columns]:
        """Messages for events, in their order, equal for equal events and `now`.

        Args:
            rows: Events with at least `columns`, `event_id` and `event_kind`.
            now: The time that `now` and its kin tell.

        Returns:
            The messages, and the columns without what must not leave.

        Raises:
            TemplateError: An event does not fit a template; nothing is returned in part.
        """
        shaped = self.shape.apply(RowColumns(rows, reads_message=self.reads_message))
        return self._rendered(shaped, now), shaped

    def _rendered(self, columns: Columns, now: datetime) -> Sequence[str]:
        if not self.by_kind or self.by_kind.keys().isdisjoint(columns["event_kind"]):
            return self.default.render(columns, now=now)
        kinds = columns["event_kind"]
        columns = {name: list(values) for name, values in columns.items()}
        messages = [""] * len(kinds)
        for template in (*self.by_kind.values(), self.default):
            mine = [n for n, kind in enumerate(kinds) if self._template_of(kind) is template]
            part = {name: [values[n] for n in mine] for name, values in columns.items()}
            for n, message in zip(mine, template.render(part, now=now), strict=True):
                messages[n] = message
        return messages

    def _template_of(self, kind: str) -> Template:
        return self.by_kind.get(kind, self.default)


def load_renderer(sink: SinkSettings) -> Renderer:
    """The templates of a sink, checked.

    Raises:
        TemplateError: One cannot be used; the error has file, line and field.
        ConfigurationError: They write different formats.
    """
    kinds: tuple[str, ...] = sink.kinds or tuple(KINDS)
    by_kind: dict[str, Template] = {
        kind: load_template(name, kinds=(kind,))
        for kind, name in sorted(sink.template_by_kind.items())
        if kind in kinds
    }
    rest = [kind for kind in kinds if kind not in by_kind]
    default = load_template(sink.template, kinds=rest or kinds)
    used = [*by_kind.values(), *([default] if rest else [])]
    types = sorted({template.content_type for template in used})
    if len(types) > 1:
        raise ConfigurationError(
            f"sink {sink.name!r}: settings 'template' and 'template_by_kind': found templates that "
            f"write {' and '.join(types)}; a batch holds one format, so use templates of one"
        )
    shape = load_shape(detail=sink.detail, mask=sink.mask, kinds=kinds)
    fields = shape.fields.union(*(template.fields for template in used))
    reads_message = "log_message" in fields
    columns = columns_of_fields(fields)
    parts = [default.digest, shape.digest, *(f"{kind}={t.digest}" for kind, t in by_kind.items())]
    digest = sha256("\0".join(parts).encode()).hexdigest()
    return Renderer(digest, columns, types[0], default, by_kind, shape, reads_message)

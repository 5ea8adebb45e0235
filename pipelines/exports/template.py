"""Template: customised messages: found by name or path, checked, and rendered a batch at a time."""

from __future__ import annotations

import traceback
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import repeat
from pathlib import Path
from typing import Any

import jinja2
import msgspec

from pipelines.exports.fields import LOG_MESSAGE
from pipelines.exports.formats import FORMATS, Format
from pipelines.exports.places import TemplateError
from pipelines.exports.syntax import (
    ROWS,
    Compiled,
    compile_tree,
    parse,
    unknown_fields,
)

__all__ = ["READY", "Template", "TemplateError", "load_template"]

FOLDER = Path(__file__).parent / "templates"
READY = tuple(sorted(path.name.split(".")[0] for path in FOLDER.glob("*.jinja")))
"""Names of the ready templates."""
_LINES = msgspec.json.Decoder(msgspec.Raw)


@dataclass(frozen=True, slots=True)
class Template:
    """A checked template.

    Attributes:
        path: Its file, for messages.
        digest: SHA-256 of what it says; it changes when, and only when, messages may change.
        fields: Columns of an event that it reads; `log_message` among them where it reads the
            event's own JSON.
        content_type: Media type of one message.
    """

    path: str
    digest: str
    fields: frozenset[str]
    content_type: str
    _compiled: Compiled
    _form: Format

    @property
    def format_name(self) -> str:
        """What it writes, by the ending of its name: json, csv, cef, leef, logfmt or txt."""
        return self._form.name

    @property
    def names_fields(self) -> bool:
        """Whether it says anything of an event at all."""
        return self._compiled.names_fields

    def render(self, columns: Mapping[str, Sequence[Any]], *, now: datetime) -> Sequence[str]:
        """Render a batch of events, one message each, in their order.

        Args:
            columns: Values of the events by column, all of one length; at least `fields`. Times
                are timezone-aware. `log_message` is JSON text in one line.
            now: The time that `now` and its kin tell, timezone-aware; `now` is told in its zone.

        Returns:
            Messages without line breaks (but for those inside a quoted CSV cell), equal for equal
            arguments; of a JSON template, valid JSON.

        Raises:
            TemplateError: An event lacks something that is named, or a message is not valid; the
                error has the line. Nothing is returned in part.
        """
        if self._compiled.is_plain:
            return columns[LOG_MESSAGE]
        read = self._compiled.fields
        rows = zip(*(columns[name] for name in read), strict=True)
        try:
            text = self._compiled.template.render({ROWS: rows, **_nows(now)})
        except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError) as error:
            raise self._explained(error, columns) from error
        messages = text.split(self._form.end)
        messages.pop()
        self._check(messages, columns)
        return messages

    def _check(self, messages: Sequence[str], columns: Mapping[str, Sequence[Any]]) -> None:
        for message, event_id in zip(messages, _ids(columns), strict=False):
            if not message:
                raise TemplateError(
                    self.path, 0, f"writes nothing for event {event_id}; filter it out instead"
                )
        if self._form.name == "json" and not _are_json(messages):
            raise self._not_json(messages, columns)

    def _not_json(
        self, messages: Sequence[str], columns: Mapping[str, Sequence[Any]]
    ) -> TemplateError:
        for message, event_id in zip(messages, _ids(columns), strict=False):
            try:
                _LINES.decode(message)
            except msgspec.DecodeError as error:
                return TemplateError(
                    self.path, 0, f"not valid JSON for event {event_id}: {error}: {message[:200]}"
                )
        raise AssertionError("messages are valid one by one, and not together")

    def _explained(self, error: Exception, columns: Mapping[str, Sequence[Any]]) -> TemplateError:
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename == self.path
        ]
        line = (lines[-1] if lines else 0) or 0
        return TemplateError(self.path, line, str(error) or type(error).__name__)


def _are_json(messages: Sequence[str]) -> bool:
    try:
        return len(_LINES.decode_lines("\n".join(messages))) == len(messages)
    except msgspec.DecodeError:
        return False


def _ids(columns: Mapping[str, Sequence[Any]]) -> Any:
    return columns.get("event_id") or repeat("?")


def _nows(now: datetime) -> dict[str, Any]:
    since = now - datetime(1970, 1, 1, tzinfo=UTC)
    micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return {
        "now": now.isoformat(timespec="milliseconds"),
        "now_utc": micros / 1000,
        "now_utc_micro": micros,
        "now_utc_nano": micros * 1000,
    }


def load_template(name_or_path: str, *, kinds: Collection[str]) -> Template:
    """Find, check and compile a template.

    Args:
        name_or_path: A ready template such as `workato`, or a file whose name ends in the format
            that it writes: `siem.json`, `siem.cef`, with or without `.jinja` behind it.
        kinds: Kinds of the events that it is for; none means all.

    Raises:
        TemplateError: It is not there, is no template, or names what these events do not have; the
            error has file, line and field.
    """
    path, form = find_template(name_or_path)
    source = read_template(path)
    tree = parse(source, str(path))
    for line, field, text in unknown_fields(tree, kinds):
        raise TemplateError(str(path), line, text, field)
    compiled = compile_tree(tree, form, str(path))
    digest = sha256(f"{form.name}\0{source}".encode()).hexdigest()
    return Template(
        str(path), digest, frozenset(compiled.fields), form.content_type, compiled, form
    )


def find_template(name_or_path: str) -> tuple[Path, Format]:
    """The file of a template, and the format that its name ends in.

    Raises:
        TemplateError: There is none, or its name does not tell the format.
    """
    ready = sorted(FOLDER.glob(f"{name_or_path}.*")) if name_or_path in READY else []
    path = ready[0] if ready else Path(name_or_path)
    if not path.is_file():
        raise TemplateError(
            name_or_path,
            0,
            f"no such template: neither a file nor a ready one; ready: {', '.join(READY)}",
        )
    name = path.name.removesuffix(".jinja").removesuffix(".j2")
    form = FORMATS.get(name.rsplit(".", 1)[-1])
    if form is None:
        endings = ", ".join(f".{ending}" for ending in FORMATS)
        raise TemplateError(str(path), 0, f"its name must end in what it writes: {endings}")
    return path, form


def read_template(path: Path) -> str:
    """The source of a template.

    Raises:
        TemplateError: It is not UTF-8 text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise TemplateError(str(path), 0, f"not UTF-8 text: {error}") from error

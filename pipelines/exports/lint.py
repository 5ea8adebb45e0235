"""Lint: what is wrong with a template, found before any event is rendered with it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from pipelines.exports.examples import examples
from pipelines.exports.formats import HEADER_FIELDS, LEEF_FIELDS
from pipelines.exports.syntax import parse, unknown_fields
from pipelines.exports.template import Template, TemplateError, find_template, load_template
from pipelines.exports.template import read_template as read

NOW = datetime(2026, 2, 3, 9, 16, tzinfo=timezone(timedelta(hours=-8)))
_PIPE = re.compile(r"(?<!\\)(?:\\\\)*\|")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend in a template; line 0 where it is about the whole."""

    path: str
    line: int
    field: str | None
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}" if self.line else f"{self.path}: {self.text}"


def lint(name_or_path: str, kinds: Collection[str] = ()) -> list[Problem]:
    """Find what is wrong with a template.

    It is tried with invented events: usual ones, ones that lack all they can lack, and ones with
    texts that break out of quotes, headers, cells and lines where they can.

    Args:
        name_or_path: A ready template's name, or a file.
        kinds: Kinds of the events that it is for; none means all.

    Returns:
        All that was found, by line; nothing where the template can be used.
    """
    try:
        path, _ = find_template(name_or_path)
        tree = parse(read(path), str(path))
        unknown = [
            Problem(str(path), line, field, text)
            for line, field, text in unknown_fields(tree, kinds)
        ]
        if unknown:
            return sorted(unknown, key=lambda problem: problem.line)
        template = load_template(name_or_path, kinds=kinds)
    except TemplateError as error:
        return [_problem(error)]
    return list(_tried(template, kinds))


def _problem(error: TemplateError) -> Problem:
    return Problem(error.path, error.line, error.field, error.text)


def _tried(template: Template, kinds: Collection[str]) -> Iterator[Problem]:
    if not template.names_fields:
        yield Problem(
            template.path, 0, None, "says the same of every event; name a field, or log_message"
        )
    cells: dict[int, str] = {}
    for kind, columns in examples(kinds):
        try:
            messages = template.render(columns, now=NOW)
        except TemplateError as error:
            yield _problem(error)
            continue
        yield from _unsound(template, kind, messages)
        if template.content_type == "text/csv":
            counts = (len(row) for row in csv.reader(io.StringIO("\n".join(messages), newline="")))
            cells |= dict.fromkeys(counts, kind)
    if len(cells) > 1:
        listed = " and ".join(map(str, sorted(cells)))
        yield Problem(template.path, 0, None, f"lines have {listed} cells; give all the same")


def _unsound(template: Template, kind: str, messages: Sequence[str]) -> Iterator[Problem]:
    """What a message of its format may not be."""
    name = template.format_name
    for message in messages:
        if name in _HEADERS:
            start, fields = _HEADERS[name]
            if not message.startswith(start) or len(_PIPE.findall(message)) < fields:
                yield Problem(
                    template.path,
                    0,
                    None,
                    f"a message for kind {kind} does not begin with {start} and {fields} fields, "
                    f"each ended by |: {message[:80]!r}",
                )
                return


_HEADERS: Mapping[str, tuple[str, int]] = {
    "cef": ("CEF:0|", HEADER_FIELDS),
    "leef": ("LEEF:2.0|", LEEF_FIELDS),
}
"""How messages of a format begin, and how many fields their header has."""

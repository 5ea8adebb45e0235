"""Places: each value of a template escaped by where it stands, through all branches and loops."""

from __future__ import annotations

import re
from collections.abc import Sequence

from jinja2 import nodes

from pipelines.errors import TrailhouseError
from pipelines.exports.fields import LOG_MESSAGE
from pipelines.exports.formats import Format, Place
from pipelines.exports.sandbox import escape_name

_BREAK = re.compile(r"[ \t]*[\r\n]\s*")
_SPACE_AFTER = re.compile(r"(?<=[\[{,:])\s+")
_SPACE_BEFORE = re.compile(r"\s+(?=[\]},:])")
_STRINGS = re.compile(r'("(?:\\.|[^"\\])*(?:"|\\?$))', re.S)


class TemplateError(TrailhouseError):
    """A template cannot be used: its file, the line, the field, and what to do."""

    def __init__(self, path: str, line: int, text: str, field: str | None = None) -> None:
        super().__init__(f"{path}:{line}: {text}" if line else f"{path}: {text}")
        self.path, self.line, self.field, self.text = path, line, field, text


class Escaper:
    """Follows a template's text through its branches and escapes each value by its place."""

    def __init__(self, form: Format, path: str) -> None:
        self._form, self._path = form, path

    def statements(self, body: Sequence[nodes.Node], place: Place) -> Place:
        """Escape what the statements write; the place after them."""
        for node in body:
            place = self._statement(node, place)
        return place

    def _statement(self, node: nodes.Node, place: Place) -> Place:
        if isinstance(node, nodes.Output):
            return self._output(node, place)
        if isinstance(node, nodes.If):
            branches = [node.body, *(one.body for one in node.elif_), node.else_]
            return self._agreed(node, [self.statements(b, place) for b in branches])
        if isinstance(node, nodes.For):
            ends = [self.statements(node.body, place), self.statements(node.else_, place)]
            return self._agreed(node, [*ends, place])
        if isinstance(node, nodes.Assign):
            return place
        tag = type(node).__name__.lower()
        raise TemplateError(
            self._path, node.lineno, f"a message cannot have {tag}; allowed: if, for, set"
        )

    def _agreed(self, node: nodes.Node, places: Sequence[Place]) -> Place:
        if len(set(places)) > 1:
            raise TemplateError(
                self._path,
                node.lineno,
                "a branch or loop ends in another place than it began, such as inside a JSON "
                "string; close in each branch what it opens",
            )
        return places[0]

    def _output(self, node: nodes.Output, place: Place) -> Place:
        written: list[nodes.Expr] = []
        for part in node.nodes:
            if isinstance(part, nodes.TemplateData):
                part.data = self._one_line(part.data, place)
                place = self._form.advance(place, part.data)
                written.append(part)
            elif place == 0 and self._form.name == "json" and is_untouched(part):
                written.append(part)
            else:
                name = escape_name(self._form.escape(place))
                written.append(nodes.Filter(part, name, [], [], None, None, lineno=part.lineno))
        node.nodes = written
        return place

    def _one_line(self, text: str, place: Place) -> str:
        """The template's own text without its line breaks, which only lay it out."""
        if self._form.name != "json":
            return _BREAK.sub(self._form.joint, text)
        parts = _STRINGS.split(('"' if place else "") + text)
        parts[::2] = [_without_layout(part) for part in parts[::2]]
        if not place:
            parts[0] = parts[0].lstrip()
        if not self._form.advance(place, text):
            parts[-1] = parts[-1].rstrip()
        return "".join(parts)[1 if place else 0 :]


def _without_layout(text: str) -> str:
    """JSON outside of strings, its line breaks taken out."""
    return _BREAK.sub(" ", _SPACE_BEFORE.sub("", _SPACE_AFTER.sub("", text)))


def is_untouched(node: nodes.Node) -> bool:
    """Whether a value is the event's own JSON, and nothing was done to it."""
    if isinstance(node, nodes.Filter) and node.name == "_escape_json_inside":
        return is_untouched(node.node) if node.node else False
    return isinstance(node, nodes.Name) and node.name == LOG_MESSAGE

"""Syntax: a template's source as a function of columns: checked, sandboxed, escaped by place."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, StrictUndefined, Template, TemplateSyntaxError, meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from pipelines.errors import TrailhouseError
from pipelines.exports import filters
from pipelines.exports.fields import EVENT, LOG_MESSAGE, LOG_MESSAGE_STR, NOWS, known_names, near
from pipelines.exports.formats import FORMATS, Format, Place

ROWS = "_rows"
_BRACES = re.compile(r"\{%-?\s*raw\b.*?\bendraw\s*-?%\}|\{\{\{(\s*\w+\s*)\}\}\}", re.S)
_BREAK = re.compile(r"[ \t]*[\r\n]\s*")
_SPACE_AFTER = re.compile(r"(?<=[\[{,:])\s+")
_SPACE_BEFORE = re.compile(r"\s+(?=[\]},:])")
_STRINGS = re.compile(r'("(?:\\.|[^"\\])*(?:"|\\?$))', re.S)
_IMPURE = ("random", "pprint", "urlize", "xmlattr", "safe", "escape", "e", "forceescape")
"""Jinja2's filters that give another text each time, or text for HTML."""


class TemplateError(TrailhouseError):
    """A template cannot be used: its file, the line, the field, and what to do."""

    def __init__(self, path: str, line: int, text: str, field: str | None = None) -> None:
        super().__init__(f"{path}:{line}: {text}" if line else f"{path}: {text}")
        self.path, self.line, self.field, self.text = path, line, field, text


class Missing(StrictUndefined):
    """Something that an event lacks: an error when it is written, at whatever depth."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Missing:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: object) -> Missing:  # type: ignore[override]
        return self


class _Sandbox(ImmutableSandboxedEnvironment):
    """Reaches values and nothing else; keys of an event win over methods of its class."""

    intercepted_binops = frozenset({"**", "*"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A key of an object, else what the sandbox allows."""
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Multiply numbers; a text times a number, or a power, could fill the memory."""
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        if operator == "*" and numbers:
            return left * right
        raise SecurityError(f"{operator} is allowed between numbers only, and ** not at all")


@cache
def environment() -> Environment:
    """The sandbox that every template is compiled in."""
    made = _Sandbox(undefined=Missing, trim_blocks=True, lstrip_blocks=True, autoescape=False)
    made.globals.clear()
    for name in _IMPURE:
        made.filters.pop(name)
    made.filters |= filters.FILTERS
    made.tests |= filters.TESTS
    made.filters["tojson"] = filters.json
    made.filters |= {_name(f): f for f in _escapes()}
    made.filters |= {"_as_json": filters.Json, "_parsed": filters.parsed}
    return made


def _escapes() -> Iterator[Any]:
    for one in FORMATS.values():
        yield from (one.escape(place) for place in range(10))


def _name(escape: Any) -> str:
    return f"_escape_{escape.__name__}"


@dataclass(frozen=True, slots=True)
class Compiled:
    """A template that is ready.

    `template` renders `_rows`, which are tuples of `fields`, and ends each message as its format
    says.
    """

    template: Template
    fields: tuple[str, ...]
    is_plain: bool
    """Whether a message is the event's own JSON, and nothing else."""
    names_fields: bool


def parse(source: str, path: str) -> nodes.Template:
    """The tree of a template; three braces mean what two mean.

    Raises:
        TemplateError: It is not a Jinja2 template, or calls a filter or test that there is not.
    """
    try:
        tree = environment().parse(_BRACES.sub(_two_braces, source), path)
    except TemplateSyntaxError as error:
        raise TemplateError(path, error.lineno, error.message or "not a template") from error
    for kind, known in ((nodes.Filter, environment().filters), (nodes.Test, environment().tests)):
        for node in tree.find_all(kind):
            if node.name not in known or node.name.startswith("_"):
                public = [name for name in known if not name.startswith("_")]
                what = f"unknown {kind.__name__.lower()} {node.name!r}{near(node.name, public)}"
                raise TemplateError(path, node.lineno, what)
    return tree


def _two_braces(match: re.Match[str]) -> str:
    return match[0] if match[1] is None else f"{{{{ {match[1]} }}}}"


def unknown_fields(tree: nodes.Template, known: Collection[str]) -> Iterator[tuple[int, str, str]]:
    """What a template names that no event has: line, name, explanation."""
    own = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    wrong = meta.find_undeclared_variables(tree) - set(known) - own
    for name in tree.find_all(nodes.Name):
        if name.name in wrong and name.ctx == "load":
            yield name.lineno, name.name, f"unknown field {name.name!r}{near(name.name, known)}"


def compile_tree(tree: nodes.Template, form: Format, path: str) -> Compiled:
    """Compile a tree into one loop over a batch; each value is escaped by where it stands.

    Raises:
        TemplateError: It uses what messages cannot have, or its branches do not fit together.
    """
    found = _fields(tree)
    is_plain = _is_plain(tree)
    _trim(tree.body)
    _Escaper(form, path).statements(tree.body, 0)
    if EVENT in meta.find_undeclared_variables(tree):
        read = nodes.Filter(nodes.Name(LOG_MESSAGE, "load"), "_parsed", [], [], None, None)
        tree.body.insert(0, nodes.Assign(nodes.Name(EVENT, "store"), read))
    tree = _Names().visit(tree)
    target = nodes.Tuple([nodes.Name(name, "store") for name in found or ("event_id",)], "store")
    body = [*tree.body, nodes.Output([nodes.TemplateData(form.end)])]
    loop = nodes.For(target, nodes.Name(ROWS, "load"), body, [], None, False)
    whole = nodes.Template([loop], lineno=1)
    whole.set_environment(environment())
    try:
        code = environment().compile(whole, path, path)
    except TemplateSyntaxError as error:
        raise TemplateError(path, error.lineno, error.message or "not a template") from error
    template = Template.from_code(environment(), code, {})
    return Compiled(template, found or ("event_id",), is_plain, bool(found))


def _fields(tree: nodes.Template) -> tuple[str, ...]:
    """The event's columns that a template reads, `log_message` among them."""
    names = meta.find_undeclared_variables(tree) & known_names(()) - set(NOWS)
    if names & {EVENT, LOG_MESSAGE_STR}:
        names = (names - {EVENT, LOG_MESSAGE_STR}) | {LOG_MESSAGE}
    return tuple(sorted(names))


def _is_plain(tree: nodes.Template) -> bool:
    if len(tree.body) != 1 or not isinstance(tree.body[0], nodes.Output):
        return False
    parts = [p for p in tree.body[0].nodes if not _is_blank(p)]
    return len(parts) == 1 and isinstance(parts[0], nodes.Name) and parts[0].name == LOG_MESSAGE


def _is_blank(node: nodes.Node) -> bool:
    return isinstance(node, nodes.TemplateData) and not node.data.strip()


def _trim(body: Sequence[nodes.Node]) -> None:
    """Take white space off both ends of a message."""
    for at, strip in ((0, str.lstrip), (-1, str.rstrip)):
        if body and isinstance(output := body[at], nodes.Output):
            edge = output.nodes[at]
            if isinstance(edge, nodes.TemplateData):
                edge.data = strip(edge.data)


class _Names(NodeTransformer):
    """Give each placeholder its type: JSON for `log_message`, text for `log_message_str`."""

    def visit_Output(self, node: nodes.Output) -> nodes.Node:  # noqa: N802 (Jinja2 names it)
        """Leave a bare `log_message` as it is: it is JSON text already, and nothing is faster."""
        node.nodes = [n if _is_bare(n) else self.visit(n) for n in node.nodes]
        return node

    def visit_Name(self, node: nodes.Name) -> nodes.Node:  # noqa: N802
        """Type one name."""
        if node.ctx == "load" and node.name == LOG_MESSAGE:
            return nodes.Filter(node, "_as_json", [], [], None, None, lineno=node.lineno)
        return _bare(node)


def _is_bare(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Filter) and node.name == "_escape_json_inside":
        return _is_bare(node.node) if node.node else False
    return isinstance(node, nodes.Name) and node.name == LOG_MESSAGE


def _bare(node: nodes.Node) -> nodes.Node:
    if isinstance(node, nodes.Name) and node.name == LOG_MESSAGE_STR:
        return nodes.Name(LOG_MESSAGE, node.ctx, lineno=node.lineno)
    return node


class _Escaper:
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
            elif place == 0 and self._form.name == "json" and _is_bare(part):
                written.append(part)
            else:
                name = _name(self._form.escape(place))
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

"""Syntax: a template's source as a function of columns: checked, compiled, one loop a batch."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from jinja2 import Template, TemplateSyntaxError, meta, nodes
from jinja2.visitor import NodeTransformer

from pipelines.exports.fields import EVENT, LOG_MESSAGE, LOG_MESSAGE_STR, NOWS, known_names, near
from pipelines.exports.formats import Format
from pipelines.exports.places import Escaper, TemplateError, is_untouched
from pipelines.exports.sandbox import environment

ROWS = "_rows"
_BRACES = re.compile(r"\{%-?\s*raw\b.*?\bendraw\s*-?%\}|\{\{\{(\s*\w+\s*)\}\}\}", re.S)


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


def unknown_fields(tree: nodes.Template, kinds: Collection[str]) -> Iterator[tuple[int, str, str]]:
    """What a template names that events of these kinds do not have: line, name, explanation.

    A template that reads `event_kind` is made for several kinds: it may name the fields of all.
    """
    read = meta.find_undeclared_variables(tree)
    own = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    known = known_names(() if "event_kind" in read else kinds)
    wrong = read - known - own
    for name in tree.find_all(nodes.Name):
        if name.name in wrong and name.ctx == "load":
            yield name.lineno, name.name, f"unknown field {name.name!r}{_hint(name.name, known)}"


def _hint(name: str, known: Collection[str]) -> str:
    if name not in known_names(()):
        return near(name, known)
    return (
        ": only events of other kinds have it; if the template is for those too, let it ask for "
        "event_kind"
    )


def compile_tree(tree: nodes.Template, form: Format, path: str) -> Compiled:
    """Compile a tree into one loop over a batch; each value is escaped by where it stands.

    Raises:
        TemplateError: It uses what messages cannot have, or its branches do not fit together.
    """
    found = _fields(tree)
    is_plain = _is_plain(tree)
    _trim(tree.body)
    Escaper(form, path).statements(tree.body, 0)
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
    """Give each placeholder its type: JSON for `log_message`, text for `log_message_str`.

    What `~` puts together is held within bounds.
    """

    def visit_Output(self, node: nodes.Output) -> nodes.Node:  # noqa: N802 (Jinja2 names it)
        """Leave a bare `log_message` as it is: it is JSON text already, and nothing is faster."""
        node.nodes = [n if is_untouched(n) else self.visit(n) for n in node.nodes]
        return node

    def visit_Name(self, node: nodes.Name) -> nodes.Node:  # noqa: N802
        """Type one name."""
        if node.ctx == "load" and node.name == LOG_MESSAGE:
            return nodes.Filter(node, "_as_json", [], [], None, None, lineno=node.lineno)
        return _bare(node)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        """Put texts together."""
        parts = nodes.List([self.visit(part) for part in node.nodes])
        return nodes.Filter(parts, "_concatenated", [], [], None, None, lineno=node.lineno)


def _bare(node: nodes.Node) -> nodes.Node:
    if isinstance(node, nodes.Name) and node.name == LOG_MESSAGE_STR:
        return nodes.Name(LOG_MESSAGE, node.ctx, lineno=node.lineno)
    return node

"""Pages: an HTML page as a tree of elements, by the standard library's parser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "hr", "img", "input", "wbr"}


@dataclass
class Element:
    """An element, its attributes, and what it holds: text and elements, in order."""

    tag: str
    attributes: dict[str, str]
    content: list[Element | str] = field(default_factory=list)

    def walk(self) -> Iterator[Element]:
        """The element and all below it."""
        yield self
        for part in self.content:
            if isinstance(part, Element):
                yield from part.walk()

    def all(self, tag: str, kind: str | None = None) -> list[Element]:
        """Elements of a tag, and of a class where one is given."""
        found = [one for one in self.walk() if one.tag == tag]
        return [e for e in found if kind is None or kind in e.attributes.get("class", "").split()]

    def by_id(self, name: str) -> Element:
        """The only element of an id."""
        (found,) = [one for one in self.walk() if one.attributes.get("id") == name]
        return found

    @property
    def text(self) -> str:
        """What a reader reads, with single spaces."""
        return " ".join(self._text().split())

    def _text(self) -> str:
        return "".join(part if isinstance(part, str) else part._spaced() for part in self.content)

    def _spaced(self) -> str:
        text = self._text()
        is_block = self.tag in {"td", "th", "tr", "dt", "dd", "p", "li", "div", "h3"}
        return f" {text} " if is_block or "under" in self.attributes.get("class", "") else text

    def rows(self) -> list[list[str]]:
        """The cells of a table's body, as text."""
        (body,) = self.all("tbody")
        return [
            [cell.text for cell in row.content if isinstance(cell, Element)]
            for row in body.all("tr")
        ]

    def table(self, labelled_by: str) -> Element:
        """The table in the region that an id labels."""
        (region,) = [
            one
            for one in self.walk()
            if one.attributes.get("aria-labelledby") == labelled_by and one.tag == "div"
        ]
        (table,) = region.all("table")
        return table

    def tiles(self) -> dict[str, tuple[str, str]]:
        """Value and note of each tile below, by its label; of equal labels the first."""
        found: dict[str, tuple[str, str]] = {}
        for tile in self.all("div", "tile"):
            (label,) = tile.all("dt")
            (value,) = tile.all("span", "value")
            notes = tile.all("span", "note")
            found.setdefault(label.text, (value.text, notes[0].text if notes else ""))
        return found


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute stands twice: {tag} {attrs}"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].content.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].content.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].content.append(data)


def parse(page: bytes) -> Element:
    """The page as a tree; elements that are not closed in order are an error."""
    parser = _Parser()
    parser.feed(page.decode())
    parser.close()
    assert parser.open == [parser.root]
    return parser.root

"""Texts: messages as DuckDB and Parquet hand them over, joined and cut without a `str` for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, islice, pairwise
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


class Texts(Sequence[str]):
    """Texts in Arrow arrays without nulls; each becomes a `str` when it is asked for."""

    __slots__ = ("are_lines", "column")

    def __init__(self, column: pa.ChunkedArray, *, are_lines: bool = False) -> None:
        """Wrap arrays of type `string` or `large_string`.

        Args:
            column: The texts.
            are_lines: Whether it is known that no line break stands in them.
        """
        self.column = column
        self.are_lines = are_lines

    def __len__(self) -> int:
        """How many texts there are."""
        return len(self.column)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Texts: ...
    def __getitem__(self, at: int | slice) -> str | Texts:
        """One text, or some of them, which hold on to all."""
        if isinstance(at, slice):
            return Texts(self.column[at], are_lines=self.are_lines)
        return self.column[at].as_py()  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[str]:
        """All texts, in order."""
        return iter(self.column.to_pylist())

    def joined(self, separator: bytes) -> bytes:
        """The texts in UTF-8 with a separator between them."""
        parts: list[memoryview] = []
        for content, offsets in self._chunks():
            parts += [content[start:end] for start, end in pairwise(offsets.tolist())]
        return separator.join(parts)

    def ends(self, start: int) -> list[int]:
        """Where each text ends, in bytes of UTF-8, if the first begins at `start`."""
        ends: list[int] = []
        for _, offsets in self._chunks():
            ends += (offsets[1:] + (start - offsets[0])).tolist()
            start = ends[-1]
        return ends

    def have_breaks(self) -> bool:
        """Whether a line break stands in any of the texts."""
        return not self.are_lines and any(
            b"\n" in content or b"\r" in content
            for content in (bytes(of[at[0] : at[-1]]) for of, at in self._chunks())
        )

    def _chunks(self) -> Iterator[tuple[memoryview, np.ndarray]]:
        """Each array's bytes, and where in them each text begins, and where the last one ends."""
        import numpy as np

        for chunk in filter(len, self.column.chunks):
            _, offsets, content = chunk.buffers()
            kind = np.int64 if str(chunk.type) == "large_string" else np.int32
            at = np.frombuffer(offsets, kind)[chunk.offset : chunk.offset + len(chunk) + 1]
            yield memoryview(content or b""), at.astype(np.int64)


def texts_of(array: pa.Array) -> Texts:
    """The texts of one array."""
    import pyarrow as pa

    return Texts(pa.chunked_array([array]))


def ends_of(messages: Sequence[str], start: int) -> list[int]:
    """Where each message ends, in bytes of UTF-8, if the first begins at `start`."""
    if isinstance(messages, Texts):
        return messages.ends(start)
    # a call a message would cost a third of all that cutting does
    sizes = [len(text) if text.isascii() else len(text.encode()) for text in messages]
    return list(islice(accumulate(sizes, initial=start), 1, None))


def chained(parts: Sequence[Sequence[str]]) -> Sequence[str]:
    """The messages of all parts, in order."""
    if len(parts) == 1:
        return parts[0]
    texts = [part for part in parts if isinstance(part, Texts)]
    if texts and len(texts) == len(parts) and len({str(one.column.type) for one in texts}) == 1:
        import pyarrow as pa

        chunks = [chunk for one in texts for chunk in one.column.chunks]
        column = pa.chunked_array(chunks, texts[0].column.type)
        return Texts(column, are_lines=all(one.are_lines for one in texts))
    return [message for part in parts for message in part]

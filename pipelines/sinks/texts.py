"""Texts: messages as DuckDB and Parquet hand them over, joined and cut without a `str` for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, islice, pairwise
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    import pyarrow as pa


class Texts(Sequence[str]):
    """Texts in an Arrow array without nulls; each becomes a `str` when it is asked for."""

    __slots__ = ("are_lines", "array")

    def __init__(
        self, array: pa.StringArray | pa.LargeStringArray, *, are_lines: bool = False
    ) -> None:
        """Wrap an array of type `string` or `large_string`.

        Args:
            array: The texts.
            are_lines: Whether it is known that no line break stands in them.
        """
        self.array = array
        self.are_lines = are_lines

    def __len__(self) -> int:
        """How many texts there are."""
        return len(self.array)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Texts: ...
    def __getitem__(self, at: int | slice) -> str | Texts:
        """One text, or some of them, which hold on to all."""
        if isinstance(at, slice):
            return Texts(self.array[at], are_lines=self.are_lines)
        return self.array[at].as_py()  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[str]:
        """All texts, in order."""
        return iter(self.array.to_pylist())

    @property
    def offsets(self) -> list[int]:
        """Where in the array's bytes each text begins, and where the last one ends."""
        of_all = memoryview(self.array.buffers()[1])
        first = self.array.offset
        wide = of_all.cast("q" if str(self.array.type) == "large_string" else "i")
        return wide[first : first + len(self.array) + 1].tolist()

    @property
    def content(self) -> bytes:
        """The bytes of all texts, in UTF-8, one behind the other."""
        offsets = self.offsets
        return bytes(self._bytes[offsets[0] : offsets[-1]])

    def joined(self, separator: bytes) -> bytes:
        """The texts in UTF-8 with a separator between them."""
        parts = self._bytes
        return separator.join([parts[start:end] for start, end in pairwise(self.offsets)])

    @property
    def _bytes(self) -> memoryview:
        return memoryview(self.array.buffers()[2] or b"")


def ends_of(messages: Sequence[str], start: int) -> list[int]:
    """Where each message ends, in bytes of UTF-8, if the first begins at `start`."""
    if isinstance(messages, Texts):
        offsets = messages.offsets
        shift = start - offsets[0]
        return [offset + shift for offset in offsets[1:]]
    # a call a message would cost a third of all that cutting does
    sizes = [len(text) if text.isascii() else len(text.encode()) for text in messages]
    return list(islice(accumulate(sizes, initial=start), 1, None))


def chained(parts: Sequence[Sequence[str]]) -> Sequence[str]:
    """The messages of all parts, in order."""
    if len(parts) == 1:
        return parts[0]
    texts = [part for part in parts if isinstance(part, Texts)]
    if texts and len(texts) == len(parts) and len({str(one.array.type) for one in texts}) == 1:
        import pyarrow as pa

        are_lines = all(one.are_lines for one in texts)
        return Texts(pa.concat_arrays([one.array for one in texts]), are_lines=are_lines)
    return [message for part in parts for message in part]

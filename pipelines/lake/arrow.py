"""Arrow: columns from Python's values, without a look at each by `pa.array`.

`pa.array` takes twice as long, and imports pandas, for a second, to look at a list of texts.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate

import pyarrow as pa


def text_column(texts: Sequence[bytes], kind: pa.DataType) -> pa.Array:
    """Texts that are known to be UTF-8, as `string` (2 GiB at most) or `large_string`."""
    code = "q" if pa.types.is_large_string(kind) else "i"
    offsets = pa.py_buffer(array(code, accumulate(map(len, texts), initial=0)))
    return pa.Array.from_buffers(kind, len(texts), [None, offsets, pa.py_buffer(b"".join(texts))])


def number_column(numbers: array[int], kind: pa.DataType) -> pa.Array:
    """Whole numbers, an `array("q")`, as `int64` or what is kept as one, such as a time."""
    return pa.Array.from_buffers(kind, len(numbers), [None, pa.py_buffer(numbers)])

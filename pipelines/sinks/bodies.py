"""Bodies: the messages of a batch put together so that none can break out of its place."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from pipelines.sinks.sink import Batch, Receipt, SinkError
from pipelines.sinks.texts import Texts

if TYPE_CHECKING:
    from msgspec import Raw
    from msgspec.json import Decoder

NOT_JSON = "the message is not one valid JSON value: {}"


@dataclass(frozen=True, slots=True)
class Values:
    """The messages of a batch as JSON values, each on one line.

    `positions` says where in the batch each value stood; `refused` names the messages that are no
    JSON although their template says so. Put into a body as they are, they could end the request's
    own structure and begin another, so they are not sent.
    """

    texts: list[str]
    positions: list[int]
    refused: Mapping[int, str]

    def receipt(
        self,
        response: str,
        refused: Mapping[int, str],
        retry: Mapping[int, str],
        failure: SinkError | None = None,
    ) -> Receipt:
        """The receipt of the batch, from what was answered to the values by their own position."""
        back = self.positions
        return Receipt(
            response,
            refused={**self.refused, **{back[at]: why for at, why in refused.items()}},
            retry={back[at]: why for at, why in retry.items()},
            failure=failure,
        )


def is_json(content_type: str) -> bool:
    """Whether messages of this type are JSON values."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind in {"application/json", "application/x-ndjson"} or kind.endswith("+json")


def json_values(batch: Batch) -> Values:
    """The messages as JSON values on one line each; texts that are not JSON become JSON strings."""
    from msgspec import Raw
    from msgspec.json import Decoder, encode

    if not is_json(batch.content_type):
        texts = [encode(message).decode() for message in batch.messages]
        return Values(texts, list(range(len(texts))), {})
    check = Decoder(Raw).decode  # looks at every character and builds nothing
    texts, positions, refused = [], [], {}
    for at, message in enumerate(batch.messages):
        try:
            check(message)
        except (ValueError, RecursionError) as error:  # no text, no JSON, or deeper than is read
            refused[at] = NOT_JSON.format(error)
        else:
            texts.append(on_one_line(message))
            positions.append(at)
    return Values(texts, positions, refused)


def on_one_line(value: str) -> str:
    """A valid JSON value without line breaks: inside strings they are escapes, elsewhere space."""
    return with_spaces(value.strip())


def with_spaces(value: str) -> str:
    """A valid JSON value with each line break as a space, and nothing else changed."""
    if "\n" in value or "\r" in value:
        value = value.replace("\r", " ").replace("\n", " ")
    return value


def lines(batch: Batch) -> bytes:
    r"""One message a line, in UTF-8.

    A line break within JSON is space and becomes one. In CSV it stands between quotes and is kept.
    In other text it would begin an event of its own, and is written as the two characters `\n`.
    """
    kind, messages = batch.content_type.partition(";")[0].strip().lower(), batch.messages
    if kind == "text/csv" or not have_breaks(messages):
        if isinstance(messages, Texts):
            return messages.joined(b"\n")
        return "\n".join(messages).encode()
    clean = on_one_line if is_json(batch.content_type) else _without_breaks
    return "\n".join(map(clean, messages)).encode()


def have_breaks(messages: Sequence[str]) -> bool:
    """Whether a line break stands in any of the messages."""
    # looking for a character is faster than counting it
    if isinstance(messages, Texts):
        return messages.have_breaks()
    return any("\n" in text or "\r" in text for text in messages)


def _without_breaks(message: str) -> str:
    return message.rstrip("\r\n").replace("\r", "\\r").replace("\n", "\\n")


def as_object(value: str, key: str = "message") -> str:
    """A JSON value as a JSON object; anything else is put under a key."""
    return value if value.startswith("{") else f'{{"{key}":{value}}}'


def with_fields(value: str, fields: Mapping[str, str]) -> str:
    """A JSON object with further fields before its own.

    A field that the object has itself is left out, because readers differ over which of two equal
    names counts.

    Args:
        value: A valid JSON object, as `as_object` returns it.
        fields: JSON values by name; names are letters that JSON writes as they are.
    """
    own = _own_names(value, fields)
    added = ",".join(f'"{name}":{text}' for name, text in fields.items() if name not in own)
    inside = value[1:].lstrip()
    comma = "," if added and inside != "}" else ""
    return f"{{{added}{comma}{inside}"


def _own_names(value: str, fields: Mapping[str, str]) -> Collection[str]:
    """Names of an object at its own level, where one of the fields may be among them.

    Most objects have no such text at all, neither as it is nor escaped, which is quick to see.
    """
    if "\\u" in value or any(f'"{name}"' in value for name in fields):
        return _decoder().decode(value)
    return ()


@cache
def _decoder() -> Decoder[dict[str, Raw]]:
    """Reads an object's names, and of its values no more than where they end."""
    from msgspec import Raw
    from msgspec.json import Decoder

    return Decoder(dict[str, Raw])

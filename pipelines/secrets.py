"""Secrets: read by reference (`env:NAME` or `file:PATH`), never kept in settings, never printed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from pipelines.errors import ConfigurationError

SCHEMES = ("env:", "file:")
MASK = "**********"
SHORTEST_MASKED = 4
"""A value shorter than this is no secret, and masking it would blot out ordinary words."""


def is_reference(text: str) -> bool:
    """Whether `text` names a place where a secret is kept."""
    return text.startswith(SCHEMES) and text.rstrip() not in SCHEMES


def _refuse_plain(text: str) -> str:
    if not is_reference(text):
        raise ValueError(
            "a secret is written as a reference, env:NAME or file:/path, and never as itself"
        )
    return text


SecretReference = Annotated[str, AfterValidator(_refuse_plain)]
"""A setting that names a secret; the secret itself is refused, and not repeated in the error."""


def read_secret(reference: str) -> str:
    """The secret that a reference names, without the newline that editors leave at a file's end.

    Args:
        reference: `env:NAME` for a variable, `file:PATH` for a file.

    Raises:
        ConfigurationError: It is no reference, or there is nothing where it points; the message
            has the reference and never the value.
    """
    scheme, _, name = reference.partition(":")
    if not is_reference(reference):
        raise ConfigurationError("a secret must be a reference: env:NAME or file:/path")
    if scheme == "env":
        value = os.environ.get(name)
        if value is None:
            raise ConfigurationError(f"secret {reference}: the variable {name} is not set; set it")
    else:
        value = _content(reference, Path(name).expanduser())
    if not value.strip():
        raise ConfigurationError(f"secret {reference}: it is empty; put the secret there")
    return value.strip("\r\n")


def _content(reference: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "is not text"
        raise ConfigurationError(
            f"secret {reference}: the file cannot be read ({why}); correct the path or its rights"
        ) from error


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """`text` with every one of `secrets` masked; services like to repeat what they were sent."""
    known = sorted({s for s in secrets if len(s) >= SHORTEST_MASKED}, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, known)), MASK, text) if known else text

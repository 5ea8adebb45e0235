"""Cleaning: texts without the values that must not be seen, however they are spelled there."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from json import dumps as encode

STARS = "***"
SHORT = 4
"""Texts shorter than this are cleaned only where they are a whole value: they are in any word."""
_SIMPLE = re.compile(r"[ !#-.0-\[\]-~]+")
"""Texts that JSON writes as they are: ASCII without quotes, slashes and backslashes."""


def searched(secret: str) -> set[str]:
    """How a secret can read in a column or in JSON, without regard to case."""
    forms = _forms(secret)
    if not _SIMPLE.fullmatch(secret):
        forms = forms | {encode(form, ensure_ascii=False)[1:-1] for form in forms}
    return {form.casefold() for form in forms}


def _forms(secret: str) -> set[str]:
    """How a secret can read inside a text: as it is, or inside JSON that is a text."""
    if _SIMPLE.fullmatch(secret):
        return {secret}
    once = encode(secret, ensure_ascii=False)[1:-1]
    return {
        secret,
        once,
        encode(secret)[1:-1],
        once.replace("/", "\\/"),
        encode(once, ensure_ascii=False)[1:-1],
    }


@lru_cache(4_096)
def cleaner_of(secrets: tuple[tuple[str, str], ...]) -> Callable[[str], str]:
    """What takes secrets out of a text; the same people come again and again."""
    whole = {secret.casefold(): instead for secret, instead in secrets}
    instead_of = {
        form.casefold(): instead
        for secret, instead in secrets
        if len(secret) >= SHORT
        for form in _forms(secret)
    }
    forms = {form for secret, _ in secrets if len(secret) >= SHORT for form in _forms(secret)}
    parts = sorted(forms, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, parts)), re.IGNORECASE) if parts else None

    def clean(text: str) -> str:
        folded = text.strip().casefold()
        if folded in whole:
            return whole[folded]
        if pattern is None:
            return text
        return pattern.sub(lambda match: instead_of.get(match[0].casefold(), STARS), text)

    return clean

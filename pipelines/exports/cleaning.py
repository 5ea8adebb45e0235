"""Cleaning: texts without the values that must not be seen, however they are spelled there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from html import escape
from json import dumps as encode
from urllib.parse import quote, quote_plus

STARS = "***"
SHORT = 4
"""Texts shorter than this are cleaned where they are a word of their own: they are in any other."""
_SIMPLE = re.compile(r"[ !#-.0-\[\]-~]+")
"""Texts that JSON writes as they are: ASCII without quotes, slashes and backslashes."""
_BARE = re.compile(r"[\w.~-]+", re.ASCII)
"""Texts that addresses and HTML write as they are as well."""
_WORDLESS = re.compile("[\u2e80-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]")
"""Scripts whose words stand side by side, so that no word begins or ends to be seen."""
_URI_COMPONENT, _URI = "!'()*", "!'()*;,/?:@&=+$#"
"""What `encodeURIComponent` and `encodeURI` leave as it is, besides letters and digits."""
_BEGIN = r"(?:(?<![^\W_])|(?<=%[0-9a-f]{2})|(?<=\\[bfnrt])|(?<=\\u[0-9a-f]{4}))"
"""Where a word begins: not after a letter or digit, unless that ends an escape."""
_END = r"(?![^\W_])"


@lru_cache(4_096)
def searched(secret: str) -> frozenset[str]:
    """How a secret can read in a column or in JSON, without regard to case."""
    forms = _forms(secret)
    if not _SIMPLE.fullmatch(secret):
        forms = forms | {encode(form, ensure_ascii=False)[1:-1] for form in forms}
    return frozenset(form.casefold() for form in forms)


@lru_cache(4_096)
def _forms(secret: str) -> frozenset[str]:
    """How a secret can read inside a text: as it is, in JSON that is a text, in addresses, HTML."""
    if _BARE.fullmatch(secret):
        return frozenset((secret,))
    html = escape(secret)
    texts = {secret, html, escape(secret, quote=False)}
    texts |= {html.replace("&#x27;", instead) for instead in ("&#39;", "&apos;")}
    forms = texts | set(_in_addresses(secret))
    if not _SIMPLE.fullmatch(secret):
        once = {encode(text, ensure_ascii=False)[1:-1] for text in texts}
        forms |= once | {encode(text)[1:-1] for text in texts}
        forms |= {text.replace("/", "\\/") for text in once}
        forms |= {encode(text, ensure_ascii=False)[1:-1] for text in once}
    return frozenset(forms)


def _in_addresses(secret: str) -> Iterator[str]:
    """A secret as a part of an address, and of one that is itself part of another."""
    for safe in ("", "/", _URI_COMPONENT, _URI):
        once = quote(secret, safe, errors="surrogatepass")
        yield once
        yield quote(once, safe="")
    yield quote_plus(secret, errors="surrogatepass")


def _pattern(secret: str, form: str) -> str:
    """What finds a form of a secret in a text."""
    if len(secret) >= SHORT or _WORDLESS.search(secret):
        return re.escape(form)
    return f"{_BEGIN}{re.escape(form)}{_END}"


@lru_cache(4_096)
def cleaner_of(secrets: tuple[tuple[str, str], ...]) -> Callable[[str], str]:
    """What takes secrets out of a text; the same people come again and again."""
    whole = {secret.casefold(): instead for secret, instead in secrets}
    forms = {form: secret for secret, _ in reversed(secrets) for form in _forms(secret)}
    instead = {form.casefold(): whole[secret.casefold()] for form, secret in forms.items()}
    parts = [_pattern(forms[form], form) for form in sorted(forms, key=len, reverse=True)]
    pattern = re.compile("|".join(parts), re.IGNORECASE)

    def clean(text: str) -> str:
        folded = text.strip().casefold()
        if folded in whole:
            return whole[folded]
        return pattern.sub(lambda match: instead.get(match[0].casefold(), STARS), text)

    return clean

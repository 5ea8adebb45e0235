"""Trust: which keys a verification relies on, and what is kept of the log elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.archive.copies import Anchor, Witnessed, anchors_of
from pipelines.archive.keys import open_signer, parse_public_key
from pipelines.archive.ledger import read_log
from pipelines.archive.place import Folder, open_place
from pipelines.archive.timestamp import stamped
from pipelines.errors import ConfigurationError, TrailhouseError
from pipelines.lake.storage import absolute, is_s3

if TYPE_CHECKING:
    from pipelines.lake.storage import Storage
    from pipelines.lake.tables import Lake

KEY_ID = re.compile(r"[0-9a-f]{64}")
CHECKPOINT = re.compile(r"([0-9]+):([0-9a-f]{64})")
STAMPED = re.compile(r"([0-9]+):(.+\.tsr)")


def key_id_of(text: str) -> str:
    """The key that somebody trusts: its id, or a file with its public key in PEM.

    Raises:
        ConfigurationError: It is neither.
    """
    if KEY_ID.fullmatch(text):
        return text
    try:
        return parse_public_key(Path(text).expanduser().read_text()).key_id
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{text}: neither a key id (64 hex digits) nor a file with a public key in PEM: {error}"
        ) from error


def trusted_keys(lake: Lake) -> frozenset[str]:
    """The keys of the settings that are trusted; without any, the one that signs.

    Raises:
        ConfigurationError: Neither is set.
    """
    settings = lake.storage.settings
    if settings.archive.trusted_keys:
        return frozenset(settings.archive.trusted_keys)
    if settings.archive.signing_key:
        return frozenset({open_signer(settings).public.key_id})
    raise ConfigurationError(
        "no key is trusted, so nothing can be proved; set archive.trusted_keys to the id of the "
        "archive's key (64 hex digits), or name it with --key"
    )


def anchors_at(where: str, storage: Storage | None) -> list[Anchor]:
    """What is kept of a log elsewhere.

    Args:
        where: `N:DIGEST`, an entry's number and digest as the e-mail has them; `N:FILE.tsr`, its
            number and a file with the answer of an RFC 3161 authority; or a folder or
            `s3://bucket/prefix` with copies of entries, and stamps.
        storage: The access to S3; without it only folders are read.

    Raises:
        ConfigurationError: Nothing is kept there.
    """
    if written := CHECKPOINT.fullmatch(where):
        return [Anchor(int(written[1]), written[2], "--anchor")]
    if written := STAMPED.fullmatch(where):
        return [Anchor(int(written[1]), _stamped(Path(written[2])), written[2])]
    if storage is None and is_s3(where):
        raise ConfigurationError(
            f"{where}: a copy is checked without settings, so without access to S3; copy those "
            "entries to a folder and name that, or name one as N:DIGEST"
        )
    place = open_place(where, storage) if storage else Folder(absolute(where))
    found = anchors_of(read_log(place, ""), place.url)
    if not found:
        raise ConfigurationError(
            f"{where}: no entries are kept there; name a folder or s3://bucket/prefix with some, "
            "or an entry's number and digest as N:DIGEST"
        )
    return found


def witnesses_of(lake: Lake) -> list[Witnessed]:
    """What the places of `archive.anchor_urls` keep; one that cannot be read says why."""
    return [_witnessed(url, lake.storage) for url in lake.storage.settings.archive.anchor_urls]


def _witnessed(url: str, storage: Storage) -> Witnessed:
    try:
        place = open_place(url, storage)
        anchors = anchors_of(read_log(place, ""), place.url)
    except (TrailhouseError, OSError) as error:
        return Witnessed(absolute(url), problem=str(error))
    return Witnessed(place.url, tuple(anchors), place)


def _stamped(path: Path) -> str:
    """The digest that a time stamp is on, in hex."""
    try:
        return stamped(path.expanduser().read_bytes()).hex()
    except (OSError, ValueError, IndexError) as error:
        raise ConfigurationError(
            f"{path}: no time stamp of an RFC 3161 authority: {error}; name the file that "
            "`openssl ts -verify -in` reads"
        ) from error

"""Edition: which version of every mart readers see; changed for all marts at once, or not at all.

Marts are committed one by one, so that a build that is cut off loses nothing. The catalogue names
a version of each, and goes on naming it until a build is whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from deltalake import DeltaTable

from pipelines.lake.tables import Lake
from pipelines.sources.find import join

FILE = "catalog.json"
"""Beside the catalogue, written after it: what it was made of."""


@dataclass(frozen=True, slots=True)
class Edition:
    """What the catalogue was made of.

    Attributes:
        definitions: A digest of the views and macros.
        load_number: The newest load that was known when the marts were looked at.
        versions: The version of each mart's table.
    """

    definitions: str
    load_number: int
    versions: Mapping[str, int]


def read_edition(lake: Lake) -> Edition | None:
    """The edition that readers see; None before the first."""
    content = get_object(lake, FILE)
    return None if content is None else Edition(**json.loads(content))


def write_edition(lake: Lake, edition: Edition) -> None:
    """Put the edition's file in place at once."""
    put_object(lake, FILE, json.dumps(asdict(edition), sort_keys=True).encode())


Held = Mapping[str, DeltaTable | None]
"""Tables that are open already, by name: opening one again reads its log again."""
NONE_HELD: Held = {}


def find_shown(
    lake: Lake, name: str, edition: Edition | None, held: Held = NONE_HELD
) -> DeltaTable | None:
    """The table of a mart as readers see it, or None where it does not exist yet."""
    version = edition.versions.get(name) if edition is not None else None
    table = held.get(name)
    if table is not None and table.version() == version:
        return table
    table = lake.find(name)
    if table is not None and version is not None and version != table.version():
        table.load_as_version(version)
    return table


def put_object(lake: Lake, name: str, content: bytes) -> None:
    """Put a file beside the tables, so that readers see the old one or the new one."""
    if lake.is_s3:
        import obstore

        obstore.put(lake.storage.store(lake.url), name, content)
        return
    partial = Path(join(lake.url, f"{name}.{os.getpid()}.partial"))
    partial.write_bytes(content)
    partial.replace(join(lake.url, name))


def get_object(lake: Lake, name: str) -> bytes | None:
    """A file beside the tables, or None where there is none."""
    try:
        if lake.is_s3:
            import obstore

            return bytes(obstore.get(lake.storage.store(lake.url), name).bytes())
        return Path(join(lake.url, name)).read_bytes()
    except FileNotFoundError:
        return None

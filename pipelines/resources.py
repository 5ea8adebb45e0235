"""Resources: what runs take from the settings; nothing of it is stored with a run."""

import os
from datetime import UTC, datetime
from getpass import getuser
from uuid import uuid4

import dagster as dg

from pipelines.lake.storage import Storage
from pipelines.lake.tables import Lake
from pipelines.settings import load_settings
from pipelines.sources.find import Source, sources_of


class Trailhouse(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The lake and its sources, from `trailhouse.toml` and TRAILHOUSE_* variables at run time."""

    def lake(self) -> Lake:
        """The lake that the settings name."""
        return Lake(Storage(load_settings()))

    def sources(self) -> list[Source]:
        """Where landing objects come from."""
        settings = load_settings()
        configured = [(s.name, s.url, s.copy_to_landing) for s in settings.source]
        return sources_of(configured, self.lake().url, [])


def now() -> datetime:
    """The time now, UTC."""
    return datetime.now(UTC)


def user() -> str:
    """Who runs this, for the log of the archive: the system's user, by number without a name."""
    try:
        return getuser()
    except (KeyError, OSError):  # a container may run as a user that nobody named
        return f"user {os.getuid()}"


def unique() -> str:
    """A text that no other call returns."""
    return uuid4().hex

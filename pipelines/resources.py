"""Resources: what runs take from the settings; nothing of it is stored with a run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from getpass import getuser
from secrets import randbits
from uuid import uuid4

import dagster as dg

from pipelines.errors import ConfigurationError
from pipelines.exports.ledger import LOCK_SECONDS, Ledger, open_ledger
from pipelines.lake.storage import Storage
from pipelines.lake.tables import Lake
from pipelines.settings import load_settings
from pipelines.sinks.settings import SinkSettings
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

    def sinks(self) -> list[str]:
        """Names of the sinks that are on."""
        return [sink.name for sink in load_settings().sink if sink.enabled]

    def sink(self, name: str) -> SinkSettings:
        """The settings of a sink.

        Raises:
            ConfigurationError: It was removed or switched off after the definitions were loaded.
        """
        for sink in load_settings().sink:
            if sink.name == name and sink.enabled:
                return sink
        raise ConfigurationError(
            f"sink {name!r} is not in the settings any more, or is off; reload the definitions"
        )

    @contextmanager
    def ledger(self, *, lock_seconds: float = LOCK_SECONDS) -> Iterator[Ledger]:
        """The ledger that the settings name, closed behind the block."""
        ledger = open_ledger(load_settings(), lock_seconds=lock_seconds)
        try:
            yield ledger
        finally:
            ledger.close()


def now() -> datetime:
    """The time now, UTC."""
    return datetime.now(UTC)


def user() -> str:
    """Who runs this, for the log of the archive: the system's user, by number without a name."""
    try:
        return getuser()
    except (KeyError, OSError):  # a container may run as a user that nobody named
        return f"user {os.getuid()}"


def new_seed() -> int:
    """A seed that nobody can know beforehand; JSON readers keep all its bits."""
    return randbits(53)


def unique() -> str:
    """A text that no other call returns."""
    return uuid4().hex

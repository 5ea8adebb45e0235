"""Sending: what the commands for deliveries share: the ledger, sinks by name, moments in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.errors import ConfigurationError

if TYPE_CHECKING:
    from pipelines.exports.ledger import Ledger
    from pipelines.lake.tables import Lake
    from pipelines.settings import Settings
    from pipelines.sinks.settings import SinkSettings

OfSink = Annotated[str | None, typer.Argument(metavar="[SINK]", help="Only of this sink.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Limit = Annotated[int, typer.Option(min=1, help="Rows of the table; --json has all.")]


@dataclass(frozen=True, slots=True)
class Post:
    """What deliveries are about: the lake, the ledger, and the settings that name the sinks."""

    lake: Lake
    ledger: Ledger
    settings: Settings

    def sink(self, name: str) -> SinkSettings:
        """The sink of a name.

        Raises:
            ConfigurationError: The settings have none; the error names those that there are.
        """
        return sink_named(self.settings, name)

    def sinks(self, names: Sequence[str] = ()) -> list[SinkSettings]:
        """The sinks of these names, without any all.

        Raises:
            ConfigurationError: The settings have no sink, or none of a name.
        """
        if not self.settings.sink:
            from pipelines.settings import config_file

            raise ConfigurationError(
                f"{config_file()}: there is no [[sink]] table, so nothing is delivered anywhere; "
                "docs/sinks.md has every kind with its fields"
            )
        wanted = [self.sink(name).name for name in names]
        return [sink for sink in self.settings.sink if not wanted or sink.name in wanted]


def sink_named(settings: Settings, name: str) -> SinkSettings:
    """The sink that the settings give a name.

    Raises:
        ConfigurationError: There is none; the error names those that there are.
    """
    for sink in settings.sink:
        if sink.name == name:
            return sink
    known = ", ".join(sink.name for sink in settings.sink) or "none"
    raise ConfigurationError(f"no sink is named {name!r}; the settings have: {known}")


@contextmanager
def posting() -> Iterator[Post]:
    """Open the lake and the ledger of the settings.

    Raises:
        ConfigurationError: A setting is wrong.
        LedgerError: The ledger cannot be opened.
    """
    from pipelines.exports.ledger import open_ledger
    from pipelines.lake.storage import Storage
    from pipelines.lake.tables import Lake
    from pipelines.settings import load_settings

    settings = load_settings()
    with closing(open_ledger(settings)) as ledger:
        yield Post(Lake(Storage(settings)), ledger, settings)


def known_names(post: Post, name: str | None) -> list[str]:
    """The name that is meant, or all: of the settings, and of sinks that only the ledger knows.

    Raises:
        ConfigurationError: Neither knows the name.
    """
    from pipelines.exports.states import known_sinks

    with post.ledger.read() as connection:
        seen = known_sinks(connection)
    names = list(dict.fromkeys([*(sink.name for sink in post.settings.sink), *seen]))
    if name is None:
        return names
    return [name] if name in names else [post.sink(name).name]


def counted(number: int, one: str, many: str) -> str:
    """A number of things in words: `1 batch`, `1,204 batches`."""
    return f"{number:,} {one if number == 1 else many}"


def remark(text: str) -> None:
    """Say something to standard error, where it is in nobody's data."""
    typer.echo(text, err=True)

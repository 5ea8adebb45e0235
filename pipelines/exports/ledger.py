"""Ledger: the database that holds the truth about deliveries, opened, locked and written."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from pipelines.errors import ConfigurationError, TrailhouseError
from pipelines.exports import schema
from pipelines.lake.storage import absolute, is_s3

if TYPE_CHECKING:
    from pipelines.settings import Settings

FILE = "ledger.sqlite"
LOCK_SECONDS = 60.0
"""How long a transaction waits for another one to end before it gives up."""
READS = {"trailhouse_reads": True}
"""Marks a connection that only reads, so that it waits for no writer."""


class LedgerError(TrailhouseError):
    """The ledger cannot be read or written now; nothing of the transaction was kept."""


class SinkBusyError(TrailhouseError):
    """Another run is delivering to the sink."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The open ledger; safe to use from several processes."""

    engine: Engine

    @property
    def shown_url(self) -> str:
        """Where it is, without a password."""
        return self.engine.url.render_as_string(hide_password=True)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: all of it is durable when the block ends, or nothing of it is kept.

        Raises:
            LedgerError: The database is locked, full or away.
        """
        with self._explained(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection to read with.

        Raises:
            LedgerError: The database is locked or away.
        """
        with self._explained(), self.engine.connect() as connection:
            yield connection.execution_options(**READS)

    @contextmanager
    def hold(self, sink: str) -> Iterator[None]:
        """Be the only one that delivers to a sink; let go when the process ends, however it ends.

        Raises:
            SinkBusyError: Somebody else does.
        """
        with self._held_file(sink) if self._is_sqlite else self._held_advisory(sink):
            yield

    def close(self) -> None:
        """Let go of the connections."""
        self.engine.dispose()

    @property
    def _is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def _held_file(self, sink: str) -> Iterator[None]:
        path = Path(f"{self.engine.url.database}.{sink}.lock")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise SinkBusyError(_busy(sink)) from error
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _held_advisory(self, sink: str) -> Iterator[None]:
        """A lock of the session: the server lets go of it when the connection ends."""
        number = int.from_bytes(sha256(f"trailhouse {sink}".encode()).digest()[:8], signed=True)
        # outside of a transaction, which would keep the server from tidying up
        engine = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        with self._explained(), engine.connect() as connection:
            if not connection.scalar(sa.select(sa.func.pg_try_advisory_lock(number))):
                raise SinkBusyError(_busy(sink))
            try:
                yield
            finally:
                connection.execute(sa.select(sa.func.pg_advisory_unlock(number)))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            text = str(getattr(error, "orig", None) or error).strip()
            raise LedgerError(
                f"ledger {self.shown_url}: {_hint(text)}. What was written before is intact; mend "
                f"the cause and run it again. The database said: {text.splitlines()[0][:300]}"
            ) from error


def _busy(sink: str) -> str:
    return f"sink {sink!r}: another run is delivering to it; wait until it ends"


def _hint(text: str) -> str:
    low = text.lower()
    if "locked" in low:
        return "another program holds it"
    if "full" in low or "no space" in low:
        return "the disk is full"
    if "readonly" in low or "permission" in low:
        return "it may not be written"
    return "it cannot be read or written"


def ledger_url(settings: Settings) -> str:
    """The setting `ledger_url`, else a file in the lake's folder, or beside the settings for S3.

    Beside the settings, not in the working folder: from another one, the same settings would begin
    a new ledger, and what was not delivered yet would be taken for what was before the sinks.
    """
    from pipelines.settings import config_file  # it reads the settings of all sinks

    if settings.ledger_url:
        return settings.ledger_url.get_secret_value()
    url = absolute(settings.lake_url)
    folder = str(config_file().absolute().parent / ".trailhouse") if is_s3(url) else url
    return f"sqlite:///{folder}/{FILE}"


def open_ledger(settings: Settings, *, lock_seconds: float = LOCK_SECONDS) -> Ledger:
    """Open the ledger that the settings name, made where it does not exist yet.

    Raises:
        ConfigurationError: `ledger_url` is not a URL, or of a database that is not supported.
        LedgerError: It cannot be opened, or belongs to a later version.
    """
    return open_url(ledger_url(settings), lock_seconds=lock_seconds)


def open_url(url: str, *, lock_seconds: float = LOCK_SECONDS) -> Ledger:
    """Open the ledger at a URL, such as `sqlite:///ledger.sqlite` or `postgresql://host/name`.

    Raises:
        ConfigurationError: It is not a URL, or of a database that is not supported.
        LedgerError: It cannot be opened, or belongs to a later version.
    """
    ledger = Ledger(_engine(url, lock_seconds))
    with ledger.write() as connection:
        if connection.dialect.name != "sqlite":
            # two that make the tables at once would meet
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(7_023_118)))
        schema.METADATA.create_all(connection)
        version = connection.scalar(sa.select(schema.ledgers.c.version))
        if version is None:
            connection.execute(schema.ledgers.insert().values(version=schema.VERSION))
    if version is not None and version != schema.VERSION:
        raise LedgerError(
            f"ledger {ledger.shown_url}: it has version {version}, this program writes version "
            f"{schema.VERSION}; use the program that made it"
        )
    return ledger


def _engine(url: str, lock_seconds: float) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigurationError(
            "setting 'ledger_url': not a database URL; write sqlite:///folder/ledger.sqlite or "
            "postgresql://user@host/name"
        ) from error
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        return _sqlite(parsed, lock_seconds)
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
        # a long outage is told, not waited for
        arguments = {
            "connect_timeout": 10,
            "options": f"-c lock_timeout={int(lock_seconds * 1000)} -c timezone=UTC",
        }
        # each sink that is delivered to holds one connection, and needs another now and then
        return create_engine(parsed, connect_args=arguments, pool_pre_ping=True, max_overflow=30)
    raise ConfigurationError(
        f"setting 'ledger_url': found {parsed.get_backend_name()!r}; allowed are sqlite:///file "
        "and postgresql://user@host/name"
    )


def _sqlite(url: sa.URL, lock_seconds: float) -> Engine:
    Path(str(url.database)).absolute().parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": lock_seconds})

    @event.listens_for(engine, "connect")
    def _durable(connection: object, _: object) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]  # we say when it begins
        cursor = connection.cursor()  # type: ignore[attr-defined]
        cursor.execute("pragma journal_mode = wal")
        cursor.execute("pragma synchronous = full")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # at once for writing: one that began to read could not go on to write beside another
        reads = connection.get_execution_options().keys() >= READS.keys()
        connection.exec_driver_sql("begin" if reads else "begin immediate")

    return engine

"""Schema: the tables of the ledger, which holds the truth about every delivery."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

METADATA = MetaData()
VERSION = 1
"""Of the tables; a ledger of a later version is refused."""


class Utc(TypeDecorator[datetime]):
    """A moment; aware and UTC in Python, whatever the database keeps."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database: UTC, without a zone where it has none."""
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database: aware and UTC."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class Words(TypeDecorator[str]):
    """A text of whatever characters: PostgreSQL stores no NUL, and neither a lone surrogate.

    A NUL comes back as it was, so that ids of events stay what they are.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """To the database, the same in all of them."""
        if value is None or value.isalnum():
            return value
        text = value.replace("\x1a", "\x1a1").replace("\0", "\x1a0")
        return text.encode("utf-8", "replace").decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """From the database."""
        if value is None or "\x1a" not in value:
            return value
        return value.replace("\x1a0", "\0").replace("\x1a1", "\x1a")


def _count(name: str, **more: Any) -> Column[int]:
    return Column(name, BigInteger, nullable=False, default=0, **more)


def _key() -> Column[int]:
    # SQLite numbers rows only where the type is INTEGER, letter by letter
    kind = BigInteger().with_variant(Integer, "sqlite")
    return Column("id", kind, primary_key=True, autoincrement=True)


ledgers = Table("ledgers", METADATA, Column("version", Integer, primary_key=True))

feeds = Table(
    "feeds",
    METADATA,
    _key(),
    Column("sink", String(63), nullable=False),
    Column("load_number", BigInteger, nullable=False),
    Column("load_id", String(128), nullable=False),
    # pending: to be rendered, perhaps in part; done: every event of it is accounted for
    Column("state", String(16), nullable=False),
    # a load's feed reads the load; a replay's reads a range of time through a template
    Column("replay", Words),
    Column("created_at", Utc, nullable=False),
    Column("done_at", Utc),
    _count("selected_count"),
    _count("filtered_count"),
    # how far it came: the next batch's ordinal, and the last event that is accounted for
    _count("next_ordinal"),
    Column("settled_at", Utc),
    Column("settled_event_id", Words),
    UniqueConstraint("sink", "load_id"),
    Index("feeds_by_state", "state", "sink", "load_number"),
)
"""One row per sink and load (or replay)."""

batches = Table(
    "batches",
    METADATA,
    Column("batch_id", String(64), primary_key=True),
    Column("sink", String(63), nullable=False),
    Column("feed_id", BigInteger, nullable=False),
    Column("load_number", BigInteger, nullable=False),
    Column("ordinal", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("parent_id", String(64)),
    # sending | waiting | delivered | dead | split (its events went on in other batches)
    Column("state", String(16), nullable=False),
    _count("event_count"),
    _count("delivered_count"),
    _count("dead_count"),
    _count("passed_count"),
    _count("bytes"),
    _count("attempt_count"),
    Column("content_type", String(128), nullable=False),
    Column("template_digest", String(64), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("first_failed_at", Utc),
    Column("oldest_at", Utc),
    Column("first_event_id", Words),
    Column("newest_at", Utc),
    Column("last_event_id", Words),
    # of a batch that was made of another: there may be events of others between the two
    Column("event_ids", Text),
    Column("cached_path", Text),
    Column("dead_path", Text),
    Index("batches_in_order", "sink", "state", "load_number", "feed_id", "ordinal", "position"),
    Index("batches_by_feed", "feed_id"),
)
"""One row per batch; `event_count = delivered + dead + passed + waiting`, where waiting is what is
left while the state is sending or waiting."""

attempts = Table(
    "attempts",
    METADATA,
    _key(),
    Column("sink", String(63), nullable=False),
    Column("batch_id", String(64), nullable=False),
    Column("load_number", BigInteger, nullable=False),
    Column("load_id", String(128), nullable=False),
    Column("attempt_number", Integer, nullable=False),
    Column("attempted_at", Utc, nullable=False),
    Column("event_count", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    # null until it is known: delivered | partly | transient | configuration | payload | interrupted
    Column("outcome", String(16)),
    Column("cause", String(32)),
    Column("response", Words),
    Column("seconds", Float),
    Index("attempts_by_batch", "batch_id"),
    Index("attempts_by_sink", "sink", "id"),
)
"""One row per attempt, written before the send."""

dead_letters = Table(
    "dead_letters",
    METADATA,
    _key(),
    Column("sink", String(63), nullable=False),
    Column("event_id", Words, nullable=False),
    Column("batch_id", String(64), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("response", Words, nullable=False),
    Column("parked_at", Utc, nullable=False),
    Column("redriven_at", Utc),
    UniqueConstraint("batch_id", "event_id"),
    Index("dead_letters_by_sink", "sink", "redriven_at", "id"),
)
"""One row per event that was refused or given up; `reason` is a cause or `given_up`."""

sink_states = Table(
    "sink_states",
    METADATA,
    Column("sink", String(63), primary_key=True),
    Column("first_seen_at", Utc, nullable=False),
    # loads up to this one are not for the sink: they were there before it
    Column("base_load", BigInteger, nullable=False),
    Column("breaker", String(16), nullable=False),
    Column("cause", String(32)),
    Column("response", Words),
    Column("since", Utc),
    _count("failure_count"),
    Column("decided_at", Utc),
    Column("next_attempt_at", Utc),
    Column("told_at", Utc),
    Column("delivered_at", Utc),
    Column("problem", Words),
)
"""One row per sink: its breaker, why and since when, and when it is tried next."""

notices = Table(
    "notices",
    METADATA,
    _key(),
    Column("sink", String(63), nullable=False),
    Column("state", String(16), nullable=False),
    Column("day", Date, nullable=False),
    Column("written_at", Utc, nullable=False),
    Column("sent_at", Utc),
    Column("problem", Words),
    UniqueConstraint("sink", "state", "day"),
)
"""One row per notice, written before the mail: never two for a sink, state and UTC day."""

"""A sink that loses its permission, under the real daemon: nothing is lost, and nobody does a thing
but give the permission back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from mails import mail_receiver
from s3_server import S3Server

from pipelines.exports import schema
from pipelines.exports.health import Health, health
from pipelines.instance import open_instance, prepare_home
from pipelines.lake.tables import Lake
from pipelines.resources import Trailhouse
from pipelines.settings import load_settings
from tests.orchestration.daemons import daemon
from tests.orchestration.events import a_job

DAY = "2026-02-01T10:00:00Z"
STEP_SECONDS = 180
RECOVERY_SECONDS = 420
"""A broken sink is probed at least every 300 seconds, by chance mostly much sooner."""


def look() -> Health:
    """How the sink is, by the ledger."""
    with Trailhouse().ledger() as ledger:
        return health(ledger, ["archive-copy"])[0]


def arrived(s3: S3Server, bucket: str) -> list[str]:
    """The ids of the jobs in the bucket."""
    client = s3.client()
    keys = [key for key in s3.keys(bucket, "audit/") if "probe" not in key]
    bodies = [client.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys]
    return sorted(json.loads(line)["id"] for body in bodies for line in body.splitlines() if line)


def delivered_loads() -> list[int]:
    """The load of each batch that the service took, in the order in which it took them."""
    attempts = schema.attempts
    query = sa.select(attempts.c.load_number).where(attempts.c.outcome == "delivered")
    with Trailhouse().ledger() as ledger, ledger.read() as connection:
        return list(connection.execute(query.order_by(attempts.c.id)).scalars())


@pytest.mark.daemon
def test_events_wait_while_a_permission_is_gone_and_go_on_by_themselves_when_it_is_back(
    lake: Lake,
    land: Callable[..., None],
    s3: S3Server,
    bucket: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRAILHOUSE_SENSOR_INTERVAL_SECONDS", "1")
    monkeypatch.setenv("WRITER_SECRET", s3.writer.secret)
    with mail_receiver() as mails:
        (tmp_path / "trailhouse.toml").write_text(
            f"""
            [[sink]]
            name = "archive-copy"
            kind = "s3"
            bucket = "{bucket}"
            prefix = "audit"
            gzip = false
            access_key_id = "{s3.writer.key_id}"
            secret_access_key = "env:WRITER_SECRET"
            batch_events = 2
            start = "beginning"
            admins = ["ops@example.com"]

            [mail]
            smtp_host = "localhost"
            smtp_port = {mails.port}
            smtp_security = "none"
            smtp_from = "trailhouse@example.com"
            """
        )
        home, log = prepare_home(load_settings()), tmp_path / "daemon.log"
        with open_instance(load_settings()) as instance, daemon(home, log) as running:
            land("a", *(a_job(n, DAY) for n in range(3)))
            running.wait(lambda: len(arrived(s3, bucket)) == 3, instance, STEP_SECONDS)

            s3.deny(bucket, "s3:PutObject")
            land("b", *(a_job(n, DAY) for n in range(3, 8)))
            running.wait(lambda: look().waiting_events == 5, instance, STEP_SECONDS)
            land("c", *(a_job(n, DAY) for n in range(8, 11)))
            running.wait(lambda: look().waiting_events == 8, instance, STEP_SECONDS)
            running.wait(lambda: bool(mails.received), instance, STEP_SECONDS)
            broken, cached = look(), waiting_files(lake)
            while_broken = arrived(s3, bucket)

            s3.restore(bucket)
            running.wait(lambda: len(mails.received) > 1, instance, RECOVERY_SECONDS)

    text, html = mails.bodies(0)
    assert (broken.breaker, broken.cause, len(while_broken)) == ("open", "access_denied", 3)
    assert len(cached) == 5  # two full batches and a rest, then one and a rest
    assert [mail["Subject"] for mail in mails.received] == [
        "[Trailhouse] archive-copy is broken: access denied",
        "[Trailhouse] archive-copy works again",
    ]
    for body in (text, html):
        assert "s3:PutObject" in body
        assert f"arn:aws:s3:::{bucket}/*" in " ".join(body.split())
    assert arrived(s3, bucket) == sorted(f"j-{n}" for n in range(11))
    assert delivered_loads() == sorted(delivered_loads())
    assert waiting_files(lake) == []
    assert (look().waiting_events, look().breaker, look().dead_events) == (0, "closed", 0)


def waiting_files(lake: Lake) -> list[Path]:
    """What lies in the persistent cache."""
    return sorted((Path(lake.url) / "exports").rglob("waiting/*.parquet"))

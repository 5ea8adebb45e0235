"""Clocks: one that was wrong stays in the log, is told, and keeps nobody from the evidence."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from archives import Copy, names, stamp
from lakes import NOW, folder_place, lake_at
from packs import Sealed, pull_pack, sealed

from pipelines.archive import holds
from pipelines.archive.log import open_log
from pipelines.archive.place import open_archive_place
from pipelines.archive.restore import restore
from pipelines.archive.targets import IntoLake
from pipelines.archive.verification import Verification
from pipelines.archive.verify import record, verify


@pytest.fixture
def of(tmp_path: Path) -> Sealed:
    return sealed(folder_place(tmp_path), tmp_path)


def hold(of: Sealed, now: datetime) -> None:
    """An act of somebody whose clock says `now`."""
    holds.add(
        open_log(of.lake), reason="x", owner="Legal", clock=lambda: now, signer=of.signer, by="test"
    )


def verified(of: Sealed, now: datetime) -> Verification:
    """A verification that records itself."""
    done = verify(open_archive_place(of.lake), trusted={of.key_id})
    record(open_log(of.lake), done, clock=lambda: now, signer=of.signer, by="test")
    return done


def test_a_clock_that_was_ahead_once_leaves_an_archive_clean_that_says_so(of: Sealed) -> None:
    hold(of, NOW + timedelta(hours=2))
    verified(of, NOW)

    again = verified(of, NOW + timedelta(minutes=1))

    behind = open_log(of.lake).entries()[-2]
    assert again.clean
    assert again.behind == (behind.index,)
    assert behind.body["clock_behind_seconds"] == 7200
    assert behind.body["recorded_at"] == stamp(NOW)
    assert "clock_behind_seconds" not in open_log(of.lake).entries()[-1].body


def test_clocks_that_contradict_each_other_are_found_and_keep_nobody_from_the_evidence(
    of: Sealed, tmp_path: Path
) -> None:
    lake = Path(of.lake.url)
    copy = Copy(lake / "archive", lake / "archive_log", of.signer)
    index = copy.append({"kind": "release", "hold_id": "1"}, at=NOW - timedelta(days=90))
    (lake / "archive_log" / f"{index:08}.json").write_bytes(copy.log[index].read_bytes())
    ids = map(str, range(99))

    found = verify(open_archive_place(of.lake), trusted={of.key_id})
    pulled = pull_pack(of, tmp_path / "pack.zip")
    restored = restore(
        open_archive_place(of.lake),
        lambda newest: IntoLake(lake_at(tmp_path / "restored"), newest, lambda: next(ids)),
        trusted=[of.key_id],
    )

    assert names(found.findings) == {"clock_skew"}
    assert pulled.skewed == restored.skewed == (f"log/{index:08}.json",)
    assert pulled.rows > 0
    assert sum(restored.tables.values()) == pulled.rows

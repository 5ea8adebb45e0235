"""Archives: sealed lakes for tests, and the hand of somebody who tampers with them."""

from __future__ import annotations

import json
import shutil
from base64 import b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from lakes import Place as LakePlace
from lakes import activity, encode, folder_place, job, run_load

from pipelines.archive.copies import Anchor
from pipelines.archive.findings import Finding
from pipelines.archive.keys import Signer, make_key, signer_from_file
from pipelines.archive.seal import seal
from pipelines.archive.verification import Verification
from pipelines.lake.tables import Lake

SEALED = datetime(2026, 2, 18, 3, tzinfo=UTC)
"""When the first sealing of a test runs: 9 February is the last closed day."""
FIRST, LAST = date(2026, 2, 3), date(2026, 2, 9)
"""First and last sealed day of the usual archive."""


def ticking(start: datetime, step: timedelta = timedelta(seconds=1)) -> Callable[[], datetime]:
    """A clock that moves on at every look."""
    at = start

    def now() -> datetime:
        nonlocal at
        at += step
        return at

    return now


def key(folder: Path, name: str = "seal") -> Signer:
    """The signer of a key in a folder, made at the first call."""
    path = folder / f"{name}.pem"
    if not path.exists():
        make_key(path)
    return signer_from_file(path)


def usual_lines() -> list[dict[str, Any]]:
    """Two environments, one of them with a quiet day between two others."""
    lines: list[dict[str, Any]] = []
    for day in (3, 5, 9):
        at = f"2026-02-{day:02}"
        lines += [activity(timestamp=f"{at} {hour:02}:15:27 UTC") for hour in range(4)]
        lines += [job(completed_at=f"{at}T11:20:07+00:00", started_at=f"{at}T11:20:05+00:00")]
    team = {"id": 70122, "name": "Larkfield Dev", "environment": "dev"}
    lines.append(activity(timestamp="2026-02-04 23:59:59 UTC", team=team))
    return lines


def fill(place: LakePlace, lake: Lake, lines: Iterable[dict[str, Any]], name: str = "a") -> None:
    """Load lines into a lake."""
    place.put(f"{name}.ndjson", b"\n".join(encode(line) for line in lines))
    run_load(lake, [f"{place.landing}/{name}.ndjson"])


def sealed_lake(place: LakePlace, signer: Signer, **settings: Any) -> Lake:
    """The usual lake, sealed, with a supplement for an event that came late."""
    lake = place.lake(**settings)
    fill(place, lake, usual_lines())
    seal_all(lake, signer)
    fill(place, lake, [activity(timestamp="2026-02-03 12:00:00 UTC")], "late")
    seal_all(lake, signer, SEALED + timedelta(hours=1))
    return lake


def seal_all(lake: Lake, signer: Signer, start: datetime = SEALED) -> None:
    """Seal every closed day."""
    made = list(seal(lake, clock=ticking(start), signer=signer, by="tests"))
    assert made, "something was sealed"


@dataclass(frozen=True)
class Copy:
    """An archive in a folder, for tampering, and the lake's mirror of its log."""

    folder: Path
    mirror: Path
    signer: Signer

    @property
    def log(self) -> list[Path]:
        """The objects of the log, in order."""
        return sorted((self.folder / "log").iterdir())

    def files(self, suffix: str = ".parquet") -> list[Path]:
        """The sealed objects with a suffix, in order of path."""
        return sorted(self.folder.rglob(f"*{suffix}"))

    def path(self, file: Path) -> str:
        """A file's path in the archive."""
        return file.relative_to(self.folder).as_posix()

    def body(self, index: int) -> dict[str, Any]:
        """The statement of an entry."""
        found: dict[str, Any] = json.loads(self.log[index].read_bytes().splitlines()[0])
        return found

    def bodies(self, kind: str) -> list[dict[str, Any]]:
        """The statements of all entries of a kind."""
        found = [self.body(index) for index in range(len(self.log))]
        return [body for body in found if body["kind"] == kind]

    def put(self, index: int, content: bytes) -> None:
        """Write an entry."""
        (self.folder / "log" / f"{index:08}.json").write_bytes(content)

    def digest(self, index: int) -> str:
        """The digest of an entry."""
        return sha256(self.log[index].read_bytes()).hexdigest()

    def append(self, facts: dict[str, Any], *signers: Signer, at: datetime | None = None) -> int:
        """Append an entry by hand, signed well, whatever it says."""
        index, before = len(self.log), self.body(len(self.log) - 1)
        body = {
            "index": index,
            "previous": self.digest(index - 1),
            "recorded_at": stamp(at) if at else before["recorded_at"],
            "software": "trailhouse 0.1.0",
            "by": "tests",
            **facts,
        }
        self.put(index, written(body, *(signers or (self.signer,))))
        return index

    def rewrite(self, index: int, /, *signers: Signer, **changes: Any) -> None:
        """Change an entry and sign it, and all after it, anew, as only the key's holder can."""
        chosen = signers or (self.signer,)
        for at in range(index, len(self.log)):
            body = self.body(at) | (changes if at == index else {})
            if at:
                body["previous"] = self.digest(at - 1)
            self.put(at, written(body, *chosen))

    def expire(self, index: int) -> dict[str, Any]:
        """Have a seal be one whose retention has passed; its statement."""
        self.rewrite(index, retain_until="2026-02-11")
        return self.body(index)


def facts_of(body: dict[str, Any]) -> dict[str, Any]:
    """What an entry of its kind says, without what every entry has of its own."""
    own = {"index", "previous", "recorded_at"}
    return {name: value for name, value in body.items() if name not in own}


def stamp(moment: datetime) -> str:
    """A time as entries write it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def written(body: dict[str, Any], *signers: Signer) -> bytes:
    """The bytes of an entry: the statement, and a line per signature."""
    statement = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    lines = [statement]
    for one in signers:
        signature = b64encode(one.sign(statement)).decode()
        signed = {"key_id": one.public.key_id, "signature": signature}
        lines.append(orjson.dumps(signed, option=orjson.OPT_SORT_KEYS))
    return b"".join(line + b"\n" for line in lines)


def copied(original: Copy, target: Path) -> Copy:
    """A copy of an archive and its mirror, to be tampered with."""
    shutil.copytree(original.folder, target / "archive")
    shutil.copytree(original.mirror, target / "mirror")
    return Copy(target / "archive", target / "mirror", original.signer)


def usual_archive(folder: Path) -> Copy:
    """The usual lake in a folder, sealed."""
    signer = key(folder)
    lake = sealed_lake(folder_place(folder), signer)
    return Copy(Path(lake.url) / "archive", Path(lake.url) / "archive_log", signer)


def found(verification: Verification) -> set[tuple[str, str]]:
    """The names of the findings, and where."""
    return {(finding.name, finding.where) for finding in verification.findings}


def names(findings: Iterable[Finding]) -> set[str]:
    """The names of the findings."""
    return {finding.name for finding in findings}


def anchor(copy: Copy, index: int = -1) -> Anchor:
    """What a witness keeps of an entry, of the newest without an index."""
    at = index % len(copy.log)
    return Anchor(at, copy.digest(at), "the compliance mailbox")

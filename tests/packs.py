"""Packs: evidence packs for tests: pulled, taken apart, put together again, and checked."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from archives import key, seal_all, written
from lakes import NOW, Place, activity, encode, job, run_load

from pipelines.archive.evidence import verify
from pipelines.archive.keys import Signer
from pipelines.archive.layout import Format
from pipelines.archive.pull import Pulled, pull
from pipelines.archive.selection import Selection
from pipelines.lake.tables import Lake

FIRST, LAST = date(2026, 2, 1), date(2026, 2, 28)
MIRA = {"id": 70455, "name": "Mira Okafor", "email": "mira@larkfield.example"}
JONAS = {"id": 70456, "name": '=HYPERLINK("http://evil.example")', "email": "jonas@x.example"}
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'quoted", "＝1")


@dataclass(frozen=True)
class Sealed:
    """A lake with everything of it sealed, and the signer of its archive."""

    place: Place
    lake: Lake
    signer: Signer

    @property
    def key_id(self) -> str:
        """The id of the archive's first key."""
        return self.signer.public.key_id


def lines() -> list[dict[str, Any]]:
    """Two people, a recipe, a rename that bites spreadsheets, and a day without anything."""
    acted = []
    for day in (3, 4, 6):
        at = f"2026-02-{day:02} 09:15:27 UTC"
        recipe = {"type": "Flow", "id": 5501203, "name": "Orders to ledger"}
        acted += [
            activity(timestamp=at, user=MIRA, resource=recipe),
            activity(timestamp=at, user=JONAS, event="recipe_started"),
            activity(timestamp=at, user=JONAS, event="user_invited", resource=_person(day)),
            job(completed_at=f"2026-02-{day:02}T10:00:00Z", environment_type=_environment(day)),
            {"timestamp": at, "endpoint": f"/orders/{day}", "code": 200},
            {"timestamp": at, "level": "info", "message": f"hello, naïve {day}"},
        ]
    names = [activity(timestamp="2026-02-06 10:00:00 UTC", resource=_named(n)) for n in FORMULAS]
    return acted + names


def _person(number: int) -> dict[str, Any]:
    return {"type": "User", "id": 900 + number, "name": "Mira", "email": "MIRA@larkfield.example"}


def _named(name: str) -> dict[str, Any]:
    return {"type": "Folder", "id": 1, "name": name}


def _environment(day: int) -> str:
    return "dev" if day == 4 else "prod"


def sealed(place: Place, folder: Path, **archive: Any) -> Sealed:
    """A lake whose every row is sealed, with input that was rejected and a late event."""
    signer = key(folder)
    lake = place.lake(archive={"signing_key": f"file:{folder / 'seal.pem'}", **archive})
    content = b"\n".join(encode(line) for line in lines()) + b"\n=broken"
    place.put("a.ndjson", content)
    run_load(lake, [f"{place.landing}/a.ndjson"], now=datetime(2026, 2, 7, tzinfo=UTC))
    seal_all(lake, signer, datetime(2026, 2, 16, tzinfo=UTC))
    place.put("late.ndjson", encode(activity(timestamp="2026-02-03 12:00:00 UTC", user=MIRA)))
    run_load(lake, [f"{place.landing}/late.ndjson"], now=datetime(2026, 2, 8, tzinfo=UTC))
    seal_all(lake, signer, datetime(2026, 2, 17, tzinfo=UTC))
    return Sealed(place, lake, signer)


def selection(**narrowed: Any) -> Selection:
    """The whole of February, narrowed."""
    return Selection(FIRST, LAST, **narrowed)


def pull_pack(
    of: Sealed,
    out: Path,
    *,
    as_format: Format = Format.CSV,
    asked: Selection | None = None,
    **more: Any,
) -> Pulled:
    """Pull a pack."""
    return pull(
        of.lake,
        asked or selection(),
        out,
        as_format=as_format,
        clock=lambda: NOW,
        signer=of.signer,
        by="Ines Auditor",
        **more,
    )


def unpack(pack: Path) -> dict[str, bytes]:
    """The files of a pack by path."""
    with zipfile.ZipFile(pack) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(pack: Path, files: Mapping[str, bytes]) -> Path:
    """A pack of these files."""
    with zipfile.ZipFile(pack, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return pack


def json_lines(content: bytes) -> list[dict[str, Any]]:
    """The values of JSON Lines."""
    return [json.loads(line) for line in content.splitlines()]


def newest(files: Mapping[str, bytes]) -> str:
    """The path of the pull's entry."""
    return max(name for name in files if name.startswith("log/"))


def body(content: bytes) -> dict[str, Any]:
    """The statement of an entry."""
    found: dict[str, Any] = json.loads(content.splitlines()[0])
    return found


def resigned(files: dict[str, bytes], signer: Signer, **changes: Any) -> dict[str, bytes]:
    """The pack with its list of files made right again and signed: what only the holder can do."""
    pull_path = newest(files)
    others = [name for name in sorted(files) if name.startswith("log/") and name != pull_path]
    listed = [
        {"path": name, "bytes": len(content), "sha256": sha256(content).hexdigest()}
        for name, content in files.items()
        if not name.startswith(("log/", "keys/"))
    ]
    told = body(files[pull_path]) | {
        "files": listed,
        "seals": [b["index"] for n in others if (b := body(files[n]))["kind"] == "seal"],
        "log_sha256": sha256(
            "".join(sha256(files[name]).hexdigest() for name in others).encode()
        ).hexdigest(),
    }
    return files | {pull_path: written(told | changes, signer)}


def check(pack: Path, keys: Iterable[str]) -> verify.Check:
    """Check a pack with the code of its own `verify.py`."""
    done = verify.Check(verify.Pack(pack), list(keys), shown=False)
    done.run()
    return done


def found(pack: Path, of: Sealed) -> set[str]:
    """The names of what is wrong with a pack."""
    return {name for name, _ in check(pack, [of.key_id]).findings}

#!/usr/bin/env python3
"""Verify: checks an evidence pack of Trailhouse offline.

    python3 verify.py --key KEY_ID [--json] [PACK]

PACK is the pack, zipped or unpacked; without it, the folder that this file lies in. KEY_ID is the
id of the archive's first key (64 hex digits): ask the archive's owner for it by a way other than
this pack, since whoever forges a pack can forge its keys too. For the same reason take this file
from where you trust it rather than from the pack.

One file, Python 3.8 or later, nothing to install and nothing to connect to; so it uses no newer
syntax, and is longer than a module of the project otherwise is. What it checks:

    1. every entry of the log in the pack is signed by the key in force, from the first key on
    2. every file has the bytes that the signed entry `pull` names; none is missing, none was added
    3. every row's proof leads from the row's bytes to the root in the signed manifest of its day
       (RFC 9162), and the rows of a CSV or JSON Lines file are the proved ones, in their order
    4. the manifests are those of every day that the pull's entry says is sealed, without a gap

Exit code: 0 clean, 1 something was found, 2 the pack cannot be read, 3 clean but no key was given,
4 clean in part: days that were asked for were not sealed yet, or the rows are in Parquet files,
which Python alone cannot read: their digests are checked, and README.txt says how to compare them.
"""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import io
import json
import os
import re
import stat
import sys
import zipfile
import zlib
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Point = tuple[int, int, int, int]

SHOWN = 20
"""Findings of one name that are printed; all are counted."""
GUARD = "'"
"""What a CSV cell starts with where a spreadsheet would have run it as a formula."""
SPLIT = re.compile(r"([;\r\n][\t']*)'([=+\-@＝＋－＠])")
"""The same inside a cell, where some spreadsheets begin a new cell or row."""
IDS = {"rejected": "rejected_id", "loads": "load_id"}
"""The column that names a row, where it is not event_id."""
UNREADABLE = (OSError, EOFError, zipfile.BadZipFile, zlib.error, csv.Error, RuntimeError)
"""What reading a damaged file raises (a zip of an unknown method is a RuntimeError)."""
MALFORMED = (KeyError, TypeError, ValueError, AttributeError)
"""What reading a value raises that is not of the form expected."""

# Ed25519, RFC 8032. Only public data is handled, so that time need not be constant.

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)
ZERO: Point = (0, 1, 1, 0)


def add_points(a: Point, b: Point) -> Point:
    """The sum of two points in extended coordinates (RFC 8032, 5.1.4)."""
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, i, j, f = f - e, h - g, h + g, f + e
    return e * i % P, j * f % P, i * j % P, e * f % P


def double_point(a: Point) -> Point:
    """Twice a point."""
    x, y, z = a[0] * a[0] % P, a[1] * a[1] % P, 2 * a[2] * a[2] % P
    h = x + y
    e, g = h - (a[0] + a[1]) * (a[0] + a[1]), x - y
    f = z + g
    return e * f % P, g * h % P, f * g % P, e * h % P


def read_point(data: bytes) -> Point | None:
    """The point that 32 bytes stand for; none where they stand for no point."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def write_point(a: Point) -> bytes:
    """The 32 bytes of a point."""
    inverse = pow(a[2], P - 2, P)
    x, y = a[0] * inverse % P, a[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE: Point = read_point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little")) or ZERO


def verify_signature(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether an Ed25519 signature (64 bytes) over a message is the key's (RFC 8032, 5.1.7)."""
    key = read_point(public_key) if len(public_key) == 32 else None
    if key is None or len(signature) != 64:
        return False
    s = int.from_bytes(signature[32:], "little")
    if s >= L:
        return False
    digest = hashlib.sha512(signature[:32] + public_key + message).digest()
    k = int.from_bytes(digest, "little") % L
    minus: Point = (P - key[0], key[1], 1, P - key[3])
    table = (ZERO, BASE, minus, add_points(BASE, minus))
    result = ZERO
    for bit in range(252, -1, -1):  # s * BASE - k * key, both at once
        result = double_point(result)
        chosen = (s >> bit & 1) | (k >> bit & 1) << 1
        if chosen:
            result = add_points(result, table[chosen])
    return write_point(result) == signature[:32]


SPKI = bytes.fromhex("302a300506032b6570032100")
"""What the DER of every Ed25519 public key starts with (RFC 8410)."""


def read_public_key(pem: str) -> bytes:
    """The 32 bytes of a public key in PEM.

    Raises:
        ValueError: It is no Ed25519 public key.
    """
    found = re.match(
        r"\s*-----BEGIN PUBLIC KEY-----\s+([A-Za-z0-9+/=\s]+?)\s*-----END PUBLIC KEY-----\s*\Z", pem
    )
    der = base64.b64decode("".join(found.group(1).split())) if found else b""
    if len(der) != len(SPKI) + 32 or not der.startswith(SPKI):
        raise ValueError("not an Ed25519 public key in PEM")
    return der[len(SPKI) :]


# Merkle trees, RFC 6962 and RFC 9162.


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf (RFC 9162, 2.1.1)."""
    return hashlib.sha256(b"\0" + data).digest()


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether a proof leads from a leaf's hash to the root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or any(len(node) != 32 for node in (leaf, *proof)):
        return False
    at, last, result = index, size - 1, leaf
    for node in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            result = hashlib.sha256(b"\1" + node + result).digest()
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            result = hashlib.sha256(b"\1" + result + node).digest()
        at, last = at >> 1, last >> 1
    return last == 0 and result == root


# The pack.


class Pack:
    """The files of a pack, zipped or unpacked."""

    def __init__(self, path: Path) -> None:
        """Open a pack; a folder is read as it lies."""
        self.zip = None if path.is_dir() else zipfile.ZipFile(str(path))
        self.path = path
        self.names: list[str] = (
            [item.filename for item in self.zip.infolist() if item.file_size or not item.is_dir()]
            if self.zip
            else sorted(
                p.relative_to(path).as_posix()
                for p in path.rglob("*")
                if p.is_symlink() or not p.is_dir()
            )
        )

    def open(self, name: str) -> BinaryIO:
        """A file of the pack, to be read from its beginning."""
        if self.zip is not None:
            return self.zip.open(name)  # type: ignore[return-value]
        file = self.path / name
        if not stat.S_ISREG(os.lstat(str(file)).st_mode):  # a pipe would never end
            raise OSError("a link, pipe or folder stands there, not a file")
        return file.open("rb")

    def read(self, name: str) -> bytes:
        """The bytes of a small file of the pack."""
        with self.open(name) as file:
            return file.read()

    def digest(self, name: str) -> tuple[int, str]:
        """Size and SHA-256 of a file of the pack."""
        size, digest = 0, hashlib.sha256()
        with self.open(name) as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                size += len(block)
                digest.update(block)
        return size, digest.hexdigest()


def read_day(text: str) -> date:
    """A day as the log writes it."""
    return date(*map(int, text.split("-")))


def stream_name(table: str, environment: str | None) -> str:
    """A table and environment in words."""
    return f"{table} {environment or ''}".strip()


class Entry:
    """An entry of the archive's log: a body, and signatures over the body's bytes."""

    def __init__(self, name: str, content: bytes) -> None:
        """Read an entry.

        Raises:
            ValueError: It is no entry, or its number is not that of its file.
        """
        lines = content.split(b"\n")
        if len(lines) < 3 or lines[-1]:
            raise ValueError("not an entry of two or more lines")
        self.name, self.signed = name, lines[0]
        self.digest = hashlib.sha256(content).hexdigest()
        self.body: dict[str, Any] = json.loads(lines[0].decode("utf-8"))
        self.index: int = self.body["index"]
        self.kind: str = self.body["kind"]
        self.signatures: list[tuple[str, bytes]] = []
        for line in lines[1:-1]:
            given = json.loads(line.decode("utf-8"))
            signature = base64.b64decode(given["signature"], validate=True)
            signed = {"key_id": given["key_id"], "signature": base64.b64encode(signature).decode()}
            if json.dumps(signed, separators=(",", ":")).encode() != line:
                raise ValueError("a signature is not written as the archive writes it")
            self.signatures.append((given["key_id"], signature))
        if name != f"log/{self.index:08d}.json":
            raise ValueError(f"holds entry {self.index}")


class Check:
    """One check of a pack: what was found, by name, and how much was looked at."""

    def __init__(self, pack: Pack, trusted: Sequence[str], shown: bool) -> None:
        """Prepare to check a pack with the ids of the keys that may be its archive's first."""
        self.pack, self.trusted, self.shown = pack, set(trusted), shown
        self.findings: list[tuple[str, str]] = []
        self.entries: dict[int, Entry] = {}
        self.keys: dict[str, bytes] = {}
        self.pems: dict[str, str] = {}
        self.genuine: set[int] = set()
        self.rows: Counter[int] = Counter()
        self.compared = 0
        self.not_compared: list[str] = []
        self.first_key: str | None = None

    def find(self, name: str, where: str) -> None:
        """Note that something is wrong."""
        self.findings.append((name, where))

    def tell(self, what: str) -> None:
        """Tell how far it is, where somebody looks."""
        if self.shown:
            sys.stderr.write("\r\033[K" + what)
            sys.stderr.flush()

    def run(self) -> None:
        """Check everything; what is found does not end it."""
        self.read_log()
        self.attempt(self.check_signatures, "log/: the keys and signatures")
        self.attempt(self.check_chain, "log/: the chain")
        pull = self.entries.get(max(self.entries, default=-1))
        if pull is None or pull.kind != "pull":
            self.find("missing", "log/: the entry of this pull, the newest of the pack")
        else:
            self.attempt(lambda: self.check_files(pull), f"{pull.name}: the list of files")
            self.attempt(self.check_keys, "keys/")
            self.attempt(lambda: self.check_days(pull), "log/: the manifests")
            self.attempt(lambda: self.check_rows(pull), "the rows or proofs")
        self.tell("")

    def attempt(self, step: Callable[[], None], what: str) -> None:
        """Take one step; what cannot even be read is modified."""
        try:
            step()
        except (*MALFORMED, *UNREADABLE) as error:
            self.find("modified", f"{what} cannot be read: {error!r}")

    # 1. the log

    def read_log(self) -> None:
        """Read the entries of the pack."""
        for name in self.pack.names:
            if not re.match(r"log/[0-9]{8}\.json\Z", name):
                continue
            try:
                entry = Entry(name, self.pack.read(name))
            except (*MALFORMED, *UNREADABLE) as error:
                self.find("modified", f"{name}: {error}")
                continue
            self.entries[entry.index] = entry

    def check_signatures(self) -> None:
        """Hold every entry against the key that was in force, from the first key on."""
        first = self.entries.get(0)
        if first is None or first.kind != "key":
            self.find("missing", "log/00000000.json: the entry of the archive's first key")
        else:
            self.first_key = str(first.body.get("key_id"))
            if self.trusted and self.first_key not in self.trusted:
                self.find("unknown_key", f"{first.name}: first key {self.first_key}, not given")
        current: str | None = None
        for number, index in enumerate(sorted(self.entries)):
            entry = self.entries[index]
            if number % 64 == 0:
                self.tell(f"signatures {number:,} of {len(self.entries):,}")
            asked = [] if current is None else [current]
            if entry.kind == "key" and entry.body.get("action") == "add":
                added = self.read_key(entry)
                asked += [added]
                if current is None or entry.body.get("retires") == current:
                    current = added if self.is_signed(entry, asked) else current
                    continue
            self.is_signed(entry, asked)

    def read_key(self, entry: Entry) -> str:
        """Note the key that an entry adds; its id is its digest."""
        try:
            key = read_public_key(entry.body["public_key"])
        except (KeyError, TypeError, ValueError) as error:
            self.find("modified", f"{entry.name}: {error}")
            return ""
        key_id = hashlib.sha256(key).hexdigest()
        if key_id != entry.body.get("key_id"):
            self.find("modified", f"{entry.name}: the key is not the one that its id names")
            return ""
        self.keys[key_id], self.pems[key_id] = key, entry.body["public_key"]
        return key_id

    def is_signed(self, entry: Entry, asked: Sequence[str]) -> bool:
        """Whether an entry has the signatures of exactly the keys asked for."""
        signers = [key_id for key_id, _ in entry.signatures]
        if not asked or signers != list(asked):
            self.find("unknown_key", f"{entry.name}: signed by {', '.join(signers)}")
            return False
        for key_id, signature in entry.signatures:
            if not verify_signature(self.keys.get(key_id, b""), signature, entry.signed):
                self.find("bad_signature", f"{entry.name}: of key {key_id}")
                return False
        self.genuine.add(entry.index)
        return True

    def check_chain(self) -> None:
        """Hold neighbours in the log against each other; a pack has not every entry."""
        for index, entry in self.entries.items():
            before = self.entries.get(index - 1)
            expected = before.digest if before else None
            if (before or index == 0) and entry.body.get("previous") != expected:
                self.find("broken_chain", f"{entry.name} does not follow the entry before it")

    # 2. the files

    def check_files(self, pull: Entry) -> None:
        """Hold every file against the signed list; entries of the log are listed by one digest."""
        listed = {item["path"]: item for item in pull.body["files"]}
        counted = Counter(self.pack.names)
        for name, item in listed.items():
            self.tell(f"digest of {name}")
            if not counted[name]:
                self.find("missing", name)
                continue
            try:
                if self.pack.digest(name) != (item["bytes"], item["sha256"]):
                    self.find("modified", name)
            except UNREADABLE as error:
                self.find("modified", f"{name}: {error}")
        own = {entry.name for entry in self.entries.values()}
        keys = {f"keys/{key_id}.pem" for key_id in self.keys}
        for name, count in sorted(counted.items()):
            if count > 1 or name not in own | keys | set(listed):
                self.find("added", name)
        seals = {i for i, e in self.entries.items() if e.kind == "seal"}
        for index in sorted(set(pull.body["seals"]) ^ seals):
            known = index in seals
            self.find("added" if known else "missing", f"log/{index:08d}.json")
        others = "".join(self.entries[i].digest for i in sorted(self.entries) if i != pull.index)
        if hashlib.sha256(others.encode()).hexdigest() != pull.body["log_sha256"]:
            self.find("modified", "log/: not the entries that the entry of the pull lists")

    def check_keys(self) -> None:
        """Hold the key files, which are there for checks by hand, against the log."""
        for key_id, pem in self.pems.items():
            name = f"keys/{key_id}.pem"
            if name not in self.pack.names:
                self.find("missing", name)
                continue
            try:
                if self.pack.read(name) != pem.encode():
                    self.find("modified", name)
            except UNREADABLE as error:
                self.find("modified", f"{name}: {error}")

    # 3. the rows

    def check_rows(self, pull: Entry) -> None:
        """Follow every row's proof to a signed root, and hold the rows against the proved bytes."""
        proofs = self.read_proofs()
        total = 0
        for table in pull.body["tables"]:
            rows = self.read_rows(table["path"])
            if rows is None:
                self.not_compared.append(table["path"])
            before = (-1, -1)
            for number in range(1, table["rows"] + 1):
                total += 1
                if total % 2000 == 1:
                    self.tell(f"rows {total:,} of {pull.body['rows']:,}")
                where = f"{table['path']}, row {number:,}"
                proof = next(proofs, None)
                if proof is None or proof["table"] != table["table"]:
                    self.find("missing", f"proofs.jsonl: the proof of {where}")
                    return
                place = (proof["seal"], proof["leaf_index"])
                if place <= before:
                    self.find("reordered", f"proofs.jsonl: {where}")
                before = place
                content = self.check_proof(proof, where)
                if rows is not None:
                    self.check_row(next(rows, None), proof, content, where)
            if rows is not None and next(rows, None) is not None:
                self.find("added", f"{table['path']}: rows after {table['rows']:,}")
        if next(proofs, None) is not None:
            self.find("added", f"proofs.jsonl: proofs after {total:,}")
        if total != pull.body["rows"]:
            self.find("modified", f"{pull.name}: {pull.body['rows']} rows, by table {total}")

    def read_proofs(self) -> Iterator[dict[str, Any]]:
        """The proofs, in the order of the rows; a day in order of its manifest's number."""
        if "proofs.jsonl" not in self.pack.names:
            return  # the list of files says so
        with self.pack.open("proofs.jsonl") as file:
            for line in file:
                yield json.loads(line.decode("utf-8"))

    def read_rows(self, name: str) -> Iterator[dict[str, Any]] | None:
        """The rows of a CSV or JSON Lines file; none for Parquet, which needs a library."""
        if name.endswith(".csv"):
            return self.read_csv(name)
        if name.endswith(".jsonl"):
            return self.read_jsonl(name)
        return None

    def read_csv(self, name: str) -> Iterator[dict[str, Any]]:
        """The rows of a CSV file, without the guards against formulas; a cell of nothing is ''."""
        with self.pack.open(name) as file:
            text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
            reader = csv.reader(text, strict=True)
            names = next(reader, [])
            for cells in reader:
                bare = [SPLIT.sub(r"\1\2", cell[cell.startswith(GUARD) :]) for cell in cells]
                yield dict(zip(names, bare)) if len(cells) == len(names) else {}  # noqa: B905

    def read_jsonl(self, name: str) -> Iterator[dict[str, Any]]:
        """The rows of a JSON Lines file."""
        with self.pack.open(name) as file:
            for line in file:
                yield json.loads(line.decode("utf-8"))

    def check_proof(self, proof: dict[str, Any], where: str) -> bytes:
        """Follow one proof to the root of its seal; gives the bytes that it proves."""
        encoded = proof.get("leaf_base64")
        content = (proof["leaf"] or "").encode() if encoded is None else base64.b64decode(encoded)
        seal = self.entries.get(proof["seal"])
        if seal is None or seal.kind != "seal" or seal.index not in self.genuine:
            self.find("not_proved", f"{where}: no sound manifest {proof['seal']}")
            return bytes(content)
        body = seal.body
        self.rows[seal.index] += 1
        path = [bytes.fromhex(node) for node in proof["proof"]]
        proved = (
            body["table"] == proof["table"]
            and body["rows"] == proof["tree_size"]
            and verify_inclusion(
                leaf_hash(content),
                proof["leaf_index"],
                body["rows"],
                path,
                bytes.fromhex(body["root"]),
            )
        )
        if not proved:
            self.find("not_proved", f"{where}: its proof does not lead to the root in {seal.name}")
        return bytes(content)

    def check_row(
        self, row: dict[str, Any] | None, proof: dict[str, Any], content: bytes, where: str
    ) -> None:
        """Hold a row against the bytes that were proved."""
        seal = self.entries.get(proof["seal"])
        if row is None:
            self.find("missing", where)
            return
        if seal is None or seal.kind != "seal":
            return  # found already
        self.compared += 1
        if row.get(IDS.get(proof["table"], "event_id")) != proof["id"]:
            self.find("modified", f"{where}: not the id that stands in its proof")
        told = row.get(seal.body["leaf"])  # of no bytes at all there may be nothing
        encoded = proof.get("leaf_base64")
        expected = content.decode("utf-8") if encoded is None else encoded
        if (told or "") != expected or row.get("event_date") != seal.body["event_date"]:
            self.find("modified", f"{where}: not the row that was proved")

    # 4. the days

    def check_days(self, pull: Entry) -> None:
        """Hold the manifests against the days that are sealed as the pull says: every day is here.

        Earlier days are rows of wrong clocks; those between are not sealed.
        """
        days: dict[tuple[str, str | None], dict[date, set[int]]] = {}
        for entry in self.entries.values():
            if entry.kind == "seal" and entry.index in self.genuine:
                body = entry.body  # an environment not sent is another than an empty one
                of_stream = days.setdefault((body["table"], body["environment"]), {})
                of_stream.setdefault(read_day(body["event_date"]), set()).add(body["supplement"])
        for (table, environment), sealed in days.items():
            for day, numbers in sorted(sealed.items()):
                if numbers != set(range(len(numbers))):
                    where = f"{stream_name(table, environment)} {day}: a supplement is missing"
                    self.find("gap_of_days", where)
        for told in pull.body["sealed"]:
            stream, day = (told["table"], told["environment"]), read_day(told["from"])
            while day <= read_day(told["to"]):
                if day not in days.get(stream, {}):
                    self.find("gap_of_days", f"{stream_name(*stream)} {day}")
                day += timedelta(1)

    # the answer

    def as_dict(self) -> dict[str, Any]:
        """The result as values that JSON has."""
        seals = [e for e in self.entries.values() if e.kind == "seal"]
        pull = next((e.body for e in self.entries.values() if e.kind == "pull"), {})
        return {
            "clean": not self.findings,
            "key_given": bool(self.trusted),
            "first_key": self.first_key,
            "findings": [{"name": name, "where": where} for name, where in self.findings],
            "entries": len(self.entries),
            "rows": sum(self.rows.values()),
            "rows_compared": self.compared,
            "not_compared": self.not_compared,
            "sealed": pull.get("sealed"),
            "not_sealed": pull.get("not_sealed"),
            "never_sealed": pull.get("never_sealed"),
            "manifests": len(seals),
            "manifests_whole": sum(self.rows[e.index] == e.body.get("rows") for e in seals),
            "pulled_by": pull.get("by"),
            "pulled_at": pull.get("recorded_at"),
            "query": pull.get("query"),
        }


def days_of(what: str, listed: list[dict[str, Any]] | None) -> list[str]:
    """Days of tables and environments in words, the first of them."""
    told = [
        f"{what} {stream_name(one['table'], one['environment'])} {one['from']} to {one['to']}"
        for one in listed or []
    ]
    return told[:SHOWN] + ([f"{what} {len(told) - SHOWN:,} more"] if len(told) > SHOWN else [])


def in_part(facts: dict[str, Any]) -> list[str]:
    """Why a clean pack does not say all that one could take it to say."""
    reasons = []
    if facts["not_sealed"]:
        reasons.append("not all days that were asked for were sealed, see above")
    if facts["not_compared"]:
        reasons.append(
            f"the rows in {', '.join(facts['not_compared'])} were not compared with the proofs, as "
            "that needs a Parquet reader: proofs.jsonl has each row's proved bytes, and README.txt "
            "the query that compares them"
        )
    return reasons


def describe(facts: dict[str, Any]) -> str:
    """The result in words."""
    query = facts["query"] or {}
    asked = f"{query.get('from')} to {query.get('to')}"
    for name in ("persons", "recipes", "event_types", "environments", "tables"):
        if query.get(name):
            asked += f", {name.replace('_', ' ')} {' '.join(query[name])}"
    lines = [
        f"pulled by {facts['pulled_by']} at {facts['pulled_at']}: {asked}",
        *days_of("sealed", facts["sealed"]),
        *days_of("NOT SEALED YET, so not here:", facts["not_sealed"]),
    ]
    if facts["never_sealed"]:
        lines.append(f"nothing was ever sealed of {', '.join(facts['never_sealed'])}")
    lines += [
        f"{facts['entries']:,} entries of the log, {facts['rows']:,} rows proved",
        f"{facts['rows_compared']:,} rows of the files compared with them: id, day and proved "
        "bytes; other columns are as whoever pulled signed them",
        f"{facts['manifests']:,} manifests, of {facts['manifests_whole']:,} every row is proved",
    ]
    counted = Counter(finding["name"] for finding in facts["findings"])
    for name, count in sorted(counted.items()):
        places = [f["where"] for f in facts["findings"] if f["name"] == name]
        lines += [f"FOUND {name}: {place}" for place in places[:SHOWN]]
        if count > SHOWN:
            lines.append(f"FOUND {name}: and {count - SHOWN:,} more")
    if facts["findings"]:
        lines.append(f"NOT CLEAN: {len(facts['findings']):,} found")
    elif facts["key_given"] and in_part(facts):
        lines.append(
            f"CLEAN IN PART: what is here leads to the key given, {facts['first_key']}; but "
            + "; and ".join(in_part(facts))
        )
    elif facts["key_given"]:
        lines.append(f"CLEAN: everything leads to the key given, {facts['first_key']}")
    else:
        lines.append(
            f"CONSISTENT, BUT NOT PROVED: everything leads to the key {facts['first_key']}. Ask "
            "the archive's owner, by another way than this pack, whether it is theirs, and run "
            "this again with --key"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the pack that the command line names; the exit code."""
    parser = argparse.ArgumentParser(description="Check an evidence pack of Trailhouse, offline.")
    parser.add_argument("pack", nargs="?", type=Path, default=Path(__file__).resolve().parent)
    parser.add_argument("--key", action="append", default=[], help="id of the first key, 64 hex")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(arguments)
    keys = [key.lower() for key in given.key]
    wrong = [key for key in keys if not re.match(r"[0-9a-f]{64}\Z", key)]
    if wrong:
        parser.error(f"--key {wrong[0]}: a key id has 64 hex digits")
    csv.field_size_limit(2**31 - 1)
    try:
        pack = Pack(given.pack)
    except UNREADABLE as error:
        sys.stderr.write(f"{given.pack}: not a pack: {error}\n")
        return 2
    check = Check(pack, keys, sys.stderr.isatty() and not given.json)
    check.run()
    facts = check.as_dict()
    sys.stdout.write((json.dumps(facts) if given.json else describe(facts)) + "\n")
    if facts["findings"]:
        return 1
    return 3 if not keys else 4 if in_part(facts) else 0


if __name__ == "__main__":
    sys.exit(main())

"""Load: the sample becomes exactly its rows, in a folder and on a real S3 server."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from lakes import (
    NOW,
    Place,
    activity,
    contents,
    counts,
    encode,
    folder_place,
    job,
    lake_at,
    packed,
    rows,
    run_load,
    table,
)
from obstore.store import S3Store
from s3_server import S3Server

from pipelines.errors import SourceError
from pipelines.lake.duck import connect
from pipelines.lake.history import find_load, load_files, loads_after, newest_load
from pipelines.lake.load import find_new
from pipelines.lake.maintain import compact
from pipelines.lake.storage import Storage
from pipelines.lake.tables import Lake, data_files
from pipelines.samples import write_sample
from pipelines.sources.fetch import fetch
from pipelines.sources.find import LandingObject, Source

Truth = dict[str, Any]
Sample = tuple[Path, Truth]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """A small sample as single objects, and its truth."""
    folder = tmp_path_factory.mktemp("sample") / "sample"
    write_sample(folder, days=10, jobs=1500, seed=7, end=date(2026, 2, 28))
    return folder, json.loads((folder / "truth.json").read_text())["counts"]


def holds_the_truth(lake: Lake, truth: Truth) -> None:
    """Hold every count of the truth against the lake."""
    found = counts(lake)
    rejected, loads = found.pop("rejected"), found.pop("loads")
    assert found == truth["unique"]
    assert rejected == sum(truth["rejected"].values())
    assert loads == 1


def test_the_sample_loads_once_and_no_more(
    sample: Sample, request: pytest.FixtureRequest, place: Place
) -> None:
    folder, truth = sample
    landing = str(folder / "landing")
    if place.url.startswith("s3://"):
        bucket = place.url.removeprefix("s3://").split("/")[0]
        server: S3Server = request.getfixturevalue("s3")
        server.upload(folder / "landing", bucket, "test/landing")
        landing = place.landing
    lake = place.lake()

    first = run_load(lake, [landing])
    before = contents(lake)
    second = run_load(lake, [landing])

    holds_the_truth(lake, truth)
    assert (first.objects, first.received) == (truth["objects"], truth["received"])
    assert (first.duplicate, first.rejected_by_reason) == (truth["duplicate"], truth["rejected"])
    assert (second.load_id, second.objects, second.received) == (None, 0, 0)
    assert contents(lake) == before
    assert newest_load(lake) == 1
    (loaded,) = loads_after(lake, 0)
    assert sum(loaded.partitions["jobs"].values()) == truth["unique"]["jobs"]
    files = table(lake, "jobs").num_rows
    con = connect(lake.storage, s3=lake.is_s3, delta=True)
    if lake.is_s3:  # the same rows through DuckDB's own Delta reader, and through a plain glob
        url = lake.table_url("jobs")
        scanned = con.execute(f"select count(*) from delta_scan('{url}')").fetchall()
        assert scanned == [(files,)]
    glob = f"{lake.table_url('jobs')}/event_date=*/*.parquet"
    plain = con.execute("select count(*) from read_parquet($glob)", {"glob": glob}).fetchall()
    assert plain == [(files,)]


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
def test_the_sample_in_daily_objects_holds_the_same_events(
    sample: Sample, tmp_path: Path, gzip: bool
) -> None:
    folder, truth = sample
    days = tmp_path / "days"
    arguments: Any = {"days": 10, "jobs": 1500, "seed": 7, "end": date(2026, 2, 28)}
    write_sample(days, ndjson=True, gzip=gzip, **arguments)
    one, other = lake_at(tmp_path / "one"), lake_at(tmp_path / "other")

    run_load(one, [days / "landing"])
    run_load(other, [folder / "landing"])

    holds_the_truth(one, truth)
    place = ("source_uri", "source_offset", "load_id", "source_etag", "rejected_id", "inputs")
    in_days, in_objects = contents(one, without=place), contents(other, without=place)
    for name in truth["unique"]:
        # which of two copies of an event is kept, bare or wrapped, depends on the order
        assert without_raw(in_days[name]) == without_raw(in_objects[name]), name


def without_raw(found: list[str]) -> list[Any]:
    """Rows but for the record as received."""
    return sorted(
        json.dumps({k: v for k, v in json.loads(row).items() if k != "raw"}) for row in found
    )


EVENTS = [encode(e) for e in (activity(), activity(id=81), job(), job(id=100), activity())]
FORMS = {
    "array": {"a.json": b"[" + b", ".join(EVENTS) + b"]"},
    "indented array": {"a.json": json.dumps([json.loads(e) for e in EVENTS], indent=2).encode()},
    "lines": {"a.ndjson": b"\n".join(EVENTS) + b"\n"},
    "lines with a mark, carriage returns and blanks": {
        "a.jsonl": b"\xef\xbb\xbf" + b"\r\n\r\n".join(EVENTS) + b"  "
    },
    "lines named json": {"a.json": b"\n".join(EVENTS)},
    "gzip": {"a.json.gz": packed(b"\n".join(EVENTS))},
    "gzip without the suffix": {"a.json": packed(b"\n".join(EVENTS))},
    "gzip in two members": {
        "a.ndjson.gz": packed(EVENTS[0] + b"\n") + packed(b"\n".join(EVENTS[1:]))
    },
    "API page": {"a.json": b'{"data": [' + b",\n ".join(EVENTS) + b'], "total": 5}'},
    "jobs page": {"a.json": b'{"job_count": 5, "items":[' + b",".join(EVENTS) + b"]}"},
    "one in each object": {f"{i}/é #{i}?%41~+&.json": e for i, e in enumerate(EVENTS)},
    "hostile names": {f'it\'s "{i}"/=x;y/{{a}}.json': e for i, e in enumerate(EVENTS)},
}


@pytest.mark.parametrize("form", FORMS)
def test_however_they_are_packed_the_same_events_make_the_same_rows(
    place: Place, form: str
) -> None:
    for name, content in FORMS[form].items():
        place.put(name, content)
    lake = place.lake()

    report = run_load(lake, [place.landing])
    again = run_load(lake, [place.landing])

    assert (report.received, report.accepted, report.rejected) == (5, 5, 0)
    assert again.objects == 0
    kept = [row["raw"] for name in ("activity", "jobs") for row in rows(lake, name)]
    assert sorted(map(json.loads, kept), key=repr) == sorted(map(json.loads, EVENTS), key=repr)
    if "indented" not in form:
        assert sorted(kept) == sorted(e.decode() for e in EVENTS)
    ids = {row["event_id"] for name in ("activity", "jobs") for row in rows(lake, name)}
    assert len(ids) == 5
    assert {"activity:81", "job:100:succeeded"} < ids


def test_an_event_that_comes_again_in_any_form_is_a_duplicate(place: Place) -> None:
    event, run = activity(), job()
    place.put("1.json", encode(event))
    place.put("2.json", encode(run))
    lake = place.lake()
    run_load(lake, [place.landing])

    place.put("3.json", json.dumps(event, indent=4).encode())
    place.put("4.ndjson", encode(event) + b"\n" + encode({"log_message": event}) + b"\n")
    place.put("5.json", encode({"id": "AQ", "attributes": {"attributes": {"message": run}}}))
    place.put("6.json", encode({"logEntries": encode(event).decode()}))
    place.put("7.json", encode(dict(reversed(event.items()))))
    report = run_load(lake, [place.landing])

    assert (report.objects, report.received, report.duplicate) == (5, 6, 6)
    assert counts(lake)["activity"] == counts(lake)["jobs"] == 1


def test_an_object_written_over_is_loaded_again(place: Place) -> None:
    kept, gone, new = activity(), activity(), activity()
    place.put("a.ndjson", encode(kept) + b"\n" + encode(gone))
    lake = place.lake()
    run_load(lake, [place.landing])

    place.put("a.ndjson", encode(kept) + b"\n" + encode(new))
    report = run_load(lake, [place.landing])

    assert (report.objects, report.accepted, report.duplicate) == (1, 1, 1)
    found = {row["raw"].encode() for row in rows(lake, "activity")}
    assert found == {encode(kept), encode(gone), encode(new)}


def test_an_object_that_changes_while_it_is_loaded_is_met_anew(s3: S3Server, bucket: str) -> None:
    from lakes import s3_place

    from pipelines.sources.find import sources_of

    place = s3_place(s3, bucket)
    lake = place.lake()
    sources = sources_of([], lake.url, [place.landing])
    first, second = activity(), activity()
    place.put("a.json", encode(first))
    place.put("b.json", encode(activity()))
    found = find_new(lake, sources, None)
    place.put("a.json", encode(second))

    report = run_load(lake, sources=sources, found=found)
    place.put("a.json", encode(first))  # the content that was listed, and was not read, is back
    later = run_load(lake, sources=sources)

    assert (report.objects, report.accepted) == (1, 1)
    assert (later.objects, later.accepted) == (1, 1)


class Impatient(Storage):
    """Storage whose answers must be read within two seconds, and which never asks again."""

    def store(self, url: str) -> Any:
        """A store at the bucket of `url`."""
        config: Any = self.s3.storage_options | {"aws_bucket": url.removeprefix("s3://")}
        client: Any = {"allow_http": True, "timeout": "2s"}
        return S3Store(config=config, client_options=client, retry_config={"max_retries": 0})


def test_a_large_object_is_read_however_slowly_it_is_judged(
    s3: S3Server, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.sources.fetch.CHUNK_BYTES", 6 * 2**20)
    body = bytes(range(256)) * (30 * 2**12)
    s3.client().put_object(Bucket=bucket, Key="large.json", Body=body)
    storage = Impatient(lake_at(tmp_path).storage.settings)
    item = LandingObject("test", f"s3://{bucket}/large.json", "", len(body), NOW)

    ((_, pieces),) = fetch([item], storage, concurrency=1)
    found = []
    for piece in pieces:
        time.sleep(0.7)
        found.append(piece)

    assert b"".join(found) == body
    assert len(found) == 5


@dataclass(frozen=True)
class Fickle(Storage):
    """Storage in which something happens once a part of the large object was read."""

    happens: Callable[[], None]

    def store(self, url: str) -> Any:
        """A store whose second ranged read comes after what happens."""
        return FickleStore(super().store(url), self.happens)


@dataclass
class FickleStore:
    """A store of `Fickle`."""

    inner: Any
    happens: Callable[[], None] | None

    def get(self, key: str, options: Any) -> Any:
        if self.happens and options.get("range", (0,))[0]:
            self.happens()
            self.happens = None
        return self.inner.get(key, options=options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def test_a_large_object_that_changes_while_it_is_read_is_met_anew(
    s3: S3Server, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lakes import s3_place

    monkeypatch.setattr("pipelines.sources.fetch.WHOLE_BYTES", 1_000)
    monkeypatch.setattr("pipelines.sources.fetch.CHUNK_BYTES", 2**20)
    monkeypatch.setattr("pipelines.lake.load.BATCH_RECORDS", 100)
    place = s3_place(s3, bucket)
    place.put("a.ndjson", b"\n".join(encode(activity()) for _ in range(5_000)))
    place.put("b.json", encode(activity()))
    lake = lake_at(tmp_path / "lake")
    sources = [Source("path", place.landing)]
    found = find_new(lake, sources, None)
    new = b"\n".join(encode(activity()) for _ in range(4_000))
    storage = Fickle(lake.storage.settings, lambda: place.put("a.ndjson", new))

    report = run_load(Lake(storage), sources=sources, found=found)
    again = run_load(lake, sources=sources)

    assert (report.objects, report.received, report.accepted) == (1, 1, 1)
    assert (again.objects, again.accepted) == (1, 4_000)


def test_without_the_right_to_read_nothing_is_committed(
    s3: S3Server, bucket: str, tmp_path: Path
) -> None:
    from lakes import s3_place

    place = s3_place(s3, bucket)
    for number in range(20):
        place.put(f"{number}.json", encode(activity()))
    lake = lake_at(tmp_path / "lake")
    s3.deny(bucket, "s3:GetObject")

    with pytest.raises(SourceError) as refused:
        run_load(lake, [place.landing])
    after = counts(lake)
    s3.restore(bucket)
    report = run_load(lake, [place.landing])

    text = str(refused.value)
    assert "s3:GetObject" in text
    assert place.landing in text
    assert "Nothing" in text
    assert s3.admin.secret not in text
    assert not any(after.values())
    assert report.accepted == counts(lake)["activity"] == 20


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param({"AWS_SECRET_ACCESS_KEY": "wrong"}, "", id="wrong secret"),
        pytest.param({"AWS_ACCESS_KEY_ID": "nobody"}, "", id="unknown key"),
    ],
)
def test_wrong_credentials_are_a_clear_error(
    s3: S3Server,
    bucket: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, str],
    told: str,
) -> None:
    for name, value in change.items():
        monkeypatch.setenv(name, value)
    lake = lake_at(tmp_path / "lake")

    with pytest.raises(SourceError, match=f"cannot list s3://{bucket}/x: .*{told}"):
        run_load(lake, [f"s3://{bucket}/x"])

    assert newest_load(lake) == 0


def test_what_does_not_exist_is_a_clear_error(s3: S3Server, tmp_path: Path) -> None:
    lake = lake_at(tmp_path / "lake")

    with pytest.raises(SourceError, match=r"nowhere does not exist"):
        run_load(lake, [tmp_path / "nowhere"])
    with pytest.raises(SourceError, match=r"bucket or object does not exist"):
        run_load(lake, ["s3://no-such-bucket-here/x"])
    with pytest.raises(SourceError, match=r"there is no object"):
        run_load(lake, [f"s3://{s3.make_bucket()}/x.json"])


@pytest.mark.parametrize("lake_on", ["folder", "s3"])
def test_a_source_that_is_not_durable_is_copied_as_received(
    place: Place, lake_on: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    bodies = {
        "a.json": encode(activity()),
        "sub/a.json": encode(activity()),
        "b é#?.ndjson.gz": packed(encode(job())),
        "bad.json": b"{\xff",
    }
    for name, body in bodies.items():
        place.put(name, body)
    url = str(tmp_path / "kept")
    server: S3Server = request.getfixturevalue("s3")
    if lake_on == "s3":
        url = f"s3://{request.getfixturevalue('bucket')}/kept"
    lake = lake_at(url)
    sources = [Source("volatile", place.landing, copy_to_landing=True)]

    first = run_load(lake, sources=sources)
    second = run_load(lake, sources=sources)

    if lake_on == "s3":
        bucket = url.split("/")[2]
        copies = [
            server.client().get_object(Bucket=bucket, Key=key)["Body"].read()
            for key in server.keys(bucket, "kept/landing/volatile/")
        ]
    else:
        copies = [p.read_bytes() for p in (tmp_path / "kept/landing/volatile").rglob("*.*")]
    assert sorted(copies) == sorted(bodies.values())
    assert (first.objects, first.accepted, first.rejected) == (4, 3, 1)
    assert second.objects == 0
    held = {row["source_uri"] for row in rows(lake, "activity")}
    assert all(uri.startswith(f"{lake.url}/landing/volatile/") for uri in held)


def test_a_load_is_dated_by_the_given_clock(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(encode(activity()))
    lake = lake_at(tmp_path / "lake")

    run_load(lake, [tmp_path / "a.json"])

    (row,) = rows(lake, "activity")
    assert row["loaded_at"] == NOW
    assert row["source_uri"] == str(tmp_path / "a.json")


def test_long_records_are_staged_in_little_memory(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    text = "x" * 9_800
    place.put("a.ndjson", b"\n".join(encode(job(title=text)) for _ in range(5_000)))

    report = run_load(place.lake(memory_limit_mb=256), [place.landing])

    assert report.accepted == 5_000


def test_a_day_that_does_not_fit_into_memory_becomes_several_sorted_files(tmp_path: Path) -> None:
    landing, count = tmp_path / "landing.ndjson", 100_000
    with landing.open("wb") as file:  # half of the memory, and 2 KB each
        for n in range(count):
            record = job(id=f"j-{n}", recipe_id=n % 7, title=f"{n:05d}" * 330)
            file.write(encode(record) + b"\n")
    lake = lake_at(tmp_path / "lake", memory_limit_mb=384)

    report = run_load(lake, [landing])

    keys = [
        connect(lake.storage)
        .execute(
            "select workspace_id, recipe_id, occurred_at from read_parquet($file)", {"file": f}
        )
        .fetchall()
        for f in lake.open("jobs").file_uris()
    ]
    assert report.accepted == sum(map(len, keys)) == count
    assert len(keys) > 1
    assert all(held == sorted(held) for held in keys)


def test_a_lake_may_lie_in_a_folder_of_any_name(tmp_path: Path) -> None:
    place = folder_place(tmp_path / "a läke #1, 50 km")
    for number in (1, 2):
        place.put(f"{number}.json", encode(job(id=f"j-{number}")))
        report = run_load(place.lake(), [place.landing])
        assert (report.objects, report.accepted) == (1, 1)
    lake = place.lake()

    assert {row["job_id"] for row in rows(lake, "jobs")} == {"j-1", "j-2"}
    assert all(Path(file).is_file() for file in data_files(lake.open("jobs")))


def test_a_load_is_found_by_its_number_without_reading_the_others(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    for number in (1, 2, 3):
        place.put(f"{number}.json", encode(job(id=f"j-{number}")))
        run_load(place.lake(), [place.landing])
    lake = place.lake()

    assert len(load_files(lake, lake.open("loads"), 2, 2)) == 1
    for _ in range(2):
        found = [find_load(lake, number) for number in range(5)]
        assert [load.load_number if load else None for load in found] == [None, 1, 2, 3, None]
        assert [load.load_number for load in loads_after(lake, 1)] == [2, 3]
        list(compact(lake, clock=lambda: NOW, unique=lambda: "u", all_days=True))
    assert len(lake.open("loads").file_uris()) == 1

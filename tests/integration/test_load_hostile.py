"""Load, hostile input: kept byte for byte or rejected with its bytes; neighbours unharmed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lakes import activity, counts, encode, folder_place, job, packed, rows, run_load

from pipelines.samples.traps import WRAPPERS

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
)
LAYOUTS: tuple[dict[str, Any], ...] = (
    {"separators": (",", ":")},
    {"indent": 2, "ensure_ascii": False},
    {"separators": (" , ", " :\t")},
    {"indent": 0},
)
VECTORS = Path(__file__).parents[1] / "vectors" / "json" / "test_parsing"
BIG = 123456789012345678901234567890


def inside(text: bytes, **fields: Any) -> bytes:
    """An activity event with raw JSON text as a detail."""
    return encode(activity(**fields, details={"x": 0})).replace(b'{"x":0}', b'{"x":' + text + b"}")


def nested(levels: int) -> bytes:
    """Text of an object with so many levels."""
    return b'{"a":' * levels + b"1" + b"}" * levels


REJECTED: dict[str, tuple[str, bytes]] = {
    "NaN": ("not_json", inside(b"NaN")),
    "Infinity": ("not_json", inside(b"-Infinity")),
    "lone surrogate": ("not_json", inside(b'"\\ud800"')),
    "invalid UTF-8": ("not_json", inside(b'"\xff\xfe"')),
    "overlong UTF-8": ("not_json", inside(b'"\xc0\xaf"')),
    "UTF-16": ("not_json", encode(activity()).decode().encode("utf-16")),
    "control character": ("not_json", inside(b'"\x01"')),
    "single quotes": ("not_json", b"{'event': 'x', 'resource': {}}"),
    "comment": ("not_json", inside(b"/**/1")),
    "trailing comma": ("not_json", inside(b"[1,]")),
    "number beyond a double": ("not_json", inside(b"1e400")),
    "number of 5,000 digits": ("not_json", inside(b"1" * 5_000)),
    "100,000 brackets": ("not_json", b"[" * 100_000),
    "100,000 levels": ("not_json", nested(100_000)),
    "100,000 levels inside": ("not_json", inside(nested(100_000))),
    "duplicate key": ("duplicate_key", b'{"event":"a","event":"b","resource":{"id":1}}'),
    "duplicate key deep down": ("duplicate_key", inside(b'{"k":1,"k":1}')),
    "duplicate key by escape": ("duplicate_key", inside(b'{"k":1,"\\u006b":2}')),
    "duplicate key of a wrapper": (
        "duplicate_key",
        b'{"log_message":1,"log_message":' + encode(activity()) + b"}",
    ),
    "duplicate key of a page": (
        "duplicate_key",
        b'{"data":[' + encode(activity()) + b'],"data":[' + encode(activity()) + b"]}",
    ),
    "truncated": ("not_json", encode(job())[:-40]),
    "truncated in a character": ("not_json", '{"event":"é'.encode()[:-1]),
    "HTML": ("not_json", b"<html>\n<body>{}</body>\n</html>\n"),
    "empty": ("not_json", b""),
    "white space": ("not_json", b" \r\n\t"),
    "only a byte order mark": ("not_json", b"\xef\xbb\xbf"),
    "marked and broken": ("not_json", b"\xef\xbb\xbf{"),
    "binary": ("not_json", bytes(range(256))),
    "number": ("not_an_event", b"42"),
    "text": ("not_an_event", b'"event"'),
    "null": ("not_an_event", b"null"),
    "empty array": ("not_an_event", b"[]"),
    "empty object": ("not_an_event", b"{}"),
    "other object": ("not_an_event", b'{"hello": "world"}'),
    "many small objects": (
        "not_an_event",
        encode({f"k{i}": {"v": i} for i in range(40_000)}),
    ),
    "event below too many wrappers": (
        "not_an_event",
        b'{"w":' * 9 + encode(activity()) + b"}" * 9,
    ),
    "no time": ("bad_time", encode(activity(timestamp=None))),
    "wrong time": ("bad_time", encode(activity(timestamp="yesterday"))),
    "impossible day": ("bad_time", encode(activity(timestamp="2026-02-30 10:00:00 UTC"))),
    "long ago": ("bad_time", encode(activity(timestamp="1970-01-01 00:00:00 UTC"))),
    "far future": ("bad_time", encode(activity(timestamp="2099-01-01 00:00:00 UTC"))),
    "far future of a job": (
        "bad_time",
        encode(job(completed_at="2099-01-01T00:00:00Z")),
    ),
    "time is an object": ("bad_time", encode(activity(timestamp={"at": 1}))),
    "no event name": ("not_an_event", encode(activity(event=None))),
    "no status": ("not_an_event", encode(job(status=None))),
    "action_count past 64 bits": ("bad_value", encode(job(action_count=BIG))),
    "action_count is text": ("bad_value", encode(job(action_count="many"))),
    "gzip of nonsense": ("not_json", packed(b"nonsense")),
    "gzip header and nonsense": ("not_json", b"\x1f\x8bnonsense"),
}
ACCEPTED: dict[str, bytes] = {
    "NUL and every escape": inside(b'"\\u0000\\b\\f\\n\\r\\t\\/\\\\\\"\\ud83d\\ude00"'),
    "any script": inside('"עברית 中文 \u202e\u2028\ufeff 👩‍👩‍👧"'.encode()),
    "markup": inside(b"\"<script>alert('1')</script>'; drop table activity; --\""),
    "white space": b" " + json.dumps(activity(), indent=3).encode() + b"\n ",
    "byte order mark": b"\xef\xbb\xbf" + encode(activity()),
    "numbers past 64 bits": inside(b"[123456789012345678901234567890,-1e-400,0.10,1E5,-0]"),
    "300 levels": inside(nested(300)),
    "nothing in it": b'{"event":"x","resource":null,"timestamp":"2026-02-03 09:15:27 UTC"}',
    "texts for objects": encode(
        activity(team="t", user="u", resource="r", details="d", resource_changes="c")
    ),
    "half JSON for objects": encode(
        activity(
            team={"environment": "{half"},
            user=["u"],
            resource={"member": 3, "id": {"a": 1}, "type": ["x"]},
            details={"request": "{", "force": "maybe"},
            resource_changes="{half",
        )
    ),
    "empty id": encode(activity(id="")),
    "blank id": encode(activity(id=" ")),
    "boolean id": encode(activity(id=True)),
    "id is an object": encode(activity(id={})),
    "unknown event": encode(activity(event="dragon::tamed")),
    "resource type with colons": encode(
        activity(resource={"type": "Tags::Models::Tag", "id": "tag-1"})
    ),
    "lines as text": encode(job(lines="Log lines exceed size limit")),
    "lines with nonsense": encode(job(lines=[None, 1, "x", {"line_stat": "slow", "input": 5}])),
    "error parts are half JSON": encode(job(error_parts="{half", error="{half", status="failed")),
    "http response is half JSON": encode(
        job(error={"message": "m", "http_response": "{half"}, status="failed")
    ),
    "integer id": encode(job(id=4711)),
    "action_count as text": encode(job(action_count="12")),
    "unicode key": encode(job(ключ={"": ""})),
}


def test_hostile_input_harms_nobody(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    bodies = {f"rejected/{name}.json": body for name, (_, body) in REJECTED.items()}
    bodies |= {f"accepted/{name}.json": body for name, body in ACCEPTED.items()}
    for name, body in bodies.items():
        folder, file = name.split("/")
        place.put(f"{folder}/0 {file}", encode(activity()))
        place.put(f"{folder}/{file}", body)
    neighbours = len(bodies)

    report = run_load(place.lake(), [place.landing])

    found: dict[str, Any] = {
        Path(row["source_uri"]).stem: (row["reason"], row["bytes"])
        for row in rows(place.lake(), "rejected")
    }
    expected = dict(REJECTED)
    expected["gzip of nonsense"] = ("not_json", b"nonsense")
    assert found.keys() == expected.keys()
    for name, (reason, body) in expected.items():
        assert found[name] == (reason, body), name
    kept = rows(place.lake(), "activity") + rows(place.lake(), "jobs")
    raw = {row["source_uri"].removeprefix(place.landing + "/"): row["raw"] for row in kept}
    for name, body in ACCEPTED.items():
        text = body.removeprefix(b"\xef\xbb\xbf").strip()
        assert raw[f"accepted/{name}.json"].encode() == text, name
    assert report.accepted == neighbours + len(ACCEPTED)
    assert report.rejected == len(REJECTED)
    assert report.unknown_event_types["dragon::tamed"] == 1


def test_one_bad_line_among_good_ones_is_rejected_alone(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    bad = [body for _, body in REJECTED.values() if body.strip() and b"\n" not in body]
    lines = [line for body in bad for line in (encode(activity()), body)]
    place.put("a.ndjson", b"\n".join(lines))
    cut = packed(encode(activity()) + b"\n" + encode(activity()) + b"\n")
    place.put("cut.ndjson.gz", cut[:-12])

    report = run_load(place.lake(), [f"{place.landing}/a.ndjson"])
    cut_short = run_load(place.lake(), [f"{place.landing}/cut.ndjson.gz"])

    in_lines = [row["bytes"] for row in rows(place.lake(), "rejected")]
    assert report.accepted == len(bad)
    assert set(in_lines) >= {body.strip(b" \r\t") for body in bad}
    assert cut_short.rejected >= 1, "an archive that ends early is seen"


def test_bad_elements_of_pages_and_arrays_are_rejected_alone(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    good = [encode(activity()) for _ in range(4)]
    twice = b'{"event":"a","event":"b","resource":{"id":1}}'
    place.put("page.json", b'{"data":[' + b",".join((good[0], b'{"no":1}', twice, good[1])) + b"]}")
    place.put("array.json", b"[" + b",".join((good[2], b"7", b"[1]", twice, good[3])) + b"]")
    place.put("arrays in arrays.json", b"[{}," * 900 + b"1" + b"]" * 900)
    place.put("empty page.json", b'{"data": [], "total": 0}')

    report = run_load(place.lake(), [place.landing])

    assert report.accepted == 4
    assert report.rejected_by_reason == {"not_an_event": 3 + 5, "duplicate_key": 2}
    assert {row["raw"].encode() for row in rows(place.lake(), "activity")} == set(good)


def test_events_without_a_usable_id_are_never_merged(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    ids: list[Any] = ["", " ", True, {}, [], None, BIG, BIG + 1, str(BIG + 1), 12.5]
    for number, found in enumerate(ids):
        place.put(f"a{number}.json", encode(activity(id=found)))
        place.put(f"j{number}.json", encode(job(id=found)))

    report = run_load(place.lake(), [place.landing])

    # BIG + 1 comes as a number and as text: one id, two spellings
    assert (report.accepted, report.duplicate) == (2 * len(ids) - 2, 2)


def test_numbers_past_64_bits_stay_exact(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    place.put("a.json", encode(activity(id=BIG, user={"id": BIG + 1}, team={"id": BIG + 2})))
    place.put("j.json", encode(job(id=BIG + 3, recipe_id=BIG + 4, account_id=BIG + 5)))

    run_load(place.lake(), [place.landing])

    (event,), (run,) = rows(place.lake(), "activity"), rows(place.lake(), "jobs")
    assert event["event_id"] == f"activity:{BIG}"
    assert (event["activity_id"], event["actor_id"]) == (str(BIG), str(BIG + 1))
    assert event["workspace_id"] == str(BIG + 2)
    assert run["event_id"] == f"job:{BIG + 3}:succeeded"
    assert (run["recipe_id"], run["workspace_id"]) == (str(BIG + 4), str(BIG + 5))


def test_a_record_of_40_megabytes_is_kept(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    output = {"text": 'naïve "text" \n' * 1_000_000, "n": list(range(2_000_000))}
    lines = [{"recipe_line_number": 0, "adapter_name": "clock", "output": output}]
    body = encode(job(id="huge", lines=lines))
    assert len(body) > 30_000_000
    place.put("0.json", encode(job()))
    place.put("1.json", body)
    place.put("2.ndjson", encode(job()) + b"\n" + body.replace(b'"huge"', b'"large"') + b"\n")
    place.put("3.json", encode(job()))

    report = run_load(place.lake(), [place.landing])

    kept = {row["job_id"]: row["raw"] for row in rows(place.lake(), "jobs")}
    assert report.accepted == 5
    assert kept["huge"].encode() == body
    assert counts(place.lake())["job_steps"] == 3 * 2 + 2


def test_a_record_that_would_fill_the_memory_is_rejected_alone(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    huge = b'{"a":"' + b"x" * 40 * 2**20
    array = b"[" + encode(activity()) + b"," + b" ,".join([encode(job())] * 9) + b"," + huge
    place.put("0.json", encode(activity()))
    place.put("1.json.gz", packed(huge))
    place.put("2.ndjson", encode(activity()) + b"\n" + huge + b"\n" + encode(activity()))
    place.put("3.json.gz", packed(array))
    place.put("4.json", encode(activity()))
    lake = place.lake(max_record_mb=1)

    report = run_load(lake, [place.landing])

    found = {row["source_uri"].rpartition("/")[2]: row for row in rows(lake, "rejected")}
    assert report.rejected_by_reason == {"too_large": 3}
    assert report.accepted == 6
    assert found["1.json.gz"]["source_offset"] == 0
    assert found["1.json.gz"]["bytes"] == b""
    assert f"{len(huge)} bytes" in found["1.json.gz"]["detail"]
    assert found["2.ndjson"]["source_offset"] == len(encode(activity())) + 1
    assert found["3.json.gz"]["source_offset"] == len(array) - len(huge)
    assert report.bytes < 50 * 2**20


@settings(max_examples=8)
@given(st.lists(st.tuples(JSON, TEXT, st.sampled_from(LAYOUTS)), min_size=15, max_size=40))
def test_any_event_is_in_the_lake_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, cases: list[tuple[Any, str, dict[str, Any]]]
) -> None:
    place = folder_place(tmp_path_factory.mktemp("any"))
    sent: dict[str, tuple[bytes, str]] = {}
    for number, (value, text, layout) in enumerate(cases):
        record: dict[str, Any] = activity(details={"any": value}, resource={"name": text})
        if number % 2:
            record = job(id=f"j-{number}", report=value, title=text, unknown={text: value})
        name = f"{number}.json"
        sent[name] = json.dumps(record, **layout).encode(), text
        place.put(name, sent[name][0])

    report = run_load(place.lake(), [place.landing])

    found = rows(place.lake(), "activity") + rows(place.lake(), "jobs")
    kept = {row["source_uri"].rpartition("/")[2]: row for row in found}
    assert report.rejected == 0
    for name, row in kept.items():
        content, text = sent[name]
        assert row["raw"].encode() == content
        assert row["resource_name" if row["event_kind"] == "activity" else "title"] == text
    assert len(kept) + report.duplicate == len(cases)


def test_a_working_folder_may_have_any_name(tmp_path: Path) -> None:
    place = folder_place(tmp_path / "it's % a 'place'")
    work = tmp_path / "the user's"
    work.mkdir()
    place.put("a.json", encode(job()))

    report = run_load(place.lake(work_dir=work), [place.landing])

    assert report.accepted == 1
    assert not list(work.iterdir())


@pytest.mark.parametrize("wrap", WRAPPERS, ids=lambda wrap: wrap.__name__)
def test_a_wrapped_job_keeps_its_steps_in_order(tmp_path: Path, wrap: Any) -> None:
    place, other = folder_place(tmp_path / "bare"), folder_place(tmp_path / "wrapped")
    lines = [{"recipe_line_number": n, "adapter_name": f"a{n}"} for n in range(12)]
    record = encode(job(lines=lines))
    place.put("a.json", record)
    other.put("a.json", wrap(record.decode(), 1_770_000_000).encode())
    other.put("b.json", encode(job(lines=lines[:1])))

    run_load(place.lake(), [place.landing])
    run_load(other.lake(), [other.landing])

    bare, wrapped = ([_step(row) for row in rows(p.lake(), "job_steps")] for p in (place, other))
    assert [step[1:] for step in bare] == [(n, n, f"a{n}") for n in range(12)]
    assert wrapped[:12] == bare
    assert len(wrapped) == 13


def _step(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["job_event_id"], row["step_index"], row["recipe_line_number"], row["adapter_name"]


@pytest.mark.parametrize("wrap", WRAPPERS, ids=lambda wrap: wrap.__name__)
@pytest.mark.parametrize("bare_first", [True, False])
def test_wrapped_and_bare_are_one_event(tmp_path: Path, wrap: Any, bare_first: bool) -> None:
    place = folder_place(tmp_path)
    odd = encode(activity(details={"n": BIG, "x": 0.1, "deep": {"ü": [1, {"b": None, "a": 1}]}}))
    plain = encode(activity())
    wrapped = {
        f"{i}-w.json": wrap(e.decode(), 1_770_000_000).encode() for i, e in enumerate((odd, plain))
    }
    bare = {f"{i}.json": e for i, e in enumerate((odd, plain))}
    first, second = (bare, wrapped) if bare_first else (wrapped, bare)

    for name, body in first.items():
        place.put(name, body)
    one = run_load(place.lake(), [place.landing])
    for name, body in second.items():
        place.put(name, body)
    two = run_load(place.lake(), [place.landing])

    assert (one.accepted, two.duplicate) == (2, 2)
    kept = {row["raw"].encode() for row in rows(place.lake(), "activity")}
    assert kept == set(first.values())


def test_every_published_parsing_case_is_judged_right(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    cases = {path.name: path.read_bytes() for path in sorted(VECTORS.glob("*.json"))}
    assert len(cases) == 318
    for name, body in cases.items():
        place.put(name, body)
        place.put(f"{name}.neighbour.json", encode(activity()))

    report = run_load(place.lake(), [place.landing])

    found: dict[str, list[tuple[str, bytes]]] = {}
    for row in rows(place.lake(), "rejected"):
        name = row["source_uri"].rpartition("/")[2]
        found.setdefault(name, []).append((row["reason"], row["bytes"]))
    for name, body in cases.items():
        reasons = {reason for reason, _ in found[name]}
        if name.startswith("y_"):
            assert reasons <= {"not_an_event", "duplicate_key"}, name
        elif name.startswith("n_"):
            assert reasons == {"not_json"}, name
        if "BOM_empty_object" not in name and not _holds_objects(body):
            assert b"".join(text for _, text in found[name]).strip() == body.strip(), name
    assert report.accepted == counts(place.lake())["activity"] == 318


def _holds_objects(body: bytes) -> bool:
    """Whether a case is an array with objects, whose elements are rejected one by one."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def test_every_published_parsing_case_as_a_value_in_an_event(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    cases = {path.name: path.read_bytes().strip() for path in sorted(VECTORS.glob("*.json"))}
    cases = {name: inside(body) for name, body in cases.items() if b"\n" not in body}
    lines = [line for body in cases.values() for line in (body, encode(activity()))]
    place.put("all.ndjson", b"\n".join(lines))
    for name, body in cases.items():
        place.put(f"each/{name}", body)

    both = run_load(place.lake("one"), [f"{place.landing}/all.ndjson"])
    each = run_load(place.lake("two"), [f"{place.landing}/each"])

    refused = {row["source_uri"].rpartition("/")[2] for row in rows(place.lake("two"), "rejected")}
    duplicates = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}
    for name in cases:
        if name.startswith("y_"):
            assert (name in refused) == (name in duplicates), name
    kept = {row["raw"].encode() for row in rows(place.lake("two"), "activity")}
    bad = {row["bytes"] for row in rows(place.lake("two"), "rejected")}
    assert kept | bad == set(cases.values())
    assert (both.rejected, both.accepted) == (each.rejected, each.accepted + len(cases))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[[" + b"{}," * 6_000_000 + b"{}]]", id="array in an array"),
        pytest.param(b'{"a":[' + b"{}," * 6_000_000 + b"{}]}", id="object"),
        pytest.param(b'{"a":[\n' + b"{},\n" * 6_000_000 + b"{}]}", id="object over many lines"),
    ],
)
def test_a_record_of_too_many_values_is_rejected_unread(tmp_path: Path, body: bytes) -> None:
    place = folder_place(tmp_path)
    place.put("0.json", encode(activity()))
    place.put("1.json", body)
    place.put("2.json", encode(activity()))

    report = run_load(place.lake(), [place.landing])

    (row,) = rows(place.lake(), "rejected")
    assert report.accepted == 2
    assert row["reason"] == "too_large"
    assert "more values than" in row["detail"]
    assert row["bytes"] == b""


def test_marks_inside_of_texts_do_not_crowd_a_record(tmp_path: Path) -> None:
    place = folder_place(tmp_path)
    body = encode(job(title='[{,"\\' * 3_000_000))
    place.put("1.json", body)

    report = run_load(place.lake(), [place.landing])

    assert report.accepted == 1
    assert rows(place.lake(), "jobs")[0]["raw"].encode() == body

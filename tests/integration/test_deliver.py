from __future__ import annotations

import random
import shutil
import threading
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from desk import Desk, Service, nothing_is_lost, settings
from lakes import NOW, activity, encode, folder_place, job, lake_at, rows, run_load, s3_place
from receivers import Answer, Request, receiving
from s3_server import S3Server

from pipelines.exports.health import due_sinks, health
from pipelines.exports.ledger import LedgerError, open_url
from pipelines.exports.redrive import redrive
from pipelines.exports.replay import plan_replay, replay
from pipelines.lake.maintain import compact
from pipelines.sinks.http import HttpSettings
from pipelines.sinks.registry import open_sink
from pipelines.sinks.sink import Limits

EVENTS = 22


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of two loads: 22 events of two kinds and three days."""
    folder = tmp_path_factory.mktemp("loaded")
    place = folder_place(folder)
    days = ("2026-02-03", "2026-02-04", "2026-02-05")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for number in range(2):
            events = [
                activity(timestamp=f"{days[n % 3]} 09:{n:02}:00 UTC", event=f"type_{n % 2}")
                for n in range(8)
            ]
            events += [job(status="failed" if n else "succeeded") for n in range(3)]
            place.put(f"{number}.ndjson", b"\n".join(encode(event) for event in events))
            run_load(place.lake(), [place.landing])
    return folder / "lake-1"


@pytest.fixture
def lake_copy(loaded: Path, tmp_path: Path) -> Path:
    """A copy of that lake."""
    return Path(shutil.copytree(loaded, tmp_path / "lake"))


@pytest.fixture
def desk(lake_copy: Path, tmp_path: Path) -> Desk:
    """The lake, with an empty ledger and a service that is well."""
    return Desk(
        lake_at(lake_copy), f"sqlite:///{tmp_path}/ledger.sqlite", Service(tmp_path / "taken")
    )


def test_of_fourteen_sinks_a_dead_and_a_slow_one_hold_up_no_other(desk: Desk) -> None:
    """The slow one answers only after the twelve that are well have everything."""
    everywhere = threading.Event()
    waited: list[bool] = []
    arrived: Counter[str] = Counter()
    lock = threading.Lock()

    def rule(request: Request) -> Answer:
        name = request.path.strip("/")
        if name == "slow":
            waited.append(everywhere.wait(60))
        with lock:
            arrived[name] += len(request.lines)
            if sum(arrived[one] for one in well) == EVENTS * len(well):
                everywhere.set()
        return Answer()

    well = [f"sink{number}" for number in range(12)]
    with receiving(rule) as receiver:
        urls = {name: f"{receiver.url}/{name}" for name in ("slow", *well)}
        # nobody listens at port 9
        urls = {"slow": urls.pop("slow"), "dead": "http://127.0.0.1:9/dead"} | urls
        desk.sinks = [
            HttpSettings(name=name, kind="http", url=url, start="beginning", batch_events=5)
            for name, url in urls.items()
        ]

        done = {one.sink: one for one in desk.deliver_all(open_sink=open_sink)}

    assert set(waited) == {True}
    assert done.pop("dead").waiting == EVENTS
    assert {name: one.delivered for name, one in done.items()} == dict.fromkeys(done, EVENTS)
    assert arrived == Counter(dict.fromkeys(["slow", *well], EVENTS))


def test_what_is_loaded_arrives_once_and_in_order(desk: Desk) -> None:
    done = desk.deliver()
    again = desk.deliver()

    assert (done.delivered, done.waiting, done.dead, done.filtered) == (EVENTS, 0, 0, 0)
    assert (again.delivered, again.batches) == (0, 0)
    moments = {
        r["event_id"]: r["occurred_at"] for t in ("activity", "jobs") for r in rows(desk.lake, t)
    }
    loads = {r["event_id"]: r["load_id"] for t in ("activity", "jobs") for r in rows(desk.lake, t)}
    arrived = desk.service.events()
    first = arrived[: EVENTS // 2]
    assert len({loads[event_id] for event_id in first}) == 1
    assert [moments[e] for e in first] == sorted(moments[e] for e in first)
    nothing_is_lost(desk)


def test_a_sink_that_is_new_begins_with_the_next_load(desk: Desk, tmp_path: Path) -> None:
    desk.sinks = [settings(start="now")]
    desk.deliver()
    place = folder_place(tmp_path / "more")
    place.put("x.ndjson", encode(activity()))
    run_load(desk.lake, [place.landing])

    done = desk.deliver()

    assert done.delivered == 1


@pytest.mark.parametrize(
    ("chosen", "sent"),
    [
        pytest.param({"kinds": ["job"]}, 6, id="kinds"),
        pytest.param({"event_types": ["type_0"]}, 8, id="event_types"),
        pytest.param({"resource_types": ["Flow"], "kinds": ["activity"]}, 16, id="resource_types"),
        pytest.param({"workspaces": ["70121"]}, 22, id="workspaces"),
        pytest.param({"environments": ["prod"]}, 6, id="environments"),
        pytest.param({"failed_jobs_only": True}, 20, id="failed_jobs_only"),
        pytest.param(
            {"where": "occurred_at < timestamptz '2026-02-04' -- that day"}, 12, id="where"
        ),
        pytest.param(
            {"where": "job_id is not null or stop_reason = 'nobody'"},
            6,
            id="a column that only some kinds have",
        ),
    ],
)
def test_what_a_filter_leaves_out_is_counted_apart(
    desk: Desk, chosen: dict[str, object], sent: int
) -> None:
    desk.sinks = [settings(**chosen)]

    done = desk.deliver()

    assert (done.delivered, done.filtered) == (sent, EVENTS - sent)
    assert desk.balance().broken == ()


def test_events_whose_files_were_merged_with_those_of_other_loads_are_counted(desk: Desk) -> None:
    merged = list(compact(desk.lake, clock=lambda: NOW, unique=lambda: "m", all_days=True))
    desk.sinks = [settings(kinds=["job"])]

    done = desk.deliver()

    assert merged
    assert (done.delivered, done.filtered) == (6, EVENTS - 6)
    assert desk.balance().broken == ()


@pytest.mark.parametrize("where", ["no_such_column = 1", "1 = 1; drop table x", "outcome ="])
def test_a_filter_that_cannot_be_used_is_named_and_events_wait(desk: Desk, where: str) -> None:
    desk.sinks = [settings(where=where)]

    done = desk.deliver()

    assert "'where'" in (done.problem or "")
    assert desk.service.events() == []
    assert health(desk.ledger, ["siem"])[0].pending_loads == 2
    desk.sinks = [settings()]
    assert desk.deliver().problem is None
    nothing_is_lost(desk)


def test_a_bad_template_is_named_with_its_line_and_stops_no_other_sink(
    desk: Desk, tmp_path: Path
) -> None:
    template = tmp_path / "bad.json"
    template.write_text('{"a":\n{{ no_such_field }}}')
    desk.sinks = [settings("bad", template=str(template)), settings("good")]

    bad, good = desk.deliver_all()

    assert "no_such_field" in (bad.problem or "")
    assert ":2" in (bad.problem or "")
    assert good.delivered == EVENTS


def test_what_cannot_be_delivered_waits_in_the_cache_and_goes_in_order_later(desk: Desk) -> None:
    desk.service.moods = ["away"]
    away = desk.deliver()
    desk.service.moods = ["well"]
    too_soon = desk.deliver()
    desk.later(hours=1)

    done = desk.deliver()

    assert (away.delivered, away.waiting, away.cause) == (0, EVENTS, "network")
    assert (too_soon.delivered, too_soon.waiting) == (0, EVENTS)
    assert (done.delivered, done.waiting) == (EVENTS, 0)
    assert len(desk.service.events()) == EVENTS
    nothing_is_lost(desk)


def test_repeats_are_byte_identical_though_the_template_tells_the_time(
    desk: Desk, tmp_path: Path
) -> None:
    template = tmp_path / "now.json"
    template.write_text('{"at": {{{now_utc_nano}}}, "event": {{{log_message}}}}')
    desk.sinks = [settings(template=str(template))]
    desk.service.moods = ["accepts_and_times_out"]
    desk.deliver()
    desk.later(days=1)
    desk.service.moods = ["well"]

    desk.deliver()

    first, *rest = desk.service.deliveries()
    assert first in rest
    nothing_is_lost(desk)


def test_a_sink_that_is_denied_is_not_asked_again_before_a_probe(desk: Desk) -> None:
    desk.service.moods = ["denied"]
    desk.deliver()
    sends = desk.service.sends
    desk.later(hours=1)

    broken = desk.deliver()

    assert (sends, desk.service.sends) == (1, 1)
    assert (broken.breaker, broken.cause, broken.waiting) == ("open", "access_denied", EVENTS)
    desk.service.moods = ["well"]
    desk.later(hours=1)
    assert (desk.deliver().breaker, desk.service.sends) == ("closed", 7)
    nothing_is_lost(desk)


def test_a_probe_that_succeeds_lets_one_batch_go_first(desk: Desk) -> None:
    desk.service.moods = ["denied"]
    desk.deliver()
    desk.later(hours=1)
    desk.service.moods = ["away"]

    half_open = desk.deliver()

    assert (half_open.breaker, desk.service.sends) == ("open", 2)


def test_a_refused_event_stands_alone_and_the_rest_goes_on(desk: Desk) -> None:
    poison = frozenset(sorted(desk.event_ids())[3:5])
    desk.service.poison = poison

    done = desk.deliver()

    assert (done.delivered, done.dead) == (EVENTS - 2, 2)
    nothing_is_lost(desk, dead=poison)
    assert len(desk.files()) == 2


def test_a_waiting_batch_with_a_refused_event_is_split_as_well(desk: Desk) -> None:
    desk.service.moods = ["away"]
    desk.deliver()
    desk.later(hours=1)
    desk.service.moods = ["well"]
    desk.service.poison = frozenset(sorted(desk.event_ids())[3:5])

    done = desk.deliver()

    assert (done.delivered, done.dead, done.waiting) == (EVENTS - 2, 2, 0)
    nothing_is_lost(desk, dead=desk.service.poison)


def test_events_that_the_service_names_are_parked_or_sent_again_without_the_others(
    desk: Desk,
) -> None:
    poison = frozenset(sorted(desk.event_ids())[:1])
    desk.service.poison, desk.service.moods = poison, ["partly"]
    parked = desk.deliver()
    desk.later(hours=1)

    assert (parked.delivered, parked.dead) == (EVENTS - 1, 1)
    assert len(desk.service.events()) == EVENTS - 1
    nothing_is_lost(desk, dead=poison)


def test_of_a_batch_taken_in_part_only_the_rest_is_sent_again(desk: Desk) -> None:
    desk.service.moods = ["half"]
    first = desk.deliver()
    desk.service.moods = ["well"]
    desk.later(hours=1)

    desk.deliver()

    assert (first.delivered, first.cause) == (2, "throttled")
    assert len(desk.service.events()) == EVENTS
    nothing_is_lost(desk)


def test_a_message_that_no_batch_can_hold_is_parked_with_its_size(desk: Desk) -> None:
    desk.service.limits = Limits(events=4, bytes=600, event_bytes=400)

    done = desk.deliver()

    assert done.dead == 6
    assert done.delivered == EVENTS - 6
    letters = health(desk.ledger, ["siem"])[0].dead_events
    assert letters == 6
    assert desk.balance().broken == ()


def test_dead_letters_that_are_redriven_arrive_and_are_dead_no_more(desk: Desk) -> None:
    desk.service.poison = frozenset(sorted(desk.event_ids())[3:5])
    desk.deliver()
    one, *_ = sorted(desk.service.poison)
    desk.service.poison = frozenset()

    redriven = redrive(desk.lake, desk.ledger, "siem", {one}, now=desk.now)
    waiting = desk.deliver().waiting
    rest = redrive(desk.lake, desk.ledger, "siem", None, now=desk.now)
    desk.deliver()

    assert (redriven, waiting, rest) == (1, 0, 1)
    assert redrive(desk.lake, desk.ledger, "siem", None, now=desk.now) == 0
    nothing_is_lost(desk)


def test_a_replay_sends_a_range_once_more_through_another_template(
    desk: Desk, tmp_path: Path
) -> None:
    desk.deliver()
    template = tmp_path / "id.json"
    template.write_text('{"id": {{ event_id | json }}}')
    start = NOW.replace(month=2, day=4, hour=0)
    plan = plan_replay(desk.lake, desk.sinks[0], start, start + timedelta(days=1), str(template))

    replay(desk.lake, desk.ledger, plan, unique=lambda: "r1", now=desk.now)
    done = desk.deliver()

    assert plan.selected_by_kind == {"activity": 6}
    assert done.delivered == 6
    assert all('{"id":' in m for d in desk.service.deliveries()[-2:] for m in d["messages"])
    assert desk.balance().broken == ()


def test_a_service_that_throttles_for_a_week_gets_everything_afterwards(desk: Desk) -> None:
    draw = random.Random(7)
    desk.chance = draw.random
    desk.service.moods, desk.service.retry_after = ["throttled"], 900.0
    end = desk.now + timedelta(days=6, hours=20)
    while desk.now < end:
        desk.deliver()
        desk.now = health(desk.ledger, ["siem"])[0].next_attempt_at or end
    throttled_sends = desk.service.sends
    desk.service.moods = ["well"]
    desk.later(hours=6)

    done = desk.deliver()

    assert done.delivered == EVENTS
    assert 30 < throttled_sends < 120
    assert [notice.state for notice in desk.notices].count("broken") == 1
    assert desk.notices[-1].state == "recovered"
    nothing_is_lost(desk)


def test_a_service_is_left_alone_for_as_long_as_it_asks(desk: Desk) -> None:
    desk.service.moods, desk.service.retry_after = ["throttled"], 7_200.0
    desk.deliver()
    desk.service.moods = ["well"]
    desk.later(minutes=119)
    early = desk.deliver()
    desk.later(minutes=2)

    assert early.delivered == 0
    assert desk.deliver().delivered == EVENTS


def test_what_waited_for_too_long_is_parked_and_can_be_redriven(desk: Desk) -> None:
    desk.service.moods = ["away"]
    desk.deliver()
    for _ in range(8):
        desk.later(days=1)
        last = desk.deliver()

    assert (last.waiting, desk.balance().dead) == (0, EVENTS)
    assert {notice.state for notice in desk.notices} == {"broken", "still_broken", "giving_up"}
    desk.service.moods = ["well"]
    assert redrive(desk.lake, desk.ledger, "siem", None, now=desk.now) == EVENTS
    desk.later(hours=7)
    desk.deliver()
    nothing_is_lost(desk)


def test_a_clock_that_jumps_ahead_for_a_while_parks_nothing_and_stops_nothing(desk: Desk) -> None:
    desk.service.moods = ["away"]
    desk.deliver()
    desk.later(days=400)
    desk.service.moods = ["well"]

    ahead = desk.deliver()

    assert (ahead.delivered, ahead.dead) == (EVENTS, 0)


def test_a_clock_that_is_set_back_does_not_leave_a_sink_alone_for_years(desk: Desk) -> None:
    desk.later(days=400)
    desk.service.moods = ["denied"]
    desk.deliver()
    desk.now = NOW
    desk.service.moods = ["well"]

    assert due_sinks(desk.ledger, ["siem"], desk.now) == ["siem"]
    assert desk.deliver().delivered == EVENTS
    nothing_is_lost(desk)


def test_a_notice_goes_out_once_a_state_and_day_and_a_mail_that_fails_stops_nothing(
    desk: Desk,
) -> None:
    def refuse(_: object) -> None:
        raise OSError("no mail server")

    desk.service.moods = ["denied"]
    failed = desk.deliver(notify=refuse)
    for _ in range(3):
        desk.later(minutes=10)
        desk.deliver()
    same_day = [notice.state for notice in desk.notices]
    desk.later(days=1)
    desk.deliver()
    desk.deliver()
    desk.service.moods = ["well"]
    desk.later(hours=1)
    desk.deliver()

    assert failed.waiting == EVENTS
    assert same_day == ["broken"]
    assert [notice.state for notice in desk.notices] == ["broken", "still_broken", "recovered"]
    assert desk.notices[0].cause == "access_denied"
    assert (desk.notices[1].waiting_events, desk.notices[2].waiting_events) == (EVENTS, 0)


def test_a_sink_that_another_run_delivers_to_is_left_to_it(desk: Desk) -> None:
    with desk.ledger.hold("siem"):
        busy = desk.deliver()

    assert "another run" in (busy.problem or "")
    assert desk.deliver().delivered == EVENTS


def test_a_ledger_that_is_locked_is_named_and_nothing_is_lost(desk: Desk) -> None:
    impatient = open_url(desk.ledger_url, lock_seconds=0.1)
    desk.deliver(fault=lambda step: None)
    desk.service.taken.unlink()
    other = Desk(desk.lake, desk.ledger_url, desk.service, [settings("other")])
    other.ledger = impatient
    steps = iter(range(100))

    def lock(step: str) -> None:
        if step == "sent" and next(steps) == 0:
            held.enter_context(desk.ledger.write())

    with ExitStack() as held, pytest.raises(LedgerError, match="another program holds it"):
        other.deliver(fault=lock)

    other.deliver()
    nothing_is_lost(other)


def test_the_lake_shows_every_attempt_once(desk: Desk) -> None:
    desk.service.moods = ["away"]
    desk.deliver()
    desk.service.moods = ["well"]
    desk.later(days=1)
    desk.deliver()
    desk.deliver()

    shown = rows(desk.lake, "deliveries")

    assert [row["outcome"] for row in shown].count("transient") == 1
    assert [row["outcome"] for row in shown].count("delivered") == 6
    assert len({row["delivery_id"] for row in shown}) == len(shown) == 7


def test_a_lake_on_s3_has_its_cache_there(s3: S3Server, bucket: str, tmp_path: Path) -> None:
    place = s3_place(s3, bucket)
    place.put("a.ndjson", b"\n".join(encode(activity()) for _ in range(6)))
    run_load(place.lake(), [place.landing])
    service = Service(tmp_path / "taken", ["away"])
    desk = Desk(place.lake(), f"sqlite:///{tmp_path}/ledger.sqlite", service)

    desk.deliver()

    waiting = s3.keys(bucket, "test/lake-1/exports/siem/waiting/")
    assert len(waiting) == 2
    service.moods = ["well"]
    desk.later(hours=7)
    assert desk.deliver().delivered == 6
    assert s3.keys(bucket, "test/lake-1/exports/") == []
    nothing_is_lost(desk)

"""Exports in Dagster: an asset a sink, what a delivery shows, and when one is requested."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from mails import Mails, mail_receiver
from receivers import Answer, Receiver, receiving

from pipelines.definitions import build_definitions
from pipelines.deliveries import SINK_TAG, asset_key, check_keys, facts_by_sink
from pipelines.exports.due import find_due
from pipelines.instance import run_job_in_process
from pipelines.lake.tables import Lake
from pipelines.resources import Trailhouse, now
from pipelines.settings import load_settings
from tests.orchestration.events import a_job, an_activity, load_by_hand

Land = Callable[..., None]
DAY = "2026-02-01T10:00:00Z"


@pytest.fixture
def service() -> Iterator[Receiver]:
    """A service that takes everything."""
    with receiving() as running:
        yield running


@pytest.fixture
def mails() -> Iterator[Mails]:
    """A mail server that takes everything."""
    with mail_receiver() as running:
        yield running


@pytest.fixture
def configure(lake: Lake, tmp_path: Path, service: Receiver, mails: Mails) -> Callable[..., None]:
    """Write settings with sinks at the service."""

    def write(*names: str, more: str = "") -> None:
        sinks = [
            f'[[sink]]\nname="{name}"\nkind="http"\nurl="{service.url}/{name}"\n'
            f'start="beginning"\nadmins=["ops@example.com"]\n{more}\n'
            for name in names
        ]
        mail = (
            f'[mail]\nsmtp_host="localhost"\nsmtp_port={mails.port}\nsmtp_security="none"\n'
            'smtp_from="trailhouse@example.com"\n'
        )
        (tmp_path / "trailhouse.toml").write_text("\n".join([*sinks, mail]))

    write("siem")
    return write


def definitions() -> dg.Definitions:
    return build_definitions(load_settings())


def deliver(instance: dg.DagsterInstance, *sinks: str) -> dg.ExecuteInProcessResult:
    """Run the job as the sensor asks for it."""
    chosen = sinks or ("siem",)
    job = definitions().resolve_job_def("deliver")
    part = job.get_subset(
        asset_selection={asset_key(sink) for sink in chosen},
        asset_check_selection={key for sink in chosen for key in check_keys(sink)},
    )
    return part.execute_in_process(instance=instance, raise_on_error=False)


def shown(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    """Metadata of the materialisation, and the verdicts."""
    (done,) = result.get_asset_materialization_events()
    facts = {name: value.value for name, value in done.materialization.metadata.items()}
    return facts | {v.check_name: v.passed for v in result.get_asset_check_evaluations()}


def tick(instance: dg.DagsterInstance, cursor: str | None = None) -> Any:
    defs = definitions()
    sensor = defs.resolve_sensor_def("retry_due_deliveries")
    with dg.build_sensor_context(
        instance=instance, cursor=cursor, definitions=defs, resources={"trailhouse": Trailhouse()}
    ) as context:
        return sensor.evaluate_tick(context)


def requested(result: Any) -> list[str]:
    return [request.tags[SINK_TAG] for request in result.run_requests or ()]


def due(lake: Lake, **later: float) -> list[str]:
    with Trailhouse().ledger() as ledger:
        sinks = load_settings().sink
        return [one.sink for one in find_due(lake, ledger, sinks, now() + timedelta(**later))]


def test_every_sink_that_is_on_is_an_asset_with_a_pool_of_its_own(
    configure: Callable[..., None], tmp_path: Path
) -> None:
    configure("siem", "data-team")
    with (tmp_path / "trailhouse.toml").open("a") as file:
        file.write('[[sink]]\nname="off"\nkind="http"\nurl="http://x"\nenabled=false\n')
        file.write('[[sink]]\nname="jobs"\nkind="http"\nurl="http://x"\nkinds=["job"]\n')

    defs = definitions()
    graph = defs.resolve_asset_graph()
    nodes = {n.key.path[1]: n for n in graph.asset_nodes if n.group_name == "exports"}
    pools = {node.definition.pool for node in defs.resolve_job_def("deliver").nodes}

    assert nodes.keys() == {"siem", "data-team", "jobs"}
    assert pools == {"sink_siem", "sink_data-team", "sink_jobs"}
    assert {key.path[-1] for key in nodes["siem"].parent_keys} == {
        *("activity", "jobs", "api_requests", "log_messages")
    }
    assert {key.path[-1] for key in nodes["jobs"].parent_keys} == {"jobs"}
    assert graph.get(dg.AssetKey("deliveries")).parent_keys == {n.key for n in nodes.values()}
    assert all(node.description for node in nodes.values())


def test_nothing_but_the_ledger_repeats_a_delivery(configure: Callable[..., None]) -> None:
    job = definitions().resolve_job_def("deliver")

    assert all(node.definition.retry_policy is None for node in job.nodes)
    assert job.run_tags["dagster/max_retries"] == "0"


def test_without_sinks_there_is_neither_job_nor_sensor(lake: Lake) -> None:
    defs = definitions()

    dg.Definitions.validate_loadable(defs)
    assert "retry_due_deliveries" not in {s.name for s in defs.get_repository_def().sensor_defs}
    assert not defs.get_repository_def().has_job("deliver")


def test_names_that_dagster_takes_for_one_are_refused(configure: Callable[..., None]) -> None:
    from pipelines.errors import ConfigurationError

    configure("data-team", "data_team")

    with pytest.raises(ConfigurationError, match="two sinks are named 'data_team'"):
        load_settings()


def test_a_delivery_shows_what_it_did(
    configure: Callable[..., None],
    lake: Lake,
    instance: dg.DagsterInstance,
    land: Land,
    service: Receiver,
) -> None:
    land("a", a_job(1, DAY), an_activity(1, DAY))
    load_by_hand(lake)

    first, again = shown(deliver(instance)), shown(deliver(instance))

    assert (first["delivered"], first["waiting"], first["breaker"]) == (2, 0, "closed")
    assert (first["events_are_taken"], first["admins_are_told"]) == (True, True)
    assert again["delivered"] == 0
    assert len(service.messages) == 2


def test_a_sink_that_refuses_fails_a_check_not_the_run_and_its_admins_hear_of_it(
    configure: Callable[..., None],
    lake: Lake,
    instance: dg.DagsterInstance,
    land: Land,
    service: Receiver,
    mails: Mails,
) -> None:
    land("a", a_job(1, DAY))
    load_by_hand(lake)
    service.rule = lambda _: Answer(401, "token expired")

    result = deliver(instance)

    facts = shown(result)
    verdicts = {v.check_name: v for v in result.get_asset_check_evaluations()}
    taken, told = verdicts["events_are_taken"], verdicts["admins_are_told"]
    assert result.success
    assert (facts["delivered"], facts["waiting"], facts["breaker"]) == (0, 1, "open")
    assert (taken.passed, told.passed) == (False, True)
    assert taken.metadata["cause"].value == "bad_credentials"
    assert "token expired" in taken.metadata["response"].value
    assert [mail["Subject"] for mail in mails.received] == [
        "[Trailhouse] siem is broken: credentials refused"
    ]


def test_a_mail_that_fails_is_seen_and_sent_later_while_deliveries_go_on(
    configure: Callable[..., None],
    lake: Lake,
    instance: dg.DagsterInstance,
    land: Land,
    service: Receiver,
    mails: Mails,
) -> None:
    configure("siem", "other")
    land("a", a_job(1, DAY))
    load_by_hand(lake)
    service.rule = lambda request: Answer(403 if request.path == "/siem" else 200)
    mails.down = True

    broken, other = deliver(instance, "siem"), deliver(instance, "other")
    mails.down = False
    later = deliver(instance, "siem")

    (told,) = (v for v in broken.get_asset_check_evaluations() if v.check_name == "admins_are_told")
    assert broken.success
    assert not told.passed
    assert "451 try later" in told.metadata["problem"].value
    assert shown(other)["delivered"] == 1
    assert shown(later)["admins_are_told"]
    assert len(mails.received) == 1


def test_the_daily_check_holds_the_books_of_every_sink(
    configure: Callable[..., None], lake: Lake, instance: dg.DagsterInstance, land: Land
) -> None:
    land("a", a_job(1, DAY), a_job(2, DAY))
    load_by_hand(lake)
    deliver(instance)

    result = definitions().resolve_job_def("check").execute_in_process(instance=instance)

    (books,) = (v for v in result.get_asset_check_evaluations() if v.asset_key == asset_key("siem"))
    assert books.passed
    assert (books.metadata["selected"].value, books.metadata["delivered"].value) == (2, 2)


def test_a_new_sink_is_delivered_to_at_once_so_that_its_start_is_known(
    configure: Callable[..., None], lake: Lake, instance: dg.DagsterInstance
) -> None:
    configure("siem", "other")

    first = tick(instance)
    deliver(instance, "siem", "other")

    assert requested(first) == ["siem", "other"]
    assert first.run_requests[0].asset_selection == [asset_key("siem")]
    assert first.run_requests[0].asset_check_keys == check_keys("siem")
    assert tick(instance, first.cursor).skip_message == "nothing is due"


def test_every_load_is_followed_by_a_delivery(
    configure: Callable[..., None], lake: Lake, instance: dg.DagsterInstance, land: Land
) -> None:
    deliver(instance)
    land("a", a_job(1, DAY))
    load_by_hand(lake)
    first = tick(instance)
    deliver(instance)
    land("b", a_job(2, DAY))
    load_by_hand(lake)

    second = tick(instance, first.cursor)

    assert requested(first) == requested(second) == ["siem"]
    assert first.run_requests[0].run_key != second.run_requests[0].run_key


def test_what_waits_is_asked_for_when_it_is_due_and_not_before(
    configure: Callable[..., None],
    lake: Lake,
    instance: dg.DagsterInstance,
    land: Land,
    service: Receiver,
) -> None:
    land("a", a_job(1, DAY))
    load_by_hand(lake)
    service.rule = lambda _: Answer(503, headers={"Retry-After": "600"})
    deliver(instance)

    assert due(lake, minutes=9) == []
    assert due(lake, minutes=11) == ["siem"]


def test_a_delivery_under_way_is_not_doubled_and_holds_up_no_other(
    configure: Callable[..., None], lake: Lake, instance: dg.DagsterInstance
) -> None:
    configure("siem", "other")
    job = definitions().resolve_job_def("deliver")
    instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags={SINK_TAG: "siem"})

    assert requested(tick(instance)) == ["other"]


def test_a_delivery_that_changes_nothing_is_repeated_after_a_pause_under_another_key(
    configure: Callable[..., None], lake: Lake, instance: dg.DagsterInstance
) -> None:
    first = tick(instance)
    second = tick(instance, first.cursor)
    cursor = json.loads(first.cursor)
    cursor["siem"]["tried_at"] -= 3_600
    third = tick(instance, json.dumps(cursor))

    assert "waiting to try again: siem" in second.skip_message
    assert requested(third) == ["siem"]
    assert third.run_requests[0].run_key != first.run_requests[0].run_key


def test_a_ledger_that_cannot_be_read_is_skipped_with_the_cause(
    configure: Callable[..., None],
    lake: Lake,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    (tmp_path / "no.sqlite").write_bytes(b"no database at all" * 100)
    monkeypatch.setenv("TRAILHOUSE_LEDGER_URL", f"sqlite:///{tmp_path}/no.sqlite")

    assert "cannot look for what is due: ledger" in tick(instance).skip_message


def test_the_run_of_a_sink_that_was_removed_says_so(
    configure: Callable[..., None], instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    job = definitions().resolve_job_def("deliver")
    (tmp_path / "trailhouse.toml").write_text("")

    result = job.execute_in_process(instance=instance, raise_on_error=False)

    (failed,) = result.get_step_failure_events()
    error = failed.step_failure_data.error
    assert error is not None
    assert "sink 'siem' is not in the settings any more" in error.to_string()


def test_a_chat_that_fails_is_seen_and_does_not_repeat_the_mail(
    configure: Callable[..., None],
    lake: Lake,
    instance: dg.DagsterInstance,
    land: Land,
    service: Receiver,
    mails: Mails,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WEBHOOK", f"{service.url}/chat")
    with (tmp_path / "trailhouse.toml").open("a") as file:
        file.write('[chat]\nurl="env:WEBHOOK"\n')
    land("a", a_job(1, DAY))
    load_by_hand(lake)
    service.rule = lambda _: Answer(403)

    first, again = deliver(instance), deliver(instance)

    assert not shown(first)["admins_are_told"]
    assert not shown(again)["admins_are_told"]
    assert len(mails.received) == 1
    assert len([r for r in service.requests if r.path == "/chat"]) == 1


def test_the_command_line_delivers_to_every_sink_in_one_run_as_the_sensor_would(
    configure: Callable[..., None],
    lake: Lake,
    instance: dg.DagsterInstance,
    land: Land,
    service: Receiver,
) -> None:
    configure("siem", "other")
    land("a", a_job(1, DAY))
    load_by_hand(lake)
    service.rule = lambda request: Answer(403 if request.path == "/siem" else 200)

    facts = facts_by_sink(run_job_in_process(load_settings(), "deliver", instance=instance))

    assert (facts["siem"]["waiting"], facts["siem"]["breaker"]) == (1, "open")
    assert (facts["other"]["delivered"], facts["other"]["waiting"]) == (1, 0)

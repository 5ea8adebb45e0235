"""What a service refuses: what is parked, when the sink is left alone, and who hears of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from desk import Desk, Service, load_fourteen, nothing_is_lost, settings
from lakes import lake_at

from pipelines.deliveries import verdicts
from pipelines.exports.courier import MOST_REFUSED

EVENTS = 14


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of one load of 14 events."""
    return load_fourteen(tmp_path_factory.mktemp("loaded"))


@pytest.fixture
def desk(loaded: Path, tmp_path: Path) -> Desk:
    """That lake, with an empty ledger and a service that is well."""
    lake = Path(shutil.copytree(loaded, tmp_path / "lake"))
    return Desk(lake_at(lake), f"sqlite:///{tmp_path}/ledger.sqlite", Service(tmp_path / "taken"))


@pytest.mark.parametrize("mood", ["well", "partly"], ids=["the batch", "each event by name"])
def test_a_service_that_refuses_everything_is_left_alone_and_the_rest_waits(
    desk: Desk, mood: str
) -> None:
    desk.service.poison, desk.service.moods = frozenset(desk.event_ids()), [mood]

    done = desk.deliver()

    assert (done.dead, done.waiting) == (MOST_REFUSED, EVENTS - MOST_REFUSED)
    assert (done.breaker, done.cause) == ("open", "payload")
    assert desk.states() == ["broken"]
    assert desk.notices[0].dead_events == MOST_REFUSED
    assert [verdict.passed for verdict in verdicts(desk.ledger, done)] == [False, True]
    assert desk.balance().broken == ()


def test_what_was_refused_goes_on_by_itself_once_the_template_is_corrected(
    desk: Desk, tmp_path: Path
) -> None:
    template = tmp_path / "corrected.json"
    template.write_text('{"id": {{ event_id | json }}}')
    desk.service.moods = ["away"]
    desk.deliver()
    desk.later(hours=7)
    desk.service.moods, desk.service.poison = ["well"], frozenset(desk.event_ids())
    refused = desk.deliver()
    desk.sinks, desk.service.poison = [settings(template=str(template))], frozenset()
    desk.later(hours=1)

    done = desk.deliver()

    assert (refused.dead, done.delivered, done.waiting) == (MOST_REFUSED, 4, 0)
    sent = [message for taken in desk.service.deliveries() for message in taken["messages"]]
    assert all(message.startswith('{"id":') for message in sent)
    assert desk.states()[-1] == "recovered"


def test_refused_events_are_told_once_a_day_and_fail_the_check_of_the_run(desk: Desk) -> None:
    desk.service.poison = frozenset(sorted(desk.event_ids())[:2])

    done = desk.deliver()
    desk.deliver()

    assert (done.dead, done.cause) == (2, None)
    assert [verdict.passed for verdict in verdicts(desk.ledger, done)] == [False, True]
    (notice,) = desk.notices
    assert (notice.state, notice.cause, notice.refused_events) == ("refused", "payload", 2)
    assert notice.response == "400 bad"


def test_an_event_that_is_too_large_is_told_with_its_size(desk: Desk) -> None:
    desk.service.limits = desk.service.limits.__class__(events=4, bytes=600, event_bytes=400)

    desk.deliver()

    (notice,) = desk.notices
    assert (notice.state, notice.cause) == ("refused", "too_large")
    assert "the sink takes at most 400" in notice.response


def test_a_service_that_refuses_an_event_again_answers_so_that_the_sink_recovers(
    desk: Desk,
) -> None:
    desk.service.moods = ["denied"]
    desk.deliver()
    desk.later(hours=1)
    desk.service.moods, desk.service.poison = ["well"], frozenset(sorted(desk.event_ids())[:9])

    mended = desk.deliver()
    desk.later(days=1)
    desk.deliver()

    assert (mended.breaker, mended.cause) == ("closed", None)
    assert desk.states() == ["broken", "refused", "recovered"]
    nothing_is_lost(desk, dead=desk.service.poison)

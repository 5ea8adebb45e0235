"""Keys of objects: what a template may say, and that no value of an event leads astray."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import ConfigurationError
from pipelines.settings import load_settings
from pipelines.sinks.object_keys import FIXED, name_of, parse_key, workato_key
from pipelines.sinks.sink import Batch

START = datetime(2026, 3, 20, 12, tzinfo=UTC)


def one(**columns: Any) -> Batch:
    """A batch of one job."""
    facts = {
        "event_id": "job:j-A1:succeeded",
        "event_kind": "job",
        "event_type": "succeeded",
        "workspace_id": "1",
        "recipe_id": "22",
        "job_id": "j-A1",
        "status": "succeeded",
        "started_at": START,
        "occurred_at": START,
    }
    return Batch("out", "b", ["{}"], {name: [value] for name, value in (facts | columns).items()})


@pytest.mark.parametrize(
    ("columns", "key"),
    [
        pytest.param(
            {}, "1/jobs/22/20260320/j-A1/1-22-j-A1-20260320120000-succeeded.json", id="job"
        ),
        pytest.param(
            {"job_id": "100"},
            "1/jobs/22/20260320/000/000/000/000/000/000/100/1-22-100-20260320120000-succeeded.json",
            id="numeric job",
        ),
        pytest.param(
            {"started_at": None, "occurred_at": START.replace(hour=23)},
            "1/jobs/22/20260320/j-A1/1-22-j-A1-20260320230000-succeeded.json",
            id="job without a start",
        ),
        pytest.param(
            {"event_kind": "activity", "event_type": "user_login", "event_id": "activity-7"},
            "1/user_activity/20260320/1-user_login-20260320120000-activity-7.json",
            id="activity",
        ),
        pytest.param(
            {"event_kind": "log_message", "event_type": None, "event_id": "ab"},
            "1/log_messages/20260320/1-unknown-20260320120000-ab.json",
            id="log message",
        ),
    ],
)
def test_events_lie_where_workato_would_put_them(columns: dict[str, Any], key: str) -> None:
    assert workato_key(one(**columns), 0, "json") == key


@given(st.text() | st.sampled_from(["..", "/", "../..", ".", "a/b", "\0", "\ud800"]))
def test_any_value_is_one_harmless_part_of_a_key(value: str) -> None:
    name = name_of(value)

    assert FIXED.match(name)
    assert "/" not in name
    assert name.strip(".")
    assert len(name) <= 64 + 17


@given(st.text(), st.text())
def test_different_values_have_different_names(one: str, other: str) -> None:
    if one != other and {one, other} != {"", "unknown"}:
        assert name_of(one) != name_of(other)


def test_a_key_reads_only_the_columns_that_it_names() -> None:
    template = parse_key("{sink}/{event_kind}/{year}/{digest}.{extension}")

    assert template.needs == ("event_kind", "occurred_at")
    assert template.key(one(), 0, "json").startswith("out/job/2026/")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        pytest.param({"key": "{nothing}/{digest}"}, "unknown field", id="field"),
        pytest.param({"key": "{digest.__class__}"}, "unknown field", id="attribute"),
        pytest.param({"key": "{digest!r}"}, "unknown field", id="conversion"),
        pytest.param({"key": "{digest"}, "brace", id="brace"),
        pytest.param({"key": "../{digest}"}, "..", id="climbs"),
        pytest.param({"key": "/{digest}"}, "slash", id="absolute"),
        pytest.param({"key": "a//{digest}"}, "empty part", id="empty part"),
        pytest.param({"key": "a b/{digest}"}, "letters", id="space"),
        pytest.param({"key": "all.json"}, "{digest}", id="overwrites"),
        pytest.param({"key": "{event_id}/{digest}"}, "single", id="event's id in lines"),
        pytest.param({"key": "{job_id}.json", "format": "single"}, "{event_id}", id="single"),
        pytest.param({"prefix": "a/../b"}, "..", id="prefix"),
    ],
)
def test_a_key_that_would_not_do_is_refused(fields: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigurationError) as failure:
        load_settings(sink=({"name": "out", "kind": "file", "path": "/srv/out"} | fields,))

    assert told in str(failure.value)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        pytest.param({"access_key_id": "AKIA"}, "belong together", id="half a key"),
        pytest.param({"secret_access_key": "hunter2"}, "reference", id="a secret as itself"),
        pytest.param({"session_token": "env:T"}, "access_key_id", id="a token alone"),
        pytest.param({"bucket": "Acme/audit"}, "bucket", id="bucket"),
        pytest.param({"endpoint_url": "https://me:hunter2@s3"}, "endpoint_url", id="address"),
    ],
)
def test_wrong_settings_of_a_bucket_are_refused(fields: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigurationError) as failure:
        load_settings(sink=({"name": "out", "kind": "s3", "bucket": "audit"} | fields,))

    assert told in str(failure.value)
    assert "hunter2" not in str(failure.value)

"""Ready templates: each value stands where the receiver looks for it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from pipelines.exports.examples import examples
from pipelines.exports.lint import NOW
from pipelines.exports.template import load_template
from pipelines.lake.schemas import KINDS

OCSF_CLASSES = {
    "activity": (6003, 6),
    "job": (6003, 6),
    "api_request": (6003, 6),
    "log_message": (0, 0),
}


def message(name: str, kind: str, **values: Any) -> Any:
    """The message of a usual event, some of its columns replaced."""
    ((_, columns),) = examples([kind])
    row = {key: found[0] for key, found in columns.items()} | values
    template = load_template(name, kinds=(kind,))
    (text,) = template.render({key: [value] for key, value in row.items()}, now=NOW)
    return json.loads(text) if template.format_name == "json" else text


@pytest.mark.parametrize("kind", KINDS)
def test_ecs_has_its_core_fields_for_every_kind(kind: str) -> None:
    found = message("ecs", kind)

    assert found["@timestamp"] == "2026-02-03T09:15:27.412Z"
    assert found["ecs"] == {"version": "8.17.0"}
    assert found["event"]["kind"] == "event"
    assert found["event"]["dataset"] == f"workato.{kind}"
    assert found["event"]["outcome"] == ("success" if kind == "activity" else "failure")
    assert json.loads(found["event"]["original"])


@pytest.mark.parametrize(
    ("event_type", "category", "types"),
    [
        ("user_login", ["authentication"], ["start"]),
        ("user_logout", ["authentication"], ["end"]),
        ("team_membership_deleted", ["iam"], ["user", "deletion"]),
        ("recipe_created", ["configuration"], ["creation"]),
        ("recipe_stopped", ["configuration"], ["change"]),
    ],
)
def test_ecs_tells_acts_apart(event_type: str, category: list[str], types: list[str]) -> None:
    found = message("ecs", "activity", event_type=event_type)

    assert (found["event"]["category"], found["event"]["type"]) == (category, types)
    assert found["user"] == {
        "id": "70455",
        "name": "Mira Okafor",
        "email": "mira@larkfield.example",
    }
    assert found["source"]["ip"] == "203.0.113.24"


def test_ecs_gives_no_address_that_is_none() -> None:
    assert message("ecs", "activity", ip_address="***")["source"] == {"address": "***"}
    assert "source" not in message("ecs", "activity", ip_address=None)


@pytest.mark.parametrize("kind", KINDS)
def test_ocsf_has_what_its_class_requires(kind: str) -> None:
    found = message("ocsf", kind)

    assert (found["class_uid"], found["category_uid"]) == OCSF_CLASSES[kind]
    assert found["type_uid"] == found["class_uid"] * 100 + found["activity_id"]
    assert (
        found["time"] == int(datetime(2026, 2, 3, 9, 15, 27, tzinfo=UTC).timestamp()) * 1000 + 412
    )
    assert found["severity_id"] == (1 if kind == "activity" else 3)
    assert found["metadata"]["version"] == "1.3.0"
    assert found["metadata"]["product"] == {"name": "Workato", "vendor_name": "Workato"}
    assert found["actor"]
    if found["class_uid"] == 6003:
        assert found["api"]["operation"] == found["activity_name"]
        assert found["src_endpoint"]


def test_ocsf_tells_sign_ins_by_their_own_class() -> None:
    found = message("ocsf", "activity", event_type="user_login_failed", outcome="failed")

    assert (found["class_uid"], found["type_uid"], found["status_id"]) == (3002, 300201, 2)
    assert found["user"]["uid"] == "70455"
    assert found["service"] == {"name": "Workato"}


def test_cef_keeps_addresses_of_both_versions_apart() -> None:
    assert " src=203.0.113.24 " in message("cef", "activity")
    newer = message("cef", "activity", ip_address="2001:db8::7")
    assert " c6a2=2001:db8::7 c6a2Label=Source IPv6 Address " in newer
    assert " src=" not in newer


def test_slack_texts_keep_to_their_limit() -> None:
    found = message("slack", "job", recipe_name="r" * 5000, error_message="e" * 5000)

    texts = [block["text"]["text"] for block in found["blocks"] if "text" in block]
    assert max(map(len, [found["text"], *texts])) <= 3000
    assert found["text"].startswith("Job failed: rrr")

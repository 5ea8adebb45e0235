"""Masking: what a sink must not see leaves in no column, no message and no corner of an event."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakes import activity, encode, job

from pipelines.errors import ConfigurationError
from pipelines.exports.examples import examples
from pipelines.exports.lint import NOW
from pipelines.exports.origins import IDENTITY, IDENTITY_KEYS, WORDS, origins
from pipelines.exports.shape import Shape, load_shape
from pipelines.exports.template import READY, load_template
from pipelines.lake.schemas import KINDS, TABLES, TEXT

Action = Literal["drop", "hash", "mask"]
ACTIONS: tuple[Action, ...] = ("drop", "hash", "mask")
CANARY = 'Quilla "Zebra" O\\Brien'
MASKABLE = [
    pytest.param(kind, name, id=f"{kind}.{name}")
    for kind in ("activity", "job", "api_request", "log_message")
    for name in sorted(origins(kind).keys() - IDENTITY - WORDS)
    if TABLES[KINDS[kind]].schema.field(name).type == TEXT
]


@dataclass(frozen=True)
class Mask:
    field: str
    action: Action


def columns_of(kind: str, event: dict[str, Any], **values: Any) -> dict[str, list[Any]]:
    """One event by column."""
    message = encode(event).decode()
    row = {"event_id": "1", "event_kind": kind, "log_message": message, "raw": message}
    return {name: [value] for name, value in (row | values).items()}


def told(shape: Shape, kind: str, event: dict[str, Any], **values: Any) -> dict[str, Any]:
    """What leaves of one event, its own JSON read."""
    made = shape.apply(columns_of(kind, event, **values))
    row = {name: found[0] for name, found in made.items()}
    assert row["raw"] == row["log_message"]
    return row | {"log_message": json.loads(row["log_message"])}


def planted(event: Any, path: tuple[str, ...]) -> Any:
    """The event with the canary at a path, and in every text beside."""
    if isinstance(event, list):
        return [planted(one, path) for one in event]
    if path and isinstance(event, dict | None):
        event = dict(event or {})
        event[path[0]] = CANARY if len(path) == 1 else planted(event.get(path[0]), path[1:])
    return event


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(("kind", "name"), MASKABLE)
def test_a_masked_column_is_in_nothing_that_is_rendered(
    kind: str, name: str, action: Action
) -> None:
    ((_, columns),) = examples([kind])
    event = json.loads(columns["log_message"][0])
    for path in origins(kind)[name]:
        event = planted(event, path)
    event["report"] = {"custom_column_0": f"for {CANARY.lower()}", CANARY: 1}
    event["error"] = json.dumps({"message": f"{CANARY} is wrong"})
    row = {name: values[0] for name, values in columns.items()} | {
        name: CANARY,
        "log_message": encode(event).decode(),
        "resource_name": f"of {CANARY}",
        "error_message": json.dumps({"message": CANARY}),
        "source_uri": f"s3://logs/{CANARY}/1.json",
    }
    shape = load_shape(mask=[Mask(name, action)])

    made = shape.apply({key: [value] for key, value in row.items()})

    for template in READY:
        (message,) = load_template(template, kinds=()).render(made, now=NOW)
        for mark in ("quilla", "zebra", "brien"):
            assert mark not in message.lower(), template
    assert not [key for key, (value,) in made.items() if "zebra" in str(value).lower()]


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(
    ("field", "column"),
    [
        pytest.param("user.email", "actor_email", id="path"),
        pytest.param("actor_email", "actor_email", id="column"),
        pytest.param("user", "actor_email", id="object"),
    ],
)
def test_a_path_and_its_column_are_hidden_together(field: str, column: str, action: Action) -> None:
    found = told(
        load_shape(mask=[Mask(field, action)]),
        "activity",
        activity(),
        actor_email="mira@larkfield.example",
    )

    assert "mira@" not in str(found)
    expected = {"drop": None, "mask": "***"}
    assert found[column] == expected.get(action, found[column])


def test_a_hash_tells_people_apart_and_nothing_else() -> None:
    shape = load_shape(mask=[Mask("actor_id", "hash")])

    first, again = (told(shape, "activity", activity(), actor_id="70455") for _ in range(2))
    other = told(shape, "activity", activity(user={"id": 70456}), actor_id="70456")

    assert first["actor_id"] == again["actor_id"] == first["log_message"]["user"]["id"]
    assert first["actor_id"].startswith("sha256:")
    assert other["actor_id"] == other["log_message"]["user"]["id"] != first["actor_id"]


def test_what_only_a_column_repeats_is_cleaned_too() -> None:
    event = activity(user={"name": CANARY}, resource={})

    found = told(
        load_shape(mask=[Mask("user.name", "mask")]),
        "activity",
        event,
        source_uri=f"s3://logs/{CANARY}/1.json",
    )

    assert found["source_uri"] == "s3://logs/***/1.json"


def test_lists_are_gone_through() -> None:
    event = job(lines=[{"output": {"order": "SO-1182"}}, {"output": {"order": "SO-1183"}}])

    found = told(
        load_shape(mask=[Mask("lines.output", "drop")]), "job", event, title="Order SO-1183"
    )

    assert found["log_message"]["lines"] == [{}, {}]
    assert found["title"] == "Order ***"


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("name", ["started_at", "is_test", "action_count", "duration_seconds"])
def test_a_masked_time_or_number_is_null_and_templates_go_on(name: str, action: Action) -> None:
    ((_, columns),) = examples(["job"])

    made = load_shape(mask=[Mask(name, action)]).apply(columns)

    assert made[name] == [None] * len(made[name])
    for template in READY:
        messages = load_template(template, kinds=()).render(made, now=NOW)
        assert len(messages) == len(made[name])


def test_words_of_workato_hide_themselves_alone() -> None:
    event = activity(event="user_login", details={"stop_reason": "user"})

    found = told(
        load_shape(mask=[Mask("stop_reason", "mask")]),
        "activity",
        event,
        stop_reason="user",
        event_type="user_login",
    )

    assert found["stop_reason"] == found["log_message"]["details"]["stop_reason"] == "***"
    assert found["event_type"] == found["log_message"]["event"] == "user_login"
    assert found["log_message"]["user"]["name"] == "Mira Okafor"


def test_what_is_not_masked_stays_as_it_was_written() -> None:
    message = (
        '{"event":"x","user":{"email":"mira@l.example"},"resource":{"n":1.50,"m":1e400,"z":0}}'
    )
    shape = load_shape(mask=[Mask("actor_email", "mask")])

    made = shape.apply({"event_kind": ["activity"], "log_message": [message]})

    assert made["log_message"] == [message.replace("mira@l.example", "***")]


def test_without_masks_everything_leaves() -> None:
    columns = columns_of("job", job())

    assert load_shape().apply(columns) == columns
    assert load_shape().fields == frozenset()


def test_identity_stays() -> None:
    shape = load_shape(mask=[Mask("recipe_id", "mask")])

    found = told(shape, "job", job(id="5501203"), event_id="job:5501203:failed")

    assert found["event_id"] == "job:5501203:failed"
    assert found["log_message"]["recipe_id"] == "***"


@pytest.mark.parametrize(
    ("masks", "told"),
    [
        pytest.param(["actor_mail"], "did you mean actor_email", id="misspelt column"),
        pytest.param(["user.nam"], "did you mean user.name", id="misspelt path"),
        pytest.param(["event_id"], "cannot be hidden", id="identity"),
        pytest.param(["id"], "cannot be hidden", id="identity in the event"),
        pytest.param(["raw"], "whole event", id="all of it"),
        pytest.param(["title", "title"], "twice", id="twice"),
        pytest.param(["client_ip"], "begins with a dot", id="undocumented key"),
    ],
)
def test_a_mask_that_would_hide_nothing_is_refused(masks: list[str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        load_shape(mask=[Mask(name, "drop") for name in masks])


def test_a_key_that_nobody_documents_can_be_hidden() -> None:
    shape = load_shape(mask=[Mask(".client_ip", "drop")])

    found = told(shape, "activity", activity(client_ip="203.0.113.77"))

    assert "client_ip" not in found["log_message"]


def test_an_event_too_deep_to_search_hides_its_depths() -> None:
    deep: Any = CANARY
    for _ in range(400):
        deep = {"a": deep}
    shape = load_shape(mask=[Mask("actor_name", "drop")])

    found = told(shape, "activity", activity(details=deep, user={"name": CANARY}))

    assert "Zebra" not in str(found)


def test_a_job_at_the_level_of_its_status_tells_no_step_and_no_text() -> None:
    event = job(title="Order SO-1182", error="no SO-1182", report={"custom_column_0": "SO-1182"})
    event["lines"][0]["output"] = {"order": "SO-1182"}
    shape = load_shape(detail="status")
    columns = {
        "event_kind": ["job", "activity"],
        "log_message": [encode(event).decode(), encode(activity()).decode()],
        "title": ["Order SO-1182", None],
        "error_message": ["no SO-1182", None],
        "recipe_id": ["5501203", None],
        "resource_name": [None, "Order SO-1182"],
    }

    made = shape.apply(columns)

    assert "SO-1182" not in made["log_message"][0]
    assert json.loads(made["log_message"][0]).items() <= event.items()
    assert {"id", "status", "started_at", "recipe_id"} <= json.loads(made["log_message"][0]).keys()
    assert (made["title"][0], made["error_message"][0]) == (None, None)
    assert made["recipe_id"] == columns["recipe_id"]
    assert made["log_message"][1] == columns["log_message"][1]
    assert made["resource_name"][1] == "Order SO-1182"


def test_a_digest_changes_with_what_leaves() -> None:
    shapes = [
        load_shape(),
        load_shape(detail="status"),
        load_shape(mask=[Mask("title", "drop")]),
        load_shape(mask=[Mask("title", "hash")]),
        load_shape(mask=[Mask("title", "hash"), Mask("report", "drop")]),
    ]

    assert len({shape.digest for shape in shapes}) == len(shapes)
    swapped = load_shape(mask=[Mask("report", "drop"), Mask("title", "hash")])
    assert swapped.digest == shapes[-1].digest


def test_identity_keys_are_those_that_identity_is_read_from() -> None:
    for kind in ("activity", "job", "api_request", "log_message"):
        for name, paths in origins(kind).items():
            assert name in IDENTITY or IDENTITY_KEYS.isdisjoint(paths)


@given(
    name=st.text(st.characters(exclude_categories=["Cs"]), min_size=4).filter(
        lambda text: len(text.strip()) >= 4
    ),
    action=st.sampled_from(ACTIONS),
)
def test_no_name_survives(name: str, action: Action) -> None:
    event = {
        "event": "recipe_stopped",
        "user": {"name": name},
        "details": {"text": f"<{name}>", "json": json.dumps({"by": name}), "list": [name]},
        "resource": {},
    }
    shape = load_shape(mask=[Mask("actor_name", action)])

    found = told(shape, "activity", event, actor_name=name, resource_name=f"of {name}!")

    values = [found["resource_name"], *found["log_message"]["details"].values()]
    harmless = {"***", "sha256:"}
    assert not [v for v in values if name.strip() in str(v) and name.strip() not in harmless]


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(
    ("name", "repeated"),
    [
        pytest.param("mira@example.com", "https://x/?u=mira%40example.com", id="percent"),
        pytest.param("mira@example.com", "x?next=%2Fy%3Fu%3DMIRA%2540example.com", id="twice"),
        pytest.param("Mira Chen", "/search?q=mira+chen&by=Mira%20Chen", id="form"),
        pytest.param("O'Hara & Söhne", "?n=O'Hara%20%26%20S%C3%B6hne", id="component"),
        pytest.param(
            "O'Hara & Söhne", "<b>O&#x27;Hara &amp; Söhne</b>, O&#39;Hara &amp; Söhne", id="html"
        ),
        pytest.param("Bob", "Bob's private recipe", id="a short name"),
        pytest.param("Bob", "by_bob, (BOB) or 'bob'", id="a short name between signs"),
        pytest.param("Bob", "?q=%20Bob%27s", id="a short name in an address"),
        pytest.param("Bob", json.dumps({"text": "\nBob\tcame"}), id="a short name in JSON"),
        pytest.param("Zoë", "?q=Zo%C3%AB", id="a short name encoded"),
        pytest.param("李明", "李明的食谱", id="a name without words around it"),
    ],
)
def test_a_masked_value_is_hidden_in_other_spellings(
    name: str, repeated: str, action: Action
) -> None:
    event = {
        "event": "recipe_stopped",
        "user": {"name": name},
        "details": {"text": repeated, "json": json.dumps({"by": repeated}), "list": [repeated]},
        "resource": {"name": repeated},
    }
    shape = load_shape(mask=[Mask("actor_name", action)])

    found = told(shape, "activity", event, actor_name=name, resource_name=repeated)

    left = json.dumps(found).lower()
    assert not [mark for mark in ("mira", "chen", "hara", "bob", "zo", "李") if mark in left]


def test_a_short_name_leaves_other_words_alone() -> None:
    event = {"event": "x", "user": {"name": "Bob"}, "details": {"text": "bobsleigh, kebob, b-o-b"}}
    shape = load_shape(mask=[Mask("actor_name", "mask")])

    found = told(shape, "activity", event, actor_name="Bob", resource_name=None)

    assert found["log_message"]["details"] == event["details"]

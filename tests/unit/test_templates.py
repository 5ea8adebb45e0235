"""Templates: Workato's own placeholders work unchanged; what cannot be used is refused early."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.exports.examples import examples
from pipelines.exports.template import READY, Template, TemplateError, load_template

NOW = datetime(2023, 6, 2, 1, 30, 1, 2_213, tzinfo=timezone(timedelta(hours=-4)))
EVENT = '{"event":"recipe_stopped","n":1.50,"resource":{"name":"say \\"hi\\" \\\\ back"}}'

GROWN = {
    "TEXT": f"'{'a' * 5_000}'",
    "LONG": "('a'" + "|replace('a', 'aaaaaaaaaa')" * 7 + ")",
    "NUMBER": "(" + "9" * 1_000 + ")",
}
"""What grows out of bounds when it is put together."""


@pytest.fixture
def load(tmp_path: Path) -> Any:
    """Load a template that is written in the test."""

    def loaded(source: str, ending: str = "json", kinds: tuple[str, ...] = ()) -> Template:
        path = tmp_path / f"message.{ending}"
        path.write_text(source, encoding="utf-8")
        return load_template(str(path), kinds=kinds)

    return loaded


def render(template: Template, **columns: Any) -> str:
    """The message of one event."""
    row = {"event_id": "activity:1", "log_message": EVENT, **columns}
    (message,) = template.render({name: [value] for name, value in row.items()}, now=NOW)
    return message


@pytest.mark.parametrize(
    ("opened", "closed"),
    [
        pytest.param("{{{", "}}}", id="three braces"),
        pytest.param("{{", "}}", id="two braces"),
        pytest.param("{{{ ", " }}}", id="spaced"),
    ],
)
def test_a_message_copied_from_workato_means_what_it_means_there(
    load: Any, opened: str, closed: str
) -> None:
    names = ("log_message", "log_message_str", "now", "now_utc", "now_utc_micro", "now_utc_nano")
    source = ",\n  ".join(f'"{name}": {opened}{name}{closed}' for name in names)

    message = json.loads(render(load(f'{{\n  "source": "workato",\n  {source}\n}}')))

    assert message == {
        "source": "workato",
        "log_message": json.loads(EVENT),
        "log_message_str": EVENT,
        "now": "2023-06-02T01:30:01.002-04:00",
        "now_utc": 1685683801002.213,
        "now_utc_micro": 1685683801002213,
        "now_utc_nano": 1685683801002213000,
    }


def test_the_default_message_is_the_event_byte_for_byte() -> None:
    assert render(load_template("workato", kinds=())) == EVENT


def test_placeholders_inside_quotes_stand_as_text(load: Any) -> None:
    template = load('{"values": [["{{{now_utc_nano}}}", "{{ log_message }}"]], "at": "{{now}}"}')

    message = json.loads(render(template))

    assert message == {
        "values": [["1685683801002213000", EVENT]],
        "at": "2023-06-02T01:30:01.002-04:00",
    }


def test_a_value_is_json_by_its_type_outside_of_quotes(load: Any) -> None:
    template = load(
        '{"a": {{ actor_name }}, "b": {{ is_test }}, "c": {{ action_count }}, "d": {{ title }},'
        ' "e": {{ occurred_at }}, "f": {{ event_date | json }}, "g": "at {{ occurred_at }}"}'
    )
    columns = {
        "actor_name": 'O"Brien\n',
        "is_test": True,
        "action_count": 12,
        "title": None,
        "occurred_at": datetime(2026, 2, 3, 9, 15, 27, 412_000, tzinfo=UTC),
        "event_date": datetime(2026, 2, 3, tzinfo=UTC).date(),
    }

    message = json.loads(render(template, **columns))

    assert message == {
        "a": 'O"Brien\n',
        "b": True,
        "c": 12,
        "d": None,
        "e": "2026-02-03T09:15:27.412Z",
        "f": "2026-02-03",
        "g": "at 2026-02-03T09:15:27.412Z",
    }


def test_any_key_of_the_event_can_be_named_and_may_be_absent(load: Any) -> None:
    template = load(
        '{"name": {{ event.resource.name }}, "why": {{ event.details.reason.text | default(none) }}'
        ', "items": {{ event.items | default([]) }}}'
    )

    message = json.loads(render(template))

    assert message["name"] == 'say "hi" \\ back'
    assert message["why"] is None


def test_conditions_and_loops_choose_what_is_written(load: Any) -> None:
    template = load(
        """{
  "steps": [
  {% for line in event.lines %}
    {"app": {{ line.adapter }}}{% if not loop.last %},{% endif %}
  {% endfor %}
  ]
  {% if outcome == "failed" %}, "error": {{ error_message }}{% endif %}
}"""
    )
    event = '{"lines":[{"adapter":"clock"},{"adapter":"net\\"suite"}]}'

    message = render(template, log_message=event, outcome="failed", error_message="no")

    assert json.loads(message) == {
        "steps": [{"app": "clock"}, {"app": 'net"suite'}],
        "error": "no",
    }
    assert "\n" not in message


@pytest.mark.parametrize(
    ("source", "line", "field", "told"),
    [
        pytest.param('{\n"a": {{ actor_mail }}}', 2, "actor_mail", "actor_email", id="misspelt"),
        pytest.param('{"a": {{ recipe_name }}}', 1, "recipe_name", "other kinds", id="of a job"),
        pytest.param('{"a": {{ loop.index }}}', 1, "loop", "unknown", id="place in the batch"),
        pytest.param('{\n\n"a": {{ }}}', 3, None, "Expected", id="no expression"),
        pytest.param('{\n"a": {{ actor_name | shout }}}', 2, None, "shout", id="unknown filter"),
        pytest.param('{"a": {{ actor_name | random }}}', 1, None, "random", id="random"),
        pytest.param("{% macro m() %}{% endmacro %}", 1, None, "macro", id="macro"),
        pytest.param('{% include "workato" %}', 1, None, "include", id="include"),
        pytest.param(
            '{\n{% if actor_name %}"a{% endif %}: 1}', 2, None, "close in each", id="open string"
        ),
    ],
)
def test_a_bad_template_is_refused_with_file_line_and_field(
    load: Any, source: str, line: int, field: str | None, told: str
) -> None:
    with pytest.raises(TemplateError, match=told) as refused:
        load(source, kinds=("activity",))

    assert (refused.value.line, refused.value.field) == (line, field)
    assert str(refused.value).startswith(f"{refused.value.path}:{line}: ")


@pytest.mark.parametrize(
    "expression",
    [
        "''.__class__.__mro__",
        "event.__class__",
        "event.resource.__init__.__globals__",
        "'x' * 1000000000",
        "'%1000000000d' % 1",
        "9 ** 9 ** 9",
        "'{0.__class__}'.format(event)",
        "event.update({'a': 1})",
        "'%0200000000d'|format(1)",
        "'%*d'|format(200000000, 1)",
        "'%.200000000f'|format(1)",
        "'{:>200000000}'.format('a')",
        "'{0:>{1}}'.format('a', 200000000)",
        "'{a:>200000000}'.format_map({'a': 1})",
        "'a'.center(200000000)",
        "'a'.ljust(200000000)",
        "'a'.rjust(200000000)",
        "'1'.zfill(200000000)",
        "'\\t'.expandtabs(200000000)",
        "'a'['ljust'](200000000)",
        "('a'|attr('ljust'))(200000000)",
        "'a'.encode().ljust(200000000)",
        "(1).to_bytes(200000000, 'big')",
        "TEXT|replace('a', TEXT)",
        "TEXT.replace('', TEXT)",
        "TEXT|join(TEXT)",
        "TEXT.join(TEXT)",
        "TEXT.translate({97: TEXT})",
        "[TEXT]|map('replace', 'a', TEXT)|join",
        "TEXT ~ LONG",
        "TEXT + LONG",
        "NUMBER * NUMBER",
    ],
)
def test_a_template_reaches_values_and_nothing_else(load: Any, expression: str) -> None:
    for name, text in GROWN.items():
        expression = expression.replace(name, text)
    template = load(f'{{"e": {{{{ event }}}},\n"a": {{{{ {expression} }}}}}}')

    with pytest.raises(TemplateError) as refused:
        render(template)

    assert refused.value.line == 2


@pytest.mark.parametrize("name", ["center", "indent", "wordwrap", "batch", "slice"])
def test_filters_that_pad_are_unknown(load: Any, name: str) -> None:
    with pytest.raises(TemplateError, match=f"unknown filter '{name}'"):
        load(f"{{{{ event_id|{name}(200000000) }}}}", "txt")


def test_texts_are_put_together_as_in_jinja(load: Any) -> None:
    source = """{{ "%02d-%s"|format(7, event_id) }} {{ event_id ~ 1 ~ none }} {{ [1, 2]|join("+") }}
        {{ "a-b".replace("-", "+") }} {{ "a-b-c"|replace("-", "", 1) }} {{ ", ".join(["a", "b"]) }}
        {{ 2 * 3 + 4.5 }} {{ "a" + "b" }} {{ [{"n": 1}, {"n": 2}]|join(":", attribute="n") }}"""

    message = render(load(source, "txt"))

    assert message == "07-activity:1 activity:11None 1+2 a+b ab-c a, b 10.5 ab 1:2"


def test_a_missing_key_is_an_error_with_its_line_and_never_an_empty_text(load: Any) -> None:
    template = load('{\n"a": {{ event.event }},\n"b": {{ event.detials.reason }}}')

    with pytest.raises(TemplateError, match="detials") as refused:
        render(template)

    assert refused.value.line == 3


def test_a_message_that_turns_out_to_be_no_json_is_refused_by_event(load: Any) -> None:
    template = load('{"a": 1 {% if actor_name %}"b": 2{% endif %}}')

    assert json.loads(render(template, actor_name=None)) == {"a": 1}
    with pytest.raises(TemplateError, match="activity:7"):
        render(template, actor_name="Mira", event_id="activity:7")


def test_a_message_without_anything_is_refused(load: Any) -> None:
    template = load("{% if event_kind == 'job' %}{{ event_id }}{% endif %}", "txt")

    with pytest.raises(TemplateError, match="filter it out"):
        render(template, event_kind="activity")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        pytest.param("workatoo", "ready: cef, csv, ecs", id="no such template"),
        pytest.param("/", "no such template", id="folder"),
    ],
)
def test_a_template_that_is_not_there_is_refused_with_those_that_are(name: str, told: str) -> None:
    with pytest.raises(TemplateError, match=told):
        load_template(name, kinds=())


def test_a_file_whose_name_does_not_tell_the_format_is_refused(load: Any) -> None:
    with pytest.raises(TemplateError, match=r"\.json, \.csv"):
        load("{{ event_id }}", "yaml")


def test_a_template_that_tells_kinds_apart_may_name_the_fields_of_all(load: Any) -> None:
    source = '{"a": {{ recipe_name if event_kind == "job" else resource_name }}}'

    assert load(source, kinds=("activity",)).fields == {
        "event_kind",
        "recipe_name",
        "resource_name",
    }


def test_a_digest_is_of_what_a_template_says(load: Any) -> None:
    first = load('{"a": {{ event_id }}}').digest

    assert load('{"a": {{ event_id }}}').digest == first
    assert load('{"b": {{ event_id }}}').digest != first
    assert load('{"a": {{ event_id }}}', "json.jinja").digest == first


def test_only_the_columns_that_are_read_are_asked_for(load: Any) -> None:
    source = '{% set actor_name = actor_email or "nobody" %}{"a": {{ actor_name }}, "n": {{ now }}}'

    assert load(source).fields == {"actor_email"}
    assert load_template("workato", kinds=()).fields == {"log_message"}
    assert load('{"why": {{ event.details }}, "m": {{ log_message_str }}}').fields == {
        "log_message"
    }


@pytest.mark.parametrize("name", READY)
@given(cuts=st.sets(st.integers(0, 10)))
def test_messages_do_not_depend_on_how_events_are_batched(name: str, cuts: set[int]) -> None:
    template = load_template(name, kinds=())
    for _, columns in examples(["activity", "job"]):
        whole = template.render(columns, now=NOW)
        edges = [0, *sorted(cuts), len(whole)]

        parts = [
            template.render({k: v[start:end] for k, v in columns.items()}, now=NOW)
            for start, end in pairwise(edges)
        ]

        assert [message for part in parts for message in part] == whole

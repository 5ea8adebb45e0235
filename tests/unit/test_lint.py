"""Lint: what is wrong with a template is found before an event meets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.exports.examples import examples
from pipelines.exports.fields import columns_of_kinds
from pipelines.exports.lint import lint
from pipelines.exports.template import READY
from pipelines.lake.schemas import KINDS


@pytest.mark.parametrize("name", READY)
@pytest.mark.parametrize("kind", KINDS)
def test_a_ready_template_is_sound(name: str, kind: str) -> None:
    assert lint(name, (kind,)) == []


@pytest.mark.parametrize(
    ("name", "source", "line", "field", "told"),
    [
        pytest.param("a.json", '{"a": 1}', 0, None, "says the same of every event", id="constant"),
        pytest.param("a.json", '{"a": {{ title }}', 0, None, "not valid JSON", id="not closed"),
        pytest.param("a.json", '{"a" {{ title }}}', 0, None, "not valid JSON", id="no colon"),
        pytest.param(
            "a.json",
            '{"a": {{ title }}{% if error_type %}, {% endif %}}',
            0,
            None,
            "not valid JSON",
            id="only with an error",
        ),
        pytest.param(
            "a.json", '{"a":\n{{ title.upper() }}}', 2, None, "upper", id="only without a title"
        ),
        pytest.param(
            "a.csv",
            "{{ event_id }},\n{% if title %}{{ title }},{% endif %}\n{{ job_id }}",
            0,
            None,
            "2 and 3 cells",
            id="lines of different length",
        ),
        pytest.param("a.cef", "CEF:0|a|b|{{ event_id }}", 0, None, "7 fields", id="cut header"),
        pytest.param("a.leef", "LEEF:1.0|a|b|c|{{ title }}|x09|", 0, None, "LEEF:2.0", id="leef 1"),
        pytest.param(
            "a.txt", "{% if title %}{{ title }}{% endif %}", 0, None, "writes nothing", id="empty"
        ),
        pytest.param("a.txt", "{{ titel }}", 1, "titel", "did you mean title", id="misspelt"),
    ],
)
def test_what_is_wrong_is_told(
    tmp_path: Path, name: str, source: str, line: int, field: str | None, told: str
) -> None:
    (tmp_path / name).write_text(source)

    problems = lint(str(tmp_path / name), ("job",))

    assert problems
    assert (problems[0].line, problems[0].field) == (line, field)
    assert told in str(problems[0])


def test_every_unknown_field_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": {{ one }},\n"b": {{ two }}}')

    problems = lint(str(tmp_path / "a.json"))

    assert [(problem.line, problem.field) for problem in problems] == [(1, "one"), (2, "two")]


def test_examples_have_every_column_of_every_kind() -> None:
    for _, columns in examples(()):
        assert columns.keys() == {*columns_of_kinds(()), "log_message"}

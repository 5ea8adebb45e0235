"""Template strings: naughty strings, in every field, leave every template intact and inert."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from naughty import STRINGS as BLNS
from naughty import events_of as batch

from pipelines.exports.filters import FORMULA, csv_value, syslog
from pipelines.exports.lint import NOW
from pipelines.exports.template import READY, load_template

JSON = ("ecs", "ocsf", "slack", "workato")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from leaves(one)
    else:
        yield value


def shape(value: Any) -> Any:
    """The keys of a JSON value, without what stands there."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    return [shape(one) for one in value] if isinstance(value, list) else None


@pytest.mark.parametrize("name", JSON)
@pytest.mark.parametrize("kind", ["activity", "job", "api_request", "log_message"])
def test_json_keeps_its_keys_and_its_texts(name: str, kind: str) -> None:
    texts = [text for text in BLNS if text]
    template = load_template(name, kinds=())
    (harmless,) = template.render(batch(kind, ["harmless"]), now=NOW)

    messages = template.render(batch(kind, texts), now=NOW)

    for text, message in zip(texts, messages, strict=True):
        found = json.loads(message)
        assert "\n" not in message
        if name != "workato":
            assert shape(found) == shape(json.loads(harmless))
        if name != "slack":  # it cuts, joins and escapes
            assert text in list(leaves(found))


@given(text=TEXT)
@pytest.mark.parametrize("name", JSON)
def test_json_holds_any_text(name: str, text: str) -> None:
    (message,) = load_template(name, kinds=()).render(batch("activity", [text]), now=NOW)

    assert isinstance(json.loads(message), dict)
    assert "\n" not in message


def test_slack_is_told_of_nobody() -> None:
    texts = ["<!channel> & <@U123>", "<https://evil.example|click>"]

    messages = load_template("slack", kinds=()).render(batch("activity", texts), now=NOW)

    for message in map(json.loads, messages):
        assert "<" not in message["text"]
        assert {block.get("text", {}).get("type", "plain_text") for block in message["blocks"]} == {
            "plain_text"
        }


def cells_of(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text


@given(texts=st.lists(TEXT | st.sampled_from(BLNS), min_size=1, max_size=5))
def test_csv_cells_arrive_and_run_in_no_spreadsheet(texts: list[str]) -> None:
    messages = load_template("csv", kinds=()).render(batch("activity", texts), now=NOW)

    rows = list(csv.reader(io.StringIO("\r\n".join(messages), newline="")))
    assert len(rows) == len(texts)
    for text, row in zip(texts, rows, strict=True):
        assert len(row) == 23
        assert row[0] == cells_of(text)
        assert not any(cell.startswith(FORMULA) for cell in row)


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_a_cell_that_begins_as_owasp_lists_it_is_disarmed(begin: str) -> None:
    (row,) = csv.reader(io.StringIO(csv_value(f"{begin}=1+1"), newline=""))

    assert row == [f"'{begin}=1+1"]


def unescaped(text: str) -> str:
    known = {"n": "\n", "r": "\r", "t": "\t"}
    return re.sub(r"\\(.)", lambda match: known.get(match[1], match[1]), text, flags=re.S)


def parted(text: str, mark: str) -> list[str]:
    """The parts between marks that no backslash is before."""
    return re.findall(rf"(?:\\.|[^{mark}\\])*(?:{mark}|$)", text, flags=re.S)


@given(text=TEXT | st.sampled_from(BLNS))
def test_cef_header_and_extension_hold_what_they_were_given(text: str) -> None:
    (message,) = load_template("cef", kinds=()).render(batch("activity", [text]), now=NOW)

    header = [part.removesuffix("|") for part in parted(message, r"\|")]
    assert header[:4] == ["CEF:0", "Workato", "Workato", "1.0"]
    assert unescaped(header[4]) == text
    assert header[6] in ("3", "6")
    extension = "|".join(header[7:])
    keys = re.findall(r"(?:^| )(\w+)(?<!\\)=", extension)
    assert keys[:6] == ["rt", "externalId", "cat", "act", "outcome", "suid"]
    assert len(keys) == len(set(keys))
    value = re.search(r" suser=((?:\\.|[^=\\])*) requestClientApplication=", extension, re.S)
    assert value is not None
    assert unescaped(value[1]) == text
    assert not {"\n", "\r"} & set(message)


@given(text=TEXT | st.sampled_from(BLNS))
def test_leef_attributes_hold_what_they_were_given(text: str) -> None:
    (message,) = load_template("leef", kinds=()).render(batch("activity", [text]), now=NOW)

    header = [part.removesuffix("|") for part in parted(message, r"\|")]
    assert unescaped(header[4]) == text
    assert header[5] == "x09"
    attributes = dict(one.split("=", 1) for one in "|".join(header[6:]).split("\t"))
    assert unescaped(attributes["usrName"]) == text
    assert attributes["cat"] == "activity"
    assert not {"\n", "\r"} & set(message)


def logfmt_of(line: str) -> dict[str, str]:
    """What a logfmt reader reads."""
    pairs = re.findall(r'(\w+)=("(?:\\.|[^"\\])*"|[^\s"]*)(?: |$)', line)
    assert " ".join(f"{key}={value}" for key, value in pairs) == line
    return {key: json.loads(value) if value[:1] == '"' else value for key, value in pairs}


@given(text=TEXT | st.sampled_from(BLNS))
def test_logfmt_pairs_hold_what_they_were_given(text: str) -> None:
    (message,) = load_template("logfmt", kinds=()).render(batch("activity", [text]), now=NOW)

    found = logfmt_of(message)
    assert found["event"] == text
    assert found["kind"] == "activity"
    assert not {"\n", "\r"} & set(message)


@given(text=TEXT | st.sampled_from(BLNS))
def test_syslog_parameters_end_where_they_should(text: str) -> None:
    escaped = syslog(text)

    assert re.fullmatch(r'(?:\\.|[^"\]\\])*', escaped, re.S)
    assert not {"\n", "\r", "\0"} & set(escaped)


@given(text=TEXT | st.sampled_from(BLNS))
def test_plain_text_stays_in_one_line_and_can_be_read_back(
    text: str, tmp_path_factory: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / "line.txt"
    path.write_text("{{ actor_name }}|")

    (message,) = load_template(str(path), kinds=()).render({"actor_name": [text]}, now=NOW)

    assert not {"\n", "\r"} & set(message)
    assert unescaped(message[:-1].replace("\\\0", "\\0")) == text.replace("\0", "0")


@pytest.mark.parametrize("name", READY)
def test_a_template_in_a_value_is_not_rendered(name: str) -> None:
    text = "{{ 7 * 7 }}{% if true %}{{{log_message}}}"

    (message,) = load_template(name, kinds=()).render(batch("activity", [text]), now=NOW)

    assert "49" not in message
    assert "7 * 7" in message

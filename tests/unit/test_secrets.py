"""Secrets: read where a reference points, and shown nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.errors import ConfigurationError
from pipelines.secrets import MASK, read_secret, without_secrets


def test_a_secret_is_read_from_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAME", "väl:ue= ")

    assert read_secret("env:NAME") == "väl:ue= "


def test_a_secret_is_read_from_a_file_without_the_newline_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a:b"
    path.write_text("value\r\n")

    assert read_secret(f"file:{path}") == "value"


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        pytest.param("env:NONE", "NONE is not set", id="no variable"),
        pytest.param("env:BLANK", "empty", id="nothing in it"),
        pytest.param("file:/no/where", "No such file", id="no file"),
        pytest.param("file:/", "directory", id="a folder"),
        pytest.param("env:", "reference", id="no name"),
        pytest.param("hunter2", "reference", id="the secret itself"),
    ],
)
def test_a_missing_secret_is_told_by_its_reference(
    reference: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLANK", " \n")

    with pytest.raises(ConfigurationError, match=told) as failure:
        read_secret(reference)

    assert "hunter2" not in str(failure.value)


def test_a_file_that_is_no_text_is_refused_without_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"hunter2\xff")

    with pytest.raises(ConfigurationError, match="is not text") as failure:
        read_secret(f"file:{path}")

    assert "hunter2" not in str(failure.value)


def test_every_secret_is_masked_in_a_text_the_longest_first() -> None:
    text = "Bearer abcd.efgh, then abcd and a+b*c?d"

    shown = without_secrets(text, ["abcd", "abcd.efgh", "a+b*c?d", ""])

    assert shown == f"Bearer {MASK}, then {MASK} and {MASK}"


def test_a_value_too_short_to_be_a_secret_blots_out_nothing() -> None:
    assert without_secrets("a bad day", ["a", "bad"]) == "a bad day"

"""Sinks: the page about them has every kind and every field, and its examples are valid."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from pipelines.settings import Settings
from pipelines.sinks.http_settings import HttpFamilySettings
from pipelines.sinks.object_store import ObjectStoreSettings
from pipelines.sinks.objects import ObjectFamilySettings
from pipelines.sinks.registry import KINDS
from pipelines.sinks.settings import SinkSettings

PAGE = (Path(__file__).parents[2] / "docs" / "sinks.md").read_text()
SHARED = {
    "Every sink": SinkSettings,
    "Every sink that speaks HTTP": HttpFamilySettings,
    "Every sink that stores objects": ObjectFamilySettings,
    "Every sink that writes to an object store": ObjectStoreSettings,
}


def section(title: str) -> str:
    """What stands under a heading."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("title", [*SHARED, *KINDS])
def test_the_page_names_exactly_the_fields_that_there_are(title: str) -> None:
    settings = SHARED.get(title) or KINDS[title]
    above = {
        name
        for shared in SHARED.values()
        if shared is not settings and issubclass(settings, shared)
        for name in shared.model_fields
    }

    rows = re.findall(r"^\| (`.*?) \|", section(title), re.M)

    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named == settings.model_fields.keys() - above


def test_the_examples_of_the_page_are_valid() -> None:
    examples = re.findall(r"```toml\n(.*?)```", PAGE, re.S)

    assert examples
    for example in examples:
        assert Settings.model_validate(tomllib.loads(example)).sink


def test_the_commented_sinks_of_the_example_settings_are_valid() -> None:
    text = (Path(__file__).parents[2] / "trailhouse.example.toml").read_text()
    commented = text[text.index("# [[sink]]") :]
    tables = "\n".join(re.findall(r"^# (\[.*|\w+ = .*)$", commented, re.M))

    assert Settings.model_validate(tomllib.loads(tables)).sink

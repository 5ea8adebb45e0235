"""The page on exports: its commands do what it says, in its order, in an empty folder."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import get_args

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from pipelines.cli.health import State
from pipelines.cli.main import app
from pipelines.errors import TrailhouseError

PAGE = (Path(__file__).parents[2] / "docs" / "exports.md").read_text()
BLOCK = re.compile(r"^```(toml|console)\n(.*?)^```", re.M | re.S)
EXPORTS = {"deliver", "sinks", "outbox", "dead", "replay", "doctor"}
CHANGING = re.compile(r"\d[\d:., -]*|[0-9a-f]{12,}|[━─]+|\s+")
"""What differs from run to run: numbers, times, ids, and how wide a table is for them."""


def run(line: str) -> tuple[str, int]:
    """What a line prints, and its exit code; ours run without a new process."""
    if not line.startswith("trailhouse "):
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
        return done.stdout, 0
    result = CliRunner().invoke(app, shlex.split(line, comments=True)[1:])
    assert not isinstance(result.exception, TrailhouseError), f"{line}\n{result.exception}"
    return result.stdout, result.exit_code


def first_id(line: str) -> str:
    """The id that `BATCH` or `EVENT` stands for."""
    if "BATCH" in line:
        return str(json.loads(run("trailhouse outbox list --json")[0])[0]["batch_id"])
    return str(json.loads(run("trailhouse dead list --json")[0])[0]["event_id"])


def steps() -> list[tuple[str, str]]:
    """Every command of the page with what the page shows of its output; settings are written."""
    found: list[tuple[str, str]] = []
    for kind, text in BLOCK.findall(PAGE):
        if kind == "toml":
            found.append((f"cat > trailhouse.toml << 'END'\n{text}END", ""))
            continue
        for step in re.split(r"^\$ ", text, flags=re.M)[1:]:
            line, _, shown = step.partition("\n")
            found.append((line, shown))
    return found


def told(text: str) -> list[str]:
    """The lines of an output without what changes from run to run."""
    return [kept for line in text.splitlines() if (kept := CHANGING.sub(" ", line).strip())]


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, str, int]]:
    """All steps of the page, each with what it shows, what was printed, and the exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("page"))
        done = []
        for line, shown in steps():
            words = re.sub(r"\b(BATCH|EVENT)\b", lambda _, at=line: first_id(at), line)
            done.append((line, shown, *run(words)))
        return done


def test_every_step_ends_as_the_page_says(followed: list[tuple[str, str, str, int]]) -> None:
    for line, _, printed, code in followed:
        expected = re.search(r"# exit code (\d)", line)
        assert code == (int(expected[1]) if expected else 0), f"{line}\n{printed}"
    assert len(followed) > 30


def test_every_step_prints_what_the_page_shows(followed: list[tuple[str, str, str, int]]) -> None:
    shown_at_all = 0
    for line, shown, printed, _ in followed:
        missing = set(told(shown)) - set(told(printed))
        assert not missing, f"{line}\n{printed}"
        shown_at_all += bool(shown)
    assert shown_at_all >= 6


def test_the_page_shows_every_command_for_deliveries() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    known = {
        " ".join(filter(None, (name, inner)))
        for name in EXPORTS
        for inner in getattr(commands[name], "commands", {"": None})
    }
    lines = [line for line, _ in steps() if line.startswith("trailhouse ")]

    missing = {name for name in known if not any(f"trailhouse {name}" in line for line in lines)}

    assert missing == set()


def test_the_page_names_every_state_of_a_sink() -> None:
    table = PAGE.partition("| state | meaning |")[2].partition("\n\n")[0]

    assert re.findall(r"^\| `([\w ]+)` \|", table, re.M) == list(get_args(State))

"""Docs: every command that a page shows runs, and every file that it names is there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path

import pytest
from s3_server import S3Server

from pipelines.samples import write_sample
from pipelines.settings import ArchiveSettings, Settings, load_settings

ROOT = Path(__file__).parents[2]
ELSEWHERE = {"archive.md", "exports.md", "questions.md"}
"""Pages whose commands another test runs, and compares with what the page says."""
PAGES = [
    ROOT / "README.md",
    *sorted(p for p in (ROOT / "docs").glob("*.md") if p.name not in ELSEWHERE),
]
MAKE = {
    "demo": ".ci/run",
    "test": ".ci/run",
    "dev": "tests/orchestration/test_dev.py",
    "notebooks": "tests/notebooks/test_jupyter.py",
}
"""Which run proves a target that a page shows."""


def commands(page: Path) -> list[str]:
    blocks = re.findall(r"^```console\n(.*?)^```", page.read_text(), re.M | re.S)
    return [
        line.removeprefix("$ ")
        for block in blocks
        for line in block.splitlines()
        if line.startswith("$ ")
    ]


def test_every_make_target_shown_is_run_by_something() -> None:
    shown = {line.split()[1] for page in PAGES for line in commands(page) if "make " in line}

    assert shown <= MAKE.keys()
    for target in shown:
        assert f"make {target}" in (ROOT / MAKE[target]).read_text()


@pytest.fixture
def buckets(s3: S3Server, tmp_path: Path) -> None:
    """The buckets that the pages speak of, with something to load."""
    write_sample(tmp_path, days=3, jobs=500, seed=7, end=date(2026, 2, 28))
    for name in ("audit-logs", "my-bucket"):
        s3.client().create_bucket(Bucket=name)
    s3.upload(tmp_path / "landing", "audit-logs", "workato")


@pytest.mark.usefixtures("buckets")
def test_every_command_shown_runs() -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    here: dict[str, str] = {}
    ran = 0

    for page in PAGES:
        for line in commands(page):
            if line.startswith("export "):
                name, _, value = line.removeprefix("export ").partition("=")
                here[name] = "".join(shlex.split(value))
            elif not line.startswith("make "):
                done = subprocess.run(
                    shlex.split(line),
                    env=os.environ | here | {"PATH": path},
                    capture_output=True,
                    text=True,
                    check=False,
                )
                assert done.returncode == 0, f"{page.name}: {line}\n{done.stdout}{done.stderr}"
                ran += 1
        here.clear()
    assert ran > 15


def test_the_files_and_folders_that_pages_name_exist() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
    for name in re.findall(r"^\| .* \| (.*) \|$", (ROOT / "README.md").read_text(), re.M):
        for path in re.findall(r"`([\w./]+/[\w./]*)`", name):
            assert (ROOT / path).exists(), f"README.md names {path}"


def test_the_example_settings_are_valid_and_name_every_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    example = ROOT / "trailhouse.example.toml"
    monkeypatch.setenv("TRAILHOUSE_CONFIG", str(example))

    settings = load_settings()

    assert [source.name for source in settings.source] == ["workato", "handed-over"]
    text = example.read_text().replace("# ", "")
    secrets = {"s3_access_key_id", "s3_secret_access_key", "smtp_password"}
    names = Settings.model_fields | ArchiveSettings.model_fields
    missing = {n for n in names if not re.search(rf"^\W*(archive\.)?{n}\b", text, re.M)}
    assert missing <= secrets
    assert tomllib.loads(example.read_text()).keys() <= Settings.model_fields.keys()

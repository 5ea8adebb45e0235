"""Notebooks: each runs in a real kernel, and what it finds is what the sample knows to be true."""

from __future__ import annotations

import base64
import json
import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest
from lakes import lake_at, run_load
from nbclient import NotebookClient
from s3_server import S3Server

from pipelines.models import build_stale
from pipelines.samples import write_sample

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FIRST = datetime(2026, 1, 30, tzinfo=UTC)
STAMP = re.compile(r"(?<!\d)\d{14}(?!\d)")
KERNEL_SECONDS = 300

Cell = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """A lake with the sample's data, and what the sample knows of it."""

    url: str
    truth: dict[str, Any]

    def answer(self, question: str) -> dict[str, Any]:
        """The told answer to a question."""
        return next(q["answer"] for q in self.truth["questions"] if q["id"] == question)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """The sample as it would have come: objects written when they were delivered, a load a week."""
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder / "out", days=30, jobs=6_000, seed=7, end=date(2026, 2, 28))
    lake = lake_at(folder / "data")
    for week, paths in enumerate(_by_week(folder / "out" / "landing")):
        for path in paths:
            arrived = folder / "landing" / path.relative_to(folder / "out" / "landing")
            arrived.parent.mkdir(parents=True, exist_ok=True)
            path.rename(arrived)
        run_load(lake, [folder / "landing"], now=FIRST + timedelta(days=7 * week + 7, hours=2))
    assert [name for name, _, _ in build_stale(lake)]
    truth = json.loads((folder / "out" / "truth.json").read_text())
    return Sample(str(folder / "data"), truth)


def _by_week(landing: Path) -> Iterator[list[Path]]:
    """The objects, week by week, each with the time of its delivery, which its name tells."""
    weeks: dict[int, list[Path]] = {}
    for path in sorted(landing.rglob("*.json")):
        stamp = STAMP.search(path.name)
        assert stamp, path.name
        written = datetime.strptime(stamp[0], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        seconds = (written + timedelta(seconds=20)).timestamp()
        os.utime(path, (seconds, seconds))
        weeks.setdefault((written - FIRST).days // 7, []).append(path)
    for week in sorted(weeks):
        yield weeks[week]


@dataclass(frozen=True)
class Run:
    """A notebook that was run."""

    values: dict[str, Any]
    """The variables asked for; numbers that are no JSON are text."""
    outputs: list[Cell]

    @property
    def pictures(self) -> list[bytes]:
        """The charts, as PNG."""
        found = [o["data"]["image/png"] for o in self.outputs if "image/png" in o.get("data", {})]
        return [base64.b64decode(text) for text in found]

    @property
    def warnings(self) -> str:
        """What the cells wrote to standard error."""
        return "".join(o["text"] for o in self.outputs if o.get("name") == "stderr")


def execute(name: str, url: str, folder: Path, *wanted: str) -> Run:
    """Run a notebook in a kernel of its own, and bring the wanted variables back."""
    notebook = nbformat.read(ROOT / "notebooks" / name, as_version=4)
    listed = ", ".join(f"{each!r}: {each}" for each in wanted)
    last = f"import json\nprint(json.dumps({{{listed}}}, default=str))"
    notebook.cells.append(nbformat.v4.new_code_cell(last))
    environment = os.environ | {
        "TRAILHOUSE_LAKE_URL": url,
        "PYTHONPATH": str(ROOT),
        "IPYTHONDIR": str(folder / "ipython"),  # the settings of this machine's user stay out
    }
    client = NotebookClient(
        notebook,
        timeout=KERNEL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env=environment)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    said = "".join(output["text"] for output in cells[-1].outputs if output["name"] == "stdout")
    return Run(json.loads(said), [output for cell in cells[:-1] for output in cell.outputs])


def plain(value: Any) -> Any:
    """A value as both sides can write it: the models' ids are texts, the sample's are numbers."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return str(value)


def holds_pictures(run: Run, count: int) -> None:
    """Hold that the charts were drawn, and none of them is empty or a postage stamp."""
    assert len(run.pictures) == count
    for picture in run.pictures:
        assert picture.startswith(b"\x89PNG")
        width, height = struct.unpack(">II", picture[16:24])
        assert min(width / 2, height / 2) > 100
        assert width / 2 < 1_000
    assert run.warnings == ""


def rows_of(frame: str, *names: str) -> str:
    """Python that gives columns of a frame as a list of objects, for `execute`."""
    return f"{frame}[{list(names)!r}].to_dict('records')"


def test_usage_names_the_busiest_recipes(sample: Sample, tmp_path: Path) -> None:
    names = ("recipe_id", "recipe_name", "job_count", "action_count")
    wanted = rows_of("most_usage", *names)

    run = execute("01_usage.ipynb", sample.url, tmp_path, wanted)

    told = [{n: row[n] for n in names} for row in sample.answer("most_usage")["recipes"]]
    assert plain(run.values[wanted]) == plain(told)
    holds_pictures(run, 4)


def test_errors_names_the_recipes_that_fail_most(sample: Sample, tmp_path: Path) -> None:
    names = ("recipe_id", "recipe_name", "failed_count")
    wanted = rows_of("most_errors", *names)

    run = execute("02_errors.ipynb", sample.url, tmp_path, wanted)

    told = [{n: row[n] for n in names} for row in sample.answer("most_errors")["recipes"]]
    assert plain(run.values[wanted]) == plain(told)
    holds_pictures(run, 4)


def test_the_investigation_answers_every_incident(sample: Sample, tmp_path: Path) -> None:
    run = execute("03_investigation.ipynb", sample.url, tmp_path, "answers")

    found = run.values["answers"]
    incidents = {q["id"] for q in sample.truth["questions"]} - {"most_usage", "most_errors"}
    assert found.keys() == incidents
    # a rhythm is measured: the median gap is near the interval that the sample was drawn with
    gap = found["stopped_by_workato"].pop("usual_interval_seconds")
    told = {question: dict(sample.answer(question)) for question in incidents}
    assert gap == pytest.approx(told["stopped_by_workato"].pop("usual_interval_seconds"), abs=60)
    assert plain(found) == plain(told)
    holds_pictures(run, 5)


def test_data_quality_accounts_for_every_record(sample: Sample, tmp_path: Path) -> None:
    wanted = ("received", "duplicate", "rejected_by_reason", "kept", "bool(balanced)")
    counts = sample.truth["counts"]

    run = execute(
        "04_data_quality.ipynb", sample.url, tmp_path, *wanted, "blocking_failures", "reopened"
    )

    assert run.values["received"] == counts["received"]
    assert run.values["duplicate"] == counts["duplicate"]
    assert run.values["rejected_by_reason"] == counts["rejected"]
    assert run.values["kept"] == {name: counts["unique"][name] for name in run.values["kept"]}
    assert run.values["bool(balanced)"] is True
    assert run.values["blocking_failures"] == 0
    assert run.values["reopened"] == 0
    holds_pictures(run, 2)


def test_every_way_to_read_s3_finds_the_same(
    sample: Sample, s3: S3Server, bucket: str, tmp_path: Path
) -> None:
    s3.upload(Path(sample.url), bucket, "trail")
    url = f"s3://{bucket}/trail"

    run = execute("05_on_s3.ipynb", url, tmp_path, "found", "result_url", "len(read_back)")

    answers = list(run.values["found"].values())
    assert len(answers) == 5
    assert answers[0]
    assert all(answer == answers[0] for answer in answers)
    assert run.values["len(read_back)"] == len(answers[0])
    written = run.values["result_url"].removeprefix(f"s3://{bucket}/")
    assert written in s3.keys(bucket, "trail/analysis/")
    holds_pictures(run, 1)


def test_the_notebook_on_s3_works_on_a_folder_too(sample: Sample, tmp_path: Path) -> None:
    run = execute("05_on_s3.ipynb", sample.url, tmp_path, "same", "result_url")

    assert run.values["same"] is True
    assert Path(run.values["result_url"]).is_file()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_in_git_has_no_outputs(path: Path) -> None:
    notebook = json.loads(path.read_text())

    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert [cell["outputs"] for cell in cells] == [[]] * len(cells)
    assert [cell["execution_count"] for cell in cells] == [None] * len(cells)
    assert all(cell["metadata"] == {} for cell in notebook["cells"])
    assert notebook["metadata"].keys() == {"kernelspec"}  # not the version of somebody's Python


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_begins_with_its_question(path: Path) -> None:
    notebook = json.loads(path.read_text())

    title, _, text = "".join(notebook["cells"][0]["source"]).partition("\n")
    assert notebook["cells"][0]["cell_type"] == "markdown"
    assert title.startswith("# ")
    question = re.search(r"\*\*(.+?)\*\*", text, re.DOTALL)
    assert question, "the question stands in bold below the title"
    assert question[1].endswith("?")

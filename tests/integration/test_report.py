"""The report: its numbers, its safety, and how a browser shows it."""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Tab, browse
from lakes import Place, activity, job, lake_at, run_load
from pages import Element, parse
from typer.testing import CliRunner

from pipelines.cli.main import app
from pipelines.lake.tables import Lake
from pipelines.models import build_stale
from pipelines.models.query import open_catalogue
from pipelines.report import Facts, Period, file_name, gather, put_report, render
from pipelines.report.page import TEMPLATES
from pipelines.samples import write_sample

MADE_AT = datetime(2026, 3, 2, 6, tzinfo=UTC)
WHOLE = Period(date(2026, 1, 30), date(2026, 2, 28))
FORTNIGHT = Period(date(2026, 2, 15), date(2026, 2, 28))
HOSTILE = (
    "<script>alert('x')</script>\"'><img src=x onerror=alert(1)> 🚀 {{ 7*7 }} &amp; "
    "\u202e\u0645\u0631\u062d\u0628\u0627"  # right to left, and an override that turns text round
)
LONG = "Unbreakable" * 400
STAGING = 'stage"><script>alert(2)</script>'
ALLOWED = set(
    "html head meta title link style body a header div p h1 strong bdi nav ul li main section h2 "
    "h3 dl dt dd span figure figcaption svg line g rect details summary table caption thead "
    "tbody tr th td code footer wbr".split()
)


@dataclass(frozen=True)
class Workspace:
    """The lake of the sample, with an environment of hostile names, and the sample's answers."""

    lake: Lake
    truth: dict[str, Any]

    def answer(self, question: str) -> dict[str, Any]:
        found: dict[str, Any] = next(
            one["answer"] for one in self.truth["questions"] if one["id"] == question
        )
        return found

    def page(self, period: Period, environment: str | None = None) -> Element:
        return parse(render(self.facts(period, environment)))

    def facts(self, period: Period, environment: str | None = None) -> Facts:
        return gather(self.lake, period, made_at=MADE_AT, environment=environment)

    def ask(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        connection = open_catalogue(self.lake)
        try:
            return connection.execute(sql, parameters).fetchall()
        finally:
            connection.close()


def hostile_events() -> list[dict[str, Any]]:
    team = {"id": 666, "name": HOSTILE, "email": "<b>@x"}
    user = {"id": 6661, "name": HOSTILE, "email": '"><script>@x'}
    failed = {"status": "failed", "error": HOSTILE, "error_type": HOSTILE}
    place = {"account_id": 666, "environment_type": STAGING}
    names = [
        {"user_id": "666", "recipe_name": name, "recipe_path": f"Home/{HOSTILE}"}
        for name in (HOSTILE, LONG, "\x00\x1b[31m\u2028\ufeff")
    ]
    return [
        job(recipe_id=71, context=names[0], **place, **failed | at("2026-02-20T10:00:00Z")),
        job(recipe_id=72, context=names[1], **place, **failed | at("2026-02-20T11:00:00Z"))
        | {"error": LONG},
        job(recipe_id=73, context=names[2], **place) | at("2026-02-20T12:00:00Z"),
        activity(
            timestamp="2026-02-20 09:00:00 UTC",
            team=team,
            user=user,
            resource={"type": "Flow", "id": 71, "name": HOSTILE},
            details={"stop_reason": HOSTILE, "force": False, "error": True},
        ),
        activity(
            event="recipe_updated",
            timestamp="2026-02-20 08:59:00 UTC",
            team=team,
            user=user,
            resource={"type": "Flow", "id": 71, "name": HOSTILE},
            details={},
        ),
    ]


def at(moment: str) -> dict[str, Any]:
    return {"started_at": moment, "completed_at": moment}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("report")
    write_sample(folder, days=30, jobs=6000, seed=7, end=WHOLE.to_date, ndjson=True)
    lines = "\n".join(json.dumps(event) for event in hostile_events())
    (folder / "landing" / "hostile.ndjson").write_text(lines)
    lake = lake_at(folder)
    run_load(lake)
    list(build_stale(lake))
    return Workspace(lake, json.loads((folder / "truth.json").read_text()))


def number(text: str) -> int:
    return int(text.replace(",", ""))


def test_totals_are_those_of_the_marts(workspace: Workspace) -> None:
    (jobs, failed, finished, tests, actions, least, most), *_ = workspace.ask(
        "select sum(job_count), sum(failed_count), sum(succeeded_count + failed_count), "
        "sum(test_job_count), sum(action_count), "
        "(select sum(tasks_least_count) from tasks_between($1, $2) "
        "where counting_rule = 'task_2021'), "
        "(select sum(tasks_most_count) from tasks_between($1, $2) "
        "where counting_rule = 'task_2021') "
        "from recipe_usage_daily where event_date between $1 and $2",
        FORTNIGHT.from_date,
        FORTNIGHT.to_date,
    )

    page = workspace.page(FORTNIGHT)
    tiles = page.tiles()

    assert tiles["Jobs"][0] == f"{jobs:,}"
    assert tiles["Jobs that failed"] == (
        f"{100 * failed / finished:.1f}%",
        tiles["Jobs that failed"][1],
    )
    assert f"{failed:,} jobs" in tiles["Jobs that failed"][1]
    assert tiles["Test jobs"][0] == f"{tests:,}"
    assert tiles["Actions"][0] == f"{actions:,}"
    assert least < most
    assert tiles["Tasks"][0] == f"{least:,}–{most:,}"
    assert "task_2021" in page.by_id("usage").text


def test_the_chart_has_every_day_and_its_table_the_same_numbers(workspace: Workspace) -> None:
    expected = workspace.ask(
        "select sum(succeeded_count), sum(failed_count) from recipe_usage_daily "
        "where event_date between $1 and $2 group by event_date order by event_date",
        FORTNIGHT.from_date,
        FORTNIGHT.to_date,
    )

    figure = workspace.page(FORTNIGHT).all("figure")[0]
    drawn = [
        [round(float(part.attributes["height"]), 2) for part in bar.all("rect")]
        for bar in figure.all("g")
    ]
    listed = [[number(cell) for cell in row[1:]] for row in figure.all("table")[0].rows()]

    assert listed == [list(row) for row in expected]
    scale = drawn[0][0] / expected[0][0]
    assert len(drawn) == FORTNIGHT.day_count
    for heights, row in zip(drawn, expected, strict=True):
        assert heights == pytest.approx([scale * v for v in row if v], abs=0.02)


def test_changes_are_against_the_period_before(workspace: Workspace) -> None:
    ((now, before),) = workspace.ask(
        "select sum(job_count) filter (where event_date >= $2), "
        "sum(job_count) filter (where event_date < $2) "
        "from recipe_usage_daily where event_date between $1 and $3",
        FORTNIGHT.before.from_date,
        FORTNIGHT.from_date,
        FORTNIGHT.to_date,
    )

    told = workspace.page(FORTNIGHT).tiles()["Jobs"][1]

    percent = 100 * (now - before) / before
    assert told == f"{'+' if percent > 0 else '−'}{abs(percent):.1f}% against {before:,}"


def test_without_a_whole_period_before_there_is_no_comparison(workspace: Workspace) -> None:
    page = workspace.page(WHOLE)

    assert "no comparison" in page.all("p", "sub")[0].text
    assert "against" not in " ".join(note for _, note in page.tiles().values())
    assert not page.all("span", "steady")


def test_recipes_are_ranked_as_the_sample_says(workspace: Workspace) -> None:
    busiest = workspace.answer("most_usage")["recipes"]
    failing = workspace.answer("most_errors")["recipes"]

    used = workspace.page(WHOLE, "prod").table("usage-recipes").rows()
    failed = workspace.page(WHOLE).table("errors-recipes").rows()

    assert [(r[0].removesuffix(" prod"), number(r[2])) for r in used[:5]] == [
        (recipe["recipe_name"], recipe["job_count"]) for recipe in busiest
    ]
    assert [number(r[2]) for r in failed[:5]] == [recipe["failed_count"] for recipe in failing]
    assert failed[0][0] == f"{failing[0]['recipe_name']} prod"


def test_the_incidents_of_the_sample_are_told(workspace: Workspace) -> None:
    page = workspace.page(WHOLE)
    stops = {row[0]: row for row in page.table("stops").rows()}
    (burst,) = page.table("sign-ins").rows()
    (outage,) = page.table("outages").rows()
    errors = {row[0]: row for row in page.table("errors-kinds").rows()}
    (told_first,) = page.all("ul", "notices")
    notices = re.sub("[\u2068\u2069]", "", told_first.text)

    told = workspace.answer("who_stopped_onboarding")
    row = stops[f"{told['recipe_name']} prod"]
    assert row[1] == told_at(told["stopped_at"])
    assert row[2] == f"{told['actor_name']} from {told['ip_address']}"
    assert row[5] == f"{told['restarted_by']} {told_at(told['restarted_at'])}"

    told = workspace.answer("stopped_by_workato")
    row = stops[f"{told['recipe_name']} prod"]
    assert row[1:4] == [told_at(told["stopped_at"]), "Workato", "trigger errors limit"]
    assert f"{told['recipe_name']} was stopped by Workato" in notices

    told = workspace.answer("failed_login_burst")
    assert burst[1:4] == [told["actor_name"], told["ip_address"], str(told["failed_count"])]
    assert f"{told['actor_name']} signed in, {told_at(told['signed_in_at'])}" in burst[4]
    assert f"{told['member_name']}: {told['old_role']} → {told['new_role']}" in burst[4]
    assert f"{told['failed_count']} failed sign-ins of {told['actor_name']}" in notices

    told = workspace.answer("broken_connection")
    assert outage[0] == f"{told['connection_name']} {told['provider']}"
    assert outage[1].startswith(f"{told['actor_name']} {told_at(told['disconnected_at'])}")
    assert outage[2] == f"{told['reconnected_by']} {told_at(told['reconnected_at'])}"
    assert outage[4] == str(told["failed_count"])
    assert sorted(outage[5].split(", ")) == sorted(r["recipe_name"] for r in told["recipes"])
    assert told["actor_name"] in errors[f"{told['error_message']} postgresql · insert row"][5]

    told = workspace.answer("breaking_edit")
    assert f"A change may have broken {told['recipe_name']}" in notices
    assert f"after a change by {told['actor_name']}" in notices


def told_at(moment: str) -> str:
    value = datetime.fromisoformat(moment)
    return f"{value.day} {value:%b %H:%M}"


def test_health_is_what_the_load_reported(workspace: Workspace) -> None:
    loaded = workspace.truth["counts"]
    extra = len(hostile_events())

    health = workspace.page(WHOLE).by_id("health")

    tiles = health.tiles()
    assert number(tiles["Received"][0]) == loaded["received"] + extra
    assert number(tiles["Duplicates"][0]) == loaded["duplicate"]
    assert number(tiles["Rejected"][0]) == loaded["rejected"]["not_json"]
    assert [row[:3] for row in health.table("rejected").rows()] == [
        ["not json", "landing", str(loaded["rejected"]["not_json"])]
    ]
    events = {row[0]: number(row[1]) for row in health.table("lateness").rows()}
    assert events["log message"] == loaded["unique"]["log_messages"]
    assert events["job"] == loaded["unique"]["jobs"] + 3


def test_an_environment_is_told_of_alone(workspace: Workspace) -> None:
    ((jobs, failed),) = workspace.ask(
        "select sum(job_count), sum(failed_count) from recipe_usage_daily "
        "where environment = 'test' and event_date between $1 and $2",
        FORTNIGHT.from_date,
        FORTNIGHT.to_date,
    )

    page = workspace.page(FORTNIGHT, "test")

    assert number(page.tiles()["Jobs"][0]) == jobs
    assert f"{failed} of" in page.by_id("errors").tiles()["Jobs that failed"][1]
    tags = {tag.text for tag in page.all("span", "tag")}
    assert tags == {"test"}


def test_equal_facts_are_equal_bytes(workspace: Workspace) -> None:
    assert render(workspace.facts(FORTNIGHT)) == render(workspace.facts(FORTNIGHT))


@pytest.mark.parametrize("environment", [None, STAGING], ids=["all", "hostile"])
def test_the_page_loads_and_runs_nothing(workspace: Workspace, environment: str | None) -> None:
    content = render(workspace.facts(FORTNIGHT, environment))
    page = parse(content)

    elements = list(page.walk())[1:]
    links = [(e.tag, e.attributes["href"]) for e in elements if "href" in e.attributes]
    styles = "".join(e.text for e in page.all("style"))
    styles += "".join(e.attributes.get("style", "") for e in elements)

    assert {e.tag for e in elements} <= ALLOWED
    assert not [e for e in elements if "src" in e.attributes or "srcset" in e.attributes]
    assert not [name for e in elements for name in e.attributes if name.startswith("on")]
    assert {link for tag, link in links if tag == "link"} == {"data:,"}
    assert all(link.startswith("#") for tag, link in links if tag != "link")
    assert not re.search(r"url\(|@import|expression\(|image-set", styles, re.IGNORECASE)
    (policy,) = [
        e.attributes["content"]
        for e in elements
        if e.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'")


def test_hostile_names_stay_text(workspace: Workspace) -> None:
    page = workspace.page(FORTNIGHT, STAGING)

    shown = {one.text for one in page.all("bdi")}
    recipes = [row[0] for row in page.table("errors-recipes").rows()]
    text = page.text

    # all of it, but for the override, which would turn round what stands behind it
    hostile = HOSTILE.replace("\u202e", "\ufffd")
    assert hostile in shown
    assert f"Home/{hostile}" in shown
    assert STAGING in shown
    notices = [one for one in page.all("li") if "was stopped" in one.text]
    (notice,) = [one for one in notices if "<script>" in one.text]
    assert re.search("\u2068[^\u2069]*</script>[^\u2068]*\u2069 was stopped", notice.text)
    assert any(recipe.startswith("<script>alert('x')</script>") for recipe in recipes)
    assert "{{ 7*7 }}" in text
    assert LONG not in text
    assert any(name.startswith("UnbreakableUnbreakable") and name.endswith("…") for name in shown)
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e]", text)


def test_every_chart_table_and_section_can_be_read_aloud(workspace: Workspace) -> None:
    page = workspace.page(FORTNIGHT)
    ids = [e.attributes["id"] for e in page.walk() if "id" in e.attributes]

    assert len(ids) == len(set(ids))
    assert {
        e.attributes["aria-labelledby"] for e in page.walk() if "aria-labelledby" in e.attributes
    } <= set(ids)
    for tag in ("header", "nav", "main", "footer", "h1"):
        assert len(page.all(tag)) == 1, tag
    for drawing in page.all("svg"):
        assert drawing.attributes.get("aria-hidden") or len(drawing.attributes["aria-label"]) > 15
    for table in page.all("table"):
        heads = table.all("thead")[0].all("th")
        assert all(head.attributes.get("scope") == "col" for head in heads)
        for row in table.all("tbody")[0].all("tr"):
            cells = [one for one in row.content if isinstance(one, Element)]
            assert len(cells) == len(heads)
            assert [c.attributes.get("scope") for c in cells if c.tag == "th"] == ["row"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(scheme: str) -> None:
    style = (TEMPLATES / "style.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", blocks[0 if scheme == "light" else 1]))
    pairs = [
        *(
            (text, ground)
            for text in ("ink", "soft", "accent", "bad", "good")
            for ground in ("paper", "back")
        ),
        ("bad", "bad-back"),
        ("warn", "warn-back"),
        ("soft", "note-back"),
    ]

    ratios = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in pairs}

    assert {pair: ratio for pair, ratio in ratios.items() if ratio < 4.5} == {}


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2 between two colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_an_empty_lake_has_a_page_that_says_so(tmp_path: Path) -> None:
    facts = gather(lake_at(tmp_path / "lake"), FORTNIGHT, made_at=MADE_AT)

    page = parse(render(facts))

    assert "The lake is empty" in page.text
    assert page.tiles()["Jobs"][0] == "0"
    assert "No recipe ran in this period." in page.by_id("usage").text
    assert "No job failed in this period." in page.by_id("errors").text


def test_a_period_that_the_lake_does_not_reach_says_so(workspace: Workspace) -> None:
    page = workspace.page(Period(date(2026, 2, 20), date(2026, 3, 5)))

    assert "beyond the newest day in the lake, 28 Feb 2026" in page.all("p", "warn")[0].text


def test_models_that_lag_are_named(tmp_path: Path) -> None:
    lake = lake_at(tmp_path / "lake")
    (tmp_path / "a.ndjson").write_text(json.dumps(job()))
    run_load(lake, [tmp_path / "a.ndjson"])

    page = parse(render(gather(lake, FORTNIGHT, made_at=MADE_AT)))

    assert "connector_usage_daily" in page.by_id("health").all("p", "warn")[0].text
    assert "Some models lag behind the lake" in page.by_id("summary").text


def test_a_report_lies_beside_the_lake_in_a_folder_and_on_s3(place: Place) -> None:
    place.put("one.ndjson", json.dumps(job()).encode())
    lake = place.lake()
    run_load(lake, [place.landing])
    page = render(gather(lake, FORTNIGHT, made_at=MADE_AT))

    url = put_report(lake, file_name(FORTNIGHT, "a/b ../c"), page)
    again = put_report(lake, file_name(FORTNIGHT, "a/b ../c"), page)

    assert url == again == f"{lake.url}/reports/report_2026-02-15_2026-02-28_a-b-c.html"
    listed = [one for batch in lake.storage.store(lake.url).list("reports") for one in batch]
    assert len(listed) == 1
    assert bytes(lake.storage.store(lake.url).get(listed[0]["path"]).bytes()) == page


def test_the_command_writes_the_page_and_tells_its_facts(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRAILHOUSE_LAKE_URL", workspace.lake.url)
    monkeypatch.chdir(tmp_path)
    days = ["report", "--from", "2026-02-15", "--to", "2026-02-28"]

    written = CliRunner().invoke(app, [*days, "--checks"])
    told = CliRunner().invoke(app, [*days, "--environment", "prod", "--json"])
    newest = CliRunner().invoke(app, ["report", "--out", "week.html"])

    assert (written.exit_code, told.exit_code, newest.exit_code) == (0, 0, 0), written.output
    page = parse((tmp_path / "report_2026-02-15_2026-02-28.html").read_bytes())
    assert re.search(r"\d+ data checks of the period: \d+ passed", page.by_id("health").text)
    facts = json.loads(told.stdout)
    usage = next(row for row in facts["usage_totals"] if row["is_current"])
    assert page_jobs(workspace, "prod") == usage["job_count"]
    assert parse((tmp_path / "week.html").read_bytes()).all("h1")[0].text == "22–28 Feb 2026"
    assert sorted(path.name for path in tmp_path.glob("*.html")) == [
        "report_2026-02-15_2026-02-28.html",
        "week.html",
    ]


def page_jobs(workspace: Workspace, environment: str) -> int:
    return number(workspace.page(FORTNIGHT, environment).tiles()["Jobs"][0])


@pytest.fixture
def written(workspace: Workspace, tmp_path: Path) -> Callable[..., Path]:
    """Write a page to a file and return its path."""

    def write(period: Period = FORTNIGHT, environment: str | None = None) -> Path:
        path = tmp_path / file_name(period, environment)
        path.write_bytes(render(workspace.facts(period, environment)))
        return path

    return write


@pytest.mark.parametrize("environment", [None, STAGING], ids=["all", "hostile"])
@pytest.mark.parametrize("width", [1400, 420])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_the_page_without_complaint(
    written: Callable[..., Path], scheme: str, width: int, environment: str | None
) -> None:
    path = written(FORTNIGHT, environment)

    async def visit(tab: Tab) -> tuple[Any, ...]:
        await tab.open(path, width=width, scheme=scheme)
        return (
            await tab.evaluate("document.documentElement.scrollWidth"),
            await tab.evaluate("document.querySelectorAll('main section').length"),
            await tab.evaluate("getComputedStyle(document.body).backgroundColor"),
            await tab.evaluate(OVERLAPS),
            await tab.thumbnail(width, 3000),
            tab.complaints(),
            tab.requests(),
        )

    scroll, sections, ground, overlaps, picture, complaints, requests = browse(visit)

    assert complaints == []
    assert requests == [path.as_uri()]
    assert sections == 6
    assert scroll == width
    assert overlaps == []
    red, green, blue = (int(part) for part in re.findall(r"\d+", ground))
    assert (red + green + blue > 3 * 200) == (scheme == "light")
    pixels = decode_png(picture)
    assert pixels.shape == (300, width // 10, 3)
    assert (np.median(pixels) > 200) == (scheme == "light")
    assert pixels.std() > 5


OVERLAPS = """
[...document.querySelectorAll('.plot .x, .plot .y')].flatMap(axis => {
  const boxes = [...axis.children].map(one => one.getBoundingClientRect()).filter(b => b.width);
  return boxes.flatMap((a, i) => boxes.slice(i + 1).filter(b =>
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
  ).map(b => [a.left, a.top, b.left, b.top]));
})
"""


def test_it_prints_on_pages_in_light_colours(written: Callable[..., Path]) -> None:
    path = written()

    async def visit(tab: Tab) -> tuple[bytes, list[Any]]:
        await tab.open(path, width=1400, scheme="dark")
        return await tab.pdf(), tab.complaints()

    pdf, complaints = browse(visit)

    pages = re.findall(rb"/Type\s*/Page\b", pdf)
    boxes = {
        tuple(round(float(value)) for value in box.split())
        for box in re.findall(rb"/MediaBox\s*\[([^\]]+)\]", pdf)
    }
    assert complaints == []
    assert pdf.startswith(b"%PDF-")
    assert 3 <= len(pages) <= 12
    assert boxes == {(0, 0, 595, 842)}


@pytest.mark.parametrize(
    "period",
    [
        pytest.param(Period(date(2026, 2, 20), date(2026, 2, 20)), id="day"),
        pytest.param(Period(date(2025, 3, 1), date(2026, 2, 28)), id="year"),
    ],
)
def test_a_day_and_a_year_fit_on_the_page(written: Callable[..., Path], period: Period) -> None:
    path = written(period)

    async def visit(tab: Tab) -> tuple[Any, Any, list[Any]]:
        await tab.open(path, width=420)
        return (
            await tab.evaluate("document.documentElement.scrollWidth"),
            await tab.evaluate(OVERLAPS),
            tab.complaints(),
        )

    assert browse(visit) == (420, [], [])


def decode_png(picture: bytes) -> np.ndarray[Any, Any]:
    """The pixels of an 8-bit PNG: rows, columns, red, green, blue."""
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height, depth, kind = struct.unpack(">IIBB", picture[16:26])
    assert (depth, kind) in {(8, 2), (8, 6)}
    size = 3 if kind == 2 else 4
    packed, at = b"", 8
    while at < len(picture):
        (length,) = struct.unpack(">I", picture[at : at + 4])
        if picture[at + 4 : at + 8] == b"IDAT":
            packed += picture[at + 8 : at + 8 + length]
        at += 12 + length
    lines = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + width * size)
    pixels = np.zeros((height, width, size), np.int64)
    above = np.zeros((width, size), np.int64)
    for row, line in enumerate(lines):
        above = pixels[row] = _unfilter(line[0], line[1:].reshape(width, size), above)
    return pixels[:, :, :3]


def _unfilter(
    kind: int, line: np.ndarray[Any, Any], above: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """One line of a PNG, by the five filters of its specification."""
    raw = line.astype(np.int64)
    if kind == 0:
        return raw
    if kind == 1:
        return np.cumsum(raw, axis=0) % 256
    if kind == 2:
        return (raw + above) % 256
    done: list[Sequence[int]] = []
    left = corner = [0] * raw.shape[1]
    for values, top in zip(raw.tolist(), above.tolist(), strict=True):
        left = [
            (v + ((a + b) // 2 if kind == 3 else _paeth(a, b, c))) % 256
            for v, a, b, c in zip(values, left, top, corner, strict=True)
        ]
        corner = top
        done.append(left)
    return np.array(done, np.int64)


def _paeth(left: int, above: int, corner: int) -> int:
    guess = left + above - corner
    return min((left, above, corner), key=lambda value: abs(guess - value))

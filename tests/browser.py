"""Browser: Debian's Chromium without a window, spoken to by its own protocol (CDP)."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import subprocess
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TIMEOUT_SECONDS = 90
T = TypeVar("T")


def find_browser() -> str:
    """The browser's program; without one the test is skipped, but fails where CI is set."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None and os.environ.get("CI"):
        pytest.fail(f"no browser on PATH, looked for {', '.join(NAMES)}; apt-get install chromium")
    if found is None:
        pytest.skip(f"no browser on PATH, looked for {', '.join(NAMES)}")
    return found


@dataclass
class Tab:
    """One page in a browser, and what the browser told of it."""

    socket: aiohttp.ClientWebSocketResponse
    session_id: str | None = None
    number: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Run a command of the protocol and wait for its answer."""
        self.number += 1
        message: dict[str, Any] = {"id": self.number, "method": method, "params": parameters}
        if self.session_id:
            message["sessionId"] = self.session_id
        await self.socket.send_json(message)
        while True:
            answer = await self.socket.receive_json(timeout=TIMEOUT_SECONDS)
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    async def wait(self, event: str) -> None:
        """Wait for an event, unless it was there already."""
        while not self.happened(event):
            self.events.append(await self.socket.receive_json(timeout=TIMEOUT_SECONDS))

    def happened(self, *names: str) -> list[dict[str, Any]]:
        """What the events of these names told."""
        return [event["params"] for event in self.events if event.get("method") in names]

    async def open(self, path: Path, *, width: int, scheme: str = "light") -> None:
        """Open a file at a width of the window, light or dark."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.call(f"{domain}.enable")
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=False,
        )
        await self.call("Emulation.setScrollbarsHidden", hidden=True)
        await self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )
        await self.call("Page.navigate", url=path.as_uri())
        await self.wait("Page.loadEventFired")

    async def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def thumbnail(self, width: int, height: int) -> bytes:
        """The top of the page at a tenth of its size, as PNG."""
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 0.1}
        answer = await self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        return base64.b64decode(answer["data"])

    async def pdf(self) -> bytes:
        """The page as it prints."""
        answer = await self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        return base64.b64decode(answer["data"])

    def complaints(self) -> list[Any]:
        """What the console shows: errors, warnings, exceptions, and what a policy refused."""
        return self.happened(
            "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"
        )

    def requests(self) -> list[str]:
        """URLs that the page asked for."""
        return [event["request"]["url"] for event in self.happened("Network.requestWillBeSent")]


def browse(visit: Callable[[Tab], Awaitable[T]]) -> T:
    """Start a browser, visit pages in a tab of it, and end it."""
    return asyncio.run(_browse(visit))


async def _browse(visit: Callable[[Tab], Awaitable[T]]) -> T:
    program = find_browser()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [
                program,
                "--headless=new",
                "--no-sandbox",  # root in a container has no other way
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--remote-debugging-port=0",
                f"--user-data-dir={profile}",
                "about:blank",
            ],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert process.stderr is not None
            told = (line.partition("DevTools listening on ") for line in process.stderr)
            url = next(rest.strip() for _, found, rest in told if found)
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(url, max_msg_size=0) as socket,
            ):
                whole = Tab(socket)
                made = await whole.call("Target.createTarget", url="about:blank")
                joined = await whole.call(
                    "Target.attachToTarget", targetId=made["targetId"], flatten=True
                )
                return await visit(Tab(socket, joined["sessionId"], whole.number))
        finally:
            process.kill()
            process.wait()
            if process.stderr:
                process.stderr.close()

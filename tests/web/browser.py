"""A headless Chromium that a test drives as a person would: open, look, press. Spoken to by its own protocol."""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

MISSING = "Chromium is not installed; `apt-get install chromium` lets this run"
QUIET = ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
         "--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0")  # fmt: skip
PATIENCE_S = 20


class Tab:
    """One tab."""

    def __init__(self, socket: ClientConnection, session: str) -> None:
        self.socket, self.session, self.numbers = socket, session, itertools.count(100)
        self.loads = 0
        self.call("Page.enable")

    def call(self, method: str, **params: Any) -> Any:
        """Say one word of the protocol and wait for its answer."""
        number = next(self.numbers)
        _say(self.socket, number, method, params, self.session)
        while (heard := self._hear()).get("id") != number:
            pass
        assert "error" not in heard, heard
        return heard.get("result", {})

    def open(self, url: str) -> None:
        """Open an address and wait until it is there."""
        self.loads = 0
        self.call("Page.navigate", url=url)
        self._loaded()

    def press(self, text: str) -> None:
        """Press the button or the link with these words, and wait for the page it leads to."""
        self.loads = 0
        pressed = self.run(
            "(() => { const all = [...document.querySelectorAll('button, a')];"
            f" const one = all.find(one => one.textContent.trim() === {json.dumps(text)});"
            " if (one) setTimeout(() => one.click(), 0); return Boolean(one) })()"
        )
        assert pressed, f"there is no '{text}' on: {self.text}"
        self._loaded()

    def tick(self, value: str) -> None:
        """Click on the words beside a box."""
        self.run(f"document.querySelector('input[value={value}]').closest('label').click()")

    def run(self, script: str) -> Any:
        """What a script on the page gives."""
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    @property
    def text(self) -> str:
        """What the page says."""
        return str(self.run("document.body.innerText"))

    def screen(self, width: int, height: int, *, dark: bool = False) -> None:
        """How large the screen is, and how the reader likes it."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[feature])

    def picture(self, path: Path) -> None:
        """A picture of the page."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def _loaded(self) -> None:
        while not self.loads:
            self._hear()

    def _hear(self) -> dict[str, Any]:
        heard: dict[str, Any] = json.loads(self.socket.recv(timeout=PATIENCE_S))
        self.loads += heard.get("method") == "Page.loadEventFired"
        return heard


@contextmanager
def chromium(folder: Path) -> Iterator[Tab]:
    """Start Chromium with an empty profile; skips the test where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip(MISSING)
    alone = ("--no-sandbox",) if os.geteuid() == 0 else ()
    command = [program, *QUIET, *alone, f"--user-data-dir={folder}", "about:blank"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as running:
        try:
            assert running.stderr is not None
            lines = iter(running.stderr.readline, "")
            url = next(found[0] for line in lines if (found := re.search(r"ws://\S+", line)))
            with connect(url, max_size=None, proxy=None) as socket:
                target = _first(socket, 1, "Target.createTarget", url="about:blank")["targetId"]
                attached = _first(socket, 2, "Target.attachToTarget", targetId=target, flatten=True)
                yield Tab(socket, attached["sessionId"])
        finally:
            running.kill()
            running.stderr.close()


def _say(socket: ClientConnection, number: int, method: str, params: dict[str, Any], session: str = "") -> None:
    said = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
    socket.send(json.dumps(said))


def _first(socket: ClientConnection, number: int, method: str, **params: Any) -> Any:
    _say(socket, number, method, params)
    while (heard := json.loads(socket.recv(timeout=PATIENCE_S))).get("id") != number:
        pass
    return heard["result"]

"""The official description of SendGrid's API, served by Prism in front of a recorder of ours.

The description is used where it lies; Prism is kept in the user's cache, outside the repository.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

VERSION = "5.16.0"
DESCRIPTION = Path(__file__).parents[3] / "shared" / "vendor" / "sendgrid"
HOME = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "journey-engine" / f"prism-{VERSION}"
INSTALL = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(HOME)]
INSTALL = [*INSTALL, f"@stoplight/prism-cli@{VERSION}"]


def install() -> None:
    """Put Prism into the user's cache, unless it is there."""
    if not (HOME / "node_modules" / ".bin" / "prism").exists() and shutil.which("npm"):
        HOME.mkdir(parents=True, exist_ok=True)
        subprocess.run(INSTALL, timeout=300, check=False, capture_output=True)


def command() -> Path:
    """Prism; installed first when long tests are asked for, otherwise the test is skipped."""
    found = HOME / "node_modules" / ".bin" / "prism"
    if os.environ.get("JOURNEY_LONG") == "1":
        install()
    if not found.exists() or not shutil.which("node"):
        pytest.skip(f"Prism {VERSION} is not in {HOME}; `{' '.join(INSTALL)}` puts it there")
    return found


def described() -> dict[str, Any]:
    """The description with its corrections; the test is skipped where it is not."""
    if not DESCRIPTION.is_dir():
        pytest.skip("the official description of SendGrid is not at ../shared/vendor/sendgrid")
    whole: dict[str, Any] = json.loads((DESCRIPTION / "tsg_mail_v3.json").read_bytes())
    for change in json.loads((DESCRIPTION / "tsg_mail_v3.corrections.jsonpatch.json").read_bytes()):
        *around, last = [part.replace("~1", "/").replace("~0", "~") for part in change["path"].split("/")[1:]]
        inner: Any = whole
        for name in around:
            inner = inner[int(name)] if isinstance(inner, list) else inner[name]
        assert change["op"] in ("add", "replace", "remove")
        if change["op"] == "remove":
            del inner[last]
        elif isinstance(inner, list):
            inner.append(change["value"])
        else:
            inner[last] = change["value"]
    return whole


@contextmanager
def prism(folder: Path, upstream: int) -> Iterator[int]:
    """Prism on a free port of the loopback, which hands what fits the description to `upstream`; gone at the end."""
    program, description = command(), folder / "description.json"
    description.write_text(json.dumps(described()))
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    words = ["proxy", "-h", "127.0.0.1", "-p", str(port), "--errors", "-v", "error", str(description)]
    with (folder / "prism.log").open("wb") as log:
        running = subprocess.Popen(
            [str(program), *words, f"http://127.0.0.1:{upstream}"],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    try:
        _wait(port, running, folder / "prism.log")
        yield port
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait(10)


def _wait(port: int, running: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        assert running.poll() is None, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"Prism did not start within a minute: {log.read_text()}")


if __name__ == "__main__":  # what `.ci/run` asks for
    install()

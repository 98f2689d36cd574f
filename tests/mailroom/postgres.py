"""A PostgreSQL server of our own for one test run: made in a temporary folder, on a free port of this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

FOLDERS = (Path("/usr/lib/postgresql/15/bin"), Path("/usr/lib/postgresql/16/bin"), Path("/usr/lib/postgresql/17/bin"))


@contextmanager
def server() -> Iterator[str]:
    """The URL of an empty database; skips the test where PostgreSQL or its driver is not installed."""
    binaries = next((folder for folder in FOLDERS if (folder / "initdb").is_file()), None)
    if binaries is None or find_spec("psycopg") is None:
        pytest.skip("PostgreSQL's binaries or psycopg are not installed here")
    folder = Path(tempfile.mkdtemp(prefix="journey-postgres-"))
    as_user: dict[str, Any] = {"cwd": folder}
    if os.geteuid() == 0:  # PostgreSQL does not run as root
        shutil.chown(folder, "postgres", "postgres")
        as_user |= {"user": "postgres", "group": "postgres"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT, "check": True, "timeout": 120}
    port, data = _free_port(), folder / "data"
    control = [binaries / "pg_ctl", "-D", data, "-w"]
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    try:
        subprocess.run([binaries / "initdb", "-D", data, "-U", "tests", "-A", "trust"], **quiet, **as_user)
        subprocess.run([*control, "-o", options, "-l", folder / "log", "start"], **quiet, **as_user)
        try:
            yield f"postgresql+psycopg://tests@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], **quiet, **as_user)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])

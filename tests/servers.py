"""A PostgreSQL server for the tests, from the installed binaries: its own folder and port, gone at the end."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

MISSING = "PostgreSQL's server is not installed; `apt-get install postgresql` lets this run"
SECRET = "open sesame"
# Text must compare bytewise even where the database orders it as people do.
ICU = ("--locale-provider=icu", "--icu-locale=en", "--locale=C.UTF-8")
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=64MB", "max_connections=40")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. Anyone on this machine is `postgres`; `guarded` must say the password."""

    port: int

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """The URL of one of its databases."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def new(self, database: str) -> str:
        """Make an empty database; returns its URL."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{database}"')
        return self.url(database)


def binaries() -> Path | None:
    """The folder of initdb and pg_ctl, the newest where there are several."""
    found = [Path(place).parent for place in [shutil.which("initdb")] if place]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -float(path.parent.name))
    return next((folder for folder in found if (folder / "initdb").exists()), None)


@contextmanager
def postgres_server(settings: Sequence[str] = QUICK) -> Iterator[Server]:
    """Start a server, stop it at the end. Skips the test where there is none, unless JOURNEY_NEED_POSTGRES is set."""
    folder = binaries()
    if folder is None:
        if os.environ.get("JOURNEY_NEED_POSTGRES"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    home = Path(tempfile.mkdtemp(prefix="journey-pg-"))
    user = "postgres" if os.geteuid() == 0 else None  # the server refuses to be root's
    try:
        if user is not None:
            shutil.chown(home, user)
        _make(folder, home, user)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = [*settings, "listen_addresses=127.0.0.1", f"port={port}", f"unix_socket_directories={home}"]
        options = " ".join(f"-c {setting}" for setting in settings)
        start = ["start", "-w", "-t", "120", "-l", str(home / "log"), "-o", options]
        _run([str(folder / "pg_ctl"), "-D", str(home / "data"), *start], user)
        try:
            with psycopg.connect(Server(port).url(), autocommit=True) as connection:
                connection.execute(f"CREATE ROLE guarded LOGIN SUPERUSER PASSWORD '{SECRET}'")
            yield Server(port)
        finally:
            _run([str(folder / "pg_ctl"), "-D", str(home / "data"), "stop", "-m", "immediate", "-w"], user)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _make(folder: Path, home: Path, user: str | None) -> None:
    """A cluster whose text has an order of its own, where this version can have one."""
    command = [str(folder / "initdb"), "-D", str(home / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"]
    try:
        _run([*command, *ICU], user)
    except AssertionError:
        shutil.rmtree(home / "data", ignore_errors=True)
        _run([*command, "--locale=C"], user)
    rules = home / "data" / "pg_hba.conf"
    rules.write_text("host all guarded 127.0.0.1/32 scram-sha-256\n" + rules.read_text())


def _run(command: list[str], user: str | None) -> None:
    with tempfile.TemporaryFile() as said:  # a pipe would stay open as long as the server lives
        done = subprocess.run(command, stdout=said, stderr=said, user=user, cwd="/", check=False)
        said.seek(0)
        assert done.returncode == 0, said.read().decode(errors="replace")

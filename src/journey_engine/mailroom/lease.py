"""Leases: one holder at a time for a night, and a sign of life for every dispatcher.

A live holder is never overtaken, however long it takes. On the same machine the process itself is looked
at; elsewhere the heartbeat must have been silent for a minute, and stay so while somebody watches.
"""

from __future__ import annotations

import datetime as dt
import itertools
import os
import platform
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from journey_engine.errors import JourneyError
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import leases
from journey_engine.times import iso

Clock = Callable[[], dt.datetime]
_count = itertools.count(1)
_held_here: set[str] = set()  # tokens of this process: after a failed release the process alone proves nothing


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a holder beats, when silence counts as death, how long a doubter watches. In seconds."""

    every: float = 5.0
    silence: float = 60.0
    watch: float = 12.0


USUAL_PACE = Pace()


class Lease:
    """A held lease. `check` before anything that only the holder may do."""

    def __init__(self, name: str, token: str, pace: Pace) -> None:
        self.name, self.token, self.pace = name, token, pace
        self.lost = False
        self.last = time.monotonic()

    def check(self) -> None:
        """Raises JourneyError when the lease is gone, or may be because no heartbeat got through."""
        if self.lost or time.monotonic() - self.last > self.pace.silence * 0.75:
            raise JourneyError(
                f"the lease '{self.name}' was lost: this process gave no sign of life for too long",
                remedy="run it again; what was done is kept and not done twice",
                code="lease_lost",
            )


@contextmanager
def hold(store: Store, name: str, owner: str, clock: Clock, pace: Pace = USUAL_PACE) -> Iterator[Lease]:
    """Hold a lease while the block runs. Raises JourneyError naming a live holder."""
    lease = Lease(name, f"{machine()}:{os.getpid()}:{process_start(os.getpid())}:{next(_count)}", pace)
    _take(store, lease, owner, clock)
    _held_here.add(lease.token)
    done = threading.Event()
    thread = threading.Thread(target=_beat, args=(store, lease, clock, done), daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        done.set()
        thread.join()
        _held_here.discard(lease.token)
        _release(store, lease)


def _take(store: Store, lease: Lease, owner: str, clock: Clock) -> None:
    seen = _row(store, lease.name)
    if seen is not None and not is_dead(store, seen, clock, lease.pace):
        raise JourneyError(
            f"'{lease.name}' is held by {seen.owner} (process {seen.pid} on {seen.machine.split('/')[0]}) "
            f"since {iso(seen.since)}",
            remedy="wait for it to end, or stop that process; a dead holder is noticed by itself",
            code="lease_held",
        )
    now = clock()
    row = {
        "name": lease.name,
        "token": lease.token,
        "owner": owner,
        "machine": machine(),
        "pid": os.getpid(),
        "started": process_start(os.getpid()),
        "since": now,
        "heartbeat": now,
        "beat": 0,
    }
    with store.write() as db:
        if seen is not None:
            db.execute(
                delete(leases).where(
                    leases.c.name == lease.name, leases.c.token == seen.token, leases.c.beat == seen.beat
                )
            )
        taken = db.execute(select(leases.c.owner).where(leases.c.name == lease.name)).scalar()
        if taken is None:
            db.execute(insert(leases), row)
            return
    raise JourneyError(
        f"'{lease.name}' was taken by {taken} a moment ago", remedy="wait for it to end", code="lease_held"
    )


def _beat(store: Store, lease: Lease, clock: Clock, done: threading.Event) -> None:
    while not done.wait(lease.pace.every):
        try:
            with store.write() as db:
                changed = db.execute(
                    update(leases)
                    .where(leases.c.name == lease.name, leases.c.token == lease.token)
                    .values(beat=leases.c.beat + 1, heartbeat=clock())
                ).rowcount
        except Exception as error:  # noqa: BLE001 - a full or absent store: `check` notices when it lasts
            if store.is_sqlite and getattr(error, "code", None) == "busy":
                lease.last = time.monotonic()  # a long load has the file; on one machine the process is looked at
            continue
        if not changed:
            lease.lost = True
            return
        lease.last = time.monotonic()


def _release(store: Store, lease: Lease) -> None:
    try:
        with store.write() as db:
            db.execute(delete(leases).where(leases.c.name == lease.name, leases.c.token == lease.token))
    except JourneyError:
        return  # a full disk; the lease is dead as soon as this process says so (_held_here) or ends


def _row(store: Store, name: str) -> Row[Any] | None:
    with store.read() as db:
        return db.execute(select(leases).where(leases.c.name == name)).first()


def dead_among(store: Store, names: set[str], clock: Clock, pace: Pace = USUAL_PACE) -> set[str]:
    """The names without a live holder."""
    rows = {name: _row(store, name) for name in names}
    return {name for name, row in rows.items() if row is None or is_dead(store, row, clock, pace)}


def is_dead(store: Store, row: Row[Any], clock: Clock, pace: Pace) -> bool:
    """Whether the holder is surely gone. May watch for a while before it says yes."""
    if row.machine == machine():
        if row.pid == os.getpid() and row.started == process_start(row.pid):
            return row.token not in _held_here
        return not is_running(row.pid, row.started)
    if (clock() - row.heartbeat).total_seconds() <= pace.silence:
        return False
    # Clocks of two machines may disagree by more than a minute: believe only what is seen.
    threading.Event().wait(pace.watch)
    later = _row(store, row.name)
    return later is None or (later.token, later.beat) == (row.token, row.beat)


@lru_cache(maxsize=1)
def machine() -> str:
    """Host, boot and process namespace: within one of these a process number means one process at a time."""
    boot, space = "", ""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        pass
    return f"{platform.node()}/{boot}/{space}"


def process_start(pid: int) -> str:
    """When a process began, in the kernel's ticks; empty where the system does not tell, or it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def is_running(pid: int, started: str) -> bool:
    """Whether the process that had this number then is still there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return process_start(pid) == started

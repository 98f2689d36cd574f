"""What stands beside every figure: the machine, the versions, and how busy it was."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import statistics
from pathlib import Path
from typing import Any


def load() -> float:
    """The load average of the last minute."""
    return round(os.getloadavg()[0], 1)


def machine() -> dict[str, Any]:
    """Cores, memory and versions; no names."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(pages * size / 2**30, 1),
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in ("journey-engine", "duckdb", "jinja2", "sqlalchemy")},
    }


def middle(rounds: list[Any]) -> Any:
    """The median of every number, at its place."""
    first = rounds[0]
    if isinstance(first, dict):
        return {key: middle([one[key] for one in rounds]) for key in first}
    return first if isinstance(first, str) else statistics.median(rounds)


def cpu_of(pid: int) -> float:
    """CPU seconds of a process and of all below it, those that have ended too (Linux only)."""
    tick = os.sysconf("SC_CLK_TCK")
    fields = {int(path.parent.name): _stat(path) for path in Path("/proc").glob("[0-9]*/stat")}
    ours, found = {pid}, -1
    while found != len(ours):
        found = len(ours)
        ours |= {one for one, stat in fields.items() if stat and int(stat[1]) in ours}
    return sum(sum(map(int, stat[11:15])) for one in ours if (stat := fields.get(one))) / tick


def _stat(path: Path) -> list[str]:
    """What the system says of a process, from its state on; nothing of one that has just ended."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []

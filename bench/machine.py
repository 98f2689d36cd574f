"""What stands beside every figure: the machine, the versions, and how busy it was."""

from __future__ import annotations

import importlib.metadata
import os
import platform
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

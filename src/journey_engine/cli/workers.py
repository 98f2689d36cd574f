"""Several dispatchers at once on this machine: a process each, and one answer for all of them."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from journey_engine.errors import JourneyError
from journey_engine.times import iso

OWN = ("send_hours", "try_later")
"""Why a message waits that one dispatcher had in hand; what waits for other reasons each of them has seen."""


def hand_over(folder: Path, as_of: dt.datetime, workers: int) -> dict[str, Any]:
    """Start so many, wait for all of them, and add up what they say. Raises JourneyError when none could work."""
    words = [sys.executable, "-m", "journey_engine.cli", "dispatch", "--json", "--as-of", iso(as_of)]
    command = [*words, "--project", str(folder)]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(workers)
    ]
    ended = [(*one.communicate(), one.returncode) for one in started]
    told = [json.loads(out) for out, _, _ in ended if out.strip()]
    errors = [one["error"] for one in told if "error" in one]
    if len(errors) == workers:
        raise JourneyError(errors[0]["message"], remedy=errors[0]["remedy"], code=errors[0]["code"])
    troubles = [_silent(status, said) for out, said, status in ended if not out.strip()]
    troubles += [f"a dispatcher could not work: {one['message']}" for one in errors]
    return _together(as_of, [one for one in told if "error" not in one], troubles)


def _silent(status: int, said: str) -> str:
    """A dispatcher that ended without an answer, such as a killed one."""
    last = said.strip().splitlines()[-1:] or ["it said nothing"]
    return f"a dispatcher ended with status {status}: {last[0]}; the next dispatch looks into what it had in hand"


def _together(as_of: dt.datetime, told: list[dict[str, Any]], troubles: list[str]) -> dict[str, Any]:
    """Counts of what was done are added up."""
    counts: Counter[str] = Counter()
    reasons: Counter[tuple[str, str]] = Counter()
    for one in told:
        for name in ("accepted", "refused", "skipped", "unsure", "tasks"):
            counts[name] += one[name]
        for group in one["reasons"]:
            key, count = (group["state"], group["reason"]), group["count"]
            seen_by_all = key[0] == "pending" and key[1] not in OWN
            reasons[key] = max(reasons[key], count) if seen_by_all else reasons[key] + count
        troubles += [line for line in one["troubles"] if line not in troubles]
    waiting = sum(count for (state, _), count in reasons.items() if state == "pending")
    return {
        "as_of": as_of,
        **{name: counts[name] for name in ("accepted", "refused", "skipped", "unsure")},
        "waiting": waiting,
        "tasks": counts["tasks"],
        "reasons": [{"state": state, "reason": why, "count": n} for (state, why), n in sorted(reasons.items())],
        "troubles": troubles,
        "attention": next((one["attention"] for one in told if one["attention"]), None),
    }

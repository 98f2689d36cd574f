"""What both readings leave behind a night, brought to one form that compares with `==` and reads well."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from journey_engine.records import Decision, Enrollment, Transition
from journey_engine.times import iso

Rows = dict[str, Any]


@dataclass(slots=True)
class Told:
    """One customer after one night: what the night did, and what stands after it. Each section maps a key to a row."""

    transitions: Rows = field(default_factory=dict)
    decisions: Rows = field(default_factory=dict)
    enrollments: Rows = field(default_factory=dict)
    memberships: Rows = field(default_factory=dict)
    overlays: Rows = field(default_factory=dict)
    watched: Rows = field(default_factory=dict)
    considered: Rows = field(default_factory=dict)
    counted: Rows = field(default_factory=dict)

    def differences(self, other: Told) -> list[str]:
        """Lines that tell where two tellings part; the sections that cause others come first."""
        lines: list[str] = []
        sections = (
            "memberships",
            "watched",
            "enrollments",
            "transitions",
            "decisions",
            "overlays",
            "considered",
            "counted",
        )
        for section in sections:
            mine, theirs = getattr(self, section), getattr(other, section)
            for key in sorted(mine.keys() | theirs.keys()):
                if mine.get(key) != theirs.get(key):
                    lines += _apart(f"{section} {key}", mine.get(key), theirs.get(key))
        return lines


def _apart(name: str, walk: Any, sweep: Any) -> list[str]:
    if isinstance(walk, Mapping) and isinstance(sweep, Mapping):
        fields = [key for key in (walk | sweep) if walk.get(key) != sweep.get(key)]
        return [f"{name} .{key}: walk {walk.get(key)!r} | sweep {sweep.get(key)!r}" for key in fields]
    return [f"{name}: walk {walk!r} | sweep {sweep!r}"]


def transition(one: Transition) -> tuple[str, Rows]:
    """A move; what its condition saw is worded by each reading for itself and not compared."""
    key = f"{one.enrollment_id[:8]} run {one.run} seq {one.seq:03d}"
    return key, {
        "from": one.from_node, "to": one.to_node, "at": stamp(one.at), "reason": one.reason, "event": one.event_id,
    }  # fmt: skip


def decision(one: Decision) -> tuple[str, Rows]:
    """A decision with its payload; a value that is missing and one that is null are the same."""
    key = f"{one.kind} {one.step} {one.decision_id[:8]}"
    return key, {
        "id": one.decision_id, "run": one.run, "journey": one.journey, "version": one.version,
        "enrollment": one.enrollment_id, "customer": one.customer_id, "occurrence": one.occurrence,
        "state": str(one.state), "reason": one.reason, "due_at": stamp(one.due_at),
        "reached_at": stamp(one.reached_at), "payload": bare(one.payload),
    }  # fmt: skip


def enrollment(one: Enrollment) -> tuple[str, Rows]:
    """A pass with every field."""
    return f"{one.journey} {one.enrollment_id[:8]}", {
        "id": one.enrollment_id, "version": one.version, "customer": one.customer_id, "key": one.key,
        "entered_at": stamp(one.entered_at), "run": one.run, "trigger": bare(one.trigger), "node": one.node,
        "reached_at": stamp(one.reached_at), "held": one.held, "state": str(one.state), "reason": one.reason,
        "closed_at": stamp(one.closed_at), "goal_at": stamp(one.goal_at), "goal_run": one.goal_run,
        "meant_at": stamp(one.meant_at),
        "held_out": one.held_out,
        "account": one.account_id,
        "steps": {step: (stamp(at), event) for step, (at, event) in one.steps.items()},
    }  # fmt: skip


def keyed(rows: Iterable[tuple[str, Any]]) -> Rows:
    """Rows by key; two under one key are shown as two."""
    found: Rows = {}
    for key, row in rows:
        while key in found:
            key += " again"
        found[key] = row
    return found


def stamp(instant: dt.datetime | None) -> str | None:
    """An instant as text."""
    return None if instant is None else iso(instant if instant.tzinfo else instant.replace(tzinfo=dt.UTC))


def bare(value: Any) -> Any:
    """A value of a payload by its type: true is not 1, 5.0 is 5; what is null or empty is left out."""
    if isinstance(value, bool):
        return f"<{value}>".lower()
    if isinstance(value, int | float | Decimal):
        return float(value)
    if isinstance(value, Mapping):
        made = {str(key): bare(item) for key, item in value.items()}
        return {key: item for key, item in made.items() if item is not None and item != {}}
    return [bare(item) for item in value] if isinstance(value, list | tuple) else value

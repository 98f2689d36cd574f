"""Rule 6: every change of offset in a file of vectors, by both readings: what a gap skips, what comes twice, the edges.

The file has for each zone its changes with the offsets before and after, and the local readings that are missing or
doubled. Everybody enters in 2009, and one run long after finds all the waits over.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from journey_engine.rules import Night
from tests.histories.story import NIGHTLY, Reading, at, clock, customer, evenings, event, moves, rules

FILE = Path(__file__).parents[3] / "shared" / "vectors" / "tz_edges.json"
MINUTE = dt.timedelta(minutes=1)


def expected() -> list[tuple[str, dt.datetime, dt.datetime]]:
    """(zone, reading, instant): just before a change, inside what is missing or doubled, and just behind it."""
    found = []
    for zone, changes in json.loads(FILE.read_text(encoding="utf-8"))["transitions"].items():
        for change in changes:
            first, last = (dt.datetime.fromisoformat(change[name]) for name in ("local_from", "local_to"))
            middle = (first + (last - first) / 2).replace(second=0)
            before, after = (dt.timedelta(seconds=change[name]) for name in ("offset_before", "offset_after"))
            found += [(zone, first - MINUTE, first - MINUTE - before), (zone, middle, middle - before)]
            found.append((zone, last, last - after))
    return found


@pytest.mark.skipif(not FILE.is_file(), reason="the vectors are not at ../shared/vectors/tz_edges.json")
def test_every_change_of_offset_is_read_as_the_vectors_say(reading: Reading) -> None:
    cases = expected()
    times = sorted({local.strftime("%H:%M") for _, local, _ in cases})
    journeys = [
        f"journey: at-{time.replace(':', '')}\ntopic: receipts\nreentry: never\n"
        f"trigger: {{event: {{name: go, where: {{at: '{time}'}}}}}}\n"
        f"steps: [{{wait: {{until: {{date: customer.day, at: '{time}'}}}}}}]"
        for time in times
    ]
    people, rows = [], []
    for number, (zone, local, _) in enumerate(cases):
        people.append(customer(f"c{number}", zone, day=local.date().isoformat()))
        rows.append(event("go", "2009-06-01 10:00", f"e{number}", who=f"c{number}", at=local.strftime("%H:%M")))
    when = [Night.of(1, at("2009-06-02 02:00"), NIGHTLY), Night.of(2, at("2060-01-01 02:00"), NIGHTLY)]
    told = reading(evenings(rules(*journeys), rows, when, people))
    wrong = []
    for number, (zone, local, instant) in enumerate(cases):
        line = f"run 2: waited {clock(instant)}"
        if line not in moves(told[f"c{number}"]):
            wrong.append((zone, local, clock(instant), moves(told[f"c{number}"])))
    assert len(cases) >= 3
    assert wrong == []

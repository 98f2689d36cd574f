"""What a run did: text for a terminal, Markdown for a page, JSON for a script. Counts only, no personal data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from journey_engine.engines import open_reader
from journey_engine.errors import visible
from journey_engine.load import LoadedProject
from journey_engine.night import COUNTS, JourneyCounts, RunReport, groups, held_back, open_mailroom
from journey_engine.times import UTC, iso

COLUMNS = ("journey", "entered", "moved", "converted", "exited")
GROUP_COLUMNS = ("group", "passes", "converted", "share")
Rows = Sequence[Sequence[str]]


def last(loaded: LoadedProject) -> RunReport:
    """The report of the last committed run, from the published copy; messages as they stand in the mailroom now.

    Works while a run is at work. Raises JourneyError before the first run.
    """
    reader = open_reader(loaded.project.engine, loaded.folder)
    try:
        run, run_id, as_of, customers, received, kept = reader.rows(
            "SELECT run, run_id, as_of, customers, received, report FROM runs ORDER BY run DESC LIMIT 1"
        )[0]
        counted = {journey: JourneyCounts(*map(int, counts)) for journey, *counts in reader.rows(COUNTS, (run,) * 5)}
        found = groups(reader)
        ran = [journey for (journey,) in reader.rows("SELECT journey FROM journeys WHERE last_as_of = ?", [as_of])]
    finally:
        reader.close()
    with open_mailroom(loaded) as mailroom:
        messages, reasons = mailroom.counts(run), mailroom.reasons(run)
        webhooks = mailroom.webhook_counts(run)
        stands = [f"{hold.detail}; ended by `{hold.resumed_by}`" for hold in mailroom.stopped()]
        stands += [f"{pause} {pause.told}; at once by `{pause.ended_by}`" for pause in mailroom.paused()]
        stands += [f"{owed}; ended by `{owed.ended_by}`" for owed in mailroom.owed_erasures()]
    told = json.loads(kept or "{}")
    ran = [journey for journey in ran if journey not in told.get("broken", {})]
    return RunReport(
        run_id=run_id,
        as_of=as_of.replace(tzinfo=UTC),
        run=run,
        journeys={journey: counted.get(journey, JourneyCounts()) for journey in sorted({*ran, *counted})},
        messages=messages,
        held_back=held_back(told.get("held_back", {}), reasons),
        set_aside=told.get("set_aside", {}),
        notes=[*told.get("notes", []), *stands],
        broken=told.get("broken", {}),
        customers=customers,
        events_received=received,
        groups=found,
        webhooks=webhooks,
    )


def as_json(report: RunReport) -> dict[str, Any]:
    """One object: run_id, as_of, journeys, messages and what else there is to say."""
    return {
        "run_id": report.run_id,
        "as_of": iso(report.as_of),
        "repeated": report.repeated,
        "journeys": {
            name: {
                "entered": counts.entered,
                "moved": counts.moved,
                "converted": counts.converted,
                "exited": counts.exited,
                "finished": counts.finished,
            }
            for name, counts in report.journeys.items()
        },
        "messages": dict(report.messages),
        "webhooks": dict(report.webhooks),
        "held_back": dict(report.held_back),
        "set_aside": dict(report.set_aside),
        "broken": dict(report.broken),
        "notes": list(report.notes),
        "customers": report.customers,
        "events_received": report.events_received,
        "dispatched": report.dispatched,
        "groups": [
            {"journey": one.journey, "group": one.group, "passes": one.passes, "converted": one.converted}
            for one in report.groups
        ],
        "seconds": {phase: round(seconds, 3) for phase, seconds in report.seconds.items()},
    }


def journey_records(report: RunReport) -> list[dict[str, Any]]:
    """One record a journey with the words of COLUMNS; with several journeys a last one adds them up."""
    found: list[dict[str, Any]] = [
        {"journey": name, **{column: getattr(counts, column) for column in COLUMNS[1:]}}
        for name, counts in sorted(report.journeys.items())
    ]
    return with_sum(found)


def with_sum(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same with a last record that adds up the others, if there are several."""
    if len(records) < 2:
        return records
    return [*records, {"journey": "all", **{key: sum(one[key] for one in records) for key in COLUMNS[1:]}}]


def journey_rows(records: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Records as rows of text, in the order of COLUMNS."""
    return [[str(one["journey"]), *(f"{one[column]:,}" for column in COLUMNS[1:])] for one in records]


def group_rows(report: RunReport) -> list[list[str]]:
    """Held-out passes and arms as rows of text, in the order of GROUP_COLUMNS."""
    shares = [f"{100 * one.converted / one.passes:.1f}%" for one in report.groups]
    return [
        [f"{one.journey}, {one.group}", f"{one.passes:,}", f"{one.converted:,}", share]
        for one, share in zip(report.groups, shares, strict=True)
    ]


def as_text(report: RunReport) -> str:
    """The report for a terminal or a log: the same bytes for the same run."""
    parts = [_heading(report)]
    if report.journeys:
        parts.append(table(COLUMNS, journey_rows(journey_records(report))))
    if report.groups:
        parts.append("compared, over all runs:\n" + table(GROUP_COLUMNS, group_rows(report)))
    counts = {"messages": report.messages, "webhooks": report.webhooks, "held back": report.held_back}
    parts += [f"{title}: {_pairs(found)}" for title, found in counts.items() if found]
    if report.set_aside:
        parts.append(f"rows and values set aside: {sum(report.set_aside.values()):,} (the notes say which)")
    parts += [f"set aside: journey {name}: {reason}" for name, reason in sorted(report.broken.items())]
    parts += [f"note: {note}" for note in report.notes]
    return "\n".join(parts)


def as_markdown(report: RunReport) -> str:
    """The report for a page."""
    parts = [f"# {_heading(report)}"]
    if report.journeys:
        parts.append(markdown_table(COLUMNS, journey_rows(journey_records(report))))
    if report.groups:
        parts.append("## Compared, over all runs\n\n" + markdown_table(GROUP_COLUMNS, group_rows(report)))
    counts = {"messages": report.messages, "webhooks": report.webhooks, "held back": report.held_back}
    counts["rows and values set aside"] = report.set_aside
    for title, found in counts.items():
        if found:
            rows = [[_markdown(what), f"{count:,}"] for what, count in sorted(found.items())]
            parts.append(f"## {title.capitalize()}\n\n" + markdown_table((title, "count"), rows))
    if report.broken:
        rows = [[name, _markdown(reason)] for name, reason in sorted(report.broken.items())]
        parts.append("## Journeys set aside\n\n" + markdown_table(("journey", "reason"), rows))
    if report.notes:
        parts.append("## Notes\n\n" + "\n".join(f"- {_markdown(note)}" for note in report.notes))
    return "\n\n".join(parts) + "\n"


def _heading(report: RunReport) -> str:
    events = "new event" if report.events_received == 1 else "new events"
    known = f"{report.customers:,} customers, {report.events_received:,} {events}"
    done = "was already done, nothing changed" + (f" ({known})" if report.customers else "")
    return f"Run {report.run_id} as of {iso(report.as_of)}: {done if report.repeated else known}"


def _pairs(found: Mapping[str, int]) -> str:
    return ", ".join(f"{what} {count:,}" for what, count in sorted(found.items()))


def table(columns: Sequence[str], rows: Rows) -> str:
    """Plain text in columns: the first to the left, numbers to the right; each row stays one line."""
    rows = [[visible(cell) for cell in row] for row in rows]
    widths = [max(len(row[place]) for row in (columns, *rows)) for place in range(len(columns))]
    right = [all(row[place].replace(",", "").isdigit() for row in rows) for place in range(len(columns))]
    lines = []
    for row in (columns, *rows):
        cells = [
            text.rjust(width) if flush else text.ljust(width)
            for text, width, flush in zip(row, widths, right, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def markdown_table(columns: Sequence[str], rows: Rows) -> str:
    """The same as a Markdown table."""
    lines = [columns, ["---", *("---:" for _ in columns[1:])], *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def _markdown(text: str) -> str:
    """Text that stays text: no table cell is broken, nothing is read as markup."""
    for sign in ("\\", "|", "<", "*", "_", "`", "[", "#"):
        text = text.replace(sign, "\\" + sign)
    return " ".join(text.split())

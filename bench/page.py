"""Figures as Markdown: what was measured, beside the floors of the same run and the other systems' figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"

# Not measured here: from another machine of this kind (2 shared cores, 24 GiB), at 100,000 customers; they move by
# 10 to 25 % from run to run. listmonk's is its author's.
PARCELVOY = {
    "customers": 100_000 / 451, "cpu": 883 / 100_000, "evaluated": 561, "entered": 565, "mails": 67, "peak_mib": 2048,
}  # fmt: skip
DRIP = {"evaluated": 123_000, "mails": 289}
LISTMONK = {"mails": 833}

PHASES = ("open", "dispatch_before", "collect", "facts", "sweep", "commit", "publish", "door", "dispatch", "close")


def figures(result: dict[str, Any]) -> str:
    """Everything that one run of the head-to-head says."""
    return "\n\n".join([_heading(result), table(_whole(result)), table(_floors(result)), table(_phases(result))]) + "\n"


def write(text: str, name: str | int) -> None:
    """Put figures into the page, in the place of their name: what was measured, or how many in the head-to-head."""
    start, end = f"<!-- figures {name} -->", f"<!-- end of figures {name} -->"
    page = PAGE.read_text(encoding="utf-8")
    before, found, rest = page.partition(start)
    if not found:
        raise SystemExit(f"bench: {PAGE} has no place for '{name}'; add the lines {start} and {end}")
    PAGE.write_text(f"{before}{start}\n{text}{end}{rest.partition(end)[2]}", encoding="utf-8")


def circumstances(result: dict[str, Any]) -> str:
    """How often, and on what machine, for any result with rounds."""
    return f"medians of {len(result['rounds'])} rounds. {surroundings(result)}"


def surroundings(result: dict[str, Any]) -> str:
    """The machine, what else it did and the versions."""
    machine, loads = result["machine"], [one["load"] for one in result["rounds"]]
    return (
        f"{machine['cores']} shared cores, {machine['memory_gib']:g} GiB, "
        f"**load average {min(loads)} to {max(loads)}**; "
        f"Python {machine['python']}, DuckDB {machine['duckdb']}, engine {machine['journey-engine']}."
    )


def _heading(result: dict[str, Any]) -> str:
    letter = "a `<style>`, inlined after rendering" if result["style_sheet"] else "its styles written out"
    return (
        f"{result['customers']:,} customers and ten events each, {circumstances(result)} "
        f"Mail sink: {result['sink']}. The letter has {letter}."
    )


def _whole(result: dict[str, Any]) -> list[tuple[str, ...]]:
    middle, customers, own = result["median"], result["customers"], PARCELVOY
    whole, memory = middle["whole"], middle["peak_mib"]
    cpu = whole["cpu"] / customers

    def row(what: str, speed: float, theirs: float | None = None, others: str = "") -> tuple[str, ...]:
        return (what, number(speed), *((number(theirs), times(speed / theirs)) if theirs else ("", "")), others)

    drip = _beside(middle["evaluated_a_second"], DRIP["evaluated"], "django-drip-campaigns, one query")
    listmonk = _beside(middle["mails_a_second"], LISTMONK["mails"], "listmonk, its author")
    return [
        ("", "this engine", "Parcelvoy", "ratio", "others"),
        row("whole flow, customers/s", customers / whole["seconds"], own["customers"]),
        ("whole flow, CPU ms a customer", f"{cpu * 1000:.2f}", f"{own['cpu'] * 1000:.2f}", times(own["cpu"] / cpu), ""),
        row("evaluated, customers/s, first night", middle["evaluated_a_second"], own["evaluated"], drip),
        row("evaluated, customers/s, third night", middle["evaluated_after_a_second"]),
        row("entered, customers/s, with all that is kept", middle["entered_a_second"], own["entered"]),
        row("mails/s, all states durable", middle["mails_a_second"], own["mails"], listmonk),
        row("mails per CPU second of the dispatcher", middle["mails_a_cpu_second"]),
        ("peak memory, MiB", number(memory), number(own["peak_mib"]), "", ""),
    ]


def _floors(result: dict[str, Any]) -> list[tuple[str, ...]]:
    middle = result["median"]
    hand, bare, stateless = middle["by_hand"], middle["bare_mails"], middle["stateless_mails"]
    seconds, cpu = middle["mails_a_second"], middle["mails_a_cpu_second"]
    return [
        ("floor, in turn in the same rounds", "floor", "this engine", "engine / floor, time", "CPU time"),
        ("the rule as one query by hand; `journey audience`", f"{hand['seconds']:.2f} s",
         f"{middle['audience']['seconds']:.2f} s", times(middle["audience"]["seconds"] / hand["seconds"]),
         times(middle["audience"]["cpu"] / hand["cpu"])),
        ("the same; collect, facts and sweep of the first night", f"{hand['seconds']:.2f} s",
         f"{middle['decided']['seconds']:.2f} s", times(middle["decided"]["seconds"] / hand["seconds"]), ""),
        ("letters by this renderer and channel, no state; dispatch", f"{number(stateless['a_second'])}/s",
         f"{number(seconds)}/s", times(stateless["a_second"] / seconds), times(stateless["a_cpu_second"] / cpu)),
        ("letters by plain Jinja2, glued and pipelined; dispatch", f"{number(bare['a_second'])}/s",
         f"{number(seconds)}/s", times(bare["a_second"] / seconds), times(bare["a_cpu_second"] / cpu)),
    ]  # fmt: skip


def _phases(result: dict[str, Any]) -> list[tuple[str, ...]]:
    middle = result["median"]
    nights = middle["nights"]
    titles = {"enter": "night 1", "send": "night 2", "after": "night 3"}
    rest = {
        kind: middle["whole"][kind]
        - sum(one[kind] for name in ("enter", "send") for one in nights[name]["phases"].values())
        for kind in ("seconds", "cpu")
    }
    rows = [("seconds (CPU seconds)", *titles.values()), ("start of the process", _spent(rest), "", "")]
    for phase in PHASES:
        spent = [nights[night]["phases"][phase] for night in titles]
        rows.append((phase.replace("_", " "), *map(_spent, spent)))
    rows += [(what, *(number(nights[night][what]) for night in titles)) for what in ("entered", "moved", "mails")]
    return rows


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows as Markdown, the first one as the head; all but the first column to the right."""
    head, *body = rows
    lines = [head, ("---", *["---:"] * (len(head) - 1)), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _beside(own: float, other: float, whose: str) -> str:
    return f"{times(own / other)} of {whose} ({other:,})"


def _spent(one: dict[str, float]) -> str:
    return f"{one['seconds']:.2f} ({one['cpu']:.2f})"


def number(value: float) -> str:
    """A whole number for people."""
    return f"{value:,.0f}"


def times(ratio: float) -> str:
    """A ratio for people."""
    if ratio < 1:
        return f"{ratio:.2g}"
    return f"{ratio:.1f}" if ratio < 100 else f"{ratio:,.0f}"

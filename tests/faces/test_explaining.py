"""What `explain` tells of passes and of absences, on a project made for it; every reason there is."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from journey_engine.checks import open_project
from journey_engine.cli.explained import as_text
from journey_engine.engines import open_reader
from journey_engine.explain import Explanation, Move, Story, explain, read
from journey_engine.night import run
from journey_engine.times import parse_instant

PROJECT = """project: told
customers: data/customers.csv
events: data/events.csv
sender: {name: Shop, email: hello@shop.example.com, postal_address: 1 Street}
topics: {letters: transactional}
segments: {vip: {customer: {plan: vip}}}
attributes: {birth_date: date}
"""
JOURNEYS = {
    "thanks": """journey: thanks
topic: letters
trigger: {event: {name: order_placed, where: {total: {above: 50}}}}
reentry: after_exit
audience: {customer: {country: {in: [NG, GH]}}}
goal: {event: feedback_given}
exit_when: {event: complained}
steps:
  - branch:
      - when: {trigger: {total: {above: 100}}}
        steps:
          - task: {team: service, title: Call them}
  - wait_for: {event: parcel_arrived, timeout: 3 days}
  - send: note
  - set: {thanked: true}
  - wait: 10 days
""",
    "quiet": (
        "journey: quiet\ntopic: letters\ntrigger: {inactive: {event: order_placed, for: 5 days}}\n"
        "steps: [{send: note}]\n"
    ),
    "wish": (
        "journey: wish\ntopic: letters\ntrigger: {date: {of: customer.birth_date, every: year, at: '09:00'}}\n"
        "steps: [{send: note}]\n"
    ),
    "vips": "journey: vips\ntopic: letters\ntrigger: {enters: {segment: vip}}\nsteps: [{send: note}]\n",
    "monthly": "journey: monthly\ntopic: letters\ntrigger: {schedule: {cron: '0 9 1 * *'}}\nsteps: [{send: note}]\n",
    "once": (
        "journey: once\ntopic: letters\ntrigger: {event: {name: order_placed, first: true}}\nreentry: never\n"
        "steps: [{send: note}]\n"
    ),
    "spaced": (
        "journey: spaced\ntopic: letters\ntrigger: {event: order_placed}\nreentry: {after: 30 days}\n"
        "steps: [{send: note}]\n"
    ),
    "renewing": (
        "journey: renewing\ntopic: letters\n"
        "trigger: {date: {of: customer.renews, offsets: [7 days before, 1 day before]}}\nsteps: [{send: note}]\n"
    ),
    "drafted": (
        "journey: drafted\nstatus: draft\ntopic: letters\ntrigger: {event: order_placed}\nreentry: never\n"
        "steps: [{send: note}]\n"
    ),
}  # fmt: skip
CUSTOMERS = [
    {
        "customer_id": "ada",
        "email": "a@example.com",
        "country": "NG",
        "plan": "free",
        "birth_date": "1990-05-04",
        "renews": "2026-01-16",
    },
    {"customer_id": "ben", "email": "", "country": "DE", "plan": "vip", "birth_date": "", "renews": ""},
    {
        "customer_id": "cem",
        "email": "c@example.com",
        "country": "GH",
        "plan": "free",
        "birth_date": "1990-01-10",
        "renews": "",
    },
]
Row = tuple[str, str, str, str, dict[str, object]]
EVENTS: list[Row] = [
    ("e0", "cem", "order_placed", "2025-12-01T10:00:00Z", {"total": 80}),
    ("e1", "ada", "order_placed", "2026-01-09T10:00:00Z", {"total": 120}),
    ("e2", "ben", "order_placed", "2026-01-09T11:00:00Z", {"total": 70}),
    ("e3", "ada", "order_placed", "2026-01-10T10:00:00Z", {"total": 60}),
    ("e4", "ada", "parcel_arrived", "2026-01-11T08:00:00Z", {}),
    ("e5", "cem", "order_placed", "2026-01-11T12:00:00Z", {"total": 10}),
    ("e6", "ada", "feedback_given", "2026-01-13T12:00:00Z", {}),
]  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four nights, 10 to 13 January 2026."""
    folder = tmp_path_factory.mktemp("told")
    write(folder, "journeys/project.yaml", PROJECT)
    for name, text in JOURNEYS.items():
        write(folder, f"journeys/{name}.yaml", text)
    for name, text in (("subject.txt", "A note"), ("body.txt", "Dear customer")):
        write(folder, f"templates/note/{name}", text + "\n")
    data(folder)
    nights(folder, ["2026-01-10", "2026-01-11", "2026-01-12", "2026-01-13"])
    return folder


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def data(folder: Path) -> None:
    (folder / "data").mkdir()
    with (folder / "data/customers.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, list(CUSTOMERS[0]))
        rows.writeheader()
        rows.writerows(CUSTOMERS)
    with (folder / "data/events.csv").open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["event_id", "customer_id", "name", "occurred_at", "properties"])
        lines.writerows([*row[:4], json.dumps(row[4])] for row in EVENTS)


def nights(folder: Path, days: Sequence[str]) -> None:
    for day in days:
        run(open_project(folder), parse_instant(f"{day}T02:00:00Z"), clock=lambda: datetime.now(UTC))


def told(folder: Path, customer: str, journey: str | None = None) -> Explanation:
    loaded = open_project(folder)
    reader = open_reader(loaded.project.engine, folder)
    try:
        return explain(loaded, read(reader, customer), {}, journey)
    finally:
        reader.close()


def story(folder: Path, customer: str, journey: str) -> Story:
    (found,) = told(folder, customer, journey).stories
    return found


def summary(move: Move) -> tuple[str, int, str]:
    assert move.line is not None
    return (f"{move.at:%d %H:%M}", move.line.number, move.words.partition(" by ")[0])


def line(journey: str, text: str) -> int:
    return next(n for n, found in enumerate(JOURNEYS[journey].splitlines(), 1) if found.strip().startswith(text))


def test_every_move_has_its_instant_its_line_and_its_words(shop: Path) -> None:
    found = story(shop, "ada", "thanks")
    assert [summary(move) for move in found.moves] == [
        ("09 10:00", line("thanks", "trigger:"), "entered"),
        ("09 10:00", line("thanks", "- when:"), "the condition held"),
        ("10 02:00", line("thanks", "- task:"), "task for service, to begin 2026-01-10T02:00:00Z"),
        ("11 08:00", line("thanks", "- wait_for:"), "what it waited for came"),
        ("12 02:00", line("thanks", "- send: note"), "letter note: pending, leaves at 2026-01-12T02:00:00Z or later"),
        ("12 02:00", line("thanks", "- set:"), "set thanked"),
    ]
    assert found.moves[0].words.endswith("by event e1 (order_placed of 2026-01-09T10:00:00Z)")
    assert found.moves[3].words.endswith("by event e4 (parcel_arrived of 2026-01-11T08:00:00Z)")
    assert found.waits == "waits until 2026-01-22T02:00:00Z"
    assert found.waits_at is not None
    assert found.waits_at.text == "- wait: 10 days"


def test_a_condition_shows_what_it_saw(shop: Path) -> None:
    gate = story(shop, "ada", "thanks").moves[1]
    assert "120" in (gate.seen or str(gate.verdict))


def test_a_pass_that_reached_its_goal_says_when_and_by_which_line(shop: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(shop, copy)
    nights(copy, ["2026-01-14"])
    found = story(copy, "ada", "thanks")
    assert (found.state, found.reason) == ("converted", "goal")
    assert found.goal_at == datetime(2026, 1, 13, 12, tzinfo=UTC)
    assert summary(found.moves[-1])[1:] == (line("thanks", "goal:"), "reached its goal")
    assert found.waits is None


def test_a_pass_in_an_older_version_shows_no_text_that_it_never_saw(shop: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(shop, copy)
    file = copy / "journeys/thanks.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("timeout: 3 days", "timeout: 4 days"), encoding="utf-8")
    found = story(copy, "ada", "thanks")
    assert not found.current
    assert all(move.line is not None and move.line.text is None for move in found.moves)


def test_a_journey_set_aside_stands_still_and_says_so(shop: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(shop, copy)
    write(copy, "journeys/thanks.yaml", "journey: thanks\n")
    found = told(copy, "ada", "thanks")
    assert (found.stories[0].waits or "").startswith("stands still: the journey has problems")
    assert "has problems" in found.absences[0].why


def test_a_paused_journey_says_since_which_run_it_stands_still(shop: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(shop, copy)
    write(copy, "journeys/thanks.yaml", JOURNEYS["thanks"] + "status: paused\n")
    last = told(copy, "ada").as_of
    assert story(copy, "ada", "thanks").waits == "stands still: the journey is paused, from the next run on"
    nights(copy, [f"{last + timedelta(days=day):%Y-%m-%d}" for day in (1, 2)])
    since = f"{last + timedelta(days=1):%Y-%m-%d}T02:00:00Z"
    assert story(copy, "ada", "thanks").waits == f"stands still: the journey is paused, since the run of {since}"
    assert (
        told(copy, "ben", "thanks").absences[0].why.endswith(f"status is paused, last run at {last:%Y-%m-%d}T02:00:00Z")
    )
    (copy / "journeys/thanks.yaml").unlink()
    waits = story(copy, "ada", "thanks").waits
    assert waits == f"stands still: the journey is no longer in the project, since the run of {since}"


def test_a_trigger_before_the_start_or_after_the_end_of_a_journey_is_told(shop: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(shop, copy)
    for more, why in (
        ("starts: 2026-02-01T00:00:00Z", "and the journey starts at 2026-02-01T00:00:00Z"),
        ("ends: 2026-01-09T00:00:00Z", "and the journey ended at 2026-01-09T00:00:00Z"),
    ):
        write(copy, "journeys/thanks.yaml", f"{JOURNEYS['thanks']}{more}\n")
        assert why in told(copy, "ben", "thanks").absences[0].why
    write(copy, "journeys/later.yaml", JOURNEYS["once"].replace(": once", ": later") + "starts: 2026-02-01T00:00:00Z\n")
    assert told(copy, "ben", "later").absences[0].why == "the journey starts at 2026-02-01T00:00:00Z"


@pytest.mark.parametrize(
    ("customer", "journey", "why"),
    [
        ("ben", "thanks", "the trigger occurred at 2026-01-09T11:00:00Z, and the audience says no"),
        (
            "cem",
            "thanks",
            "the trigger occurred at 2025-12-01T10:00:00Z; the journey's first run, 2026-01-10T02:00:00Z,",
        ),
        ("ada", "thanks", "the trigger occurred at 2026-01-10T10:00:00Z, and a pass is still open since 2026-01-09"),
        (
            "ben",
            "quiet",
            "not silent for 5 days yet: the last was at 2026-01-09T11:00:00Z, it would fire at 2026-01-14",
        ),
        ("ada", "wish", "; the next is 2026-05-04T09:00:00Z"),
        ("ben", "wish", "customer.birth_date is missing"),
        ("ada", "vips", "not in the segment vip"),
        ("ben", "vips", "already in the segment vip when the journey first looked"),
        ("ada", "monthly", "it has not fired since the journey began; the next is 2026-02-01T09:00:00Z"),
        ("ada", "spaced", "re-entry is open from 2026-02-08T10:00:00Z on"),
        (
            "ada",
            "renewing",
            "at 2026-01-09T09:00:00Z, before a run first saw it, and another offset of that date follows",
        ),
        ("ada", "drafted", "the journey is not live: status is draft"),
    ],
)
def test_every_reason_for_an_absence_is_told(shop: Path, customer: str, journey: str, why: str) -> None:
    (found,) = told(shop, customer, journey).absences
    assert why in found.why


def test_an_audience_that_says_no_is_shown_part_by_part(shop: Path) -> None:
    (found,) = told(shop, "ben", "thanks").absences
    assert found.verdict is not None
    (leaf,) = list(found.verdict.lines())
    assert leaf == "no  customer.country is one of NG, GH (saw DE)"


def test_a_trigger_that_never_occurred_says_what_it_waits_for(shop: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(shop, copy)
    write(copy, "journeys/big.yaml", JOURNEYS["thanks"].replace("thanks", "big").replace("above: 50", "above: 5000"))
    assert "has not run yet" in told(copy, "ada", "big").absences[0].why
    nights(copy, ["2026-01-14"])
    why = told(copy, "ada", "big").absences[0].why
    assert "no order_placed (total is above 5000) is known; 2 of that name are known, none of which passes" in why


def test_without_a_journey_every_journey_is_told_once(shop: Path) -> None:
    found = told(shop, "ada")
    names = [one.journey for one in (*found.stories, *found.absences)]
    assert sorted(names) == sorted(JOURNEYS)
    assert ("stage", "conversion") in found.memberships or ("stage", "retention") in found.memberships


def test_a_customer_who_left_the_data_is_still_explained(shop: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(shop, copy)
    file = copy / "data/customers.csv"
    lines = [text for text in file.read_text(encoding="utf-8").splitlines() if not text.startswith("ada,")]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    run(open_project(copy), parse_instant("2026-01-14T02:00:00Z"), clock=lambda: datetime.now(UTC), accept_loss=True)
    found = told(copy, "ada")
    assert not found.known
    assert found.stories[0].journey
    assert "was not in the data of the last run" in found.absences[-1].why


def test_arms_holdout_and_moments_are_told(shop: Path, tmp_path: Path) -> None:
    folder = tmp_path / "later"
    shutil.copytree(shop, folder)
    text = """journey: later
topic: letters
trigger: {schedule: {cron: '0 1 14 1 *', timezone: UTC}}
holdout: 99.99%
steps:
  - split: [{arm: cold, weight: 0}, {arm: warm, weight: 100}]
  - task: {team: service, title: Call}
  - set: {called: true}
  - wait: {until: "09:00", weekdays: [fri]}
  - wait: {until: {date: customer.birth_date, offset: 40 years after}}
"""
    write(folder, "journeys/later.yaml", text)
    nights(folder, ["2026-01-14"])
    found = story(folder, "ada", "later")
    assert found.held_out
    assert [move.words for move in found.moves] == [
        "entered", "did not draw arm cold", "drew arm warm", "task for service, withheld (holdout)",
        "set called, withheld (holdout)",
    ]  # fmt: skip
    assert found.waits == "waits until 2026-01-16T09:00:00Z"
    nights(folder, ["2026-01-16"])
    assert story(folder, "ada", "later").waits == "waits for customer.birth_date, until 2030-05-04T09:00:00Z"
    assert "  held out for comparison" in as_text(told(folder, "ada", "later"))

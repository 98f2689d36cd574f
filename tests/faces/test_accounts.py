"""A household and its members through whole nights: letters, the report's words, and what `explain` tells."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from journey_engine.checks import open_project
from journey_engine.cli.explained import as_text
from journey_engine.engines import open_reader
from journey_engine.explain import explain, read
from journey_engine.night import RunReport, run

PROJECT = """project: households
customers: data/customers.csv
events: data/events.csv
sender: {name: Shop, email: hello@shop.example.com, postal_address: 1 Street}
topics: {letters: transactional}
"""
RENEWAL = """journey: renewal
topic: letters
to: members
trigger: {event: renewal_due}
reentry: each_occurrence
audience: {customer: {plan: {is_not: closed}}}
steps: [{send: note}, {wait: 30 days}]
"""
CUSTOMERS = """customer_id,email,first_name,plan,account_id
h1,,,family,
h2,,,family,
h3,,,closed,
c1,c1@example.com,Ada,,h1
c2,c2@example.com,Bo,,h1
c3,c3@example.com,Cy,,h3
c4,c4@example.com,Di,,
c5,c5@example.com,Ed,,h9
"""
EVENTS = """event_id,customer_id,name,occurred_at,properties
e1,h1,renewal_due,2026-03-01T10:00:00Z,"{""day"":""Monday""}"
e2,h2,renewal_due,2026-03-01T10:00:00Z,{}
e3,h3,renewal_due,2026-03-01T10:00:00Z,{}
"""
NIGHTS = (datetime(2026, 3, 2, 2, tzinfo=UTC), datetime(2026, 3, 3, 2, tzinfo=UTC))


def made(folder: Path) -> Path:
    for name, text in {
        "journeys/project.yaml": PROJECT, "journeys/renewal.yaml": RENEWAL, "data/customers.csv": CUSTOMERS,
        "data/events.csv": EVENTS, "templates/note/subject.txt": "Until {{ trigger.day }}",
        "templates/note/body.txt": "Hello {{ customer.first_name }}",
    }.items():  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def night(folder: Path, at: datetime) -> RunReport:
    return run(open_project(folder), at, clock=lambda: at)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[RunReport]]:
    folder = made(tmp_path_factory.mktemp("households"))
    reports = [night(folder, NIGHTS[0])]
    joined = CUSTOMERS.replace("Di,,", "Di,,h1")
    (folder / "data/customers.csv").write_text(joined, encoding="utf-8")
    return folder, [*reports, night(folder, NIGHTS[1])]


def told(folder: Path, customer: str) -> str:
    loaded = open_project(folder)
    engine = open_reader(loaded.project.engine, folder)
    try:
        return as_text(explain(loaded, read(engine, customer), {}, "renewal"))
    finally:
        engine.close()


def test_each_member_has_a_letter_of_their_own(shop: tuple[Path, list[RunReport]]) -> None:
    folder, reports = shop
    letters = sorted(path.read_text(encoding="utf-8") for path in (folder / "var/outbox").rglob("*.eml"))
    assert len(letters) == 2
    assert all("Subject: Until Monday" in letter for letter in letters)
    assert [sum(f"To: {who}" in letter for letter in letters) for who in ("Ada", "Bo")] == [1, 1]
    assert [report.journeys["renewal"].entered for report in reports] == [2, 0]


def test_report_says_to_how_many_it_happened_who_have_no_members(shop: tuple[Path, list[RunReport]]) -> None:
    _, (first, second) = shop
    assert [note for note in first.notes if "members" in note] == [
        "journey renewal: 1 customer has no members, so nothing began there; members name their account in "
        "`account_id`, and `audience` can leave out who is no account"
    ]
    assert not any("members" in note for note in second.notes)


def test_explain_tells_of_the_account_s_event_and_of_its_audience(shop: tuple[Path, list[RunReport]]) -> None:
    folder, _ = shop
    assert "entered as a member of the account h1 by event e1 (renewal_due of 2026-03-01T10:00:00Z)" in told(
        folder, "c1"
    )
    assert "of the account h3: the trigger occurred at 2026-03-01T10:00:00Z, and the audience says no" in told(
        folder, "c3"
    )


@pytest.mark.parametrize(
    ("customer", "why"),
    [
        ("h1", "the journey is for the members of accounts; customer.account_id is missing"),
        ("c5", "the customer's account h9 was not in the data of the last run"),
        ("c4", "would say yes now, or the customer was no member then"),
    ],
)
def test_explain_says_why_there_is_no_pass(shop: tuple[Path, list[RunReport]], customer: str, why: str) -> None:
    assert why in told(shop[0], customer)


def test_a_project_without_the_column_opens_nothing_and_says_so(tmp_path: Path) -> None:
    folder = made(tmp_path)
    lines = [line.rpartition(",")[0] for line in CUSTOMERS.splitlines()]
    (folder / "data/customers.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert [one.code for one in open_project(folder).journeys["renewal"].errors] == ["no-members"]
    assert "renewal" in night(folder, NIGHTS[0]).broken
    shutil.rmtree(folder / "var")


def test_the_contact_of_an_account_gets_its_letter(tmp_path: Path) -> None:
    folder = made(tmp_path)
    (folder / "journeys/renewal.yaml").write_text(RENEWAL.replace("to: members", "to: contact"), encoding="utf-8")
    lines = [
        f"{line},{'contact_id' if not number else 'c4' if line.startswith('h1') else ''}"
        for number, line in enumerate(CUSTOMERS.splitlines())
    ]
    (folder / "data/customers.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "templates/note/body.txt").write_text("Hello {{ contact.first_name }}", encoding="utf-8")
    report = night(folder, NIGHTS[0])
    (letter,) = (path.read_text(encoding="utf-8") for path in (folder / "var/outbox").rglob("*.eml"))
    assert "To: Di <c4@example.com>" in letter
    assert report.held_back == {"no_contact": 1}  # of h2, who names none
    assert "letter note to the contact c4: pending" in told(folder, "h1")
    assert "letter note: skipped (no_contact)" in told(folder, "h2")

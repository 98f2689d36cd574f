"""Shows one person's world as a project with a journey test: what dice found becomes a story that a person can read.

What `walk` tells is what the test expects. A journey test has one customer who stays as they are, one set of rules, and
every message accepted; what a world has beyond that is named, and then the test shows the story without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from journey_engine.records import Decision, DecisionKind, Enrollment, Event, PassState
from journey_engine.times import iso
from journey_engine.walk import Life, Party, live_together
from journey_engine.walk.values import plain
from tests.properties.readings import as_customer, by_key, refused, responses
from tests.properties.scenario import DOUBLE, KEYS, PROGRAM_FILES, TOPICS, WEBHOOKS, Person, Scenario

LETTER = "{{ sender.postal_address }} {{ links.unsubscribe }}\n"
OWN = {"at", "id", "received_at", "name", "properties"}


@dataclass(frozen=True, slots=True)
class Shown:
    """The files of a project with the test in it, and what no journey test can say of this world."""

    files: Mapping[str, str]
    beyond: tuple[str, ...]

    def write(self, folder: Path) -> Path:
        """Put the project into a folder."""
        for name, text in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        return folder

    def __str__(self) -> str:
        said = [f"# {line}\n" for line in self.beyond]
        if said:
            said.insert(0, "# The world has more than a journey test can say:\n")
        shown = [f"# {name}\n{text}" for name, text in self.files.items() if name.endswith(".yaml")]
        return "".join(said) + "---\n".join(shown)


def show(scenario: Scenario, person: Person) -> Shown:
    """One person's world as a project; a test for each journey that the person came into, or else for the first."""
    life, decisions, answers = _lived(scenario, person)
    names = [str(journey["journey"]) for journey in scenario.journeys]
    entered = [name for name in names if any(one.journey == name for one in life.state.passes)]
    files = {"journeys/project.yaml": _yaml(_project(scenario))}
    for journey in scenario.journeys:
        files[f"journeys/{journey['journey']}.yaml"] = _yaml(_plain_titles(journey))
    for name, words in PROGRAM_FILES.items():
        files[f"journeys/programs/{name}.yaml"] = _yaml(words)
    for name in entered or names[:1]:
        case = _case(scenario, person, answers) | {"expect": _expected(name, life, decisions)}
        files[f"journeys/{name}.test.yaml"] = _yaml({"journey": name, "tests": [case]})
    for template in ("t1", "t2"):
        files |= {f"templates/{template}/subject.txt": "A letter\n", f"templates/{template}/body.txt": LETTER}
        files |= {f"templates/{template}/sms.txt": LETTER}
    columns = dict.fromkeys(["customer_id", "email", "phone", *scenario.kinds])
    files["data/customers.csv"] = ",".join(columns) + "\n"
    files["data/events.csv"] = "event_id,customer_id,name,occurred_at,properties\n"
    return Shown(files, tuple(_beyond(scenario, person, decisions, life)))


def _lived(scenario: Scenario, person: Person) -> tuple[Life, list[Decision], list[Event]]:
    """The world as `walk` tells it, and the customer's answers, each as it came in: a night after what it answers."""
    life, decisions = Life(refuses=refused, tables=by_key(scenario.tables)), []
    answers: dict[str, Event] = {}
    for index, attributes in enumerate(person.nights):
        for event in (event for sent in life.sent for event in responses(sent)):
            late = index > 0 and event.occurred_at <= scenario.nights[index - 1]
            answers.setdefault(event.event_id, replace(event, received_at=scenario.nights[index]) if late else event)
        rows = [*person.rows, *answers.values()]
        customer = None if attributes is None else as_customer(person.customer_id, attributes, scenario.timezone)
        parties = {person.customer_id: Party(life, customer, rows)}
        told = live_together(scenario.rules(index), scenario.night(index), parties)
        decisions += told[person.customer_id].decisions
    return life, decisions, list(answers.values())


def _beyond(scenario: Scenario, person: Person, decisions: list[Decision], life: Life) -> Iterator[str]:
    if None in person.nights:
        yield "the customer is absent from some nights"
    if len({repr(attributes) for attributes in person.nights if attributes is not None}) > 1:
        yield "what is known of the customer changes"
    if scenario.later or scenario.redefined:
        yield "rules change between the nights"
    if scenario.aside:
        yield "a journey is set aside for a night"
    if scenario.held:
        yield "a journey is paused for a night"
    if any(word in repr(scenario.journeys) for word in ("'enroll'", "'trigger': {'journey'")):
        yield "journeys start one another"
    others = {one.customer_id for one in scenario.people} - {person.customer_id}
    known = [attributes for attributes in person.nights if attributes is not None]
    if any(one.get(name) in others for one in known for name in ("account_id", "contact_id")):
        yield "the customer has an account or a contact among the others"
    if scenario.holdout or "'holdout'" in repr(scenario.journeys):
        yield "customers may be held out"
    if "'gone'" in repr(scenario.journeys):
        yield "a program has no file any more"
    if scenario.wordless or life.refused:
        yield "templates lack the words of a channel" if scenario.wordless else "the channel refuses messages"
    if scenario.caps and len({one.journey for one in decisions if one.kind is DecisionKind.MESSAGE}) > 1:
        yield "caps are over several journeys, a journey test is about one"


def _project(scenario: Scenario) -> dict[str, Any]:
    everyone = {"customer": {"customer_id": {"exists": True}}}
    stages = [{"stage": name, "when": when} for name, when in scenario.stages.items()]
    settings = {
        "project": "found",
        "cadence": scenario.cadence,
        "timezone": scenario.timezone,
        "customers": "data/customers.csv",
        "events": "data/events.csv",
        "sender": {"name": "Shop", "email": "shop@example.com", "postal_address": "1 Street"},
        "cycle": {"stages": stages or [{"stage": "known", "when": everyone}]},
        "topics": {
            name: {"class": kind, "opt_in": "double" if name in DOUBLE else "single"} for name, kind in TOPICS.items()
        },
        "channels": {"sms": {"from": "Shop", "country": "DE"}},
        "tables": {name: {"source": f"data/{name}.csv", "key": key} for name, key in KEYS.items()},
        "webhooks": {
            name: {"url": f"https://{name}.example.com/", "secret_env": "WEBHOOK_SECRET"} for name in WEBHOOKS
        },
        "segments": scenario.segments,
        "caps": list(scenario.caps),
        "send_hours": dict(zip(("from", "until"), scenario.send_hours, strict=True)),
        "hold_when": scenario.hold_when,
        "holdout": scenario.holdout,
        "accept_late": scenario.accept_late,
        "max_lateness": scenario.max_lateness,
    }
    return {name: value for name, value in settings.items() if value}


def _plain_titles(value: Any) -> Any:
    """The same without what titles name: their values are no part of the story."""
    if isinstance(value, Mapping):
        return {key: "Call" if key == "title" else _plain_titles(item) for key, item in value.items()}
    return [_plain_titles(item) for item in value] if isinstance(value, list | tuple) else value


def _case(scenario: Scenario, person: Person, answers: list[Event]) -> dict[str, Any]:
    known = next((attributes for attributes in reversed(person.nights) if attributes is not None), {})
    customer = as_customer(person.customer_id, known, scenario.timezone)
    last = scenario.nights[-1]
    rows = [*person.rows, *(event for event in answers if event.occurred_at <= last)]
    return {
        "name": f"the world of {person.customer_id}",
        "customer": {name: plain(value) for name, value in customer.attributes.items()}
        | {"timezone": customer.timezone},
        "events": [_happening(row) for row in rows],
        "nights": [iso(night) for night in scenario.nights],
    }


def _happening(row: Event) -> dict[str, Any]:
    found: dict[str, Any] = {"at": iso(row.occurred_at), "id": row.event_id}
    if row.received_at is not None and row.received_at != row.occurred_at:
        found["received_at"] = iso(row.received_at)
    properties = {name: plain(value) for name, value in row.properties.items()}
    return found | ({"name": row.name, "properties": properties} if row.name in OWN else {row.name: properties})


def _expected(journey: str, life: Life, decisions: list[Decision]) -> dict[str, Any]:
    passes = sorted((one for one in life.state.passes if one.journey == journey), key=lambda one: one.entered_at)
    own = [one for one in decisions if one.journey == journey and one.kind is DecisionKind.MESSAGE]
    sent = sorted((one for one in own if one.decision_id not in life.taken_back), key=lambda one: one.due_at)
    return {
        "entered": len(passes),
        "messages": [_message(one) for one in sent],
        **(_ended(passes[-1]) if passes else {}),
    }


def _message(one: Decision) -> dict[str, Any]:
    found = {"template": one.payload["template"], "at": iso(one.due_at), "channel": one.payload["channel"]}
    return found | ({"skipped": one.reason} if one.reason else {})


def _ended(one: Enrollment) -> dict[str, Any]:
    if one.state is PassState.OPEN or one.closed_at is None:
        return {"open": True}
    return {"exit": {"state": str(one.state), "reason": one.reason, "at": iso(one.closed_at)}}


def _yaml(value: Any) -> str:
    return yaml.safe_dump(_bare(value), sort_keys=False, allow_unicode=True, width=110)


def _bare(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _bare(item) for key, item in value.items()}
    return [_bare(item) for item in value] if isinstance(value, list | tuple) else value

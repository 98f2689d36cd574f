"""Makes scenarios from one seed: rules with every word of the language's first part, and histories that meet them.

Instants are taken from those that the rules can tell apart (a night less a length, an event and a length after it,
a microsecond beside), so that edges are met often.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from journey_engine.records import Event
from journey_engine.rules import following, newest
from journey_engine.times import UTC, Duration, add_months, iso, local_to_utc
from journey_engine.triggers.date import parse_shift
from tests.properties.conditions_made import COLUMNS, CONSENTS, EVENTS, PROPERTIES, ZONES
from tests.properties.journeys_made import WAYS, Journeys
from tests.properties.scenario import Person, Scenario

# Days shortly before something happens to the calendar, with the zone whose clocks change.
STARTS = {
    "2026-01-29": "UTC", "2026-02-26": "UTC", "2025-02-26": "Asia/Kolkata", "2028-02-27": "Pacific/Apia",
    "2026-03-06": "America/New_York", "2026-03-27": "Europe/Berlin", "2026-04-03": "Australia/Lord_Howe",
    "2026-10-02": "Australia/Lord_Howe", "2026-10-23": "Europe/Berlin", "2026-10-30": "America/New_York",
    "2026-02-13": "Africa/Casablanca", "2026-03-20": "Africa/Casablanca", "2026-12-29": "America/Sao_Paulo",
}  # fmt: skip
# How often a cadence is taken, and the lengths of time that matter between its nights.
CADENCES = {
    "0 2 * * *": (7, ("6 hours", "1 day", "36 hours", "2 days", "3 days", "1 week")),
    "0 * * * *": (2, ("15 minutes", "30 minutes", "1 hour", "90 minutes", "3 hours", "1 day")),
    "0 */6 * * *": (3, ("1 hour", "6 hours", "9 hours", "1 day", "2 days")),
    "30 9 * * 1": (1, ("1 day", "3 days", "1 week", "10 days", "1 month")),
}


CAP_DAYS = ("1 day", "1 day", "2 days", "3 days", "1 week", "30 days")


@dataclass(slots=True)
class Maker(Journeys):
    """One seed's choices: a project, its nights and its people."""

    cadence: str = "0 2 * * *"
    years_ago: tuple[int, ...] = (0, 1, 1, 2, 6, 30)

    def scenario(self, people: int) -> Scenario:
        self.calendar()
        self.names = ["alpha", "beta", "gamma", "delta"][: self.of(1, 2, 3, 4)]
        for name in ["loyal", "quiet"][: self.of(0, 1, 2)]:
            self.segments[name] = self.condition(False, 1, trigger=False)
        if self.maybe(0.4):
            first = {"customer": {"customer_id": {"exists": True}}}
            stages = {"fresh": first} | {name: self.condition(False, 1, trigger=False) for name in ("warm", "hot")}
            self.stages = stages
            self.used("cycle")
        journeys = tuple(self.journey(name) for name in self.names)
        later, redefined = self.changes(), self.redefinitions()
        settings: dict[str, Any] = {}
        if self.maybe(0.4):
            settings["accept_late"] = self.length("6 hours", "1 day", "1 week", "1 month")
        if self.maybe(0.15):
            settings["max_lateness"] = self.length("1 hour", "1 day", "1 month")
        if self.maybe(0.4):
            settings["send_hours"] = self.of(("00:00", "23:59"), ("02:30", "03:00"), ("10:15", "18:00"))
        if self.maybe(0.5):
            settings["caps"] = self.caps()
        if self.maybe(0.3):
            settings["hold_when"] = self.condition(False, 1, trigger=False)
            self.used("hold_when")
        if self.maybe(0.25):
            settings["holdout"] = self.of("5%", "50%")
            self.used("holdout of all")
        kinds = {name: kind for name, (kind, _) in COLUMNS.items() if self.maybe(0.85)}
        aside = frozenset((i, name) for i in range(1, len(self.nights)) for name in self.names if self.maybe(0.03))
        # A date that is waited for lies ahead; one that comes again each year began long ago.
        self.years_ago = (0, 0, 0, 0, 1, 6) if "wait until a date" in self.words else (0, 1, 1, 2, 6, 30)
        self.lengths += [settings.get("accept_late", "72 hours"), settings.get("max_lateness", "4 days")]
        return self.reached(self.lived(Scenario(
            journeys=journeys, nights=tuple(self.nights), segments=self.segments, stages=self.stages,
            values=self.values, tables=self.tables(),
            cadence=self.cadence, timezone=self.of(*ZONES), kinds=kinds, aside=aside, later=later,
            redefined=redefined, people=tuple(self.person(f"c{n}", kinds) for n in range(people)), **settings,
        )))  # fmt: skip

    def tables(self) -> dict[str, tuple[dict[str, Any], ...]]:
        """Rows whose keys are what attributes and properties say, some of them twice."""
        keys = ["pro", "pro", "pro", "free", "free", "Prö", "a", "b", "1", "12.5", "5", "100", "true", "Rome", "18"]
        keys += [str(value) for value in self.values_known["mixed"]]
        stores = [
            {"store_id": self.of(*keys, None), "city": self.of("Rome", 'Prö "x" {}', None), "since": self.birthday()}
            for _ in range(self.of(0, 8, 16))
        ]
        numbers = [Decimal(text) for text in ("0", "5", "12.5", "100", "18", "-3", "99.999999")]
        products = [
            {"sku": self.of(*numbers), "price": self.of(Decimal("9.5"), Decimal(3), None), "new": self.of(True, False)}
            for _ in range(self.of(0, 6, 12))
        ]
        return {"stores": tuple(stores), "products": tuple(products)}

    def lived(self, scenario: Scenario) -> Scenario:
        """Journeys that are paused, that begin and end, and that are edited while their passes follow."""
        nights = range(1, len(scenario.nights))
        held = frozenset((i, name) for i in nights for name in self.names if self.maybe(0.06))
        journeys = tuple(one | self.period() for one in scenario.journeys)
        later = scenario.later
        for journey in journeys:
            if self.maybe(0.35):
                self.used("follow")
                later = (*later, (self.dice.choice(nights), self.edited(journey)))
        return replace(scenario, journeys=journeys, held=held - scenario.aside, later=later)

    def reached(self, scenario: Scenario) -> Scenario:
        """People with preferences and objections, and templates without some words, where a message may take ways."""
        if not self.several:
            return scenario
        some = [(template, way) for template in ("t1", "t2") for way in ("email", "sms")]
        wordless = frozenset(self.side.sample(some, self.side.choice((0, 0, 1, 2))))
        people = tuple(self.reachable(one) for one in scenario.people)
        kinds = {**scenario.kinds, "preferred_channel": "text"} if self.side.random() < 0.85 else scenario.kinds
        if "preferred_channel" not in kinds:
            people = scenario.people
        self.used("ways for sure")
        return replace(
            scenario, journeys=(*scenario.journeys, self.reaching()), wordless=wordless, kinds=kinds, people=people
        )

    def reaching(self) -> dict[str, Any]:
        """A journey in which everybody comes to messages that may take several channels: few others are so plain."""
        sends = [
            {"send": {"template": template, "topic": topic, "channel": self.side.choice(WAYS), "id": f"{topic}-{n}"}}
            for n, (template, topic) in enumerate((("t1", "offers"), ("t2", "receipts"), ("t2", "offers")))
        ]
        self.values |= {template: self.values.get(template, ("customer.plan",)) for template in ("t1", "t2")}
        found = {"journey": "reaching", "topic": "offers", "reentry": "each_occurrence", "steps": sends}
        found["trigger"] = {"event": self.side.choice(self.events_known)}
        return found | ({"to": "contact"} if self.side.random() < 0.4 else {})

    def reachable(self, person: Person) -> Person:
        """What they prefer, each night perhaps another way; addresses that are none; what they say and what bounces."""
        said = ("sms", "email", "SMS", "Email", "eMail", "post", None)
        prefers = [self.side.choice(said)] * len(person.nights)
        prefers = prefers if self.side.random() < 0.8 else [self.side.choice(said) for _ in prefers]
        email = {"email": "none"} if self.side.random() < 0.15 else {}
        nights = tuple(
            None if one is None else one | {"preferred_channel": way} | (email if "email" in one else {})
            for one, way in zip(person.nights, prefers, strict=True)
        )
        rows = [*person.rows]
        for number in range(self.side.choice((0, 1, 2, 3, 4))):
            at = self.side.choice((self.nights[0], *self.nights)) - dt.timedelta(hours=self.side.choice((0, 1, 5, 30)))
            name = self.side.choice((*CONSENTS, *CONSENTS, "message_bounced"))
            told = {
                "consent_id": "said",
                "permanent": True,
                "topic": self.side.choice(("offers", "receipts", "", None, None, 5)),
            }
            told |= {"channel": self.side.choice(("sms", "sms", "sms", "email", "file", "", None, 1))}
            told |= {"addressee": self.side.choice(("c0", "c1", "c2"))} if self.side.random() < 0.3 else {}
            kept = {"consent_id": 0.5}
            less = {key: value for key, value in told.items() if self.side.random() < kept.get(key, 0.8)}
            rows.append(Event(f"{person.customer_id}-w{number}", person.customer_id, name, at, less, at))
        in_order = sorted(rows, key=lambda row: row.received_at or row.occurred_at)
        return replace(person, nights=nights, rows=tuple(in_order))

    def period(self) -> dict[str, Any]:
        found = {}
        if self.maybe(0.1):
            found["starts"] = iso(self.of(*self.nights) + dt.timedelta(hours=self.of(-30, 0, 7)))
        if self.maybe(0.1):
            found["ends"] = iso(self.of(*self.nights) + dt.timedelta(hours=self.of(8, 30, 100)))
        return {} if found.get("starts", "") >= found.get("ends", "9") else found

    def edited(self, journey: Mapping[str, Any]) -> dict[str, Any]:
        """The same journey with a step less, a step more or two that changed places."""
        steps, moved = list(journey["steps"]), {}
        place = self.dice.randrange(len(steps))
        match self.weighted({"less": 4, "more": 3, "swapped": 2}):
            case "less" if len(steps) > 1:
                gone = _id(steps.pop(place))
                if self.maybe(0.4):
                    moved = {gone: _id(self.of(*steps))}
            case "swapped":
                steps.insert(0, steps.pop(place))
            case _:
                steps.insert(place, {"wait": {"for": self.of(*self.spans), "id": "more"}})
        return {**journey, "steps": steps, "on_change": "follow"} | ({"moved": moved} if moved else {})

    def calendar(self) -> None:
        """A cadence and its nights: some missed, one perhaps off the cadence."""
        self.cadence = self.used(self.weighted({cadence: chance for cadence, (chance, _) in CADENCES.items()}))
        self.spans = CADENCES[self.cadence][1]
        day = self.of(*STARTS)
        self.values_known["timezone"] = (STARTS[day], STARTS[day], self.of(*ZONES), self.of(*ZONES, "Mars/Base"))
        instant = dt.datetime.fromisoformat(day).replace(tzinfo=UTC)
        instant += dt.timedelta(hours=self.dice.randint(0, 23))
        for _ in range(self.dice.randint(3, 5)):
            for _ in range(1 if self.maybe(0.75) else self.used("missed") and self.of(2, 3, 5, 12, 35)):
                instant = following(self.cadence, instant)
            off = dt.timedelta(minutes=self.of(1, 37, 59)) if self.maybe(0.1) else dt.timedelta()
            if not self.nights or instant + off > self.nights[-1]:
                self.nights.append(instant + off)

    def caps(self) -> tuple[dict[str, Any], ...]:
        """One cap or several, tight enough to be met."""
        subjects = {"topic": {"topic": "offers"}, "class": {"class": "marketing"}, "neither": {}}
        names = self.dice.sample(list(subjects), self.of(1, 1, 2, 3))
        for name in names:
            self.used(f"cap {name}")
        return tuple(
            subjects[name] | {"name": f"cap-{name}", "at_most": self.of(1, 1, 1, 2, 3), "within": self.of(*CAP_DAYS)}
            for name in names
        )

    def changes(self) -> tuple[tuple[int, Mapping[str, Any]], ...]:
        """A journey that is edited while passes stand in it."""
        if not self.maybe(0.15):
            return ()
        self.used("new version")
        return ((self.dice.randint(1, len(self.nights) - 1), self.journey(self.of(*self.names))),)

    def redefinitions(self) -> tuple[tuple[int, str, Any], ...]:
        if not self.segments or not self.maybe(0.15):
            return ()
        self.used("segment redefined")
        condition = self.condition(False, 0, trigger=False)
        if "segment" in condition or "stage" in condition:
            condition = {"customer": {"age": {"at_least": 5}}}
        return ((self.dice.randint(1, len(self.nights) - 1), self.of(*self.segments), condition),)

    # --- people -----------------------------------------------------------------------------------------------

    def person(self, customer_id: str, kinds: Mapping[str, str]) -> Person:
        attributes = {name: self.value(name) for name in kinds}
        nights: list[dict[str, Any] | None] = []
        away = self.maybe(0.05)
        for _ in self.nights:
            if self.maybe(0.3 if away else 0.05):
                away = not away
            if self.maybe(0.4):
                often = ("plan", "age", "vip", "mixed", "born", "seen")
                name = self.of(*kinds, *(name for name in often if name in kinds))
                attributes = attributes | {name: self.value(name)}
            nights.append(None if away else attributes)
        return Person(customer_id, tuple(nights), self.rows(customer_id))

    def value(self, name: str) -> Any:
        if self.maybe(0.15):
            return None
        if name == "seen":
            return self.instant([])
        return self.birthday() if name == "born" else self.of(*self.values_known[name])

    def birthday(self) -> dt.date:
        if self.maybe(0.3):
            return self.of(dt.date(2000, 2, 29), dt.date(2024, 2, 29), dt.date(2001, 2, 28), dt.date(2020, 1, 31))
        day = self.of(*self.nights).date() + dt.timedelta(days=self.of(-2, -1, 0, 0, 0, 1))
        if self.offsets and self.maybe(0.6):  # the day itself lies an offset away
            shift = parse_shift(self.of(*self.offsets))
            assert shift is not None
            months = -shift.sign * shift.length.months
            moved = add_months(dt.datetime.combine(day, dt.time(), UTC), months)
            day = (moved - shift.sign * dt.timedelta(seconds=shift.length.seconds)).date()
        if self.maybe(0.2):  # an end of a month, on which a month more or less is not the same way back
            day = day.replace(day=1) - dt.timedelta(days=1)
        try:
            return day.replace(year=day.year - self.of(*self.years_ago))
        except ValueError:
            return dt.date(day.year - 3, 3, 1)

    def instant(self, before: list[dt.datetime]) -> dt.datetime:
        """An instant that the rules can tell from its neighbours."""
        night = self.of(*self.nights)
        length = Duration.parse(self.of(*(self.edges if self.edges and self.maybe(0.6) else self.lengths)))
        match self.weighted({"night": 2, "less": 2, "after": 8 if before else 0, "between": 7, "past": 2, "local": 1}):
            case "night":
                found = night
            case "less":
                found = length.before(night)
            case "after":
                found = length.after(self.of(*before))
            case "local":
                local = dt.datetime.combine(night.date(), dt.time(self.of(1, 2, 3, 9, 20), self.of(0, 30)))
                found = local_to_utc(local, self.of(*ZONES))
            case "past":
                found = self.nights[0] - dt.timedelta(minutes=15 * self.dice.randint(0, 2000))
            case _:
                first = newest(self.cadence, self.nights[0] - dt.timedelta(minutes=1))
                quarters = int((self.nights[-1] - first) / dt.timedelta(minutes=15))
                found = first + dt.timedelta(minutes=15 * self.dice.randint(0, quarters))
        return found + dt.timedelta(microseconds=int(self.weighted({"0": 8, "1": 1, "-1": 1})))

    def rows(self, customer_id: str) -> tuple[Event, ...]:
        """What the customer did, as it stands in the data: doubled, corrected, late or ahead of its time."""
        rows: list[Event] = []
        known: list[dt.datetime] = []
        for number in range(self.of(0, 2, 3, 4, 6, 9)):
            at = self.instant(known)
            known.append(at)
            name = self.of(*self.events_known) if self.maybe(0.9) else self.of(*EVENTS, *CONSENTS, "message_bounced")
            event_id = f"{customer_id}-{self.of('a', 'b', 'c')}{number}"
            arrived = at
            if self.maybe(0.12):
                arrived += dt.timedelta(hours=self.of(1, 20, 40, 71, 73, 150))
            elif self.maybe(0.05):
                arrived -= dt.timedelta(days=2)
            row = Event(event_id, customer_id, name, at, self.properties(name), arrived)
            rows.append(row)
            while self.maybe(0.15):
                rows.append(self.again(rows[-1]))
        return tuple(sorted(rows, key=lambda row: row.received_at or row.occurred_at))

    def properties(self, name: str) -> dict[str, Any]:
        if name == "unsubscribed":
            topic = self.of({}, {"topic": "offers"}, {"topic": "news"}, {"topic": 5}, {"topic": None})
            return topic | self.of({}, {}, {}, {"channel": "sms"}, {"channel": 1})
        if name == "subscribed":
            said = self.of({"consent_id": "said"}, {"consent_id": "said"}, {}, {"consent_id": 7})
            return said | self.of({}, {"topic": "offers"}, {"topic": "news"}, {"topic": "receipts"}) | self._by_way()
        if name == "message_bounced":
            return self.of({}, {"permanent": True}, {"permanent": False}, {"permanent": "true"}) | self._by_way()
        names = self.dice.sample(list(PROPERTIES), self.of(2, 3, 5))
        return {key: self.of(*self.values_known[f"event {key}"]) for key in names}

    def _by_way(self) -> dict[str, Any]:
        """Which way of being reached it is about, told in whatever form."""
        told: dict[str, Any] = {"channel": self.beside.choice(("sms", "sms", "email", "", 1, None))}
        return (told if self.beside.random() < 0.5 else {}) | (
            {"addressee": "c2"} if self.beside.random() < 0.1 else {}
        )

    def again(self, row: Event) -> Event:
        """The same event once more: alike, with other properties, at another instant or under another name."""
        later = (row.received_at or row.occurred_at) + dt.timedelta(hours=self.of(0, 5, 24, 60))
        change: Callable[[], dict[str, Any]] = self.of(
            dict, lambda: {"properties": self.properties(row.name)},
            lambda: {"occurred_at": row.occurred_at - dt.timedelta(hours=self.of(1, 30))},
            lambda: {"name": self.of(*EVENTS)},
        )  # fmt: skip
        fields = {"name": row.name, "occurred_at": row.occurred_at, "properties": row.properties} | change()
        return Event(row.event_id, row.customer_id, received_at=later, **fields)


def _id(step: Mapping[str, Any]) -> str:
    (inside,) = step.values()
    return str(inside["id"])


def scenario(seed: int, people: int = 50) -> Scenario:
    """The scenario of a seed."""
    return Maker(seed).scenario(people)

"""Makes conditions of every kind and operator from dice, out of few names and values, so that they often hold."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

EVENTS = ("order_placed", "cart_item_added", "signed_up", "feedback_given")
CONSENTS = ("unsubscribed", "subscribed")
ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Casablanca",
    "Pacific/Apia", "America/Sao_Paulo",
)  # fmt: skip
# Attributes with the type of their column and the values that they take.
COLUMNS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "plan": ("text", ("pro", "free", "Prö", "12.5", "a, \"b\" {c}")),
    "age": ("whole", (0, 5, 17, 18, 65)),
    "spent": ("number", (Decimal("0"), Decimal("12.5"), Decimal("99.999999"), Decimal("100"), Decimal("-7.25"))),
    "score": ("float", (0.1, 5.0, -2.5, 1e-7, 1e300)),
    "vip": ("boolean", (True, False)),
    "mixed": ("text", (
        "5", "12.50", "+7", "-0", "1e3", "true", "TRUE", "2026-03-01", "2026-03-01T10:00:00Z", "2026-02-28 23:30",
        "2026-03-01T10:00:00+02:00", "2026-13-45", "abc", "infinity", "now", "00000000000000000005", "9" * 20,
    )),
    "born": ("date", ()),
    "seen": ("timestamp", ()),
    "email": ("text", ("a@example.com", "b@example.com")),
    "phone": ("text", ("+49 170 1234567", "0170/1", "12")),
    "first_name": ("text", ("Ada", "Bob \"Bo\" O'Hara")),
    "locale": ("text", ("de-AT", "en")),
    "timezone": ("text", (*ZONES, "Mars/Base")),
    "account_id": ("text", ("c0", "c1", "c2", "c3", "nobody")),
    "contact_id": ("text", ("c0", "c1", "c2", "c3", "nobody")),
}  # fmt: skip
PROPERTIES: dict[str, tuple[Any, ...]] = {
    "total": (0, 5, 12.5, 100, 100.0, 99.9999999, -3, "100", "abc", True, None, 10**20),
    "cart_id": ("a", "b", "a", "b", "1", 1, 1.0, True, None),
    "plan": ("pro", "free", "", "Prö", 3, None),
    "gift": (True, False, "true", None),
    "address": ({"city": "Rome", "zip": 1}, {"city": None}, "Rome", {}, None),
    "tags": (["x", 1], [], None),
}
TRIGGER_WORDS = ("date", "offset", "firing", "segment", "stage", "from", "to", "journey", "state", "step")


@dataclass(slots=True)
class Conditions:
    """The dice of one seed and what was chosen so far. `words` counts the words of the language that were used."""

    seed: int
    dice: random.Random = field(init=False)
    side: random.Random = field(init=False)  # of what came later, so that the worlds of a seed stay what they were
    beside: random.Random = field(init=False)  # of what came later still
    several: bool = field(init=False)  # whether messages may take several channels
    words: dict[str, int] = field(default_factory=dict)
    events_known: tuple[str, ...] = EVENTS
    values_known: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    spans: tuple[str, ...] = ("1 day",)  # lengths of time that fit the cadence
    nights: list[dt.datetime] = field(default_factory=list)
    lengths: list[str] = field(default_factory=list)  # used anywhere, as often as they are used
    edges: list[str] = field(default_factory=list)  # those that end a wait, a window or a silence, or let in again
    segments: dict[str, Any] = field(default_factory=dict)
    stages: dict[str, Any] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    arms: list[str] = field(default_factory=list)
    templates: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.side = random.Random(f"{self.seed} aside")
        self.beside = random.Random(f"{self.seed} by one way")
        self.several = self.side.random() < 0.5
        self.events_known = tuple(self.dice.sample(EVENTS, 2))
        for name, (_, values) in COLUMNS.items():
            self.values_known[name] = tuple(self.dice.sample(values, min(3, len(values))))
        for name, some in PROPERTIES.items():
            self.values_known[f"event {name}"] = tuple(self.dice.sample(some, min(3, len(some))))

    # --- choices ----------------------------------------------------------------------------------------------

    def of(self, *options: Any) -> Any:
        return self.dice.choice(options)

    def maybe(self, chance: float) -> bool:
        return self.dice.random() < chance

    def used(self, word: str) -> str:
        self.words[word] = self.words.get(word, 0) + 1
        return word

    def length(self, *options: str) -> str:
        text: str = self.dice.choice(options or self.spans)
        self.lengths.append(text)
        return text

    def edge(self, *options: str) -> str:
        """A length at whose end something else happens."""
        text = self.length(*options)
        self.edges.append(text)
        return text

    def weighted(self, options: Mapping[str, int]) -> str:
        return self.dice.choices(list(options), list(options.values()))[0]

    # --- conditions -------------------------------------------------------------------------------------------

    def condition(self, inside: bool, depth: int = 2, trigger: bool = True) -> dict[str, Any]:
        """Any condition: `inside` a pass or not, with a `trigger` to ask about or not (segments have none)."""
        kinds = {"customer": 6, "event": 12, "subscribed": 1, "journey": 3, "message": 4, "reward": 2}
        kinds |= {"segment": 3} if self.segments else {}
        kinds |= {"stage": 2} if self.stages else {}
        kinds |= {"trigger": 3} if trigger else {}
        kinds |= {"arm": 16} if inside and self.arms else {}
        kinds |= {"all": 2, "any": 3, "not": 4} if depth else {}
        kind = self.used(self.weighted(kinds))
        if kind in ("all", "any"):
            return {kind: [self.condition(inside, depth - 1, trigger) for _ in range(self.of(1, 2, 2, 3))]}
        if kind == "not":
            return {"not": self.condition(inside, depth - 1, trigger)}
        return {kind: self._leaf(kind, inside, trigger)}

    def _leaf(self, kind: str, inside: bool, trigger: bool) -> Any:
        match kind:
            case "customer":
                names = self.dice.sample([*COLUMNS, "unknown", "welcomed", "customer_id"], self.of(1, 1, 1, 2))
                return {name: self.comparison(name) for name in names}
            case "event":
                return self.event_condition(inside, trigger)
            case "trigger":
                names = self.dice.sample([*PROPERTIES, *TRIGGER_WORDS], self.of(1, 1, 2))
                return {name: self.property_test(name) for name in names}
            case "segment":
                return self.of(*self.segments)
            case "arm":
                return self.of(*self.arms)
            case "stage":
                return self.of(*self.stages)
            case "subscribed":
                return self._subscribed(self.of("offers", "receipts", "news"))
            case "journey":
                state = self.of("in", "finished", "converted", "exited")
                self.used(f"journey {state}")
                return {"name": self.of(*self.names, "elsewhere"), "state": state} | self.within(0.3)
            case "reward":
                state = self.of("pending", "available", "expired", "redeemed")
                found = {"program": self.of("voucher", "referral"), "state": state} | self.within(0.3)
                return found | ({"ever": True} if self.maybe(0.3) else {})
            case _:
                return self._message_leaf()

    def _subscribed(self, topic: str) -> Any:
        chance, way = self.beside.random(), self.beside.choice(("sms", "sms", "email"))
        if chance < 0.4:
            self.used("subscribed channel")
            return {"channel": way} if chance < 0.25 else {"topic": topic, "channel": way}
        return topic

    def _message_leaf(self) -> dict[str, Any]:
        state = self.weighted({"sent": 4, "opened": 2, "clicked": 2, "bounced": 1})
        found = {"template": self.of(*self.templates, "t1"), "state": state} | self.within(0.2)
        found |= {"count": self.count()} if self.maybe(0.2) else {}
        return found | ({"ever": True} if self.maybe(0.3) else {})

    def within(self, chance: float) -> dict[str, Any]:
        return {"within": self.length()} if self.maybe(chance) else {}

    def count(self) -> Any:
        self.used("count")
        return {self.of("at_least", "at_most", "exactly"): self.of(0, 1, 1, 2, 3)}

    def event_condition(self, inside: bool, trigger: bool) -> dict[str, Any]:
        found = self.events(0.25) | self.within(0.3)
        if self.maybe(0.2):
            found["count"] = self.count()
        if self.maybe(0.1):
            limit = {self.of("at_least", "at_most", "above", "below"): self.of(0, 5, 100, 112.5)}
            found["sum"] = {"property": self.of("total", "total", "cart_id")} | limit
            self.used("sum")
        for edge in ("first", "last"):
            if self.maybe(0.1):
                found[edge] = {self.of("within", "before"): self.length()}
                self.used(edge)
        if trigger and self.maybe(0.15):
            found["same"] = self.of("cart_id", "cart_id", "total", "stage")
            self.used("same")
        return found | (self._scope() if inside else {})

    def _scope(self) -> dict[str, Any]:
        match self.weighted({"": 6, "ever": 2, "since": 3}):
            case "ever":
                self.used("ever")
                return {"ever": True}
            case "since":
                self.used("since")
                return {"since": self.of("entry", *self.steps, *self.steps, "nowhere")}
            case _:
                return {}

    def events(self, where: float = 0.15) -> dict[str, Any]:
        rare = self.maybe(0.08)
        names = ("unsubscribed", "stage_entered", "message_sent", *EVENTS) if rare else self.events_known
        found: dict[str, Any] = {"name": self.of(*names)}
        if self.maybe(where):
            chosen = self.dice.sample(list(PROPERTIES), self.of(1, 1, 1, 2))
            found["where"] = {name: self.property_test(name) for name in chosen}
            self.used("where")
        return found

    # --- tests ------------------------------------------------------------------------------------------------

    def comparison(self, name: str) -> Any:
        """A test of an attribute with a literal of any type, mostly of its own."""
        if self.maybe(0.1):
            self.used("exists")
            return {"exists": self.of(True, False)}
        if name in ("born", "seen", "mixed") and self.maybe(0.6):
            self.used("attribute within/before")
            return {self.of("within", "before"): self.length()}
        known = self.values_known.get(name) or ("2026-03-01", "pro", True)
        value = self.of(*known) if self.maybe(0.8) else self.of("pro", 5, True, "true", "5", "2026")
        if isinstance(value, float) and abs(value) >= 1e18:
            value = 5
        return self.test(float(value) if isinstance(value, Decimal) else value, known)

    def property_test(self, name: str) -> Any:
        """A test of a property with a literal of any type, mostly of its own."""
        if self.maybe(0.1):
            self.used("exists")
            return {"exists": self.of(True, True, False)}
        known = self.values_known.get(f"event {name}", (*self.segments, *self.stages, "-1 day", "2026"))
        fit = [value for value in known if isinstance(value, str | int | float) and value != 10**20]
        return self.test(self.of(*(fit or ["Rome", 5])), fit)

    def test(self, value: Any, known: Any) -> Any:
        if isinstance(value, bool):
            op = self.of("is", "is_not", "in", "not_in")
        elif isinstance(value, str):
            op = self.of(
                "is", "is", "is_not", "in", "not_in", "at_least", "at_most", "between", "contains", "starts_with"
            )
        else:
            op = self.of("is", "is_not", "in", "not_in", "at_least", "at_most", "above", "below", "between")
        self.used(op)
        alike = [one for one in known if type(one) is type(value) and one != 1e300] or [value]
        match op:
            case "in" | "not_in":
                return {op: [value, self.of(*alike)]}
            case "between":
                return {op: [value, value + "z" if isinstance(value, str) else value + self.of(0, 1, 50)]}
            case "contains" | "starts_with":
                return {op: value[: self.of(1, 2)]}
            case _:
                return value if op == "is" and self.maybe(0.5) else {op: value}

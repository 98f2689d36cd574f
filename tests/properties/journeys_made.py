"""Makes journeys from dice: every trigger, step, re-entry and ending of the language's first part, nested at will."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.properties.conditions_made import COLUMNS, PROPERTIES, TRIGGER_WORDS, ZONES, Conditions

OFFSETS = (
    "1 day before", "3 days before", "1 day after", "1 week before", "7 days before", "1 month before", "1 month after",
    "1 month 1 day after",
)  # fmt: skip
WAYS: tuple[Any, ...] = (
    "preferred", "preferred", ["preferred", "email"], ["preferred", "sms"], ["sms", "email"], ["email", "sms"],
    ["sms", "preferred"],
)  # fmt: skip
TITLES = ("Call {{ customer.first_name }}", "Look at {{ trigger.total }}")


@dataclass(slots=True)
class Journeys(Conditions):
    """Conditions, and the steps around them. `values` holds the paths that each template names."""

    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    offsets: list[str] = field(default_factory=list)
    number: int = 0

    # --- steps ------------------------------------------------------------------------------------------------

    def list_of_steps(self, depth: int, most: int) -> list[dict[str, Any]]:
        return [self.step(depth) for _ in range(self.dice.randint(1, most))]

    def step(self, depth: int) -> dict[str, Any]:
        kinds = {"send": 8, "wait": 5, "wait_for": 8, "remind": 3, "task": 2, "set": 2, "exit": 1, "enroll": 2}
        kinds |= {"branch": 6, "split": 3, "ask": 3} if depth else {}
        kinds |= {"reward": 2, "webhook": 3}
        kind = self.used(self.weighted(kinds))
        self.number += 1
        name = f"s{self.number}"
        guard = {"only_if": self.condition(True, 1)} if self.maybe(0.3 if self.arms else 0.15) else {}
        if guard:
            self.used("only_if")
        return {kind: self._step(kind, name, depth) | {"id": name} | guard}

    def _step(self, kind: str, name: str, depth: int) -> dict[str, Any]:
        match kind:
            case "send":
                return self.message(name)
            case "remind":
                found = self.message(name) | {"every": self.waiting(), "times": self.of(1, 2, 3)}
                return found | ({"until": self.condition(True, 1)} if self.maybe(0.8) else {})
            case "wait":
                return self.wait()
            case "wait_for":
                return self.wait_for(name, depth)
            case "branch":
                return {"ways": self.ways(depth)}
            case "ask":
                return self.asked(name, depth)
            case "split":
                return {"arms": self.drawn(name, depth)}
            case _:
                return self._effect(kind, name, depth)

    def done_or_late(self, depth: int) -> dict[str, Any]:
        """A task that is waited for; whether anybody does it is decided by dice (`responses`)."""
        self.used("task waited for")
        found: dict[str, Any] = {"due": self.edge("1 hour", "1 day", "1 day", *self.spans, "3 days")}
        for way in self.of(("on_done",), ("on_late",), ("on_done", "on_late")):
            found[way] = self.list_of_steps(depth - 1, 2)
        return found

    def _effect(self, kind: str, name: str, depth: int) -> dict[str, Any]:
        match kind:
            case "task":
                title = self.of(*TITLES)
                self.values.setdefault(title, self.paths())
                found = {"team": "service", "title": title} | ({"due": self.waiting()} if self.maybe(0.5) else {})
                found |= {"outcomes": ["a", "b"]} if self.maybe(0.3) else {}
                found |= self.done_or_late(depth) if depth and self.maybe(0.6) else {}
                if "on_done" in found or "on_late" in found:
                    self.steps.append(name)
                return found | ({"with": self.table_rows()} if self.maybe(0.3) else {})
            case "reward":
                self.steps.append(name)
                program = self.of("voucher", "voucher", "referral", "gone")
                return {
                    "program": program,
                    "to": self.of("advocate", "friend") if program == "referral" else "customer",
                }
            case "webhook":
                paths = [path for path in self.paths() if path.startswith(("customer.", "trigger.", "step."))]
                brought = self.dice.sample(paths, self.of(0, 1, 3))
                values: dict[str, Any] = {f"v{n}": path for n, path in enumerate(brought)}
                return {
                    "to": self.of("crm", "stock"),
                    "with": values | (self.table_rows() if self.maybe(0.3) else {}),
                }
            case "set":
                return self.assigned()
            case "enroll":
                return {"journey": self.of(*self.names, "elsewhere")}
            case _:
                return {"reason": self.of("exit", "enough", "timeout", "waited", "event", "sent")}

    def ways(self, depth: int) -> list[dict[str, Any]]:
        found = [
            {"when": self.condition(True), "steps": self.list_of_steps(depth - 1, 2)} for _ in range(self.of(1, 1, 2))
        ]
        return found + ([{"otherwise": self.list_of_steps(depth - 1, 2)}] if self.maybe(0.6) else [])

    def drawn(self, name: str, depth: int) -> list[dict[str, Any]]:
        """The arms of a split; their names are of their step, since a journey has each once."""
        weights = self.of((50, 50), (90, 10), (33, 33, 34), (0, 100), (100, 0))
        made = [{"arm": f"{name}-{n}", "weight": weight} for n, weight in enumerate(weights)]
        for arm in made:
            if self.maybe(0.8):
                arm["steps"] = self.list_of_steps(depth - 1, 2)
        self.arms += [arm["arm"] for arm in made]
        return made

    def asked(self, name: str, depth: int) -> dict[str, Any]:
        """A question; who reads its letter answers by dice (`responses`), perhaps with what is no option."""
        found = self.message(name) | {"question": name, "timeout": self.edge(*self.spans, *self.spans, "1 week")}
        options = self.dice.sample(["a", "b", "c"], self.of(1, 2, 3))
        cut = self.dice.randint(0, len(options) - 1)
        ways = [{"answer": some} for some in (options[:cut], options[cut:]) if some]
        for way in ways:
            if self.maybe(0.8):
                way["steps"] = self.list_of_steps(depth - 1, 2)
        found |= {"options": options, "paths": ways}
        return found | ({"none": self.list_of_steps(depth - 1, 1)} if self.maybe(0.5) else {})

    def wait(self) -> dict[str, Any]:
        kind = self.weighted({"length": 4, "until": 2, "date": 2})
        if kind == "length":
            return {"for": self.waiting()}
        found: dict[str, Any] = {}
        if self.maybe(0.3):
            found["timezone"] = self.of("customer", "Asia/Kolkata", "America/New_York")
        if kind == "until":
            self.used("wait until")
            if self.maybe(0.5):
                days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
                found["weekdays"] = self.dice.sample(days, self.of(1, 2, 2, 4))
            return found | {"until": self.of("02:30", "09:00", "23:45", "01:30", "00:00")}
        self.used("wait until a date")
        until: dict[str, Any] = {
            "date": f"customer.{self.of('born', 'born', 'seen', 'seen', 'mixed', 'age', 'unknown')}"
        }
        if self.maybe(0.5):
            until["offset"] = self.of(*OFFSETS)
            self.offsets += [until["offset"]]
            self.used("wait offset")
        if self.maybe(0.5):
            until["at"] = self.of("00:00", "02:30", "23:45", "01:30")
        return found | {"until": until}

    def waiting(self) -> str:
        return self.length("5 minutes", "1 hour", *self.spans, *self.spans, "1 month", "1 month 1 day")

    def wait_for(self, name: str, depth: int) -> dict[str, Any]:
        event = self.events()
        if self.maybe(0.15):
            event["same"] = self.of("cart_id", "total", "stage")
            self.used("wait_for same")
        found: dict[str, Any] = {"event": event}
        if self.maybe(0.85):
            found["timeout"] = self.edge(*self.spans, *self.spans, "1 week", "1 month")
            on = self.of("exit", "continue", "steps") if depth else self.of("exit", "continue")
            found["on_timeout"] = self.list_of_steps(depth - 1, 2) if on == "steps" else on
            self.used(f"on_timeout {on}")
        if self.maybe(0.25):
            found["since"] = self.of("entry", "entry", *self.steps, "nowhere")
            self.used("wait_for since")
        self.steps.append(name)
        return found

    def message(self, name: str) -> dict[str, Any]:
        template = self.of("t1", "t1", "t2")
        self.templates.append(template)
        self.values.setdefault(template, self.paths())
        found: dict[str, Any] = {"template": template, "topic": self.used(self.of("offers", "receipts"))}
        if self.maybe(0.15):
            found["max_lateness"] = self.length("1 hour", "1 day", "1 month")
        if self.maybe(0.4):
            found["on_cap"] = self.on_cap()
        if self.maybe(0.2):
            found["variant"] = f"customer.{self.of('plan', 'mixed', 'spent', 'vip', 'born', 'seen', 'unknown')}"
            self.used("variant")
        if self.maybe(0.2):
            found["channel"] = self.used(self.of("sms", "sms", "file"))
        elif self.several and self.side.random() < 0.5:
            found["channel"] = self.side.choice(WAYS)
            self.used("preferred" if "preferred" in found["channel"] else "several channels")
        if self.maybe(0.3):
            names = self.dice.sample(["lines", "carts"], self.of(1, 2))
            found["with"] = {list_name: self.lines() for list_name in names}
            self.used("with")
        if self.maybe(0.3):
            found["with"] = found.get("with", {}) | self.table_rows()
        self.steps.append(name)
        return found

    def table_rows(self) -> dict[str, Any]:
        """Rows of tables, by the names that wordings know them by."""
        self.used("with a row")
        return {name: self.table_row() for name in self.dice.sample(["place", "thing"], self.of(1, 1, 2))}

    def table_row(self) -> dict[str, Any]:
        sources = [
            f"trigger.{word}" for word in ("plan", "total", "cart_id", "gift", "address", "address.city", "date")
        ]
        sources += [f"customer.{word}" for word in ("plan", "age", "born", "seen", "spent", "mixed", "unknown")]
        sources += [f"step.{step}.{self.of('total', 'plan', 'tags', 'occurred_at')}" for step in self.steps[-3:]]
        table = self.of("stores", "products")
        likely = ("customer.plan", "trigger.plan") if table == "stores" else ("customer.spent", "trigger.total")
        return {"table": table, "key": self.of(*likely) if self.maybe(0.6) else self.of(*sources)}

    def on_cap(self) -> Any:
        found = self.of("skip", "exit", {"delay": self.of("1 day", "1 day", "36 hours", "2 days", "1 month")})
        self.used(f"on_cap {found if isinstance(found, str) else 'delay'}")
        return found

    def lines(self) -> dict[str, Any]:
        found: dict[str, Any] = {"events": self.of(*self.events_known)}
        if self.maybe(0.2):
            found["where"] = {"total": self.property_test("total")}
        if self.maybe(0.5):
            found["since"] = self.of("entry", "ever", *self.steps, "nowhere")
        if self.maybe(0.3):
            found["same"] = self.of("cart_id", "total")
        return found | ({"newest": self.of(1, 2)} if self.maybe(0.4) else {})

    def paths(self) -> tuple[str, ...]:
        columns = self.dice.sample([*COLUMNS, "customer_id", "unknown", "welcomed"], 3)
        properties = self.dice.sample([*PROPERTIES, *TRIGGER_WORDS, "address.city"], 3)
        last = (*PROPERTIES, "occurred_at", "address.city")
        steps = [f"step.s{self.dice.randint(1, 9)}.{self.of(*last)}" for _ in range(3)]
        steps += [f"step.s{self.dice.randint(1, 9)}.{self.of('code', 'amount', 'expires_at')}" for _ in range(2)]
        steps += [f"{self.of('account', 'contact')}.{self.of(*COLUMNS, 'customer_id', 'unknown')}" for _ in range(2)]
        found = [*(f"customer.{name}" for name in columns), *(f"trigger.{name}" for name in properties), *steps]
        found += self.dice.sample(["place.city", "place.since", "place.gone", "thing.price", "thing.new", "thing"], 3)
        return tuple(sorted({*found, *(["lines"] if self.maybe(0.5) else [])}))

    def assigned(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        names = ("welcomed", "plan", "plan", "age", "vip", "mixed", "born", "timezone", "first_name")
        for name in self.dice.sample(names, self.of(1, 1, 2)):
            if self.maybe(0.5):
                own = {"age": (18, 12.5, "old"), "vip": (True, False, "no"), "timezone": ZONES[:4]}
                found[name] = {"value": self.of(*own.get(name, ("pro", 5, True, "2026-03-01")))}
            else:
                sources = [f"trigger.{word}" for word in (*PROPERTIES, "date", "segment")]
                sources += [f"customer.{word}" for word in ("plan", "age", "born", "seen", "spent", "vip")]
                sources += [f"step.{step}.{self.of('total', 'tags', 'occurred_at')}" for step in self.steps[-3:]]
                found[name] = {"from": self.of(*sources)}
                self.used("set from")
        return found

    # --- journeys ---------------------------------------------------------------------------------------------

    def journey(self, name: str) -> dict[str, Any]:
        self.steps, self.arms, self.number = [], [], 0
        trigger = self.trigger()
        found: dict[str, Any] = {"journey": name, "topic": "offers", "trigger": trigger}
        reentry = self.weighted({"": 3, "never": 1, "after_exit": 3, "each_occurrence": 4, "after": 3})
        plain = "event" in trigger and not trigger["event"].get("first")
        if reentry == "after":
            found["reentry"] = {"after": self.edge()}
        elif reentry or plain:
            found["reentry"] = reentry or "each_occurrence"
        self.used(f"reentry {reentry or 'default'}")
        if self.maybe(0.3):
            found["priority"] = self.of(-1, 5, 9)
        if self.maybe(0.5):
            found["on_cap"] = self.on_cap()
        if self.maybe(0.4):
            found["to"] = self.of("members", "contact")
            self.used(f"to {found['to']}")
        if self.maybe(0.3):
            found["holdout"] = self.of("0.01%", "20%", "50%", "99.99%")
            self.used("holdout")
        if self.maybe(0.25) and not {"date", "schedule"} & trigger.keys():
            found["backfill"] = self.used("current")
        steps = self.list_of_steps(2, 4)
        if self.maybe(0.2):
            found["audience"] = self.condition(False, 1)
            self.used("audience")
        goal = {"event": self.events() | self.within(0.1)} if self.maybe(0.75) else self.condition(True, 1)
        if self.maybe(0.45):
            found["goal"] = goal | {"window": self.edge()} | ({"stay": True} if self.maybe(0.3) else {})
            self.used("goal stay" if "stay" in found["goal"] else "goal")
        if self.maybe(0.25):
            ending = {"event": self.events(0.4)} if self.maybe(0.6) else self.condition(True, 1)
            found["exit_when"] = goal if self.maybe(0.3) else ending
            self.used("exit_when")
        return found | {"steps": steps}

    def trigger(self) -> dict[str, Any]:
        kinds = {"event": 8, "inactive": 2, "abandoned": 2, "date": 4, "schedule": 3, "changes": 3, "journey": 3}
        kinds |= {"enters": 3} if self.segments or self.stages else {}
        kind = self.used("on " + self.weighted(kinds)).removeprefix("on ")
        match kind:
            case "event":
                first = {"first": True} if self.maybe(0.25) else {}
                self.used("on event first" if first else "on event each")
                return {"event": self.events(0.12) | first}
            case "inactive":
                return {"inactive": {"event": self.events(0.12), "for": self.edge()}}
            case "abandoned":
                return {"abandoned": {"event": self.events(0.12), "without": self.events(0.3), "for": self.edge()}}
            case "journey":
                state = self.of("entered", "finished", "finished", "converted", "exited")
                self.used(f"on journey {state}")
                return {"journey": {"name": self.of(*self.names), "state": state}}
            case "changes":
                return {"changes": self.change()}
            case "enters":
                names = [{"segment": name} for name in self.segments] + [{"stage": name} for name in self.stages]
                return {"enters": self.of(*names)}
            case "schedule":
                cron = self.of(
                    "0 9 * * *", "30 2 * * *", "30 2 * * *", "0 0 1 * *", "15 */6 * * *", "0 9 29 2 *", "30 1 * * 0"
                )
                zone = self.of("customer", "customer", "Europe/Berlin", "UTC")
                self.used("schedule customer" if zone == "customer" else "schedule fixed")
                return {"schedule": {"cron": cron, "timezone": zone}}
            case _:
                return {"date": self.date()}

    def change(self) -> dict[str, Any]:
        name = self.of("plan", "plan", "age", "vip", "mixed", "spent", "seen", "welcomed", "unknown")
        found: dict[str, Any] = {"attribute": name}
        for side, chance in (("to", 0.5), ("from", 0.3)):
            if self.maybe(chance):
                found[side] = self.comparison("plan" if name in ("seen", "mixed") else name)
                self.used(f"changes {side}")
        return found

    def date(self) -> dict[str, Any]:
        found: dict[str, Any] = {"of": f"customer.{self.of('born', 'born', 'born', 'seen', 'mixed', 'age', 'unknown')}"}
        if self.maybe(0.8):
            found["every"] = self.of("year", "year", "month")
            self.used(f"every {found['every']}")
        if self.maybe(0.6):
            found["offsets"] = self.dice.sample(("on the day", *OFFSETS), self.of(1, 1, 2, 3))
            self.offsets += [offset for offset in found["offsets"] if offset != "on the day"]
            self.used("offsets")
        if self.maybe(0.6):
            found["at"] = self.of("00:00", "02:30", "09:00", "23:45", "01:30")
        if self.maybe(0.6):
            found["feb29"] = self.of("feb28", "mar1", "skip")
            self.used(f"feb29 {found['feb29']}")
        return found

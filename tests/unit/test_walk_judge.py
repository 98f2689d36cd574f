"""The judge on every form of a condition, with what is missing, and what it tells of what it saw."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter

from journey_engine.conditions import Condition, Context
from journey_engine.predicates import ALWAYS, AnyOf, Happened, Predicate
from journey_engine.records import Enrollment, Event, PassState
from journey_engine.times import UTC
from journey_engine.walk import Scene, judge, trace
from journey_engine.walk.judge import bounded, instant_of
from journey_engine.yamlfile import read

READ: TypeAdapter[Any] = TypeAdapter(Condition)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=UTC)


def condition(text: str, *, in_pass: bool = False) -> Predicate:
    file = read(text, "condition.yaml")
    assert not file.problems
    found: Predicate = READ.validate_python(file.data).resolve(Context(in_pass=in_pass))
    return found


def event(when: str, name: str = "order_placed", **properties: Any) -> Event:
    return Event(f"{name} {when}", "c1", name, at(when), properties)


NIGHT = at("2026-03-11 02:00")
PASS = Enrollment(
    "p1", "one", "v1", "c1", "", at("2026-03-02 10:00"), 1, {"cart": 7}, 3, at("2026-03-05 10:00"),
    steps={"send:hello": (at("2026-03-04 10:00"), None)},
)  # fmt: skip
ORDERS = (
    event("2026-01-01 10:00", total=5),
    event("2026-03-02 10:00", total=20, cart=7),
    event("2026-03-03 10:00", total=30, cart=8),
    event("2026-03-05 10:00", total="40"),
    event("2026-03-06 10:00", name="message_opened", template="hello", enrollment_id="p1"),
    event("2026-03-06 11:00", name="message_opened", template="other", enrollment_id="p0"),
)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("{event: order_placed}", True),
        ("{event: page_viewed}", False),
        ("{event: {name: order_placed, where: {total: {above: 30}}}}", False),  # "40" is a text
        ("{event: {name: order_placed, where: {total: '40'}}}", True),
        ("{event: {name: order_placed, where: {total: {exists: false}}}}", False),
        ("{event: {name: order_placed, where: {cart: {exists: false}}, count: 2}}", True),
        ("{event: {name: order_placed, count: 4}}", True),
        ("{event: {name: order_placed, count: {at_least: 5}}}", False),
        ("{event: {name: order_placed, count: {at_most: 4}}}", True),
        ("{event: {name: page_viewed, count: {at_most: 0}}}", True),
        ("{event: {name: page_viewed, count: 0}}", True),
        # 5 + 20 + 30; the text counts nothing.
        ("{event: {name: order_placed, sum: {property: total, at_least: 55}}}", True),
        ("{event: {name: order_placed, sum: {property: total, above: 55}}}", False),
        ("{event: {name: page_viewed, sum: {property: total, at_most: 0}}}", True),
        ("{event: {name: order_placed, count: 4, sum: {property: total, below: 55}}}", False),  # both are asked for
        # 11 March 02:00 less 8 days is 3 March 02:00, less 6 days 5 March 02:00.
        ("{event: {name: order_placed, within: 8 days, count: 2}}", True),
        ("{event: {name: order_placed, within: 5 days}}", False),
        ("{event: {name: order_placed, last: {within: 6 days}}}", True),
        ("{event: {name: order_placed, last: {before: 5 days}}}", True),
        ("{event: {name: order_placed, last: {before: 6 days}}}", False),
        ("{event: {name: order_placed, first: {before: 2 months}}}", True),
        ("{event: {name: order_placed, first: {before: 3 months}}}", False),
        ("{event: {name: order_placed, first: {within: 3 months}}}", True),
        ("{event: {name: order_placed, first: {within: 2 months}}}", False),
        ("{event: {name: page_viewed, last: {before: 1 day}}}", False),  # none was
        ("{event: {name: page_viewed, first: {within: 1 day}}}", False),
        ("{not: {event: {name: page_viewed, last: {before: 1 day}}}}", True),
        ("{event: {name: order_placed, count: 4, last: {before: 5 days}, first: {before: 2 months}}}", True),
        ("{customer: {plan: pro, age: {at_least: 18}}}", True),
        ("{customer: {plan: pro, age: {at_least: 19}}}", False),
        ("{customer: {missing: {is_not: x}}}", False),
        ("{not: {customer: {missing: x}}}", True),
        ("{customer: {missing: {exists: false}}}", True),
        ("{trigger: {cart: 7}}", False),  # outside a pass there is no trigger
        ("{all: [{customer: {plan: pro}}, {event: order_placed}]}", True),
        ("{all: [{customer: {plan: pro}}, {event: page_viewed}]}", False),
        ("{any: [{customer: {plan: free}}, {event: order_placed}]}", True),
        ("{any: [{customer: {plan: free}}, {event: page_viewed}]}", False),
        ("{subscribed: offers}", True),
        ("{journey: one}", True),
        ("{journey: two}", False),
        ("{journey: {name: one, within: 9 days}}", True),  # entered later than 2 March 02:00
        ("{journey: {name: one, within: 8 days}}", False),
        ("{journey: {name: one, state: finished}}", False),
        ("{message: {template: hello, state: opened}}", True),
        ("{message: {template: hello, state: clicked}}", False),
    ],
)
def test_every_condition_over_the_whole_history(text: str, holds: bool) -> None:
    scene = Scene(NIGHT, {"plan": "pro", "age": "18"}, ORDERS, (PASS,))
    assert judge(condition(text), scene) is holds
    assert judge(condition(f"{{not: {text}}}"), scene) is not holds


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        # Entered 2 March 10:00: the order of that instant is not after it.
        ("{event: {name: order_placed, count: 2}}", True),
        ("{event: {name: order_placed, ever: true, count: 4}}", True),
        ("{event: {name: order_placed, within: 1 year, count: 4}}", True),
        ("{event: {name: order_placed, since: entry, count: 2}}", True),
        ("{event: {name: order_placed, since: entry, within: 6 days, count: 1}}", True),  # later than 5 March 02:00
        ("{event: {name: order_placed, since: 'send:hello', count: 1}}", True),
        ("{event: {name: order_placed, since: 'send:later'}}", False),
        ("{event: {name: order_placed, since: 'send:later', count: 0}}", False),  # not left: false, whatever it counts
        ("{not: {event: {name: order_placed, since: 'send:later', count: 0}}}", True),
        ("{event: {name: order_placed, same: cart}}", False),  # the one of cart 7 was not after the entry
        ("{event: {name: order_placed, same: cart, ever: true, count: 1}}", True),
        ("{event: {name: order_placed, same: missing, ever: true}}", False),
        ("{trigger: {cart: 7}}", True),
        ("{trigger: {cart: '7'}}", False),
        ("{trigger: {missing: {exists: false}}}", True),
        ("{message: {template: hello, state: opened}}", True),
        ("{message: {template: other, state: opened}}", False),  # of another pass
        ("{message: {template: other, state: opened, ever: true}}", True),
        ("{message: {template: hello, state: opened, within: 4 days}}", False),
    ],
)
def test_every_scope_inside_a_pass(text: str, holds: bool) -> None:
    scene = Scene(NIGHT, {}, ORDERS, (PASS,), PASS.trigger, PASS)
    assert judge(condition(text, in_pass=True), scene) is holds


def test_nothing_asked_holds_and_nothing_offered_does_not() -> None:
    assert judge(ALWAYS, Scene(NIGHT))
    assert not judge(AnyOf(items=()), Scene(NIGHT))


def test_upper_bounds_what_counts_since_entry_and_nothing_else() -> None:
    scene = Scene(NIGHT, {}, ORDERS, (PASS,), PASS.trigger, PASS, upper=at("2026-03-04 00:00"))
    assert judge(condition("{event: {name: order_placed, count: 1}}", in_pass=True), scene)
    assert judge(condition("{event: {name: order_placed, ever: true, count: 4}}", in_pass=True), scene)


def test_a_closed_pass_is_in_its_own_state_only() -> None:
    reached = at("2026-03-09 02:00")
    done = replace(PASS, state=PassState.CONVERTED, closed_at=reached, reason="goal", goal_at=reached, goal_run=9)
    scene = Scene(NIGHT, {}, (), (done,))
    found = {
        state: judge(condition(f"{{journey: {{name: one, state: {state}}}}}"), scene)
        for state in ("in", "finished", "converted", "exited")
    }
    assert [state for state, holds in found.items() if holds] == ["converted"]
    assert judge(condition("{journey: {name: one, state: converted, within: 3 days}}"), scene)
    assert not judge(condition("{journey: {name: one, state: converted, within: 2 days}}"), scene)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{event: order_placed}", True),
        ("{event: {name: order_placed, count: {at_least: 2}}}", True),
        ("{all: [{event: order_placed}, {trigger: {cart: 7}}]}", True),
        ("{event: {name: order_placed, within: 3 days}}", False),
        ("{event: {name: order_placed, ever: true}}", False),
        ("{all: [{event: order_placed}, {customer: {plan: pro}}]}", False),
        ("{subscribed: offers}", False),
    ],
)
def test_a_goal_is_bounded_when_it_only_looks_at_its_pass(text: str, expected: bool) -> None:
    assert bounded(condition(text, in_pass=True)) is expected


def test_the_instant_of_a_plain_event_is_the_earliest_and_of_all_else_the_upper_bound() -> None:
    scene = Scene(NIGHT, {}, ORDERS, (PASS,), PASS.trigger, PASS)
    assert instant_of(condition("{event: order_placed}", in_pass=True), scene) == at("2026-03-03 10:00")
    assert instant_of(condition("{event: {name: order_placed, count: 2}}", in_pass=True), scene) == NIGHT
    assert isinstance(condition("{event: order_placed}"), Happened)


def test_a_verdict_about_a_property_that_holds_several_values_says_so() -> None:
    verdict = trace(condition("{trigger: {address: {exists: true}}}", in_pass=True),
                    Scene(NIGHT, {}, (), (), {"address": {"city": "Lagos"}}))  # fmt: skip
    assert list(verdict.lines()) == ["yes trigger.address exists (saw several values)"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("{customer: {plan: pro}}", ["yes customer.plan is pro (saw pro)"]),
        ("{customer: {age: {at_least: 18, below: 30}}}", ["yes customer.age is at least 18 and is below 30 (saw 18)"]),
        ("{customer: {missing: {in: [a, b]}}}", ["no  customer.missing is one of a, b (saw no value)"]),
        ("{customer: {missing: {exists: false}}}", ["yes customer.missing is absent (saw no value)"]),
        ("{customer: {born: {before: 18 years}}}", ["yes customer.born is 18 years ago or longer (saw 1990-03-01)"]),
        ("{trigger: {cart: 7}}", ["yes trigger.cart is 7 (saw 7)"]),
        (
            "{event: {name: order_placed, where: {total: {between: [20, 30]}}, ever: true}}",
            [
                "yes order_placed (total is between 20 and 30) "
                "(saw 2 events, first 2026-03-02T10:00:00Z, last 2026-03-03T10:00:00Z)"
            ],
        ),
        (
            "{event: {name: order_placed, since: 'send:hello', same: cart}}",
            ["no  order_placed (same cart as the trigger), since step send:hello (saw none)"],
        ),
        (
            "{event: {name: order_placed, since: 'send:later'}}",
            ["no  order_placed, since step send:later (saw step not left)"],
        ),
        (
            "{event: {name: order_placed, ever: true, count: {at_least: 2}, sum: {property: total, above: 99}}}",
            [
                "no  order_placed, count is at least 2, sum of total is above 99 "
                "(saw 4 events, sum 55, first 2026-01-01T10:00:00Z, last 2026-03-05T10:00:00Z)"
            ],
        ),
        (
            "{event: {name: order_placed, within: 6 days, last: {before: 5 days}}}",
            ["yes order_placed, within 6 days, last 5 days ago or longer (saw 1 event, last 2026-03-05T10:00:00Z)"],
        ),
        (
            "{message: {template: hello, state: opened}}",
            ["yes message_opened (template is hello, of this pass) (saw 1 event, last 2026-03-06T10:00:00Z)"],
        ),
        ("{journey: one}", ["yes is in journey one (saw such a pass at 2026-03-02T10:00:00Z)"]),
        (
            "{journey: {name: two, state: finished, within: 5 days}}",
            ["no  has finished journey two within 5 days (saw no such pass)"],
        ),
        ("{subscribed: offers}", ["yes subscribed to offers (saw no unsubscribe)"]),
        (
            "{all: [{customer: {plan: pro}}, {not: {any: [{event: page_viewed}, {customer: {plan: free}}]}}]}",
            [
                "yes all of these",
                "  yes customer.plan is pro (saw pro)",
                "  yes not",
                "    no  at least one of these",
                "      no  page_viewed, since entry (saw none)",
                "      no  customer.plan is free (saw pro)",
            ],
        ),
    ],
)  # fmt: skip
def test_a_verdict_tells_what_was_asked_and_what_was_seen(text: str, lines: list[str]) -> None:
    attributes = {"plan": "pro", "age": 18, "born": dt.date(1990, 3, 1)}
    scene = Scene(NIGHT, attributes, ORDERS, (PASS,), PASS.trigger, PASS)
    verdict = trace(condition(text, in_pass=True), scene)
    assert list(verdict.lines()) == lines
    assert verdict.holds is judge(condition(text, in_pass=True), scene)

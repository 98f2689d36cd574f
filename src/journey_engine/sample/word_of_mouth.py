"""What the customers of the sample shop say of it: lists asked for, scores given, cards handed on to friends."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from journey_engine.program import Program
from journey_engine.sample.draw import DAY, HOUR, LIVELY_DAYS, YEAR, Draw
from journey_engine.sample.people import Shopper
from journey_engine.sample.year import Event

CARDS = Program.model_validate({
    "program": "bring-a-friend", "currency": "EUR", "sides": {"advocate": 10}, "budget": 1
})  # fmt: skip
"""The program of the shop, as far as the codes on its cards go."""

SCORES = (10, 10, 10, 9, 9, 8, 8, 7, 5, 2)


def make_word_of_mouth(draw: Draw, shoppers: Sequence[Shopper], events: Sequence[Event], end: int) -> list[Event]:
    """Every such event up to `end`, in no order; `events` are what the customers did."""
    made = [*_lists(draw, shoppers, end), *_scores(draw, events)]
    return [event for event in made if event[0] <= end]


def _lists(draw: Draw, shoppers: Sequence[Shopper], end: int) -> Iterator[Event]:
    """Some of those without an account of this year ask for the listening list, a few of them just now."""
    for shopper in shoppers:
        if shopper.joined < end - YEAR and shopper.row["kind"] == "person" and draw.chance(40):
            days = LIVELY_DAYS if draw.chance(300) else 365
            yield draw.by_day(end - days * DAY, end), shopper.row["customer_id"], "catalogue_requested", "{}"


def _scores(draw: Draw, events: Sequence[Event]) -> Iterator[Event]:
    """A quarter of all orders are scored two to three weeks later."""
    for at, who, name, text in sorted(events):
        if name != "order_placed" or not draw.chance(250):
            continue
        scored = at + draw.between(14 * 24, 20 * 24) * HOUR
        score = draw.pick(SCORES)
        yield scored, who, "feedback_given", _json({"order_id": json.loads(text)["order_id"], "score": score})


def hand_on_cards(draw: Draw, events: Sequence[Event]) -> list[Event]:
    """The same events, where some newcomers sign up with the card of somebody who was glad before."""
    glad: list[str] = []
    told: list[Event] = []
    for at, who, name, text in sorted(events):
        properties = json.loads(text)
        if name == "feedback_given" and properties["score"] >= 9:
            glad.append(who)
        if name == "signed_up" and glad and draw.chance(60):
            text = _json({**properties, "friend_code": CARDS.code_of(draw.pick(glad))})
        told.append((at, who, name, text))
    return told


def _json(properties: dict[str, object]) -> str:
    return json.dumps(properties, separators=(",", ":"))

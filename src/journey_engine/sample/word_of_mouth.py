"""What the customers of the sample shop say of it: lists asked for, scores given, friends sent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from journey_engine.sample.draw import DAY, HOUR, LIVELY_DAYS, YEAR, Draw
from journey_engine.sample.people import Shopper
from journey_engine.sample.year import Event

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
    """A quarter of all orders are scored two to three weeks later; some of the glad send a friend, who may order."""
    for at, who, name, text in sorted(events):
        if name != "order_placed" or not draw.chance(250):
            continue
        scored = at + draw.between(14 * 24, 20 * 24) * HOUR
        score = draw.pick(SCORES)
        yield scored, who, "feedback_given", _json({"order_id": json.loads(text)["order_id"], "score": score})
        if score >= 9 and draw.chance(250):
            friend = f"f-{who}-{scored}"
            sent = scored + draw.between(12, 200) * HOUR
            yield sent, who, "referral_made", _json({"friend": friend})
            if draw.chance(400):
                bought = sent + draw.between(5, 300) * HOUR
                yield bought, who, "referral_ordered", _json({"friend": friend, "order_id": f"o-{friend}"})


def _json(properties: dict[str, object]) -> str:
    return json.dumps(properties, separators=(",", ":"))

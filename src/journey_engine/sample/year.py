"""What the customers of the sample shop did in its year: carts, orders, questions, answers and goodbyes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from journey_engine.sample.draw import DAY, HOUR, LIVELY_DAYS, MINUTE, YEAR, Draw, shop
from journey_engine.sample.people import Shopper

ASKED_FOR = ("jazz", "classical", "electronic", "folk", "crime", "travel", "cookery", "poetry")
"""The eight links of the welcome letter; a customer with another favourite taps the first that comes to mind."""

QUIET_DAYS = 60
"""After so many days without an order the shipped win-back journey calls a customer quiet."""

ORDERS_A_YEAR = (0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 5, 6, 8, 11)
UNSUBSCRIBED_TOPICS = ("offers", "offers", "baskets", "letters", "birthdays", None)

Event = tuple[int, str, str, str]
"""When (seconds since 1970), customer, name, properties as JSON."""


def make_year(draw: Draw, shoppers: Sequence[Shopper], end: int) -> list[Event]:
    """Every event up to `end`, in no order."""
    events: list[Event] = []
    for shopper in shoppers:
        start = max(shopper.joined, end - YEAR)
        trade = shopper.row["kind"] == "organization"
        if shopper.joined >= end - YEAR:
            _sign_up(draw, shopper, end, events)
        if shopper.row["kind"] != "household":
            carts = _carts(draw, shopper, start, end, events)
            if trade or draw.chance(40):
                carts.fill(draw.by_day(max(start, end - LIVELY_DAYS * DAY), end), often_left=True)
            carts.come_back()
        _look_around(draw, shopper, start, end, events)
        _ask_for_help(draw, shopper, start, end, events)
        if draw.chance(30):
            topic = draw.pick(UNSUBSCRIBED_TOPICS)
            _add(events, draw.by_day(start, end), shopper, "unsubscribed", {"topic": topic} if topic else {})
    return [event for event in events if event[0] <= end]


class _Carts:
    """One customer's carts: what was put in, and whether and when it was paid for."""

    def __init__(self, draw: Draw, shopper: Shopper, end: int, events: list[Event]) -> None:
        self.draw, self.shopper, self.end, self.events = draw, shopper, end, events
        self.made = 0
        self.last_order: int | None = None

    def fill(self, at: int, *, often_left: bool = False) -> None:
        """Put one to three products in a new cart, then buy at once, buy later, or leave it."""
        self.made += 1
        cart_id = f"{self.shopper.row['customer_id']}-{self.made}"
        cents = 0
        for _ in range(self.draw.pick((1, 1, 1, 2, 2, 3))):
            product = self.draw.pick(shop()["products"])
            quantity = 2 if self.draw.chance(60) else 1
            cents += quantity * product["cents"]
            _add(self.events, at, self.shopper, "cart_item_added", self._line(cart_id, product, quantity))
            at += self.draw.between(1, 9) * MINUTE
        fate = self.draw.randrange(100)
        at_once, later = (30, 60) if often_left else (78, 88)
        if fate < at_once:
            self._pay(cart_id, cents, at + self.draw.between(1, 30) * MINUTE)
        elif fate < later:
            self._pay(cart_id, cents, at + self.draw.between(2 * 60, 40 * 60) * MINUTE)

    def come_back(self) -> None:
        """A third of those who turned quiet in the last lively days buy again soon after."""
        if self.last_order is None:
            return
        quiet_since = self.last_order + QUIET_DAYS * DAY
        if self.end - LIVELY_DAYS * DAY < quiet_since <= self.end and self.draw.chance(333):
            self.made += 1
            product = self.draw.pick(shop()["products"])
            at = quiet_since + self.draw.between(3, 45) * HOUR
            cart_id = f"{self.shopper.row['customer_id']}-{self.made}"
            _add(self.events, at, self.shopper, "cart_item_added", self._line(cart_id, product, 1))
            self._pay(cart_id, product["cents"], at + 12 * MINUTE)

    def _line(self, cart_id: str, product: dict[str, Any], quantity: int) -> dict[str, Any]:
        return {
            "cart_id": cart_id,
            "name": product["name"],
            "price": product["cents"] / 100,
            "currency": self.shopper.currency,
            "url": f"{shop()['home']}/{product['slug']}",
            "quantity": quantity,
        }

    def _pay(self, cart_id: str, cents: int, at: int) -> None:
        order = {
            "cart_id": cart_id,
            "order_id": f"o-{cart_id}",
            "total": cents / 100,
            "currency": self.shopper.currency,
        }
        _add(self.events, at, self.shopper, "order_placed", order)
        if at <= self.end:
            self.last_order = max(self.last_order or 0, at)


def _carts(draw: Draw, shopper: Shopper, start: int, end: int, events: list[Event]) -> _Carts:
    carts = _Carts(draw, shopper, end, events)
    for _ in range(draw.pick(ORDERS_A_YEAR)):
        if draw.randrange(YEAR) < end - start:
            carts.fill(draw.by_day(start, end))
    return carts


def _sign_up(draw: Draw, shopper: Shopper, end: int, events: list[Event]) -> None:
    """Half of the newcomers say what they like: some at once, most when a letter has asked them."""
    signed_up = {"plan": shopper.row["plan"], "source": draw.pick(shop()["sources"])}
    _add(events, shopper.joined, shopper, "signed_up", signed_up)
    if draw.chance(500):
        wait = draw.between(5, 50) if draw.chance(200) else draw.between(12 * 60, 60 * 60)
        _add(
            events,
            shopper.joined + wait * MINUTE,
            shopper,
            "preference_given",
            {"interest": shopper.genre if shopper.genre in ASKED_FOR else ASKED_FOR[0]},
        )


def _look_around(draw: Draw, shopper: Shopper, start: int, end: int, events: list[Event]) -> None:
    for _ in range(draw.randrange(4)):
        page = draw.pick(shop()["pages"])
        viewed = {"url": shop()["home"] + page["path"], "title": page["title"]}
        _add(events, draw.by_day(start, end), shopper, "page_viewed", viewed)


def _ask_for_help(draw: Draw, shopper: Shopper, start: int, end: int, events: list[Event]) -> None:
    if not draw.chance(50):
        return
    at = draw.by_day(start, end)
    ticket = {"ticket_id": f"t-{shopper.row['customer_id']}", "subject": draw.pick(shop()["tickets"])}
    _add(events, at, shopper, "support_ticket_opened", ticket)
    if draw.chance(850):
        closed = at + draw.between(4, 80) * HOUR
        _add(events, closed, shopper, "support_ticket_closed", {"ticket_id": ticket["ticket_id"]})


def _add(events: list[Event], at: int, shopper: Shopper, name: str, properties: dict[str, Any]) -> None:
    text = json.dumps(properties, ensure_ascii=False, separators=(",", ":"))
    events.append((at, shopper.row["customer_id"], name, text))

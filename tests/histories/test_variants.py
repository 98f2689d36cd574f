"""`variant`: the value that chooses a folder of the template is decided with the message."""

from __future__ import annotations

from typing import Any

import pytest

from tests.histories.story import Evening, Reading, customer, event, nights, rules

NEWS = """
journey: news
topic: receipts
trigger: {event: signed_up}
reentry: never
steps: [{wait: 2 days}, {send: {template: news, variant: customer.plan}}]
"""


@pytest.mark.parametrize(
    ("plans", "variant"),
    [
        (["pro", "pro"], "pro"),
        (["free", "pro"], "pro"),  # as it is in the night that decides
        (["pro", None], None),
        ([5, 5], "5"),
        ([True, True], "true"),
    ],
)
def test_the_variant_is_the_value_when_the_letter_is_decided(
    reading: Reading, plans: list[Any], variant: str | None
) -> None:
    # The wait ends on 3 March 10:00, decided in the night of the 3rd, the third.
    rows, told = [event("signed_up", "2026-03-01 10:00")], rules(NEWS, values={"news": ["customer.first_name"]})
    lives = [
        Evening(night, told, [customer(first_name="Ada", plan=plans[night.run >= 3])], rows)
        for night in nights("2026-03-01", "2026-03-04")
    ]
    (decision,) = reading(lives)["c1"].decisions
    chosen = {} if variant is None else {"variant": variant}
    assert decision.payload["values"] == {"customer": {"first_name": "Ada"}} | chosen
    assert decision.payload["template"] == "news"

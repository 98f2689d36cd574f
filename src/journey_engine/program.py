"""`journeys/programs/*.yaml`: what a reward program gives, to whom, and how much at the most (rule 25)."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from journey_engine.graph import Reward
from journey_engine.language import NAME, Whole, Word
from journey_engine.predicates import Length, Number
from journey_engine.rules import Limit

SideName = Literal["customer", "advocate", "friend"]
MOST = 10**9


class Side(Word):
    """What one side gets: an amount of money, or a percentage off, worth so much at the most.

    ```yaml
    sides: {advocate: {amount: 10, cap: 5}, friend: {percent: 15, up_to: 20}}
    ```
    """

    main: ClassVar[str | None] = "amount"
    amount: Number | None = Field(None, description="Money, in the program's currency")
    percent: Number | None = Field(None, description="A percentage off")
    up_to: Number | None = Field(None, description="What a percentage is worth at the most; the budget counts this")
    cap: Whole | None = Field(None, ge=1, description="At most so many rewards for one customer")

    @model_validator(mode="after")
    def _one_form(self) -> Side:
        if (self.amount is None) == (self.percent is None):
            raise ValueError("say `amount: 10`, or `percent: 15` with `up_to: 20`")
        if (self.percent is None) != (self.up_to is None):
            raise ValueError("`percent` needs `up_to`, what it is worth at the most: without it no budget holds")
        if self.percent is not None and self.percent > 100:
            raise ValueError("a percentage is at most 100")
        for value in (self.amount, self.percent, self.up_to):
            if value is not None and not 0 < value < MOST:
                raise ValueError("a reward is more than 0, and less than a thousand million")
        return self


class Program(Word):
    """What is given, to whom, for how long it may be used, and how much in all.

    ```yaml
    program: win-back-voucher
    currency: EUR
    sides: {customer: {amount: 10, cap: 1}}
    budget: 5000
    return_window: 14 days
    hold: 14 days
    expires: 60 days
    ```
    """

    key: ClassVar[str] = "program"
    program: str = Field(pattern=NAME, max_length=80, description="Unique name, lower-case-with-dashes")
    about: str | None = Field(None, max_length=2000, description="What it is for, in your own words")
    currency: str = Field(pattern=r"^[A-Z]{3}$", description="Of every amount, such as EUR")
    sides: dict[SideName, Side] = Field(
        min_length=1, description="What each side gets: `customer`, or in a referral `advocate` and `friend`"
    )
    budget: Number = Field(description="All rewards that may be redeemed, or are, never come to more")
    hold: Length | None = Field(None, description="How long a reward is pending before it may be used")
    return_window: Length | None = Field(None, description="How long goods may be sent back; `hold` is not shorter")
    expires: Length | None = Field(None, description="How long it may be used once it is available")
    code: str = Field(
        "unique", pattern=r"^[A-Za-z0-9-]+$", max_length=40,
        description="`unique` gives every reward a code of its own; anything else is the code of all",
    )  # fmt: skip
    seed: str | None = Field(
        None, min_length=1, max_length=200, description="A text known to you alone, so that nobody can work out codes"
    )

    @field_validator("budget")
    @classmethod
    def _some(cls, value: Number) -> Number:
        if not 0 < value < MOST:
            raise ValueError("a budget is more than 0, and less than a thousand million")
        return value

    def limit(self) -> Limit:
        """How much it may give."""
        return Limit(self.budget, {name: side.cap for name, side in self.sides.items() if side.cap is not None})

    def reward(self, side: SideName) -> Reward:
        """The effect of a reward for one side, on these terms."""
        given = self.sides[side]
        return Reward(
            program=self.program,
            side=side,
            amount=given.amount or given.up_to or Decimal(0),
            percent=given.percent,
            currency=self.currency,
            hold=self.hold,
            expires=self.expires,
            code=None if self.code == "unique" else self.code,
            seed=self.seed or self.program,
        )

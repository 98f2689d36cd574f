"""`journeys/programs/*.yaml`: what a reward program gives, to whom, and how much at the most (rule 25)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from journey_engine.graph import Reward
from journey_engine.language import NAME, Name, Whole, Word
from journey_engine.predicates import Length, Number
from journey_engine.rules import Limit
from journey_engine.times import Duration

SideName = Literal["customer", "advocate", "friend"]
MOST = 10**9
POOL = "pool"
HEX, SIGNS = "0123456789abcdef", "CDFHJKMNPRTWXY47"
"""How an advocate's code is spelt: sixteen signs that nobody takes for another and that make no words."""
CODE_SIGNS = 12


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


class Referral(Word):
    """Who sends whom: the event that brings an advocate's code, and what the friend must do for it to count.

    ```yaml
    referral: {joins: signed_up, code: friend_code, qualifies: order_placed, returned: order_returned, same: order_id}
    ```
    """

    joins: Name = Field(description="The friend's event that brings the code, such as a sign-up")
    code: Name = Field("friend_code", description="The property of that event that holds the code")
    qualifies: Name = Field(description="What the friend must do: an event; who did it before was not sent")
    returned: Name | None = Field(None, description="The event that undoes it: the referral is voided")
    same: Name | None = Field(None, description="The property that both have in common, such as order_id")
    within: Length = Field(
        default=Duration(0, 90 * 86400), validate_default=True,
        description="How long after joining the friend may take; then the referral ends, with nothing for anybody",
    )  # fmt: skip
    friend_on: Literal["joined", "approved"] = Field(
        "approved", description="From when the friend may have their reward"
    )
    alike: list[Name] = Field(
        default_factory=lambda: ["account_id", "address", "device_id"],
        description="Attributes that make two customers look like one: somebody must approve the referral",
    )
    link: str | None = Field(
        None, description="Where an advocate's link leads, with {code} in it; without it public_url and ?friend={code}"
    )

    @field_validator("link")
    @classmethod
    def _has_code(cls, value: str | None) -> str | None:
        if value is not None and (not re.match(r"https?://\S+$", value) or value.count("{code}") != 1):
            raise ValueError(
                "a link is an address with {code} in it, such as https://shop.example.com/hello?friend={code}"
            )
        return value


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
        description="`unique`: each reward has its own, `pool`: one of those that you load; anything else: one for all",
    )  # fmt: skip
    seed: str | None = Field(
        None, min_length=1, max_length=200, description="A text known to you alone, so that nobody can work out codes"
    )

    referral: Referral | None = Field(
        None, description="Its rewards are for referrals: no `advocate` and no `friend` has one without"
    )

    @model_validator(mode="after")
    def _two_sides(self) -> Program:
        if self.referral is not None and not {"advocate", "friend"} & self.sides.keys():
            raise ValueError("a referral rewards an `advocate` or a `friend`; write `sides: {advocate: 10}`, or both")
        return self

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
            code=None if self.code in ("unique", POOL) else self.code,
            seed=self.seed or self.program,
        )

    # The codes of advocates, one for each customer; nothing is kept of them, so that none can be lost.

    @property
    def salt(self) -> str:
        """What is hashed before the length and the text of a customer_id, joined by a colon."""
        return "".join(f"{len(part)}:{part}" for part in ("referral", self.program, self.seed or self.program))

    def code_of(self, customer_id: str) -> str:
        """The code of an advocate: three times four signs."""
        text = f"{self.salt}{len(customer_id)}:{customer_id}"
        digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:CODE_SIGNS]
        signs = digest.translate(str.maketrans(HEX, SIGNS))
        return "-".join(signs[start : start + 4] for start in range(0, CODE_SIGNS, 4))

    def digest_of(self, code: str) -> str | None:
        """The beginning of the hash that a code spells, however it is typed; None for what is no code."""
        signs = re.sub(r"[\s-]", "", code).upper()
        if len(signs) != CODE_SIGNS or set(signs) - set(SIGNS):
            return None
        return signs.translate(str.maketrans(SIGNS, HEX))

    def link_of(self, customer_id: str, public_url: str) -> str:
        """The address that an advocate hands on."""
        given = self.referral.link if self.referral is not None else None
        return (given or f"{public_url.rstrip('/')}/?friend={{code}}").replace("{code}", self.code_of(customer_id))


def advocates(
    programs: Mapping[str, Program | None], public_url: str
) -> dict[str, Callable[[str], Mapping[str, str]]]:  # fmt: skip
    """The reader's code and link in each program with `referral`, for letters: under its name with `_` for `-`."""

    def refers(program: Program) -> Callable[[str], Mapping[str, str]]:
        return lambda customer: {"code": program.code_of(customer), "link": program.link_of(customer, public_url)}

    return {
        name.replace("-", "_"): refers(one)
        for name, one in programs.items()
        if one is not None and one.referral is not None
    }

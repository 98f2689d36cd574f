"""The codes of advocates: each customer's own, found however it is typed, and told by nobody who lacks the seed."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest

from journey_engine.program import Program, advocates

REFERRAL = {"joins": "signed_up", "qualifies": "order_placed"}


def program(**more: Any) -> Program:
    words = {"program": "bring-a-friend", "currency": "EUR", "sides": {"advocate": 10}, "budget": 1}
    return Program.model_validate({**words, "referral": REFERRAL, **more})


def test_code_is_worked_out_from_program_seed_and_customer_alone() -> None:
    text = "8:referral14:bring-a-friend14:bring-a-friend3:ada"
    signs = ["CDFHJKMNPRTWXY47"[int(digit, 16)] for digit in hashlib.md5(text.encode()).hexdigest()[:12]]
    assert program().code_of("ada") == "-".join("".join(signs[at : at + 4]) for at in (0, 4, 8))
    assert re.fullmatch(r"[CDFHJKMNPRTWXY47]{4}(-[CDFHJKMNPRTWXY47]{4}){2}", program().code_of("ada"))


def test_another_seed_program_or_customer_has_another_code() -> None:
    mine = program().code_of("ada")
    others = [program(seed="x").code_of("ada"), program(program="other").code_of("ada"), program().code_of("ad")]
    assert len({mine, *others}) == 4


@pytest.mark.parametrize(
    "typed", [str, str.lower, lambda code: f"  {code.replace('-', ' ')} ", lambda code: code.replace("-", "")]
)
def test_code_is_found_however_it_is_typed(typed: Any) -> None:
    code = program().code_of("ada")
    assert program().digest_of(typed(code)) == program().digest_of(code) is not None


@pytest.mark.parametrize(
    "text", ["", "ada", "CDFH-JKMN-PRT", "CDFH-JKMN-PRTWX", "AAAA-BBBB-EEEE", "' OR 1=1 --", "🎁" * 12]
)
def test_what_is_spelt_like_no_code_is_none(text: str) -> None:
    assert program().digest_of(text) is None


def test_link_is_that_of_the_program_or_leads_to_the_project() -> None:
    code = program().code_of("ada")
    assert program().link_of("ada", "https://shop.example/") == f"https://shop.example/?friend={code}"
    own = program(referral={**REFERRAL, "link": "https://x.example/{code}/hello"})
    assert own.link_of("ada", "https://shop.example") == f"https://x.example/{code}/hello"


def test_letters_have_the_code_and_link_of_each_program_with_referral() -> None:
    found = advocates(
        {"bring-a-friend": program(), "broken": None, "till": program(referral=None)}, "https://s.example"
    )
    assert list(found) == ["bring_a_friend"]
    assert found["bring_a_friend"]("ada")["code"] == program().code_of("ada")

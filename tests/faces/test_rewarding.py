"""Referrals through whole nights, and `journey rewards` as a person meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from journey_engine.program import Program

from .conftest import Journey

PROGRAM = """
program: bring-a-friend
currency: EUR
sides: {advocate: {amount: 10, cap: 5}, friend: 5}
budget: 100
return_window: 14 days
hold: 14 days
referral:
  joins: signed_up
  code: friend_code
  qualifies: order_placed
  returned: order_returned
  same: order_id
  link: "https://shop.example.com/hello?friend={code}"
"""
ASK = """
journey: ask
topic: letters
trigger: {event: {name: signed_up, first: true}}
steps: [{send: bring}]
"""
BOTH = """
journey: {side}
topic: letters
trigger: {{event: {{name: referral_approved, where: {{side: {side}, program: bring-a-friend}}}}}}
reentry: each_occurrence
steps: [{{reward: {{program: bring-a-friend, to: {side}}}}}]
"""
LETTER = '{% extends "layouts/base.txt" %}{% block content %}{{ referral.bring_a_friend.link }}{% endblock %}'
HEAD = "customer_id,email,first_name,timezone,address\n"
PEOPLE = "ada,ada@x.example,Ada,UTC,1 Street\nben,ben@y.example,Ben,UTC,2 Street\ncat,cat@z.example,Cat,UTC,1 street\n"
PEOPLE += "dan,dan@z.example,Dan,UTC,\n"


class Shop:
    """A shop with a referral program, its events and its nights."""

    def __init__(self, journey: Journey, folder: Path) -> None:
        self.journey, self.folder, self.rows = journey, folder, []
        for name in ("hello.yaml", "hello.test.yaml"):
            (folder / "journeys" / name).unlink()
        files = {
            "journeys/programs/bring-a-friend.yaml": PROGRAM, "journeys/ask.yaml": ASK,
            "journeys/advocate.yaml": BOTH.format(side="advocate"), "journeys/friend.yaml": BOTH.format(side="friend"),
            "templates/bring/subject.txt": "Bring a friend\n", "templates/bring/body.txt": LETTER,
            "data/customers.csv": HEAD + PEOPLE,
        }  # fmt: skip
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        self.code = Program.model_validate({
            "program": "bring-a-friend", "currency": "EUR", "sides": {"advocate": 10}, "budget": 1
        }).code_of("ada")  # fmt: skip

    def happens(self, who: str, name: str, at: str, **properties: str) -> None:
        text = json.dumps(properties).replace('"', '""')
        self.rows.append(f'{name}-{who}-{at},{who},{name},2026-03-{at}Z,"{text}"\n')

    def night(self, day: int, *more: str) -> None:
        rows = "event_id,customer_id,name,occurred_at,properties\n" + "".join(self.rows)
        (self.folder / "data/events.csv").write_text(rows, encoding="utf-8")
        done = self.journey("run", "--as-of", f"2026-03-{day:02}T02:00:00Z", "--project", self.folder, *more)
        assert (done.status, done.err) == (0, ""), done.out

    def here(self, people: str) -> None:
        (self.folder / "data/customers.csv").write_text(HEAD + people, encoding="utf-8")

    def stands(self) -> dict[str, str]:
        """How the referral of each friend stands."""
        return {one["friend"]: f"{one['state']} {one['reason'] or ''}".strip() for one in self.listed()["referrals"]}

    def __call__(self, *words: str, day: int = 5):  # type: ignore[no-untyped-def]
        return self.journey("rewards", *words, "--project", self.folder, "--as-of", f"2026-03-{day:02}T12:00:00Z")

    def listed(self, *words: str):  # type: ignore[no-untyped-def]
        return self(*words, "--json").json


@pytest.fixture
def shop(journey: Journey, shop: Path) -> Shop:
    return Shop(journey, shop)


def flagged_one_is_decided_by_a_person(shop: Shop, cats: str) -> None:
    shown = shop()
    assert "same_address" in shown.out and "1 wait for a word" in shown.out
    assert "needs to know id and reason" in shop("approve", cats).err
    assert shop("approve", cats, "--reason", "they share a house").out == f"{cats}: approved; the next run sees it\n"
    again = shop("void", cats, "--reason", "no, they do not")
    assert again.out == f"{cats}: the referral is voided, and what was given for it is taken back\n"
    assert "is voided (no, they do not)" in shop("void", cats, "--reason", "again").err


def voucher_is_used_once(shop: Shop, code: str) -> None:
    assert shop.journey("dispatch", "--as-of", "2026-03-18T12:00:00Z", "--project", shop.folder).status == 0
    assert shop("redeem", code.lower(), "--cause", "order o-9", day=18).out == f"{code.lower()}: redeemed\n"
    assert "nothing is changed" in shop("redeem", code, "--cause", "order o-9", day=18).out
    assert shop("redeem", code, "--cause", "order o-10", day=18).status == 2
    shown = shop("balance", "--program", "bring-a-friend", "--customer", "ada").out
    assert "redeemed" in shown and "10" in shown


def test_from_the_link_in_a_letter_to_the_voucher_and_back(shop: Shop) -> None:
    shop.happens("ada", "signed_up", "01T09:00:00")
    shop.happens("ben", "signed_up", "01T10:00:00", friend_code=f" {shop.code.lower()} ")
    shop.happens("ben", "order_placed", "01T11:00:00", order_id="o-1")
    shop.happens("cat", "signed_up", "01T10:00:00", friend_code=shop.code)
    shop.happens("cat", "order_placed", "01T11:00:00", order_id="o-2")
    shop.happens("dan", "signed_up", "01T10:00:00", friend_code="NOBODYS-CODE")
    shop.night(2)

    # The letter has ada's own link; the command tells the same.
    assert shop.journey("dispatch", "--as-of", "2026-03-02T12:00:00Z", "--project", shop.folder).status == 0
    letters = [path.read_text().replace("=\n", "") for path in (shop.folder / "var/outbox").glob("*.eml")]
    assert sum(f"https://shop.example.com/hello?friend=3D{shop.code}" in letter for letter in letters) == 1
    said = shop.listed("code", "--customer", "ada", "--program", "bring-a-friend")
    assert (said["code"], said["link"]) == (shop.code, f"https://shop.example.com/hello?friend={shop.code}")

    unknown = shop("code", "--customer", "addie", "--program", "bring-a-friend")
    assert unknown.status == 2 and "the last night knew no customer 'addie'" in unknown.err

    # ben counts; cat lives where ada lives, so a person decides.
    found = {one["friend"]: one for one in shop.listed()["referrals"]}
    assert {friend: (one["advocate"], one["state"], one["reason"]) for friend, one in found.items()} == {
        "ben": ("ada", "approved", None), "cat": ("ada", "flagged", "same_address")
    }  # fmt: skip
    assert found["ben"]["hold_until"] == "2026-03-15T11:00:00Z"
    flagged_one_is_decided_by_a_person(shop, found["cat"]["referral_id"][:12])

    # The night after, both sides' journeys give: for ben alone, once.
    shop.night(3)
    found = shop.listed()
    given = {(one["customer_id"], one["side"], one["state"], one["amount"]) for one in found["rewards"]}
    assert given == {("ada", "advocate", "pending", 10), ("ben", "friend", "pending", 5)}
    balance = shop.listed("balance", "--program", "bring-a-friend")
    assert (balance["pending"], balance["total"], balance["budget"]) == (15, 15, 100)
    code = next(one["code"] for one in found["rewards"] if one["customer_id"] == "ada" and one["state"] == "pending")
    held = shop("redeem", code, "--cause", "order o-9")
    assert held.status == 2
    assert "is pending, so it cannot be redeemed" in held.err

    # Held for fourteen days, then used once; and what ben gives back takes both back.
    voucher_is_used_once(shop, code)
    shop.happens("ben", "order_returned", "18T10:00:00", order_id="o-1")
    shop.night(19)
    assert {one["state"] for one in shop.listed()["referrals"]} == {"voided"}
    assert shop.listed("balance", "--program", "bring-a-friend")["total"] == 0


def test_refund_that_a_night_saw_before_its_order_counts(shop: Shop) -> None:
    shop.happens("ben", "signed_up", "01T10:00:00", friend_code=shop.code)
    shop.happens("ben", "order_returned", "02T01:00:00", order_id="o-1")
    shop.night(2)
    assert shop.stands() == {"ben": "pending"}
    shop.happens("ben", "order_placed", "01T11:00:00", order_id="o-1")  # its file came a day late
    shop.night(3)
    assert shop.stands() == {"ben": "voided returned"}
    shop.night(4)
    assert shop.listed()["rewards"] == []


def test_order_that_a_night_saw_before_the_sign_up_counts(shop: Shop) -> None:
    shop.happens("ben", "order_placed", "01T11:00:00", order_id="o-1")
    shop.night(2)
    shop.happens("ben", "signed_up", "01T10:00:00", friend_code=shop.code)
    shop.night(3)
    assert shop.stands() == {"ben": "approved"}


def test_code_waits_while_its_advocate_is_missing_from_the_data(shop: Shop) -> None:
    ada, others = PEOPLE.partition("ben")[0], "ben" + PEOPLE.partition("ben")[2]
    shop.night(1)
    shop.here(others)
    shop.happens("ben", "signed_up", "01T10:00:00", friend_code=shop.code)
    shop.happens("cat", "signed_up", "01T10:00:00", friend_code="CDFH-JKMN-PRTW")  # spelt like a code, and nobody's
    shop.night(2, "--accept-loss")
    shop.happens("ben", "order_placed", "02T11:00:00", order_id="o-1")
    shop.night(3)
    assert shop.stands() == {}
    shown = shop().out
    assert "2 codes wait: each counts from the first night" in shown
    assert shop.code in shown
    assert [one["friend"] for one in shop.listed("--state", "waiting")["waiting"]] == ["ben", "cat"]
    shop.here(ada + others)
    shop.night(4)
    assert shop.stands() == {"ben": "approved"}
    shop.night(5)
    assert {(one["customer_id"], one["state"]) for one in shop.listed()["rewards"]} == {
        ("ada", "pending"), ("ben", "pending")
    }  # fmt: skip
    assert [one["friend"] for one in shop.listed("--customer", "cat")["waiting"]] == ["cat"]


def test_who_was_sent_before_the_first_night_of_all_brings_nothing(shop: Shop) -> None:
    shop.happens("ben", "signed_up", "01T10:00:00", friend_code=shop.code)
    shop.happens("ben", "order_placed", "01T11:00:00", order_id="o-1")
    shop.happens("cat", "signed_up", "03T10:00:00", friend_code=shop.code)
    shop.night(6)  # what is more than three days old is history
    assert set(shop.stands()) == {"cat"}
    shop.happens("dan", "signed_up", "02T10:00:00", friend_code=shop.code)
    shop.night(7)
    assert set(shop.stands()) == {"cat"}


def test_list_tells_until_when_a_friend_may_order(shop: Shop) -> None:
    shop.happens("ben", "signed_up", "01T10:00:00", friend_code=shop.code)
    shop.night(2)
    shown = shop()
    assert "open until" in shown.out and "2026-05-30T10:00:00Z" in shown.out  # ninety days where nothing is said
    shop.happens("ben", "order_placed", "02T11:00:00", order_id="o-1")
    shop.night(3)
    assert "2026-05-30T10:00:00Z" not in shop().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--state", "flaged"), "there is no state 'flaged' (did you mean 'flagged'?)\n  remedy: known are: pending, "),
        (("--state", "late"), "there is no state 'late'\n"),
    ],
)
def test_state_that_nothing_has_is_told_with_those_that_there_are(
    shop: Shop, words: tuple[str, ...], said: str
) -> None:
    found = shop(*words)
    assert found.status == 2
    assert said in found.err


def test_customer_who_has_nothing_is_told_with_the_nearest_who_has(shop: Shop) -> None:
    shop.happens("ben", "signed_up", "01T10:00:00", friend_code=shop.code)
    shop.night(2)
    assert shop("--customer", "benn").out == (
        "no referral and no reward is so: nothing is known here of 'benn' (did you mean 'ben'?)\n"
    )
    balance = shop("balance", "--program", "bring-a-friend", "--customer", "benn").out
    assert balance.endswith("no reward was ever theirs: nothing is known here of 'benn' (did you mean 'ben'?)\n")
    assert shop("--customer", "ben", "--state", "flagged").out == "no referral and no reward is so\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("balance",), "`rewards balance` needs to know program"),
        (
            ("balance", "--program", "bring-a-fiend"),
            "there is no program 'bring-a-fiend' (did you mean 'bring-a-friend'?)",
        ),
        (("code", "--program", "bring-a-friend"), "`rewards code` needs to know program and customer"),
        (("redeem", "NONE", "--cause", "o-1"), "there is no reward 'NONE'"),
        (("approve", "12345678", "--reason", "x"), "there is no referral '12345678'"),
    ],
)
def test_what_cannot_be_is_said_with_a_remedy(shop: Shop, words: tuple[str, ...], said: str) -> None:
    found = shop(*words)
    assert found.status == 2
    assert said in found.err
    assert "remedy:" in found.err

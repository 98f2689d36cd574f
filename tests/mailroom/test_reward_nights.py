"""A reward through whole nights: decided, kept in the ledger, told in a letter, seen by the next night."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

from journey_engine.checks import open_project
from journey_engine.mailroom import Balance, Mailroom
from journey_engine.night import deliver, run
from journey_engine.scaffold import make_project
from tests.mailroom.house import letters

JOURNEY = """
journey: gift
topic: letters
trigger: {event: {name: signed_up, first: true}}
steps:
  - reward: {program: voucher, id: voucher}
  - send: gift
  - wait: 2 days
  - task:
      team: service
      title: "{{ step.voucher.code }} may be used"
      only_if: {reward: voucher}
"""
PROGRAM = """
program: voucher
currency: EUR
sides: {customer: 10}
budget: 30
hold: 1 day
"""
TEMPLATE = {
    "subject.txt": "Your voucher",
    "body.txt": '{% extends "layouts/base.txt" %}{% block content %}Code {{ step.voucher.code }}{% endblock %}',
}


def clock() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def night(shop: Path, day: int) -> None:
    loaded = open_project(shop)
    assert [problem for problem in loaded.problems if problem.severity == "error"] == []
    run(loaded, dt.datetime(2026, 3, day, 2, tzinfo=dt.UTC), clock=clock)


def opened(shop: Path) -> Mailroom:
    return Mailroom.open(f"sqlite:///{shop}/var/mailroom.sqlite", environment="development")


def test_reward_is_given_told_and_seen_again(tmp_path: Path) -> None:
    make_project(tmp_path)
    (tmp_path / "journeys/hello.yaml").unlink()
    (tmp_path / "journeys/hello.test.yaml").unlink()
    for name, text in {
        "journeys/gift.yaml": JOURNEY, "journeys/programs/voucher.yaml": PROGRAM,
        **{f"templates/gift/{name}": text for name, text in TEMPLATE.items()},
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    for day in (2, 3, 4, 5):
        night(tmp_path, day)
        deliver(open_project(tmp_path), dt.datetime(2026, 3, day, 15, tzinfo=dt.UTC), clock=clock)
        night(tmp_path, day)  # the same night again gives nothing
    with opened(tmp_path) as mailroom:
        # Four sign up on 1 March; the budget is enough for three.
        counts = {key[1:]: count for key, count in mailroom.reward_counts().items()}
        assert counts == {("available", ""): 3, ("refused", "budget"): 1}
        assert mailroom.balance("voucher", "EUR") == Balance(available=Decimal(30))
        assert [row.reason for row in mailroom.listing() if row.state.value == "skipped"] == ["no_reward"]
        codes = {event.properties["code"] for event in mailroom.feedback() if event.name == "reward_available"}
        tasks = mailroom.task_counts()
    told = {str(letter.get_body(("plain",)).get_content()) for letter in letters_of(tmp_path)}
    assert len(codes) == 3
    assert all(any(code in text for text in told) for code in codes)
    assert sum(tasks.values()) == 3  # who was refused has no voucher to be told of


def letters_of(shop: Path):  # type: ignore[no-untyped-def]
    return letters(shop / "var")

"""What an operator ends by hand: exactly the messages that were named, all of them or none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from journey_engine.channels import Outcome, OutcomeKind
from journey_engine.errors import JourneyError
from journey_engine.mailroom import Mailroom, State
from tests.mailroom.house import NOW, message, open_mailroom
from tests.mailroom.test_dispatch import Scripted, send

DAY = dt.timedelta(days=1)
UNSURE = Outcome(OutcomeKind.UNSURE, "no_answer", "lost")
CHOICES: dict[str, tuple[dict[str, Any], set[int]]] = {
    "all": ({}, {1, 2, 3, 4, 5, 6}),
    "journey": ({"journey": "quiet"}, {2, 6}),
    "topic": ({"topic": "news"}, {3}),
    "template": ({"template": "basket"}, {4}),
    "channel": ({"channel": "smtp"}, {5}),
    "run": ({"run": 2}, {6}),
    "reason": ({"reason": "no_answer"}, {1, 2, 3, 4, 5, 6}),
    "another reason": ({"reason": "dispatcher_died"}, set()),
    "older": ({"before": NOW}, {1, 2, 3, 4, 5}),
    "older than all": ({"before": NOW - DAY}, set()),
    "two at once": ({"journey": "quiet", "run": 1}, {2}),
    "one": ({"ids": [message(3).decision_id]}, {3}),
    "none": ({"ids": []}, set()),
}


@pytest.fixture
def mailroom(tmp_path: Path) -> Iterator[Mailroom]:
    """Six unsure messages, the last of them a day later."""
    with open_mailroom(tmp_path) as room:
        channels = {"file": Scripted(*[UNSURE] * 9), "smtp": Scripted(UNSURE)}
        basket = message(4, template="basket", values={"lines": [1]})
        quiet, news, smtp = message(2, journey="quiet"), message(3, topic="news"), message(5, channel="smtp")
        room.load_run(1, "run-1", NOW, [message(1), quiet, news, basket, smtp])
        send(tmp_path, room, channels=channels)
        room.load_run(2, "run-2", NOW, [message(6, run=2, journey="quiet")])
        send(tmp_path, room, NOW + DAY, channels=channels)
        assert room.counts() == {"unsure": 6}
        yield room


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("action", ["retry", "cancel", "accept"])
def test_exactly_what_is_named_is_ended(mailroom: Mailroom, choice: str, action: str) -> None:
    chosen, wanted = CHOICES[choice]
    named = {message(number).decision_id for number in wanted}
    assert {one.message_id for one in mailroom.listing(State.UNSURE, **chosen)} == named
    assert sum(one.count for one in mailroom.groups(State.UNSURE, **chosen)) == len(wanted)
    at = NOW + 2 * DAY
    if action == "accept":
        assert mailroom.accept(at, len(wanted), **chosen) == len(wanted)
        assert len(list(mailroom.feedback())) == len(wanted)
    else:
        assert getattr(mailroom, action)(State.UNSURE, at, len(wanted), **chosen) == len(wanted)
    ended = {"retry": "pending", "cancel": "cancelled", "accept": "accepted"}[action]
    assert {one.message_id for one in mailroom.listing() if one.state.value == ended} == named
    assert mailroom.counts().get("unsure", 0) == 6 - len(wanted)


ACTIONS: dict[str, Callable[[Mailroom], int]] = {
    "retry": lambda room: room.retry(State.UNSURE, NOW, 3, journey="quiet"),
    "cancel": lambda room: room.cancel(State.UNSURE, NOW, 3, journey="quiet"),
    "accept": lambda room: room.accept(NOW, 3, journey="quiet"),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_another_number_than_was_confirmed_changes_nothing(mailroom: Mailroom, action: str) -> None:
    before = mailroom.listing()
    with pytest.raises(JourneyError, match=r"2 messages match now, and 3 were confirmed: nothing was changed"):
        ACTIONS[action](mailroom)
    assert mailroom.listing() == before
    assert list(mailroom.feedback()) == []

"""What became of a message is written, with its events, by whoever has it in hand, and by nobody else."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from journey_engine.mailroom import Mailroom, State
from journey_engine.mailroom import claim as claims
from journey_engine.mailroom.claim import Settled, Share
from journey_engine.mailroom.eligible import Verdict
from journey_engine.mailroom.tables import messages
from tests.mailroom.house import NOW, message, state_of

MAIL = [message(number) for number in range(3)]
GONE = Verdict(State.ACCEPTED)
BOUNCED = Verdict(State.REFUSED, "no_such_address", "no such address", bounced=True)


def in_hand(room: Mailroom, verdict: Verdict = GONE) -> list[Settled]:
    room.load_run(1, "r1", NOW, MAIL)
    claimed = claims.claim(room.store, NOW, "first", Share(["file"], 10))
    return [(row, verdict) for row in claimed.rows]


def names(room: Mailroom) -> list[str]:
    return [one.name for one in room.feedback()]


@pytest.mark.parametrize("verdict", [GONE, BOUNCED], ids=["accepted", "bounced"])
def test_who_was_believed_dead_tells_nothing_of_what_another_took_over(mailroom: Mailroom, verdict: Verdict) -> None:
    settled = in_hand(mailroom, verdict)
    taken = claims.take_over(mailroom.store, "second", ["first"], NOW)
    claims.settle(mailroom.store, NOW, "first", settled)
    assert (names(mailroom), mailroom.suppressed("c1")) == ([], [])
    assert mailroom.counts() == {"claimed": 3}
    claims.settle(mailroom.store, NOW, "second", [(row, Verdict(State.UNSURE, "dispatcher_died")) for row in taken])
    claims.settle(mailroom.store, NOW, "first", settled)
    assert (names(mailroom), mailroom.counts()) == ([], {"unsure": 3})


def test_what_it_still_has_in_hand_is_settled_with_its_events(mailroom: Mailroom) -> None:
    settled = in_hand(mailroom)
    claims.settle(mailroom.store, NOW, "first", settled)
    claims.settle(mailroom.store, NOW, "first", settled)
    assert names(mailroom) == ["message_sent"] * 3


def test_a_provider_s_word_of_what_a_person_has_ended_meanwhile_tells_nothing(mailroom: Mailroom) -> None:
    claims.settle(mailroom.store, NOW, "first", in_hand(mailroom, Verdict(State.UNSURE, "no_answer")))
    with mailroom.store.read() as db:
        rows = db.execute(select(messages)).all()
    mailroom.cancel(State.UNSURE, NOW, ids=[MAIL[0].decision_id])
    with mailroom.store.write() as db:
        claims.report(mailroom.store, db, State.UNSURE, NOW, [(row, GONE) for row in rows])
    assert names(mailroom) == ["message_sent"] * 2
    assert state_of(mailroom, MAIL[0]) == ("cancelled", "by_hand")

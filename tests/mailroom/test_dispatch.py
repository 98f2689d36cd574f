import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from journey_engine.channels import Outcome, OutcomeKind, Outgoing, Presence
from journey_engine.errors import JourneyError
from journey_engine.mailroom import DispatchReport, Mailroom, State, dispatch
from journey_engine.message import Channel
from journey_engine.records import DecisionKind
from tests.mailroom.house import (
    NOW,
    clock,
    file_channel,
    letters,
    message,
    open_mailroom,
    other,
    renderer,
    state_of,
)

HOUR = dt.timedelta(hours=1)


def send(
    root: Path,
    mailroom: Mailroom,
    at: dt.datetime = NOW,
    channels: Mapping[str, Channel] | None = None,
    batch: int = 100,
) -> DispatchReport:
    found = channels if channels is not None else {"file": file_channel(root)}
    return dispatch(mailroom, at, found, renderer(root), clock=clock, batch=batch)


class Scripted:
    """A channel that answers as it is told, message by message."""

    name = "scripted"
    hold = dt.timedelta(minutes=30)

    def __init__(self, *answers: Outcome | Exception | None) -> None:
        self.answers = list(answers)
        self.seen: list[str] = []
        self.records: dict[str, Presence] = {}
        self.opened = self.closed = 0

    def open(self) -> None:
        self.opened += 1

    def close(self) -> None:
        self.closed += 1

    def send(self, messages: Sequence[Outgoing]) -> Iterator[tuple[str, Outcome]]:
        for one in messages:
            self.seen.append(one.message_id)
            answer = self.answers.pop(0) if self.answers else Outcome.accepted()
            if isinstance(answer, Exception):
                raise answer
            if answer is not None:
                yield one.message_id, answer

    def lookup(self, message_ids: Collection[str]) -> Mapping[str, Presence]:
        return {one: self.records.get(one, Presence.UNKNOWN) for one in message_ids}


def test_a_due_message_becomes_a_letter_and_an_event_and_is_never_sent_again(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(1)])
        assert send(tmp_path, mailroom).accepted == 1
        assert send(tmp_path, mailroom, NOW + HOUR) == DispatchReport()
        (letter,) = letters(tmp_path)
        assert letter["Subject"] == "Hello Name 1"
        (event,) = mailroom.feedback()
    assert event.event_id == f"{message(1).decision_id}:sent"
    assert (event.name, event.customer_id, event.occurred_at) == ("message_sent", "c1", NOW)
    assert event.properties == {
        "message_id": message(1).decision_id,
        "template": "hello",
        "journey": "welcome",
        "enrollment_id": message(1).enrollment_id,
        "step": "send:hello",
        "topic": "offers",
        "channel": "file",
    }


def test_nothing_leaves_before_it_is_due(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(1, due_at=NOW + HOUR)])
        assert send(tmp_path, mailroom, NOW + HOUR - dt.timedelta(microseconds=1)) == DispatchReport()
        assert send(tmp_path, mailroom, NOW + HOUR).accepted == 1


def test_many_batches_hand_over_each_message_once(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(number) for number in range(23)])
        channel = Scripted()
        steps: list[int] = []
        report = dispatch(
            mailroom,
            NOW,
            {"file": channel},
            renderer(tmp_path),
            clock=clock,
            batch=5,
            on_batch=lambda so_far: steps.append(so_far.accepted),
        )
    assert (report.accepted, steps) == (23, [5, 10, 15, 20, 23])
    assert len(set(channel.seen)) == len(channel.seen) == 23
    assert (channel.opened, channel.closed) == (1, 1)


def test_a_message_too_late_is_skipped_with_its_reason(tmp_path: Path) -> None:
    early = message(1, reached_at=NOW - dt.timedelta(days=4))
    late = message(2, reached_at=NOW - dt.timedelta(days=4, seconds=1))
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [early, late])
        assert send(tmp_path, mailroom).reasons == {("skipped", "too_late"): 1}
        assert state_of(mailroom, early) == ("accepted", None)
        assert state_of(mailroom, late) == ("skipped", "too_late")


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (None, "no_address"),
        ("  ", "no_address"),
        ("nobody", "invalid_address"),
        ("a@b.c, d@e.f", "invalid_address"),
        ("a@b.c\r\nBcc: d@e.f", "invalid_address"),
        ("Some One <a@b.c>", "invalid_address"),
        ("a@localhost", "invalid_address"),
        (".a@b.c", "invalid_address"),
    ],
)
def test_an_address_that_is_none_is_skipped(tmp_path: Path, address: str | None, reason: str) -> None:
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(1, to=address), message(2)])
        report = send(tmp_path, mailroom)
        assert report.reasons == {("skipped", reason): 1}
        assert report.accepted == 1


@pytest.mark.parametrize(
    ("topic", "reason", "topic_class", "stopped"),
    [
        (None, "unsubscribed", "marketing", True),
        ("offers", "unsubscribed", "marketing", True),
        ("tips", "unsubscribed", "marketing", False),
        (None, "unsubscribed", "transactional", False),
        ("offers", "unsubscribed", "transactional", True),
        (None, "bounced", "transactional", True),
        (None, "complained", "marketing", True),
        (None, "complained", "transactional", True),
        (None, "bounced", "staff", False),
    ],
)
def test_consent_is_read_again_when_a_message_leaves(
    tmp_path: Path, topic: str | None, reason: str, topic_class: str, stopped: bool
) -> None:
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(1, topic_class=topic_class, due_at=NOW + HOUR)])
        mailroom.load_run(2, "run-2", NOW, [other(DecisionKind.SUPPRESS, 1, topic=topic, reason=reason)])
        send(tmp_path, mailroom, NOW + HOUR)
        assert state_of(mailroom, message(1)) == (("skipped", reason) if stopped else ("accepted", None))


def test_outside_the_customers_hours_a_message_waits_for_the_next_morning(tmp_path: Path) -> None:
    lagos = message(1, timezone="Africa/Lagos", send_hours=["09:00", "20:00"])
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [lagos])
        at = NOW.replace(hour=19)  # 20:00 in Lagos: until is excluded
        report = send(tmp_path, mailroom, at)
        assert (report.waiting, report.reasons) == (1, {("pending", "send_hours"): 1})
        assert send(tmp_path, mailroom, at + 12 * HOUR) == DispatchReport()
        assert send(tmp_path, mailroom, at + 13 * HOUR).accepted == 1


def test_a_missing_value_refuses_that_message_with_its_path_and_no_other(tmp_path: Path) -> None:
    nameless = message(1, values={"customer": {"first_name": None}})
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [nameless, message(2)])
        report = send(tmp_path, mailroom)
        assert (report.accepted, report.refused) == (1, 1)
        (row,) = mailroom.listing(State.REFUSED)
    assert row.reason == "missing_value"
    assert str(row.detail).endswith("subject.txt:1: no value for customer.first_name")


def test_a_poisoned_template_stops_its_own_messages_and_shows_up_once(tmp_path: Path) -> None:
    poisoned = [message(number, template="broken") for number in range(50)]
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [*poisoned, message(99)])
        report = send(tmp_path, mailroom)
        assert (report.accepted, report.refused) == (1, 50)
        assert len(report.troubles) == 1
        (group,) = mailroom.groups(State.REFUSED)
        assert (group.template, group.reason, group.count) == ("broken", "template_error", 50)
        assert "body.txt:1:" in str(group.detail)

        (tmp_path / "templates/broken/body.txt").write_text("mended", encoding="utf-8")
        house = renderer(tmp_path)
        (tmp_path / "templates/broken/body.txt").write_text("mended", encoding="utf-8")
        assert mailroom.retry(State.REFUSED, NOW, template="broken") == 50
        assert dispatch(mailroom, NOW, {"file": file_channel(tmp_path)}, house, clock=clock).accepted == 50


def test_a_template_may_stop_its_own_message_on_purpose(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(1, template="basket", values={"lines": []})])
        assert send(tmp_path, mailroom).reasons == {("skipped", "aborted"): 1}
        assert mailroom.listing(State.SKIPPED)[0].detail == "empty basket"


def test_each_message_keeps_its_own_outcome(tmp_path: Path) -> None:
    refused = Outcome(OutcomeKind.REFUSED, "refused_by_server", "554 no")
    later = Outcome(OutcomeKind.LATER, "try_later", "450 busy", retry_after=HOUR)
    unsure = Outcome(OutcomeKind.UNSURE, "no_answer", "lost")
    channel = Scripted(refused, later, unsure, None)
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(number) for number in range(5)])
        report = send(tmp_path, mailroom, channels={"file": channel})
        assert (report.refused, report.waiting, report.unsure, report.accepted) == (1, 1, 2, 1)
        assert len(list(mailroom.feedback())) == 1
        before = list(channel.seen)
        assert send(tmp_path, mailroom, NOW + HOUR - dt.timedelta(seconds=1), {"file": channel}).accepted == 0
        assert send(tmp_path, mailroom, NOW + HOUR, {"file": channel}).accepted == 1
        assert channel.seen == [*before, before[1]]


def test_temporary_refusals_are_tried_less_and_less_often_and_end_as_too_late(tmp_path: Path) -> None:
    later = Outcome(OutcomeKind.LATER, "try_later", "450 busy")
    channel = Scripted(*[later] * 1000)
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(1)])
        tries, at = [], NOW
        while mailroom.counts() == {"pending": 1}:
            send(tmp_path, mailroom, at, {"file": channel})
            (row,) = mailroom.listing()
            tries.append((row.try_at - at).total_seconds() / 60)
            at = row.try_at
        assert tries[:7] == [5, 10, 20, 40, 80, 160, 240]
        assert len(tries) < 40
        assert state_of(mailroom, message(1)) == ("skipped", "too_late")


def test_a_channel_that_is_down_leaves_its_messages_and_says_why_on_each(tmp_path: Path) -> None:
    down = Outcome(OutcomeKind.LATER, "unavailable", "mail.example:25: refused", down=True)
    channel = Scripted(down, down, down, down, down)
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(number) for number in range(500)])
        report = send(tmp_path, mailroom, channels={"file": channel}, batch=5)
        assert len(channel.seen) == 5
        assert report.reasons == {("pending", "unavailable"): 500}
        assert {row.detail for row in mailroom.listing()} == {"mail.example:25: refused"}
        assert send(tmp_path, mailroom, NOW + HOUR, {"file": channel}).accepted == 500


def test_one_channel_down_does_not_stop_another(tmp_path: Path) -> None:
    class Unset(Scripted):
        def open(self) -> None:
            raise JourneyError("no password", code="channel_settings")

    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(1, channel="smtp"), message(2), message(3, channel="pigeon")])
        report = send(tmp_path, mailroom, channels={"smtp": Unset(), "file": file_channel(tmp_path)})
        assert (report.accepted, report.waiting) == (1, 2)
        assert state_of(mailroom, message(1)) == ("pending", "channel_settings")
        assert state_of(mailroom, message(3)) == ("pending", "no_channel")
        assert any("pigeon" in line for line in report.troubles)


def test_a_fault_in_a_channel_keeps_what_it_had_answered(tmp_path: Path) -> None:
    channel = Scripted(Outcome.accepted(), ZeroDivisionError("oops"))
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(number) for number in range(3)])
        report = send(tmp_path, mailroom, channels={"file": channel})
        assert (report.accepted, report.unsure) == (1, 2)
        assert "ZeroDivisionError: oops" in str(mailroom.listing(State.UNSURE)[0].detail)


def test_each_message_keeps_the_providers_own_words_for_it(tmp_path: Path) -> None:
    full, busy = (Outcome(OutcomeKind.REFUSED, "refused_by_server", words) for words in ("mailbox full", "busy"))
    answers = [Outcome.accepted("queued as A"), full, Outcome.accepted("queued as B"), busy, Outcome.accepted()]
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(number) for number in range(5)])
        channel = Scripted(*answers)
        send(tmp_path, mailroom, channels={"file": channel})
        told = {
            one.message_id: (one.state, one.detail)
            for one in [*mailroom.listing(State.ACCEPTED), *mailroom.listing(State.REFUSED)]
        }
    states = [State.ACCEPTED, State.REFUSED, State.ACCEPTED, State.REFUSED, State.ACCEPTED]
    assert [told[one] for one in channel.seen] == [
        (state, answer.detail) for state, answer in zip(states, answers, strict=True)
    ]


def test_an_interrupted_dispatch_writes_what_it_knows_and_the_next_one_looks_into_the_rest(
    tmp_path: Path,
) -> None:
    class Interrupted(Scripted):
        def send(self, messages: Sequence[Outgoing]) -> Iterator[tuple[str, Outcome]]:
            yield messages[0].message_id, Outcome.accepted()
            raise KeyboardInterrupt

    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(number) for number in range(3)])
        with pytest.raises(KeyboardInterrupt):
            send(tmp_path, mailroom, channels={"file": Interrupted()})
        assert mailroom.counts() == {"accepted": 1, "claimed": 2}
        assert send(tmp_path, mailroom, NOW, {"file": Scripted()}).unsure == 2


def test_unsure_is_held_then_settled_by_the_channels_records(tmp_path: Path) -> None:
    channel = Scripted(*[Outcome(OutcomeKind.UNSURE, "no_answer", "lost")] * 3)
    there, gone, unknown = message(1), message(2), message(3)
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [there, gone, unknown])
        send(tmp_path, mailroom, channels={"file": channel})
        channel.records = {there.decision_id: Presence.ACCEPTED, gone.decision_id: Presence.ABSENT}
        soon = NOW + channel.hold - dt.timedelta(seconds=1)
        assert send(tmp_path, mailroom, soon, {"file": channel}) == DispatchReport()
        report = send(tmp_path, mailroom, NOW + channel.hold, {"file": channel})
        assert (report.accepted, report.taken_back) == (2, 1)
        assert channel.seen.count(there.decision_id) == 1
        assert channel.seen.count(gone.decision_id) == 2
        assert state_of(mailroom, unknown) == ("unsure", "no_answer")
        assert len(list(mailroom.feedback())) == 2


def test_what_a_dead_dispatcher_had_is_not_sent_again_before_the_records_can_know_of_it(tmp_path: Path) -> None:
    class Dying(Scripted):
        def send(self, messages: Sequence[Outgoing]) -> Iterator[tuple[str, Outcome]]:
            raise KeyboardInterrupt
            yield

    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(1), message(2)])
        with pytest.raises(KeyboardInterrupt):
            send(tmp_path, mailroom, channels={"file": Dying()})
        channel = Scripted()
        late, never = message(1).decision_id, message(2).decision_id
        channel.records = {late: Presence.ABSENT, never: Presence.ABSENT}
        assert send(tmp_path, mailroom, NOW, {"file": channel}).unsure == 2
        channel.records[late] = Presence.ACCEPTED  # the provider's word comes in
        report = send(tmp_path, mailroom, NOW + channel.hold, {"file": channel})
        assert (report.accepted, report.taken_back) == (2, 1)
        assert channel.seen == [never]


def test_what_was_found_out_of_an_earlier_try_is_not_taken_for_the_one_that_came_meanwhile(tmp_path: Path) -> None:
    """While one dispatcher asks, another has found the same, sent it again and does not know again."""
    unsure = Outcome(OutcomeKind.UNSURE, "no_answer", "lost")

    class Slow(Scripted):
        def lookup(self, message_ids: Collection[str]) -> Mapping[str, Presence]:
            found = super().lookup(message_ids)
            other = Scripted(unsure)
            other.records = dict.fromkeys(message_ids, Presence.ABSENT)
            assert send(tmp_path, mailroom, NOW + HOUR, {"file": other}).unsure == 1
            return found

    one = message(1)
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [one])
        send(tmp_path, mailroom, NOW, {"file": Scripted(unsure)})
        channel = Slow()
        channel.records = {one.decision_id: Presence.ABSENT}
        send(tmp_path, mailroom, NOW + HOUR, {"file": channel})
        assert channel.seen == []
        assert state_of(mailroom, one) == ("unsure", "no_answer")


def test_what_a_person_ended_while_the_records_were_asked_is_told_by_no_event(tmp_path: Path) -> None:
    class Slow(Scripted):
        def lookup(self, message_ids: Collection[str]) -> Mapping[str, Presence]:
            assert mailroom.cancel(State.UNSURE, NOW, ids=list(message_ids)) == 1
            return super().lookup(message_ids)

    one = message(1)
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [one])
        send(tmp_path, mailroom, NOW, {"file": Scripted(Outcome(OutcomeKind.UNSURE, "no_answer", "lost"))})
        channel = Slow()
        channel.records = {one.decision_id: Presence.ACCEPTED}
        send(tmp_path, mailroom, NOW + HOUR, {"file": channel})
        assert mailroom.counts() == {"cancelled": 1}
        assert list(mailroom.feedback()) == []


def test_an_operator_ends_what_stays_unsure(tmp_path: Path) -> None:
    channel = Scripted(*[Outcome(OutcomeKind.UNSURE, "no_answer", "lost")] * 3)
    one, two, three = message(1), message(2), message(3)
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [one, two, three])
        send(tmp_path, mailroom, channels={"file": channel})
        assert mailroom.accept(NOW, ids=[one.decision_id]) == 1
        assert mailroom.retry(State.UNSURE, NOW, ids=[two.decision_id]) == 1
        assert mailroom.cancel(State.UNSURE, NOW, ids=[three.decision_id]) == 1
        assert mailroom.counts() == {"accepted": 1, "cancelled": 1, "pending": 1}
        assert [event.event_id for event in mailroom.feedback()] == [f"{one.decision_id}:sent"]
        with pytest.raises(JourneyError, match="accepted cannot be retried"):
            mailroom.retry(State.ACCEPTED, NOW)


def test_an_address_that_does_not_exist_bounces_and_gets_nothing_more(tmp_path: Path) -> None:
    gone = Outcome(OutcomeKind.REFUSED, "no_such_address", "550 5.1.1 unknown", bounced=True)
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(1)])
        send(tmp_path, mailroom, channels={"file": Scripted(gone)})
        again = message(7, run=2, customer_id="c1")
        mailroom.load_run(2, "run-2", NOW, [again])
        send(tmp_path, mailroom)
        assert state_of(mailroom, again) == ("skipped", "bounced")
        (event,) = mailroom.feedback()
        assert (event.name, event.properties["permanent"]) == ("message_bounced", True)


def test_a_task_is_given_to_its_team_with_its_title_and_done_when_somebody_says_so(tmp_path: Path) -> None:
    call = other(
        DecisionKind.TASK,
        1,
        team="service",
        title="Call {{ customer.first_name }}",
        due_at="2026-03-06T10:00:00Z",
        values={"customer": {"first_name": "Ada"}},
    )
    nameless = other(DecisionKind.TASK, 2, team="service", title="Call {{ customer.first_name }}", due_at=None)
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [call, nameless])
        report = send(tmp_path, mailroom)
        assert (report.tasks, len(report.troubles)) == (1, 1)
        assert "customer.first_name" in report.troubles[0]
        mailroom.finish_task(call.decision_id, NOW + HOUR)
        mailroom.finish_task(call.decision_id, NOW + 2 * HOUR)
        assert [(event.name, event.occurred_at) for event in mailroom.feedback()] == [
            ("task_done", NOW + HOUR),
            ("task_given", NOW),
        ]
        assert mailroom.task_counts() == {("service", "done"): 1, ("service", "refused"): 1}
        with mailroom.store.read() as db:
            titles = set(db.exec_driver_sql("SELECT title FROM tasks").scalars())
        assert titles == {"Call Ada", "Call {{ customer.first_name }}"}
        with pytest.raises(JourneyError, match="there is no task 'nothing'"):
            mailroom.finish_task("nothing", NOW)


class Slow(Scripted):
    """A channel that takes its time over each batch."""

    def __init__(self, takes: dt.timedelta, begins: dt.datetime) -> None:
        super().__init__()
        self.takes, self.time = takes, begins

    def send(self, messages: Sequence[Outgoing]) -> Iterator[tuple[str, Outcome]]:
        """Time goes by."""
        yield from super().send(messages)
        self.time += self.takes

    def now(self) -> dt.datetime:
        """What time it is."""
        return self.time


def slowly(root: Path, mailroom: Mailroom, channel: Slow, as_of: dt.datetime) -> DispatchReport:
    return dispatch(mailroom, as_of, {"file": channel}, renderer(root), clock=channel.now, batch=2)


def test_hours_are_those_of_the_moment_a_message_leaves_however_long_the_dispatch_takes(tmp_path: Path) -> None:
    evening = NOW.replace(hour=19, minute=30)
    with open_mailroom(tmp_path) as mailroom:
        mail = [message(number, send_hours=("09:00", "20:00"), due_at=NOW) for number in range(10)]
        mailroom.load_run(1, "run-1", NOW, mail)
        channel = Slow(dt.timedelta(minutes=12), evening)
        report = slowly(tmp_path, mailroom, channel, evening)
        assert (report.accepted, report.waiting) == (6, 4)
        assert report.reasons == {("pending", "send_hours"): 4}
        channel.time = evening.replace(hour=9, minute=0) + dt.timedelta(days=1)
        assert slowly(tmp_path, mailroom, channel, channel.time).accepted == 4


def test_lateness_is_that_of_the_moment_a_message_leaves(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(number, max_lateness_s=3600) for number in range(6)])
        report = slowly(tmp_path, mailroom, Slow(dt.timedelta(minutes=31), NOW), NOW)
    assert report.reasons == {("skipped", "too_late"): 2}
    assert report.accepted == 4


def test_a_night_that_took_hours_is_dispatched_by_the_clock(tmp_path: Path) -> None:
    night, morning = NOW.replace(hour=2), NOW.replace(hour=9, minute=30)
    with open_mailroom(tmp_path) as mailroom:
        mail = message(1, send_hours=("09:00", "20:00"), due_at=night, reached_at=night)
        mailroom.load_run(1, "run-1", night, [mail])
        channel = Slow(dt.timedelta(0), morning)
        assert slowly(tmp_path, mailroom, channel, night).accepted == 1


def test_an_instant_far_from_the_clock_is_played_through_as_if_it_were_then(tmp_path: Path) -> None:
    night = NOW.replace(hour=2)
    with open_mailroom(tmp_path) as mailroom:
        mail = message(1, send_hours=("09:00", "20:00"), due_at=night, reached_at=night)
        mailroom.load_run(1, "run-1", night, [mail])
        channel = Slow(dt.timedelta(0), NOW + dt.timedelta(days=3))
        assert slowly(tmp_path, mailroom, channel, night).reasons == {("pending", "send_hours"): 1}


def test_a_retry_is_counted_from_the_moment_of_the_answer(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(number) for number in range(4)])
        later = Outcome(OutcomeKind.LATER, "try_later", "not now", dt.timedelta(minutes=30))
        channel = Slow(dt.timedelta(minutes=25), NOW)
        channel.answers = [later] * 4
        assert slowly(tmp_path, mailroom, channel, NOW).waiting == 4
        channel.time = NOW + dt.timedelta(minutes=54)
        assert slowly(tmp_path, mailroom, channel, channel.time) == DispatchReport()

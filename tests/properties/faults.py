"""Mistakes put into the plain reading on purpose, each a plausible slip of a person who writes it.

A fault is a function that patches the reading; the worlds must tell the difference.
"""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from journey_engine.predicates import EventSet
from journey_engine.records import Event, PassState
from journey_engine.times import offsets
from journey_engine.walk import effects, finding, life, night, occurrences, passes, values

judge: Any = importlib.import_module("journey_engine.walk.judge")  # the package also has a function of that name

Fault = Callable[[pytest.MonkeyPatch], None]
SECOND = dt.timedelta(seconds=1)


def what_happened_on_the_window_s_edge_counts(patch: pytest.MonkeyPatch) -> None:
    """`within: D` is later than as_of - D, and after entry is later than the entry."""
    patch.setattr(judge, "_between", lambda at, lower, upper: (lower is None or lower <= at) and at <= upper)


def what_happened_at_as_of_is_left_for_the_next_run(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(judge, "_between", lambda at, lower, upper: (lower is None or lower < at) and at < upper)


def a_gate_behind_an_effect_is_read_at_once(patch: pytest.MonkeyPatch) -> None:
    """`held` is forgotten."""
    plain = passes._gate

    def gate(walking: Any, node: Any) -> bool:
        walking.emitted, before = False, walking.emitted
        moved = plain(walking, node)
        walking.emitted = before
        return moved

    patch.setattr(passes, "_gate", gate)


def a_held_gate_is_read_before_its_instant(patch: pytest.MonkeyPatch) -> None:
    """`held` is set and not kept for the next run."""
    plain = life.end_night

    def forgetful(*given: Any, **named: Any) -> Any:
        result = plain(*given, **named)
        standing = tuple(replace(one, held=False) for one in result.state.passes)
        return replace(result, state=replace(result.state, passes=standing))

    patch.setattr(life, "end_night", forgetful)


def same_is_not_asked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(judge, "same_value", lambda left, right: True)


def same_takes_two_missing_values_for_equal(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(judge, "same_value", lambda left, right: left == right)


def a_closed_pass_gets_no_goal(patch: pytest.MonkeyPatch) -> None:
    plain = passes._goal

    def goal(walking: Any, *rest: Any) -> None:
        if walking.one.state is PassState.OPEN:
            plain(walking, *rest)

    patch.setattr(passes, "_goal", goal)


def exit_when_wins_over_the_goal(patch: pytest.MonkeyPatch) -> None:
    plain = passes._goal

    def goal(walking: Any, *rest: Any) -> None:
        passes._exit_when(walking)
        plain(walking, *rest)

    patch.setattr(passes, "_goal", goal)


def a_time_in_a_gap_moves_back(patch: pytest.MonkeyPatch) -> None:
    """02:30 becomes 01:30 when the clocks go forward."""

    def early(local: dt.datetime, zone: str) -> dt.datetime:
        first, *later = offsets(zone)
        rows = [row for row in later if row.utc_from.replace(tzinfo=None) + row.seconds * SECOND <= local]
        row = rows[-1] if rows else first
        return (local - row.seconds * SECOND).replace(tzinfo=dt.UTC)

    patch.setattr(occurrences, "local_to_utc", early)


def re_entry_after_a_length_needs_a_moment_more(patch: pytest.MonkeyPatch) -> None:
    plain = occurrences._may_enter

    def may(reentry: Any, instant: dt.datetime, earlier: Any) -> bool:
        if reentry.mode == "after":
            instant -= dt.timedelta(microseconds=1)
        return plain(reentry, instant, earlier)

    patch.setattr(occurrences, "_may_enter", may)


def after_exit_admits_at_the_very_exit(patch: pytest.MonkeyPatch) -> None:
    plain = occurrences._may_enter

    def may(reentry: Any, instant: dt.datetime, earlier: Any) -> bool:
        if reentry.mode == "after_exit":
            instant += dt.timedelta(microseconds=1)
        return plain(reentry, instant, earlier)

    patch.setattr(occurrences, "_may_enter", may)


def late_events_start_passes_however_late(patch: pytest.MonkeyPatch) -> None:
    plain, month = night.visible, dt.timedelta(days=31)
    patch.setattr(night, "visible", lambda graph, past, tonight, lower: plain(graph, past, tonight, lower - month))


def late_events_start_nothing(patch: pytest.MonkeyPatch) -> None:
    """A run looks back to the one before and no further."""
    plain = night.visible
    patch.setattr(
        night, "visible", lambda graph, past, tonight, lower: plain(graph, past, tonight, max(lower, tonight.since))
    )


def a_corrected_event_triggers_with_its_new_content(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(finding, "originals", finding.newest)


def conditions_read_the_first_content(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(finding, "newest", finding.originals)


def the_deadline_itself_is_too_late(patch: pytest.MonkeyPatch) -> None:
    plain = passes._await

    def short(walking: Any, node: Any) -> bool:
        if node.timeout is None:
            return plain(walking, node)
        upper = node.timeout.after(walking.one.reached_at)
        kept = [event for event in walking.tonight.events if event.occurred_at != upper]
        whole, walking.tonight = walking.tonight, replace(walking.tonight, events=kept)
        moved = plain(walking, node)
        walking.tonight = whole
        return moved

    patch.setattr(passes, "_await", short)


def the_last_allowed_hour_includes_its_end(patch: pytest.MonkeyPatch) -> None:
    def hours(instant: dt.datetime, zone: str, start: dt.time, until: dt.time) -> dt.datetime:
        later = (dt.datetime.combine(dt.date.min, until) + dt.timedelta(minutes=1)).time()
        return plain(instant, zone, start, max(later, until))

    plain = effects.into_hours
    patch.setattr(effects, "into_hours", hours)


def messages_of_other_passes_count(patch: pytest.MonkeyPatch) -> None:
    plain = judge.belongs

    def belongs(event: Event, events: EventSet, *rest: Any) -> bool:
        return plain(event, events.model_copy(update={"of_pass": False}), *rest)

    patch.setattr(judge, "belongs", belongs)


def every_missed_firing_counts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(night, "eligible", lambda graph, new, as_of: list(new))


def a_month_runs_over_its_end(patch: pytest.MonkeyPatch) -> None:
    """A month after 31 January is 3 March."""

    def step(day: dt.date, offset: Any, sign: int) -> dt.date:
        first = plain(day.replace(day=1), offset, sign)
        return first + dt.timedelta(days=day.day - 1)

    plain = occurrences._step
    patch.setattr(occurrences, "_step", step)


def february_29_is_always_the_28th(patch: pytest.MonkeyPatch) -> None:
    plain = occurrences._day_in
    patch.setattr(
        occurrences, "_day_in",
        lambda year, month, day, trigger: plain(year, month, day, trigger.model_copy(update={"feb29": "feb28"})),
    )  # fmt: skip


def what_a_journey_set_stands_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(finding, "standing", lambda overlays, customer: dict(overlays))


def an_unsubscribe_from_one_topic_is_from_all(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(judge, "unsubscribes", lambda event, topic: event.name == "unsubscribed")


def text_is_read_as_a_number_in_events(patch: pytest.MonkeyPatch) -> None:
    """100 is not "100"."""
    patch.setattr(judge, "own_number", values.as_number)

    def passes_test(test: Any, value: Any) -> bool:
        number = test.operands and not isinstance(test.operands[0], bool | str)
        return plain(test, values.as_number(value) if number else value)

    plain = judge.property_passes
    patch.setattr(judge, "property_passes", passes_test)


def a_segment_s_first_evaluation_fires(patch: pytest.MonkeyPatch) -> None:
    plain = finding._memberships

    def members(definitions: Any, world: Any, *rest: Any) -> Any:
        known = {(one.of, one.name): one.version for one in definitions}
        return plain(definitions, replace(world, baselines=known), *rest)

    patch.setattr(finding, "_memberships", members)


def a_message_still_waiting_holds_nothing_up(patch: pytest.MonkeyPatch) -> None:
    plain = life.begin_night

    def hurried(*given: Any, **named: Any) -> Any:
        return plain(*given[:6], frozenset(), *given[7:], **named)

    patch.setattr(life, "begin_night", hurried)


def an_offset_that_lies_behind_is_made_up_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(occurrences, "_lapsed", lambda *given: False)


FAULTS: tuple[Fault, ...] = (
    what_happened_on_the_window_s_edge_counts,
    what_happened_at_as_of_is_left_for_the_next_run,
    a_gate_behind_an_effect_is_read_at_once,
    a_held_gate_is_read_before_its_instant,
    same_is_not_asked,
    same_takes_two_missing_values_for_equal,
    a_closed_pass_gets_no_goal,
    exit_when_wins_over_the_goal,
    a_time_in_a_gap_moves_back,
    re_entry_after_a_length_needs_a_moment_more,
    after_exit_admits_at_the_very_exit,
    late_events_start_passes_however_late,
    late_events_start_nothing,
    a_corrected_event_triggers_with_its_new_content,
    conditions_read_the_first_content,
    the_deadline_itself_is_too_late,
    the_last_allowed_hour_includes_its_end,
    messages_of_other_passes_count,
    every_missed_firing_counts,
    an_offset_that_lies_behind_is_made_up_for,
    a_month_runs_over_its_end,
    february_29_is_always_the_28th,
    what_a_journey_set_stands_for_ever,
    an_unsubscribe_from_one_topic_is_from_all,
    text_is_read_as_a_number_in_events,
    a_segment_s_first_evaluation_fires,
    a_message_still_waiting_holds_nothing_up,
)

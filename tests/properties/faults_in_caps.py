"""Mistakes in how the plain reading keeps to caps; like those of `faults`, each a plausible slip."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from journey_engine.records import Decision
from journey_engine.rules import Cap
from journey_engine.walk import caps, life, passes
from tests.properties.faults import Fault


def a_cap_counts_only_the_days_before(patch: pytest.MonkeyPatch) -> None:
    """A message put off earlier stands later, and the stretch that ends there is forgotten."""

    def full(self: caps.Allowance, cap: Cap, day: dt.date) -> bool:
        days = [one.day for one in self.sent if cap.counts(one.topic, one.topic_class)]
        return sum(day - dt.timedelta(cap.days) < other <= day for other in days) >= cap.at_most

    patch.setattr(caps.Allowance, "_full", full)


def a_cap_lets_one_more_through(patch: pytest.MonkeyPatch) -> None:
    plain = caps.Allowance._full
    patch.setattr(
        caps.Allowance, "_full", lambda self, cap, day: plain(self, replace(cap, at_most=cap.at_most + 1), day)
    )


def a_cap_s_window_is_a_day_longer(patch: pytest.MonkeyPatch) -> None:
    plain = caps.Allowance._full
    patch.setattr(caps.Allowance, "_full", lambda self, cap, day: plain(self, replace(cap, days=cap.days + 1), day))


def caps_count_days_in_utc(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(caps, "utc_to_local", lambda instant, zone: instant.replace(tzinfo=None))


def priority_does_not_matter_to_caps(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(caps, "_rank", lambda walking: (0, walking.one.entered_at, walking.one.enrollment_id))


def a_message_put_off_forgets_when_it_was_meant(patch: pytest.MonkeyPatch) -> None:
    plain = passes._held_back

    def held(walking: Any, *rest: Any) -> None:
        plain(walking, *rest)
        walking.one = replace(walking.one, meant_at=None)

    patch.setattr(passes, "_held_back", held)


def what_was_refused_or_taken_back_counts(patch: pytest.MonkeyPatch) -> None:
    plain = life.ask_caps
    patch.setattr(life, "ask_caps", lambda rules, begun, unsent, away: plain(rules, begun, away=away))


def a_skipped_message_counts(patch: pytest.MonkeyPatch) -> None:
    plain = caps.Allowance.met

    def met(self: caps.Allowance, message: Decision) -> str | None:
        found = plain(self, message)
        if found is not None:
            self.take(message)
        return found

    patch.setattr(caps.Allowance, "met", met)


CAP_FAULTS: tuple[Fault, ...] = (
    a_cap_counts_only_the_days_before,
    a_cap_lets_one_more_through,
    a_cap_s_window_is_a_day_longer,
    caps_count_days_in_utc,
    priority_does_not_matter_to_caps,
    a_message_put_off_forgets_when_it_was_meant,
    what_was_refused_or_taken_back_counts,
    a_skipped_message_counts,
)

"""Why a customer is not in a journey: the trigger, the time, the audience or re-entry said no."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from journey_engine.explain.history import History
from journey_engine.explain.story import Line, line_of, scene
from journey_engine.graph import Graph, OnChange, OnDate, OnEvent, OnMembership, OnPass, OnSchedule, OnSilence
from journey_engine.load import LoadedProject
from journey_engine.records import Enrollment, Event, PassState
from journey_engine.rules import Night, time_triggered
from journey_engine.times import UTC, iso
from journey_engine.walk import Membership, judge
from journey_engine.walk.judge import belongs
from journey_engine.walk.occurrences import Occurrence, Past, offset_text, visible
from journey_engine.walk.trace import Verdict, events_in_words, trace

LONG_AGO = dt.datetime(1900, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Absence:
    """Why there is no pass, or no further one: in a sentence, with the line and the verdict that say so."""

    journey: str
    why: str
    line: Line | None = None
    verdict: Verdict | None = None


def why_not(journey: str, history: History, loaded: LoadedProject) -> Absence:
    """Why the customer has no pass, or no newer pass, of a journey."""
    found = loaded.journeys.get(journey)
    if found is None:
        return Absence(journey, "there is no such journey")
    if found.graph is None or not found.sound:
        return Absence(journey, "the journey has problems and does not run; `journey validate` shows them")
    if found.journey is not None and found.journey.status != "live":
        since = f", last run at {iso(history.ran[journey])}" if journey in history.ran else ""
        return Absence(journey, f"the journey is not live: status is {found.journey.status}{since}")
    if history.attributes is None:
        return Absence(journey, f"the customer was not in the data of the last run ({iso(history.as_of)})")
    if journey not in history.began:
        starts = found.graph.starts
        if starts is not None and starts > history.as_of:
            return Absence(journey, f"the journey starts at {iso(starts)}")
        return Absence(journey, "the journey has not run yet")
    return (_of_account if found.graph.to == "members" else _looked_at)(found.graph, history, loaded)


def _of_account(graph: Graph, history: History, loaded: LoadedProject) -> Absence:
    """What happened to the account that the customer is a member of; re-entry is the member's own."""
    at, account = line_of(graph.file, graph.trigger_line, loaded), history.account
    if account is None:
        return Absence(graph.journey, "the journey is for the members of accounts; customer.account_id is missing", at)
    if account.attributes is None:
        why = f"the customer's account {account.customer_id} was not in the data of the last run"
        return Absence(graph.journey, why, at)
    others = [one for one in account.passes if one.journey != graph.journey]
    own = [one for one in history.passes if one.journey == graph.journey]
    told = _looked_at(graph, replace(account, passes=[*others, *own]), loaded)
    return replace(told, why=f"of the account {account.customer_id}: {told.why}")


def _looked_at(graph: Graph, history: History, loaded: LoadedProject) -> Absence:
    settings, entered = loaded.project, {one.key for one in history.passes if one.journey == graph.journey}
    night = Night.of(history.run, history.as_of, settings.cadence)
    occurred = [one for one in _occurrences(graph, history, night, settings.timezone) if one.key not in entered]
    at = line_of(graph.file, graph.trigger_line, loaded)
    if not occurred:
        return Absence(graph.journey, _never(graph, history, night, settings.timezone), at)
    newest = occurred[-1]
    name = f"the trigger occurred at {iso(newest.instant)}"
    began = history.began[graph.journey]
    since = Night.of(1, began, settings.cadence).since
    passes = [one for one in history.passes if one.journey == graph.journey]
    if newest.instant <= since and not passes:
        why = f"{name}; the journey's first run, {iso(began)}, looked back to {iso(since)} only"
        timed = time_triggered(graph)
        late = "`backfill: current` takes what stands in the first run only, so it would have had to be there then"
        more = _next(graph, history, night, settings.timezone) if timed else late
        return Absence(graph.journey, f"{why}; {more}", at)
    if graph.starts is not None and newest.instant < graph.starts:
        return Absence(graph.journey, f"{name}, and the journey starts at {iso(graph.starts)}", at)
    if graph.ends is not None and newest.instant >= graph.ends:
        return Absence(graph.journey, f"{name}, and the journey ended at {iso(graph.ends)}", at)
    asked = replace(scene(history, None, history.as_of), trigger=newest.data)
    if not judge(graph.audience, asked):
        return Absence(graph.journey, f"{name}, and the audience says no", at, trace(graph.audience, asked))
    refused = _reentry(graph, newest, passes)
    if refused:
        return Absence(graph.journey, f"{name}, and {refused}", at)
    if _passed_over(graph, newest, history):
        return Absence(graph.journey, f"{name}, before a run first saw it, and another offset of that date follows", at)
    if (graph.journey, newest.key) in history.considered or newest.instant < history.as_of:
        late = ", or the customer was no member then" if graph.to == "members" else ""
        why = f"{name}; the audience or re-entry said no in the run that considered it, and would say yes now{late}"
        return Absence(graph.journey, why, at, trace(graph.audience, asked))
    return Absence(graph.journey, f"{name}; the next run considers it", at)


def _passed_over(graph: Graph, newest: Occurrence, history: History) -> bool:
    """Whether it is an offset of a date that lay behind, so that only the next one counted (rule 5)."""
    if not isinstance(graph.trigger, OnDate) or (graph.journey, newest.key) in history.considered:
        return False
    offset = next(one for one in graph.trigger.offsets if offset_text(one) == newest.data["offset"])
    return newest.instant < history.as_of and graph.trigger.gap(offset) is not None


def _past(history: History, zone: str) -> Past:
    attributes = {"customer_id": history.customer_id, **(history.attributes or {})}
    zone = str(attributes.get("timezone") or zone)
    return Past(history.first, attributes, zone, history.members, history.watched, history.passes)


def _occurrences(graph: Graph, history: History, night: Night, zone: str) -> list[Occurrence]:
    """All that the trigger ever saw; firings of a schedule only since the journey began."""
    lower = history.began[graph.journey] if isinstance(graph.trigger, OnSchedule) else LONG_AGO
    return visible(graph, _past(history, zone), night, lower)


def _never(graph: Graph, history: History, night: Night, zone: str) -> str:
    match graph.trigger:
        case OnEvent(events=wanted):
            alike = [event for event in history.first if event.name == wanted.name]
            near = f"; {len(alike)} of that name are known, none of which passes" if alike and wanted.where else ""
            return f"the trigger never occurred: no {events_in_words(wanted)} is known{near}"
        case OnSilence():
            return _not_silent(graph.trigger, history)
        case OnMembership(of=of, name=name):
            member = history.members.get((of, name), Membership())
            if member.member:
                return f"already in the {of} {name} when the journey first looked; only becoming a member starts it"
            return f"not in the {of} {name}"
        case OnPass(journey=other, state=state):
            return f"no pass of journey {other} has {state} yet"
        case OnChange(attribute=attribute):
            return _unchanged(attribute, history)
        case OnDate(attribute=attribute):
            if (history.attributes or {}).get(attribute) is None:
                return f"customer.{attribute} is missing"
            return f"the date has not come; {_next(graph, history, night, zone)}"
        case OnSchedule():
            return f"it has not fired since the journey began; {_next(graph, history, night, zone)}"


def _unchanged(attribute: str, history: History) -> str:
    value = history.watched.get(attribute)
    if value is None or value.changed_at is None:
        return f"customer.{attribute} has not changed since it is watched"
    was, became = (text or "missing" for text in (value.before, value.value))
    last = f"from {was} to {became} at {iso(value.changed_at)}"
    return f"no other change of customer.{attribute} fits; the last was {last}"


def _not_silent(trigger: OnSilence, history: History) -> str:
    own: list[Event] = [event for event in history.first if belongs(event, trigger.events, {})]
    if not own:
        return f"the trigger never occurred: no {events_in_words(trigger.events)} is known"
    last = own[-1].occurred_at
    fires = trigger.length.after(last)
    if fires > history.as_of:
        return f"not silent for {trigger.length} yet: the last was at {iso(last)}, it would fire at {iso(fires)}"
    return f"never silent for {trigger.length} without what ends it; the last was at {iso(last)}"


def _next(graph: Graph, history: History, night: Night, zone: str) -> str:
    ahead = replace(night, horizon=night.as_of + dt.timedelta(days=400))
    coming = visible(graph, _past(history, zone), ahead, night.as_of)
    return f"the next is {iso(coming[0].instant)}" if coming else "none comes within 400 days"


def _reentry(graph: Graph, occurrence: Occurrence, passes: Sequence[Enrollment]) -> str | None:
    """What `reentry` says against one more pass now, if anything."""
    if not passes:
        return None
    last = max(passes, key=lambda one: one.entered_at)
    match graph.reentry.mode:
        case "never":
            return f"reentry is never: the one pass entered at {iso(last.entered_at)}"
        case "each_occurrence":
            return None
        case "after":
            may = graph.reentry.after.after(last.entered_at) if graph.reentry.after else last.entered_at
            return f"re-entry is open from {iso(may)} on" if occurrence.instant < may else None
        case "after_exit":
            if last.state is PassState.OPEN:
                return f"a pass is still open since {iso(last.entered_at)}"
            closed = last.closed_at or last.entered_at
            return f"the last pass ended later, at {iso(closed)}" if occurrence.instant <= closed else None

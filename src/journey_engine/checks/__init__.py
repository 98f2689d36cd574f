"""What can be told of a project before its first night; each check is a function in one of two tuples.

A check yields problems and changes nothing. Its sentence says what it looks for, its code is stable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from journey_engine.checks import accounts, causes, channels, flow, misplaced, names, project, templates
from journey_engine.checks.defaults import defaults
from journey_engine.checks.scope import Scope, Subject
from journey_engine.checks.show import as_json, format_problem, format_problems
from journey_engine.errors import Problem
from journey_engine.load import LoadedJourney, LoadedProject, load_project, with_journeys

__all__ = [
    "JOURNEY_CHECKS",
    "PROJECT_CHECKS",
    "as_json",
    "check",
    "check_journey",
    "defaults",
    "format_problem",
    "format_problems",
    "open_project",
]

JOURNEY_CHECKS: tuple[Callable[[Scope, Subject], Iterable[Problem]], ...] = (
    names.unknown_journeys,
    causes.circular_journeys,
    accounts.members_unknown,
    accounts.contact_unknown,
    names.unknown_topics,
    channels.unknown_channels,
    channels.staff_only,
    channels.vain_channels,
    channels.addresses,
    names.unknown_programs,
    names.since_steps,
    names.arms,
    names.unknown_attributes,
    names.messages_not_sent,
    templates.missing_templates,
    channels.channel_words,
    templates.template_mistakes,
    templates.template_values,
    templates.answer_links,
    templates.confirm_links,
    templates.nobody_asked,
    templates.referral_links,
    templates.variants,
    templates.title_mistakes,
    templates.title_values,
    templates.set_values,
    templates.lookup_keys,
    templates.trigger_values,
    templates.marketing_duties,
    flow.unreachable_steps,
    flow.impossible_backfill,
    flow.awaited_goals,
    flow.branches_at_once,
    flow.goals_outlasted,
    flow.endless_waits,
    flow.short_waits,
    flow.late_delays,
)

PROJECT_CHECKS: tuple[Callable[[Scope], Iterable[Problem]], ...] = (
    project.definitions,
    project.outside_a_pass,
    project.default_channel,
    project.own_sender,
    project.not_everybody,
    project.caps,
    project.columns,
    project.tables,
    misplaced.files,
    misplaced.sources,
)


def open_project(folder: Path) -> LoadedProject:
    """Load and check a project. Raises JourneyError when there is none in the folder."""
    return check(load_project(folder))


def check(loaded: LoadedProject) -> LoadedProject:
    """The project with every problem found; `rules` keeps the live journeys without errors."""
    if loaded.rules is None:
        return loaded
    scope = Scope(loaded)
    found = {problem for one in PROJECT_CHECKS for problem in one(scope)}
    file = replace(loaded.file, problems=tuple(sorted(found.union(loaded.file.problems))))
    if not file.sound:
        return replace(loaded, file=file, rules=None)
    journeys = {name: _checked(scope, journey) for name, journey in loaded.journeys.items()}
    return with_journeys(replace(loaded, file=file), journeys)


def check_journey(journey: LoadedJourney, loaded: LoadedProject) -> LoadedJourney:
    """One journey of a project with every problem found."""
    return _checked(Scope(loaded), journey)


def _checked(scope: Scope, journey: LoadedJourney) -> LoadedJourney:
    if journey.journey is None or journey.lowered is None:
        return journey
    subject = Subject(journey, journey.journey, journey.lowered)
    return journey.with_problems([problem for one in JOURNEY_CHECKS for problem in one(scope, subject)])

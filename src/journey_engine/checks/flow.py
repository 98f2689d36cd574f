"""The way through a journey: steps nobody reaches, waits that cannot be kept, goals that come too early or late."""

from __future__ import annotations

from collections.abc import Iterator

from journey_engine.checks.scope import Scope, Subject, after
from journey_engine.errors import Problem
from journey_engine.graph import Await, Emit, Gate, Message, NextTime, Node, OnChange
from journey_engine.predicates import Happened, Predicate, leaves
from journey_engine.times import Duration

SEEN_LATER = ("message_delivered", "message_opened", "message_clicked", "message_bounced", "message_replied")


def unreachable_steps(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """A step behind an exit, or behind a branch whose every way exits; only the first of several."""
    lost = {
        step: path
        for step, path in subject.paths.items()
        if not any(number in subject.reachable for number in subject.nodes_of(step))
    }
    paths = set(lost.values())
    for path in lost.values():
        before = (*path[:-1], int(path[-1]) - 1)
        inside = any(path[: len(other)] == other for other in paths if other != path)
        if before not in paths and not inside:
            message = "this step is never reached: every way before it ends the pass"
            yield subject.at(path, message, "unreachable-step")


def impossible_backfill(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """`backfill` where nothing of the past can be taken in."""
    trigger = subject.journey.trigger
    if subject.journey.backfill != "none" and not trigger.can_backfill:
        message = f"a `{trigger.key}` trigger has nothing to backfill; leave `backfill` out"
        yield subject.at(("backfill",), message, "impossible-backfill")
    change = subject.graph.trigger
    if subject.journey.backfill != "none" and isinstance(change, OnChange) and (change.was or not change.became):
        message = (
            "`backfill` takes those whose value is tonight what `to` says; write `to` without `from`, or leave it out"
        )
        yield subject.at(("backfill",), message, "impossible-backfill")


def awaited_goals(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """A goal that ends the pass before the step that waits for its event sees it (rule 12)."""
    goal = subject.graph.goal
    if goal is None or goal.stay:
        return
    reached_by = _events(goal.predicate)
    for node in subject.graph.nodes:
        if isinstance(node, Await) and node.events is not None and node.events.name in reached_by:
            message = (
                f"'{node.events.name}' reaches the goal and ends the pass, so this step never sees it; "
                "write `stay: true` on the goal to go on"
            )
            yield subject.at_step(node, message, "awaited-goal")


def _events(predicate: Predicate) -> set[str]:
    return {leaf.events.name for leaf in leaves(predicate) if isinstance(leaf, Happened)}


def branches_at_once(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """A branch that asks for the opens of a message sent a moment before; it does not wait (rule 13)."""
    for number, node in enumerate(subject.graph.nodes):
        if not isinstance(node, Gate) or number not in subject.reachable:
            continue
        for template, state in _asked(node.predicate):
            if template in _just_sent(subject, number):
                message = (
                    f"'{template}' was sent just before, so nobody has {state} it yet; "
                    "only `wait` and `wait_for` wait: put one before this"
                )
                yield subject.at_step(node, message, "asked-at-once")


def _asked(predicate: Predicate) -> Iterator[tuple[str, str]]:
    for leaf in leaves(predicate):
        if isinstance(leaf, Happened) and leaf.events.of_pass and leaf.events.name in SEEN_LATER:
            for where in leaf.events.where:
                yield str(where.tests[0].operands[0]), leaf.events.name.removeprefix("message_")


def _just_sent(subject: Subject, gate: int) -> set[str]:
    """The templates sent on some way to a gate with no wait behind them."""
    found, waiting, seen = set(), [gate], set()
    while waiting:
        target = waiting.pop()
        for number, node in enumerate(subject.graph.nodes[:target]):
            if target in after(node) and number not in seen and number in subject.reachable:
                seen.add(number)
                match node:
                    case Emit(effect=Message(template=template)):
                        found.add(template)
                        waiting.append(number)
                    case Emit() | Gate():
                        waiting.append(number)
                    case _:
                        pass
    return found


def goals_outlasted(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """Steps that go on after the goal is no longer credited."""
    goal = subject.graph.goal
    if goal is None:
        return
    longest = [0] * len(subject.graph.nodes)
    for number in range(len(subject.graph.nodes) - 1, -1, -1):
        node = subject.graph.nodes[number]
        longest[number] = _longest(node) + max((longest[other] for other in after(node)), default=0)
    if longest[0] > goal.window.at_least_seconds:
        message = (
            f"the steps can take {Duration(0, longest[0])}, but the goal is credited for {goal.window} from entry; "
            "write a longer `window`"
        )
        yield subject.at(("goal", "window"), message, "goal-outlasted", "warning", key=True)


def _longest(node: Node) -> int:
    """How long a pass can stand at a node, in seconds; a date may be any time away, and counts nothing."""
    match node:
        case Await(until=NextTime(weekdays=days)):
            return max((later - day) for day, later in zip(days, (*days[1:], days[0] + 7), strict=True)) * 86400
        case Await(delay=delay, timeout=timeout):
            return (delay or timeout or Duration()).at_least_seconds
        case _:
            return 0


def endless_waits(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """A wait for something that may never happen."""
    for node in subject.graph.nodes:
        if isinstance(node, Await) and node.events is not None and node.timeout is None:
            message = f"without `timeout` a pass waits here until '{node.events.name}' happens, if it ever does"
            yield subject.at_step(node, message, "endless-wait")


def short_waits(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """A wait that ends before the engine looks again, with something behind it that only a look can decide."""
    every = Duration(0, scope.interval)
    sent = [number for number, node in enumerate(subject.graph.nodes) if isinstance(node, Emit)]
    behind = subject.reached_from([after(subject.graph.nodes[number])[0] for number in sent])
    for number, node in enumerate(subject.graph.nodes):
        if not isinstance(node, Await) or number not in subject.reachable:
            continue
        length = node.delay or node.timeout
        if length is None or length.at_least_seconds >= scope.interval:
            continue
        if node.events is not None:
            what = f"a timeout of {length} is noticed up to {every} later"
        elif number in behind and _looks(subject, node.next):
            what = f"what follows this wait of {length} must look at the customer, and that happens up to {every} later"
        else:
            continue
        message = (
            f"{what}: the cadence '{scope.project.cadence}' looks every {every}; "
            "wait longer, or let `cadence:` in project.yaml look more often"
        )
        yield subject.at_step(node, message, "short-wait")


def late_delays(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """A message that a cap puts off for as long as it may be late, or longer; the first node of each step."""
    told = set()
    for node in subject.graph.nodes:
        if not isinstance(node, Emit) or not isinstance(node.effect, Message) or node.step in told:
            continue
        delay, late = node.effect.cap_delay, node.effect.max_lateness
        if delay is not None and delay.at_least_seconds >= late.at_least_seconds:
            told.add(node.step)
            message = (
                f"a cap puts this message off by {delay}, and then it is too late: more than {late} after it was meant "
                f"it is skipped; write a shorter `delay` or a longer `max_lateness`"
            )
            yield subject.at_step(node, message, "late-delay")


def _looks(subject: Subject, number: int) -> bool:
    """Whether a condition is read before the next wait."""
    node = subject.graph.nodes[number]
    match node:
        case Gate(arm=str()):
            return any(_looks(subject, way) for way in {node.next, node.otherwise})
        case Gate():
            return True
        case Emit(next=following):
            return _looks(subject, following)
        case _:
            return False

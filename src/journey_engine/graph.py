"""A journey lowered to four node kinds, its trigger, its goal and its rules of entering.

Everything behind the loader reads only this. Nodes never lead back: a node's successors come later in
`nodes`. `version` is the hash of the canonical structure without positions and wording (rule 20).
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Annotated, Literal

from pydantic import Field

from journey_engine.message import EMAIL, SMS
from journey_engine.predicates import ALWAYS, EventSet, Frozen, Length, Number, Predicate, Scalar, Test
from journey_engine.structure import version_of

# Places in files, and what a journey may change without changing where its passes stand.
NO_STRUCTURE = frozenset({
    "line", "column", "file", "version", "goal_line", "exit_line", "trigger_line",
    "starts", "ends", "on_change", "moved",
})  # fmt: skip


class Lines(Frozen):
    """The newest events of a set, oldest first. `since`: None (ever), 'entry' or a step id."""

    name: str
    events: EventSet
    since: str | None = None
    newest: int = 20


class Lookup(Frozen):
    """The row of a table of project.yaml whose key is the value at a dotted path, as text."""

    name: str
    table: str
    key: str


def address_of(channel: str) -> str:
    """The attribute that holds a customer's address for a channel."""
    return "phone" if channel == SMS else "email"


PREFERENCES = {said: way for way in (EMAIL, SMS) for said in (way, way.upper(), way.capitalize())}
"""What a customer's attribute may say that they prefer, and which way to reach them it means."""


class Way(Frozen):
    """A channel that a message may take; with `wanted` it is one for who prefers to be reached so."""

    channel: str
    wanted: Literal["email", "sms"] | None = None


class Question(Frozen):
    """What a message asks, and its answers: each value with its label. A click on one comes back as an event."""

    name: str
    answers: tuple[tuple[str, str], ...]


class Message(Frozen):
    """A templated message. `cap_delay` only with on_cap 'delay'.

    Of several `ways` the first that reaches the customer is taken when it is decided; `prefers` is the attribute that
    says which way they prefer.
    """

    effect: Literal["message"] = "message"
    template: str
    topic: str
    topic_class: Literal["marketing", "transactional", "staff"]
    channel: str
    lines: tuple[Lines, ...] = ()
    lookups: tuple[Lookup, ...] = ()
    ask: Question | None = None
    variant: str | None = None  # the attribute whose value chooses a variant of the template
    ways: tuple[Way, ...] = ()
    prefers: str | None = None
    max_lateness: Length
    on_cap: Literal["skip", "delay", "exit"] = "skip"
    cap_delay: Length | None = None

    @property
    def channels(self) -> frozenset[str]:
        """Every channel that it may take."""
        return frozenset(way.channel for way in self.ways) or frozenset([self.channel])


class Task(Frozen):
    """Work for a team. `title` is a Jinja text over the same values as a template.

    `outcomes` are the words that whoever has done it may say; any word without them.
    """

    effect: Literal["task"] = "task"
    team: str
    title: str
    due: Length | None = None
    lookups: tuple[Lookup, ...] = ()
    outcomes: tuple[str, ...] = ()


class Assignment(Frozen):
    """A value for an attribute: a literal, or a dotted path such as step.ask.interest."""

    attribute: str
    value: Scalar | None = None
    source: str | None = None


class SetAttributes(Frozen):
    """Attributes that the next run sees, until the imported value changes (rule 15)."""

    effect: Literal["set"] = "set"
    assignments: tuple[Assignment, ...]


class Enroll(Frozen):
    """Another journey that the customer enters in the next run, at the instant of this effect (rule 15)."""

    effect: Literal["enroll"] = "enroll"
    journey: str


class Reward(Frozen):
    """A reward for the customer of the pass, on the program's terms as they stood when this version was made (rule 25).

    `amount` is money, of a percentage the most it can come to. It may be used from `hold` after it was given, for as
    long as `expires`. `code` is the same for everyone; without it each reward has its own, made from `seed`.
    """

    effect: Literal["reward"] = "reward"
    program: str
    side: str
    amount: Number
    percent: Number | None = None
    currency: str
    hold: Length | None = None
    expires: Length | None = None
    code: str | None = None
    seed: str = ""


class Webhook(Frozen):
    """A signed call of an endpoint of project.yaml; `data` names the values it brings, each a dotted path."""

    effect: Literal["webhook"] = "webhook"
    to: str
    data: tuple[tuple[str, str], ...] = ()
    lookups: tuple[Lookup, ...] = ()

    @property
    def wording(self) -> str:
        """The name under which a night keeps the paths of its values; no template and no title can have it."""
        return f"webhook\n{json.dumps(self.data)}"

    @property
    def paths(self) -> frozenset[str]:
        """The paths that it names."""
        return frozenset(path for _, path in self.data)


def wording_of(effect: Effect) -> str:
    """The name under which a night keeps the paths that an effect names."""
    match effect:
        case Message(template=template):
            return template
        case Task(title=title):
            return title
        case Webhook():
            return effect.wording
        case _:
            return ""


def lookups_of(effect: Effect) -> tuple[Lookup, ...]:
    """The rows that an effect brings."""
    return effect.lookups if isinstance(effect, Message | Task | Webhook) else ()


Effect = Annotated[Message | Task | SetAttributes | Enroll | Reward | Webhook, Field(discriminator="effect")]


class Base(Frozen):
    """What every node has: the steps around it, innermost last, and where it was written."""

    steps: tuple[str, ...]
    line: int = 0
    column: int = 0

    @property
    def step(self) -> str:
        """The id of the innermost step this node came from."""
        return self.steps[-1] if self.steps else "end"


class Emit(Base):
    """Decides an effect and goes on."""

    kind: Literal["emit"] = "emit"
    effect: Effect
    occurrence: int = 1
    next: int


class Shift(Frozen):
    """A signed distance in days, weeks, months or years from a date."""

    length: Length
    sign: Literal[-1, 1]


class NextTime(Frozen):
    """The next reading of a time of day later than the arrival, on these weekdays (Monday is 0)."""

    until: Literal["time"] = "time"
    at: dt.time
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    zone: str | None = None


class ComingDate(Frozen):
    """A date attribute of the customer as it is tonight, shifted, at a local time (rule 7)."""

    until: Literal["date"] = "date"
    attribute: str
    offset: Shift | None = None
    at: dt.time
    zone: str | None = None


Until = Annotated[NextTime | ComingDate, Field(discriminator="until")]


class Await(Base):
    """Waits a length of time, until a moment of the wall clock (the customer's, or of a zone), or for an event.

    With `events`: the earliest later than the arrival, or than `since` (a step left, or 'entry'), not after
    the deadline `timeout`; then `next`, else `otherwise` at the deadline.
    """

    kind: Literal["await"] = "await"
    delay: Length | None = None
    until: Until | None = None
    events: EventSet | None = None
    since: str | None = None
    timeout: Length | None = None
    next: int
    otherwise: int | None = None


class Gate(Base):
    """Looks at what is known and goes one of two ways.

    The gate of an arm looks at nothing that time could change: it never rests. Its `arm` is kept with the pass when
    it holds, under `drawn(arm)` beside the steps that the pass has left.
    """

    kind: Literal["gate"] = "gate"
    predicate: Predicate
    arm: str | None = None
    next: int
    otherwise: int


def drawn(arm: str) -> str:
    """The name under which a pass keeps an arm it drew; no step can have it."""
    return f"arm/{arm}"


class Exit(Base):
    """Ends the pass."""

    kind: Literal["exit"] = "exit"
    state: Literal["finished", "exited"]
    reason: str


Node = Annotated[Emit | Await | Gate | Exit, Field(discriminator="kind")]


class OnEvent(Frozen):
    """Each event of the set; with `first`, the customer's first instant of it."""

    kind: Literal["event"] = "event"
    events: EventSet
    first: bool = False


class OnSilence(Frozen):
    """An instant of the set with none of it after it, nor of `without`, in (t, t + length]; fires then."""

    kind: Literal["silence"] = "silence"
    events: EventSet
    without: EventSet | None = None
    length: Length


def _days_off(offset: Shift | None) -> float:
    return 0 if offset is None else offset.sign * (offset.length.months * 30.4375 + offset.length.seconds / 86400)


class OnDate(Frozen):
    """A date attribute, each year or month or once, at a local time, shifted by each offset (or None)."""

    kind: Literal["date"] = "date"
    attribute: str
    every: Literal["year", "month"] | None = None
    offsets: tuple[Shift | None, ...] = (None,)
    at: dt.time
    feb29: Literal["feb28", "mar1", "skip"] = "feb28"

    def gap(self, offset: Shift | None) -> dt.timedelta | None:
        """How long after an offset the next one of the same date comes, by mean months; None of the last."""
        later = [_days_off(other) for other in self.offsets if _days_off(other) > _days_off(offset)]
        return dt.timedelta(days=min(later) - _days_off(offset)) if later else None


class OnMembership(Frozen):
    """The n-th time a customer became a member of a segment or reached a stage."""

    kind: Literal["membership"] = "membership"
    of: Literal["segment", "stage"]
    name: str


class OnChange(Frozen):
    """Each change of an attribute's value as seen between runs; the texts before and after it pass the tests."""

    kind: Literal["change"] = "change"
    attribute: str
    was: tuple[Test, ...] = ()
    became: tuple[Test, ...] = ()


class OnPass(Frozen):
    """Each pass of another journey that an earlier run brought into a state, at the instant it came there."""

    kind: Literal["pass"] = "pass"
    journey: str
    state: Literal["entered", "finished", "converted", "exited"]


class OnSchedule(Frozen):
    """Each firing of a cron line, in the customer's zone when `zone` is None."""

    kind: Literal["schedule"] = "schedule"
    cron: str
    zone: str | None = None


Trigger = Annotated[
    OnEvent | OnSilence | OnDate | OnMembership | OnChange | OnPass | OnSchedule, Field(discriminator="kind")
]


class Reentry(Frozen):
    """Who may enter again (rule 9). `after` only with mode 'after'."""

    mode: Literal["never", "after_exit", "after", "each_occurrence"]
    after: Length | None = None


class Goal(Frozen):
    """What the journey is for; credited from entry to the end of the window (rule 12)."""

    predicate: Predicate
    window: Length
    stay: bool = False


class Graph(Frozen):
    """One version of one journey.

    Customers enter from `starts` until before `ends`. With `on_change: follow` passes of older versions come into this
    one by step id; `moved` has (old id, new id).
    """

    journey: str
    version: str = ""
    file: str = ""
    stage: str | None = None
    priority: int = 0
    to: Literal["customer", "members", "contact"] = "customer"  # who gets a pass, and who the messages (rule 27)
    trigger: Trigger
    audience: Predicate = ALWAYS
    reentry: Reentry
    backfill: Literal["none", "current"] = "none"
    starts: dt.datetime | None = None
    ends: dt.datetime | None = None
    on_change: Literal["pin", "follow"] = "pin"
    moved: tuple[tuple[str, str], ...] = ()
    goal: Goal | None = None
    exit_when: Predicate | None = None
    holdout: str | None = None  # held out are those whose hash lies below (rule 11)
    goal_line: int = 0
    exit_line: int = 0
    trigger_line: int = 0
    nodes: tuple[Node, ...]

    def with_version(self) -> Graph:
        """The same graph under the hash of its canonical structure."""
        return self.model_copy(update={"version": version_of(self, NO_STRUCTURE)})

    def named_steps(self) -> frozenset[str]:
        """The steps whose leaving the journey or a template may ask for: awaited events, rewards, every `since`."""
        from journey_engine.predicates import Happened, leaves

        named: set[str | None] = set()
        for node in self.nodes:
            match node:
                case Await(events=events):
                    named |= {node.step, node.since} if events is not None else {node.since}
                case Gate(predicate=predicate):
                    named |= {leaf.since for leaf in leaves(predicate) if isinstance(leaf, Happened)}
                case Emit(effect=Message(lines=lines)):
                    named |= {line.since for line in lines}
                case Emit(effect=Reward()):
                    named.add(node.step)
                case _:
                    pass
        for ending in (self.exit_when, self.goal.predicate if self.goal else None):
            if ending is not None:
                named |= {leaf.since for leaf in leaves(ending) if isinstance(leaf, Happened)}
        return frozenset(step for step in named if step and step != "entry")

    def place_of(self, old: Graph, node: int) -> int | None:
        """Where a pass stands that stood at a node of an older version; None when that step is gone (rule 20).

        It keeps its step, by id or as `moved` says, and there the node of the same kind, at best at the same place.
        """
        step, kind = old.nodes[node].step, old.nodes[node].kind
        mine = [number for number, one in enumerate(old.nodes) if one.step == step]
        if all(one.step != step for one in self.nodes):
            step = dict(self.moved).get(step, step)
        here = [number for number, one in enumerate(self.nodes) if one.step == step]
        alike = [number for number in here if self.nodes[number].kind == kind]
        place = mine.index(node)
        if place < len(here) and here[place] in alike:
            return here[place]
        return next(iter([*alike, *here]), None)

    def left(self, source: int, target: int) -> tuple[str, ...]:
        """The named steps that a move from one node to another leaves, and the arm that it draws."""
        node, around = self.nodes[source], self.nodes[target].steps
        arm = (drawn(node.arm),) if isinstance(node, Gate) and node.arm and target == node.next else ()
        return arm + tuple(s for s in node.steps if s not in around and s in self.named_steps())

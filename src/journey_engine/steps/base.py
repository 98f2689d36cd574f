"""What a step does: it lowers itself to a handful of nodes, back to front, and knows its id.

Steps read no data and decide nothing; the builder collects nodes and problems with their paths into the YAML.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from journey_engine.conditions import Condition, Context
from journey_engine.graph import Await, Emit, Exit, Gate, Node
from journey_engine.language import Inside, Word
from journey_engine.message import EMAIL, SMS
from journey_engine.program import Program
from journey_engine.times import Duration

Path = tuple[str | int, ...]


@dataclass(slots=True)
class Builder:
    """Collects the nodes of one journey, last first, with the settings a step needs to lower itself."""

    context: Context
    journey: str = ""
    topic: str | None = None
    topics: Mapping[str, str] = field(default_factory=dict)  # topic -> class
    programs: Mapping[str, Program | None] = field(default_factory=dict)
    webhooks: Collection[str] = ()
    tables: Collection[str] = ()
    channel: str = "file"
    reach: Mapping[str, str] = field(default_factory=lambda: {EMAIL: "file", SMS: SMS})  # way -> the channel set up
    prefers: str = "preferred_channel"  # the attribute that says which way a customer prefers
    max_lateness: Duration = field(default=Duration(0, 4 * 86400))
    on_cap: Any = "skip"  # what a cap does to messages that do not say it
    timezone: str = "UTC"
    strict: bool = False  # passes follow changes by step id, so no two steps may be alike
    place: Callable[[Path], tuple[int, int]] = lambda path: (0, 0)
    nodes: list[Node] = field(default_factory=list)
    around: tuple[str, ...] = ()
    ids: dict[str, Path] = field(default_factory=dict)
    arms: dict[str, Path] = field(default_factory=dict)
    questions: dict[str, Path] = field(default_factory=dict)
    problems: list[tuple[Path, str, str]] = field(default_factory=list)

    def add(self, node: type[Any], path: Path, **parts: Any) -> int:
        """Append a node and return its number (counted from the end until `finish`)."""
        line, column = self.place(path)
        self.nodes.append(node(steps=self.around, line=line, column=column, **parts))
        return len(self.nodes) - 1

    def claim(self, step: Step, path: Path) -> str:
        """Give a step its id; the second of two alike needs one of its own where an id carries meaning."""
        wanted = step.id or step.default_id()
        if wanted not in self.ids:
            self.ids[wanted] = path
            return wanted
        if step.id is None and step.counted and not self.strict:
            number = 2
            while f"{wanted}#{number}" in self.ids:
                number += 1
            self.ids[f"{wanted}#{number}"] = path
            return f"{wanted}#{number}"
        line = self.place(self.ids[wanted])[0]
        where = f" (the other is on line {line})" if line else ""
        self.problems.append(
            (path, f"two steps have the id '{wanted}'{where}; write `id:` on one of them", "duplicate-id")
        )
        return wanted

    def claim_arm(self, arm: str, path: Path) -> None:
        """Note an arm; a name stands for one arm of a journey."""
        if arm in self.arms:
            line = self.place(self.arms[arm])[0]
            where = f" (the other is on line {line})" if line else ""
            self.problems.append((path, f"two arms are called '{arm}'{where}; give one another name", "duplicate-arm"))
        self.arms[arm] = path

    def claim_question(self, question: str, path: Path) -> None:
        """Note a question; the second answer to it would be taken for one to the first."""
        if question in self.questions:
            line = self.place(self.questions[question])[0]
            where = f" (the other is on line {line})" if line else ""
            message = f"the question '{question}' is asked twice{where}; give one another name"
            self.problems.append((path, message, "duplicate-question"))
        self.questions[question] = path

    def finish(self) -> tuple[Node, ...]:
        """The nodes in forward order, so that a successor always has a higher number."""
        last = len(self.nodes) - 1
        turned = []
        for node in reversed(self.nodes):
            links = {
                key: last - value for key in ("next", "otherwise") if isinstance(value := getattr(node, key, None), int)
            }
            turned.append(node.model_copy(update=links))
        return tuple(turned)


class Step(Word):
    """A step of a journey."""

    id: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:\- ]*$", description="The step's own name")
    only_if: Condition | None = Field(None, description="Pass this step by unless the condition holds")
    counted: ClassVar[bool] = False  # two alike are numbered instead of refused: nothing is keyed by their id

    def default_id(self) -> str:
        """The kind and the subject, such as send:ten-off."""
        raise TypeError(f"{type(self).__name__} names no subject")

    def lower(self, builder: Builder, following: int, path: Path) -> int:
        """Add this step's nodes in front of `following`; return the number of the first."""
        raise TypeError(f"{type(self).__name__} does not lower itself")


if TYPE_CHECKING:
    InnerStep = Step
else:

    class InnerStep(Inside):
        """Any step, inside another one."""


def lower_step(step: Step, builder: Builder, following: int, path: Path) -> int:
    """Lower one step inside its own id, with the gate of its `only_if` in front."""
    outside = builder.around
    key = type(step).key
    builder.around = (*outside, builder.claim(step, path))
    try:
        first = step.lower(builder, following, (*path, key))
        if step.only_if is not None:
            predicate = step.only_if.resolve(builder.context)
            first = builder.add(Gate, (*path, key, "only_if"), predicate=predicate, next=first, otherwise=following)
        return first
    finally:
        builder.around = outside


def lower_steps(steps: Sequence[Step], builder: Builder, following: int, path: Path) -> int:
    """Lower steps in front of `following`; with no step that is `following` itself."""
    for index in range(len(steps) - 1, -1, -1):
        following = lower_step(steps[index], builder, following, (*path, index))
    return following


__all__ = ["Await", "Builder", "Emit", "Exit", "Gate", "Path", "Step", "lower_step", "lower_steps"]

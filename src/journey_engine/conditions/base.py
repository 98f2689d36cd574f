"""What every condition is, and what names mean where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from journey_engine.language import Inside, Word
from journey_engine.predicates import Predicate


@dataclass(frozen=True, slots=True)
class Context:
    """What names mean where a condition stands."""

    segments: Mapping[str, Any] = field(default_factory=dict)  # name -> condition
    stages: Mapping[str, Any] = field(default_factory=dict)  # name -> condition, in the order of the cycle
    in_pass: bool = False
    double: frozenset[str] = frozenset()  # topics that a customer must confirm

    def outside(self) -> Context:
        """The same names, for a definition that sees the whole history."""
        return replace(self, in_pass=False)


class ConditionWord(Word):
    """A condition."""

    def resolve(self, context: Context) -> Predicate:
        """The closed form of the condition where it stands."""
        raise TypeError(f"{type(self).__name__} does not resolve itself")


if TYPE_CHECKING:
    InnerCondition = ConditionWord
else:

    class InnerCondition(Inside):
        """Any condition, inside another one."""

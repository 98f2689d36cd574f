"""A journey as it stands in YAML, and its lowering to a graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from journey_engine.conditions import CONDITIONS, Condition
from journey_engine.graph import Exit, Goal, Graph, Reentry
from journey_engine.language import NAME, Flag, Whole, Word, known_share, parse_share
from journey_engine.lifetime import Moment, beginning, check_moved, check_period, ending
from journey_engine.predicates import ALWAYS, Length, share_below
from journey_engine.steps import AnyStep, Builder, lower_steps
from journey_engine.steps.send import OnCap
from journey_engine.times import Duration
from journey_engine.triggers import AnyTrigger


class After(Word):
    """Enter again this long after the last entry.

    ```yaml
    reentry: {after: 180 days}
    ```
    """

    after: Length = Field(description="Counted from the last entry")


class GoalWords(Word):
    """What the journey is for: a condition, how long it is credited from entry, and whether the pass stays.

    ```yaml
    goal: {event: order_placed, window: 30 days, stay: true}
    ```
    """

    condition: Condition = Field(description="A condition; its word stands beside `window` and `stay`")
    window: Length = Field(
        default=Duration(0, 30 * 86400), validate_default=True, description="How long after entry the goal is credited"
    )
    stay: Flag = Field(False, description="Go on with the steps when the goal is reached")

    @model_validator(mode="before")
    @classmethod
    def _condition_in_place(cls, value: Any) -> Any:
        """The condition's own word stands beside `window` and `stay`."""
        if not isinstance(value, Mapping) or "condition" in value:
            return value
        own = {key: value[key] for key in ("window", "stay") if key in value}
        return {**own, "condition": {key: item for key, item in value.items() if key not in own}}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> Any:
        whole = handler(schema)
        resolved = handler.resolve_ref_schema(whole)
        words = {word.key: True for word in CONDITIONS}
        own = {key: resolved["properties"][key] for key in ("window", "stay")}
        return {
            "type": "object",
            "properties": {**words, **own},
            "oneOf": [{"required": [key]} for key in words],
            "additionalProperties": False,
        }


class Journey(Word):
    """How a company speaks with a customer at one stage of their life with it."""

    key: ClassVar[str] = "journey"
    journey: str = Field(pattern=NAME, max_length=80, description="Unique name, lower-case-with-dashes")
    stage: str | None = Field(None, description="A stage of the project's cycle")
    about: str | None = Field(None, max_length=2000, description="What it is for, in your own words")
    owner: Literal["marketing", "sales", "service"] = Field("marketing", description="The team that answers for it")
    status: Literal["draft", "live", "paused"] = Field(
        "live", description="A draft is checked and tested but not run; a paused journey holds everyone where they are"
    )
    starts: Moment | None = Field(None, description="Who may enter does so from this day, or instant, on")
    ends: Moment | None = Field(None, description="The last day to enter, or the instant from which on nobody does")
    on_change: Literal["pin", "follow"] = Field(
        "pin", description="When the file changes, passes stay in the version they entered, or follow by step id"
    )
    moved: dict[str, str] = Field(
        default_factory=dict, description="With `follow`, for steps that are gone: the id of the step that took over"
    )
    priority: Whole = Field(0, ge=-1000, le=1000, description="Higher goes first where only some may go")
    topic: str | None = Field(None, description="Topic of the messages below, unless a step names its own")
    on_cap: OnCap = Field("skip", description="What a cap does to the messages below, unless a step says it")
    to: Literal["customer", "members", "contact"] = Field(
        "customer",
        description="For the customer to whom it happens; for each of those whose `account_id` names that one; or for "
        "that one, with every message to whom its `contact_id` names",
    )
    trigger: AnyTrigger = Field(description="What starts a pass")
    audience: Condition | None = Field(None, description="Who may enter; without it everybody")
    reentry: Literal["never", "after_exit", "each_occurrence"] | After | None = Field(
        None, description="Who may enter again, and when; see the trigger for what holds without it"
    )
    backfill: Literal["none", "current"] = Field(
        "none", description="`current` also takes in those who match when the journey first runs"
    )
    goal: GoalWords | None = Field(None, description="What the journey is for")
    exit_when: Condition | None = Field(
        None, description="Whoever this holds for leaves, and waiting messages are taken back"
    )
    holdout: str | None = Field(
        None, description="Share of the customers for whom nothing is done, to see what the journey achieves: 10%"
    )
    steps: list[AnyStep] = Field(min_length=1, description="What happens, in order")

    @field_validator("holdout", mode="before", json_schema_input_type=str)
    @classmethod
    def _share(cls, value: Any) -> Any:
        return known_share(value)

    def lower(self, builder: Builder, file: str) -> Graph:
        """Lower to a graph; the builder keeps the problems met on the way and gets its topic here."""
        builder.topic, builder.journey, builder.on_cap = self.topic, self.journey, self.on_cap
        builder.strict = self.on_change == "follow"
        starts, ends = beginning(self.starts, builder.timezone), ending(self.ends, builder.timezone)
        end = builder.add(Exit, ("steps",), state="finished", reason="finished")
        first = lower_steps(self.steps, builder, end, ("steps",))
        if first == end:
            raise ValueError("a journey has at least one step")
        check_period(builder, starts, ends)
        check_moved(builder, self.moved, follows=builder.strict)
        outside, inside = builder.context.outside(), builder.context
        return Graph(
            journey=self.journey,
            file=file,
            stage=self.stage,
            priority=self.priority,
            to=self.to,
            trigger=self.trigger.lower(),
            audience=self.audience.resolve(outside) if self.audience is not None else ALWAYS,
            reentry=self._reentry(builder),
            backfill=self.backfill,
            starts=starts,
            ends=ends,
            on_change=self.on_change,
            moved=tuple(self.moved.items()),
            goal=self._goal(builder),
            exit_when=self.exit_when.resolve(inside) if self.exit_when is not None else None,
            holdout=share_below(parse_share(self.holdout)) if self.holdout is not None else None,
            goal_line=builder.place(("goal",))[0],
            exit_line=builder.place(("exit_when",))[0],
            trigger_line=builder.place(("trigger",))[0],
            nodes=builder.finish(),
        ).with_version()

    def _goal(self, builder: Builder) -> Goal | None:
        if self.goal is None:
            return None
        predicate = self.goal.condition.resolve(builder.context)
        return Goal(predicate=predicate, window=self.goal.window, stay=self.goal.stay)

    def _reentry(self, builder: Builder) -> Reentry:
        if isinstance(self.reentry, After):
            return Reentry(mode="after", after=self.reentry.after)
        if self.reentry is not None:
            return Reentry(mode=self.reentry)
        default: Reentry | None = self.trigger.reentry()
        if default is None:
            builder.problems.append((
                ("trigger",),
                "an `event` trigger needs `reentry:`; "
                "write never, after_exit, each_occurrence or {after: 30 days}",
                "missing-reentry",
            ))  # fmt: skip
            return Reentry(mode="never")
        return default

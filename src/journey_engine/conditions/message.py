"""The condition `message`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from journey_engine.conditions.amounts import Amount
from journey_engine.conditions.base import ConditionWord, Context
from journey_engine.language import Flag
from journey_engine.predicates import EventSet, Happened, Length, Predicate, Test, Where


class MessageCondition(ConditionWord):
    """What became of a message: of this pass, unless `ever` or outside a pass.

    ```yaml
    message: {template: hello, state: opened}
    ```
    """

    key: ClassVar[str] = "message"
    main: ClassVar[str | None] = "template"
    template: str = Field(description="The message's template")
    state: Literal["sent", "delivered", "opened", "clicked", "bounced", "replied"] = Field(
        "sent", description="What became of it"
    )
    within: Length | None = Field(None, description="Not longer ago than this")
    count: Amount | None = Field(None, description="How often; without it at least once")
    ever: Flag = Field(False, description="Inside a pass: messages of every pass and journey")

    def resolve(self, context: Context) -> Predicate:
        """Events `message_<state>` whose template is this one."""
        of_pass = context.in_pass and not self.ever
        where = Where(name="template", tests=(Test(op="is", operands=(self.template,)),))
        return Happened(
            events=EventSet(name=f"message_{self.state}", where=(where,), of_pass=of_pass),
            within=self.within,
            count=self.count.tests() if self.count else (),
        )

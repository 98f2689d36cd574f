"""`webhook`: tell another system."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from journey_engine.errors import nearest
from journey_engine.graph import Emit, Webhook
from journey_engine.language import Name
from journey_engine.steps.base import Builder, Path, Step
from journey_engine.steps.set import SOURCE


def _source(path: str) -> str:
    if not SOURCE.fullmatch(path):
        raise ValueError(f"'{path}' is no value; take one from trigger.NAME, step.ID.NAME or customer.NAME")
    return path


Source = Annotated[str, AfterValidator(_source)]


class WebhookStep(Step):
    """Call an endpoint of project.yaml with a signed JSON body: who, where in which journey, and the values of `with`.

    ```yaml
    webhook: {to: crm, with: {plan: customer.plan, order: trigger.order_id}}
    ```
    """

    key: ClassVar[str] = "webhook"
    main: ClassVar[str | None] = "to"
    to: str = Field(description="An endpoint of `webhooks` in project.yaml")
    with_: dict[Name, Source] = Field(
        default_factory=dict, alias="with", description="Values by name: customer.plan, trigger.total, step.ID.NAME"
    )

    def default_id(self) -> str:
        return f"webhook:{self.to}"

    def lower(self, builder: Builder, following: int, path: Path) -> int:
        if self.to not in builder.webhooks:
            known = list(builder.webhooks)
            hint, allowed = nearest(self.to, known), ", ".join(known) or "none yet"
            message = f"unknown webhook '{self.to}'{hint}; project.yaml defines: {allowed}"
            builder.problems.append(((*path, "to"), message, "unknown-webhook"))
        return builder.add(
            Emit, path, effect=Webhook(to=self.to, data=tuple(sorted(self.with_.items()))), next=following
        )

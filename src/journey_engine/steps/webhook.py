"""`webhook`: tell another system."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from journey_engine.errors import nearest
from journey_engine.graph import Emit, Webhook
from journey_engine.language import Name
from journey_engine.steps.base import Builder, Path, Step
from journey_engine.steps.lookup import MaybeRow, SourcePath, lookups, row_path


class WebhookValue(MaybeRow):
    """A value that a webhook brings; or the row of a table with all of its columns.

    ```yaml
    webhook: {to: crm, with: {plan: customer.plan, store: {table: stores, key: customer.store_id}}}
    ```
    """

    main: ClassVar[str | None] = "from_"
    other: ClassVar[str] = "from_"
    from_: SourcePath | None = Field(None, alias="from", description="Where it is: customer.plan, step.ID.NAME")


class WebhookStep(Step):
    """Call an endpoint of project.yaml with a signed JSON body: who, where in which journey, and the values of `with`.

    ```yaml
    webhook: {to: crm, with: {plan: customer.plan, order: trigger.order_id}}
    ```
    """

    key: ClassVar[str] = "webhook"
    main: ClassVar[str | None] = "to"
    to: str = Field(description="An endpoint of `webhooks` in project.yaml")
    with_: dict[Name, WebhookValue] = Field(
        default_factory=dict, alias="with", description="Values by name: customer.plan, step.ID.NAME, or rows of tables"
    )

    def default_id(self) -> str:
        return f"webhook:{self.to}"

    def lower(self, builder: Builder, following: int, path: Path) -> int:
        if self.to not in builder.webhooks:
            known = list(builder.webhooks)
            hint, allowed = nearest(self.to, known), ", ".join(known) or "none yet"
            message = f"unknown webhook '{self.to}'{hint}; project.yaml defines: {allowed}"
            builder.problems.append(((*path, "to"), message, "unknown-webhook"))
        effect = Webhook(
            to=self.to,
            data=tuple(sorted((name, value.from_ or row_path(name)) for name, value in self.with_.items())),
            lookups=lookups(self.with_, builder, (*path, "with"), row_path),
        )
        return builder.add(Emit, path, effect=effect, next=following)

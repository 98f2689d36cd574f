"""Whose member a customer is: what journeys for the members of accounts need of the data (rule 27)."""

from __future__ import annotations

from collections.abc import Iterator

from journey_engine.checks.scope import Scope, Subject
from journey_engine.errors import Problem


def members_unknown(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """`to: members` where no column says to which account a customer belongs."""
    if subject.journey.to != "members" or scope.attributes is None or "account_id" in scope.attributes:
        return
    file = scope.project.customers.path
    yield subject.at(
        ("to",),
        f"`to: members` opens a pass for each customer whose `account_id` names the account, and {file} has no such "
        "column; name yours in project.yaml: `customers: {columns: {account_id: household}}`",
        "no-members",
    )

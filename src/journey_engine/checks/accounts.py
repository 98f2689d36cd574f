"""Whose member a customer is, and who is the contact: what journeys to them need of the data (rule 27)."""

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


def contact_unknown(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """`to: contact` where no column says who the contact of an account is."""
    if subject.journey.to != "contact" or scope.attributes is None or "contact_id" in scope.attributes:
        return
    file = scope.project.customers.path
    yield subject.at(
        ("to",),
        f"`to: contact` writes to the customer whom the account's `contact_id` names, and {file} has no such column; "
        "name yours in project.yaml: `customers: {columns: {contact_id: speaks_for_them}}`",
        "no-contact",
    )

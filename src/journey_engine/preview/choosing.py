"""Whom a letter is shown for when nobody is named: the first of those whom the journey is for."""

from __future__ import annotations

from journey_engine.audience import Gathered, inside_a_pass
from journey_engine.errors import JourneyError
from journey_engine.graph import Graph, OnDate, OnEvent, OnSilence
from journey_engine.predicates import ALWAYS, AllOf, Attribute, Happened, Predicate, Test, Where, leaves

TRIED = 25


def asked_of(graph: Graph) -> Predicate:
    """The audience, and that the trigger can have occurred; what only a pass can tell is left out."""
    plain = not any(inside_a_pass(leaf) for leaf in leaves(graph.audience))
    wanted: list[Predicate] = [graph.audience] if plain else []
    match graph.trigger:
        case OnEvent(events=events) | OnSilence(events=events):
            wanted.append(Happened(events=events))
        case OnDate(attribute=attribute):
            wanted.append(Attribute(where=Where(name=attribute, tests=(Test(op="exists", operands=(True,)),))))
        case _:
            pass
    return AllOf(items=tuple(wanted))


def candidates(data: Gathered, graph: Graph, wanted: Predicate) -> list[str]:
    """Some who may be shown a letter; of accounts a member of one. Raises JourneyError when there is nobody at all."""
    count, some = data.matching(wanted, TRIED)
    if not count:
        count, some = data.matching(ALWAYS, 1)  # nobody is in it now: somebody, with a note that says so
    if graph.to == "members" and "account_id" in data.collected.columns:
        listed = ", ".join("?" for _ in some)
        query = f"SELECT min(customer_id) FROM customers WHERE account_id IN ({listed})"  # noqa: S608 - question marks
        member = data.engine.rows(query, some)[0][0] if some else None
        some = [str(member)] if member is not None else some
    if not some:
        raise JourneyError(
            "there is nobody to show a letter for: the customers source is empty",
            remedy="check `customers:` in journeys/project.yaml",
        )
    return some

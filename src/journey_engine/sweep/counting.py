"""How many customers a condition holds for, asked outside a night over what an engine has collected."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from journey_engine import expressions as x
from journey_engine.engines import Engine
from journey_engine.facts import Facts
from journey_engine.predicates import Predicate
from journey_engine.queries import fill, statements
from journey_engine.sweep.truth import history_tables


def count_matching(
    engine: Engine,
    predicate: Predicate,
    as_of: dt.datetime,
    columns: Mapping[str, str],
    properties: Mapping[str, int],
    sample: int = 10,
) -> tuple[int, list[str]]:
    """The number of customers for whom the predicate holds at `as_of`, and the ids of some of them.

    The sample is the same for the same customers: the first by the hash of their ids.
    """
    facts = Facts(as_of, columns, properties)
    holds = facts.truth(predicate)
    history_tables(engine, facts)
    file = statements("facts")
    counted = engine.rows(fill(file["counted_audience"], {"holds": holds}))
    rows = engine.rows(fill(file["sampled_audience"], {"holds": holds, "sample": x.integer(sample)}))
    return int(counted[0][0]), [str(customer) for (customer,) in rows]

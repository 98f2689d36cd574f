"""What all parts of one night share: the engine, the rules, the instants and the facts that conditions asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from journey_engine import expressions as x
from journey_engine.engines import Engine
from journey_engine.expressions import Sql
from journey_engine.facts import Facts
from journey_engine.graph import Gate, Graph
from journey_engine.queries import fill, statements
from journey_engine.rules import Definition, Night, Rules, begun
from journey_engine.structure import version_of
from journey_engine.times import FAR_PAST


@dataclass(slots=True)
class Evening:
    """One night over the tables of an engine. `columns` are the attributes of the customers table by kind."""

    engine: Engine
    rules: Rules
    night: Night
    columns: Mapping[str, str]
    properties: Mapping[str, int]
    blocked: Iterable[str] = ()
    unsent: Iterable[str] = ()
    facts: Facts = field(init=False)
    last: dict[str, dt.datetime] = field(init=False, default_factory=dict)
    held: dict[str, dt.datetime] = field(init=False, default_factory=dict)
    truths: dict[tuple[str, ...], str] = field(init=False, default_factory=dict)
    memberless: dict[str, int] = field(init=False, default_factory=dict)  # journey -> accounts without members
    last_as_of: dt.datetime = field(init=False, default=FAR_PAST)  # of the last committed run
    zones_from: dt.datetime = field(init=False, default=FAR_PAST)  # readings from here on are in near_zones
    everybody: bool = field(init=False, default=True)  # whether conditions are asked of all customers, or of `affected`

    def __post_init__(self) -> None:
        self.facts = Facts(self.night.as_of, self.columns, self.properties)

    @property
    def definitions(self) -> list[Definition]:
        """What is known of each customer from run to run: segments, stages, and whether marketing to them is held."""
        hold = self.rules.hold_when
        held = [] if hold is None else [Definition("hold", "hold_when", hold, version_of(hold))]
        return [*self.rules.definitions, *held]

    def first_run(self, graph: Graph) -> bool:
        """Whether the journey never ran."""
        return graph.journey not in self.last

    def bound(self, graph: Graph) -> dt.datetime:
        """An occurrence must be later than this to start a pass (rule 2); a run that held the journey counts as one."""
        last = self.looked(graph)
        return self.night.since if last is None else self.rules.accept_late.before(last)

    def looked(self, graph: Graph) -> dt.datetime | None:
        """The journey's last run, held or not; None when it never ran."""
        last = self.last.get(graph.journey)
        return None if last is None else max(last, self.held.get(graph.journey, last))

    def begun(self, graph: Graph) -> bool:
        """Whether customers may enter at all, now or in time to come."""
        return begun(graph, self.night, ran=not self.first_run(graph))

    def look(self, graph: Graph) -> dt.datetime:
        """How far back occurrences are listed: the bound, or what a later run could see again."""
        return min(self.bound(graph), self.rules.accept_late.before(self.night.as_of))

    def missed_from(self, graph: Graph) -> dt.datetime:
        """From when on the journey missed a run; `as_of` when it missed none."""
        last = self.looked(graph)
        return self.night.as_of if last is None or last >= self.night.since else last

    @property
    def to_members(self) -> bool:
        """Whether a journey opens passes for the members of accounts, and the data say who is one (rule 27)."""
        return "account_id" in self.columns and any(graph.to == "members" for graph in self.rules.graphs)

    @property
    def follows(self) -> bool:
        """Whether passes may come into another version of their journey (rule 20)."""
        return any(graph.on_change == "follow" for graph in self.rules.journeys)

    @property
    def splits(self) -> bool:
        """Whether passes may draw an arm."""
        return any(
            isinstance(node, Gate) and node.arm is not None for graph in self.rules.graphs for node in graph.nodes
        )

    def any(self, table: str) -> bool:
        """Whether a table has a row."""
        query = exp.select("1").from_(exp.to_table(table)).limit(1)
        return bool(self.engine.rows(x.written(query)))

    def run(self, file: str, *names: str, **parts: Sql) -> None:
        """Run named statements of `sql/<file>.sql`, their places filled."""
        for name in names:
            self.engine.execute(fill(statements(file)[name], parts))

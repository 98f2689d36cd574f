"""Tonight's customers: as the source has them, with the attributes that journeys set, each in a zone that is known."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sqlglot import exp

from journey_engine import expressions as x
from journey_engine.collect.changes import as_before, fingerprint, put_customers, remember
from journey_engine.collect.ledger import load_zones
from journey_engine.collect.people import Person, add_people
from journey_engine.collect.source import Incoming, named
from journey_engine.errors import JourneyError
from journey_engine.expressions import Sql
from journey_engine.facts import attribute_view, plain_number
from journey_engine.project import CUSTOMER_COLUMNS, Source
from journey_engine.queries import fill, statements
from journey_engine.sources import OWN_MARKS, OWN_NAMES, columns_sql, known_names
from journey_engine.times import zone_names

LOSS = 0.05  # rule 10: more customers missing than this part of the last run's stops the run
KINDS = {
    "text": "VARCHAR",
    "number": x.NUMBER,
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "mixed": "VARCHAR",  # values of several kinds as text, which every reading of a value sees through
}


def take_customers(
    incoming: Incoming, people: Iterable[Person], *, accept_loss: bool, only: Collection[str] | None = None
) -> None:
    """Load tonight's customers with what was told of people.

    Raises JourneyError for a source that cannot be trusted (rule 10). `only` are the attributes that somebody will look
    at, in lower case; None for all of them.
    """
    source = incoming.project.customers
    relation, columns = incoming.relation(source, "customers", ("customer_id",), CUSTOMER_COLUMNS)
    incoming.measure(source)
    _check_names(known_names(columns, source.columns), named(source))
    every, selected = columns_sql(columns, source.columns, incoming.project.attributes)
    told = list(people)
    mark = fingerprint(incoming, source, columns, told) if only is None else None
    if as_before(incoming, mark):
        incoming.expect(source, incoming.collected.customers, 1 if accept_loss else max(source.expects.rows, 1))
        return
    if told or incoming.is_text(source):
        only = None  # a trait may fill any column; of a CSV file each value is read, to see that it can be
    kinds = _wanted(every, only)
    selected = [one for one in selected if one.alias.removeprefix("raw ") in kinds]
    with incoming.reading(source):
        incoming.read("incoming_customers", columns=exp.Tuple(expressions=selected), relation=relation)
    incoming.read("customers_aside", "imported", names=exp.Tuple(expressions=[x.col("i", name) for name in kinds]))
    incoming.count_aside(source, "customers_aside")
    _unparsed(incoming, source, kinds, selected)
    incoming.collected.customers = int(incoming.reader.rows("SELECT count(*) FROM imported")[0][0])
    incoming.expect(source, incoming.collected.customers, 1 if accept_loss else max(source.expects.rows, 1))
    if told:
        every = add_people(incoming, told, kinds)
    incoming.engine.bring("imported")
    incoming.run("gone_customers")
    if not accept_loss:
        _refuse_loss(incoming, source)
    _overlay(incoming, every, only)
    remember(incoming, mark)


def _wanted(kinds: Mapping[str, str], only: Collection[str] | None) -> dict[str, str]:
    """The attributes that somebody will look at, and who the customer is."""
    return {name: kind for name, kind in kinds.items() if only is None or name.lower() in {*only, "customer_id"}}


def _check_names(names: Iterable[tuple[str, str]], source: str) -> None:
    """Raises JourneyError for attributes that the engine could not tell apart, from each other or from its own."""
    seen: dict[str, str] = {}
    for name, _ in names:
        twin = seen.setdefault(name.lower(), name)
        if name.lower() in OWN_NAMES or name.lower().startswith(OWN_MARKS):
            raise JourneyError(
                f"{source}: the engine keeps the name '{name}' for itself",
                remedy=f"give the column another name: `customers: {{columns: {{my_{name}: {name}}}}}` in "
                "journeys/project.yaml",
                code="reserved-column",
            )
        if twin != name:
            raise JourneyError(
                f"{source}: the attributes '{twin}' and '{name}' differ only in case",
                remedy="give one of them another name with `customers: columns:` in journeys/project.yaml",
                code="duplicate-column",
            )


def _overlay(incoming: Incoming, every: dict[str, str], only: Collection[str] | None) -> None:
    """Apply the attributes that journeys set, and put everyone into a zone that is known."""
    kinds = _wanted(every, only)
    own = [(x.text(name), _as_json(x.col("i", name))) for name in kinds if name != "customer_id"]
    incoming.run("drop_overlays", imported=x.switch(x.col("o", "attribute"), own, exp.null()))
    columns: list[Sql] = []
    joins: list[Sql] = []
    known = _overlaid(incoming, every)
    overlays = _wanted(known, only)
    for name, kind in {**kinds, **overlays}.items():
        imported = x.col("i", name) if name in kinds else exp.null()
        if name in overlays:
            alias = f"o{len(joins)}"
            joins.append(_overlay_join(alias, name))
            there = x.negate(x.is_null(x.col(alias, "customer_id")))
            if kind == "mixed":
                plain = exp.Coalesce(this=x.col(alias, "value"), expressions=[_as_json(imported.copy())])
                columns.append(x.named(plain, f"json {name}"))
                imported = attribute_view(imported, kinds[name]).txt if name in kinds else imported
            value = x.pointed_text(x.col(alias, "value"))
            if kind == "mixed":
                number = x.try_cast(x.col(alias, "value"), "DOUBLE")
                value = x.case([(x.negate(x.is_null(number)), plain_number(value))], value.copy())
            imported = x.case([(there, x.try_cast(value, KINDS[kind]))], imported)
        columns.append(x.named(imported, name))
    incoming.collected.columns = {**every, **known}
    _zones(incoming, "timezone" in kinds)
    zoned = "timezone" in {**kinds, **overlays}
    zone = x.col("w", "timezone") if zoned else exp.null()
    sql = fill(statements("collect")["tonight"], {
        "columns": exp.Tuple(expressions=columns), "default_zone": x.text(incoming.project.timezone), "zone": zone,
        "joins": exp.Var(this=" ".join(x.written(join) for join in joins)),
    })  # fmt: skip
    put_customers(incoming, exp.Var(this=sql))
    incoming.collected.default_zone = incoming.collected.customers
    if zoned:
        away = incoming.engine.rows(statements("collect")["default_zones"])[0][0]
        incoming.collected.default_zone = int(away)
        if away and "timezone" in kinds:
            count, first = incoming.reader.rows(statements("collect")["unknown_zones"])[0]
            reason = f"timezone is no zone of the time zone database; {incoming.project.timezone} is used"
            incoming.aside(incoming.project.customers, reason, count, first, values=True)


def _overlaid(incoming: Incoming, kinds: Mapping[str, str]) -> dict[str, str]:
    """The attributes with an overlay, and their kinds: the source's if the values fit it, else text, mixed."""
    found: dict[str, str] = {}
    rows = incoming.engine.rows(
        "SELECT attribute, bool_and(json_type(value) IN ('BIGINT', 'UBIGINT', 'DOUBLE')), "
        "bool_and(json_type(value) = 'BOOLEAN'), bool_and(json_type(value) = 'VARCHAR') "
        "FROM overlays GROUP BY attribute ORDER BY attribute"
    )
    taken = {name.lower(): name for name in kinds} | dict.fromkeys(OWN_NAMES, "")
    for name, numbers, flags, texts in rows:
        if taken.setdefault(name.lower(), name) != name or name == "customer_id" or name.startswith(OWN_MARKS):
            continue  # the tables could not tell it from another; `validate` says so
        own = "text" if texts else "mixed"
        if name not in CUSTOMER_COLUMNS:  # those are text to everyone who reads them
            own = "number" if numbers else "boolean" if flags else own
        found[name] = own if kinds.get(name) in (None, own) else "mixed"
    return found


def _overlay_join(alias: str, name: str) -> Sql:
    on = x.both(
        [
            x.compare("=", x.col(alias, "customer_id"), x.col("i", "customer_id")),
            x.compare("=", x.col(alias, "attribute"), x.text(name)),
        ]
    )
    table = exp.to_table("overlays", alias=alias)
    return exp.Join(this=table, side="LEFT", on=on)


def _as_json(column: Sql) -> Sql:
    return x.cast(x.call("TO_JSON", column), "VARCHAR")


def _zones(incoming: Incoming, given: bool) -> None:
    incoming.run("known_zones")
    zones: set[str] = set()
    if given:
        rows = incoming.reader.rows('SELECT DISTINCT "timezone" FROM imported WHERE "timezone" IS NOT NULL')
        zones = {str(zone) for (zone,) in rows} & zone_names()
    extra = incoming.engine.rows(
        "SELECT DISTINCT json_extract_string(value, '$') FROM overlays WHERE attribute = 'timezone'"
    )
    zones |= {str(zone) for (zone,) in extra} & zone_names()
    known = [(zone,) for zone in sorted(zones)]
    incoming.engine.load("known_zones", ("zone",), known)
    if incoming.beside:
        incoming.read("known_zones")
        incoming.reader.load("known_zones", ("zone",), known)
    load_zones(incoming.engine, {*zones, incoming.project.timezone})


def _unparsed(incoming: Incoming, source: Source, kinds: Mapping[str, str], selected: Iterable[Sql]) -> None:
    """Values that are not of their type, or of the type that the project declares, are missing, and counted."""
    kept = {item.alias for item in selected}
    names = [name for name in kinds if f"raw {name}" in kept]
    counts: list[Sql] = []
    for name in names:
        lost = x.both([x.is_null(x.col("i", name)), x.negate(x.is_null(x.col("i", f"raw {name}")))])
        counts.append(x.filtered(exp.Count(this=exp.Star()), lost))
        counts.append(x.filtered(exp.Min(this=x.col("i", "row_in_source")), lost.copy()))
    if counts:
        found = incoming.reader.rows(fill(statements("collect")["unparsed"], {"counts": exp.Tuple(expressions=counts)}))
        for name, count, first in zip(names, found[0][::2], found[0][1::2], strict=True):
            reason = f"{name} is no {kinds[name]}; the value is taken as missing"
            incoming.aside(source, reason, count, first, values=True)


def _refuse_loss(incoming: Incoming, source: Source) -> None:
    before = int(incoming.engine.rows("SELECT count(*) FROM roster")[0][0])
    missing = int(incoming.engine.rows("SELECT count(*) FROM gone_customers")[0][0])
    if before and missing > LOSS * before:
        raise JourneyError(
            f"{named(source)}: {missing} of the {before} customers of the last run are missing "
            f"({missing / before:.0%}); more than {LOSS:.0%} is taken as a broken export, and nothing was changed",
            remedy="export the customers again; if the loss is right, run with --accept-loss",
            code="customers-missing",
        )

"""Events that might happen, from a file in the form of the project's events."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlglot import exp

from journey_engine import expressions as x
from journey_engine.collect import Collector
from journey_engine.engines import Engine
from journey_engine.errors import JourneyError
from journey_engine.expressions import Sql
from journey_engine.load import LoadedProject
from journey_engine.project import EVENT_COLUMNS, Source
from journey_engine.queries import fill, statements
from journey_engine.records import Event
from journey_engine.times import parse_instant

NEEDED = EVENT_COLUMNS[:4]
HOW = f"write a CSV file with the columns {', '.join(EVENT_COLUMNS)}, as in your events"


def read_events(engine: Engine, loaded: LoadedProject, path: Path, as_of: dt.datetime) -> list[Event]:
    """The events of a CSV or Parquet file, oldest first. Raises JourneyError with the row that cannot be read."""
    if not path.is_file():
        raise JourneyError(f"{path} is not there", remedy=HOW)
    source = Source.model_validate({"path": str(path.absolute())})
    collector = Collector(engine, loaded.project, loaded.folder, as_of)
    relation, columns = collector.relation(source, str(path), NEEDED, EVENT_COLUMNS)
    parts: dict[str, Sql] = {name: x.col("s", name) if name in columns else exp.null() for name in EVENT_COLUMNS}
    rows = collector.reader.rows(fill(statements("simulate")["supposed"], {"relation": relation, **parts}))
    found = [_event(row, f"{path}, row {number} below the header") for number, row in enumerate(rows, 1)]
    return sorted(found, key=lambda event: (event.occurred_at, event.event_id))


def _event(row: Sequence[Any], place: str) -> Event:
    event_id, customer_id, name, occurred_at, properties = row
    try:
        if not (event_id and customer_id and name and occurred_at):
            raise ValueError("event_id, customer_id, name and occurred_at are all needed")
        told = json.loads(properties or "{}", parse_float=Decimal)
        if not isinstance(told, dict):
            raise ValueError('properties are a JSON object, such as {"total": 30}')
        return Event(event_id, customer_id, name, parse_instant(occurred_at), told)
    except json.JSONDecodeError:
        raise JourneyError(f"{place}: properties are no JSON", remedy=HOW) from None
    except ValueError as error:
        raise JourneyError(f"{place}: {error}", remedy=HOW) from None

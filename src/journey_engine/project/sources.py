"""Where the data are: customers, events, and tables to look things up in."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, field_validator, model_validator

from journey_engine.language import Whole, Word
from journey_engine.predicates import Length
from journey_engine.times import zone_names

CUSTOMER_COLUMNS = (
    "customer_id", "email", "phone", "first_name", "timezone", "locale", "kind", "account_id", "contact_id",
)  # fmt: skip
EVENT_COLUMNS = ("event_id", "customer_id", "name", "occurred_at", "properties")


def known_zone(name: str) -> str:
    """Check a zone name against the pinned tzdata."""
    from journey_engine.errors import nearest

    if name not in zone_names():
        raise ValueError(
            f"unknown zone '{name}'{nearest(name, sorted(zone_names()))}; write a name such as Europe/Berlin"
        )
    return name


class Expects(Word):
    """What a source must look like before a run trusts it (rule 10).

    ```yaml
    expects: {rows: 1000, freshness: 2 days}
    ```
    """

    main: ClassVar[str | None] = "rows"
    rows: Whole = Field(default=0, ge=0, description="At least so many rows")
    freshness: Length | None = Field(default=None, description="The newest occurred_at is not longer ago than this")


class Source(Word):
    """A CSV or Parquet file, a glob of such files, or a table of the engine.

    ```yaml
    customers: {path: data/customers.csv, columns: {customer_id: id}, expects: {rows: 1000}}
    ```
    """

    main: ClassVar[str | None] = "path"
    path: str | None = Field(None, min_length=1, description="A file, or a pattern such as data/events-*.csv")
    table: str | None = Field(
        None,
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$",
        description="A table of the engine, such as raw.customers",
    )
    columns: dict[str, str] = Field(default_factory=dict, description="Known name: the column's name in the source")
    timezone: str | None = Field(
        None, description="The zone of instants that carry none; without it they are set aside"
    )
    expects: Expects = Field(Expects(), description="What it must look like before a night trusts it")

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str | None) -> str | None:
        return value if value is None else known_zone(value)

    @model_validator(mode="after")
    def _one(self) -> Source:
        if (self.path is None) == (self.table is None):
            raise ValueError("name a `path` or a `table`")
        return self


class TableWords(Word):
    """Things to look up by a key: the `with` of a send, task or webhook names the table and where the key is.

    ```yaml
    tables: {stores: {source: data/stores.csv, key: store_id}}
    ```
    """

    source: Source = Field(description="A file or a table of the engine, as with customers")
    key_: str = Field(alias="key", min_length=1, description="The column that tells its rows apart")

    @field_validator("source")
    @classmethod
    def _timeless(cls, value: Source) -> Source:
        if value.expects.freshness is not None:
            raise ValueError("a table to look things up in has no instants; expect `rows` of it")
        return value

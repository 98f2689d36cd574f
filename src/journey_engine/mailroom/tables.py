"""The mailroom's tables. Instants are naive UTC; ids come from the decisions.

Few indexes, because a night writes many rows. Partial ones are used only by statements that name the state
literally: `in_state`.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import (
    Column,
    ColumnElement,
    DateTime,
    Dialect,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    literal_column,
)

from journey_engine.mailroom.states import State

SCHEMA_VERSION = 2


class Instant(TypeDecorator[dt.datetime]):
    """An aware UTC instant in Python, naive UTC in the store."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """To the store."""
        return value if value is None else value.astimezone(dt.UTC).replace(tzinfo=None)

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """From the store."""
        return value if value is None else value.replace(tzinfo=dt.UTC)


metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)

loaded_runs = Table(
    "loaded_runs",
    metadata,
    Column("run", Integer, primary_key=True, autoincrement=False),
    Column("run_id", String, primary_key=True),
    Column("as_of", Instant, nullable=False),
    Column("decisions", Integer, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column("message_id", String, primary_key=True),
    Column("run", Integer, nullable=False),
    Column("journey", String, nullable=False),
    Column("version", String, nullable=False),
    Column("enrollment_id", String, nullable=False),
    Column("customer_id", String, nullable=False),
    Column("step", String, nullable=False),
    Column("occurrence", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("reason", String),  # a short word to group by
    Column("detail", Text),  # a sentence for people
    Column("due_at", Instant, nullable=False),
    Column("reached_at", Instant, nullable=False),  # lateness is measured from here
    Column("try_at", Instant, nullable=False),  # not before this instant; starts as due_at
    Column("changed_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("claimed_by", String),
    Column("template", String, nullable=False),
    Column("topic", String),
    Column("topic_class", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("recipient", String),
    Column("recipient_name", String),
    Column("locale", String),
    Column("timezone", String, nullable=False),
    Column("max_lateness_s", Integer),
    Column("send_from", String),
    Column("send_until", String),
    Column("variables", Text, nullable=False),  # JSON: the values that the template names
)

tasks = Table(
    "tasks",
    metadata,
    Column("task_id", String, primary_key=True),
    Column("run", Integer, nullable=False),
    Column("journey", String, nullable=False),
    Column("version", String, nullable=False),
    Column("enrollment_id", String, nullable=False),
    Column("customer_id", String, nullable=False),
    Column("step", String, nullable=False),
    Column("occurrence", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("reason", String),
    Column("detail", Text),
    Column("try_at", Instant, nullable=False),  # given to the team at this instant
    Column("changed_at", Instant, nullable=False),
    Column("team", String, nullable=False),
    Column("title", Text, nullable=False),  # as written in the journey until it is given, then as worded
    Column("due_at", Instant),  # the team's deadline
    Column("done_at", Instant),
    Column("variables", Text, nullable=False),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("customer_id", String, primary_key=True),
    Column("topic", String, primary_key=True),  # empty: every topic
    Column("reason", String, primary_key=True),
    Column("since", Instant, nullable=False),
)

feedback = Table(
    "feedback",
    metadata,
    Column("event_id", String, primary_key=True),
    Column("customer_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("occurred_at", Instant, nullable=False),
    Column("properties", Text, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String, primary_key=True),
    Column("token", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("machine", String, nullable=False),  # host, boot and process namespace
    Column("pid", Integer, nullable=False),
    Column("started", String, nullable=False),  # tells a process from a later one with the same number
    Column("since", Instant, nullable=False),
    Column("heartbeat", Instant, nullable=False),
    Column("beat", Integer, nullable=False),
)


def in_state(state: State, table: Table = messages) -> ColumnElement[bool]:
    """`state = '...'` as a literal, so that the partial index of that state is used."""
    return table.c.state == literal_column(f"'{state.value}'")


def _partial(name: str, state: State, table: Table, *columns: str) -> None:
    where = in_state(state, table)
    Index(name, *(table.c[column] for column in columns), sqlite_where=where, postgresql_where=where)


Index("messages_by_run", messages.c.run, messages.c.state)
_partial("messages_due", State.PENDING, messages, "try_at", "message_id")
_partial("messages_of_pass", State.PENDING, messages, "enrollment_id")
_partial("messages_claimed", State.CLAIMED, messages, "claimed_by")
_partial("messages_unsure", State.UNSURE, messages, "channel", "message_id")
_partial("tasks_due", State.PENDING, tasks, "try_at")

"""The mailroom's tables. Instants are naive UTC; ids come from the decisions.

Few indexes, because a night writes many rows. Partial ones are used only by statements that name the state
literally: `in_state`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
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
    bindparam,
    literal_column,
)

from journey_engine.mailroom.states import RewardState, State

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

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], dt.datetime | None] | None:
        """On SQLite an instant is text, and a batch repeats few of them in every row."""
        read = super().result_processor(dialect, coltype)
        return lru_cache(maxsize=1024)(read) if read is not None and dialect.name == "sqlite" else read


class Exact(TypeDecorator[Decimal]):
    """A decimal of six places in Python, whole millionths in the store: sums are exact everywhere."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        """To the store."""
        return value if value is None else millionths(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        """From the store."""
        return value if value is None else Decimal(int(value)).scaleb(-6)


def millionths(value: Decimal) -> int:
    """An amount as the store keeps it."""
    return int(value.scaleb(6).to_integral_value())


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
    Column("messages", Integer),  # to be sent, as they came in: what is usual; unknown of runs of version 1
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
    Column("addressee", String),  # the customer who gets it, when it is another than the pass is of
    Column("address", String),  # where it went, in small letters or as an international number: what answers come from
    Column("knows_reversal", Boolean),  # it was decided where its pass had seen that a reward was taken back
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
    Column("outcomes", Text),  # JSON: the words that may tell how it ended; any word without them
    Column("owner", String),  # who has taken it
    Column("outcome", String),
    Column("note", Text),
    Column("visitor", String),  # whose letter it is about, until somebody says which customer that is
)

rewards = Table(
    "rewards",
    metadata,
    Column("reward_id", String, primary_key=True),
    Column("run", Integer, nullable=False),
    Column("journey", String, nullable=False),
    Column("version", String, nullable=False),
    Column("enrollment_id", String, nullable=False),
    Column("customer_id", String, nullable=False),
    Column("step", String, nullable=False),
    Column("occurrence", Integer, nullable=False),
    Column("program", String, nullable=False),
    Column("side", String, nullable=False),  # customer, advocate or friend
    Column("state", String, nullable=False),  # of the newest entry; refused, skipped and withheld ones have none
    Column("reason", String),
    Column("amount", Exact, nullable=False),  # what the budget counts
    Column("percent", Exact),
    Column("currency", String, nullable=False),
    Column("code", String, nullable=False),
    Column("given_at", Instant, nullable=False),
    Column("available_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("taken_at", Instant, nullable=False),  # the run that brought it in
    Column("referral_id", String),  # what it was given for, in a program with `referral`
    Column("placeholder", String),  # with a pool: what stands in values until there is a `code`, empty so long
)

pool_codes = Table(
    "pool_codes",
    metadata,
    Column("program", String, primary_key=True),
    Column("code", String, primary_key=True),
    Column("reward_id", String, unique=True),  # who has it; each code goes to one reward
    Column("added_at", Instant, nullable=False),
    Column("place", Integer, nullable=False),  # in its list
)

referrals = Table(
    "referrals",
    metadata,
    Column("referral_id", String, primary_key=True),
    Column("program", String, nullable=False),
    Column("advocate", String, nullable=False),  # who sent
    Column("friend", String, nullable=False, unique=True),  # who was sent: once, whatever the program
    Column("code", String, nullable=False),
    Column("event_id", String, nullable=False),  # the event that brought the code
    Column("first_touch", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),  # until when the friend may do what it is for, as it stood then
    Column("state", String, nullable=False),
    Column("reason", String),
    Column("qualified_at", Instant),  # when the friend did what it is for
    Column("qualified_by", String),
    Column("qualified_key", String),  # tells that event from others of its name, such as an order's id
    Column("hold_until", Instant),
    Column("changed_at", Instant, nullable=False),
)

waiting_codes = Table(
    "waiting_codes",  # brought by friends, and of nobody who is known so far
    metadata,
    Column("program", String, primary_key=True),
    Column("event_id", String, primary_key=True),
    Column("friend", String, nullable=False),
    Column("code", String, nullable=False),
    Column("brought_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
)

reward_entries = Table(
    "reward_entries",
    metadata,
    Column("entry_id", String, primary_key=True),  # the reward and what became of it: nothing happens twice
    Column("reward_id", String, nullable=False),
    Column("program", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("customer_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("cause", String, nullable=False),
    Column("occurred_at", Instant, nullable=False),
    Column("pending", Exact, nullable=False),  # the change of what is held
    Column("available", Exact, nullable=False),
    Column("redeemed", Exact, nullable=False),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("customer_id", String, primary_key=True),
    Column("topic", String, primary_key=True),  # empty: every topic
    Column("channel", String, primary_key=True),  # email or sms; empty: every one
    Column("reason", String, primary_key=True),
    Column("since", Instant, nullable=False),  # when it was last said
)

consents = Table(
    "consents",  # what customers said of being written to: rows are added and never changed
    metadata,
    Column("consent_id", String, primary_key=True),
    Column("customer_id", String, nullable=False),
    Column("topic", String, nullable=False),  # empty: a channel, or everything
    Column("channel", String, nullable=False),
    Column("word", String, nullable=False),
    Column("text", String),  # which of `consent_texts` they read there
    Column("source", String, nullable=False),  # where they said it
    Column("message_id", String),  # the letter that led there
    Column("given_at", Instant, nullable=False),
)

erased = Table(
    "erased",  # who was forgotten: keyed hashes of customers' ids and addresses
    metadata,
    Column("mark", String, primary_key=True),
    Column("erased_at", Instant, nullable=False),
)

consent_texts = Table(
    "consent_texts",  # what customers read where they said it, each once: what they agreed to can be shown
    metadata,
    Column("text", String, primary_key=True),  # a hash of the wording
    Column("wording", Text, nullable=False),
    Column("since", Instant, nullable=False),
)

owed_erasures = Table(
    "owed_erasures",  # what providers have still to forget
    metadata,
    Column("channel", String, primary_key=True),
    Column("address", String, primary_key=True),
    Column("since", Instant, nullable=False),
)

holds = Table(
    "holds",
    metadata,
    Column("kind", String, primary_key=True),  # everything, channel, topic, journey, template or run
    Column("name", String, primary_key=True),  # empty: everything
    Column("reason", Text),
    Column("since", Instant, nullable=False),
)

pauses = Table(
    "pauses",
    metadata,
    Column("channel", String, primary_key=True),
    Column("peer", String, primary_key=True),  # one whom the channel calls; empty: the channel as a whole
    Column("reason", String, nullable=False),
    Column("detail", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("try_at", Instant, nullable=False),  # nothing is handed over before this instant
    Column("tries", Integer, nullable=False),
)

gauged = Table(  # topics that somebody let go on after a gauge had stopped them
    "gauged",
    metadata,
    Column("topic", String, primary_key=True),
    Column("since", Instant, nullable=False),  # what left before counts no more
)

paced = Table(  # channels with a limit; locked while a dispatcher takes its share
    "paced",
    metadata,
    Column("channel", String, primary_key=True),
    Column("since", Instant),  # its first message, where its warm-up begins
)

shares = Table(  # what dispatchers took in hand of such a channel
    "shares",
    metadata,
    Column("share", Integer, primary_key=True),
    Column("channel", String, nullable=False),
    Column("worker", String, nullable=False),
    Column("messages", Integer, nullable=False),
    Column("taken_at", Instant, nullable=False),
    Column("done_at", Instant),  # all of them left between these two instants; null: they are leaving now
)

feedback = Table(
    "feedback",
    metadata,
    Column("event_id", String, primary_key=True),
    Column("customer_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("occurred_at", Instant, nullable=False),
    Column("properties", Text, nullable=False),
    Column("collecting", Integer, server_default="1"),  # Collecting; null: the ledger of a night has it
)

FEEDBACK = ("event_id", "customer_id", "name", "occurred_at", "properties")
"""What is told of an event; it is due for the next night."""

people = Table(
    "people",
    metadata,
    Column("customer_id", String, primary_key=True),
    Column("traits", Text, nullable=False),  # JSON: name to [value, the instant it was told]
    Column("updated_at", Instant, nullable=False),
)

visitors = Table(
    "visitors",
    metadata,
    Column("anonymous_id", String, primary_key=True),
    Column("customer_id", String),  # who it is, once somebody has said so
    Column("sure", Boolean, nullable=False),  # said by one who may tell traits too
    Column("traits", Text, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

visits = Table(
    "visits",  # what visitors did whom nobody has named yet; it moves to `feedback` when somebody does
    metadata,
    Column("event_id", String, primary_key=True),
    Column("anonymous_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("occurred_at", Instant, nullable=False),
    Column("properties", Text, nullable=False),
    Column("received_at", Instant, nullable=False),
)

heard = Table(
    "heard",  # what providers told, so that it counts once, and which message a letter of theirs was
    metadata,
    Column("kind", String, primary_key=True),  # event, letter, text, message or unclaimed
    Column("key", String, primary_key=True),
    Column("message_id", String),
    Column("heard_at", Instant, nullable=False),
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


def in_state(state: State | RewardState, table: Table = messages) -> ColumnElement[bool]:
    """`state = '...'` as a literal, so that the partial index of that state is used."""
    return table.c.state == literal_column(f"'{state.value}'")


def among(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """`column IN` a list that comes as the parameter `name`: a statement made once serves lists of any length."""
    return column.in_(bindparam(name, expanding=True))


def _partial(name: str, state: State | RewardState, table: Table, *columns: str) -> None:
    where = in_state(state, table)
    Index(name, *(table.c[column] for column in columns), sqlite_where=where, postgresql_where=where)


Index("messages_by_run", messages.c.run, messages.c.state)
_partial("messages_due", State.PENDING, messages, "try_at", "message_id")
_partial("messages_of_pass", State.PENDING, messages, "enrollment_id")
_partial("messages_claimed", State.CLAIMED, messages, "claimed_by")
_partial("messages_unsure", State.UNSURE, messages, "channel", "message_id")
_went = messages.c.address.is_not(None)
Index(
    "messages_by_address", messages.c.address, messages.c.changed_at, sqlite_where=_went, postgresql_where=_went
)  # of what is still to leave there is none: a night's rows cost nothing more
_partial("rewards_held", RewardState.PENDING, rewards, "available_at", "reward_id")
_partial("rewards_open", RewardState.AVAILABLE, rewards, "expires_at", "reward_id")
Index("rewards_of_referral", rewards.c.referral_id, rewards.c.side, unique=True)  # one a side; many have none
Index("pool_codes_free", pool_codes.c.program, pool_codes.c.added_at, pool_codes.c.place)
_without = rewards.c.code == literal_column("''")
Index("rewards_without_code", rewards.c.given_at, sqlite_where=_without, postgresql_where=_without)
Index("referrals_of", referrals.c.advocate, referrals.c.program)
_unqualified = referrals.c.qualified_at.is_(None)
Index("referrals_open", referrals.c.ends_at, sqlite_where=_unqualified, postgresql_where=_unqualified)
Index("waiting_codes_of", waiting_codes.c.friend)
Index("rewards_of_customer", rewards.c.customer_id, rewards.c.program)
Index("reward_entries_of", reward_entries.c.program, reward_entries.c.customer_id)
_partial("messages_accepted", State.ACCEPTED, messages, "topic", "changed_at")
_unhappy = feedback.c.name.in_([literal_column("'message_bounced'"), literal_column("'message_complained'")])
Index("feedback_unhappy", feedback.c.occurred_at, sqlite_where=_unhappy, postgresql_where=_unhappy)
Index("feedback_by_age", feedback.c.occurred_at)
_read = feedback.c.collecting.is_not(None)
Index(
    "feedback_due", feedback.c.collecting, feedback.c.event_id, sqlite_where=_read, postgresql_where=_read
)  # what ledgers have is not in it
Index("shares_of_channel", shares.c.channel, shares.c.done_at)
Index("consents_of_customer", consents.c.customer_id)
Index("visits_of_visitor", visits.c.anonymous_id)
Index("visits_by_age", visits.c.received_at)
Index("heard_by_age", heard.c.kind, heard.c.heard_at)
Index("visitors_by_age", visitors.c.updated_at)
_partial("tasks_due", State.PENDING, tasks, "try_at")
_strange = tasks.c.visitor.is_not(None)
Index("tasks_of_visitor", tasks.c.visitor, sqlite_where=_strange, postgresql_where=_strange)
Index("tasks_open", tasks.c.due_at, sqlite_where=tasks.c.done_at.is_(None), postgresql_where=tasks.c.done_at.is_(None))

"""How an older mailroom becomes a new one: numbered steps from the first version up, on every database.

A change of `tables.py` comes with its operations here, in the words of Alembic, written out in full: `tables.py` is the
newest form, and a step must stay what it was. They run in the transaction that writes the new version down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Boolean, Column, Connection, DateTime, Integer, String, Text, text

from journey_engine.mailroom.tables import SCHEMA_VERSION

if TYPE_CHECKING:
    from alembic.operations import Operations

Step = Callable[["Operations"], object]


def _rewards(op: Operations) -> None:
    """The rewards and their ledger."""
    words = (
        "run",
        "journey",
        "version",
        "enrollment_id",
        "customer_id",
        "step",
        "occurrence",
        "program",
        "side",
        "state",
    )
    kinds = {"run": Integer, "occurrence": Integer}
    op.create_table(
        "rewards",
        Column("reward_id", String, primary_key=True),
        *(Column(name, kinds.get(name, String), nullable=False) for name in words),
        Column("reason", String),
        Column("amount", BigInteger, nullable=False),
        Column("percent", BigInteger),
        Column("currency", String, nullable=False),
        Column("code", String, nullable=False),
        Column("given_at", DateTime, nullable=False),
        Column("available_at", DateTime, nullable=False),
        Column("expires_at", DateTime),
        Column("taken_at", DateTime, nullable=False),
    )
    texts = ("reward_id", "program", "currency", "customer_id", "kind", "cause")
    op.create_table(
        "reward_entries",
        Column("entry_id", String, primary_key=True),
        *(Column(name, String, nullable=False) for name in texts),
        Column("occurred_at", DateTime, nullable=False),
        *(Column(name, BigInteger, nullable=False) for name in ("pending", "available", "redeemed")),
    )
    for name, state, columns in (
        ("rewards_held", "pending", ["available_at", "reward_id"]),
        ("rewards_open", "available", ["expires_at", "reward_id"]),
    ):
        where = text(f"state = '{state}'")
        op.create_index(name, "rewards", columns, sqlite_where=where, postgresql_where=where)
    op.create_index("rewards_of_customer", "rewards", ["customer_id", "program"])
    op.create_index("reward_entries_of", "reward_entries", ["program", "customer_id"])


def _holds(op: Operations) -> None:
    """What is stopped."""
    op.create_table(
        "holds",
        Column("kind", String, primary_key=True),
        Column("name", String, primary_key=True),
        Column("reason", Text),
        Column("since", DateTime, nullable=False),
    )


def _usual(op: Operations) -> None:
    """How many messages a run brought in."""
    op.add_column("loaded_runs", Column("messages", Integer))


def _addressee(op: Operations) -> None:
    """Who gets a message that belongs to another customer's pass."""
    op.add_column("messages", Column("addressee", String))


def _inbox(op: Operations) -> None:
    """Who does a task, how it ended, and which words may say so."""
    for name, kind in (("outcomes", Text), ("owner", String), ("outcome", String), ("note", Text)):
        op.add_column("tasks", Column(name, kind))
    where = text("done_at IS NULL")
    op.create_index("tasks_open", "tasks", ["due_at"], sqlite_where=where, postgresql_where=where)


def _pauses(op: Operations) -> None:
    """What channels say of themselves, and what left through those with a limit."""
    op.create_table(
        "pauses",
        Column("channel", String, primary_key=True),
        Column("peer", String, primary_key=True),
        Column("reason", String, nullable=False),
        Column("detail", Text, nullable=False),
        Column("since", DateTime, nullable=False),
        Column("try_at", DateTime, nullable=False),
        Column("tries", Integer, nullable=False),
    )
    op.create_table("paced", Column("channel", String, primary_key=True), Column("since", DateTime))
    op.create_table(
        "shares",
        Column("share", Integer, primary_key=True),
        Column("channel", String, nullable=False),
        Column("worker", String, nullable=False),
        Column("messages", Integer, nullable=False),
        Column("taken_at", DateTime, nullable=False),
        Column("done_at", DateTime),
    )
    op.create_index("shares_of_channel", "shares", ["channel", "done_at"])


def _consents(op: Operations) -> None:
    """What customers said, and by which channel nothing may reach them any more."""
    op.create_table(
        "consents",
        Column("consent_id", String, primary_key=True),
        *(Column(name, String, nullable=False) for name in ("customer_id", "topic", "channel", "word")),
        Column("text", String),
        Column("source", String, nullable=False),
        Column("message_id", String),
        Column("given_at", DateTime, nullable=False),
    )
    op.create_index("consents_of_customer", "consents", ["customer_id"])
    # A column more in the key: the table is made anew.
    op.execute("CREATE TEMP TABLE kept AS SELECT customer_id, topic, reason, since FROM suppressions")
    op.drop_table("suppressions")
    op.create_table(
        "suppressions",
        *(Column(name, String, primary_key=True) for name in ("customer_id", "topic", "channel", "reason")),
        Column("since", DateTime, nullable=False),
    )
    op.execute(
        "INSERT INTO suppressions (customer_id, topic, channel, reason, since) "
        "SELECT customer_id, topic, '', reason, since FROM kept"
    )
    op.execute("DROP TABLE kept")


def _erased(op: Operations) -> None:
    """Who was forgotten."""
    op.create_table("erased", Column("mark", String, primary_key=True), Column("erased_at", DateTime, nullable=False))


def _visitors(op: Operations) -> None:
    """Who was identified, visitors and what they did."""
    op.create_table(
        "people",
        Column("customer_id", String, primary_key=True),
        Column("traits", Text, nullable=False),
        Column("updated_at", DateTime, nullable=False),
    )
    op.create_table(
        "visitors",
        Column("anonymous_id", String, primary_key=True),
        Column("customer_id", String),
        Column("sure", Boolean, nullable=False),
        Column("traits", Text, nullable=False),
        Column("updated_at", DateTime, nullable=False),
    )
    op.create_table(
        "visits",
        Column("event_id", String, primary_key=True),
        Column("anonymous_id", String, nullable=False),
        Column("name", String, nullable=False),
        Column("occurred_at", DateTime, nullable=False),
        Column("properties", Text, nullable=False),
        Column("received_at", DateTime, nullable=False),
    )
    op.create_index("visits_of_visitor", "visits", ["anonymous_id"])
    op.create_index("visits_by_age", "visits", ["received_at"])
    op.create_index("visitors_by_age", "visitors", ["updated_at"])


def _gauges(op: Operations) -> None:
    """What the gauges of complaints and bounces need."""
    op.create_table("gauged", Column("topic", String, primary_key=True), Column("since", DateTime, nullable=False))
    for name, table, columns, where in (
        ("messages_accepted", "messages", ["topic", "changed_at"], text("state = 'accepted'")),
        ("feedback_unhappy", "feedback", ["occurred_at"], text("name IN ('message_bounced', 'message_complained')")),
    ):
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def _heard(op: Operations) -> None:
    """What providers told."""
    op.create_table(
        "heard",
        Column("kind", String, primary_key=True),
        Column("key", String, primary_key=True),
        Column("message_id", String),
        Column("heard_at", DateTime, nullable=False),
    )
    op.create_index("heard_by_age", "heard", ["kind", "heard_at"])


def _referrals(op: Operations) -> None:
    """Who was sent by whom, and which rewards were given for it."""
    texts = ("program", "advocate", "code", "event_id", "state")
    op.create_table(
        "referrals",
        Column("referral_id", String, primary_key=True),
        *(Column(name, String, nullable=False) for name in texts),
        Column("friend", String, nullable=False, unique=True),
        *(Column(name, DateTime, nullable=False) for name in ("first_touch", "ends_at", "changed_at")),
        *(Column(name, String) for name in ("reason", "qualified_by", "qualified_key")),
        *(Column(name, DateTime) for name in ("qualified_at", "hold_until")),
    )
    op.add_column("rewards", Column("referral_id", String))
    op.add_column("messages", Column("knows_reversal", Boolean))
    op.create_index("rewards_of_referral", "rewards", ["referral_id", "side"], unique=True)
    op.create_index("referrals_of", "referrals", ["advocate", "program"])
    where = text("qualified_at IS NULL")
    op.create_index("referrals_open", "referrals", ["ends_at"], sqlite_where=where, postgresql_where=where)
    op.create_table(
        "waiting_codes",
        *(Column(name, String, primary_key=True) for name in ("program", "event_id")),
        *(Column(name, String, nullable=False) for name in ("friend", "code")),
        *(Column(name, DateTime, nullable=False) for name in ("brought_at", "ends_at")),
    )
    op.create_index("waiting_codes_of", "waiting_codes", ["friend"])


def _pools(op: Operations) -> None:
    """Codes that somebody else made."""
    op.create_table(
        "pool_codes",
        Column("program", String, primary_key=True),
        Column("code", String, primary_key=True),
        Column("reward_id", String, unique=True),
        Column("added_at", DateTime, nullable=False),
        Column("place", Integer, nullable=False),
    )
    op.add_column("rewards", Column("placeholder", String))
    op.create_index("pool_codes_free", "pool_codes", ["program", "added_at", "place"])
    where = text("code = ''")
    op.create_index("rewards_without_code", "rewards", ["given_at"], sqlite_where=where, postgresql_where=where)


def _addresses(op: Operations) -> None:
    """Where a message went, so that what comes from there finds it."""
    op.add_column("messages", Column("address", String))
    op.execute(
        "UPDATE messages SET address = lower(recipient) "
        "WHERE state IN ('accepted', 'unsure', 'claimed') AND channel NOT IN ('webhook', 'staff', 'sms')"
    )
    where = text("address IS NOT NULL")
    op.create_index(
        "messages_by_address", "messages", ["address", "changed_at"], sqlite_where=where, postgresql_where=where
    )


def _strangers(op: Operations) -> None:
    """Whose letter a task is about, while nobody knows which customer that is."""
    op.add_column("tasks", Column("visitor", String))
    where = text("visitor IS NOT NULL")
    op.create_index("tasks_of_visitor", "tasks", ["visitor"], sqlite_where=where, postgresql_where=where)


def _owed(op: Operations) -> None:
    """What providers have still to forget."""
    op.create_table(
        "owed_erasures",
        *(Column(name, String, primary_key=True) for name in ("channel", "address")),
        Column("since", DateTime, nullable=False),
    )


def _texts(op: Operations) -> None:
    """What customers read where they said something of being written to."""
    op.create_table(
        "consent_texts",
        Column("text", String, primary_key=True),
        Column("wording", Text, nullable=False),
        Column("since", DateTime, nullable=False),
    )


def _collecting(op: Operations) -> None:
    """What a night has still to read: all of it, as nobody knows what the last one had."""
    op.add_column("feedback", Column("collecting", Integer, server_default="1"))
    op.create_index("feedback_by_age", "feedback", ["occurred_at"])
    where = text("collecting IS NOT NULL")
    op.create_index("feedback_due", "feedback", ["collecting", "event_id"], sqlite_where=where, postgresql_where=where)


STEPS: Mapping[int, tuple[Step, ...]] = {
    # Such as lambda op: op.add_column("messages", Column("note", Text)). A column may be null or has a server default.
    2: (
        _rewards,
        _holds,
        _usual,
        _addressee,
        _inbox,
        _pauses,
        _consents,
        _visitors,
        _erased,
        _gauges,
        _heard,
        _referrals,
        _pools,
        _addresses,
        _strangers,
        _owed,
        _texts,
        _collecting,
    ),
}


def upgrade(db: Connection, found: int) -> None:
    """Bring the tables from a version to the newest one, inside the caller's transaction."""
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    operations = Operations(MigrationContext.configure(db))
    for version in range(found + 1, SCHEMA_VERSION + 1):
        for step in STEPS[version]:
            step(operations)

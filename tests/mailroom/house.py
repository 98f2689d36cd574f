"""A small house to test the mailroom in: templates, a sender, decisions, a clock."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from journey_engine.channels.file import FileChannel
from journey_engine.links import Links
from journey_engine.mailroom import Mailroom
from journey_engine.project import Sender
from journey_engine.records import Decision, DecisionKind, DecisionState, identity
from journey_engine.render import Renderer

NOW = dt.datetime(2026, 3, 4, 10, 0, tzinfo=dt.UTC)
SENDER = Sender(name="Blue Note", email="hello@shop.example", postal_address="1 Main Street")
TEMPLATES = {
    "hello/subject.txt": "Hello {{ customer.first_name }}",
    "hello/body.txt": "Dear {{ customer.first_name }}\n{{ links.unsubscribe }}\n",
    "hello/body.html": "<p>Dear {{ customer.first_name }}</p><a href='{{ links.unsubscribe }}'>no more</a>",
    "broken/subject.txt": "Hello",
    "broken/body.txt": "{% if %}",
    "basket/subject.txt": "Your basket",
    "basket/body.txt": "{% if not lines %}{{ abort('empty basket') }}{% endif %}{{ lines | length }} things",
}


def clock() -> dt.datetime:
    """The real time, as the command line passes it."""
    return dt.datetime.now(dt.UTC)


def write_templates(root: Path, files: dict[str, str] = TEMPLATES) -> Path:
    """Put the template files below a folder."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def renderer(root: Path) -> Renderer:
    """A renderer over the templates of this house."""
    return Renderer(write_templates(root / "templates"), SENDER, Links("https://shop.example", {"k": b"x" * 32}, "k"))


def open_mailroom(root: Path, **more: Any) -> Mailroom:
    """The mailroom of this house."""
    return Mailroom.open(f"sqlite:///{root}/mailroom.sqlite", environment="test", **more)


def file_channel(root: Path) -> FileChannel:
    """The file channel of this house."""
    return FileChannel(root / "outbox", SENDER)


def message(number: int, *, run: int = 1, **more: Any) -> Decision:
    """A decision for one message; `more` replaces fields of the decision or of its payload."""
    payload: dict[str, Any] = {
        "template": "hello",
        "topic": "offers",
        "topic_class": "marketing",
        "channel": "file",
        "to": f"customer{number}@example.com",
        "name": f"Name {number}",
        "locale": "en",
        "timezone": "UTC",
        "values": {"customer": {"first_name": f"Name {number}"}},
        "max_lateness_s": 4 * 86400,
        "send_hours": None,
    }
    decision = Decision(
        decision_id=identity("message", str(number)),
        kind=DecisionKind.MESSAGE,
        run=run,
        journey="welcome",
        version="v1",
        enrollment_id=identity("pass", str(number)),
        customer_id=f"c{number}",
        step="send:hello",
        occurrence=1,
        state=DecisionState.PENDING,
        reason=None,
        due_at=NOW,
        reached_at=NOW,
    )
    payload.update({key: more.pop(key) for key in list(more) if key in payload})
    return replace(decision, **{"payload": payload, **more})


def other(kind: DecisionKind, number: int, *, run: int = 1, reason: str | None = None, **payload: Any) -> Decision:
    """A decision of another kind about the customer and pass of `message(number)`."""
    return replace(
        message(number, run=run),
        decision_id=identity(kind, str(number), str(run)),
        kind=kind,
        reason=reason,
        payload=payload,
    )


def letters(root: Path) -> list[EmailMessage]:
    """Every message in the outbox, as a mail program reads it."""
    found = []
    for path in sorted((root / "outbox").glob("*.eml")):
        parsed = message_from_bytes(path.read_bytes(), policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        assert not parsed.defects
        found.append(parsed)
    return found


def state_of(mailroom: Mailroom, decision: Decision) -> tuple[str, str | None]:
    """(state, reason) of one message."""
    row = next(row for row in mailroom.listing(limit=100_000) if row.message_id == decision.decision_id)
    return row.state.value, row.reason

"""What the machine can do at best with the same work: floors that the engine's own figures are divided by.

`rule` is the audience as one query by hand over the same files. `letters` renders the same letters with plain Jinja2
(no sandbox, no missing values, no money in the customer's locale), glues the MIME parts together and pipelines them to
the same sink, keeping no state at all. `stateless` does so with the engine's own renderer and channel.
"""

from __future__ import annotations

import binascii
import datetime as dt
import json
import socket
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from jinja2 import Environment, FileSystemLoader

from bench.data import Data, rule
from journey_engine.channels.smtp import SmtpChannel
from journey_engine.checks import open_project
from journey_engine.links import Links
from journey_engine.message import MessageRef, OutcomeKind, Outgoing
from journey_engine.render import Renderer

IN_FLIGHT = 50  # letters on their way before their answers are read


@dataclass(frozen=True, slots=True)
class Spent:
    """How many of something in how many seconds."""

    count: int
    seconds: float
    cpu: float


class Watch:
    """A stopwatch for seconds and CPU seconds."""

    def __init__(self) -> None:
        self.start = time.perf_counter(), time.process_time()

    def spent(self, count: int) -> Spent:
        """What it took until now."""
        return Spent(count, time.perf_counter() - self.start[0], time.process_time() - self.start[1])


def by_hand(data: Data) -> Spent:
    """The audience as one query, on a fresh connection."""
    watch = Watch()
    with duckdb.connect(":memory:") as db:
        db.execute("SET TimeZone = 'UTC'")
        found = db.execute(rule(data)).fetchone()
    assert found is not None
    return watch.spent(int(found[0]))


def letters_of(folder: Path, run: int) -> list[dict[str, Any]]:
    """The messages that a run sent, as rows of the mailroom."""
    with sqlite3.connect(folder / "var" / "mailroom.sqlite") as db:
        db.row_factory = sqlite3.Row
        query = "SELECT * FROM messages WHERE state = 'accepted' AND run = ? ORDER BY message_id"
        rows = db.execute(query, (run,)).fetchall()
    return [{**dict(row), "values": json.loads(row["variables"])} for row in rows]


def stateless(folder: Path, letters: list[dict[str, Any]]) -> Spent:
    """The engine's own renderer and channel over the same messages, without a mailroom."""
    loaded = open_project(folder)
    project, settings = loaded.project, loaded.project.channels.smtp
    assert settings is not None
    renderer = Renderer(folder / "templates", project.sender, Links(project.public_url, {"k": bytes(32)}, "k"))
    channel = SmtpChannel(settings, project.sender)
    channel.open()
    now = dt.datetime.now(dt.UTC)
    watch, taken = Watch(), 0
    for start in range(0, len(letters), 100):
        ready = []
        for row in letters[start : start + 100]:
            ref = MessageRef(row["message_id"], row["customer_id"], row["topic"], row["timezone"])
            rendered = renderer.render(row["template"], row["locale"], row["values"], ref)
            ready.append(
                Outgoing(row["message_id"], row["recipient"], row["recipient_name"], rendered, now, row["template"])
            )
        taken += sum(outcome.kind is OutcomeKind.ACCEPTED for _, outcome in channel.send(ready))
    spent = watch.spent(taken)
    channel.close()
    return spent


def letters(folder: Path, rows: list[dict[str, Any]], port: int) -> Spent:
    """Plain Jinja2, parts glued together, a pipelined connection; nothing is checked and nothing kept."""
    words = Environment(
        loader=FileSystemLoader(folder / "templates"), autoescape=True, auto_reload=False, trim_blocks=True
    )
    words.filters |= {"money": lambda value, currency: f"{currency} {value:,.2f}", "link": str}
    plain = words.overlay(autoescape=False)
    html, text = words.get_template("picks/body.html"), plain.get_template("picks/body.txt")
    subject = plain.get_template("picks/subject.txt")
    sender = {"name": "The Test Shop", "postal_address": "1 Main Street, 12345 Springfield"}
    watch = Watch()
    with socket.create_connection(("127.0.0.1", port)) as peer, peer.makefile("rb") as answers:
        answers.readline()
        peer.sendall(b"EHLO bench\r\n")
        while answers.readline()[3:4] == b"-":
            pass
        waiting = 0
        for row in rows:
            address = f"https://shop.example.com/unsubscribe/{row['message_id']}" + "x" * 120
            links = {"unsubscribe": address, "preferences": address, "home": "https://shop.example.com"}
            context = {**row["values"], "sender": sender, "links": links}
            parts = [template.render(context) for template in (subject, text, html)]
            peer.sendall(_glued(row, parts, address))
            waiting += 1
            if waiting == IN_FLIGHT:
                _read(answers, waiting)
                waiting = 0
        _read(answers, waiting)
    return watch.spent(len(rows))


def _glued(row: dict[str, Any], parts: list[str], address: str) -> bytes:
    subject, text, html = parts
    edge = f"=_{row['message_id']}"
    head = (
        f"MAIL FROM:<shop@example.com>\r\nRCPT TO:<{row['recipient']}>\r\nDATA\r\n"
        f"From: The Test Shop <shop@example.com>\r\nTo: {row['recipient']}\r\nSubject: {subject}\r\n"
        f"Message-ID: <{row['message_id']}@example.com>\r\nList-Unsubscribe: <{address}>\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/alternative; boundary="{edge}"\r\n\r\n'
    )
    out = [head.encode()]
    for kind, body in (("plain", text), ("html", html)):
        out.append(
            f"--{edge}\r\nContent-Type: text/{kind}; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n\r\n".encode()
        )
        out.append(binascii.b2a_qp(body.encode(), istext=True).replace(b"\n", b"\r\n") + b"\r\n")
    out.append(f"--{edge}--\r\n".encode())
    return b"".join(out).replace(b"\n.", b"\n..") + b".\r\n"


def _read(answers: Any, letters: int) -> None:
    for _ in range(4 * letters):
        code = answers.readline()[:3]
        if code not in (b"250", b"354"):
            raise SystemExit(f"bench: the sink said {code!r}")

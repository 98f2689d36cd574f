"""Compares what was expected with what happened, and says each difference in words with its line."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from journey_engine.errors import Place
from journey_engine.journeytest.story import Story
from journey_engine.journeytest.words import (
    Expect,
    ExpectedExit,
    ExpectedMessage,
    ExpectedReward,
    ExpectedTask,
    ExpectedWebhook,
)
from journey_engine.message import plain, webhook_data
from journey_engine.records import Decision, PassState
from journey_engine.times import parse_instant, utc_to_local
from journey_engine.yamlfile import Path, Positions

NOTHING = "nothing"
NOT_SKIPPED = "no"  # what stands for the reason of a message that goes out
Differs = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Difference:
    """One expectation that did not come true; `place` is its line in the test file."""

    place: Place
    what: str
    expected: str
    happened: str

    def lines(self) -> list[str]:
        """As people read it."""
        return [f"{self.place}: {self.what}", f"    expected  {self.expected}", f"    happened  {self.happened}"]


def differences(expect: Expect, story: Story, positions: Positions, path: Path) -> list[Difference]:
    """Every difference of one test; `path` leads to its `expect`."""
    found: list[Difference] = []

    def differs(where: Path, what: str, expected: str, happened: str, *, key: bool = False) -> None:
        found.append(Difference(positions.of((*path, *where), key=key), what, expected, happened))

    if expect.entered is not None and expect.entered != len(story.passes):
        differs(("entered",), "passes that began", str(expect.entered), _entries(story))
    if expect.messages is not None:
        wanted = [_message(one) for one in expect.messages]
        quiet = () if any(one.channel for one in expect.messages) else ("channel",)
        happened = [_sent(one, quiet) for one in sorted(story.messages, key=lambda one: one.due_at)]
        _lists("messages", wanted, happened, differs, story)
    if expect.tasks is not None:
        tasks = [_task(one) for one in expect.tasks]
        given = [_given(one, title) for one, title in sorted(story.tasks, key=lambda one: one[0].due_at)]
        _lists("tasks", tasks, given, differs, story)
    if expect.rewards is not None:
        rewards = [_reward(one) for one in expect.rewards]
        _lists("rewards", rewards, [_got(one) for one in sorted(story.rewards, key=_when)], differs, story)
    if expect.webhooks is not None:
        calls = [_webhook(one) for one in expect.webhooks]
        _lists("webhooks", calls, [_called(one) for one in sorted(story.webhooks, key=_when)], differs, story)
    if expect.open and (not story.passes or story.passes[-1].state is not PassState.OPEN):
        differs(("open",), "the last pass", "still open", _ended(story))
    if expect.exit is not None and not _as_expected(expect.exit, story):
        differs(("exit",), "the last pass", _exit(expect.exit), _ended(story))
    return found


@dataclass(frozen=True, slots=True)
class Item:
    """A message or a task in parts that are compared one by one; a part that is not expected is None.

    `quiet` parts are compared, and not shown.
    """

    parts: tuple[tuple[str, str | dt.datetime | None], ...]
    quiet: tuple[str, ...] = ()

    def matches(self, other: Item, zone: str) -> bool:
        """Whether everything this one names is so in the other."""
        mine, theirs = self.parts, dict(other.parts)
        return all(value is None or _same(value, theirs[name], zone) for name, value in mine)

    def text(self, clock: Callable[[dt.datetime], str]) -> str:
        """`we-miss-you at 2026-03-03 09:00`."""
        words: list[str] = []
        for name, value in self.parts:
            if value is not None and value != NOT_SKIPPED and name not in self.quiet:
                shown = clock(value) if isinstance(value, dt.datetime) else value
                words.append(shown if not words else f"{name} {shown}")
        return ", ".join(words).replace(", at ", " at ")


def _lists(what: str, wanted: Sequence[Item], happened: Sequence[Item], differs: Differs, story: Story) -> None:
    """Say what is missing, what is other and what is too much; what agrees is kept together."""
    clock = _clock_of(story)
    for i, j in _aligned(wanted, happened, story.zone):
        expected = NOTHING if i is None else wanted[i].text(clock)
        got = NOTHING if j is None else happened[j].text(clock)
        differs((what,) if i is None else (what, i), what, expected, got, key=i is None)


def _aligned(wanted: Sequence[Item], happened: Sequence[Item], zone: str) -> Iterator[tuple[int | None, int | None]]:
    """The places where two lists differ, when as many as possible agree in order; others side by side."""
    agree = [[want.matches(item, zone) for item in happened] for want in wanted]
    best = [[0] * (len(happened) + 1) for _ in range(len(wanted) + 1)]  # how many agree from i and j on
    for i in reversed(range(len(wanted))):
        for j in reversed(range(len(happened))):
            both = best[i + 1][j + 1] + 1 if agree[i][j] else 0
            best[i][j] = max(both, best[i + 1][j], best[i][j + 1])
    i = j = 0
    while i < len(wanted) or j < len(happened):
        inside = i < len(wanted) and j < len(happened)
        if inside and agree[i][j] and best[i][j] == best[i + 1][j + 1] + 1:
            i, j = i + 1, j + 1
        elif inside and best[i][j] == best[i + 1][j + 1]:
            yield i, j
            i, j = i + 1, j + 1
        elif j == len(happened) or (inside and best[i][j] == best[i + 1][j]):
            yield i, None
            i += 1
        else:
            yield None, j
            j += 1


def _clock_of(story: Story) -> Callable[[dt.datetime], str]:
    def clock(instant: dt.datetime) -> str:
        if instant.tzinfo is not None:
            return story.clock(instant)
        return instant.strftime("%Y-%m-%d %H:%M:%S" if instant.second else "%Y-%m-%d %H:%M")

    return clock


def _same(expected: str | dt.datetime, happened: str | dt.datetime | None, zone: str) -> bool:
    if isinstance(expected, dt.datetime) and isinstance(happened, dt.datetime):
        return expected == (happened if expected.tzinfo else utc_to_local(happened, zone))
    return expected == happened


def _message(one: ExpectedMessage) -> Item:
    skipped = one.skipped or NOT_SKIPPED
    parts = (("template", one.template), ("at", one.at), ("to", one.to), ("channel", one.channel))
    return Item((*parts, ("skipped", skipped)))


def _sent(one: Decision, quiet: tuple[str, ...]) -> Item:
    payload, skipped = one.payload, one.reason or NOT_SKIPPED
    parts = (("template", payload["template"]), ("at", one.due_at), ("to", payload["to"]))
    hidden = quiet if "addressee" in payload else ("to", *quiet)
    return Item((*parts, ("channel", payload["channel"]), ("skipped", skipped)), hidden)


def _task(one: ExpectedTask) -> Item:
    return Item((("team", one.team), ("at", one.at), ("title", one.title), ("due", one.due)))


def _given(one: Decision, title: str) -> Item:
    due = parse_instant(one.payload["due_at"]) if one.payload["due_at"] else None
    return Item((("team", one.payload["team"]), ("at", one.due_at), ("title", title), ("due", due)))


def _reward(one: ExpectedReward) -> Item:
    amount = None if one.amount is None else f"{one.amount.normalize():f}"
    parts = (("program", one.program), ("at", one.at), ("amount", amount), ("available", one.available))
    return Item((*parts, ("expires", one.expires)))


def _got(one: Decision) -> Item:
    payload = one.payload
    expires = parse_instant(payload["expires_at"]) if payload["expires_at"] else None
    amount = f"{Decimal(str(payload['amount'])).normalize():f}"
    available = parse_instant(payload["available_at"])
    parts = (("program", payload["program"]), ("at", one.due_at), ("amount", amount), ("available", available))
    return Item((*parts, ("expires", expires)))


def _webhook(one: ExpectedWebhook) -> Item:
    return Item((("to", one.to), ("at", one.at), ("data", None if one.data is None else _json(one.data))))


def _called(one: Decision) -> Item:
    return Item((("to", one.payload["endpoint"]), ("at", one.due_at), ("data", _json(webhook_data(one.payload)))))


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, sort_keys=True, ensure_ascii=False, default=plain)


def _when(one: Decision) -> tuple[dt.datetime, str]:
    return one.due_at, one.decision_id


def _as_expected(expected: ExpectedExit, story: Story) -> bool:
    if not story.passes:
        return False
    last = story.passes[-1]
    if last.state != expected.state or (expected.reason is not None and last.reason != expected.reason):
        return False
    return expected.at is None or (last.closed_at is not None and _same(expected.at, last.closed_at, story.zone))


def _exit(expected: ExpectedExit) -> str:
    words: list[str] = [expected.state]
    words += [f"({expected.reason})"] if expected.reason else []
    if expected.at is not None:
        zone = " UTC" if expected.at.tzinfo else ""
        words.append(f"at {expected.at.strftime('%Y-%m-%d %H:%M')}{zone}")
    return " ".join(words)


def _ended(story: Story) -> str:
    if not story.passes:
        return "no pass began"
    last = story.passes[-1]
    if last.closed_at is None:
        return "still open"
    utc = last.closed_at.strftime("%H:%M UTC")
    return f"{last.state} ({last.reason}) at {story.clock(last.closed_at)} ({utc})"


def _entries(story: Story) -> str:
    if not story.passes:
        return "none"
    return f"{len(story.passes)}, entered at " + ", ".join(story.clock(one.entered_at) for one in story.passes)

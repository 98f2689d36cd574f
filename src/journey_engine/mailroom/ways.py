"""The channels of one dispatch: which are open, which cannot work, which pause, and how much each may take now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

from journey_engine.errors import JourneyError
from journey_engine.mailroom import limits as limiting
from journey_engine.mailroom import pauses
from journey_engine.mailroom.claim import Share
from journey_engine.mailroom.limits import Gate, Limits
from journey_engine.mailroom.pauses import Pause
from journey_engine.mailroom.store import Store
from journey_engine.message import WEBHOOK, Channel, Outcome, OutcomeKind
from journey_engine.times import iso

MOMENT = dt.timedelta(seconds=2)
LIMITED = "rate_limit"
"""The reason on a message that waits for room in its channel's limits."""

TOO_MANY = "too_many"
"""The reason of an answer that asks for a pause (429)."""

Trouble = Callable[[str, str, str], None]
Now = Callable[[], dt.datetime]


class Ways:
    """The ways out of the house, in one dispatch."""

    def __init__(
        self, store: Store, channels: Mapping[str, Channel], limits: Mapping[str, Limits], opened: ExitStack,
        worker: str, as_of: dt.datetime, now: Now, trouble: Trouble,
    ) -> None:  # fmt: skip
        self.as_of = as_of
        self.store, self.channels, self.opened, self.now, self.trouble = store, channels, opened, now, trouble
        self.gates = {name: Gate(name, one, worker, now) for name, one in limits.items() if name in channels}
        self.open: set[str] = set()
        self.down: dict[str, tuple[str, str]] = {}
        self.paused: list[Pause] = []
        self.trying: set[str] = set()
        self.full: dict[str, dt.datetime] = {}
        """Channels whose limits have no room, and when they have again."""
        if self.gates:
            limiting.begin(store, {name: gate.limits for name, gate in self.gates.items()}, now())

    def get(self, name: str) -> Channel | None:
        """An open channel, or None with the reason noted."""
        channel = self.channels.get(name)
        if channel is None or name in self.down:
            return None
        if name not in self.open:
            try:
                channel.open()
            except JourneyError as error:  # nothing of it has left the house: the next dispatch may try at once
                self._out(name, error.code, str(error))
                return None
            self.open.add(name)
            self.opened.callback(channel.close)
        return channel

    def shares(self, size: int) -> Iterator[tuple[Share, Gate | None]]:
        """What may be claimed now, a channel that is tried again or has limits each by itself."""
        able = [name for name in self.channels if name not in self.down]
        self.paused, mine = pauses.to_try(self.store, able, self.now())
        self.trying |= mine
        closed = {one.channel for one in self.paused if not one.peer} - self.trying
        peers = {name: [one.peer for one in self.paused if one.channel == name and one.peer] for name in able}
        plain = []
        for name in able:
            if name in closed:
                continue
            if name in self.trying or name in self.gates or peers[name]:
                yield Share([name], 1 if name in self.trying else size, peers[name]), self.gates.get(name)
            else:
                plain.append(name)
        if plain:
            yield Share(plain, size), None

    def moment(self) -> dt.datetime:
        """The instant of this dispatch, or a later one when it has been at work for long."""
        now = self.now()
        return now if now - self.as_of > MOMENT else self.as_of

    def answered(self, name: str, outcome: Outcome) -> None:
        """What an answer says of its channel, or of one whom the channel calls."""
        reason, detail = outcome.reason or "unavailable", outcome.detail or ""
        if outcome.peer is not None:
            if outcome.retry_after is not None and outcome.kind is OutcomeKind.LATER:
                pauses.put(self.store, name, outcome.peer, reason, detail, self.moment(), outcome.retry_after)
            if outcome.down:
                self.trouble(f"{name} {outcome.peer}", reason, detail)
        elif reason == TOO_MANY and name != WEBHOOK:  # an endpoint's are told above, once
            self.mark_down(name, reason, detail, outcome.retry_after or pauses.FIRST)
        elif outcome.down:
            self.mark_down(name, reason, detail, outcome.retry_after)
        elif name in self.trying:
            self.trying.discard(name)
            pauses.end(self.store, name)

    def mark_down(self, name: str, reason: str, detail: str, asked: dt.timedelta | None = None) -> None:
        """Hand nothing more to a channel in this dispatch, nor in others for a while."""
        if name in self.down:
            return
        pauses.put(self.store, name, "", reason, detail, self.moment(), asked, tried=name in self.trying)
        if asked is None:
            self._out(name, reason, detail)
        else:  # it works, and wants to be left alone for so long: no failure
            self.down[name] = (reason, detail)

    def _out(self, name: str, reason: str, detail: str) -> None:
        self.down.setdefault(name, (reason, detail))
        self.trouble(f"channel {name}", reason, detail)

    def left_by(self, name: str) -> dt.datetime | None:
        """When what is in hand of a channel with limits has left: now."""
        return self.now() if name in self.gates else None

    def why_left(self, name: str) -> tuple[str, str] | None:
        """Why what is due of a channel is still here; None for one that takes whatever is due."""
        if name not in self.channels:
            missing = ("no_channel", f"project.yaml does not set up the channel '{name}'")
            self._out(name, *missing)
            return missing
        if name in self.down:
            return self.down[name]
        pause = next((one for one in self.paused if one.channel == name and not one.peer), None)
        if pause is not None and name not in self.trying:
            if not pause.asked:
                self.trouble(str(pause), pause.reason, f"{pause.told}, at once with `{pause.ended_by}`")
            return pause.reason, pause.told
        if name in self.full:
            return LIMITED, f"{self.gates[name].limits}; there is room again at {iso(self.full[name])}"
        return None

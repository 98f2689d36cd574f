"""Which channels there are: a tuple that can be read, and those that installed packages add."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from journey_engine.channels.file import FileChannel
from journey_engine.channels.smtp import SmtpChannel
from journey_engine.errors import JourneyError, nearest
from journey_engine.message import Channel
from journey_engine.project import Sender

Factory = Callable[[Any, Sender, Path], Channel]
"""(the settings below `channels: <name>:`, the sender, the project's folder) -> a channel, not yet open."""


def _file(settings: Any, sender: Sender, root: Path) -> Channel:
    return FileChannel(root / settings.folder, sender)


def _smtp(settings: Any, sender: Sender, root: Path) -> Channel:
    if settings is None:
        raise JourneyError(
            "the smtp channel is used but project.yaml does not say which server",
            remedy="add `channels: smtp: host:` to project.yaml",
            code="channel_settings",
        )
    return SmtpChannel(settings, sender)


CHANNELS: tuple[tuple[str, Factory], ...] = (
    ("file", _file),
    ("smtp", _smtp),
)


def make_channels(
    names: Iterable[str],
    settings: Any,
    sender: Sender,
    root: Path,
) -> dict[str, Channel]:
    """The named channels, not yet open. `settings` has one attribute per channel. Raises JourneyError."""
    known = dict(CHANNELS)
    for point in entry_points(group="journey_engine.channels"):
        if point.name not in known:
            known[point.name] = point.load()
    made = {}
    for name in names:
        if name not in known:
            raise JourneyError(
                f"there is no channel '{name}'{nearest(name, sorted(known))}",
                remedy=f"use one of {', '.join(sorted(known))}, or install the package that brings it",
                code="unknown_channel",
            )
        made[name] = known[name](getattr(settings, name, None), sender, root)
    return made

"""Which channels there are: a tuple that can be read, and those that installed packages add."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from journey_engine.channel_settings import Channels
from journey_engine.channels.file import FileChannel
from journey_engine.channels.sms import SmsChannel, reader
from journey_engine.channels.smtp import SmtpChannel
from journey_engine.channels.staff import StaffChannel
from journey_engine.errors import JourneyError, nearest
from journey_engine.message import Channel
from journey_engine.project import Sender

Factory = Callable[[Any, Sender, Path], Channel]
"""(the settings below `channels: <name>:`, the sender, the project's folder) -> a channel, not yet open."""


def _file(settings: Any, sender: Sender, root: Path) -> Channel:
    return FileChannel(root / settings.folder, sender)


def _smtp(settings: Any, sender: Sender, root: Path) -> Channel:
    return SmtpChannel(_set_up(settings, "smtp", "smtp: host:"), sender)


def _sendgrid(settings: Any, sender: Sender, root: Path) -> Channel:
    from journey_engine.channels.sendgrid import SendgridChannel  # its package is slow to load

    return SendgridChannel(_set_up(settings, "sendgrid", "sendgrid: region:"), sender)


def _sms(settings: Any, sender: Sender, root: Path) -> Channel:
    return SmsChannel(_set_up(settings, "sms", "sms:"))


def _staff(settings: Any, sender: Sender, root: Path) -> Channel:
    return StaffChannel(_set_up(settings, "staff", "staff: url_env:"))


def _set_up(settings: Any, name: str, words: str) -> Any:
    if settings is None:
        raise JourneyError(
            f"the {name} channel is used but project.yaml does not set it up",
            remedy=f"add `channels: {words}` to project.yaml",
            code="channel_settings",
        )
    return settings


CHANNELS: tuple[tuple[str, Factory], ...] = (
    ("file", _file),
    ("smtp", _smtp),
    ("sendgrid", _sendgrid),
    ("sms", _sms),
    ("staff", _staff),
)


def numbers(settings: Channels) -> Callable[[str], str | None]:
    """How a project reads phone numbers: in E.164, those without a country as its sms channel says."""
    return reader(settings.sms.country if settings.sms is not None else None)


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

"""The file channel: one complete .eml file per message in a folder that any mail program opens.

A file appears under its name only when it is whole and on the disk, and its name holds the message id, so
the folder is a complete record of what was taken: sending the same message again replaces the same file.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from journey_engine.channels.mime import Envelope
from journey_engine.errors import JourneyError
from journey_engine.message import Outcome, OutcomeKind, Outgoing, Presence
from journey_engine.project import Sender


class FileChannel:
    """Writes `<template>-<message id>.eml`."""

    name = "file"
    hold = dt.timedelta(0)

    def __init__(self, folder: Path, sender: Sender) -> None:
        self.folder, self.sender = folder, sender
        self._envelopes: dict[str, Envelope] = {}

    def open(self) -> None:
        """Make the folder; raises JourneyError when that fails."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise JourneyError(
                f"the folder {self.folder} of the file channel cannot be made: {error.strerror}",
                remedy="mend `channels: file: folder:` in project.yaml or the folder's permissions",
                code="channel_settings",
            ) from None

    def close(self) -> None:
        """Nothing is kept open."""

    def send(self, messages: Sequence[Outgoing]) -> Iterator[tuple[str, Outcome]]:
        """Write each message; a folder that takes no more leaves the rest untouched."""
        failure: Outcome | None = None
        for message in messages:
            if failure is None:
                outcome = self._send(message)
                failure = outcome if outcome.down else None
            else:
                outcome = failure
            yield message.message_id, outcome

    def _send(self, message: Outgoing) -> Outcome:
        try:
            data = self._envelope(message).fill(message)
        except ValueError as error:
            return Outcome(OutcomeKind.REFUSED, "invalid_address", str(error))
        path = self.folder / f"{re.sub(r'[^A-Za-z0-9_.-]', '_', message.template)}-{message.message_id}.eml"
        try:
            _write(path, data)
        except OSError as error:
            detail = f"{self.folder}: {error.strerror}"
            return Outcome(OutcomeKind.LATER, "folder_unwritable", detail, down=True)
        return Outcome.accepted(path.name)

    def _envelope(self, message: Outgoing) -> Envelope:
        if message.topic_class not in self._envelopes:
            self._envelopes[message.topic_class] = Envelope.of(self.sender, message.topic_class)
        return self._envelopes[message.topic_class]

    def lookup(self, message_ids: Collection[str]) -> Mapping[str, Presence]:
        """The folder is the record: a message is there, or it was never taken."""
        found = set()
        with contextlib.suppress(FileNotFoundError), os.scandir(self.folder) as entries:
            found = {entry.name[-36:-4] for entry in entries if entry.name.endswith(".eml")}
        return {one: Presence.ACCEPTED if one in found else Presence.ABSENT for one in message_ids}

    def erase(self, message_ids: Collection[str], addresses: Collection[str]) -> int:
        """Remove the files of these messages. Raises JourneyError for one that stays."""
        wanted, count = set(message_ids), 0
        if not wanted:
            return 0
        try:
            with contextlib.suppress(FileNotFoundError), os.scandir(self.folder) as entries:
                for entry in entries:
                    if entry.name.endswith(".eml") and entry.name[-36:-4] in wanted:
                        os.unlink(entry.path)
                        count += 1
        except OSError as error:
            raise JourneyError(
                f"letters in {self.folder} cannot be removed: {error.strerror}",
                remedy="mend the folder's permissions, and erase again",
                code="channel_settings",
            ) from None
        return count


def _write(path: Path, data: bytes) -> None:
    """Write beside, flush to the disk, then rename: no reader ever sees half a message."""
    beside = path.with_suffix(".part")
    try:
        with open(beside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise

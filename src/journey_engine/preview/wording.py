"""One letter in words: as its channel would get it, or why it cannot be worded."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from journey_engine.channels.mime import Envelope
from journey_engine.errors import JourneyError
from journey_engine.links import Links
from journey_engine.load import LoadedProject
from journey_engine.message import SMS, Aborted, MessageRef, Outgoing, Rendered, RenderError, is_address, is_phone
from journey_engine.program import advocates
from journey_engine.records import Decision
from journey_engine.render import Renderer, author_of

KEY = "preview"  # signs the links; no project has it, so that no page takes them


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter. Without `rendered` it could not be worded, and `problem` says why, `remedy` what to do.

    `held_back` is why the night or a dispatch would not send it, although it can be worded.
    """

    step: str
    template: str
    place: str
    sender: str
    to: str | None
    rendered: Rendered | None = None
    problem: str | None = None
    remedy: str | None = None
    held_back: str | None = None
    whole: bytes | None = None  # the .eml
    channel: str = ""
    sender_note: str | None = None  # why it is not from the customer's own salesperson, though one is named
    by: str | None = None  # of several channels the one that it takes, and why not another

    @property
    def name(self) -> str:
        """A file name for it, without an ending."""
        return re.sub(
            r"[^A-Za-z0-9_.-]+", "-", self.step if self.template in self.step else f"{self.step}-{self.template}"
        )


class Wording:
    """Words the letters of one preview; `why` tells where a value that is missing would come from."""

    def __init__(self, loaded: LoadedProject, as_of: dt.datetime, why: Callable[[str], str]) -> None:
        self.project, self.as_of, self.why = loaded.project, as_of, why
        links = Links(self.project.public_url, {KEY: KEY.encode()}, KEY, self.project.double)
        self.renderer = Renderer(
            loaded.folder / "templates",
            self.project.sender,
            links,
            self.project.locale,
            advocates(loaded.file.terms, self.project.public_url),
        )

    @property
    def short_sender(self) -> str:
        """Who a short message is from."""
        settings = self.project.channels.sms
        return (settings.from_ or settings.service or "") if settings else ""

    def word(self, decision: Decision, place: str) -> Letter:
        """One letter, from what the night would decide; `place` is where it is written."""
        payload, sender = decision.payload, self.project.sender
        name, address = payload["name"], payload["to"]
        letter = {
            "step": decision.step,
            "template": payload["template"],
            "place": place,
            "sender": f"{sender.name} <{sender.email}>",
            "channel": payload["channel"],
        }
        reader = payload.get("addressee") or decision.customer_id
        ref = MessageRef(
            decision.decision_id, reader, payload["topic"], payload["timezone"], decision.enrollment_id,
            decision.customer_id, payload["channel"],
        )  # fmt: skip
        try:
            rendered = self.renderer.render(payload["template"], payload["locale"], payload["values"], ref)
        except Aborted as stop:
            return Letter(**letter, to=address, problem=f"the template stops it: {stop.reason}")
        except RenderError as error:
            missing = error.code == "missing_value" and error.path is not None
            more = f"; {self.why(error.path)}" if missing and error.path is not None else ""
            return Letter(**letter, to=address, problem=f"{error.message}{more}", remedy=error.remedy)
        if payload["channel"] == SMS:
            letter["sender"] = self.short_sender
            held = None if is_phone((address or "").strip()) else f"{reader} has no phone number"
            return Letter(**letter, to=address, rendered=rendered, held_back=held)
        author, letter["sender_note"] = author_of(sender, payload["values"], payload["topic"])
        if author is not None:
            letter["sender"] = f"{author.name} <{author.email}>"
        if address is None or not is_address(address.strip()):
            held = f"{reader} has no email address" if address is None else f"the address of {reader} is none"
            return Letter(**letter, to=address, rendered=rendered, held_back=held)
        out = Outgoing(
            decision.decision_id, address.strip(), name, rendered, self.as_of, payload["template"],
            payload["topic_class"],
        )  # fmt: skip
        try:
            whole = Envelope.of(sender, payload["topic_class"]).fill(out)
        except ValueError as error:
            return Letter(**letter, to=address, rendered=rendered, held_back=str(error))
        return Letter(**letter, to=f"{name} <{address.strip()}>" if name else address, rendered=rendered, whole=whole)


def write(letters: tuple[Letter, ...], folder: Path) -> list[Path]:
    """Write each letter as .eml, .html and .txt, numbered. Raises JourneyError for a folder that takes none."""
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, letter in enumerate(letters, 1):
            if letter.rendered is None:
                continue
            parts = {".eml": letter.whole, ".txt": letter.rendered.text.encode()}
            parts[".html"] = letter.rendered.html.encode() if letter.rendered.html is not None else None
            for ending, content in parts.items():
                if content is not None:
                    path = folder / f"{number:02}-{letter.name}{ending}"
                    path.write_bytes(content)
                    written.append(path)
    except OSError as error:
        raise JourneyError(
            f"{folder} cannot be written: {error.strerror}", remedy="name a folder that you may write to with --out"
        ) from error
    return written

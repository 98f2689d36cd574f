"""The command `preview`: letters for a real customer, in words on the screen and as files to open."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from journey_engine.cli import DONE, FOUND, output
from journey_engine.cli.output import BOLD, RED, now, paint, project_folder, say
from journey_engine.errors import visible
from journey_engine.times import iso

if TYPE_CHECKING:
    from journey_engine.preview import Letter, Preview

HARMLESS = "a preview: nothing was sent or kept; its links lead nowhere, so nobody can unsubscribe with them"


def preview(options: argparse.Namespace) -> int:
    """Show letters as a customer would get them."""
    from journey_engine.audience import asks_mailroom
    from journey_engine.load import load_project
    from journey_engine.preview import preview as made
    from journey_engine.preview import subject_of, write
    from journey_engine.rules import newest

    loaded = load_project(project_folder(options.project))
    subject = subject_of(options.what, loaded)
    as_of = options.as_of or newest(loaded.project.cadence, now())
    if loaded.project.front_door.write_keys or asks_mailroom(subject.graph.audience) or subject.chooses:
        from journey_engine.night import open_mailroom

        with open_mailroom(loaded) as room:
            shown = made(loaded, subject, as_of, options.customer, feedback=room.feedback(), people=room.people())
    else:
        shown = made(loaded, subject, as_of, options.customer)
    files = write(shown.letters, Path(options.out)) if options.out else []
    if options.json:
        output.print_json(_plain(shown, files))
    else:
        say("\n".join(_lines(shown, files)))
    return DONE if shown.worded else FOUND


def _plain(shown: Preview, files: list[Path]) -> dict[str, object]:
    letters = [
        {"step": one.step, "template": one.template, "channel": one.channel, "from": one.sender,
         "from_note": one.sender_note, "to": one.to,
         "subject": one.rendered.subject if one.rendered else None,
         "text": one.rendered.text if one.rendered else None, "html": one.rendered.html if one.rendered else None,
         "by": one.by, "problem": one.problem, "remedy": one.remedy, "held_back": one.held_back}
        for one in shown.letters
    ]  # fmt: skip
    return {
        "journey": shown.journey, "customer": shown.customer_id, "as_of": iso(shown.as_of), "notes": list(shown.notes),
        "letters": letters, "files": [str(path) for path in files],
    }  # fmt: skip


def _lines(shown: Preview, files: list[Path]) -> Iterator[str]:
    who = paint(f"journey {shown.journey} for customer {visible(shown.customer_id)}", BOLD)
    yield f"{who} as of {iso(shown.as_of)}"
    yield from (f"  {visible(note)}" for note in shown.notes)
    for letter in shown.letters:
        yield ""
        yield from _letter(letter)
    if not shown.letters:
        yield "this journey sends no letters"
    yield ""
    if files:
        yield "written:"
        yield from (f"  {path}" for path in files)
    elif shown.letters:
        yield "--out FOLDER writes them as .eml, .html and .txt"
    yield HARMLESS


def _letter(letter: Letter) -> Iterator[str]:
    yield f"{paint(f'{letter.step}, template {letter.template}', BOLD)} ({letter.place})"
    yield f"  from:    {visible(letter.sender)}"
    if letter.sender_note:
        yield paint(f"           {visible(letter.sender_note)}", RED)
    yield f"  to:      {visible(letter.to or '(no address)')}"
    if letter.by:
        yield f"  by:      {visible(letter.by)}"
    if letter.rendered is None:
        yield paint(f"  cannot be worded: {visible(letter.problem or '')}", RED)
        if letter.remedy:
            yield f"  remedy:  {visible(letter.remedy)}"
        return
    if letter.rendered.subject:
        yield f"  subject: {letter.rendered.subject}"
    if letter.held_back:
        yield paint(f"  would not leave: {visible(letter.held_back)}", RED)
    yield ""
    yield from (f"  | {visible(line)}".rstrip() for line in letter.rendered.text.strip().splitlines())

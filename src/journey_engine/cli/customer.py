"""`journey customer`: what is kept of one customer, and forgetting them."""

from __future__ import annotations

import argparse
import dataclasses

from journey_engine.cli import DONE, FOUND, output
from journey_engine.cli.output import now, project_folder, say
from journey_engine.errors import visible


def customer(options: argparse.Namespace) -> int:
    """Export or erase one customer."""
    from journey_engine.load import load_project
    from journey_engine.night import erase_customer, export_customer

    loaded = load_project(project_folder(options.project))
    if options.action == "export":
        output.print_json(export_customer(loaded, options.customer), indent=2)
        return DONE
    done = erase_customer(loaded, options.customer, clock=now)
    if options.json:
        output.print_json(dataclasses.asdict(done))
        return FOUND if done.owed else DONE
    for where, rows in (("the mailroom", done.mailroom), ("the engine", done.engine)):
        told = ", ".join(f"{name} {count:,}" for name, count in sorted(rows.items()))
        say(f"{where}: {told or 'nothing was kept'}")
    if done.letters:
        say(f"letters in folders: {done.letters:,} removed")
    for name, count in done.asked.items():
        if count:
            said = "an address" if count == 1 else f"{count:,} addresses"
            say(f"{name}: its provider has taken that it forgets {said}")
    if done.kept_by:
        say(f"what {', '.join(done.kept_by)} keeps of letters that have left is not ours to erase: ask your provider")
    say("erased; their id and addresses are kept as keyed hashes only, so that nothing is sent to them again")
    if done.shared_with:
        who, more = ", ".join(map(visible, done.shared_with[:5])), ", ..." if len(done.shared_with) > 5 else ""
        say(f"the same address is that of {who}{more} too: they get nothing there any more")
    say("your own data and backups still have them: take them out there too, or the next night reads them in anew")
    for name, why in done.owed.items():
        say(f"{name} has not erased yet: {visible(why)}")
    return FOUND if done.owed else DONE

"""The command of rewards: who sent whom, what somebody has, and what a person says of it."""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from journey_engine.cli import DONE, output
from journey_engine.cli.look import table
from journey_engine.cli.named import known_name
from journey_engine.cli.output import now, paint, project_folder, say
from journey_engine.errors import JourneyError, nearest, visible
from journey_engine.message import plain
from journey_engine.times import iso

if TYPE_CHECKING:
    from journey_engine.load import LoadedProject
    from journey_engine.mailroom import Brought, Mailroom
    from journey_engine.mailroom.referral_words import Listed as Referral
    from journey_engine.mailroom.reward_lists import ListedReward
    from journey_engine.program import Program

WAITING = "waiting"  # the state of a code that nobody who is known has
SHOWN = 12  # signs of an id in a table; fewer are enough to name a referral or a reward
NEEDED = {
    "approve": {"id": "ID", "reason": "--reason TEXT"},
    "void": {"id": "ID", "reason": "--reason TEXT"},
    "redeem": {"id": "ID", "cause": "--cause TEXT"},
    "balance": {"program": "--program P"},
    "load": {"id": "FILE", "program": "--program P"},
    "code": {"program": "--program P", "customer": "--customer C"},
}


def rewards(options: argparse.Namespace) -> int:
    """List referrals and rewards, or say what becomes of one."""
    from journey_engine.load import load_project
    from journey_engine.night import open_mailroom

    _complete(options)
    loaded, at = load_project(project_folder(options.project)), options.as_of or now()
    if options.program is not None:
        _program(loaded, options.program)
    if options.action == "code":
        return _code(loaded, options)
    with open_mailroom(loaded) as room:
        match options.action:
            case "balance":
                return _balance(room, loaded, options)
            case "load":
                return _load(room, loaded, options, at)
            case "approve":
                return _said(options, _approve(room, options, at))
            case "void":
                return _said(options, _void(room, options, at))
            case "redeem":
                return _said(options, _redeem(room, options, at))
            case _:
                return _list(room, options)


def _complete(options: argparse.Namespace) -> None:
    """What an action cannot do without."""
    needed = NEEDED.get(options.action, {})
    if any(not (getattr(options, name) or "").strip() for name in needed):
        raise JourneyError(
            f"`rewards {options.action}` needs to know {' and '.join(needed)}",
            remedy=f"say: journey rewards {options.action} {' '.join(needed.values())}",
        )


def _program(loaded: LoadedProject, name: str) -> Program:
    programs = loaded.file.terms
    program = programs.get(name)
    if program is None:
        known = ", ".join(programs) or "none yet"
        raise JourneyError(
            f"there is no program '{name}'{nearest(name, list(programs))}",
            remedy=f"journeys/programs has: {known}",
            code="unknown-program",
        )
    return program


def _said(options: argparse.Namespace, told: str) -> int:
    if options.json:
        output.print_json({"id": options.id, "action": options.action, "told": told})
    else:
        say(f"{visible(options.id)}: {told}")
    return DONE


def _approve(room: Mailroom, options: argparse.Namespace, at: dt.datetime) -> str:
    if room.approve_referral(options.id, at, options.reason) == "approved":
        return "approved; the next run sees it"
    return "no longer flagged; it counts once the friend has done what it is for"


def _void(room: Mailroom, options: argparse.Namespace, at: dt.datetime) -> str:
    if room.has_referral(options.id):
        room.void_referral(options.id, at, options.reason)
        return "the referral is voided, and what was given for it is taken back"
    new = room.reverse(room.reward_named(options.id, options.customer), at, options.reason)
    return "the reward is taken back" if new else "was taken back before; nothing is changed"


def _redeem(room: Mailroom, options: argparse.Namespace, at: dt.datetime) -> str:
    new = room.redeem(room.reward_named(options.id, options.customer), at, options.cause)
    return "redeemed" if new else "was redeemed by this before; nothing is changed"


def _balance(room: Mailroom, loaded: LoadedProject, options: argparse.Namespace) -> int:
    program = _program(loaded, options.program)
    found = room.balance(program.program, program.currency, options.customer)
    sums = {name: plain(getattr(found, name)) for name in ("pending", "available", "redeemed", "total")}
    whose = f" of {options.customer}" if options.customer else ""
    if options.json:
        told: dict[str, Any] = {"program": program.program, "customer": options.customer, "currency": program.currency}
        pool = {"codes_left": room.codes_left(program.program)} if program.code == "pool" else {}
        output.print_json({**told, **sums, "budget": plain(program.budget), **pool})
        return DONE
    say(f"{program.program}{whose}, in {program.currency}")
    rows = [(name, str(value)) for name, value in sums.items()]
    say(table(("state", "sum"), [*rows, *([] if options.customer else [("budget", str(plain(program.budget)))])]))
    if hint := _nobody(room, options.customer):
        say(f"no reward was ever theirs{hint}")
    return DONE


def _load(room: Mailroom, loaded: LoadedProject, options: argparse.Namespace, at: dt.datetime) -> int:
    program = _program(loaded, options.program)
    if program.code != "pool":
        raise JourneyError(
            f"the program '{program.program}' has no pool: its `code` is {program.code}",
            remedy="write `code: pool` in its file; then load the codes",
        )
    done = room.load_codes(program.program, read_codes(options.id), at)
    if options.json:
        output.print_json({"program": program.program, **dataclasses.asdict(done)})
    else:
        say(f"{done.added:,} codes are new, {done.known:,} were here; {done.given:,} rewards that waited have theirs")
        say(f"{done.left:,} are left")
    return DONE


def read_codes(name: str) -> list[str]:
    """The codes of a file, the first column of each line; raises JourneyError for one that cannot be read."""
    try:
        lines = Path(name).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise JourneyError(
            f"the codes in {name} cannot be read: {why}", remedy="name a text file, a code a line"
        ) from None
    found = []
    for number, line in enumerate(lines, 1):
        code = re.split(r"[,;\t]", line, maxsplit=1)[0].strip().strip('"')
        if not code or (number == 1 and code.lower() == "code"):
            continue
        if not re.fullmatch(r"[!-~]{1,80}", code):
            raise JourneyError(
                f"line {number} of {name} is no code: it has spaces, strange signs or more than 80",
                remedy="mend the line; nothing of the file was loaded",
            )
        found.append(code)
    return found


def _code(loaded: LoadedProject, options: argparse.Namespace) -> int:
    program = _program(loaded, options.program)
    if program.referral is None:
        raise JourneyError(
            f"the program '{program.program}' has no `referral`, so nobody has a code in it",
            remedy="`journey rewards list --customer C` tells the codes of somebody's rewards",
        )
    _check_customer(loaded, options.customer)
    code, link = program.code_of(options.customer), program.link_of(options.customer, loaded.project.public_url)
    if options.json:
        output.print_json({"customer": options.customer, "program": program.program, "code": code, "link": link})
    else:
        say(f"{code}  {link}")
    return DONE


def _check_customer(loaded: LoadedProject, customer: str) -> None:
    """A code of nobody would bring nobody anything; before the first night there is no telling."""
    from journey_engine.engines import open_reader

    try:
        reader = open_reader(loaded.project.engine, loaded.folder)
    except JourneyError:
        return
    try:
        if not reader.rows("SELECT customer_id FROM customers WHERE customer_id = ?", (customer,)):
            raise JourneyError(
                f"the last night knew no customer '{customer}': a code of theirs would be nobody's",
                remedy="check the id against the customers file; a new customer is known from the next run on",
                code="unknown-name",
            )
    finally:
        reader.close()


def _list(room: Mailroom, options: argparse.Namespace) -> int:
    from journey_engine.mailroom import ReferralState, RewardState

    states = [state.value for state in (*ReferralState, *RewardState)]
    known_name("state", options.state, [*states, WAITING])
    chosen = {"program": options.program, "customer": options.customer}
    sent = room.referrals(state=options.state, **chosen, limit=options.limit)
    given = room.rewards(state=options.state, **chosen, limit=options.limit)
    waiting = room.waiting_codes(**chosen) if options.state in (None, WAITING) else []
    if options.json:
        output.print_json({
            "referrals": [_row(one) for one in sent], "rewards": [_row(one) for one in given],
            "waiting": [_row(one) for one in waiting],
        })  # fmt: skip
        return DONE
    if sent:
        _show_referrals(sent)
    if given:
        _show_rewards(given, after=bool(sent))
    if waiting:
        _show_waiting(waiting[: options.limit], len(waiting), after=bool(sent or given))
    if not sent and not given and not waiting:
        say(f"no referral and no reward is so{_nobody(room, options.customer)}")
    elif options.limit in (len(sent), len(given)):
        say(f"of each only the first {options.limit:,} are shown; --limit, --state and --program choose others")
    return DONE


def _nobody(room: Mailroom, customer: str | None) -> str:
    """What may be wrong with the name of a customer who has nothing."""
    known = room.rewarded() if customer is not None else []
    if customer is None or customer in known:
        return ""
    return f": nothing is known here of '{visible(customer)}'{nearest(customer, known)}"


def _show_referrals(sent: Sequence[Referral]) -> None:
    columns = ("referral", "program", "advocate", "friend", "state", "reason", "since", "open until", "held until")
    rows = [
        (one.referral_id[:SHOWN], one.program, one.advocate, one.friend, one.state, one.reason or "",
         iso(one.first_touch), iso(one.ends_at) if one.is_open else "", iso(one.hold_until) if one.hold_until else "")
        for one in sent
    ]  # fmt: skip
    say(table(columns, rows))
    flagged = sum(one.state == "flagged" for one in sent)
    if flagged:
        ways = "journey rewards approve ID, or void ID, with --reason"
        say(paint(f"{flagged:,} wait for a word: {ways}", output.BOLD))


def _show_waiting(waiting: Sequence[Brought], count: int, *, after: bool) -> None:
    rows = [(one.program, one.friend, one.code, iso(one.at)) for one in waiting]
    say(("\n" if after else "") + table(("code of nobody so far", "friend", "code", "since"), rows))
    say(f"{count:,} codes wait: each counts from the first night on which both customers are in the data")


def _show_rewards(given: Sequence[ListedReward], *, after: bool) -> None:
    columns = ("reward", "program", "side", "customer", "amount", "state", "reason", "code", "from", "until")
    rows = [
        (one.reward_id[:SHOWN], one.program, one.side, one.customer_id, f"{plain(one.amount)} {one.currency}",
         one.state, one.reason or "", one.code, iso(one.available_at), iso(one.expires_at) if one.expires_at else "")
        for one in given
    ]  # fmt: skip
    say(("\n" if after else "") + table(columns, rows))


def _row(one: Any) -> dict[str, Any]:
    return {
        name: plain(value) if hasattr(value, "scaleb") else value for name, value in dataclasses.asdict(one).items()
    }

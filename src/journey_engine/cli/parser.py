"""Every command with its options and its one line of help; docs/cli.md is compared with this by a test.

Only names and texts: the work is in the module that `run` names.
"""

from __future__ import annotations

import argparse

from journey_engine import __version__
from journey_engine.cli import beforehand, people
from journey_engine.cli.arguments import Commands, Parser, at_least_one, instant
from journey_engine.cli.arguments import add as _add
from journey_engine.cli.arguments import as_json as _json
from journey_engine.cli.arguments import as_of as _as_of
from journey_engine.cli.arguments import project as _project

EPILOG = """exit status: 0 done; 1 looked and found something wrong (a journey, a test, a journey set aside tonight);
2 could not be done (wrong command line, missing file, another run is at work). docs/cli.md tells more."""


def build() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = Parser(
        prog="journey",
        description="Customer lifecycle journeys: YAML in, customers evaluated as a set, messages out once.",
        epilog=EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"journey {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (
        _init, _new, _validate, _schema, _test, beforehand.preview, _plan, beforehand.simulate, _run, _dispatch,
        _report, _audience, _explain, _mailroom, _stop, _resume, _release, _cancel, _rollback, _serve, people.tasks,
        people.customer, people.rewards,
    ):  # fmt: skip
        add(commands)
    return parser


def _workers(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of dispatchers; write one from 1 to 64")
    return int(text)


def _init(commands: Commands) -> None:
    parser = _add(commands, "init", "check:init", "Make a new project with one journey that runs as it is.")
    parser.add_argument("folder", metavar="DIR", nargs="?", default=".", help="where; this folder without it")


def _new(commands: Commands) -> None:
    parser = _add(
        commands,
        "new",
        "recipe:new",
        "Copy a ready-made journey with its test and its letters into a project; alone, list them.",
        "No file is replaced. What the journey needs of project.yaml is added there.",
    )
    parser.add_argument("recipe", metavar="STAGE/RECIPE", nargs="?", help="which one; without it all are listed")
    parser.add_argument("--as", dest="name", metavar="NAME", help="the journey's name; the recipe's own without it")
    _project(parser)
    _json(parser)


def _validate(commands: Commands) -> None:
    parser = _add(commands, "validate", "check:validate", "Check every journey and show all problems at once.")
    parser.add_argument("paths", metavar="PATH", nargs="*", help="only what these files or folders hold")
    parser.add_argument("--verbose", action="store_true", help="also print the defaults that each journey uses")
    _project(parser)
    _json(parser)


def _schema(commands: Commands) -> None:
    parser = _add(
        commands,
        "schema",
        "check:schema",
        "Print the JSON Schema of a journey file, for editors that complete and check.",
    )
    parser.add_argument(
        "of", choices=("journey", "project", "program"), nargs="?", default="journey", help="which file"
    )
    parser.add_argument("--markdown", action="store_true", help="the whole language as a page for people instead")


def _test(commands: Commands) -> None:
    parser = _add(commands, "test", "check:test", "Run the tests beside the journeys (*.test.yaml); needs no data.")
    parser.add_argument("paths", metavar="PATH", nargs="*", help="only these test files, journeys or folders")
    _project(parser)
    _json(parser)


def _plan(commands: Commands) -> None:
    parser = _add(
        commands,
        "plan",
        "planned:plan",
        "Tell what would change if the next run took the files as they are: journeys, open passes, letters.",
        "Compares with the last run and rehearses the next one on a copy; changes nothing.",
    )
    _project(parser)
    _as_of(parser, "without it the next run's")
    _json(parser)


def _run(commands: Commands) -> None:
    parser = _add(
        commands,
        "run",
        "nights:run",
        "Evaluate every journey for every customer once, then hand over what is due.",
        "The same instant again enters, moves and sends nothing.",
    )
    _project(parser)
    _as_of(parser, "without it the newest instant of the project's cadence")
    parser.add_argument("--dry-run", action="store_true", help="decide and report, keep and send nothing")
    parser.add_argument("--show-sql", action="store_true", help="print every statement to standard error")
    parser.add_argument(
        "--accept-loss",
        action="store_true",
        help="your word that missing customers or half-sized sources are right",
    )
    _json(parser)


def _dispatch(commands: Commands) -> None:
    parser = _add(commands, "dispatch", "nights:dispatch", "Hand over the messages that are due.")
    parser.add_argument(
        "--workers",
        type=_workers,
        metavar="N",
        help="so many dispatchers at once, a process each; without it one for each core where much is due",
    )
    parser.add_argument("--beside", type=instant, help=argparse.SUPPRESS)  # started by another dispatch
    _project(parser)
    _as_of(parser, "without it the clock's")
    _json(parser)


def _report(commands: Commands) -> None:
    parser = _add(commands, "report", "nights:report", "Show what the last run did, also while another runs.")
    _project(parser)
    parser.add_argument("--markdown", action="store_true", help="as Markdown")
    _json(parser)


def _audience(commands: Commands) -> None:
    parser = _add(
        commands,
        "audience",
        "look:audience",
        "Count the customers who match a condition, and name a few.",
        "CONDITION is a YAML file with one condition, or the name of a segment of the project.",
    )
    parser.add_argument("condition", metavar="CONDITION", help="a YAML file, or a segment's name")
    _project(parser)
    _as_of(parser, "without it the newest instant of the project's cadence")
    _json(parser)


def _explain(commands: Commands) -> None:
    parser = _add(
        commands,
        "explain",
        "look:explain",
        "Tell why a customer is where they are: every move with the line of YAML that caused it.",
        "With a journey they never entered: why not.",
    )
    parser.add_argument("customer", metavar="CUSTOMER", help="a customer_id")
    parser.add_argument("journey", metavar="JOURNEY", nargs="?", help="only this journey")
    _project(parser)
    _json(parser)


def _mailroom(commands: Commands) -> None:
    parser = _add(
        commands,
        "mailroom",
        "mailing:mailroom",
        "Show every message by state and reason, and end what is stuck.",
        "What each state means and which action ends it is in docs/mailroom.md.",
    )
    parser.add_argument(
        "action",
        nargs="?",
        choices=("list", "retry", "cancel", "accept", "recover"),
        default="list",
        help="list (the default); retry refused or unsure ones; cancel pending, unsure or refused ones; accept unsure "
        "ones as sent; recover the runs that a restored mailroom lacks",
    )
    parser.add_argument("--state", help="only messages in this state; list shows them one by one")
    parser.add_argument("--reason", help="only messages with this reason")
    _narrow(parser)
    parser.add_argument("--older-than", metavar="LENGTH", help="only what has stood so for that long, such as '2 days'")
    parser.add_argument("--id", action="append", metavar="MESSAGE", help="only this message; repeatable")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="retry, cancel, accept: show what is meant and how many, change nothing",
    )
    parser.add_argument(
        "--confirm",
        type=int,
        metavar="N",
        help="retry, cancel, accept: do it if exactly N messages are meant, or not at all; more than 100 need it",
    )
    parser.add_argument(
        "--limit", type=at_least_one, default=100, metavar="N", help="list: at most so many one by one (100)"
    )
    _project(parser)
    _as_of(parser, "without it the clock's")
    _json(parser)


def _narrow(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--channel", help="only this channel")
    parser.add_argument("--topic", help="only this topic")
    parser.add_argument("--journey", help="only what this journey sends")
    parser.add_argument("--template", help="only this template")
    parser.add_argument("--run", dest="run_name", metavar="RUN", help="only what this run (number or run_id) decided")


def _stopped(parser: argparse.ArgumentParser) -> None:
    _narrow(parser)
    _project(parser)


def _stop(commands: Commands) -> None:
    parser = _add(
        commands,
        "stop",
        "stopping:stop",
        "Let nothing leave any more, of all or of what is named, until `resume`.",
        "Dispatchers that are at work read it before their next claim; nights go on, and what they decide waits.",
    )
    parser.add_argument("--reason", help="why, for whoever looks at it next")
    _stopped(parser)
    _as_of(parser, "without it the clock's")
    _json(parser)


def _resume(commands: Commands) -> None:
    parser = _add(commands, "resume", "stopping:resume", "Let leave again what was stopped.")
    _stopped(parser)
    _json(parser)


def _one_run(commands: Commands, name: str, about: str, more: str = "") -> None:
    parser = _add(commands, name, f"stopping:{name}", about, more)
    parser.add_argument("run_name", metavar="RUN", help="its number or its run_id, as reports have it")
    _project(parser)
    _as_of(parser, "without it the clock's")
    _json(parser)


def _release(commands: Commands) -> None:
    _one_run(commands, "release", "Let go of a run that is held: its messages leave with the next dispatch.")


def _cancel(commands: Commands) -> None:
    _one_run(commands, "cancel", "Give up a run that is held: its messages never leave.")


def _rollback(commands: Commands) -> None:
    _one_run(commands, "rollback", "Take back what has not left of a run; what has left stays as it is.")


def _serve(commands: Commands) -> None:
    parser = _add(
        commands,
        "serve",
        "serve:serve",
        "Serve the pages behind the links in letters, until Ctrl-C or SIGTERM.",
        "It listens on this machine only: a proxy that speaks TLS stands before it.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8080, help="the port (default: 8080); 0 takes any free one")
    _project(parser)

"""What every command's parser is made of: exact option names, and the options that many commands share."""

from __future__ import annotations

import argparse
import datetime as dt
import re
from typing import Any, NoReturn

from journey_engine.errors import nearest, visible


class Parser(argparse.ArgumentParser):
    """A parser that takes whole option names only and never guesses."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **settings)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the words, and end."""
        found = re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", message)
        if found:
            known = re.findall(r"[\w-]+", found[2])
            message = f"there is no '{found[1]}' here{nearest(found[1], known)}; choose from {', '.join(known)}"
        super().error(visible(message))


Commands = Any  # argparse keeps the type of its subparsers private


def add(commands: Commands, name: str, run: str, about: str, more: str = "") -> argparse.ArgumentParser:
    """A command with its one line of help and the function that runs it, as module:function below `cli`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=about[0].lower() + about[1:].rstrip("."), description=f"{about}\n{more}".rstrip()
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an unexpected error")
    parser.set_defaults(run=f"journey_engine.cli.{run}")
    return parser


def project(parser: argparse.ArgumentParser) -> None:
    """`--project DIR`."""
    parser.add_argument(
        "--project",
        metavar="DIR",
        help="the project's folder (the one that holds journeys/); without it, this folder or the nearest above it",
    )


def as_of(parser: argparse.ArgumentParser, default: str) -> None:
    """`--as-of T`; `default` says what holds without it."""
    parser.add_argument(
        "--as-of", metavar="T", type=instant, help=f"the instant, such as 2026-03-01T02:00:00Z; {default}"
    )


def as_json(parser: argparse.ArgumentParser) -> None:
    """`--json`."""
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def instant(text: str) -> dt.datetime:
    """An instant with its zone, or what is wrong with it."""
    from journey_engine.times import parse_instant

    try:
        return parse_instant(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def at_least_one(text: str) -> int:
    """A whole number from 1 on."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 1 on")
    return int(text)

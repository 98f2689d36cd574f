"""The commands that show letters and nights before they are: their options and help."""

from __future__ import annotations

import argparse
import datetime as dt

from journey_engine.cli.arguments import Commands, add, as_json, as_of, instant, project


def preview(commands: Commands) -> None:
    """`journey preview`."""
    parser = add(
        commands,
        "preview",
        "previewed:preview",
        "Show the letters of a journey as a real customer would get them; sends and keeps nothing.",
        "WHAT is a journey, JOURNEY/STEP for one of its letters, or a template.",
    )
    parser.add_argument("what", metavar="WHAT", help="a journey, JOURNEY/STEP, or a template that a journey sends")
    parser.add_argument("--customer", metavar="ID", help="a customer_id; without it the first whom the journey is for")
    parser.add_argument("--out", metavar="FOLDER", help="also write each letter there as .eml, .html and .txt")
    project(parser)
    as_of(parser, "without it the newest instant of the project's cadence")
    as_json(parser)


def simulate(commands: Commands) -> None:
    """`journey simulate`."""
    parser = add(
        commands,
        "simulate",
        "simulated:simulate",
        "Tell what would happen to the real customers in the nights to come, or would have in those gone by.",
        "Runs the nights on a copy, with every letter leaving when it is due; sends nothing, changes nothing.",
    )
    parser.add_argument("--nights", metavar="N", type=_count, default=30, help="how many (30)")
    parser.add_argument(
        "--from",
        dest="since",
        metavar="DAY",
        type=_day,
        help="a replay: from the first night of this day on, as if nothing had run before",
    )
    parser.add_argument("--journey", metavar="JOURNEY", help="only this journey; a draft takes part then")
    parser.add_argument("--customer", metavar="ID", help="the story of this customer, with the letters")
    parser.add_argument("--events", metavar="FILE", help="a CSV file of events that are supposed to happen as well")
    project(parser)
    as_of(parser, "without it the clock's; the nights follow the last run, and before the first one this")
    as_json(parser)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1100:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of nights; write one from 1 to 1100")
    return int(text)


def _day(text: str) -> dt.datetime:
    try:
        return dt.datetime.combine(dt.date.fromisoformat(text), dt.time(), dt.UTC)
    except ValueError:
        return instant(text)

"""The `journey` command: reads the command line and the clock, calls one function below, prints what it returns.

Each command's module is imported when it is called, so that help comes at once. Must not decide anything about
customers, and never imports Prefect.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from journey_engine.errors import JourneyError, ProblemsFound

DONE, FOUND, FAILED = 0, 1, 2
"""Exit status: all well; looked and found something wrong; could not do it."""


SELDOM = (50_000, 20, 20)
"""How often the collector of garbage looks: what a command reads stays until its end, so that it would find nothing."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; `sys.argv` without arguments."""
    from journey_engine.cli.parser import build

    gc.set_threshold(*SELDOM)
    options = build().parse_args(arguments)
    try:
        status = _call(options)
        sys.stdout.flush()
    except BrokenPipeError:
        return _reader_left()
    except KeyboardInterrupt:
        print("journey: stopped; what was committed before is kept", file=sys.stderr)
        return 130
    return status


def _call(options: argparse.Namespace) -> int:
    module, _, function = options.run.partition(":")
    from journey_engine.cli import output

    try:
        command: Callable[[argparse.Namespace], int] = getattr(import_module(module), function)
        return command(options)
    except ProblemsFound as error:
        output.problems(error, getattr(options, "project", None))
        _in_json(options, error)
        return FOUND
    except JourneyError as error:
        output.problem(error)
        _in_json(options, error)
        return FAILED
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001 - the last place that can say where the traceback is
        output.unexpected(error, debug=options.debug)
        return FAILED


def _in_json(options: argparse.Namespace, error: JourneyError) -> None:
    """The same for a script that asked for JSON: one object there, whatever happened."""
    if getattr(options, "json", False):
        from journey_engine.cli import output

        output.print_json({"error": {"code": error.code, "message": error.message, "remedy": error.remedy}})


def _reader_left() -> int:
    """The program that read our output has gone (`journey explain c1 | head`): not an error."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return DONE

"""`journey serve`: the front door, until it is told to stop."""

from __future__ import annotations

import argparse
import logging
import sys
import time

from journey_engine.cli import DONE
from journey_engine.cli.output import now, project_folder, say


def serve(options: argparse.Namespace) -> int:
    """Serve the pages that customers and other systems reach."""
    from journey_engine.load import load_project
    from journey_engine.web import bound, build, open_house
    from journey_engine.web import serve as serving

    loaded = load_project(project_folder(options.project))
    _log()
    with open_house(loaded, now) as house, bound(options.host, options.port) as listening:
        app = build(house)  # what is missing in the environment is told before it says that it serves
        host, port = listening.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        say(f"serving {loaded.project.project} ({loaded.project.environment}) on http://{shown}:{port}")
        say(f"links in letters lead to {house.links.home}; Ctrl-C stops")
        sys.stdout.flush()
        serving(app, listening)
    say("stopped; what was accepted is kept")
    return DONE


def _log() -> None:
    """One line for each request on standard error, in UTC."""
    lines = logging.StreamHandler()
    shape = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    shape.converter = time.gmtime
    lines.setFormatter(shape)
    log = logging.getLogger("journey.web")
    log.setLevel(logging.INFO)
    log.propagate = False
    log.handlers = [lines]

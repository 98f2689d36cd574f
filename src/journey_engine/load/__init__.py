"""From a folder of YAML to lowered journeys: a mistake is a `Problem` with its place, never an exception.

A broken journey leaves the others loaded; a broken project.yaml stops all. Reads no data, stores or clock.
"""

from __future__ import annotations

from journey_engine.load.journeys import LoadedJourney, load_journey
from journey_engine.load.mistakes import problems_of, validated
from journey_engine.load.project import (
    LoadedProject,
    ProjectFile,
    assemble,
    journey_files,
    load_project,
    read_project,
    with_journeys,
)
from journey_engine.load.schema import schema

__all__ = [
    "LoadedJourney",
    "LoadedProject",
    "ProjectFile",
    "assemble",
    "journey_files",
    "load_journey",
    "load_project",
    "problems_of",
    "read_project",
    "schema",
    "validated",
    "with_journeys",
]

"""Commands that need no data: make a project, validate it, print the schema, run the journeys' tests."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from journey_engine.cli import DONE, FOUND, output
from journey_engine.cli.output import project_folder, say
from journey_engine.errors import JourneyError

if TYPE_CHECKING:
    from journey_engine.errors import Problem
    from journey_engine.load import LoadedProject


def init(options: argparse.Namespace) -> int:
    """Make a new project."""
    from journey_engine.scaffold import make_project

    folder = Path(options.folder)
    try:
        written = make_project(folder)
    except OSError as error:
        raise JourneyError(
            f"{folder} cannot be written: {error.strerror}", remedy="name a folder that you may write to"
        ) from error
    say(f"made a project of {len(written)} files in {folder.resolve()}")
    go = "" if folder.resolve() == Path.cwd().resolve() else f"  cd {folder}\n"
    say(f"next:\n{go}  journey validate\n  journey test\n  journey run --as-of 2026-03-02T02:00:00Z --dry-run")
    return DONE


def validate(options: argparse.Namespace) -> int:
    """Check every journey and show all problems at once."""
    from journey_engine.checks import as_json, format_problems, open_project

    folder = _folder(options)
    loaded = open_project(folder)
    problems = _chosen(loaded.problems, options.paths, folder)
    errors = sum(problem.severity == "error" for problem in problems)
    if options.json:
        output.print_json(
            {"journeys": _checked(loaded, options.paths, folder), "errors": errors, "warnings": len(problems) - errors,
             "problems": as_json(problems)}
        )  # fmt: skip
        return FOUND if errors else DONE
    if problems:
        say(format_problems(problems, folder, loaded.sources))
    if options.verbose:
        _show_defaults(loaded)
    say(_summary(_checked(loaded, options.paths, folder), problems, errors))
    return FOUND if errors else DONE


def _folder(options: argparse.Namespace) -> Path:
    """The named project, else that of the first path, else the one around us."""
    if options.project is None and options.paths:
        first = Path(options.paths[0])
        if not first.exists():
            raise JourneyError(f"{first} is not there", remedy="name a journey file, or a folder of a project")
        return project_folder(None, first if first.is_dir() else first.parent)
    return project_folder(options.project)


def _chosen(problems: Sequence[Problem], paths: Sequence[str], folder: Path) -> list[Problem]:
    """The problems of the named files and folders; of all without names."""
    if not paths:
        return list(problems)
    wanted = [_real(Path(path)) for path in paths]
    for path in wanted:
        if not path.exists():
            raise JourneyError(f"{path} is not there", remedy="name a journey file, or a folder of a project")
        if not path.is_relative_to(folder.resolve()):
            raise JourneyError(
                f"{path} is not in the project {folder.resolve()}",
                remedy="name the project it belongs to: --project DIR",
            )
    at = [(problem, _real(folder / problem.place.file)) for problem in problems]
    return [problem for problem, file in at if any(file.is_relative_to(path) for path in wanted)]


def _real(path: Path) -> Path:
    """Where a file stands, whatever it leads to: a link in a project belongs to the project."""
    return path.parent.resolve() / path.name if path.name not in ("", "..") else path.resolve()


def _show_defaults(loaded: LoadedProject) -> None:
    from journey_engine.checks import defaults

    for name, journey in sorted(loaded.journeys.items()):
        taken = defaults(journey)
        if taken:
            say(f"{name} ({journey.file}) leaves to the defaults:")
            say("\n".join(f"  {line}" for line in taken))


def _checked(loaded: LoadedProject, paths: Sequence[str], folder: Path) -> int:
    """How many journeys were asked for; all of them without names."""
    wanted = [_real(Path(path)) for path in paths]
    files = [_real(folder / one.file) for one in loaded.journeys.values()]
    return sum(not wanted or any(file.is_relative_to(path) for path in wanted) for file in files)


def _summary(count: int, problems: Sequence[Problem], errors: int) -> str:
    checked = f"{count} journey{'s' if count != 1 else ''} checked"
    warnings = len(problems) - errors
    found = [
        f"{number} {what}{'s' if number != 1 else ''}"
        for number, what in ((errors, "error"), (warnings, "warning"))
        if number
    ]
    return f"{checked}: {', '.join(found) or 'no problems'}"


def schema(options: argparse.Namespace) -> int:
    """Print the JSON Schema of a journey file or of project.yaml, or the whole language for people."""
    if options.markdown:
        from journey_engine.reference import page

        say(page().rstrip("\n"))
        return DONE
    from journey_engine.load.schema import schema as schema_of

    output.print_json(schema_of(options.of), indent=2)
    return DONE


def test(options: argparse.Namespace) -> int:
    """Run the tests beside the journeys."""
    from journey_engine.checks import as_json, format_problems, open_project
    from journey_engine.errors import ProblemsFound
    from journey_engine.journeytest import run_tests

    folder = _folder(options)
    loaded = open_project(folder)
    if loaded.rules is None:
        raise ProblemsFound(loaded.problems)
    for path in options.paths:
        if not Path(path).exists():
            raise JourneyError(f"{path} is not there", remedy="name a test file, a journey or a folder of the project")
    report = run_tests(loaded, [Path(path) for path in options.paths])
    if options.json:
        tests = [
            {"name": one.name, "journey": one.journey, "place": str(one.place), "passed": one.passed,
             "differences": [" ".join(line.split()) for found in one.differences for line in found.lines()]}
            for one in report.results
        ]  # fmt: skip
        output.print_json({"passed": report.passed, "tests": tests, "problems": as_json(report.problems)})
        return DONE if report.passed else FOUND
    if report.problems:
        say(format_problems(report.problems, folder, dict(report.sources)))
    for line in report.lines():
        say(line)
    return DONE if report.passed else FOUND

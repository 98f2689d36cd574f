"""The command that lists ready-made journeys and copies one into a project."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from journey_engine.cli import DONE, FOUND, output
from journey_engine.cli.output import BOLD, paint, project_folder, say
from journey_engine.errors import JourneyError

if TYPE_CHECKING:
    from pathlib import Path

    from journey_engine.recipes import Copied, Recipe


def new(options: argparse.Namespace) -> int:
    """Copy a recipe, or list them all."""
    from journey_engine.recipes import copy_recipe, find_recipe, shelf

    if options.recipe is None:
        if options.name is not None:
            raise JourneyError("--as needs a recipe to name", remedy="journey new STAGE/RECIPE --as NAME")
        return _listed(shelf(), as_json=options.json)
    recipe = find_recipe(options.recipe)
    folder = project_folder(options.project)
    copied = copy_recipe(recipe, folder, options.name)
    wrong = any(one.severity == "error" or one.code == "unknown-attribute" for one in copied.problems)
    if options.json:
        from journey_engine.checks import as_json

        output.print_json(
            {"journey": copied.journey, "others": copied.others, "files": copied.files, "kept": copied.kept,
             "added": [f"{one.setting}.{one.name}" for one in copied.added], "problems": as_json(copied.problems)}
        )  # fmt: skip
    else:
        _told(copied, folder)
    return FOUND if wrong else DONE


def _listed(recipes: tuple[Recipe, ...], *, as_json: bool) -> int:
    if as_json:
        told = [{"recipe": one.title, "stage": one.stage, "about": one.about} for one in recipes]
        output.print_json({"recipes": told})
        return DONE
    width = max(len(one.title) for one in recipes)
    stage = ""
    for one in recipes:
        if one.stage != stage:
            say(paint(one.stage, BOLD) if not stage else f"\n{paint(one.stage, BOLD)}")
            stage = one.stage
        say(f"  {one.title:{width}}  {one.about}")
    say("\ncopy one into your project: journey new STAGE/RECIPE; docs/recipes.md tells when to use which")
    return DONE


def _told(copied: Copied, folder: Path) -> None:
    from journey_engine.checks import format_problems
    from journey_engine.load import load_project

    say(f"copied '{copied.journey}' into {folder.resolve()}:")
    for name in copied.files:
        say(f"  {name}")
    for one in copied.added:
        say(f"  journeys/project.yaml: {one.setting}, {one.name}")
    for name in copied.others:
        say(f"'{name}' came along: '{copied.journey}' names it, or one that it names does")
    for name in copied.kept:
        uses = "see that it gives what the letters promise" if "/programs/" in name else "look at a letter that uses it"
        say(f"{name} is your own and stays; {uses}")
    if copied.problems:
        say(format_problems(list(copied.problems), folder, load_project(folder).sources))
    (path,) = (name for name in copied.files if name.endswith(f"/{copied.journey}.yaml"))
    say(f"next: change its words in {path} and templates/, then\n  journey validate\n  journey test")

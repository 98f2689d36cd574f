"""Which recipes there are, by stage, and where they lie."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from journey_engine.errors import JourneyError, nearest
from journey_engine.graph import Graph
from journey_engine.load import LoadedJourney, LoadedProject, load_project

# Beside this file in a wheel (pyproject.toml puts them there), else in the checkout that the package is run from.
_HERE, _CHECKOUT = Path(__file__).parent / "shipped", Path(__file__).parents[3]
PROJECTS = (("shop", "."), ("service", "examples/service"))


@dataclass(frozen=True, slots=True)
class Recipe:
    """A shipped journey and the project that it belongs to."""

    stage: str
    name: str
    about: str
    loaded: LoadedProject
    journey: LoadedJourney

    @property
    def graph(self) -> Graph:
        """What it is lowered to."""
        assert self.journey.lowered is not None
        return self.journey.lowered

    @property
    def path(self) -> Path:
        """Its file."""
        return self.loaded.folder / self.journey.file

    @property
    def title(self) -> str:
        """What people call it by: `retention/win-back`."""
        return f"{self.stage}/{self.name}"


@cache
def shelf() -> tuple[Recipe, ...]:
    """Every recipe, in the order of the cycles' stages, then by name. Raises JourneyError when none came along."""
    found: list[Recipe] = []
    for name, below in PROJECTS:
        folder = _HERE / name if _HERE.is_dir() else _CHECKOUT / below
        if not (folder / "journeys/project.yaml").is_file():
            continue
        loaded = load_project(folder)
        stages = list(loaded.file.context.stages)
        own = [_recipe(loaded, one) for one in loaded.journeys.values() if one.sound]
        found += sorted(own, key=lambda one: (stages.index(one.stage), one.name))
    if not found:
        raise JourneyError(
            "this installation has no recipes", remedy="install the journey engine from its wheel or its repository"
        )
    return tuple(found)


def _recipe(loaded: LoadedProject, one: LoadedJourney) -> Recipe:
    assert one.journey is not None
    assert one.journey.stage is not None, "a shipped journey says its stage"
    return Recipe(one.journey.stage, one.name, one.journey.about or "", loaded, one)


def beside(recipe: Recipe, name: str) -> Recipe:
    """Another journey of the recipe's project."""
    return _recipe(recipe.loaded, recipe.loaded.journeys[name])


def find_recipe(title: str) -> Recipe:
    """The recipe that `STAGE/NAME` means. Raises JourneyError with the nearest title."""
    known = {one.title: one for one in shelf()}
    if title not in known:
        raise JourneyError(
            f"no recipe is called '{title}'{nearest(title, list(known))}",
            remedy="`journey new` lists them all",
            code="unknown-recipe",
        )
    return known[title]

"""Journeys to copy: every shipped journey with its test, its letters and what it needs of project.yaml.

They lie where they are tried: in the sample shop (cycle `marketing`) and in examples/service (cycle `service`); a wheel
carries both. Copying never replaces a file.
"""

from __future__ import annotations

from journey_engine.recipes.copying import Copied, copy_recipe
from journey_engine.recipes.shelf import Recipe, find_recipe, shelf

__all__ = ["Copied", "Recipe", "copy_recipe", "find_recipe", "shelf"]

"""A project of many journeys: the shipped ones again and again under other names, each with templates of its own."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from bench.sinks import ROOT

_NAMED = re.compile(r"\b(journey|enroll|template|send): (?=[a-z])([a-z0-9-]+)")


def write_many(folder: Path, journeys: int) -> None:
    """Write so many journeys with the shop's settings, layouts and blocks; no data."""
    shipped = [path for path in sorted((ROOT / "journeys").glob("*/*.yaml")) if _is_journey(path)]
    shared = ("layouts", "blocks", "pages")
    for name in ("project.yaml", "programs"):
        _copy(ROOT / "journeys" / name, folder / "journeys" / name)
    for template in (ROOT / "templates").iterdir():
        if template.name in shared:
            _copy(template, folder / "templates" / template.name)
    for number in range(journeys):
        copy, which = divmod(number, len(shipped))
        source = shipped[which]
        text = source.read_text(encoding="utf-8")
        for name in {name for word, name in _NAMED.findall(text) if word in ("template", "send")}:
            _copy(ROOT / "templates" / name, folder / "templates" / f"{name}-{copy}")
        target = folder / "journeys" / source.parent.name / f"{source.stem}-{copy}.yaml"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_NAMED.sub(rf"\1: \2-{copy}", text), encoding="utf-8")


def _is_journey(path: Path) -> bool:
    return path.parent.name != "programs" and not path.name.endswith(".test.yaml")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copy(source, target)

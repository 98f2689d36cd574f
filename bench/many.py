"""A project of many journeys: the shipped ones again and again under other names, each with templates of its own."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from bench.sinks import ROOT

SHIPPED = tuple(
    path
    for path in sorted((ROOT / "journeys").glob("*/*.yaml"))
    if path.parent.name != "programs" and not path.name.endswith(".test.yaml")
)
SHARED = ("layouts", "blocks", "pages")
_OWN = re.compile(r"^(journey): ([a-z0-9-]+)", re.MULTILINE)
_TEMPLATE = re.compile(r"\b(template|send): ([a-z0-9-]+)")
_OTHER = re.compile(rf"((?<=[ {{])(?:enroll|journey): (?:\{{name: )?)({'|'.join(path.stem for path in SHIPPED)})\b")


def write_many(folder: Path, journeys: int) -> None:
    """Write so many journeys, at least the shipped ones, with the shop's settings, layouts and blocks; no data.

    A journey that names another one names its first copy.
    """
    assert journeys >= len(SHIPPED), f"at least {len(SHIPPED)}: they name one another"
    for name in ("project.yaml", "programs"):
        _copy(ROOT / "journeys" / name, folder / "journeys" / name)
    for name in SHARED:
        if (ROOT / "templates" / name).exists():
            _copy(ROOT / "templates" / name, folder / "templates" / name)
    for number in range(journeys):
        copy, which = divmod(number, len(SHIPPED))
        source = SHIPPED[which]
        text = _OTHER.sub(r"\1\2-0", source.read_text(encoding="utf-8"))
        for _, name in _TEMPLATE.findall(text):
            _copy(ROOT / "templates" / name, folder / "templates" / f"{name}-{copy}")
        target = folder / "journeys" / source.parent.name / f"{source.stem}-{copy}.yaml"
        target.parent.mkdir(parents=True, exist_ok=True)
        text = _OWN.sub(rf"\1: \2-{copy}", _TEMPLATE.sub(rf"\1: \2-{copy}", text), count=1)
        target.write_text(text, encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copy(source, target)

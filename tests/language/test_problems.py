"""Every message a marketer can see: each file of `err/` against the text beside it.

JOURNEY_GOLDEN=1 writes the texts anew; read the difference before committing it.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from journey_engine.checks import format_problems, open_project
from journey_engine.checks.codes import CODES
from journey_engine.yamlfile import MAX_BYTES

HERE = Path(__file__).parent
SOURCES = Path(__file__).parents[2] / "src" / "journey_engine"
ERR = sorted((HERE / "err").glob("*.yaml"))
MADE = {"too-big", "unreadable-file", "broken-program"}  # not kept as files; made by the tests below
JARGON = re.compile(r"Input should|Field required|Extra inputs|Value error|pydantic|Decimal\(|literal\[|\bNone\b|_type")


def compare(written: str, golden: Path) -> None:
    if os.environ.get("JOURNEY_GOLDEN") == "1":
        golden.write_text(written, encoding="utf-8")
    assert golden.exists(), f"no golden file {golden}; JOURNEY_GOLDEN=1 writes it"
    assert written == golden.read_text(encoding="utf-8")


def report(folder: Path) -> str:
    loaded = open_project(folder)
    return format_problems(loaded.problems, folder, loaded.sources) + "\n"


@pytest.mark.parametrize("source", ERR, ids=lambda path: path.stem)
def test_mistake_is_told_with_its_place_and_code(source: Path, put: Callable[[Path], Path]) -> None:
    written = report(put(source))
    compare(written, source.with_suffix(".out"))
    assert f"[{source.stem.partition('--')[0]}]" in written
    assert not JARGON.search(written)


def test_file_that_is_too_big_is_told(tmp_path: Path, put: Callable[[Path], Path]) -> None:
    source = tmp_path / "too-big.yaml"
    source.write_text("# " + "x" * MAX_BYTES)
    compare(report(put(source)), HERE / "err" / "too-big.out")


def test_file_that_cannot_be_read_is_told(put: Callable[[Path], Path]) -> None:
    folder = put(HERE / "ok" / "every-step.yaml")
    (folder / "journeys/project.yaml").unlink()
    (folder / "journeys/project.yaml").mkdir()
    compare(report(folder), HERE / "err" / "unreadable-file.out")


def test_reward_of_a_program_that_has_mistakes_is_told(put: Callable[[Path], Path]) -> None:
    folder = put(HERE / "ok" / "every-step.yaml")
    (folder / "journeys/programs/voucher.yaml").write_text("program: voucher\nbudget: 100\n")
    compare(report(folder), HERE / "err" / "broken-program.out")


def test_every_code_has_a_golden_file() -> None:
    kept = {path.stem.partition("--")[0] for path in ERR} | MADE
    assert kept == set(CODES)


def codes_in_source() -> set[str]:
    """Every text that the source gives to a problem as its code."""
    makers = {"Problem", "Stop", "at", "at_step", "_tab", "unknown_name"}
    found = set()
    for room in ("yamlfile", "load", "checks", "steps", "triggers", "render", "journey.py", "lifetime.py"):
        path = SOURCES / room
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                    values = node.args if name in makers else []
                elif isinstance(node, ast.Tuple):
                    values = node.elts
                else:
                    continue
                texts = [one.value for one in values if isinstance(one, ast.Constant) and isinstance(one.value, str)]
                found |= {text.replace("_", "-") for text in texts if re.fullmatch(r"[a-z0-9]+([-_][a-z0-9]+)+", text)}
    return found


def test_no_code_is_used_that_is_not_explained() -> None:
    """Other texts of that shape (names of words, settings) are told apart by standing in the schema or the code."""
    shown = [path.read_text(encoding="utf-8") for path in (HERE / "err").glob("*.out")]
    told = {code for text in shown for code in re.findall(r"^\S+:\d+:\d+: .*\[([a-z0-9-]+)\]$", text, re.MULTILINE)}
    assert told <= set(CODES)
    one_word, made = {"yaml", "tab", "encoding", "autoescape"}, {"unknown-segment", "unknown-stage"}
    assert set(CODES) - one_word - made <= codes_in_source()

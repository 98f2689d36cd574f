"""A journey that cannot run is left as it was, named with its reason, and the others do not notice."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.failures.small_shop import JOURNEYS, Shop, at, event, words

AUDIENCE = "audience: {event: {name: order_placed, sum: {property: points, at_least: 1}}}\nsteps: [{send: tips}]"
BRANCH = """
steps:
  - branch:
      - when: {event: {name: order_placed, where: {points: {above: 5}}, ever: true}}
        steps: [{send: tips}]
"""


def points(where: str) -> str:
    """A journey that alone names the property `points`, to be computed before passes move or while they do."""
    return f"journey: points\ntopic: service\nreentry: never\ntrigger: {{event: signed_up}}\n{where}\n"


def shop_of(folder: Path, journeys: list[str]) -> Shop:
    shop = Shop(folder, customers=12, journeys=journeys)
    shop.events += [event(1000 + who, who, "order_placed", "01 10:00", '{"points":10}') for who in (1, 2)]
    shop.save()
    return shop


def damage(shop: Shop) -> None:
    """Make the typed column of `points` something that cannot be summed or compared, as a damaged store has it."""
    number = shop.rows("SELECT number FROM properties WHERE property = 'points'")[0][0]
    with duckdb.connect(str(shop.folder / "var/engine.duckdb")) as engine:
        engine.execute(f"ALTER TABLE events ALTER p{number}_num TYPE VARCHAR")
        engine.execute(f"UPDATE events SET p{number}_num = 'ten' WHERE p{number}_num IS NOT NULL")


def mend(shop: Shop) -> None:
    number = shop.rows("SELECT number FROM properties WHERE property = 'points'")[0][0]
    with duckdb.connect(str(shop.folder / "var/engine.duckdb")) as engine:
        engine.execute(f"UPDATE events SET p{number}_num = '10' WHERE p{number}_num = 'ten'")
        engine.execute(f"ALTER TABLE events ALTER p{number}_num TYPE DECIMAL(38, 6)")


def without(stands: dict[str, Any], journey: str) -> dict[str, Any]:
    """What the nights left, but for one journey."""
    ids = {row[0] for row in stands["enrollments"] if row[1] == journey}
    messages = {row[0] for row in stands["decisions"] if row[3] == journey}
    gone = ids | messages | {journey}
    found = {
        name: [row for row in rows if gone.isdisjoint(map(str, row))]
        for name, rows in stands.items() if isinstance(rows, list)
    }  # fmt: skip
    found["letters"] = sorted(stands["letters"].keys() - gone)
    return {name: rows for name, rows in found.items() if name not in ("feedback", "events", "runs")}


@pytest.mark.parametrize("where", [AUDIENCE, BRANCH], ids=["before passes move", "while passes move"])
def test_a_journey_whose_sql_fails_is_found_and_the_others_are_as_if_it_had_not_been_there(
    tmp_path: Path, where: str
) -> None:
    shop, twin = shop_of(tmp_path / "shop", ["welcome", "wishes"]), shop_of(tmp_path / "twin", ["welcome", "wishes"])
    shop.write("journeys/points.yaml", points(where))
    shop.run("02")
    damage(shop)
    done = shop.run("03")
    assert list(done.broken) == ["points"]
    assert done.broken["points"].startswith("journeys/points.yaml: its SQL failed: ")
    assert "ten" not in done.broken["points"].replace("often", "")
    assert sorted(done.journeys) == ["welcome", "wishes"]
    for day in ("02", "03"):
        twin.run(day)
    assert without(shop.stands(), "points") == without(twin.stands(), "points")
    mend(shop)
    done = shop.run("04")
    assert done.broken == {}
    assert done.journeys["points"].entered > 0


def test_a_segment_whose_sql_fails_is_named_and_nothing_is_changed(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, ["welcome"])
    shop.project(
        "segments:\n", "segments:\n  rich: {event: {name: order_placed, sum: {property: points, at_least: 1}}}\n"
    )
    shop.run("02")
    damage(shop)
    error = words(shop.refusal("03"))
    assert "journeys/project.yaml: the segment 'rich' cannot be evaluated" in error
    assert "mend it there; nothing was changed" in error


def test_a_journey_broken_in_yaml_is_left_as_it_was_and_catches_up_when_mended(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, ["welcome", "wishes"])
    shop.run("02")
    before = shop.rows("SELECT * FROM enrollments WHERE journey = 'welcome' ORDER BY 1")
    shop.write("journeys/welcome.yaml", JOURNEYS["welcome"].replace("wait_for:", "wait_fro:"))
    done = shop.run("03")
    assert "journeys/welcome.yaml:" in done.broken["welcome"]
    assert "did you mean 'wait_for'" in done.broken["welcome"]
    assert list(done.journeys) == ["wishes"]
    assert shop.rows("SELECT * FROM enrollments WHERE journey = 'welcome' ORDER BY 1") == before
    status = shop.command("run", "--as-of", "2026-03-03T02:00:00Z")
    assert status.returncode == 1
    shop.write("journeys/welcome.yaml", JOURNEYS["welcome"])
    done = shop.run("04")
    assert done.journeys["welcome"].entered == 6
    answered = "SELECT count(*) FROM transitions WHERE reason = 'event' AND moved_at = TIMESTAMP '2026-03-02 10:00'"
    assert shop.rows(answered)[0][0] > 0


def test_a_template_with_a_syntax_error_sets_its_journey_aside(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, ["welcome", "wishes"])
    shop.template("tips", "Tips {% if %}")
    done = shop.run("02")
    assert list(done.broken) == ["welcome"]
    assert "templates/tips/" in done.broken["welcome"]


def test_a_template_broken_after_the_decision_stops_its_own_letters_and_shows_up_once(tmp_path: Path) -> None:
    shop = Shop(tmp_path, customers=12, journeys=["welcome", "quiet"])
    shop.project("timezone: UTC", 'timezone: UTC\nsend_hours: {from: "11:00", until: "13:00"}')
    shop.write("journeys/quiet.yaml", JOURNEYS["quiet"].replace("for: 3 days", "for: 1 day"))
    for day in ("02", "04"):
        shop.run(day)
    waiting = [template for state, _, template in shop.messages().values() if state == "pending"]
    assert waiting.count("come-back") == len(waiting) > 1
    shop.template("come-back", "Come back {% if %}")
    report = shop.deliver("04 11:30")
    assert report.refused > 1
    assert len(report.troubles) == 1
    assert "come-back" in report.troubles[0]
    assert shop.rows("SELECT count(*) FROM enrollments WHERE journey = 'quiet' AND state <> 'open'") == [(0,)]


def test_the_same_night_again_changes_nothing(tmp_path: Path) -> None:
    shop = Shop(tmp_path, customers=12)
    known = {day: shop.run(day).messages for day in ("02", "03")}
    before = shop.stands()
    shop.events.append(event(2000, 1, "signed_up", "02 12:00"))
    shop.save()
    for instant in ("03", "03", "02", "01 05:00"):
        done = shop.run(instant)
        assert (done.repeated, done.dispatched) == (True, 0)
        assert done.messages == known.get(instant, {}), "what was decided then"
        assert any("nothing was evaluated again" in note for note in done.notes)
        assert shop.stands() == before
    tried = shop.run("04", dry_run=True)
    assert tried.events_received > 0
    assert shop.stands() == before
    assert at("04") == shop.run("04").as_of


def unreadable(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def leads_out(path: Path) -> None:
    target = path.parent.parent.parent / "secret.txt"
    target.write_text("secret")
    path.unlink()
    path.symlink_to(target)


@pytest.mark.parametrize("part", ["subject.txt", "body.txt", "body.html"])
@pytest.mark.parametrize("spoil", [unreadable, pipe, leads_out])
def test_a_template_that_is_no_file_sets_aside_only_its_journeys(
    tmp_path: Path, part: str, spoil: Callable[[Path], None]
) -> None:
    shop = shop_of(tmp_path, ["welcome", "wishes"])
    file = shop.write(f"templates/wishes/{part}", "Best wishes")
    spoil(file)
    done = shop.run("02")
    assert list(done.broken) == ["wishes"]
    assert f"templates/wishes/{part}:1:1: this " in done.broken["wishes"]
    assert "[unreadable-file]" in done.broken["wishes"]
    assert done.journeys["welcome"].entered == 5
    checked = shop.command("validate")
    assert checked.returncode == 1
    assert f"templates/wishes/{part}:1:1" in checked.stdout + checked.stderr
    assert "secret" not in (checked.stdout + checked.stderr).replace("secret.txt", "")


def nowhere(path: Path) -> None:
    path.symlink_to("gone.yaml")


def a_loop(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.parametrize("make", [nowhere, a_loop, os.mkfifo])
def test_a_journey_file_that_leads_nowhere_is_told_and_sets_aside_only_itself(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    shop = shop_of(tmp_path, ["welcome"])
    make(shop.folder / "journeys/lost.yaml")
    done = shop.run("02")
    assert "journeys/lost.yaml:1:1: this file cannot be read" in done.broken["lost"]
    assert done.journeys["welcome"].entered == 5
    for named in ([], [str(shop.folder / "journeys")]):
        checked = shop.command("validate", *named)
        assert (checked.returncode, checked.stderr) == (1, "")
        assert "journeys/lost.yaml:1:1: this file cannot be read" in checked.stdout


FORGO_RIGHTS = r"""
import os, sys
from pathlib import Path
from journey_engine.checks import open_project
folder = Path(sys.argv[1])
open_project(folder)  # whoever has no rights may not read the program's own files either
if os.geteuid() == 0:
    os.setegid(65534)
    os.seteuid(65534)
print(*open_project(folder).problems, sep="\n")
"""


def test_a_template_without_permission_is_named_with_its_place(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, ["welcome", "wishes"])
    (shop.folder / "templates/wishes/body.txt").chmod(0)
    for folder in (shop.folder, *shop.folder.parents):
        if folder.stat().st_uid == os.geteuid() and str(folder).count("/") > 1:
            folder.chmod(0o755)
    try:
        done = subprocess.run(
            [sys.executable, "-c", FORGO_RIGHTS, str(shop.folder)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        (shop.folder / "templates/wishes/body.txt").chmod(0o644)
    said = done.stdout + done.stderr
    assert "templates/wishes/body.txt:1:1: this template cannot be read: permission denied [unreadable-file]" in said
    assert "Traceback" not in said

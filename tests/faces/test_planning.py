"""What `journey plan` tells before a change runs, on real stores: who stays, moves, leaves, and which letters part."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from journey_engine.engines import open_engine
from journey_engine.errors import JourneyError
from journey_engine.plan import Change, JourneyPlan, Plan, make_plan
from tests.failures.small_shop import PROJECT, Shop, at, clock, event

WELCOME = """journey: welcome
topic: service
trigger: {event: signed_up}
reentry: never
steps: [{send: hello}, {wait: {for: 1 day, id: pause}}, {send: tips}]
"""
FOLLOWS = WELCOME + "on_change: follow\n"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Six customers; c000 and c001 signed up on 1 March, c002 and c003 on the 2nd, c004 and c005 on the 3rd."""
    shop = Shop(tmp_path / "shop", customers=6, journeys=["thanks"])
    shop.events = [event(who, who, "signed_up", f"{1 + who // 2:02} 10:00") for who in range(6)]
    shop.save()
    edit(shop, WELCOME)
    return shop


def edit(shop: Shop, text: str) -> None:
    shop.write("journeys/welcome.yaml", text)


def lived(shop: Shop, *days: str) -> Shop:
    """Nights, and after each a day on which the letters leave."""
    for day in days:
        shop.run(day)
        shop.deliver(f"{day} 22:00")
    return shop


def plan(shop: Shop, night_of: str | None = None) -> Plan:
    return make_plan(shop.loaded(), at(night_of) if night_of else None, clock)


def one(made: Plan, name: str = "welcome") -> JourneyPlan:
    (found,) = (journey for journey in made.journeys if journey.journey == name)
    return found


def letters(made: Plan) -> list[tuple[Any, ...]]:
    return [(one.template, one.before, one.now, one.more_for, one.less_for) for one in made.rehearsed.letters]


def fates(made: Plan) -> list[tuple[Any, ...]]:
    return [(fate.fate, fate.step, fate.to, fate.passes) for fate in one(made).fates]


def test_before_the_first_run_everything_is_new_and_no_store_is_made(shop: Shop) -> None:
    made = plan(shop, "02")
    assert made.last is None and made.notes == ()
    assert [journey.changes for journey in made.journeys] == [(Change.NEW,), (Change.NEW,)]
    assert letters(made) == [("hello", 0, 2, ("c000", "c001"), ())]
    assert not (shop.folder / "var").exists()


def test_without_an_edit_nothing_parts_while_a_night_has_the_engine_open(shop: Shop) -> None:
    before = lived(shop, "02").stands()
    engine = open_engine("duckdb:///var/engine.duckdb", shop.folder)
    try:
        done = shop.command("plan", "--as-of", "2026-03-03T02:00:00Z")
    finally:
        engine.close()
    assert done.returncode == 0, done.stderr
    assert "unchanged: thanks, welcome" in done.stdout
    assert "4 letters go to the same customers either way" in done.stdout
    assert shop.stands() == before


def test_without_an_instant_the_next_run_is_meant_and_one_gone_by_is_refused(shop: Shop) -> None:
    lived(shop, "02")
    loaded, day = shop.loaded(), dt.timedelta(days=1)
    assert make_plan(loaded, None, lambda: at("02 15:00")).as_of == at("03")
    assert make_plan(loaded, None, lambda: at("05 15:00")).as_of == at("05")
    with pytest.raises(JourneyError, match="is committed; there is nothing to plan") as found:
        make_plan(loaded, at("03") - day, clock)
    assert found.value.code == "as-of"


def test_a_pinned_change_keeps_open_passes_and_tells_who_never_comes_to_a_new_last_step(shop: Shop) -> None:
    # c000 and c001 are through on the 3rd; c002 and c003, who entered then, stay in the version they entered.
    lived(shop, "02", "03")
    edit(shop, WELCOME.replace("{send: tips}", "{send: tips}, {wait: 2 days}, {send: jazz}"))
    made = plan(shop, "04")
    assert one(made).changes == (Change.STRUCTURE,)
    assert fates(made) == [("stay", "pause", None, 2)]
    new = {step.step: (step.come, step.never, step.finished) for step in one(made).newcomers}
    assert new == {"wait:2 days": (0, 2, 2), "send:jazz": (0, 2, 2)}
    assert letters(made) == []
    told = shop.command("plan", "--as-of", "2026-03-04T02:00:00Z").stdout
    assert "2 passes stay in version" in told
    assert "new step send:jazz: 0 passes will come to it; 2 passes will never" in told
    assert "2 that finished before it was there will never" in told


def test_with_follow_it_tells_who_goes_on_who_moves_and_who_leaves(shop: Shop) -> None:
    edit(shop, FOLLOWS)
    lived(shop, "02")
    edit(shop, FOLLOWS.replace("{send: tips}", "{send: jazz}"))
    made = plan(shop, "03")
    assert fates(made) == [("go on", "pause", None, 2)]
    assert [(step.step, step.come, step.never) for step in one(made).newcomers] == [("send:jazz", 2, 0)]
    edit(shop, FOLLOWS.replace("id: pause", "id: rest") + "moved: {pause: rest}\n")
    made = plan(shop, "03")
    assert (one(made).changes, one(made).settings) == ((Change.STRUCTURE, Change.SETTINGS), ("moved",))
    assert fates(made) == [("move", "pause", "rest", 2)]
    edit(shop, FOLLOWS.replace("{wait: {for: 1 day, id: pause}}, ", ""))
    made = plan(shop, "03")
    assert fates(made) == [("leave", "pause", None, 2)]
    # c002 and c003 enter either way; without the wait they get both letters at once.
    assert letters(made) == [("tips", 2, 2, ("c002", "c003"), ("c000", "c001"))]


def test_what_is_planned_is_what_the_run_then_does(shop: Shop) -> None:
    edit(shop, FOLLOWS)
    lived(shop, "02")
    edit(shop, FOLLOWS.replace("{send: tips}", "{send: jazz}, {wait: 3 days}, {send: tips}"))
    made = plan(shop, "03")
    sent = set(shop.messages())
    report = shop.run("03")
    assert report.journeys == dict(made.rehearsed.now)
    new = [template for key, (_, _, template) in shop.messages().items() if key not in sent]
    assert sorted(new) == ["hello", "hello", "jazz", "jazz"]
    assert letters(made) == [("jazz", 0, 2, ("c000", "c001"), ()), ("tips", 2, 0, (), ("c000", "c001"))]


def test_settings_and_wording_are_told_apart_and_are_over_after_a_run(shop: Shop) -> None:
    lived(shop, "02")
    edit(shop, WELCOME.replace("journey:", "# who is new\njourney:", 1))
    assert one(plan(shop, "03")).changes == (Change.WORDING,)
    edit(shop, WELCOME + "ends: 2026-03-01\n")
    made = plan(shop, "03")
    assert (one(made).changes, one(made).settings) == ((Change.SETTINGS,), ("ends",))
    assert letters(made) == [("hello", 2, 0, (), ("c002", "c003"))]
    lived(shop, "03")
    made = plan(shop, "04")
    assert (one(made).changes, letters(made)) == ((), [])


def test_a_journey_paused_taken_away_or_put_back_is_told_with_the_passes_that_stand_still(shop: Shop) -> None:
    lived(shop, "02")
    edit(shop, WELCOME + "status: paused\n")
    made = plan(shop, "03")
    assert (one(made).changes, one(made).open) == ((Change.PAUSED,), 2)
    assert {row[0] for row in letters(made)} == {"hello", "tips"}
    (shop.folder / "journeys/welcome.yaml").unlink()
    assert (one(plan(shop, "03")).changes, one(plan(shop, "03")).open) == ((Change.REMOVED,), 2)
    lived(shop, "03")
    edit(shop, WELCOME)
    made = plan(shop, "04")
    assert one(made).changes == (Change.RESUMED,)
    assert ("tips", 0, 2, ("c000", "c001"), ()) in letters(made)


def test_what_holds_is_printed_in_words_and_defaults_are_called_so(shop: Shop) -> None:
    edit(shop, WELCOME.replace("topic: service", "topic: offers"))
    means = one(plan(shop, "02")).means
    for line in (
        "reentry: never: a customer enters once",
        "on_change: pin (default): passes finish",
        "backfill: none (default): who matches already does not enter",
        "max_lateness: a letter more than 4 days late is skipped",
        "on_cap: skip (default): a letter that meets a cap is skipped",
    ):
        assert any(found.startswith(line) for found in means), line
    settings = plan(shop, "02").settings
    assert "send_hours (default): marketing letters leave from 09:00 until 20:00 of the customer's day" in settings
    shop.project(PROJECT, PROJECT + 'send_hours: {from: "10:00", until: "18:00"}\n')
    assert plan(shop, "02").settings[0].startswith("send_hours: marketing letters leave from 10:00 until 18:00")


def test_a_changed_segment_starts_nothing_and_that_is_told(shop: Shop) -> None:
    lived(shop, "02")
    shop.project("at_least: 100", "at_least: 1")
    made = plan(shop, "03")
    assert made.notes == ("segment vip has changed: the next run notes who is in it, and that starts no journey",)
    assert one(made, "thanks").changes == ()


def test_a_project_with_a_mistake_is_not_planned(shop: Shop) -> None:
    edit(shop, WELCOME.replace("send: tips", "sent: tips"))
    done = shop.command("plan", "--json")
    assert done.returncode == 1
    assert "journeys/welcome.yaml:5" in done.stderr
    assert "error" in json.loads(done.stdout)


def test_a_state_on_spark_is_planned_from_its_copy_for_reading(shop: Shop) -> None:
    lived(shop, "02", "03")
    edit(shop, WELCOME.replace("{send: tips}", "{send: tips}, {wait: 2 days}, {send: jazz}"))
    there = plan(shop, "04")
    (shop.folder / "var/spark").mkdir()
    shutil.copyfile(shop.folder / "var/engine.read.duckdb", shop.folder / "var/spark/engine.read.duckdb")
    shop.project("project: small-shop", "project: small-shop\nengine: spark:///var/spark")
    here = plan(shop, "04")
    assert fates(here) == fates(there) == [("stay", "pause", None, 2)]
    assert letters(here) == letters(there)

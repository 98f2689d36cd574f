"""A journey paused, resumed or taken away in a real project: what stands still, what waits, what is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.failures.small_shop import JOURNEYS, Shop

WAITS = """
journey: welcome
topic: offers
trigger: {event: signed_up}
reentry: never
steps: [{send: hello}, {wait: 1 day}, {send: tips}, {task: {team: service, title: "Call them"}}]
"""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path / "shop", customers=4, journeys=[])
    shop.write("journeys/welcome.yaml", WAITS)
    return shop


def status(shop: Shop, word: str) -> None:
    shop.write("journeys/welcome.yaml", WAITS + f"status: {word}\n")


def stand(shop: Shop) -> list[tuple[object, ...]]:
    return shop.rows("SELECT enrollment_id, node, reached_at, state FROM enrollments ORDER BY enrollment_id")


def test_what_a_paused_journey_has_pending_waits_and_leaves_when_it_is_resumed(shop: Shop) -> None:
    shop.run("02")
    sent, before = shop.letters(), stand(shop)
    pending = {one for one, (state, _, _) in shop.messages().items() if state == "pending"}
    assert pending
    status(shop, "paused")
    done = shop.deliver("02 20:00")
    assert (done.accepted, done.reasons) == (0, {("pending", "paused"): len(pending)})
    report = shop.run("03")
    assert "welcome is paused: 2 passes stand still" in report.notes
    assert stand(shop) == before
    assert {shop.messages()[one][:2] for one in pending} == {("pending", "paused")}
    assert shop.letters() == sent
    status(shop, "live")
    assert shop.deliver("03 14:00").accepted > 0
    assert shop.run("04").journeys["welcome"].moved > 0
    shop.deliver("04 14:00")
    assert sent.items() < shop.letters().items()


def test_what_waited_too_long_is_skipped_when_a_pause_is_over(shop: Shop) -> None:
    shop.run("02")
    pending = {one for one, (state, _, _) in shop.messages().items() if state == "pending"}
    status(shop, "paused")
    shop.run("05")
    status(shop, "live")
    shop.run("09")
    assert {shop.messages()[one][:2] for one in pending} == {("skipped", "too_late")}


def test_a_draft_sends_nothing_more_and_gives_no_task(shop: Shop) -> None:
    shop.run("02")
    shop.run("03")
    status(shop, "draft")
    assert shop.run("04").journeys == {}
    assert shop.deliver("04 14:00").tasks == 0


def test_passes_of_a_journey_that_was_taken_away_stand_still_and_are_told(shop: Shop) -> None:
    shop.run("02")
    before = stand(shop)
    (shop.folder / "journeys/welcome.yaml").unlink()
    shop.write("journeys/thanks.yaml", JOURNEYS["thanks"])
    report = shop.run("04")
    assert "welcome is no longer in the project: 2 passes stand still" in report.notes
    assert "welcome is no longer in the project" in shop.command("report").stdout
    assert stand(shop) == before
    assert set(report.journeys) == {"thanks"}


def test_a_journey_put_back_goes_on_where_it_stood(shop: Shop) -> None:
    shop.run("02")
    (shop.folder / "journeys/welcome.yaml").unlink()
    shop.run("03")
    shop.write("journeys/welcome.yaml", WAITS)
    report = shop.run("04")
    assert report.journeys["welcome"].moved > 0
    assert report.journeys["welcome"].entered == 1  # who signed up in the meantime, less than 72 hours ago
    assert len(stand(shop)) == 3


def test_an_edit_that_follows_moves_the_passes_and_one_that_is_pinned_does_not(shop: Shop) -> None:
    shop.run("02")
    shop.write("journeys/welcome.yaml", WAITS.replace("{send: tips}", "{send: jazz}") + "on_change: follow\n")
    shop.run("03")
    shop.deliver("03 14:00")
    shop.run("04")
    templates = {template for _, _, template in shop.messages().values()}
    assert templates == {"hello", "jazz"}
    assert "went on in the changed journey" in shop.command("explain", "c001", "welcome").stdout
    versions = shop.rows("SELECT count(DISTINCT version) FROM enrollments")
    assert versions == [(1,)]

"""`journey simulate`: the nights to come and those gone by, on the very data, without a trace in the stores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from journey_engine.errors import JourneyError
from journey_engine.simulate import Simulation, simulate
from tests.failures.small_shop import PROJECT, Shop, at, event

from .conftest import NIGHT, Journey


@pytest.fixture
def shop_of_march(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "small", customers=6, journeys=["welcome", "quiet"])


def files_of(shop: Shop) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in shop.folder.rglob("*") if path.is_file()}


def ahead(shop: Shop, nights: int, **more: Any) -> Simulation:
    return simulate(shop.loaded(), nights, at("02"), **more)


def told(done: Simulation) -> list[tuple[str, dict[str, int], dict[str, int]]]:
    """Of each night in which something happens the entries and the letters."""
    found = []
    for night in done.nights:
        entered = {name: one.entered for name, one in night.journeys.items() if one.entered}
        letters = {template: count for (_, template), count in sorted(night.letters.items())}
        if entered or letters:
            found.append((f"{night.as_of:%d}", entered, letters))
    return found


def lived(shop: Shop, days: range) -> list[tuple[str, dict[str, int], dict[str, int]]]:
    """The same of nights that are really run, with each day's letters leaving hour by hour."""
    found = []
    for day in days:
        report = shop.run(f"{day:02}")
        entered = {name: one.entered for name, one in report.journeys.items() if one.entered}
        query = f"""SELECT json_extract_string(payload, '/template'), count(*) FROM decisions
                    WHERE run = {report.run} AND kind = 'message' AND state = 'pending' GROUP BY 1 ORDER BY 1"""
        letters = dict(shop.rows(query))
        if entered or letters:
            found.append((f"{day:02}", entered, letters))
        for hour in (9, 23):
            shop.deliver(f"{day:02} {hour:02}:00")
    return found


def test_the_nights_to_come_are_those_that_then_come_and_no_store_is_touched(shop_of_march: Shop) -> None:
    shop = shop_of_march
    shop.run("02")  # its letters are still pending: they count as sent when they are due
    before = files_of(shop)
    done = ahead(shop, 2)
    assert files_of(shop) == before
    assert (done.replay, done.nights[0].as_of) == (False, at("03"))
    for hour in (9, 23):
        shop.deliver(f"02 {hour:02}:00")
    assert told(done) == lived(shop, range(3, 5))
    assert [day for day, _, _ in told(done)] == ["03", "04"]


def test_a_replay_begins_from_nothing_and_is_what_the_nights_were(shop_of_march: Shop) -> None:
    shop = shop_of_march
    fresh = simulate(shop.loaded(), 2, at("20"), since=at("02 00:00"))
    assert not (shop.folder / "var").exists()
    real = lived(shop, range(2, 4))
    assert told(fresh) == real
    before = files_of(shop)
    again = simulate(shop.loaded(), 2, at("20"), since=at("02 00:00"))
    assert (again.replay, told(again), files_of(shop)) == (True, real, before)


def test_a_replay_trusts_the_received_at_of_the_data(shop_of_march: Shop) -> None:
    shop = shop_of_march
    shop.events = [event(1, 0, "signed_up", "01 10:00", received_at="2026-03-03T12:00:00Z"),
                   event(2, 1, "signed_up", "01 10:00", received_at="")]  # fmt: skip
    shop.save()
    done = simulate(shop.loaded(), 3, at("20"), since=at("02 00:00"))
    assert [(day, entered) for day, entered, _ in told(done)] == [("02", {"welcome": 1}), ("04", {"welcome": 1})]


def test_supposed_events_start_and_end_what_real_ones_would(shop_of_march: Shop, tmp_path: Path) -> None:
    shop = shop_of_march
    shop.events = []
    shop.save()
    shop.run("02")
    file = tmp_path / "supposed.csv"
    shop.table(
        str(file), ("event_id",), [event(1, 3, "signed_up", "03 10:00"), event(2, 3, "order_placed", "04 10:00")]
    )
    done = ahead(shop, 3, supposed=file)
    assert [(day, entered["welcome"]) for day, entered, _ in told(done) if "welcome" in entered] == [("04", 1)]
    assert sum(night.journeys["welcome"].converted for night in done.nights if "welcome" in night.journeys) == 1
    file.write_text("event_id,customer_id,name,occurred_at\nx,c1,signed_up,yesterday\n", encoding="utf-8")
    with pytest.raises(JourneyError, match=r"row 1 below the header: 'yesterday' is not an instant"):
        ahead(shop, 1, supposed=file)


def test_what_caps_and_holdout_hold_back_is_counted(shop_of_march: Shop) -> None:
    shop = shop_of_march
    shop.write("journeys/project.yaml", PROJECT + "caps: [{topic: offers, at_most: 1, within: 30 days}]\n")
    text = (shop.folder / "journeys/welcome.yaml").read_text()
    shop.write("journeys/welcome.yaml", text.replace("topic: service", "topic: offers\nholdout: 50%"))
    held: dict[str, int] = {}
    for night in simulate(shop.loaded(), 5, at("20"), since=at("02 00:00")).nights:
        for reason, count in night.held_back.items():
            held[reason] = held.get(reason, 0) + count
    assert held.keys() == {"cap:offers-1-in-30-days", "holdout"}


def test_a_draft_takes_part_when_it_is_named(shop_of_march: Shop) -> None:
    shop = shop_of_march
    text = (shop.folder / "journeys/welcome.yaml").read_text()
    shop.write("journeys/welcome.yaml", text.replace("topic: service", "topic: service\nstatus: draft"))
    since = at("02 00:00")
    assert all("welcome" not in night.journeys for night in simulate(shop.loaded(), 1, since, since=since).nights)
    done = simulate(shop.loaded(), 1, since, since=since, journey="welcome")
    assert any("welcome" in night.journeys for night in done.nights)


def test_the_command_tells_night_by_night_and_the_totals(journey: Journey, shop: Path) -> None:
    said = journey("simulate", "--project", shop, "--from", "2026-03-01", "--nights", "2")
    assert (said.status, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0].startswith(
        "replay from nothing of 2 nights, 2026-03-01T02:00:00Z to 2026-03-02T02:00:00Z: 6 customers"
    )
    assert ["2026-03-02T02:00", "4", "0", "0", "4", "hello"] in [line.split() for line in lines]
    assert ["hello", "4", "0", "0", "4", "hello"] in [line.split() for line in lines]
    assert lines[-1] == "a simulation: nothing was sent and nothing was changed"
    assert not (shop / "var").exists()
    plain = journey("simulate", "--project", shop, "--from", "2026-03-01", "--nights", "2", "--json").json
    assert (plain["replay"], plain["customers"], len(plain["nights"])) == (True, 6, 2)
    assert plain["nights"][1]["letters"] == [{"journey": "hello", "template": "hello", "count": 4}]


def test_the_story_of_one_customer_has_moves_and_letters(journey: Journey, shop: Path) -> None:
    journey("run", "--project", shop, "--as-of", NIGHT)
    said = journey("simulate", "--project", shop, "--nights", "3", "--customer", "c3")
    for line in (
        "hello: entered at 2026-03-01T07:20:00Z, converted (goal) at 2026-03-04T12:00:00Z",
        "2026-03-02T08:00:00Z  letter hello: accepted at 2026-03-02T08:00:00Z",
    ):
        assert line in said.out
    said = journey("simulate", "--project", shop, "--from", "2026-03-01", "--nights", "2", "--customer", "c4")
    assert "hello send:hello, accepted: Good to have you here" in said.out


@pytest.mark.parametrize(
    ("options", "said_so"),
    [
        (("--nights", "0"), "'0' is no number of nights"),
        (("--from", "yesterday"), "'yesterday' is not an instant"),
        (("--journey", "helo"), "there is no journey 'helo' (did you mean 'hello'?)"),
        (("--customer", "c99", "--nights", "1"), "no customer 'c99' is known"),
        (("--events", "nowhere.csv"), "nowhere.csv is not there"),
    ],
)
def test_what_cannot_be_simulated_is_told(journey: Journey, shop: Path, options: tuple[str, ...], said_so: str) -> None:
    said = journey("simulate", "--project", shop, *options)
    assert said.status == 2
    assert said_so in said.err

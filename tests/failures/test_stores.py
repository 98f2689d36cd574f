"""Stores that do not fit: newer ones, copies, restored ones, strangers, and two runs at once."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from journey_engine import night
from journey_engine.errors import JourneyError
from journey_engine.mailroom.tables import SCHEMA_VERSION
from journey_engine.times import iso
from tests.failures.small_shop import JOURNEYS, Shop, at, event, words


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop", customers=12, journeys=["welcome", "wishes"])


def keep(shop: Shop, store: str) -> Path:
    """A copy of a store as a backup makes it."""
    copy = shop.folder.parent / f"{store}.copy"
    shutil.copyfile(shop.folder / "var" / store, copy)
    return copy


def restore(shop: Shop, copy: Path) -> None:
    """Put a copy back in the place of the store."""
    store = shop.folder / "var" / copy.name.removesuffix(".copy")
    for beside in shop.folder.glob(f"var/{store.name}*"):
        beside.unlink()
    shutil.copyfile(copy, store)


def recover(shop: Shop, night_of: str) -> list[int]:
    """What `journey mailroom recover` does, at an instant of March."""
    return night.recover(shop.loaded(), clock=lambda: at(night_of))


def test_a_second_run_is_refused_with_the_holder_and_the_first_is_undisturbed(shop: Shop) -> None:
    with night.begin(shop.loaded(), at("02"), clock=lambda: at("02")) as first:
        first.collect()
        done = shop.command("run", "--as-of", iso(at("03")))
        assert (done.returncode, done.stdout) == (2, "")
        assert "'run' is held by" in done.stderr
        assert "since 2026-03-02T02:00:00Z" in done.stderr
        assert "remedy: wait for it to end" in done.stderr
        for step in (first.facts, first.sweep, first.commit, first.publish, first.door):
            step()
    assert shop.rows("SELECT run, as_of = TIMESTAMP '2026-03-02 02:00' FROM runs") == [(1, True)]
    assert shop.run("03").journeys["welcome"].entered == 3


def test_faces_read_while_a_night_runs(shop: Shop) -> None:
    shop.run("02")
    with night.begin(shop.loaded(), at("03"), clock=lambda: at("03")) as running:
        running.collect()
        assert shop.command("report").returncode == 0
        assert shop.command("explain", "c001").returncode == 0
        assert shop.command("dispatch", "--as-of", iso(at("02 12:00"))).returncode == 0


def test_an_engine_that_another_process_holds_is_not_opened(shop: Shop) -> None:
    """Whatever the lease says: after the copy was published too."""
    shop.run("02")
    holder = (
        "import sys; from pathlib import Path; from journey_engine.engines import open_engine\n"
        "engine = open_engine('duckdb:///var/engine.duckdb', Path(sys.argv[1])); engine.publish()\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", holder, str(shop.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(JourneyError) as found:
            shop.run("03")
        assert found.value.code == "engine-unavailable"
        assert "wait for it to end" in words(found.value)
        process.communicate("")
    assert shop.run("03").journeys["welcome"].entered == 3


def test_stores_of_a_newer_version_are_left_as_they_are(shop: Shop) -> None:
    shop.run("02")
    with sqlite3.connect(shop.folder / "var/mailroom.sqlite") as mailroom:
        mailroom.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    for attempt in (lambda: shop.run("03"), lambda: shop.deliver("03")):
        with pytest.raises(JourneyError, match=r"mailroom\.sqlite was made by a newer version") as found:
            attempt()
        assert "install the newer version" in words(found.value)
    with sqlite3.connect(shop.folder / "var/mailroom.sqlite") as mailroom:
        mailroom.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", [str(SCHEMA_VERSION)])
    with duckdb.connect(str(shop.folder / "var/engine.duckdb")) as engine:
        engine.execute("UPDATE meta SET value = '99' WHERE name = 'schema_version'")
    assert "upgrade the journey engine" in words(shop.refusal("03"))


def test_a_copied_environment_sends_nothing(shop: Shop) -> None:
    shop.run("02")
    shop.project("project: small-shop", "project: small-shop\nenvironment: staging")
    for attempt in (lambda: shop.run("03"), lambda: shop.deliver("03")):
        with pytest.raises(JourneyError, match="belongs to the environment 'development'") as found:
            attempt()
        assert "give this environment its own `mailroom:`" in words(found.value)
    shop.project("environment: staging", "environment: staging\nmailroom: sqlite:///var/staging.sqlite")
    with pytest.raises(JourneyError, match=r"engine\.duckdb belongs to the environment 'development'"):
        shop.run("03")


def test_an_engine_refuses_a_mailroom_that_is_not_its_own(shop: Shop) -> None:
    shop.run("02")
    shop.project("project: small-shop", "project: small-shop\nmailroom: sqlite:///var/other.sqlite")
    error = words(shop.refusal("03"))
    assert "the engine belongs to another mailroom than the one that project.yaml names" in error
    assert "restore the mailroom that belongs to it" in error


def test_a_restored_engine_decides_the_same_ids_and_nothing_is_sent_twice(shop: Shop, tmp_path: Path) -> None:
    shop.run("02")
    copy = keep(shop, "engine.duckdb")
    for day in ("03", "04"):
        shop.run(day)
        shop.deliver(f"{day} 14:00")
    before = shop.stands()
    restore(shop, copy)
    shop.run("04")
    shop.deliver("04 14:00")
    assert shop.letters() == before["letters"]
    after = shop.stands()
    assert after["messages"] == before["messages"]
    assert sorted(row[0] for row in after["enrollments"]) == sorted(row[0] for row in before["enrollments"])


@pytest.mark.parametrize("nights", [["03"], ["03", "04"]])
def test_a_restored_mailroom_sends_nothing_until_recover_and_then_looks_what_had_left(
    shop: Shop, nights: list[str]
) -> None:
    shop.run("02")
    copy = keep(shop, "mailroom.sqlite")
    for day in nights:
        shop.run(day)
        shop.deliver(f"{day} 14:00")
    sent = shop.letters()
    restore(shop, copy)
    tomorrow = f"{int(nights[-1]) + 1:02}"
    error = words(shop.refusal(tomorrow))
    assert "it is an older copy" in error
    assert "`journey mailroom recover` takes the missing runs in as unsure" in error
    with pytest.raises(JourneyError, match="it is an older copy"):
        shop.deliver(f"{nights[-1]} 16:00")
    assert shop.letters() == sent
    assert recover(shop, f"{nights[-1]} 20:00") == list(range(2, 2 + len(nights)))
    states = Counter(state for state, reason, _ in shop.messages().values() if reason == "recovered")
    assert set(states) == {"unsure"}
    shop.run(tomorrow)
    assert sent.items() <= shop.letters().items()
    assert "unsure" not in {state for state, _, _ in shop.messages().values()}
    assert {"found", "not_sent"} & {reason for _, reason, _ in shop.messages().values()}


def test_a_lost_mailroom_is_made_anew_with_everything_unsure(shop: Shop) -> None:
    for day in ("02", "03"):
        shop.run(day)
    sent = shop.letters()
    for path in shop.folder.glob("var/mailroom.sqlite*"):
        path.unlink()
    with pytest.raises(JourneyError, match="belongs to another mailroom"):
        shop.run("04")
    assert recover(shop, "03 20:00") == [1, 2]
    shop.run("04")
    assert sent.items() <= shop.letters().items()


def test_a_version_of_a_journey_that_cannot_be_read_leaves_its_passes_and_no_others(shop: Shop) -> None:
    shop.run("02")
    with duckdb.connect(str(shop.folder / "var/engine.duckdb")) as engine:
        engine.execute(
            "UPDATE versions SET graph = '{\"kind\": \"of the future\"}', version = 'old' WHERE journey = 'welcome'"
        )
        engine.execute("UPDATE enrollments SET version = 'old' WHERE journey = 'welcome'")
    done = shop.run("04")
    assert "welcome: version old in the engine cannot be read; passes in it stand still" in done.broken["welcome"]
    moved = "SELECT count(*) FROM enrollments WHERE journey = 'welcome' AND version = 'old' AND closed_run IS NOT NULL"
    assert shop.rows(moved) == [(0,)]
    assert done.journeys["welcome"].entered == 6


def test_what_came_while_a_version_could_not_be_read_ends_its_waits_when_it_can_be_again(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", customers=4, journeys=["welcome"])
    words = JOURNEYS["welcome"].replace("timeout: 2 days", "timeout: 20 days")
    words = words.replace("goal: {event: order_placed, window: 10 days, stay: true}\n", "")
    shop.events = [event(0, 0, "signed_up", "01 10:00")]
    shop.save()
    shop.write("journeys/welcome.yaml", words)
    shop.run("02")
    shop.deliver("02 20:00")
    shop.run("03")
    shop.write("journeys/welcome.yaml", words.replace("wait: 1 day", "wait: 3 days"))
    shop.run("04")
    ((version, text),) = shop.rows(
        "SELECT version, graph FROM versions WHERE version IN (SELECT version FROM enrollments)"
    )

    def write(graph: str) -> None:
        with duckdb.connect(str(shop.folder / "var/engine.duckdb")) as engine:
            engine.execute("UPDATE versions SET graph = ? WHERE version = ?", [graph, version])

    write('{"kind": "of the future"}')
    shop.events.append(event(1, 0, "preference_given", "04 10:00", '{"interest":"jazz"}'))
    shop.save()
    assert "stand still" in shop.run("05").broken["welcome"]
    write(text)  # by the program that wrote it
    shop.run("06")
    assert shop.rows("SELECT count(*) FROM transitions WHERE reason = 'event'") == [(1,)]


@pytest.mark.parametrize("as_of", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_an_instant_at_the_end_of_time_is_refused(shop: Shop, as_of: str) -> None:
    done = shop.command("run", "--as-of", as_of)
    assert done.returncode == 2
    assert f"no night can be at {as_of}" in done.stderr


def test_both_stores_restored_send_nothing_twice_after_recover(shop: Shop) -> None:
    shop.run("02")
    copies = [keep(shop, "engine.duckdb"), keep(shop, "mailroom.sqlite")]
    shop.deliver("02 14:00")
    sent = shop.letters()
    for copy in copies:
        restore(shop, copy)
    assert recover(shop, "02 20:00") == []
    states = {state for state, reason, _ in shop.messages().values() if reason == "recovered"}
    assert states <= {"unsure"}
    shop.deliver("02 21:00")
    assert shop.letters() == sent
    assert {"pending", "unsure"}.isdisjoint(state for state, _, _ in shop.messages().values())

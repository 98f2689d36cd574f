"""A dispatch that starts others beside it, each a process: every message once, one report, nothing lost by a death."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from journey_engine.checks import open_project
from journey_engine.load import LoadedProject
from journey_engine.mailroom import DispatchReport, Mailroom, claim
from journey_engine.mailroom.lease import process_start
from journey_engine.night import beside
from journey_engine.night.delivery import hand_over
from journey_engine.night.stores import open_mailroom
from journey_engine.scaffold import make_project
from tests.mailroom.house import NOW, TEMPLATES, clock, message, write_templates
from tests.mailroom.killing import Provider, provider
from tests.servers import Server, postgres_server

PROJECT = """
project: shop
customers: {path: data/customers.csv}
events: {path: data/events.csv}
sender: {name: Blue Note, email: hello@shop.example, postal_address: 1 Main Street}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as found:
        yield found


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return "sqlite:///var/mailroom.sqlite"
    made: str = request.getfixturevalue("server").new("beside")
    return made.replace("postgresql:", "postgresql+psycopg:")


@pytest.fixture(autouse=True)
def two_cores_and_few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "cores", lambda: 2)
    monkeypatch.setattr(beside, "MANY", 100)


def house(
    folder: Path, total: int, peer: Provider | None = None, url: str = "sqlite:///var/mailroom.sqlite", more: str = ""
) -> LoadedProject:
    """A project with so many letters due, by mail to a provider or into files."""
    make_project(folder)
    write_templates(folder / "templates", {name: text for name, text in TEMPLATES.items() if name.startswith("hello")})
    channel = "{default: file}" if peer is None else f"{{smtp: {{host: 127.0.0.1, port: {peer.port}}}}}"
    text = f"{PROJECT}mailroom: {url}\nchannels: {channel}\n{more}\n"
    (folder / "journeys/project.yaml").write_text(text, encoding="utf-8")
    loaded = open_project(folder)
    with open_mailroom(loaded) as mailroom:
        name = "file" if peer is None else "smtp"
        mailroom.load_run(1, "run-1", NOW, [message(number, channel=name) for number in range(total)])
    return loaded


def send(
    loaded: LoadedProject, on_batch: Callable[[DispatchReport], None] | None = None,
    reads: Callable[[], dt.datetime] = clock,
) -> DispatchReport:  # fmt: skip
    with open_mailroom(loaded) as mailroom:
        return hand_over(loaded, mailroom, NOW, reads, on_batch)


def counts(loaded: LoadedProject) -> dict[str, int]:
    with open_mailroom(loaded) as mailroom:
        return mailroom.counts()


def another(mailroom: Mailroom, first: int) -> int:
    """The process of another dispatcher than the first, once it has messages in hand."""
    for _ in range(3000):
        pids = {int(name.split()[-3]) for name in claim.claimers(mailroom.store)}
        if pids - {first}:
            return min(pids - {first})
        time.sleep(0.01)
    raise AssertionError("no other dispatcher came")


def once_another_works(loaded: LoadedProject, do: Callable[[int], None]) -> Callable[[DispatchReport], None]:
    """Wait after the first batch until another process is at work, and do something to it."""
    done = list[int]()

    def after_batch(_so_far: DispatchReport) -> None:
        if not done:
            with open_mailroom(loaded) as mailroom:
                done.append(another(mailroom, os.getpid()))
            do(done[0])

    return after_batch


def test_letters_are_sent_once_by_two_processes_and_the_report_adds_up(url: str, tmp_path: Path) -> None:
    with provider(0.002) as peer:
        loaded = house(tmp_path / "shop", 500, peer, url)
        report = send(loaded, once_another_works(loaded, lambda _pid: None))
        assert len(set(peer.came)) == 2
    assert peer.arrived.total() == len(peer.arrived) == 500
    assert report == DispatchReport(accepted=500)
    assert counts(loaded) == {"accepted": 500}


def test_a_killed_dispatcher_beside_loses_nothing_and_nothing_is_sent_twice(url: str, tmp_path: Path) -> None:
    with provider(0.002) as peer:
        loaded = house(tmp_path / "shop", 500, peer, url)

        def kill(pid: int) -> None:
            peer.after(peer.arrived.total() + 20, 10)
            os.kill(pid, signal.SIGKILL)

        report = send(loaded, once_another_works(loaded, kill))
    left = counts(loaded)
    assert peer.arrived.total() == len(peer.arrived)
    assert sum(left.values()) == 500
    assert set(left) == {"accepted", "unsure"}, "SMTP cannot tell what became of those in hand"
    assert left["unsure"] <= 100
    assert len(peer.arrived) >= left["accepted"]
    assert report.unsure == left["unsure"]
    assert report.accepted <= left["accepted"], "what it did in batches before that one it could not tell"
    assert any("a dispatcher ended with status -9" in line for line in report.troubles)


def test_what_a_killed_dispatcher_beside_had_in_hand_leaves_where_the_channel_has_records(tmp_path: Path) -> None:
    loaded = house(tmp_path / "shop", 600)
    report = send(loaded, once_another_works(loaded, lambda pid: os.kill(pid, signal.SIGKILL)))
    assert counts(loaded) == {"accepted": 600}
    assert len(list((tmp_path / "shop").rglob("*.eml"))) == 600
    assert any("a dispatcher ended with status -9" in line for line in report.troubles)


@pytest.mark.parametrize(("total", "more"), [(100, ""), (101, "dispatch: {workers: 1}")], ids=["few", "told-so"])
def test_few_letters_or_one_worker_start_no_process(
    total: int, more: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = list[object]()
    monkeypatch.setattr(beside, "with_others", lambda *given: started.append(given))
    assert send(house(tmp_path / "few", total, more=more)) == DispatchReport(accepted=total)
    assert not started


def test_as_many_processes_as_project_yaml_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = list[object]()
    monkeypatch.setattr(beside, "with_others", lambda count, *_: started.append(count) or DispatchReport())
    send(house(tmp_path / "shop", 101, more="dispatch: {workers: 3}"))
    assert started == [2]


def test_a_process_beside_does_nothing_where_the_clock_of_the_first_is_not_its_own(tmp_path: Path) -> None:
    with provider() as peer:
        loaded = house(tmp_path / "shop", 300, peer)
        report = send(loaded, lambda _so_far: time.sleep(1), reads=lambda: NOW)
        assert len(set(peer.came)) == 1
    assert report == DispatchReport(accepted=300)


def test_when_the_first_dispatcher_is_killed_the_others_stop_after_the_batch_in_hand(tmp_path: Path) -> None:
    with provider(0.005) as peer:
        loaded = house(tmp_path / "shop", 1500, peer)
        words = ["dispatch", "--workers", "2", "--as-of", NOW.isoformat(), "--project", str(tmp_path / "shop")]
        with subprocess.Popen([sys.executable, "-m", "journey_engine.cli", *words]) as first:
            with open_mailroom(loaded) as mailroom:
                other = another(mailroom, first.pid)
            first.kill()
            first.wait()
            for _ in range(1000):
                if not process_start(other):
                    break
                time.sleep(0.01)
            assert not process_start(other), "it has not ended"
    left = counts(loaded)
    assert left["pending"] > 500
    assert left.get("claimed", 0) <= 100, "those that the first had in hand, not those of the other"
    assert peer.arrived.total() == len(peer.arrived)


def test_what_each_dispatcher_has_seen_waiting_is_not_added_up() -> None:
    paused, hours = ("pending", "paused"), ("pending", "send_hours")
    one = DispatchReport(accepted=3, waiting=9, taken_back=1, reasons={paused: 7, hours: 2}, troubles=("a",))
    two = DispatchReport(accepted=4, waiting=8, taken_back=1, reasons={paused: 7, hours: 1}, troubles=("a", "b"))
    both = beside.together([one, two], ["c"])
    assert both == DispatchReport(
        accepted=7, waiting=10, taken_back=2, reasons={paused: 7, hours: 3}, troubles=("c", "a", "b")
    )


def test_where_no_further_process_can_begin_one_does_all_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = house(tmp_path / "shop", 101)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    report = send(loaded)
    assert report.accepted == 101
    assert report.troubles == ("no further dispatcher could begin: No such file or directory",)

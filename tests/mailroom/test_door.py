import datetime as dt
import sqlite3
import threading
import traceback
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from journey_engine.errors import JourneyError
from journey_engine.mailroom import MissedRun, State
from journey_engine.records import DecisionKind, DecisionState
from tests.mailroom.house import NOW, message, open_mailroom, other, state_of


def test_a_run_comes_in_with_its_number_and_only_once(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        assert mailroom.last_loaded() == 0
        first = mailroom.load_run(1, "run-1", NOW, [message(1), message(2)])
        assert (first.already, first.messages) == (False, {"pending": 2})
        again = mailroom.load_run(1, "run-1", NOW, [message(1), message(2), message(3)])
        assert again.already
        assert mailroom.last_loaded() == 1
        assert mailroom.counts() == {"pending": 2}
        assert mailroom.counts(run=7) == {}


def test_a_failure_in_the_middle_of_a_run_loads_nothing(tmp_path: Path) -> None:
    def decisions():  # type: ignore[no-untyped-def]
        yield message(1)
        yield other(DecisionKind.CANCEL, 2, reason="converted")
        raise RuntimeError("the engine went away")

    with open_mailroom(tmp_path) as mailroom:
        with pytest.raises(RuntimeError):
            mailroom.load_run(1, "run-1", NOW, decisions())
        assert mailroom.last_loaded() == 0
        assert mailroom.counts() == {}


def test_a_mailroom_that_lags_more_than_one_run_loads_nothing_and_names_the_way_out(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(1)])
        with pytest.raises(JourneyError, match="up to 1, and this is run 3") as caught:
            mailroom.load_run(3, "run-3", NOW, [message(3, run=3)])
        assert "journey mailroom recover" in str(caught.value.remedy)
        assert mailroom.counts() == {"pending": 1}

        mailroom.recover([MissedRun(2, "run-2", NOW, [message(2, run=2)])])
        assert mailroom.load_run(3, "run-3", NOW, [message(3, run=3)]).messages == {"pending": 1}
        assert mailroom.counts() == {"pending": 2, "unsure": 1}
        assert [row.reason for row in mailroom.listing(State.UNSURE)] == ["recovered"]


def test_a_restored_engine_that_decides_the_same_again_doubles_nothing_and_loses_nothing_new(
    tmp_path: Path,
) -> None:
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(1)])
        again = mailroom.load_run(1, "run-1-restored", NOW, [message(1), message(9)])
        assert (again.already, again.known) == (False, 1)
        assert mailroom.counts() == {"pending": 2}


def test_a_pass_that_ends_takes_back_its_pending_messages_and_only_those(tmp_path: Path) -> None:
    sent, waiting, stranger = message(1), message(2), message(3)
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [sent, waiting, stranger])
        with sqlite3.connect(tmp_path / "mailroom.sqlite") as db:
            db.execute("UPDATE messages SET state = 'claimed' WHERE message_id = ?", [sent.decision_id])
        db.close()
        ends = [other(DecisionKind.CANCEL, number, run=2, reason="converted") for number in (1, 2)]
        assert mailroom.load_run(2, "run-2", NOW, ends).cancelled == 1
        assert state_of(mailroom, sent) == ("claimed", None)
        assert state_of(mailroom, waiting) == ("cancelled", "converted")
        assert state_of(mailroom, stranger) == ("pending", None)


def test_open_passes_are_those_with_a_message_of_an_earlier_run_still_to_go(tmp_path: Path) -> None:
    held = message(2, state=DecisionState.WITHHELD, reason="holdout")
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(1), held])
        mailroom.load_run(2, "run-2", NOW, [message(3, run=2)])
        assert list(mailroom.open_enrollments(1)) == []
        assert list(mailroom.open_enrollments(2)) == [message(1).enrollment_id]
        assert sorted(mailroom.open_enrollments(3)) == sorted([message(1).enrollment_id, message(3).enrollment_id])
        mailroom.load_run(3, "run-3", NOW, [message(4, run=3, due_at=NOW + dt.timedelta(hours=1))])
        assert message(4).enrollment_id not in mailroom.open_enrollments(4, due_until=NOW)
        assert sorted(mailroom.open_enrollments(4, due_until=NOW)) == sorted(mailroom.open_enrollments(3))


def test_a_suppression_stays_whatever_is_loaded_later(tmp_path: Path) -> None:
    stop = other(DecisionKind.SUPPRESS, 1, topic=None, reason="unsubscribed")
    with open_mailroom(tmp_path) as mailroom:
        assert mailroom.load_run(1, "run-1", NOW, [stop]).suppressed == 1
        assert mailroom.load_run(2, "run-2", NOW, [stop]).suppressed == 0
        assert mailroom.suppressed("c1") == [(None, "unsubscribed")]


def test_a_copied_environment_is_refused(tmp_path: Path) -> None:
    from journey_engine.mailroom import Mailroom

    url = f"sqlite:///{tmp_path}/mailroom.sqlite"
    Mailroom.open(url, environment="production").close()
    with pytest.raises(JourneyError, match=r"belongs to the environment 'production'.*says 'staging'") as caught:
        Mailroom.open(url, environment="staging")
    assert caught.value.code == "other_environment"


def test_a_mailroom_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    open_mailroom(tmp_path).close()
    with sqlite3.connect(tmp_path / "mailroom.sqlite") as db:
        db.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    db.close()
    with pytest.raises(JourneyError, match="newer version") as caught:
        open_mailroom(tmp_path)
    assert caught.value.code == "newer_schema"


def test_a_file_that_is_no_mailroom_is_named(tmp_path: Path) -> None:
    (tmp_path / "mailroom.sqlite").write_text("customer_id,email\n" * 100, encoding="utf-8")
    with pytest.raises(JourneyError, match=r"mailroom\.sqlite: the file is no intact SQLite database"):
        open_mailroom(tmp_path)


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "mailroom.sqlite") as db:
        db.execute("CREATE TABLE meta (key TEXT, value TEXT)")
    db.close()
    with pytest.raises(JourneyError, match="is a database, but no mailroom"):
        open_mailroom(tmp_path)


def test_the_mailroom_can_be_looked_at_while_a_long_load_has_it(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(1)])
        with mailroom.store.write() as db:
            db.exec_driver_sql("UPDATE messages SET state = 'claimed'")
            with open_mailroom(tmp_path) as other_process:
                assert other_process.counts() == {"pending": 1}


@pytest.mark.parametrize("url", ["", "nonsense", "oracle://x", "postgresql+nothing://x"])
def test_a_mailroom_setting_that_is_no_database_is_explained(url: str) -> None:
    from journey_engine.mailroom import Mailroom

    with pytest.raises(JourneyError, match="cannot be opened") as caught:
        Mailroom.open(url, environment="test")
    assert "project.yaml" in str(caught.value.remedy)


def test_a_password_in_the_address_of_a_mailroom_is_shown_nowhere() -> None:
    from journey_engine.mailroom import Mailroom

    for url in ("postgresql+nothing://u:hunter2@db/x", "postgresql+nothing://u:hun@ter2@db/x"):
        with pytest.raises(JourneyError) as caught:
            Mailroom.open(url, environment="test")
        assert "ter2" not in str(caught.value)
        assert "://u:****" in str(caught.value)


def test_a_mailroom_whose_version_is_no_number_is_damaged(tmp_path: Path) -> None:
    open_mailroom(tmp_path).close()
    with sqlite3.connect(tmp_path / "mailroom.sqlite") as db:
        db.execute("UPDATE meta SET value = 'x' WHERE key = 'schema_version'")
    db.close()
    with pytest.raises(JourneyError, match="is damaged: its schema version is no number"):
        open_mailroom(tmp_path)


def test_two_processes_may_make_the_mailroom_at_the_same_moment(tmp_path: Path) -> None:
    found: list[str] = []

    def start() -> None:
        with open_mailroom(tmp_path) as mailroom:
            found.append(mailroom.store_id)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_full_disk_at_the_door_loads_nothing_and_says_so(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        with mailroom.store.read() as db:
            pages = db.exec_driver_sql("PRAGMA page_count").scalar_one()
        mailroom.close()
        from sqlalchemy import event

        event.listen(
            mailroom.store.engine,
            "connect",
            lambda connection, _: connection.execute(f"PRAGMA max_page_count = {pages + 5}"),
        )
        with pytest.raises(JourneyError, match="disk is full") as caught:
            mailroom.load_run(1, "run-1", NOW, (message(number) for number in range(5_000)))
        assert caught.value.code == "no_space"
    with open_mailroom(tmp_path) as mailroom:
        assert mailroom.counts() == {}
        mailroom.load_run(1, "run-1", NOW, [message(1)])


def test_exact_decimals_instants_and_every_script_travel_with_a_message(tmp_path: Path) -> None:
    import json
    from decimal import Decimal

    values = {
        "trigger": {"total": Decimal("12.5"), "count": Decimal("3.000000"), "at": NOW},
        "name": "Ẹniọlá 😀",
    }
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW + timedelta(microseconds=1), [message(1, values=values)])
        with mailroom.store.read() as db:
            kept = json.loads(db.exec_driver_sql("SELECT variables FROM messages").scalar_one())
    assert kept == {
        "trigger": {"total": 12.5, "count": 3, "at": "2026-03-04T10:00:00Z"},
        "name": "Ẹniọlá 😀",
    }


@pytest.mark.parametrize("count", [1, 3])
def test_an_error_that_nobody_foresaw_tells_no_names_and_addresses(tmp_path: Path, count: int) -> None:
    broken = [message(number, step=None, name="Ada Lovelace", to="ada@example.com") for number in range(count)]
    with open_mailroom(tmp_path) as mailroom:
        with pytest.raises(DBAPIError, match="NOT NULL") as caught:
            mailroom.load_run(1, "run-1", NOW, broken)
        told = "".join(traceback.format_exception(caught.value))
        assert "Ada Lovelace" not in told
        assert "ada@example.com" not in told


def test_what_is_committed_is_on_disk_although_the_power_fails(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        for connect in (mailroom.store.read, mailroom.store.write):
            with connect() as db:
                # 2: each commit waits for the disk. In this way of writing, 1 would lose the newest ones.
                assert db.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
                assert db.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"

"""Failures of other systems that sent twice or not at all, each with the parts that run for real (docs/failures.md)."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import signal
import subprocess
import sys
import threading
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event as sql

from journey_engine.channel_settings import SmtpChannel as SmtpSettings
from journey_engine.channels import Outcome, OutcomeKind
from journey_engine.channels.smtp import SmtpChannel
from journey_engine.errors import JourneyError
from journey_engine.mailroom import DispatchReport, Mailroom, dispatch
from journey_engine.rules import Night
from tests.channels.test_smtp import Handler, server
from tests.failures.small_shop import Shop
from tests.histories.story import NIGHTLY, Evening, Reading, customer, evenings, event, messages, nights, rules
from tests.histories.story import at as instant
from tests.mailroom.house import NOW, SENDER, clock, file_channel, letters, message, open_mailroom, renderer, state_of
from tests.mailroom.test_crashes import DEATHS, RUN, run
from tests.mailroom.test_dispatch import Scripted

ROOT = Path(__file__).parents[2]
HOUR = dt.timedelta(hours=1)
STANDS = """
import os, signal, sys
from pathlib import Path
from journey_engine.night import NightRun
from tests.failures.small_shop import JOURNEYS, Shop

real = NightRun.sweep
def sweep(run):
    real(run)
    print("stands", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
NightRun.sweep = sweep
shop = Shop.__new__(Shop)
shop.folder = Path(sys.argv[1])
shop.run(sys.argv[2])
"""


def standing(shop: Shop, night_of: str) -> subprocess.Popen[str]:
    """A run in a process of its own that stands still in the middle, as on a machine that swaps."""
    command = [sys.executable, "-c", STANDS, str(shop.folder), night_of]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "stands\n"
    return process


def test_a_run_presumed_dead_that_lives_is_not_overtaken_and_a_dead_one_is(tmp_path: Path) -> None:
    shop = Shop(tmp_path, customers=12, journeys=["welcome"])
    with standing(shop, "02") as alive:
        for _ in range(6):
            with pytest.raises(JourneyError) as found:
                shop.run("02")
            assert found.value.code == "lease_held"
        os.kill(alive.pid, signal.SIGCONT)
        alive.communicate(timeout=120)
        assert alive.returncode == 0
    sent = shop.letters()  # a letter twice would fail here
    entered = shop.rows("SELECT count(*) FROM enrollments")[0][0]
    assert len(sent) == entered == 5
    with standing(shop, "03") as dead:
        dead.kill()
        dead.communicate()
    assert shop.run("03").journeys["welcome"].entered > 0
    assert shop.letters().keys() == {one for one, (state, *_) in shop.messages().items() if state == "accepted"}


MEMBER = """
journey: member
topic: receipts
trigger: {event: signed_up}
reentry: never
audience: {customer: {plan: pro}}
steps: [{send: hello}, {wait: 2 days}, {send: tips}]
"""


def test_who_does_not_match_for_a_night_loses_nothing_that_was_planned(reading: Reading) -> None:
    # In the night of the 3rd an import has lost the plan; the day after it is back.
    told, rows = rules(MEMBER), [event("signed_up", "2026-03-01 10:00")]
    lives = [
        Evening(night, told, [customer(plan=None if night.run == 3 else "pro")], rows)
        for night in nights("2026-03-01", "2026-03-06")
    ]
    assert messages(reading(lives)["c1"]) == ["hello 2026-03-02 02:00", "tips 2026-03-04 02:00"]


def by_mail(port: int) -> dict[str, SmtpChannel]:
    return {"file": SmtpChannel(SmtpSettings(host="127.0.0.1", port=port), SENDER)}


def send(root: Path, mailroom: Mailroom, port: int, when: dt.datetime = NOW) -> DispatchReport:
    return dispatch(mailroom, when, by_mail(port), renderer(root), clock=clock)


def test_one_refused_recipient_does_not_make_its_batch_go_again(tmp_path: Path) -> None:
    handler = Handler()
    handler.rcpt["customer3@example.com"] = "554 5.7.1 we do not want this"
    with server(handler) as port, open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(number) for number in range(6)])
        for hours in range(4):
            send(tmp_path, mailroom, port, NOW + hours * HOUR)
        assert mailroom.counts() == {"accepted": 5, "refused": 1}
        assert state_of(mailroom, message(3))[0] == "refused"
    assert len(handler.received) == 5


def test_three_dispatchers_on_the_same_rows_make_progress_and_come_to_an_end(tmp_path: Path) -> None:
    total, writes = 60, []
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(number) for number in range(total)])
    together, reports = threading.Barrier(3), []

    def work() -> None:
        with open_mailroom(tmp_path) as own:

            @sql.listens_for(own.store.engine, "before_cursor_execute")
            def count(_db: Any, _cursor: Any, text: str, _parameters: Any, _context: Any, _many: bool) -> None:
                if text.startswith("UPDATE messages"):
                    writes.append(text)

            words = renderer(tmp_path)
            together.wait(30)
            reports.append(dispatch(own, NOW, {"file": file_channel(tmp_path)}, words, clock=clock, batch=10))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sum(report.accepted for report in reports) == total == len(letters(tmp_path))
    # A claim and a receipt for each batch of ten; a dispatcher that finds nothing left claims nothing.
    assert len(writes) <= 2 * total / 10 + 2 * 3


def test_resuming_begins_where_it_stopped_and_skips_nobody(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(number) for number in range(30)])
    assert run(tmp_path, DEATHS["between two sends"] + "\n" + RUN).returncode == 9
    first = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "outbox").glob("*.eml")}
    assert 0 < len(first) < 30
    with open_mailroom(tmp_path) as mailroom:
        dispatch(mailroom, NOW + HOUR, {"file": file_channel(tmp_path)}, renderer(tmp_path), clock=clock)
        assert mailroom.counts() == {"accepted": 30}
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "outbox").glob("*.eml")}
    assert len(after) == 30
    assert after.items() >= first.items()


def test_a_snapshot_of_weeks_ago_sends_no_campaign_of_weeks_ago(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", customers=12, journeys=["welcome"])
    shop.write(
        "journeys/welcome.yaml", (shop.folder / "journeys/welcome.yaml").read_text().replace("service", "offers")
    )
    shop.run("02")
    shutil.copytree(shop.folder / "var", tmp_path / "snapshot")
    shop.deliver("02 23:00")
    sent = shop.letters()
    assert sent
    shutil.rmtree(shop.folder / "var")
    shutil.copytree(tmp_path / "snapshot", shop.folder / "var")
    before = shop.letters()  # of the snapshot itself
    shop.deliver("22 12:00")
    assert shop.letters() == before
    assert {state for state, _, _ in shop.messages().values()} <= {"skipped", "accepted"}
    assert {reason for state, reason, _ in shop.messages().values() if state == "skipped"} == {"too_late"}


class Takes(Handler):
    """Takes a message whole, and then the line is dead before it can say so."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.received.append(envelope)
        server.transport.abort()
        return "250 OK"


def test_a_letter_that_was_taken_before_the_error_is_not_sent_again(tmp_path: Path) -> None:
    handler = Takes()
    with server(handler) as port, open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(1)])
        for hours in range(5):
            send(tmp_path, mailroom, port, NOW + hours * HOUR)
        assert state_of(mailroom, message(1)) == ("unsure", "no_answer")
    assert len(handler.received) == 1


DIGEST = """
journey: digest
topic: receipts
trigger: {{event: article_read}}
reentry: {reentry}
steps: [{{wait: 2 hours}}, {{send: digest}}]
"""


@pytest.mark.parametrize(("reentry", "digests"), [("{after: 1 day}", 1), ("after_exit", 1), ("each_occurrence", 2)])
def test_two_events_a_second_apart_are_one_digest_where_reentry_says_so(
    reading: Reading, reentry: str, digests: int
) -> None:
    second = instant("2026-03-01 10:00") + dt.timedelta(seconds=1)
    rows = [event("article_read", "2026-03-01 10:00", "first")]
    rows.append(event("article_read", second.strftime("%Y-%m-%d %H:%M:%S"), "second"))
    told = reading(evenings(rules(DIGEST.format(reentry=reentry)), rows, nights("2026-03-01", "2026-03-04")))["c1"]
    assert len(told.passes) == len(messages(told)) == digests


SPLIT = """
journey: split
topic: receipts
trigger: {{event: signed_up}}
reentry: never
on_change: pin
steps:
  - split:
      - {{arm: warm, weight: {warm}, steps: [{{send: warm}}]}}
      - {{arm: plain, weight: {plain}, steps: [{{send: plain}}]}}
  - send: {{template: news, variant: customer.plan}}
""".replace("on_change: pin\n", "")


def test_neither_an_arm_nor_a_variant_sends_a_second_letter(reading: Reading) -> None:
    # Everybody draws `warm` on the first night; from the second on everybody would draw `plain`, and the plan changes.
    rows = [event("signed_up", "2026-03-01 10:00")]
    before, after = rules(SPLIT.format(warm=100, plain=0)), rules(SPLIT.format(warm=0, plain=100))
    ids = set()
    for plan in ("free", "pro"):
        lives = [
            Evening(night, before if night.run < 3 else after, [customer(plan=plan if night.run < 3 else "gold")], rows)
            for night in nights("2026-03-01", "2026-03-05")
        ]
        told = reading(lives)["c1"]
        assert [line.split()[0] for line in messages(told)] == ["warm", "news"]
        ids.add(tuple(one.decision_id for one in told.decisions))
    assert len(ids) == 1


def test_a_night_that_died_is_told_again_with_the_ids_it_had(reading: Reading) -> None:
    # The number of a run and its minute are in no id: what a provider was told once is the same message for ever.
    rows, told = [event("signed_up", "2026-03-01 10:00")], rules(MEMBER)
    found = []
    for number in (2, 7):
        when = [Night.of(number, instant("2026-03-02 02:00"), NIGHTLY)]
        found.append(
            [one.decision_id for one in reading(evenings(told, rows, when, [customer(plan="pro")]))["c1"].decisions]
        )
    assert found[0] == found[1]
    assert len(found[0]) == 1


def test_our_own_id_travels_with_every_letter(tmp_path: Path) -> None:
    handler = Handler()
    with server(handler) as port, open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(1), message(2)])
        send(tmp_path, mailroom, port)
    told = {message_from_bytes(envelope.content)["Message-ID"] for envelope in handler.received}
    assert told == {f"<{message(number).decision_id}@shop.example>" for number in (1, 2)}


@pytest.mark.parametrize("topic_class", ["marketing", "transactional", "staff"])
def test_what_is_in_doubt_and_not_in_the_records_is_sent_whatever_its_class(tmp_path: Path, topic_class: str) -> None:
    lost = message(1, topic_class=topic_class)
    doubt = Scripted(Outcome(OutcomeKind.UNSURE, "no_answer", "the connection was lost"))
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [lost])
        dispatch(mailroom, NOW, {"file": doubt}, renderer(tmp_path), clock=clock)
        assert state_of(mailroom, lost)[0] == "unsure"
        # The folder of the file channel has complete records, and this letter is not in them.
        dispatch(mailroom, NOW + HOUR, {"file": file_channel(tmp_path)}, renderer(tmp_path), clock=clock)
        assert state_of(mailroom, lost)[0] == "accepted"
    assert len(letters(tmp_path)) == 1

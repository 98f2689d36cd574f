"""run, dispatch and report: what they change, what they print, what they refuse."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from journey_engine.cli import main
from tests.channels.test_smtp import Handler, server

from .conftest import NIGHT, Journey, process, together

LATER = "2026-03-02T15:00:00Z"
TORN = "journey: torn\ntrigger: {event: order_placed}\nreentry: never\nsteps:\n  - sned: hello\n"


def test_a_run_as_json_is_one_object_with_the_counts(journey: Journey, shop: Path) -> None:
    said = journey("run", "--project", shop, "--as-of", NIGHT, "--json")
    assert (said.status, said.err) == (0, "")
    found = said.json
    assert found["as_of"] == NIGHT
    assert found["run_id"].startswith("2026-03-02T020000Z-")
    assert found["journeys"]["hello"] == {"entered": 4, "moved": 4, "converted": 0, "exited": 0, "finished": 0}
    assert found["messages"] == {"accepted": 1, "pending": 3}
    assert found["dispatched"] == 1


def test_new_events_are_those_of_the_source_not_what_the_mailroom_told(journey: Journey, shop: Path) -> None:
    journey("run", "--project", shop, "--as-of", NIGHT)
    journey("dispatch", "--project", shop, "--as-of", LATER)
    again = journey("run", "--project", shop, "--as-of", "2026-03-03T02:00:00Z", "--json").json
    read = (shop / "data/events.csv").read_text(encoding="utf-8")
    on_the_second = [line for line in read.splitlines() if "2026-03-02T" in line and "T00:" not in line]
    assert again["events_received"] == len([line for line in on_the_second if line.split(",")[3] > NIGHT])


def test_the_same_night_again_enters_moves_and_sends_nothing(journey: Journey, shop: Path) -> None:
    first = journey("run", "--project", shop, "--as-of", NIGHT, "--json").json
    letters = sorted((shop / "var/outbox").rglob("*.eml"))
    again = journey("run", "--project", shop, "--as-of", NIGHT, "--json")
    assert again.status == 0
    assert again.json["repeated"] is True
    assert again.json["run_id"] == first["run_id"]
    told = ("journeys", "messages", "customers", "events_received")
    assert [again.json[name] for name in told] == [first[name] for name in told], "what the night did then"
    assert sorted((shop / "var/outbox").rglob("*.eml")) == letters
    assert "was already done, nothing changed" in journey("run", "--project", shop, "--as-of", NIGHT).out


def test_dispatch_hands_over_what_has_become_due_and_then_nothing(journey: Journey, shop: Path) -> None:
    journey("run", "--project", shop, "--as-of", NIGHT)
    said = journey("dispatch", "--project", shop, "--as-of", LATER, "--json")
    assert said.status == 0
    assert (said.json["accepted"], said.json["as_of"]) == (3, LATER)
    assert journey("dispatch", "--project", shop, "--as-of", LATER).out == f"dispatch as of {LATER}: nothing was due\n"
    assert len(list((shop / "var/outbox").rglob("*.eml"))) == 4


def test_a_letter_that_cannot_be_worded_fails_the_dispatch_and_names_the_value(journey: Journey, shop: Path) -> None:
    journey("run", "--project", shop, "--as-of", NIGHT)
    (shop / "templates/hello/subject.txt").write_text("Hello, size {{ customer.shoe_size }}\n", encoding="utf-8")
    said = journey("dispatch", "--project", shop, "--as-of", LATER)
    assert said.status == 1
    assert "customer.shoe_size" in said.err
    listed = journey("mailroom", "--project", shop, "--state", "refused", "--json").json
    assert len(listed["list"]) == 3


def test_a_run_whose_letters_cannot_be_worded_ends_with_1(journey: Journey, shop: Path) -> None:
    (shop / "templates/hello/subject.txt").write_text("Hello, size {{ customer.email | number }}\n", encoding="utf-8")
    said = journey("run", "--project", shop, "--as-of", NIGHT)
    assert said.status == 1
    assert "number needs a number (customer.email)" in said.out
    assert "@" not in said.out


def test_a_run_whose_channel_cannot_work_ends_with_1(journey: Journey, shop: Path) -> None:
    (shop / "var").mkdir(exist_ok=True)
    (shop / "var/outbox").write_text("in the way", encoding="utf-8")
    said = journey("run", "--project", shop, "--as-of", NIGHT)
    assert (said.status, "channel file" in said.out) == (1, True)


def test_a_dry_run_reports_and_leaves_nothing(journey: Journey, shop: Path) -> None:
    said = journey("run", "--project", shop, "--as-of", NIGHT, "--dry-run", "--json")
    assert said.json["journeys"]["hello"]["entered"] == 4
    assert said.json["messages"] == {"pending": 4}
    assert not list((shop / "var").rglob("*.eml"))
    assert journey("run", "--project", shop, "--as-of", NIGHT, "--json").json["repeated"] is False


def test_show_sql_goes_to_standard_error_so_that_json_stays_json(journey: Journey, shop: Path) -> None:
    said = journey("run", "--project", shop, "--as-of", NIGHT, "--show-sql", "--dry-run", "--json")
    assert json.loads(said.out)["as_of"] == NIGHT
    assert "INSERT INTO transitions" in said.err


def test_a_torn_journey_is_set_aside_and_the_others_run(journey: Journey, shop: Path) -> None:
    (shop / "journeys/torn.yaml").write_text(TORN, encoding="utf-8")
    said = journey("run", "--project", shop, "--as-of", NIGHT)
    assert said.status == 1
    assert "set aside: journey torn: journeys/torn.yaml:5:5: unknown step 'sned'" in said.out
    assert journey("report", "--project", shop, "--json").json["journeys"]["hello"]["entered"] == 4


def test_the_report_of_the_last_run_is_there_afterwards(journey: Journey, shop: Path) -> None:
    none = journey("report", "--project", shop)
    assert none.status == 2
    assert "no night has been run" in none.err
    journey("run", "--project", shop, "--as-of", NIGHT)
    journey("dispatch", "--project", shop, "--as-of", LATER)
    found = journey("report", "--project", shop, "--json").json
    assert found["messages"] == {"accepted": 4}, "as they stand now"
    assert found["customers"] == 6
    assert journey("report", "--project", shop, "--markdown").out.startswith("# Run 2026-03-02")
    assert "hello" in journey("report", "--project", shop).out


def test_without_as_of_a_run_takes_the_newest_instant_of_the_cadence(journey: Journey, shop: Path) -> None:
    found = journey("run", "--project", shop, "--dry-run", "--json").json
    assert found["as_of"].endswith("T02:00:00Z")


def test_missing_data_are_named_with_the_remedy(journey: Journey, shop: Path) -> None:
    (shop / "data/events.csv").unlink()
    said = journey("run", "--project", shop, "--as-of", NIGHT)
    assert said.status == 2
    assert "events.csv" in said.err
    assert "remedy:" in said.err


def test_half_of_the_customers_gone_stops_the_run_unless_it_is_right(journey: Journey, shop: Path) -> None:
    journey("run", "--project", shop, "--as-of", NIGHT)
    file = shop / "data/customers.csv"
    file.write_text("".join(file.read_text(encoding="utf-8").splitlines(keepends=True)[:4]), encoding="utf-8")
    said = journey("run", "--project", shop, "--as-of", "2026-03-03T02:00:00Z")
    assert said.status == 2
    assert "--accept-loss" in said.err
    assert journey("run", "--project", shop, "--as-of", "2026-03-03T02:00:00Z", "--accept-loss").status == 0


def test_a_second_run_is_told_who_is_at_work(journey: Journey, shop: Path) -> None:
    from journey_engine.checks import open_project
    from journey_engine.cli.output import now
    from journey_engine.night import begin
    from journey_engine.times import parse_instant

    with begin(open_project(shop), parse_instant(NIGHT), clock=now):
        said = process("run", "--project", shop, "--as-of", NIGHT, folder=shop)
    assert said.status == 2
    assert str(os.getpid()) in said.err
    assert "Traceback" not in said.err


def test_faces_read_while_a_run_is_at_work(journey: Journey, shop: Path) -> None:
    from journey_engine.checks import open_project
    from journey_engine.cli.output import now
    from journey_engine.night import begin
    from journey_engine.times import parse_instant

    assert main(["run", "--project", str(shop), "--as-of", NIGHT]) == 0
    with begin(open_project(shop), parse_instant("2026-03-03T02:00:00Z"), clock=now) as night:
        night.collect()
        (shop / "x.yaml").write_text("customer: {plan: pro}\n")
        said = together([["report"], ["explain", "c1"], ["mailroom"], ["audience", "x.yaml"]], folder=shop)
    assert said.out.splitlines()[-1] == "[0, 0, 0, 0]", said.err


def test_several_dispatchers_at_once_add_up_what_they_did(journey: Journey, run_shop: Path, tmp_path: Path) -> None:
    shop = Path(shutil.copytree(run_shop, tmp_path / "shop"))
    waiting = journey("mailroom", "--project", shop, "--json").json["messages"]["pending"]
    words = ("dispatch", "--as-of", "2026-03-02T15:00:00Z", "--project", shop, "--workers")
    done = journey(*words, "2", "--json")
    assert (done.status, done.json["accepted"], done.json["waiting"]) == (0, waiting, 0)
    assert "nothing was due" in journey(*words, "2").out
    refused = process("dispatch", "--workers", "many", folder=shop)
    assert refused.status == 2
    assert "'many' is no number of dispatchers; write one from 1 to 64" in refused.err


def test_letters_of_a_journey_that_is_gone_still_leave_by_the_channel_they_were_decided_for(
    journey: Journey, shop: Path
) -> None:
    hello, project = shop / "journeys/hello.yaml", shop / "journeys/project.yaml"
    hello.write_text(hello.read_text("utf-8").replace("send: hello", "send: {template: hello, channel: smtp}"), "utf-8")
    handler = Handler()
    with server(handler) as port:
        with project.open("a", encoding="utf-8") as file:
            file.write(f"channels: {{smtp: {{host: 127.0.0.1, port: {port}}}}}\n")
        assert journey("run", "--as-of", NIGHT, "--project", shop).status == 0
        before = len(handler.received)
        waiting = journey("mailroom", "--project", shop, "--json").json["messages"]["pending"]
        for one in shop.glob("journeys/hello*"):
            one.unlink()
        done = journey("dispatch", "--as-of", LATER, "--project", shop, "--json")
        assert (done.status, done.json["accepted"]) == (0, waiting), done.out
        assert len(handler.received) == before + waiting

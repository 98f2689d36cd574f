"""`journey customer`: all that is kept of one customer in JSON, and nothing left of them after erasing."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import text

from journey_engine.cli import main
from journey_engine.links import Claim, answered
from journey_engine.load import load_project
from journey_engine.mailroom import Said, State, Word
from journey_engine.news import Letter
from journey_engine.night import open_mailroom
from journey_engine.scaffold import make_project
from tests.channels.peer import Act, Receiver, receiver, status
from tests.faces.conftest import Journey

DAY = "2026-03-02T15:00:00Z"
NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
PERSONAL = (b"ngozi@example.org", b"Ngozi", b'"c3"')


@pytest.fixture(scope="module")
def kept(run_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A night, its letters, and what one customer said since; to be copied."""
    folder = tmp_path_factory.mktemp("kept") / "shop"
    shutil.copytree(run_shop, folder)
    assert main(["dispatch", "--project", str(folder), "--as-of", DAY]) == 0
    with open_mailroom(load_project(folder)) as mailroom:
        mailroom.say([Said("c3", Word.UNSUBSCRIBED, "letters", source="one click")], NOON)
        mailroom.answer(answered(Claim("answer", "c3", None, "m1", "e1", "taste", "jazz"), NOON))
    return folder


@pytest.fixture
def shop(kept: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(kept, tmp_path / "shop")
    return tmp_path / "shop"


@pytest.fixture
def decided(run_shop: Path, tmp_path: Path) -> Path:
    """A copy of the shop after its night, before its letters leave."""
    shutil.copytree(run_shop, tmp_path / "shop")
    return tmp_path / "shop"


def stored(shop: Path) -> dict[str, bytes]:
    """Every row of both stores and of the copy for reading, and the letters, as bytes to search."""
    found = {path.name: path.read_bytes() for path in (shop / "var/outbox").glob("*.eml")}
    for name in ("engine.duckdb", "engine.read.duckdb"):
        with duckdb.connect(str(shop / "var" / name), read_only=True) as db:
            tables = [row[0] for row in db.execute("SELECT table_name FROM information_schema.tables").fetchall()]
            found[name] = repr([db.execute(f'SELECT * FROM "{one}"').fetchall() for one in tables]).encode()
    # Of the mailroom not only the rows: what was in its pages is overwritten.
    found |= {path.name: path.read_bytes() for path in (shop / "var").glob("mailroom.sqlite*")}
    return found


def test_all_that_is_kept_of_a_customer_is_printed_as_json(journey: Journey, shop: Path) -> None:
    said = journey("customer", "export", "c3", "--project", shop)
    assert said.status == 0, said.err
    told = said.json
    assert told["engine"]["customers"][0]["email"] == "ngozi@example.org"
    assert {row["name"] for row in told["engine"]["events"]} >= {"signed_up"}
    assert {"enrollments", "transitions", "decisions"} <= set(told["engine"])
    (letter,) = told["mailroom"]["messages"]
    assert (letter["state"], letter["recipient"]) == ("accepted", "ngozi@example.org")
    assert letter["variables"]["customer"] == {"first_name": "Ngozi"}
    assert [row["word"] for row in told["mailroom"]["consents"]] == ["unsubscribed"]
    assert {row["name"] for row in told["mailroom"]["feedback"]} == {"message_sent", "unsubscribed", "answer_given"}
    assert "ada@example.com" not in journey("customer", "export", "c3", "--project", shop).out


def test_an_erased_customer_is_nowhere_any_more(journey: Journey, shop: Path) -> None:
    assert any(word in content for content in stored(shop).values() for word in PERSONAL)
    said = journey("customer", "erase", "c3", "--project", shop)
    assert said.status == 0, said.err
    assert "letters in folders: 1 removed" in said.out
    assert "take them out there too" in said.out
    for name, content in stored(shop).items():
        for word in PERSONAL[:2]:
            assert word not in content, f"{word!r} is still in {name}"
    again = journey("customer", "export", "c3", "--project", shop)
    assert (again.status, "nothing is known of a customer 'c3'" in again.err) == (2, True)
    others = journey("customer", "export", "c4", "--project", shop).json
    assert others["mailroom"]["messages"][0]["recipient"] == "sakura@example.org"
    # What was counted stays counted.
    assert journey("mailroom", "--project", shop, "--json").json["messages"] == {"accepted": 4}


def test_who_was_erased_gets_nothing_when_old_data_bring_them_back(journey: Journey, shop: Path) -> None:
    assert journey("customer", "erase", "c3", "--project", shop, "--json").json["letters"] == 1
    # The same file again, and the same address under a new id.
    rows = (shop / "data/customers.csv").read_text()
    (shop / "data/customers.csv").write_text(rows + rows.splitlines()[3].replace("c3", "c7") + "\n")
    with (shop / "data/events.csv").open("a") as events:
        events.write("e99,c7,signed_up,2026-03-02T20:00:00Z,{}\n")
    assert journey("run", "--project", shop, "--as-of", "2026-03-03T02:00:00Z").status == 0
    assert journey("dispatch", "--project", shop, "--as-of", "2026-03-03T15:00:00Z").status == 0
    with open_mailroom(load_project(shop)) as mailroom:
        back = {one.customer_id: (one.state, one.reason) for one in mailroom.listing(limit=100)}
        assert back["c7"] == (State.SKIPPED, "erased")
        (kept,) = mailroom.export("c7")["messages"]
        assert (kept["recipient"], kept["variables"]) == (None, {}), "nor is kept whom it would have gone to"
        assert "is in the data again" in kept["detail"]
        assert "c3" not in back  # what would be the same letter has the same id, and was sent
        # A link in an old letter writes nothing of them.
        assert mailroom.say([Said("c3", Word.SUBSCRIBED, "letters")], NOON) == 0
        assert not mailroom.answer(answered(Claim("answer", "c3", None, "m1", "e1", "mood", "blue"), NOON))


def test_who_is_erased_and_still_in_the_data_has_all_their_events_there_again(journey: Journey, shop: Path) -> None:
    told = "SELECT event_id FROM events WHERE customer_id = 'c3' AND length(event_id) < 32"  # the source's own

    def events() -> list[tuple[str]]:
        with duckdb.connect(str(shop / "var/engine.duckdb"), read_only=True) as engine:
            return engine.execute(f"{told} ORDER BY event_id").fetchall()

    assert journey("run", "--project", shop, "--as-of", "2026-03-09T02:00:00Z").status == 0
    before = events()
    assert before
    assert journey("customer", "erase", "c3", "--project", shop).status == 0
    assert events() == []
    # Nobody has changed the files since they were read to the end.
    assert journey("run", "--project", shop, "--as-of", "2026-03-10T02:00:00Z").status == 0
    assert events() == before


def test_a_message_that_waits_is_given_up(journey: Journey, decided: Path) -> None:
    assert journey("customer", "erase", "c3", "--project", decided).status == 0
    reasons = journey("mailroom", "--project", decided, "--state", "cancelled", "--json").json["groups"]
    assert [(one["reason"], one["count"]) for one in reasons] == [("erased", 1)]


def test_while_a_run_is_on_or_a_message_is_in_hand_nothing_is_erased(journey: Journey, decided: Path) -> None:
    with open_mailroom(load_project(decided)) as mailroom:
        with mailroom.lease("run", "a night", lambda: dt.datetime.now(dt.UTC)):
            said = journey("customer", "erase", "c3", "--project", decided)
            assert (said.status, "a night" in said.err) == (2, True), said.err
        with mailroom.store.write() as db:
            db.execute(text("UPDATE messages SET state = 'claimed', claimed_by = 'w' WHERE customer_id = 'c3'"))
        said = journey("customer", "erase", "c3", "--project", decided)
        assert (said.status, "in hand" in said.err) == (2, True)
    assert journey("customer", "export", "c3", "--project", decided).status == 0


def test_somebody_unknown_is_told(journey: Journey, decided: Path) -> None:
    for action in ("export", "erase"):
        said = journey("customer", action, "nobody", "--project", decided)
        assert (said.status, "customer_id as your data have it" in said.err) == (2, True)


def test_old_messages_forget_whom_they_went_to(journey: Journey, shop: Path) -> None:
    project = shop / "journeys/project.yaml"
    project.write_text(project.read_text() + "\nretention: 30 days\n")
    for as_of, kept in (("2026-03-31T02:00:00Z", True), ("2026-04-02T02:00:00Z", False)):
        assert journey("run", "--project", shop, "--as-of", as_of, "--accept-loss").status == 0
        letter = journey("customer", "export", "c3", "--project", shop).json["mailroom"]["messages"][0]
        assert (bool(letter["recipient"]), bool(letter["variables"])) == (kept, kept)
    assert letter["state"] == "accepted"


def test_who_shares_an_erased_address_is_named(journey: Journey, decided: Path) -> None:
    rows = decided / "data/customers.csv"
    rows.write_text(rows.read_text().replace("sakura@example.org", "Ngozi@Example.org"))
    assert journey("run", "--project", decided, "--as-of", "2026-03-03T02:00:00Z").status == 0
    said = journey("customer", "erase", "c3", "--project", decided)
    assert "the same address is that of c4 too: they get nothing there any more" in said.out
    assert journey("customer", "erase", "c4", "--project", decided, "--json").json["shared_with"] == []


def test_a_stranger_who_wrote_is_exported_and_erased_by_their_address(journey: Journey, shop: Path) -> None:
    with open_mailroom(load_project(shop)) as mailroom:
        mailroom.receive(Letter("w1", "eve@example.org", (), "Hello", "I am Eve"), {"query_received": "service"}, NOON)
    told = journey("customer", "export", "mailto:Eve@example.org", "--project", shop).json["mailroom"]
    assert told["visits"][0]["properties"]["text"] == "I am Eve"
    assert told["tasks"][0]["title"] == "Answer a question from a stranger: Hello"
    said = journey("customer", "erase", "mailto:Eve@example.org", "--project", shop)
    assert (said.status, "tasks 1, visitors 1, visits 1" in said.out) == (0, True), said.out
    for name, content in stored(shop).items():
        assert b"eve@example.org" not in content and b"I am Eve" not in content, name
    assert journey("customer", "erase", "mailto:Eve@example.org", "--project", shop).status == 0, "again is no mistake"


def test_an_erasing_before_the_first_night_leaves_no_night_behind(
    journey: Journey, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("new") / "shop"
    make_project(folder)
    with open_mailroom(load_project(folder)) as mailroom:
        mailroom.receive(Letter("w1", "eve@example.org", (), "Hello", "I am Eve"), {}, NOON)
    assert journey("customer", "erase", "mailto:eve@example.org", "--project", folder).status == 0
    for command in (("report",), ("explain", "c1")):
        said = journey(*command, "--project", folder)
        assert (said.status, "run" in said.err, "unexpected" in said.err) == (2, True, False), said.err


@pytest.mark.parametrize("address", ["mailto:NGOZI@example.org", "mailto:sakura@EXAMPLE.org"])
def test_an_address_of_a_customer_is_not_erased_without_them(journey: Journey, shop: Path, address: str) -> None:
    with open_mailroom(load_project(shop)) as mailroom, mailroom.store.write() as db:
        db.execute(text("UPDATE messages SET address = NULL WHERE customer_id = 'c4'"))  # only the data know it
    said = journey("customer", "erase", address, "--project", shop)
    assert (said.status, "journey customer erase c" in said.err) == (2, True), said.err


# --- what a provider keeps --------------------------------------------------------------------------------------


def job() -> Act:
    return status(202, body=b'{"job_id": "12a975bd"}')


def asked_for(peer: Receiver) -> list[list[str]]:
    return [json.loads(body)["email_addresses"] for _, body in peer.calls]


@pytest.fixture
def sent(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The letters left by SendGrid."""
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.canary.x")
    with open_mailroom(load_project(shop)) as mailroom, mailroom.store.write() as db:
        db.execute(text("UPDATE messages SET channel = 'sendgrid'"))
    return shop


def at_sendgrid(shop: Path, port: int) -> None:
    project = shop / "journeys/project.yaml"
    told = project.read_text().split("\nchannels:")[0]
    project.write_text(f"{told}\nchannels: {{sendgrid: {{host: 'http://127.0.0.1:{port}', timeout: 2 seconds}}}}\n")


def test_the_provider_that_sent_the_letters_is_asked_to_forget_them(journey: Journey, sent: Path) -> None:
    with receiver(job()) as peer:
        at_sendgrid(sent, peer.port)
        said = journey("customer", "erase", "c3", "--project", sent)
    assert said.status == 0, said.err
    assert "sendgrid: its provider has taken that it forgets an address" in said.out
    assert "ask your provider" not in said.out
    assert asked_for(peer) == [["ngozi@example.org"]]
    assert all(PERSONAL[0] not in content for content in stored(sent).values())


def test_an_erasing_that_the_provider_did_not_take_is_owed_and_made_up_for(journey: Journey, sent: Path) -> None:
    refusal = status(403, body=b'{"errors": [{"message": "access forbidden", "field": ""}]}')
    with receiver(refusal, status(503, body=b""), job()) as peer:
        at_sendgrid(sent, peer.port)
        said = journey("customer", "erase", "c3", "--project", sent)
        assert said.status == 1
        assert "sendgrid has not erased yet: SendGrid answered 403: access forbidden; give the API key" in said.out
        told = journey("mailroom", "--project", sent)
        assert "sendgrid has still to forget 1 address, since" in told.out
        assert "sendgrid has still to forget 1 address" in journey("report", "--project", sent).out
        assert journey("mailroom", "--project", sent, "--json").json["owed"] == {"sendgrid": 1}
        # Another customer: what is owed is asked for along with it, and again.
        assert journey("customer", "erase", "c4", "--project", sent, "--json").json["owed"].keys() == {"sendgrid"}
        last = journey("customer", "erase", "c3", "--project", sent, "--json")
    assert last.status == 0, last.out
    assert (last.json["asked"], last.json["owed"]) == ({"sendgrid": 2}, {})
    assert asked_for(peer)[1:] == [["ngozi@example.org", "sakura@example.org"]] * 2
    assert journey("mailroom", "--project", sent, "--json").json["owed"] == {}
    for name, content in stored(sent).items():
        assert PERSONAL[0] not in content, f"the address is still in {name}"


def test_an_erasing_that_died_behind_its_first_step_is_made_whole_by_the_next(journey: Journey, sent: Path) -> None:
    with open_mailroom(load_project(sent)) as mailroom:
        mailroom.erase("c3", {"ngozi@example.org"}, NOON, asked=["sendgrid"])  # and the machine went down
    with receiver(job()) as peer:
        at_sendgrid(sent, peer.port)
        said = journey("customer", "erase", "c3", "--project", sent, "--json")
    assert (said.status, said.json["letters"], said.json["asked"]) == (0, 1, {"sendgrid": 1})
    assert asked_for(peer) == [["ngozi@example.org"]]
    for name, content in stored(sent).items():
        assert PERSONAL[0] not in content, f"the address is still in {name}"


def test_without_a_key_or_the_channel_it_stays_owed(
    journey: Journey, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_sendgrid(sent, 1)
    monkeypatch.delenv("SENDGRID_API_KEY")
    said = journey("customer", "erase", "c3", "--project", sent)
    assert (said.status, "SENDGRID_API_KEY with an API key of SendGrid is not set" in said.out) == (1, True)
    project = sent / "journeys/project.yaml"
    project.write_text(project.read_text().split("\nchannels:")[0])
    said = journey("customer", "erase", "c3", "--project", sent)
    assert (said.status, "add `channels: sendgrid:` again" in said.out) == (1, True)


def test_a_channel_that_keeps_letters_and_cannot_be_asked_is_named(journey: Journey, sent: Path) -> None:
    with open_mailroom(load_project(sent)) as mailroom, mailroom.store.write() as db:
        db.execute(text("UPDATE messages SET channel = 'smtp' WHERE customer_id = 'c3'"))
    assert journey("customer", "erase", "c3", "--project", sent, "--json").json["kept_by"] == ["smtp"]


def test_letters_in_a_folder_that_cannot_be_touched_are_told(journey: Journey, shop: Path) -> None:
    (shop / "var/outbox").rename(shop / "var/kept")
    (shop / "var/outbox").write_text("no folder")
    said = journey("customer", "erase", "c3", "--project", shop)
    assert (said.status, "cannot be removed: Not a directory" in said.out) == (1, True)
    (shop / "var/outbox").unlink()
    (shop / "var/kept").rename(shop / "var/outbox")
    assert journey("customer", "erase", "c3", "--project", shop, "--json").json["letters"] == 1


def test_a_phone_number_that_was_erased_gets_nothing_in_another_spelling(
    journey: Journey, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC" + "0" * 32)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "canary")
    project, hello, rows = shop / "journeys/project.yaml", shop / "journeys/hello.yaml", shop / "data/customers.csv"
    hello.write_text(hello.read_text().replace("- send: hello", "- send: {template: hello, channel: sms}"))
    (shop / "templates/hello/sms.txt").write_text("Hello from My Shop. STOP ends it.")
    head, *others = rows.read_text().splitlines()
    phones = {"c3": "0170 1234567", "c7": "0049 (170) 123-45-67", "c8": "0170 7654321"}
    others += [others[2].replace("c3,ngozi", f"{new},{new}") for new in ("c7", "c8")]
    rows.write_text("\n".join([f"{head},phone", *(f"{one},{phones.get(one[:2], '')}" for one in others)]) + "\n")
    with (shop / "data/events.csv").open("a") as events:
        for new in ("c7", "c8"):
            events.write(f"{new},{new},signed_up,2026-03-02T20:00:00Z,{{}}\n")
    with receiver(status(201, body=b'{"sid": "SM1"}')) as peer:
        sms = f"{{from: '+491701112233', country: DE, host: 'http://127.0.0.1:{peer.port}'}}"
        project.write_text(f"{project.read_text()}\nchannels: {{sms: {sms}}}\n")
        # The night before it goes knows the number; then it is erased, and comes back under another id.
        assert journey("run", "--project", shop, "--as-of", "2026-03-02T03:00:00Z", "--accept-loss").status == 0
        assert journey("customer", "erase", "c3", "--project", shop).status == 0
        journey("run", "--project", shop, "--as-of", "2026-03-03T02:00:00Z", "--accept-loss")
        journey("dispatch", "--project", shop, "--as-of", "2026-03-03T15:00:00Z")
    with open_mailroom(load_project(shop)) as mailroom:
        found = {who: mailroom.export(who)["messages"][0] for who in ("c7", "c8")}
    assert (found["c7"]["state"], found["c7"]["reason"]) == ("skipped", "erased")
    assert found["c8"]["state"] == "accepted", found["c8"]["detail"]
    assert len(peer.calls) == 1

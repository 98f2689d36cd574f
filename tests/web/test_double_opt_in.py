"""Double opt-in from the request to the first letter of marketing, by nights, letters and pages that are real."""

from __future__ import annotations

import datetime as dt
import re
from email import message_from_bytes, policy
from pathlib import Path
from urllib.parse import urlsplit

from journey_engine.checks import open_project
from journey_engine.mailroom import Said, Word
from journey_engine.night import run
from tests.mailroom.house import clock
from tests.web.conftest import Front, serving
from tests.web.test_unsubscribe import events, log

ASK = """\
journey: confirm-news
topic: service
trigger: {event: subscription_requested}
reentry: each_occurrence
audience: {not: {subscribed: news}}
steps: [{send: please-confirm}]
"""
WELCOME = """\
journey: news
topic: news
trigger: {event: subscribed}
reentry: each_occurrence
audience: {subscribed: news}
steps: [{send: hello}]
"""
EAGER = """\
journey: eager
topic: news
trigger: {event: subscription_requested}
reentry: each_occurrence
steps: [{send: hello}]
"""


def add(shop: Path) -> None:
    """A topic with double opt-in, the journeys and the letter for it, and one customer who asks for it."""
    project = shop / "journeys/project.yaml"
    topics = "  news: {label: The news, opt_in: double}\n  service: transactional\n"
    text = re.sub(r"(topics:\n  letters: .*\n)", rf"\1{topics}", project.read_text())
    project.write_text(text.replace('send_hours: {from: "09:00", until: "20:00"}', "send_hours: {until: '23:59'}"))
    for name, words in (("confirm-news", ASK), ("news", WELCOME), ("eager", EAGER)):
        (shop / f"journeys/{name}.yaml").write_text(words)
    letter = shop / "templates/please-confirm"
    letter.mkdir()
    (letter / "subject.txt").write_text("Please confirm")
    (letter / "body.txt").write_text("Yes: {{ links.confirm.news }}\n")
    rows = (shop / "data/events.csv").read_text().splitlines()
    asked = dict(zip(rows[0].split(","), rows[1].split(","), strict=True))
    asked |= {"event_id": "asked", "name": "subscription_requested", "occurred_at": "2026-03-01T12:00:00Z"}
    asked |= {"properties": "{}"} if "properties" in asked else {}
    (shop / "data/events.csv").write_text("\n".join([*rows, ",".join(asked.values())]) + "\n")


def night(shop: Path, day: int) -> None:
    loaded = open_project(shop)
    assert not [one for one in loaded.problems if one.severity == "error"], loaded.problems
    assert not run(loaded, dt.datetime(2026, 3, day, 2, tzinfo=dt.UTC), clock=clock).broken


def by_journey(front: Front) -> dict[str, tuple[str, str | None]]:
    listed = front.house.mailroom.listing(limit=100)
    return {one.journey: (one.state.value, one.reason) for one in listed if one.journey != "hello"}


def test_marketing_of_the_topic_begins_with_the_customers_own_yes(shop: Path) -> None:
    add(shop)
    night(shop, 2)
    with serving(shop) as front:
        sent = by_journey(front)
        assert sent["confirm-news"] == ("accepted", None)
        night(shop, 3)  # marketing leaves by day
        assert by_journey(front)["eager"] == ("skipped", "not_confirmed")
        (letter,) = (shop / "var/outbox").glob("please-confirm-*.eml")
        body = message_from_bytes(letter.read_bytes(), policy=policy.default).get_body(("plain",))
        assert body is not None
        link = urlsplit(body.get_content().split()[1]).path
        assert "Do you want “The news”?" in front.http.get(link).text
        assert log(front) == []
        for _ in range(2):
            assert "from now on" in front.http.post(link).text
        assert [one[1:] for one in log(front)] == [("confirmed", "news", "", "confirm page")]
        event = next(one for one in events(front) if one.name == "subscribed")
        assert (event.properties["topic"], event.properties["journey"]) == ("news", "confirm-news")
        # What the front door heard now is in the past of a night much later.
        late = dt.datetime.now(dt.UTC).replace(hour=2, minute=0, second=0, microsecond=0) + dt.timedelta(days=1)
        assert not run(open_project(shop), late, clock=clock).broken
        assert by_journey(front)["news"][0] in ("pending", "accepted")
        assert front.http.get(link.replace("confirm/", "unsubscribe/")).status_code == 404  # each link its own page


def test_a_yes_that_is_taken_back_counts_no_more(front: Front) -> None:
    mailroom = front.house.mailroom
    for word in (Word.CONFIRMED, Word.UNSUBSCRIBED):
        mailroom.say([Said("c1", word, "letters")], clock())
    assert mailroom.standing("c1").stopped_by("letters", "marketing", "file") == "unsubscribed"
    assert mailroom.say([Said("c1", Word.CONFIRMED, "letters")], clock()) == 1
    assert mailroom.standing("c1").stopped_by("letters", "marketing", "file") is None


def test_a_link_of_a_topic_that_is_gone_or_forged_confirms_nothing(front: Front) -> None:
    address = front.house.links.confirm("c1", "gone", "m1")
    assert address is not None
    for link in (urlsplit(address).path, "/confirm/forged"):
        assert front.http.post(link).status_code == 404
    assert (log(front), events(front)) == ([], [])

"""Names and values that try to be SQL, markup or paths stay names and values everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from journey_engine.inbound import read_json
from journey_engine.inbound.segment import Sender, heard
from journey_engine.night import open_mailroom
from tests.failures.small_shop import PROJECT, Shop, at, customer, event

EVIL = [
    "x'; DROP TABLE events; --", 'x"; DROP TABLE customers; --', "{relation}", "{{ 7 * 7 }}", "$1", "a.b", "a/b~c",
    "%s", "🎈", "SELECT", "' OR 1=1 --", "\\", "\\'", 'a"b', "a b\tc", "../../etc/passwd", "<script>",
    "row_number() OVER ()",
]  # fmt: skip


def as_yaml(value: object) -> str:
    """JSON, which YAML 1.2 reads."""
    return json.dumps(value, ensure_ascii=False)


def test_every_name_of_a_project_may_look_like_sql(tmp_path: Path) -> None:
    """Column, event, property and attribute names, values and customer ids; each is found again to the letter."""
    shop = Shop(tmp_path, customers=0, journeys=[])
    settings = yaml.safe_load(PROJECT) | {
        "segments": {f"s{n}": {"customer": {evil: {"is": evil}}} for n, evil in enumerate(EVIL)},
        "attributes": {evil: {"type": "text"} for evil in EVIL},
    }
    shop.write("journeys/project.yaml", as_yaml(settings))
    shop.customers = [
        customer(n, customer_id=evil, first_name=evil) | {other: other if other == evil else "no" for other in EVIL}
        for n, evil in enumerate(EVIL)
    ]
    for n, evil in enumerate(EVIL):
        text = as_yaml({evil: evil, "n": n})
        shop.events += [
            event(n, 0, f"n{n}", "01 10:00", text) | {"customer_id": evil, "event_id": evil},
            event(n, 0, evil, "01 10:00", text) | {"customer_id": evil, "event_id": evil + "2"},
        ]
        shop.write(f"journeys/j{n}.yaml", as_yaml({
            "journey": f"j{n}", "topic": "service", "reentry": "never", "about": evil, "owner": "marketing",
            "trigger": {"event": {"name": f"n{n}", "where": {evil: evil}}},
            "audience": {"all": [
                {"segment": f"s{n}"}, {"event": {"name": f"n{n}", "sum": {"property": "n", "at_least": n}}},
                {"customer": {evil: {"in": [evil, "other"]}}},
                {"event": {"name": f"n{n}", "where": {evil: {"contains": evil}}}},
            ]},
            "steps": [
                {"wait_for": {"event": {"name": "x", "where": {evil: evil}, "same": evil}, "timeout": "1 minute"}},
                {"set": {evil: evil + "!"}}, {"send": {"template": "hello", "with": {"lines": {"events": f"n{n}"}}}},
                {"task": {"team": evil, "title": "{{ customer.first_name }}"}},
            ],
        }))  # fmt: skip
    shop.template("hello", "{{ customer.first_name }}{% for line in lines %}{{ line.n }}{% endfor %}")
    shop.save()
    assert [problem for problem in shop.loaded().problems if problem.severity == "error"] == []
    done = shop.run("01 12:00")
    assert (done.broken, done.set_aside) == ({}, {})
    assert {name: counts.entered for name, counts in done.journeys.items()} == {f"j{n}": 1 for n in range(len(EVIL))}
    assert sorted(shop.letters().values()) == sorted(f"{evil}{n}".replace("\t", " ") for n, evil in enumerate(EVIL))
    done = shop.run("02")
    assert done.broken == {}
    kept = [
        (*names, json.loads(value)) for *names, value in shop.rows("SELECT customer_id, attribute, value FROM overlays")
    ]
    assert sorted(kept) == sorted((evil, evil, evil + "!") for evil in EVIL)
    assert shop.rows("SELECT count(*) FROM events WHERE name = customer_id AND event_id = concat(name, '2')") == [
        (len(EVIL),)
    ]


def test_customer_data_is_never_a_template(tmp_path: Path) -> None:
    shop = Shop(tmp_path, customers=1, journeys=["welcome"])
    shop.customers = [customer(0, first_name="{{ sender.email }}{% raw %}<b>&")]
    shop.events = [event(0, 0, "signed_up", "01 10:00")]
    shop.save()
    shop.run("02")
    assert list(shop.letters().values()) == ["Welcome, {{ sender.email }}{% raw %}<b>&"]


def test_template_names_cannot_leave_their_folder(tmp_path: Path) -> None:
    shop = Shop(tmp_path, customers=1, journeys=[])
    for n, name in enumerate(["../hello", "/etc/passwd", "..", "hello/../hello", "x'; DROP TABLE messages; --"]):
        shop.write(f"journeys/j{n}.yaml", as_yaml({
            "journey": f"j{n}", "topic": "service", "reentry": "never", "trigger": {"event": "signed_up"},
            "steps": [{"send": name}]}))  # fmt: skip
    done = shop.run("02")
    assert sorted(done.broken) == ["j0", "j1", "j2", "j3", "j4"]
    assert done.messages == {}


VALUES = [
    "1" * 4000, "-" + "9" * 400, "1e300", "1e-320", "0." + "1" * 4000, "-0.0", "9007199254740993", "true", "null",
    '"1e999"', '"NaN"', '"Infinity"', '"\\u0000"', '"\\ud800"', '"' + "x" * 5000 + '"', '""', "[1,2]", '{"a":1}',
    "[" * 28 + "]" * 28,
]  # fmt: skip


def test_whatever_a_website_tells_the_nights_go_on_and_others_get_their_letters(tmp_path: Path) -> None:
    """As amounts that a segment sums up, as an answer that is waited for, and as what customers are like."""
    others = []
    for values in ([], VALUES):
        shop = Shop(tmp_path / str(len(values)))
        shop.project("project: small-shop", "project: small-shop\nfront_door: {people: all}")
        shop.run("02")
        with open_mailroom(shop.loaded()) as mailroom:
            for who, value in enumerate(values):
                for kind, call in calls(who, value):
                    told = heard(read_json(call.encode()), kind, Sender(), at("02 10:00"))
                    mailroom.hear(told.news, at("02 10:00"))
        for day in ("03", "04"):
            assert (done := shop.run(day)).broken == {}, done.broken
        found = shop.letters().items()
        others.append({one: words for one, words in found if int(words.rpartition("Name")[2] or 0) >= len(VALUES)})
    assert len(others[0]) > 10
    assert others[0] == others[1]
    assert shop.rows("SELECT count(*) FROM events WHERE properties LIKE '%original_name%'") == [(len(VALUES),)]


def calls(who: int, value: str) -> list[tuple[str, str]]:
    """What a website tells of one customer, with a value of JSON in each place."""
    head = f'"userId": "c{who:03}", "timestamp": "2026-03-02T09:00:00Z"'
    traits = ", ".join(f'"{name}": {value}' for name in ("age", "born", "first_name", "timezone", "locale"))
    return [
        ("track", f'{{{head}, "event": "Order Placed", "properties": {{"total": {value}}}}}'),
        ("track", f'{{{head}, "event": "preference_given", "properties": {{"interest": {value}}}}}'),
        ("identify", f'{{{head}, "traits": {{{traits}}}}}'),
    ]

"""A plan of a project on PostgreSQL: the state is copied into this process, and nothing is written there."""

from __future__ import annotations

from pathlib import Path

from journey_engine.engines import open_engine
from journey_engine.plan import Plan, make_plan
from tests.failures.small_shop import PROJECT, Shop, at, clock

FOLLOWS = """journey: welcome
topic: service
trigger: {event: signed_up}
reentry: never
on_change: follow
steps: [{send: hello}, {wait: {for: 1 day, id: pause}}, {send: tips}]
"""


def plan(shop: Shop, night_of: str) -> Plan:
    return make_plan(shop.loaded(), at(night_of), clock)


def test_a_plan_is_the_same_as_on_a_file_while_the_engine_is_in_use(tmp_path: Path, database: str) -> None:
    shops = [Shop(tmp_path / name, customers=6, journeys=["thanks"]) for name in ("file", "server")]
    shops[1].write("journeys/project.yaml", f"{PROJECT}engine: {database}\n")
    for shop in shops:
        shop.write("journeys/welcome.yaml", FOLLOWS)
    assert plan(shops[0], "02") == plan(shops[1], "02")
    for shop in shops:
        shop.run("02")
        shop.deliver("02 22:00")
        shop.write("journeys/welcome.yaml", FOLLOWS.replace("{send: tips}", "{send: jazz}"))
    engine = open_engine(database, shops[1].folder)
    try:
        planned = [plan(shop, "03") for shop in shops]
    finally:
        engine.close()
    assert planned[0] == planned[1]
    assert {letters.template for letters in planned[1].rehearsed.letters} == {"jazz", "tips"}

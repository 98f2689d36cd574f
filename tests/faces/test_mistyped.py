"""Words of the command line that are nearly right, or right and meant otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from journey_engine.address import Address

from .conftest import NIGHT, Journey


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("valdate",), "there is no 'valdate' here (did you mean 'validate'?); choose from init, new, validate, "),
        (("schema", "jurney"), "there is no 'jurney' here (did you mean 'journey'?); choose from journey, project"),
        (("mailroom", "canel"), "there is no 'canel' here (did you mean 'cancel'?)"),
        (("mailroom", "--limit", "-1"), "'-1' is no number from 1 on"),
        (("tasks", "--limit", "0"), "'0' is no number from 1 on"),
        (("tasks", "--limit", "many"), "'many' is no number from 1 on"),
    ],
)
def test_the_nearest_word_is_named(journey: Journey, words: tuple[str, ...], told: str) -> None:
    said = journey(*words)
    assert said.status == 2
    assert told in said.err


def test_only_what_is_unsure_is_accepted_and_only_what_is_there_is_ended(journey: Journey, shop: Path) -> None:
    journey("run", "--project", shop, "--as-of", NIGHT)
    said = journey("mailroom", "accept", "--state", "pending", "--project", shop)
    assert (said.status, said.out) == (2, "")
    assert "messages that are pending cannot be accepted" in said.err
    said = journey("mailroom", "cancel", "--state", "pending", "--id", "abc", "--project", shop)
    assert (said.status, said.out) == (2, "")
    assert "there is no message 'abc'" in said.err
    states = journey("mailroom", "--project", shop, "--json").json["messages"]
    assert states["pending"] == 3
    one = journey("mailroom", "--state", "pending", "--project", shop, "--json").json["list"][0]["message_id"]
    said = journey("mailroom", "cancel", "--state", "pending", "--id", one, "--project", shop)
    assert said.out == "1 messages are cancelled\n"


def test_a_mailroom_whose_server_is_not_there_says_so(journey: Journey, shop: Path) -> None:
    pytest.importorskip("psycopg", reason="the driver of PostgreSQL is an extra")
    with (shop / "journeys/project.yaml").open("a", encoding="utf-8") as file:
        file.write("mailroom: postgresql+psycopg://shop@127.0.0.1:1/shop\n")
    said = journey("mailroom", "--project", shop)
    assert said.status == 2
    assert "cannot be reached: connection failed" in said.err
    assert "remedy: start the server, or mend `mailroom:` in project.yaml" in said.err


def test_a_server_that_is_not_there_says_why_in_one_line() -> None:
    said = (
        'connection failed: connection to server at "127.0.0.1", port 5432 failed: Connection refused\n'
        "\tIs the server running on that host and accepting TCP/IP connections?"
    )
    error = Address.of("postgresql://shop@127.0.0.1:5432/shop").unreachable(said)
    assert error.message.endswith("port 5432 failed: Connection refused")
    assert "\t" not in str(error)

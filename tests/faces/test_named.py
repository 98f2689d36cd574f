"""Names on the command line: one that nothing has is told, with the nearest and what there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Journey

NIGHT = "2026-03-02T02:00:00Z"
CALL = """
journey: call
topic: letters
trigger: {event: {name: signed_up, first: true}}
steps: [{task: {team: service, title: "Call {{ customer.first_name | default('you') }}"}}]
"""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mailroom", "--topic", "leters"], "there is no topic 'leters' (did you mean 'letters'?)"),
        (["mailroom", "--channel", "flie"], "(did you mean 'file'?)\n  remedy: known are: file"),
        (["mailroom", "--journey", "helo"], "there is no journey 'helo' (did you mean 'hello'?)"),
        (["mailroom", "--template", "helo"], "there is no template 'helo' (did you mean 'hello'?)"),
        (["mailroom", "retry", "--state", "refused", "--topic", "leters"], "there is no topic 'leters'"),
        (["tasks", "--team", "servise"], "(did you mean 'service'?)\n  remedy: known are: service"),
        (["tasks", "--owner", "Ada"], "there is no owner 'Ada'\n  remedy: known are: none yet"),
    ],
)  # fmt: skip
def test_name_that_nothing_has_is_told(journey: Journey, shop: Path, arguments: list[str], said: str) -> None:
    (shop / "journeys/call.yaml").write_text(CALL, encoding="utf-8")
    journey("run", "--project", shop, "--as-of", NIGHT)
    found = journey(*arguments, "--project", shop)
    assert found.status == 2
    assert said in found.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["mailroom", "--topic", "letters"], ["mailroom", "--channel", "webhook"], ["mailroom", "--journey", "call"],
        ["tasks", "--team", "service"],
    ],
)  # fmt: skip
def test_name_of_the_project_is_known_before_anything_has_it(
    journey: Journey, shop: Path, arguments: list[str]
) -> None:
    (shop / "journeys/call.yaml").write_text(CALL, encoding="utf-8")
    assert journey(*arguments, "--project", shop).status == 0


def test_name_that_only_old_messages_have_is_known(journey: Journey, shop: Path) -> None:
    journey("run", "--project", shop, "--as-of", NIGHT)
    for name in ("hello.yaml", "hello.test.yaml"):
        (shop / "journeys" / name).unlink()
    assert journey("mailroom", "--journey", "hello", "--project", shop).status == 0


def test_retry_tells_how_many_are_too_late_to_leave(journey: Journey, shop: Path) -> None:
    journey("run", "--project", shop, "--as-of", NIGHT)
    for file in (shop / "var").glob("mailroom.sqlite*"):
        file.unlink()
    journey("mailroom", "recover", "--project", shop)
    retry = ("mailroom", "retry", "--state", "unsure", "--project", shop, "--as-of")
    late = "4 of them are past their max_lateness: the next dispatch skips them as too_late, and none leaves\n"
    assert "max_lateness" not in journey(*retry, "2026-03-03T12:00:00Z", "--dry-run").out
    assert journey(*retry, "2026-03-20T12:00:00Z", "--dry-run").out.endswith(late)
    assert journey(*retry, "2026-03-20T12:00:00Z", "--dry-run", "--json").json["too_late"] == 4
    assert journey(*retry, "2026-03-20T12:00:00Z").out == f"4 messages are due again\n{late}"
    assert ": 4 skipped" in journey("dispatch", "--project", shop, "--as-of", "2026-03-20T12:00:00Z").out

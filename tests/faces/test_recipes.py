"""`journey new`: a ready-made journey becomes a sound journey of one's own, or nothing happens at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from journey_engine.checks import open_project
from journey_engine.journeytest import run_tests
from journey_engine.recipes import Recipe, shelf
from journey_engine.scaffold import make_project

from .conftest import Journey

RECIPES = shelf()
MARKETING = ("awareness", "consideration", "conversion", "retention", "advocacy")


def project(folder: Path, cycle: str) -> Path:
    """A new project, as `journey init` makes it, moved to a cycle."""
    make_project(folder)
    if cycle != "marketing":
        replace(folder, "cycle: marketing", f"cycle: {cycle}")
        replace(folder, "stage: consideration", "stage: receiving", "hello.yaml")
    return folder


def replace(folder: Path, old: str, new: str, file: str = "project.yaml") -> None:
    path = folder / "journeys" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def held(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def cycle_of(recipe: Recipe) -> str:
    return recipe.loaded.project.cycle.name or ""


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda one: one.title)
def test_recipe_in_a_new_project_has_no_problem_and_passes_its_tests(
    recipe: Recipe, journey: Journey, tmp_path: Path
) -> None:
    folder = project(tmp_path / "shop", cycle_of(recipe))
    said = journey("new", recipe.title, "--project", folder, "--json")
    assert (said.status, said.json["problems"]) == (0, [])
    loaded = open_project(folder)
    assert loaded.problems == []
    report = run_tests(loaded, [folder / name for name in said.json["files"] if name.endswith(".test.yaml")])
    assert report.passed, "\n".join(report.lines())
    assert {one.journey: one.missing for one in report.coverage} == dict.fromkeys(
        [recipe.name, *said.json["others"]], ()
    )


@pytest.mark.parametrize("cycle", sorted({cycle_of(one) for one in RECIPES}))
def test_all_recipes_of_a_cycle_live_together_in_one_project(cycle: str, journey: Journey, tmp_path: Path) -> None:
    folder = project(tmp_path / "shop", cycle)
    there: set[str] = set()
    for recipe in RECIPES:
        if cycle_of(recipe) == cycle and recipe.name not in there:
            said = journey("new", recipe.title, "--project", folder, "--json")
            assert said.status == 0
            there |= {recipe.name, *said.json["others"]}
    loaded = open_project(folder)
    assert loaded.problems == []
    assert set(loaded.journeys) == {one.name for one in RECIPES if cycle_of(one) == cycle} | {"hello"}
    assert run_tests(loaded).passed


def test_list_has_every_recipe_under_its_stage(journey: Journey) -> None:
    said = journey("new")
    assert said.status == 0
    for recipe in RECIPES:
        assert f"  {recipe.title} " in said.out
        assert recipe.about in said.out
    stages = [line for line in said.out.splitlines() if line in MARKETING]
    assert stages == sorted(stages, key=MARKETING.index)
    listed = journey("new", "--json").json["recipes"]
    assert [one["recipe"] for one in listed] == [one.title for one in RECIPES]


def test_copying_says_what_was_written_and_what_to_do_next(journey: Journey, shop: Path) -> None:
    said = journey("new", "retention/win-back", "--project", shop)
    assert said.status == 0
    for line in (
        "  journeys/retention/win-back.yaml", "  templates/we-miss-you/subject.txt",
        "  journeys/project.yaml: segments, regulars", "next: change its words",
    ):  # fmt: skip
        assert line in said.out


def test_a_name_of_ones_own_goes_into_journey_and_test(journey: Journey, shop: Path) -> None:
    assert journey("new", "retention/win-back", "--as", "come-back", "--project", shop).status == 0
    for ending in (".yaml", ".test.yaml"):
        text = (shop / f"journeys/retention/come-back{ending}").read_text(encoding="utf-8")
        assert "\njourney: come-back\n" in f"\n{text}"
    assert "come-back" in open_project(shop).journeys


def test_the_same_recipe_a_second_time_shares_letters_under_another_name(journey: Journey, shop: Path) -> None:
    assert journey("new", "retention/win-back", "--project", shop).status == 0
    again = journey("new", "retention/win-back", "--as", "second", "--project", shop, "--json")
    assert again.status == 0
    assert again.json["files"] == ["journeys/retention/second.test.yaml", "journeys/retention/second.yaml"]
    assert again.json["added"] == []


def test_settings_of_ones_own_stay_and_missing_ones_come_with_their_comment(journey: Journey, shop: Path) -> None:
    replace(shop, "topics:\n", "topics:\n  offers: {class: marketing, label: My own words}\n")
    assert journey("new", "retention/win-back", "--project", shop).status == 0
    text = (shop / "journeys/project.yaml").read_text(encoding="utf-8")
    assert text.count("  offers: ") == 1
    assert "label: My own words" in text
    assert "\n\nsegments:\n  # Those the shop would miss most.\n  regulars:\n    event: {name: order_placed" in text
    assert "# Who writes. Marketing does not leave without the postal address." in text


def test_a_layout_of_ones_own_stays(journey: Journey, shop: Path) -> None:
    layout = shop / "templates/layouts/base.txt"
    mine = layout.read_bytes() + b"\nMine.\n"
    layout.write_bytes(mine)
    said = journey("new", "retention/win-back", "--project", shop)
    assert layout.read_bytes() == mine
    assert "templates/layouts/base.txt is your own and stays" in said.out


# What a journey needs beside itself


def test_rewards_come_with_their_program(journey: Journey, shop: Path) -> None:
    said = journey("new", "retention/win-back", "--project", shop, "--json")
    program = "journeys/programs/win-back-voucher.yaml"
    assert program in said.json["files"]
    assert (shop / program).read_bytes() == (RECIPES[0].loaded.folder / program).read_bytes()


def test_a_program_of_ones_own_stays_and_what_it_lacks_is_told(journey: Journey, shop: Path) -> None:
    mine = "program: win-back-voucher\ncurrency: EUR\nsides: {friend: 5}\nbudget: 100\n"
    for name in ("win-back-voucher.yaml", "mine.yaml"):
        path = shop / "journeys/programs" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(mine, encoding="utf-8")
        said = journey("new", "retention/win-back", "--project", shop)
        assert said.status == 1
        assert "the program 'win-back-voucher' has no side 'customer'; it has: friend" in said.out
        assert ("win-back-voucher.yaml is your own and stays" in said.out) is (name != "mine.yaml")
        assert [one.name for one in path.parent.iterdir()] == [name]
        for one in (path, *(shop / "journeys/retention").iterdir()):
            one.unlink()


def test_journeys_that_it_starts_come_along_with_all_they_need(journey: Journey, shop: Path) -> None:
    said = journey("new", "retention/feedback", "--as", "how-was-it", "--project", shop)
    assert "'referral' came along: 'how-was-it' names it" in said.out
    for name in (
        "journeys/advocacy/referral.yaml", "journeys/advocacy/referral.test.yaml",
        "journeys/programs/bring-a-friend.yaml", "templates/bring-a-friend/subject.txt",
    ):  # fmt: skip
        assert f"  {name}\n" in said.out
        assert (shop / name).is_file()


def test_a_journey_of_ones_own_is_the_one_that_it_starts(journey: Journey, shop: Path) -> None:
    mine = shop / "journeys/referral.yaml"
    mine.write_text(
        "journey: referral\ntopic: letters\ntrigger: {event: invited}\nreentry: never\nsteps: [{send: hello}]\n"
    )
    said = journey("new", "retention/feedback", "--project", shop, "--json")
    assert (said.status, said.json["others"]) == (0, [])
    assert not (shop / "journeys/advocacy").exists()
    assert not (shop / "journeys/programs").exists()


def test_an_attribute_that_chooses_a_variant_comes_along(journey: Journey, shop: Path) -> None:
    said = journey("new", "retention/newsletter", "--project", shop, "--json")
    assert "attributes.favourite_genre" in said.json["added"]
    assert "topics.monthly" in said.json["added"]
    assert "templates/monthly/jazz/body.txt" in said.json["files"]


# Refused, and nothing half-written


def refused(journey: Journey, folder: Path, *arguments: str) -> str:
    before = held(folder)
    said = journey("new", *arguments, "--project", folder)
    assert said.status == 2
    assert "remedy: " in said.err
    assert held(folder) == before
    return said.err


def test_unknown_recipe_names_the_nearest(journey: Journey, shop: Path) -> None:
    assert "did you mean 'retention/win-back'?" in refused(journey, shop, "retention/winback")


def test_recipe_of_another_cycle_names_the_stages_there_are(journey: Journey, tmp_path: Path) -> None:
    said = refused(journey, project(tmp_path / "desk", "service"), "retention/win-back")
    assert "'retention' is no stage of this project; its cycle has: be-ready, receiving" in said


def test_journey_that_is_there_is_not_replaced(journey: Journey, shop: Path) -> None:
    journey("new", "retention/win-back", "--project", shop)
    said = refused(journey, shop, "retention/win-back")
    assert "the project has a journey 'win-back' already, in journeys/retention/win-back.yaml" in said
    assert "journey new retention/win-back --as my-win-back" in said


def test_test_that_is_there_is_not_replaced(journey: Journey, shop: Path) -> None:
    (shop / "journeys/retention").mkdir()
    (shop / "journeys/retention/win-back.test.yaml").write_text("mine")
    assert "journeys/retention/win-back.test.yaml is there already" in refused(journey, shop, "retention/win-back")


def test_letter_of_ones_own_with_other_words_is_not_replaced(journey: Journey, shop: Path) -> None:
    (shop / "templates/we-miss-you").mkdir()
    (shop / "templates/we-miss-you/subject.txt").write_text("Mine\n")
    said = refused(journey, shop, "retention/win-back")
    assert "templates/we-miss-you/subject.txt is there already, with other words" in said
    assert "rename your folder templates/we-miss-you" in said


@pytest.mark.parametrize(
    "flow",
    ["topics: {letters: {class: marketing}}", "topics:\n  {letters: {class: marketing}}", "topics: {}"],
    ids=["one line", "own line", "empty"],
)
def test_settings_that_cannot_be_put_in_are_shown_to_be_written(journey: Journey, shop: Path, flow: str) -> None:
    replace(shop, "topics:\n  letters: {class: marketing, label: Letters from the shop}", flow)
    said = refused(journey, shop, "retention/win-back")
    assert "write these lines into it by hand" in said
    assert "    topics:\n      offers: {class: marketing, label: Recommendations and offers}\n" in said


def test_broken_project_is_mended_first(journey: Journey, shop: Path) -> None:
    replace(shop, "timezone: Europe/Berlin", "timezone: Europe/Berlim")
    before = held(shop)
    said = journey("new", "retention/win-back", "--project", shop)
    assert said.status == 1
    assert "did you mean 'Europe/Berlin'?" in said.err
    assert held(shop) == before


def test_name_that_no_journey_may_have(journey: Journey, shop: Path) -> None:
    assert "'../up' is no name for a journey" in refused(journey, shop, "retention/win-back", "--as", "../up")


def test_folder_that_cannot_be_written_leaves_nothing(journey: Journey, shop: Path) -> None:
    (shop / "templates/what-you-missed").write_text("a file where a folder is wanted")
    assert "cannot be written" in refused(journey, shop, "retention/win-back")

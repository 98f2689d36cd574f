"""Loading a project: what is broken stays out, everything else goes on."""

from __future__ import annotations

import datetime as dt
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from journey_engine.checks import as_json, check, check_journey, format_problem, format_problems, open_project
from journey_engine.checks.scope import header
from journey_engine.errors import JourneyError, Place, Problem, ProblemsFound
from journey_engine.load import assemble, journey_files, load_journey, load_project, read_project
from journey_engine.project import Source
from journey_engine.times import Duration

BASE = Path(__file__).parents[1] / "language" / "project"
GOOD = "journey: {name}\ntopic: orders\ntrigger: {{schedule: '0 9 * * 1'}}\nsteps: [{{send: hello}}]\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BASE, tmp_path / "shop"))


@pytest.fixture
def write(shop: Path) -> Callable[[str, str], Path]:
    def make(name: str, text: str) -> Path:
        path = shop / "journeys" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return make


Write = Callable[[str, str], Path]


def test_broken_journey_leaves_the_others_as_they_are(shop: Path, write: Write) -> None:
    write("good.yaml", GOOD.format(name="good"))
    write("broken.yaml", "journey: broken\nsteps: [{sned: hello}]\n")
    write("unreadable.yaml", "journey: [\n")
    loaded = load_project(shop)
    assert loaded.rules is not None
    assert [graph.journey for graph in loaded.rules.journeys] == ["good", "second"]
    assert sorted(loaded.journeys) == ["broken", "good", "second", "unreadable"]
    assert {problem.place.file for problem in loaded.problems} == {"journeys/broken.yaml", "journeys/unreadable.yaml"}
    assert loaded.journeys["broken"].graph is None and not loaded.journeys["broken"].sound


def test_journey_with_a_mistake_found_by_a_check_is_left_out(shop: Path, write: Write) -> None:
    write("lost.yaml", GOOD.format(name="lost").replace("hello", "no-such-template"))
    loaded = load_project(shop)
    assert loaded.rules is not None
    assert [graph.journey for graph in loaded.rules.journeys] == ["lost", "second"]
    checked = check(loaded)
    assert checked.rules is not None
    assert [graph.journey for graph in checked.rules.journeys] == ["second"]
    alone = check_journey(loaded.journeys["lost"], loaded)
    assert [problem.code for problem in alone.problems] == ["missing-template"]


def test_warning_stops_nothing(shop: Path, write: Write) -> None:
    wait = "[{wait_for: {event: order_placed}}, {send: hello}]"
    write("waits.yaml", GOOD.format(name="waits").replace("[{send: hello}]", wait))
    loaded = open_project(shop)
    assert [problem.code for problem in loaded.problems] == ["endless-wait"]
    assert loaded.journeys["waits"].sound
    assert loaded.rules is not None and len(loaded.rules.journeys) == 2


def test_broken_settings_stop_everything(shop: Path, write: Write) -> None:
    write("project.yaml", "project: shop\ncadence: daily\n")
    loaded = load_project(shop)
    assert loaded.rules is None and loaded.journeys == {}
    assert {problem.place.file for problem in loaded.problems} == {"journeys/project.yaml"}
    with pytest.raises(ProblemsFound, match="cron line"):
        loaded.project  # noqa: B018 - reading it is what fails
    assert check(loaded) is loaded


def test_mistake_that_only_a_check_finds_in_the_settings_stops_everything(shop: Path) -> None:
    settings = shop / "journeys/project.yaml"
    settings.write_text(settings.read_text() + "channels: smtp\n")
    assert open_project(shop).rules is None


def test_folder_without_a_project_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(JourneyError) as error:
        load_project(tmp_path)
    assert "journeys/project.yaml" in error.value.message
    assert error.value.remedy is not None and "journey init" in error.value.remedy


def test_journeys_of_one_name_are_both_set_aside(shop: Path, write: Write) -> None:
    write("a/one.yaml", GOOD.format(name="one"))
    write("b/one.yaml", GOOD.format(name="one"))
    loaded = load_project(shop)
    assert loaded.rules is not None
    assert [graph.journey for graph in loaded.rules.journeys] == ["second"]
    assert [problem.code for problem in loaded.problems] == ["duplicate-journey", "duplicate-journey"]


def test_only_journeys_are_taken_for_journeys(shop: Path, write: Write) -> None:
    for name in ("a.yaml", "b/c/d.yml", "e.test.yaml", "programs/f.yaml", ".hidden/g.yaml", "notes.txt"):
        write(name, GOOD.format(name="x"))
    found = [path.relative_to(shop / "journeys").as_posix() for path in journey_files(shop)]
    assert found == ["a.yaml", "b/c/d.yml", "second.yaml"]


def test_project_without_journeys_is_one(shop: Path) -> None:
    (shop / "journeys/second.yaml").unlink()
    loaded = open_project(shop)
    assert loaded.rules is not None and loaded.rules.journeys == ()
    assert loaded.problems == []


def test_draft_is_checked_but_not_run(shop: Path, write: Write) -> None:
    write("draft.yaml", GOOD.format(name="draft").replace("hello", "receipt") + "status: draft\n")
    loaded = load_project(shop)
    assert loaded.rules is not None
    assert [graph.journey for graph in loaded.rules.journeys] == ["second"]
    assert loaded.journeys["draft"].graph is not None
    assert loaded.rules.values["receipt"] == {"trigger.total"}  # its tests run


def test_journey_can_be_loaded_alone_and_put_together_later(shop: Path, write: Write) -> None:
    path = write("retention/alone.yaml", GOOD.format(name="alone"))
    file = read_project(shop)
    alone = load_journey(path, file)
    assert alone.file == "journeys/retention/alone.yaml"
    assert alone.sound and alone.graph is not None
    loaded = assemble(file, [alone])
    assert loaded.rules is not None and loaded.rules.journeys == (alone.graph,)


def test_rules_carry_the_settings(shop: Path, write: Write) -> None:
    settings = (shop / "journeys/project.yaml").read_text()
    write("project.yaml", settings + "timezone: Africa/Lagos\naccept_late: 1 week\nsend_hours: {from: '08:00'}\n")
    rules = load_project(shop).rules
    assert rules is not None
    assert (rules.timezone, rules.accept_late) == ("Africa/Lagos", Duration(0, 7 * 86400))
    assert rules.send_hours == (dt.time(8), dt.time(20))


def test_definitions_are_segments_then_stages_in_their_order(shop: Path) -> None:
    rules = load_project(shop).rules
    assert rules is not None
    assert [(one.of, one.name) for one in rules.definitions] == [
        ("segment", "vip"), ("stage", "awareness"), ("stage", "consideration"), ("stage", "conversion"),
        ("stage", "retention"), ("stage", "advocacy"),
    ]  # fmt: skip
    assert all(len(one.version) == 12 for one in rules.definitions)


def test_version_of_a_definition_changes_with_its_meaning_only(shop: Path, write: Write) -> None:
    def versions() -> dict[str, str]:
        rules = load_project(shop).rules
        assert rules is not None
        return {one.name: one.version for one in rules.definitions}

    before = versions()
    settings = (shop / "journeys/project.yaml").read_text()
    write("project.yaml", "# moved down\n" + settings.replace("at_least: 5}", "at_least:   5.0}").replace("5.0", "5"))
    assert versions() == before
    write("project.yaml", settings.replace("at_least: 5", "at_least: 6"))
    assert {name for name, version in versions().items() if version != before[name]} == {"vip"}


def test_segment_inside_a_segment_changes_both(shop: Path, write: Write) -> None:
    settings = (shop / "journeys/project.yaml").read_text()
    nested = settings.replace("segments:\n", "segments:\n  both: {all: [{segment: vip}, {customer: {plan: pro}}]}\n")
    write("project.yaml", nested)
    before = {one.name: one.version for one in load_project(shop).rules.definitions}  # type: ignore[union-attr]
    write("project.yaml", nested.replace("at_least: 5", "at_least: 6"))
    after = {one.name: one.version for one in load_project(shop).rules.definitions}  # type: ignore[union-attr]
    assert {name for name in before if before[name] != after[name]} == {"vip", "both"}


def test_version_of_a_journey_ignores_wording_and_place(shop: Path, write: Write) -> None:
    write("one.yaml", GOOD.format(name="one"))
    first = load_project(shop).journeys["one"].graph
    write("one.yaml", "# a remark\n\n" + GOOD.format(name="one") + "about: Monday greetings\n")
    second = load_project(shop).journeys["one"].graph
    assert first is not None and second is not None
    assert first.version == second.version
    assert [node.line for node in first.nodes] != [node.line for node in second.nodes]


def test_nodes_know_the_line_that_they_were_written_on(shop: Path, write: Write) -> None:
    text = (
        "journey: lines\ntopic: orders\ntrigger:\n  schedule: 0 9 * * 1\nexit_when: {segment: vip}\n"
        "goal:\n  event: order_placed\nsteps:\n  - send: hello\n  - wait: 1 day\n  - branch:\n"
        "      - when: {segment: vip}\n        steps:\n          - exit: vip\n      - otherwise:\n"
        "          - task: {team: sales, title: Call}\n"
    )
    write("lines.yaml", text)
    graph = load_project(shop).journeys["lines"].graph
    assert graph is not None
    assert [(node.kind, node.line) for node in graph.nodes] == [
        ("emit", 9), ("await", 10), ("gate", 12), ("exit", 14), ("emit", 16), ("exit", 8),
    ]  # fmt: skip
    assert (graph.trigger_line, graph.goal_line, graph.exit_line) == (3, 6, 5)


def test_values_name_what_templates_and_titles_need(shop: Path, write: Write) -> None:
    write("v.yaml", GOOD.format(name="v").replace("{send: hello}", "{task: {team: a, title: '{{ customer.plan }}'}}"))
    rules = load_project(shop).rules
    assert rules is not None
    assert rules.values == {"hello": {"customer.first_name"}, "{{ customer.plan }}": {"customer.plan"}}


def test_two_hundred_journeys_load_and_check_quickly(shop: Path, write: Write) -> None:
    text = (BASE.parent / "ok" / "every-step.yaml").read_text()
    for number in range(200):
        write(f"many/journey-{number}.yaml", text.replace("journey: every-step", f"journey: journey-{number}"))
    started = time.perf_counter()
    loaded = open_project(shop)
    seconds = time.perf_counter() - started
    assert loaded.problems == []
    assert len(loaded.journeys) == 201
    assert seconds < 20  # about 1 s on a free machine; a busy one is no reason to fail


# showing


def test_problem_is_shown_with_its_line_and_a_caret() -> None:
    problem = Problem(Place("a.yaml", 2, 10), "no", "code")
    assert format_problem(problem, ["journey: x", "stage: { retntion }"]) == (
        "a.yaml:2:10: no [code]\n  2 | stage: { retntion }\n    |          ^~~~~~~~"
    )
    assert format_problem(problem) == "a.yaml:2:10: no [code]"
    assert (
        format_problem(Problem(Place("a.yaml", 9), "no", "code", "warning"), ["x"]) == "a.yaml:9:1: warning: no [code]"
    )


def test_long_line_is_shown_around_the_caret() -> None:
    line = "x" * 300 + " here " + "y" * 300
    _, source, caret = format_problem(Problem(Place("a", 1, 302), "no", "code"), [line]).splitlines()
    assert len(source) < 120
    assert source[caret.index("^") :].startswith("here")


def test_control_characters_of_a_file_do_not_reach_the_terminal() -> None:
    shown = format_problem(Problem(Place("a", 1, 3), "no", "code"), ["a\x1b[31m\tb"])
    assert "\x1b" not in shown and "\t" not in shown


def test_problems_as_data(shop: Path, write: Write) -> None:
    write("x.yaml", GOOD.format(name="x") + "satge: retention\n")
    loaded = open_project(shop)
    (shown,) = as_json(loaded.problems)
    assert shown["file"] == "journeys/x.yaml"
    assert (shown["line"], shown["column"], shown["severity"], shown["code"]) == (5, 1, "error", "unknown-key")
    assert "did you mean 'stage'?" in shown["message"]
    text = format_problems(loaded.problems, loaded.folder, loaded.sources)
    assert text.splitlines()[1:] == ["  5 | satge: retention", "    | ^~~~~"]


# columns


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"customer_id,plan\n1,pro\n", {"customer_id", "plan"}),
        (b"\xef\xbb\xbfcustomer_id;plan\r\n", {"customer_id", "plan"}),
        (b'"customer_id"\t"plan"\n', {"customer_id", "plan"}),
        (b"customer_id", {"customer_id"}),
        (b"", None),
        (b"\xff\xfe\n", None),
    ],
)
def test_header_of_a_file_is_read(tmp_path: Path, content: bytes, expected: set[str] | None) -> None:
    (tmp_path / "c.csv").write_bytes(content)
    assert header(tmp_path, Source(path="c.csv")) == expected


def test_header_of_what_cannot_be_looked_into_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "b-2.csv").write_text("id,age\n")
    assert header(tmp_path, Source(path="gone.csv")) is None
    assert header(tmp_path, Source(path="c.parquet")) is None
    assert header(tmp_path, Source(table="customers")) is None
    assert header(tmp_path, Source(path="b-*.csv", columns={"customer_id": "id"})) == {"customer_id", "age"}

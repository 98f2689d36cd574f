"""`journey test`: what a test may say, what it tells when something differs, and which steps are covered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from journey_engine.journeytest import TestReport, run_tests, words
from journey_engine.language import Word
from journey_engine.load import load_project
from journey_engine.load.shape import examples
from journey_engine.yamlfile import read

ROOT = Path(__file__).parents[2]

PROJECT = """
project: little-shop
customers: data/customers.csv
events: data/events.csv
timezone: Europe/Berlin
sender: {name: Little Shop, email: hello@example.com, postal_address: 1 Main Street}
topics: {offers: marketing, receipts: transactional}
tables: {stores: {source: data/stores.csv, key: store_id}}
webhooks: {crm: {url: https://crm.example.com/, secret_env: CRM_SECRET}}
"""

WIN_BACK = """
journey: win-back
topic: offers
trigger: {inactive: {event: order_placed, for: 60 days}}
audience: {not: {customer: {vip: true}}}
goal: {event: order_placed}
steps:
  - send: we-miss-you
  - wait: 3 days
  - branch:
      - when: {event: {name: page_viewed}}
        steps: [{send: {template: ten-off, only_if: {customer: {plan: pro}}}}]
  - task: {team: service, title: "Call {{ customer.first_name }}", due: 2 days}
"""

Try = Callable[..., TestReport]


@pytest.fixture
def run(tmp_path: Path) -> Try:
    """Run one test file beside the win-back journey."""

    def with_tests(tests: str, journey: str = WIN_BACK, words: str = "Hello") -> TestReport:
        files = {"project.yaml": PROJECT, "win-back.yaml": journey, "win-back.test.yaml": dedent(tests)}
        for name, text in files.items():
            path = tmp_path / "journeys" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        for name in ("we-miss-you", "ten-off"):
            folder = tmp_path / "templates" / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "subject.txt").write_text("Hello", encoding="utf-8")
            (folder / "body.txt").write_text(words, encoding="utf-8")
        return run_tests(load_project(tmp_path))

    return with_tests


def case(expect: str, events: str = "", customer: str = "first_name: Ada") -> str:
    """A test on an order of 1 January 10:00 UTC: quiet on 2 March 10:00, seen on the 3rd at 02:00 (03:00 in Berlin)."""
    return f"""\
journey: win-back
tests:
  - name: a story
    customer: {{{customer}}}
    events:
      - {{at: 2026-01-01T10:00:00Z, order_placed: {{total: 30}}}}
      {events or "# nothing else"}
    nights: {{from: 2026-03-01, until: 2026-03-12}}
    expect: {expect}
"""


@pytest.mark.parametrize(
    "expect",
    [
        "{messages: [we-miss-you]}",
        "{messages: [{template: we-miss-you, at: 2026-03-03T09:00}]}",  # by the clock of Berlin, the project's zone
        "{messages: [{template: we-miss-you, at: 2026-03-03T08:00:00Z}]}",
        "{messages: [{template: we-miss-you, at: 2026-03-03T10:00:00+02:00}]}",
        "{tasks: [service]}",
        "{tasks: [{team: service, title: Call Ada, at: 2026-03-06T09:00, due: 2026-03-08T09:00}]}",
        "{exit: finished}",
        "{exit: {state: finished, reason: finished, at: 2026-03-06T09:00}}",
        "{entered: 1}",
    ],
)
def test_an_expectation_that_came_true_passes(run: Try, expect: str) -> None:
    report = run(case(expect))
    assert report.passed, "\n".join(report.lines())
    assert [result.story for result in report.results] == [()]


@pytest.mark.parametrize(
    ("expect", "difference"),
    [
        (
            "{messages: [{template: we-miss-you, at: 2026-03-03T10:00}]}",
            "journeys/win-back.test.yaml:9:25: messages\n"
            "    expected  we-miss-you at 2026-03-03 10:00\n"
            "    happened  we-miss-you at 2026-03-03 09:00",
        ),
        (
            "{messages: []}",
            "journeys/win-back.test.yaml:9:14: messages\n"
            "    expected  nothing\n"
            "    happened  we-miss-you at 2026-03-03 09:00",
        ),
        (
            "{messages: [hello, we-miss-you, bye]}",
            "journeys/win-back.test.yaml:9:25: messages\n    expected  hello\n    happened  nothing\n"
            "journeys/win-back.test.yaml:9:45: messages\n    expected  bye\n    happened  nothing",
        ),
        (
            "{messages: [{template: we-miss-you, skipped: too_late}]}",
            "journeys/win-back.test.yaml:9:25: messages\n"
            "    expected  we-miss-you, skipped too_late\n"
            "    happened  we-miss-you at 2026-03-03 09:00",
        ),
        (
            "{tasks: [{team: service, title: Call Bob}]}",
            "journeys/win-back.test.yaml:9:22: tasks\n"
            "    expected  service, title Call Bob\n"
            "    happened  service at 2026-03-06 09:00, title Call Ada, due 2026-03-08 09:00",
        ),
        (
            "{exit: {state: converted, at: 2026-03-09T02:00:00Z}}",
            "journeys/win-back.test.yaml:9:20: the last pass\n"
            "    expected  converted at 2026-03-09 02:00 UTC\n"
            "    happened  finished (finished) at 2026-03-06 09:00 (08:00 UTC)",
        ),
        (
            "{open: true}",
            "journeys/win-back.test.yaml:9:20: the last pass\n"
            "    expected  still open\n"
            "    happened  finished (finished) at 2026-03-06 09:00 (08:00 UTC)",
        ),
        (
            "{entered: 0}",
            "journeys/win-back.test.yaml:9:23: passes that began\n"
            "    expected  0\n"
            "    happened  1, entered at 2026-03-02 11:00",
        ),
    ],
)
def test_a_difference_names_its_line_what_was_expected_and_what_happened(
    run: Try, expect: str, difference: str
) -> None:
    report = run(case(expect))
    assert not report.passed
    assert "\n".join(line for found in report.results[0].differences for line in found.lines()) == difference


def test_the_story_of_a_failed_test_names_the_lines_of_yaml_and_what_conditions_saw(run: Try) -> None:
    events = "- {at: 2026-03-04T10:00:00Z, page_viewed: {}}"
    report = run(case("{messages: []}", events, "first_name: Ada, plan: free"))
    assert list(report.results[0].story) == [
        "2026-03-02 11:00  entered",
        "2026-03-03 09:00  sent  send:we-miss-you  (journeys/win-back.yaml:8)",
        "2026-03-06 09:00  waited  wait:3 days  (journeys/win-back.yaml:9)",
        "2026-03-06 09:00  yes  branch  (journeys/win-back.yaml:11)",
        "    yes page_viewed, since entry (saw 1 event, last 2026-03-04T10:00:00Z)",
        "2026-03-06 09:00  no  send:ten-off  (journeys/win-back.yaml:12)",
        "    no  customer.plan is pro (saw free)",
        "2026-03-06 09:00  task  task:service  (journeys/win-back.yaml:13)",
        "2026-03-06 09:00  finished  end  (journeys/win-back.yaml:7)",
    ]


def test_a_customer_who_never_entered_is_told_why(run: Try) -> None:
    story = run(case("{entered: 1}", customer="vip: true")).results[0].story
    assert list(story) == [
        "2026-03-03 03:00  not entered: the audience says no",
        "      no  not",
        "        yes customer.vip is true (saw true)",
    ]
    again = run(case("{entered: 1}", "- {at: 2026-02-20T10:00:00Z, order_placed: {}}"))
    assert list(again.results[0].story) == ["the trigger never occurred in these nights"]
    assert again.results[0].differences[0].happened == "none"


def test_an_expected_exit_of_a_pass_that_never_began_differs(run: Try) -> None:
    found = run(case("{exit: finished}", customer="vip: true")).results[0].differences
    assert [(one.expected, one.happened) for one in found] == [("finished", "no pass began")]


def test_a_title_that_cannot_be_worded_says_so(run: Try) -> None:
    found = run(case("{tasks: [{team: service, title: Call Ada}]}", customer="plan: free")).results[0].differences
    assert "no value for customer.first_name" in found[0].happened


def test_a_late_row_and_a_list_of_instants(run: Try) -> None:
    # The order of February comes into the data only on 5 March: until then the customer looks quiet.
    late = "- {at: 2026-02-20T10:00:00Z, id: o2, received_at: 2026-03-05T00:00:00Z, order_placed: {}}"
    nights = "[2026-03-02T02:00:00Z, 2026-03-03T02:00:00Z, 2026-03-06T02:00:00Z]"
    tests = case(
        "{exit: {state: finished}}",
        late,
    )
    report = run(
        tests.replace(
            "{from: 2026-03-01, until: 2026-03-12}",
            nights,
        )
    )
    assert report.passed, "\n".join(report.lines())


def test_a_message_taken_back_before_it_was_due_was_never_sent(run: Try) -> None:
    # Decided at 03:00 for 09:00; a second run at 06:00 sees the order of 05:00.
    tests = case("{messages: [], exit: converted}", "- {at: 2026-03-03T04:00:00Z, order_placed: {}}")
    instants = "[2026-03-02T02:00:00Z, 2026-03-03T02:00:00Z, 2026-03-03T05:00:00Z]"
    report = run(tests.replace("{from: 2026-03-01, until: 2026-03-12}", instants))
    assert report.passed, "\n".join(report.lines())


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("expect: {entered: 1}", "expct: {entered: 1}", "9:5: "),
        ("entered: 1", "enterd: 1", "9:14: "),
        ("journey: win-back", "journey: winback", "1:10: unknown journey 'winback' (did you mean 'win-back'?)"),
        (
            "first_name: Ada",
            "timezone: Europe/Berln",
            "4:26: unknown zone 'Europe/Berln' (did you mean",
        ),
        ("at: 2026-01-01T10:00:00Z", "at: 2026-01-01T10:00:00", "6:14: '2026-01-01T10:00:00' has no zone"),
        ("order_placed: {total: 30}", "order_placed: {}, signed_up: {}", "6:9: name one event, such as"),
        ("order_placed: {total: 30}", "order_placed: 30", "6:9: the properties of 'order_placed' are a mapping"),
        ("until: 2026-03-12", "until: 2026-02-12", "8:13: `until` is a day not before `from`"),
        ("from: 2026-03-01", "from: March", "8:20: 'March' is no day; write it like 2026-03-01"),
        ("{entered: 1}", "{}", "9:13: expect at least one of messages, tasks, rewards, webhooks, exit, open, entered"),
        ("{entered: 1}", "{exit: finished, open: true}", "9:13: a pass that is `open` has no `exit`"),
        ("{entered: 1}", "{messages: [{template: x, at: 2026-03-03}]}", "9:43: '2026-03-03' is no time; write"),
        ("{entered: 1}", "{exit: done}", "9:20: "),
        ("    nights", "    nigts", "8:5: "),
    ],
)
def test_a_mistake_in_a_test_file_is_a_problem_with_its_place(run: Try, old: str, new: str, problem: str) -> None:
    tests = case("{entered: 1}")
    assert old in tests
    report = run(tests.replace(old, new))
    assert not report.passed and not report.results
    (found,) = report.problems
    assert str(found).startswith(f"journeys/win-back.test.yaml:{problem}"), found


def test_a_broken_journey_is_not_tested_and_says_so(run: Try) -> None:
    report = run(case("{entered: 1}"), WIN_BACK.replace("wait: 3 days", "wait: soon"))
    assert [found.code for found in report.problems] == ["broken-journey"]


def test_steps_that_no_test_goes_through_are_named_with_their_lines(run: Try) -> None:
    report = run(case("{entered: 1}"))
    (coverage,) = report.coverage
    assert coverage.covered == ("send:we-miss-you", "wait:3 days", "branch", "task:service")
    assert [(step, str(place)) for step, place in coverage.missing] == [
        ("send:ten-off", "journeys/win-back.yaml:12:17")
    ]
    # Passed by for want of the plan: its gate was read, the step was not done.
    events = "- {at: 2026-03-04T10:00:00Z, page_viewed: {}}"
    assert run(case("{entered: 1}", events)).coverage[0].missing == coverage.missing
    assert run(case("{entered: 1}", events, "first_name: Ada, plan: pro")).coverage[0].missing == ()


def test_only_the_named_files_run(run: Try, tmp_path: Path) -> None:
    run(case("{entered: 1}"))
    loaded, journeys = load_project(tmp_path), tmp_path / "journeys"
    counts = [
        len(run_tests(loaded, [path]).results)
        for path in (journeys / "win-back.test.yaml", journeys / "win-back.yaml", journeys, journeys / "other.yaml")
    ]
    assert counts == [1, 1, 1, 0]


def test_a_draft_can_be_tested(run: Try) -> None:
    assert run(case("{entered: 1}"), WIN_BACK + "status: draft\n").passed


@pytest.mark.parametrize("word", [one for one in vars(words).values() if isinstance(one, type) and examples(one)])
def test_the_example_of_every_word_of_a_test_file_loads(word: type[Word]) -> None:
    (example,) = examples(word)
    data = read(example, "example.yaml").data
    wrapped = {words.Nights: "nights", words.Expect: "expect"}
    word.model_validate(data[wrapped[word]] if word in wrapped else data)


def test_every_shipped_journey_has_tests_that_pass_and_go_through_every_step() -> None:
    loaded = load_project(ROOT)
    report = run_tests(loaded)
    assert report.passed, "\n".join(report.lines())
    assert {one.journey for one in report.coverage} == set(loaded.journeys)
    assert [one.missing for one in report.coverage] == [()] * len(loaded.journeys)


SPLIT = """
journey: win-back
topic: offers
trigger: {inactive: {event: order_placed, for: 60 days}}
holdout: 99.99%
steps:
  - split: [{arm: warm, weight: 50, steps: [{send: we-miss-you}]}, {arm: plain, weight: 50, steps: [{send: ten-off}]}]
  - task: {team: service, title: Call}
"""


@pytest.mark.parametrize(("arm", "letter"), [("warm", "we-miss-you"), ("plain", "ten-off")])
def test_a_test_chooses_the_arm_and_nobody_is_held_out_by_chance(run: Try, arm: str, letter: str) -> None:
    written = case(f"{{messages: [{letter}], tasks: [service]}}").replace(
        "    expect:", f"    arms: [{arm}]\n    expect:"
    )
    report = run(written, SPLIT)
    assert report.passed, "\n".join(report.lines())


def test_who_is_held_out_in_a_test_gets_nothing(run: Try) -> None:
    expect = "{messages: [{template: we-miss-you, skipped: holdout}], tasks: [], exit: finished}"
    written = case(expect).replace("    expect:", "    held_out: true\n    arms: [warm]\n    expect:")
    report = run(written, SPLIT)
    assert report.passed, "\n".join(report.lines())


def test_an_arm_that_is_none_is_told(run: Try) -> None:
    report = run(case("{entered: 1}").replace("    expect:", "    arms: [wram]\n    expect:"), SPLIT)
    assert [problem.message for problem in report.problems] == [
        "unknown arm 'wram' (did you mean 'warm'?); known: warm, plain"
    ]


ASK = """
journey: win-back
topic: offers
trigger: {inactive: {event: order_placed, for: 60 days}}
steps:
  - ask:
      question: why
      template: we-miss-you
      options: [price, time]
      timeout: 3 days
      paths: [{answer: price, steps: [{send: ten-off}]}, {answer: time, steps: [{task: {team: service, title: Call}}]}]
      none: [{exit: silent}]
"""


@pytest.mark.parametrize(
    ("given", "expect"),
    [
        (
            "- {at: 2026-03-03T18:00:00Z, answer_given: {question: why, answer: price}}",
            "{messages: [we-miss-you, ten-off]}",
        ),
        ("- {at: 2026-03-03T18:00:00Z, answer_given: {question: why, answer: time}}", "{tasks: [service]}"),
        (
            "- {at: 2026-03-03T18:00:00Z, answer_given: {question: how, answer: time}}",
            "{exit: {state: exited, reason: silent}}",
        ),
        (
            "- {at: 2026-03-03T07:59:00Z, answer_given: {question: why, answer: time}}",
            "{exit: {state: exited, reason: silent}}",
        ),
        ("", "{exit: {state: exited, reason: silent, at: 2026-03-06T09:00}}"),
    ],
)
def test_a_test_gives_an_answer(run: Try, given: str, expect: str) -> None:
    # The letter leaves on 3 March at 09:00 in Berlin, 08:00 UTC.
    report = run(case(expect, given), ASK)
    assert report.passed, "\n".join(report.lines())


CALL = """
journey: win-back
topic: offers
trigger: {inactive: {event: order_placed, for: 60 days}}
steps:
  - task:
      team: service
      id: call
      title: Call
      due: 1 day
      outcomes: [reached, no_answer]
      on_done: [{send: we-miss-you}]
      on_late: [{exit: nobody-called}]
"""


@pytest.mark.parametrize(
    ("given", "expect"),
    [
        ("- {at: 2026-03-03T18:00:00Z, task_done: {outcome: reached}}", "{tasks: [service], messages: [we-miss-you]}"),
        ("- {at: 2026-03-03T18:00:00Z, task_done: {step: call, outcome: reached}}", "{messages: [we-miss-you]}"),
        ("- {at: 2026-03-03T18:00:00Z, task_done: {step: ring}}", "{exit: {state: exited, reason: nobody-called}}"),
        ("", "{tasks: [service], messages: [], exit: {state: exited, reason: nobody-called}}"),
    ],
)
def test_a_test_says_that_a_task_is_done(run: Try, given: str, expect: str) -> None:
    report = run(case(expect, given), CALL)
    assert report.passed, "\n".join(report.lines())


VOUCHER = """
program: voucher
currency: EUR
sides: {customer: 10}
budget: 100
hold: 2 days
expires: 30 days
"""

GIVES = """
journey: win-back
topic: offers
trigger: {inactive: {event: order_placed, for: 60 days}}
steps:
  - reward: {program: voucher, id: gift}
  - task: {team: service, title: "Tell {{ step.gift.currency }} {{ step.gift.amount }}"}
"""


def test_rewards_can_be_expected(run: Try, tmp_path: Path) -> None:
    programs = tmp_path / "journeys" / "programs"
    programs.mkdir(parents=True)
    (programs / "voucher.yaml").write_text(VOUCHER, encoding="utf-8")
    given = "{program: voucher, at: 2026-03-03T02:00:00Z, amount: 10, available: 2026-03-05T02:00:00Z}"
    report = run(case(f"{{rewards: [{given}], tasks: [{{team: service, title: Tell EUR 10}}]}}"), GIVES)
    assert report.passed, list(report.lines())
    report = run(case("{rewards: [{program: voucher, amount: 5, expires: 2026-04-04T02:00:00Z}]}"), GIVES)
    (found,) = report.results[0].differences
    assert found.lines()[1:] == [
        "    expected  voucher, amount 5, expires 2026-04-04 04:00",
        "    happened  voucher at 2026-03-03 03:00, amount 10, available 2026-03-05 03:00, expires 2026-04-04 04:00",
    ]
    assert not run(case("{rewards: []}"), GIVES).passed


# --- accounts -------------------------------------------------------------------------------------------------

RENEWAL = """
journey: win-back
topic: receipts
to: members
trigger: {event: renewal_due}
reentry: each_occurrence
audience: {customer: {kind: household}}
steps: [{send: we-miss-you}]
"""


def of_account(account: str, of: str, entered: int) -> str:
    return f"""
        journey: win-back
        tests:
          - name: a member
            customer: {{customer_id: c1, email: c1@example.com}}
            {account}
            events: [{{at: 2026-03-01T10:00:00Z, {of}renewal_due: {{}}}}]
            nights: {{from: 2026-03-01, until: 2026-03-04}}
            expect: {{entered: {entered}}}
        """


def test_member_of_the_account_of_a_test_enters(run: Try) -> None:
    account = "account: {customer_id: h1, kind: household}"
    assert run(of_account(account, "of: account, ", 1), RENEWAL).passed
    assert run(of_account("account: {kind: household}", "of: account, ", 1), RENEWAL).passed
    assert run(of_account("account: {kind: organization}", "of: account, ", 0), RENEWAL).passed
    assert run(of_account(account, "", 0), RENEWAL).passed


def test_story_of_a_member_says_whose_audience_refused_and_what_is_missing(run: Try) -> None:
    (refused,) = run(of_account("account: {kind: organization}", "of: account, ", 1), RENEWAL).results
    assert any("customer.kind is household (saw organization)" in line for line in refused.story)
    (nothing,) = run(of_account("", "", 1), RENEWAL).results
    assert any("to an account of the customer" in line for line in nothing.story)


TO_CONTACT = RENEWAL.replace("to: members", "to: contact")


def test_message_of_a_test_goes_to_the_contact(run: Try) -> None:
    def with_contact(contact: str, message: str) -> TestReport:
        return run(
            f"""
            journey: win-back
            tests:
              - name: a school
                customer: {{customer_id: h1, kind: household, email: school@example.org}}
                {contact}
                events: [{{at: 2026-03-01T10:00:00Z, renewal_due: {{}}}}]
                nights: {{from: 2026-03-01, until: 2026-03-04}}
                expect: {{messages: [{message}]}}
            """,
            TO_CONTACT,
        )

    contact = "contact: {first_name: Ada, email: ada@example.org}"
    assert with_contact(contact, "{template: we-miss-you, to: ada@example.org}").passed
    assert with_contact("", "{template: we-miss-you, skipped: no_contact}").passed
    (result,) = with_contact(contact, "{template: we-miss-you, to: school@example.org}").results
    (difference,) = result.differences
    assert "to school@example.org" in difference.expected
    assert "to ada@example.org" in difference.happened


CALLS = """\
journey: win-back
topic: offers
trigger: {inactive: {event: order_placed, for: 60 days}}
steps:
  - webhook: {to: crm, with: {plan: customer.plan, total: trigger.total, city: customer.city}}
"""


def test_webhooks_can_be_expected(run: Try) -> None:
    called = "{to: crm, at: 2026-03-03T02:00:00Z, data: {plan: pro, total: 30, city: null}}"
    report = run(case(f"{{webhooks: [{called}], messages: []}}", customer="plan: pro"), CALLS)
    assert report.passed, list(report.lines())
    report = run(case("{webhooks: [{to: crm, data: {plan: free}}]}"), CALLS)
    (found,) = report.results[0].differences
    assert found.lines()[1:] == [
        '    expected  crm, data {"plan": "free"}',
        '    happened  crm at 2026-03-03 03:00, data {"city": null, "plan": null, "total": 30}',
    ]
    assert not run(case("{webhooks: []}"), CALLS).passed


LOOKS_UP = """\
journey: win-back
topic: offers
trigger: {inactive: {event: order_placed, for: 60 days}}
steps:
  - task:
      team: service
      title: "Call {{ store.city }}{% if store.phone %}, {{ store.phone }}{% endif %}"
      with: {store: {table: stores, key: customer.store}}
  - webhook: {to: crm, with: {store: {table: stores, key: customer.store}}}
"""


def test_a_test_brings_the_rows_that_its_journey_looks_up(run: Try) -> None:
    rows = "tables: {stores: [{store_id: 5, city: Rome, phone: null}, {store_id: 5, city: Bonn}]}"
    expect = (
        "{tasks: [{team: service, title: Call Rome}], webhooks: [{to: crm, data: {store: {store_id: 5, city: Rome}}}]}"
    )
    tests = case(expect, customer="store: 5").replace("    nights:", f"    {rows}\n    nights:")
    report = run(tests, LOOKS_UP)
    assert report.passed, list(report.lines())
    report = run(tests.replace("store: 5", "store: 6"), LOOKS_UP)
    happened = [line for found in report.results[0].differences for line in found.lines() if "happened" in line]
    assert "title (no title: " in happened[0]
    assert "store.city" in happened[0]
    assert 'data {"store": null}' in happened[1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("{{ trigger.total | money('EUR') }} {{ trigger.shop | default('') }}", None),
        ("{{ trigger.totl | money('EUR') }}", "a value for trigger.totl (templates/we-miss-you/body.txt:1)"),
        # What the test leaves out of its customer is made up; the event it brings itself.
        ("{{ customer.last_name | upper }}\n{{ customer.points | number }} {{ trigger.totl }}",
         "a value for trigger.totl (templates/we-miss-you/body.txt:2)"),
        # A way through the template that this customer does not take.
        ("{% if customer.first_name == 'Eve' %}{{ trigger.totl }}{% endif %}", None),
        ("{{ customer.birthday | date }} {{ trigger.total }}", None),
    ],
)  # fmt: skip
def test_letters_are_worded_from_the_event_of_the_test(run: Try, tmp_path: Path, words: str, told: str | None) -> None:
    report = run(case("{messages: [we-miss-you]}"), words=words)
    if told is None:
        assert report.passed, "\n".join(report.lines())
        return
    (difference,) = report.results[0].differences
    assert difference.lines() == [
        "journeys/win-back.test.yaml:9:25: the words of the letter we-miss-you",
        f"    expected  {told.replace('templates', str(tmp_path / 'templates'))}",
        "    happened  the event that starts the pass has total (did you mean 'total'?)",
    ]


def test_a_letter_that_no_test_expects_is_worded_too(run: Try) -> None:
    report = run(case("{entered: 1}"), words="{{ trigger.totl }}")
    (difference,) = report.results[0].differences
    assert str(difference.place) == "journeys/win-back.test.yaml:9:13"

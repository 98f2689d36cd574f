"""The flows on a real embedded server: one process plays every scene, the tests look at what came of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.blocks import variables
from flows.embedded import settings
from journey_engine.load import read_project
from journey_engine.scaffold import make_project

ROOT = Path(__file__).parents[2]
PHASES = ["dispatch what was due before", "collect", "facts", "sweep", "commit", "publish", "door", "dispatch"]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("flows")
    environment = settings(folder / "prefect") | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/flows/played.py"), str(folder)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=folder,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told | {"log": done.stderr}


def tasks(played: dict[str, Any], place: int) -> dict[str, str]:
    found: dict[str, str] = played["runs"][place]["tasks"]
    return found


def test_a_night_is_a_task_for_each_journey_and_each_phase(played: dict[str, Any]) -> None:
    assert played["good"]["type"] == "COMPLETED"
    assert played["runs"][0]["name"] == "night of 2026-03-02T02:00:00Z"
    assert tasks(played, 0) == dict.fromkeys(["hello", *PHASES], "COMPLETED")
    assert played["good report"]["journeys"]["hello"]["entered"] == 4


def test_the_same_night_again_changes_nothing(played: dict[str, Any]) -> None:
    assert played["again"]["type"] == "COMPLETED"
    assert played["again report"] == played["good report"]


def test_dispatch_hands_over_what_is_due_later_in_the_day(played: dict[str, Any]) -> None:
    assert played["good report"]["messages"] == {"accepted": 1, "pending": 3}
    assert played["dispatch"]["type"] == "COMPLETED"
    assert played["letters"] == 4
    assert played["day"] == 0, "nothing is handed over twice"


def test_artifacts_carry_the_report(played: dict[str, Any]) -> None:
    found = {(one["key"], one["type"]): one["data"] for one in played["artifacts"] if one["data"].find("hello") > 0}
    page = found["shop-run", "markdown"]
    assert page.startswith("# Run 2026-03-02")
    assert "| hello | 4 |" in page
    assert "@" not in page, "no personal data"
    table = json.loads(found["shop-journeys", "table"])
    assert table == [{"journey": "hello", "entered": 4, "moved": 4, "converted": 0, "exited": 0}]


def test_a_broken_journey_fails_its_own_task_and_the_others_go_on(played: dict[str, Any]) -> None:
    torn = next(run for run in played["runs"] if "torn" in run["tasks"])
    assert torn["tasks"]["torn"] == "FAILED"
    assert torn["tasks"]["hello"] == "COMPLETED"
    assert torn["tasks"]["dispatch"] == "COMPLETED"
    assert played["torn report"]["journeys"]["hello"]["entered"] == 4
    assert played["torn"]["type"] == "FAILED"
    assert re.search(
        r"torn: journeys/torn\.yaml:3:10: unknown step 'sned' \(did you mean 'send'\?\)", played["torn"]["message"]
    )


@pytest.mark.parametrize(
    ("scene", "found"),
    [
        ("bad", "journeys/project.yaml:1:1"),
        ("bad dispatch", "journeys/project.yaml:1:1"),
        ("no zone", "has no zone"),
        ("no data", "customers.csv"),
    ],
)
def test_what_a_person_must_mend_is_the_reason_of_the_failed_flow(
    played: dict[str, Any], scene: str, found: str
) -> None:
    assert played[scene]["type"] == "FAILED"
    assert found in played[scene]["message"]


def test_good_runs_leave_neither_warnings_nor_tracebacks_and_the_server_ends_quietly(played: dict[str, Any]) -> None:
    good, _, rest = played["log"].partition("Task run 'torn'")
    before = good.rpartition("\n")[0]
    assert re.findall(r"WARN|ERROR|Traceback|Error:", before) == []
    assert "prefect.server" not in rest
    assert "Traceback" not in rest, "what a person must mend is told without one"
    assert all(state in ("COMPLETED", "FAILED") for run in played["runs"] for state in run["tasks"].values())


def test_a_secret_may_lie_in_a_block_of_prefect_and_leaves_no_trace(played: dict[str, Any]) -> None:
    without, with_it = (one["message"] for one in played["keyed"])
    assert "the environment variable SENDGRID_API_KEY with an API key of SendGrid is not set" in without
    assert "not set" not in with_it
    assert "127.0.0.1:9: " in with_it, "it went as far as to call"
    assert "12345" not in played["log"] + json.dumps(played["keyed"])


KEYED = """
channels:
  sendgrid: {key_env: OUR_KEY}
  sms: {from: "+491701234567", country: DE}
  smtp: {host: mail.example.com, username: shop, password_env: MAIL}
  staff: {}
webhooks: {crm: {url: "https://crm.example.com/hooks", secret_env: CRM}}
engine: postgresql://shop@db.internal/shop?password_env=DB
mailroom: postgresql://shop@db.internal/shop
"""


def test_every_secret_of_a_project_is_looked_for(tmp_path: Path) -> None:
    make_project(tmp_path)
    with (tmp_path / "journeys/project.yaml").open("a") as file:
        file.write(KEYED)
    named = sorted(variables(read_project(tmp_path).settings))
    assert named == [
        "CRM", "DB", "MAIL", "OUR_KEY", "PGPASSWORD", "STAFF_URL", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN",
    ]  # fmt: skip


def test_the_deployments_of_prefect_yaml_keep_the_projects_cadence() -> None:
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    by_name = {one["name"]: one for one in deployments}
    cadence = read_project(ROOT).settings.cadence
    assert by_name["nightly"]["schedules"] == [{"cron": cadence, "timezone": "UTC"}]
    assert by_name["dispatch"]["schedules"] == [{"cron": "*/10 * * * *", "timezone": "UTC"}]
    for one in deployments:
        file, _, function = one["entrypoint"].partition(":")
        assert f"def {function}(" in (ROOT / file).read_text(encoding="utf-8")


def test_an_embedded_server_leaves_the_users_own_prefect_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    own = settings(tmp_path)
    assert "PREFECT_API_URL" not in own
    assert own["PREFECT_HOME"] == str(tmp_path)
    assert own["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"

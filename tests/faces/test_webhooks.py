"""What the commands show of webhooks: a missing secret, then what went out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.channels.peer import receiver
from tests.faces.conftest import NIGHT, Journey

TELL = """\
journey: tell
topic: letters
trigger: {event: {name: signed_up, first: true}}
steps:
  - webhook: {to: crm, with: {name: customer.first_name}}
"""


def test_commands_show_what_became_of_webhooks(journey: Journey, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shop / "journeys/tell.yaml").write_text(TELL)
    project = shop / "journeys/project.yaml"
    monkeypatch.delenv("CRM_SECRET", raising=False)
    with receiver() as peer:
        url = f"http://127.0.0.1:{peer.port}/"
        endpoint = f"webhooks: {{crm: {{url: '{url}', secret_env: CRM_SECRET, allow_private: true}}}}"
        project.write_text(f"{project.read_text()}\n{endpoint}\n")
        assert journey("validate", "--project", shop).status == 0
        said = journey("run", "--project", shop, "--as-of", NIGHT)
        assert said.status == 1  # as when letters cannot leave
        assert "webhooks: pending 4" in said.out
        assert "webhook crm: the environment variable CRM_SECRET with its secret is not set" in said.out + said.err
        listed = journey("mailroom", "--project", shop).out
        assert "webhook:crm, no_secret: the environment variable CRM_SECRET" in listed
        reason = ("--reason", "no_secret")
        who = journey("mailroom", "--project", shop, *reason, "--json").json["list"][0]["customer_id"]
        assert "webhook crm: pending (no_secret)" in journey("explain", who, "tell", "--project", shop).out
        monkeypatch.setenv("CRM_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        assert journey("dispatch", "--project", shop, "--as-of", "2026-03-02T02:05:00Z").status == 0
    assert len(peer.calls) == 4
    assert "webhooks: accepted 4" in journey("report", "--project", shop).out
    assert journey("report", "--project", shop, "--json").json["webhooks"] == {"accepted": 4}
    assert journey("mailroom", "--project", shop, "--json").json["webhooks"] == {"accepted": 4}
    assert "webhook crm: accepted at 2026-03-02T02:05:00Z" in journey("explain", who, "tell", "--project", shop).out

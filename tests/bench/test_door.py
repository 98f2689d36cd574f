"""The measurement of the door runs to its end at a small size; both stores and both floors take in the same."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from pathlib import Path

import pytest
from sqlalchemy import event

from bench import door, page
from journey_engine import night
from journey_engine.checks import open_project
from journey_engine.engines import open_engine
from journey_engine.mailroom import Mailroom, intake
from tests.servers import postgres_server


def test_the_door_and_bare_insertion_take_in_the_same_letters() -> None:
    told: list[str] = []
    result = door.measure(120, 1, told.append)  # asserts that every decision came in, and as many rows by hand
    assert len(told) == 2
    assert set(result["median"]) == {"load", "sqlite", "postgresql"}
    text = door.figures(result)
    assert "120 letters" in text
    assert "load average" in text
    assert text.count("\n| ") == 4


@pytest.mark.parametrize("kind", door.STORES)
def test_letters_need_no_record_each_and_few_statements_together(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A payload that begins to look otherwise would come in all the same, by the long way and slowly."""
    records: list[object] = []
    monkeypatch.setattr(intake, "decision_of", records.append)
    door.write_letters(tmp_path, 700)
    ran: list[str] = []
    with postgres_server() if kind == "postgresql" else nullcontext() as server:
        url = f"sqlite:///{tmp_path}/room.sqlite" if server is None else server.new("counts")
        loaded = open_project(tmp_path)
        engine = open_engine(loaded.project.engine, tmp_path, environment=loaded.project.environment)
        try:
            with Mailroom.open(url.replace("postgresql:", "postgresql+psycopg:"), environment="production") as room:
                event.listen(room.store.engine, "before_cursor_execute", lambda *told: ran.append(told[2].split()[0]))
                night.finish_last_run(engine, room)
                assert room.counts() == {"pending": 700}
        finally:
            engine.close()
    assert records == []
    # The letters together and the run's own number; on PostgreSQL the letters are a COPY within savepoints.
    assert Counter(ran)["INSERT"] <= 2, ran
    assert len(ran) <= 20, ran


def test_the_page_has_a_place_for_every_measurement() -> None:
    from bench.__main__ import WORK

    text = page.PAGE.read_text(encoding="utf-8")
    for name in WORK:
        if name != "head-to-head":
            assert f"<!-- figures {name} -->" in text
            assert f"<!-- end of figures {name} -->" in text
        assert f"`{name}`" in text

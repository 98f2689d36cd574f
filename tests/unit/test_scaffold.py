"""The skeleton of a new project: complete, sound, and never over what is there."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from journey_engine.errors import JourneyError
from journey_engine.scaffold import make_project

ROOT = Path(__file__).parents[2]


def test_new_project_has_journey_test_letter_and_data(tmp_path: Path) -> None:
    made = make_project(tmp_path / "shop")
    names = {str(path.relative_to(tmp_path / "shop")) for path in made}
    assert {
        "journeys/project.yaml", "journeys/hello.yaml", "journeys/hello.test.yaml",
        "templates/layouts/base.html", "templates/hello/subject.txt", "templates/hello/body.html",
        "templates/hello/body.txt",
        "data/customers.csv", "data/events.csv",
    } <= names  # fmt: skip
    assert not [name for name in names if "__pycache__" in name or name.endswith(".py")]
    assert all(path.read_text(encoding="utf-8").strip() for path in made)


@pytest.mark.parametrize(
    ("folder", "name"),
    [("shop", "shop"), ("Käse & Brot", "k-se-brot"), ("My Shop 2", "my-shop-2"), ("雪", "my-shop")],
)
def test_project_is_called_like_its_folder(tmp_path: Path, folder: str, name: str) -> None:
    make_project(tmp_path / folder)
    lines = (tmp_path / folder / "journeys/project.yaml").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("project:")] == [f"project: {name}"]


def test_project_that_is_there_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "journeys").mkdir()
    (tmp_path / "journeys/project.yaml").write_text("project: mine\n")
    with pytest.raises(JourneyError, match=r"project\.yaml is there already") as caught:
        make_project(tmp_path)
    assert caught.value.remedy
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["project.yaml"]
    assert (tmp_path / "journeys/project.yaml").read_text() == "project: mine\n"


def test_other_files_in_the_folder_are_welcome(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine\n")
    make_project(tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine\n"
    assert (tmp_path / "journeys/hello.yaml").is_file()


def test_layouts_are_those_of_the_shipped_templates(tmp_path: Path) -> None:
    make_project(tmp_path)
    for name in ("base.html", "base.txt"):
        copy = tmp_path / "templates/layouts" / name
        assert copy.read_bytes() == (ROOT / "templates/layouts" / name).read_bytes()


def test_events_belong_to_the_six_customers(tmp_path: Path) -> None:
    make_project(tmp_path)
    rows = {}
    for name in ("customers", "events"):
        with (tmp_path / f"data/{name}.csv").open(encoding="utf-8", newline="") as file:
            rows[name] = list(csv.DictReader(file))
    customers = {row["customer_id"] for row in rows["customers"]}
    assert len(customers) == len(rows["customers"]) == 6
    assert {row["customer_id"] for row in rows["events"]} <= customers
    assert len({row["event_id"] for row in rows["events"]}) == len(rows["events"])

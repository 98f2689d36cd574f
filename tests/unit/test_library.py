"""Which files of a folder of templates are read: links lead only to files inside it."""

from __future__ import annotations

from pathlib import Path

from journey_engine.render import Renderer
from journey_engine.render.library import Library


def house(root: Path, *files: str) -> Path:
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name, encoding="utf-8")
    return root


def test_a_link_to_a_file_or_a_folder_inside_is_read(tmp_path: Path) -> None:
    house(tmp_path, "shared/footer.txt", "t/body.txt")
    (tmp_path / "t/subject.txt").symlink_to(tmp_path / "shared/footer.txt")
    (tmp_path / "u").symlink_to(tmp_path / "t", target_is_directory=True)
    library = Library(tmp_path)
    assert library.names == ("shared", "t", "u")
    assert library.path("t/subject.txt", ()) == tmp_path / "t/subject.txt"
    assert library.path("u/body.txt", ()) == tmp_path / "u/body.txt"


def test_a_link_to_a_file_or_a_folder_outside_is_not(tmp_path: Path) -> None:
    root = house(tmp_path / "templates", "t/body.txt")
    house(tmp_path / "elsewhere", "subject.txt")
    (root / "t/subject.txt").symlink_to(tmp_path / "elsewhere/subject.txt")
    (root / "u").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    library = Library(root)
    assert library.path("t/subject.txt", ()) is None
    assert library.path("u/subject.txt", ()) is None
    ((path, why),) = library.unfit("t")
    assert path == root / "t/subject.txt"
    assert "leads out" in why


def test_a_link_to_nothing_and_one_to_itself_are_named(tmp_path: Path) -> None:
    house(tmp_path, "t/subject.txt")
    (tmp_path / "t/body.txt").symlink_to("body.txt")
    (tmp_path / "t/body.html").symlink_to("gone.html")
    found = Renderer(tmp_path).problems("t")
    assert {Path(problem.place.file).name for problem in found} == {"body.txt", "body.html"}
    assert all("no file that can be read" in problem.message for problem in found)


def test_a_folder_that_is_a_link_to_itself_holds_nothing(tmp_path: Path) -> None:
    house(tmp_path, "t/subject.txt", "t/body.txt")
    (tmp_path / "parts").symlink_to("parts")
    (tmp_path / "t/body.txt").write_text("{% include 'parts/footer.txt' %}", encoding="utf-8")
    (problem,) = Renderer(tmp_path).problems("t")
    assert "there is no file 'parts/footer.txt'" in problem.message


def test_the_nearest_language_that_is_there_is_read(tmp_path: Path) -> None:
    library = Library(
        house(tmp_path, "t/body.txt", "t/body.de.txt", "t/body.de-AT.txt", "t/subject.de.txt", "x/body.fr.txt")
    )
    assert library.chain("de_at") == ("de-AT", "de")
    assert library.path("t/body.txt", ("de-AT", "de")) == tmp_path / "t/body.de-AT.txt"
    assert library.path("t/subject.txt", ("de-AT", "de")) == tmp_path / "t/subject.de.txt"
    assert library.written_in("t/body.txt", ("fr",)) == ""
    assert library.path("t/subject.txt", ("fr",)) is None

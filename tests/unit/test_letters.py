"""The shipped letters: whole, lawful and pleasant to read, without a first name, on a phone, in the dark."""

from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from journey_engine.links import Links
from journey_engine.load import load_project
from journey_engine.message import MessageRef, Rendered
from journey_engine.program import advocates
from journey_engine.project import Project
from journey_engine.render import Renderer

ROOT = Path(__file__).parents[2]
PROJECTS = (ROOT, ROOT / "src/journey_engine/scaffold/files", ROOT / "examples/service")
LETTERS = [
    (project, folder.parent.relative_to(project / "templates").as_posix())  # a variant is `monthly/jazz`
    for project in PROJECTS
    for folder in sorted((project / "templates").rglob("body.txt"))
]
ANSWERS = [{"answer": one, "label": one.title()} for one in ("gladly", "perhaps", "hardly", "never")]
VOUCHER = {
    "code": "CDFH-JKMN-PRTW-XY47", "amount": 10, "percent": 15, "currency": "EUR",
    "available_at": "2026-04-10T02:00:00Z", "expires_at": "2026-09-30T02:00:00Z",
}  # fmt: skip
LOCALES = ("en", "de-AT", "fr", None)
LINES = [
    {"name": "Seven Locks & One Key", "price": 24.0, "currency": "EUR", "quantity": 1, "url": "https://x.example/7"},
    {"name": "Slow <b>Machines</b>", "price": 13.9, "currency": "GBP", "quantity": 2, "url": "https://x.example/s"},
]  # fmt: skip


class Tags(HTMLParser):
    """Every tag of a letter's body with its attributes, and its words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html.partition("<body")[2])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def links(self) -> set[str]:
        return {attrs["href"] or "" for tag, attrs in self.found if tag == "a"}


@cache
def settings(project: Path) -> Project:
    return load_project(project).project


@cache
def renderer(project: Path) -> Renderer:
    links = Links(settings(project).public_url, {"k": b"secret"}, "k")
    referrals = advocates(load_project(project).file.terms, settings(project).public_url)
    return Renderer(project / "templates", settings(project).sender, links, referrals=referrals)


def letter(project: Path, template: str, locale: str | None = "en", first_name: str | None = "Ada") -> Rendered:
    values: dict[str, Any] = {
        "customer": {"first_name": first_name, "created_at": "2024-03-02T12:00:00Z", "renews_on": "2026-04-15"},
        "trigger": {
            "name": "Low Tide Sessions (LP)", "cart_id": "k1", "order_id": "o1", "request_id": "r-1",
            "day": "Thursday", "from": "09:00", "until": "12:00",
            "subject": "A cold radiator", "finding": "A valve is stuck.", "price": 90, "currency": "GBP",
            "engineer": "Aisha",
        },
        "step": {"answer": {"interest": "jazz"}, "ring": {"note": "We come on Friday."}, "voucher": VOUCHER},
        "ask": {"question": "how-was-it", "answers": ANSWERS},
        "lines": LINES,
    }  # fmt: skip
    message = MessageRef("m" * 32, "c1", "offers", "Europe/Berlin")
    name, _, variant = template.partition("/")
    return renderer(project).render(name, locale, values | {"variant": variant}, message)


def html_of(rendered: Rendered) -> str:
    assert rendered.html is not None
    return rendered.html


each_letter = pytest.mark.parametrize(("project", "template"), LETTERS, ids=[name for _, name in LETTERS])


@pytest.mark.parametrize("project", PROJECTS, ids=["shop", "skeleton", "service"])
def test_project_has_no_problem_and_every_letter_is_sent_by_a_journey(project: Path) -> None:
    assert load_project(project).problems == []
    journeys = "".join(path.read_text(encoding="utf-8") for path in project.glob("journeys/**/*.yaml"))
    for owner, template in LETTERS:
        name = template.partition("/")[0]
        assert owner != project or re.search(rf"(send|template): {name}\b", journeys), template


@each_letter
def test_letter_has_no_mistake_and_shows_what_the_law_asks_for(project: Path, template: str) -> None:
    name = template.partition("/")[0]
    assert renderer(project).problems(name) == []
    assert renderer(project).marketing_problems(name) == []


@pytest.mark.parametrize("locale", LOCALES)
@each_letter
def test_letter_reads_well_with_and_without_a_name(project: Path, template: str, locale: str | None) -> None:
    named, unnamed = letter(project, template, locale), letter(project, template, locale, None)
    for rendered in (named, unnamed):
        for part in (rendered.subject, rendered.text, Tags(html_of(rendered)).words):
            assert not re.search(r"\bNone\b|Undefined|\[['\"]| ,|, ?!| \.|\{\{|\}\}|\{%", part)
    assert "Ada" not in unnamed.text
    assert 10 <= len(named.subject) <= 60


@each_letter
def test_both_parts_name_the_sender_and_the_way_out(project: Path, template: str) -> None:
    rendered = letter(project, template)
    address = settings(project).sender.postal_address
    assert address
    assert address in rendered.text
    assert address.replace("&", "&amp;") in html_of(rendered)
    for link in ("/unsubscribe/", "/preferences/"):
        assert link in rendered.text
        assert link in html_of(rendered)


@each_letter
def test_text_part_has_the_same_links_as_the_html(project: Path, template: str) -> None:
    rendered = letter(project, template)
    in_text = set(re.findall(r"https://[^\s,]+", rendered.text))
    home = {settings(project).public_url}
    assert Tags(html_of(rendered)).links() - home == in_text - home
    assert all(link.startswith("https://") for link in in_text)


@each_letter
def test_text_part_fits_a_terminal(project: Path, template: str) -> None:
    for line in letter(project, template).text.splitlines():
        assert len(line) <= 76 or "https://" in line, line


@each_letter
def test_html_works_on_phones_and_in_the_dark(project: Path, template: str) -> None:
    html = html_of(letter(project, template))
    assert "@media (prefers-color-scheme: dark)" in html
    assert "max-width: 480px" in html
    assert '<meta name="color-scheme" content="light dark">' in html
    assert '<meta name="viewport"' in html
    tags = Tags(html)
    assert all("style" in attrs for tag, attrs in tags.found if tag in ("a", "p", "h1"))
    assert all(attrs.get("role") == "presentation" for tag, attrs in tags.found if tag == "table")
    assert all(attrs.get("alt") for tag, attrs in tags.found if tag == "img")
    assert len(html.encode()) < 100_000, "Gmail cuts longer letters"


@each_letter
def test_inbox_shows_a_line_after_the_subject(project: Path, template: str) -> None:
    html = html_of(letter(project, template))
    match = re.search(r'<div class="preheader"[^>]*>([^<\u034f]+)', html)
    assert match
    assert 30 <= len(match[1].strip()) <= 110


def test_words_of_customers_and_products_are_no_markup() -> None:
    rendered = letter(ROOT, "cart-reminder", first_name="<script>x</script>")
    assert "<script>" not in html_of(rendered)
    assert "Slow &lt;b&gt;Machines&lt;/b&gt;" in html_of(rendered)
    assert "Slow <b>Machines</b>" in rendered.text


def test_cart_shows_each_product_with_its_price() -> None:
    rendered = letter(ROOT, "cart-reminder")
    assert "- Seven Locks & One Key: €24.00\n  https://x.example/7\n- Slow" in rendered.text
    assert "2 x £13.90" in rendered.text
    assert "2 × £13.90" in html_of(rendered)


@pytest.mark.parametrize("locale", ["de", "de-AT", "de_CH"])
def test_birthday_wish_speaks_german(locale: str) -> None:
    rendered = letter(ROOT, "birthday", locale)
    assert "Geburtstag" in rendered.subject
    assert "Glückwunsch, Ada" in rendered.text
    assert "Abbestellen" in rendered.text
    assert '<html lang="de"' in html_of(rendered)
    assert "Unsubscribe" not in html_of(rendered)


def test_monthly_letter_differs_by_shelf_and_is_whole_for_every_other() -> None:
    shelves = sorted(path.name for path in (ROOT / "templates/monthly").iterdir() if path.is_dir())
    assert shelves == ["classical", "cookery", "crime", "electronic", "folk", "jazz", "poetry", "travel"]
    letters = {letter(ROOT, f"monthly/{shelf}").text for shelf in [*shelves, ""]}
    assert len(letters) == len(shelves) + 1
    assert letter(ROOT, "monthly/biography") == letter(ROOT, "monthly")


@pytest.mark.parametrize("template", ["how-was-it", "how-did-we-do"])
def test_letter_that_asks_has_a_link_of_its_own_for_each_answer(template: str) -> None:
    rendered = letter(ROOT if template == "how-was-it" else ROOT / "examples/service", template)
    assert len({link for link in Tags(html_of(rendered)).links() if "/answer/" in link}) == len(ANSWERS)

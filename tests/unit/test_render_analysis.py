from pathlib import Path

import pytest

from journey_engine.errors import Place
from journey_engine.render import Renderer


def house(root: Path, files: dict[str, str]) -> Renderer:
    base = {"t/subject.txt": "Subject", "t/body.txt": "Text"}
    for name, text in {**base, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return Renderer(root)


def named(root: Path, source: str, **files: str) -> tuple[set[str], set[str]]:
    """(required, optional) paths of a body."""
    renderer = house(root, {"t/body.txt": source, **files})
    required = renderer.required("t")
    return set(required), set(renderer.variables("t") - required)


@pytest.mark.parametrize(
    ("source", "required"),
    [
        ("{{ customer.first_name }}", {"customer.first_name"}),
        ("{{ customer['first_name'] | upper }}", {"customer.first_name"}),
        ("{{ customer.address.city }}", {"customer.address.city"}),
        ("{{ step['ask-size'].answer }}", {"step.ask-size.answer"}),
        ("{% for x in lines %}{{ x.name }}{{ loop.index }}{% endfor %}", {"lines"}),
        ("{% for k, v in trigger.extra.items() %}{{ k }}{{ v }}{% endfor %}", {"trigger.extra"}),
        ("{% for x in lines if x.price > trigger.total %}{% endfor %}", {"lines", "trigger.total"}),
        ("{% for x in lines %}{% endfor %}{{ x.name }}", {"lines", "x.name"}),
        ("{% set total = trigger.total * 2 %}{{ total }}", {"trigger.total"}),
        ("{% set p = trigger.product %}{{ p.name }}", {"trigger.product.name"}),
        ("{% set x %}{{ customer.a }}{% endset %}{{ x }}", {"customer.a"}),
        ("{% with a = customer.x %}{{ a }}{% endwith %}", {"customer.x"}),
        ("{% macro m(x) %}{{ x }}{{ customer.a }}{% endmacro %}{{ m(trigger.b) }}", {"customer.a", "trigger.b"}),
        ("{{ lines[0].name }}{{ lines[1:3] | length }}", {"lines"}),
        ("{{ lines | map(attribute='name') | join(', ') }}", {"lines"}),
        ("{{ customer.first_name.upper() }}", {"customer.first_name"}),
        ("{{ 'a' ~ customer.a ~ trigger.b }}", {"customer.a", "trigger.b"}),
        ("{{ customer.a if trigger.b else customer.c }}", {"customer.a", "customer.c"}),
        ("{% if trigger.total > 5 %}{{ customer.a }}{% endif %}", {"trigger.total", "customer.a"}),
        ("{{ sender.name }}{{ links.unsubscribe }}{{ message.id }}{{ range(3) }}", set()),
        ("{{ abort('x') }}", set()),
        ("{# {{ customer.a }} #}{% raw %}{{ customer.b }}{% endraw %}", set()),
    ],
)
def test_the_values_a_template_needs(tmp_path: Path, source: str, required: set[str]) -> None:
    assert named(tmp_path, source)[0] == required


@pytest.mark.parametrize(
    ("source", "required", "optional"),
    [
        ("{{ customer.a | default('x') }}", set(), {"customer.a"}),
        ("{{ customer.a | d(customer.b) }}", {"customer.b"}, {"customer.a"}),
        ("{{ customer.a | default('x') }} {{ customer.a }}", {"customer.a"}, set()),
        ("{{ customer.a or 'x' }}", set(), {"customer.a"}),
        ("{% if customer.a %}{{ customer.a }}{% endif %}", set(), {"customer.a"}),
        ("{% if customer.a is present %}{{ customer.a }}{% endif %}", set(), {"customer.a"}),
        ("{% if customer.a is defined and customer.a > 3 %}{% endif %}", set(), {"customer.a"}),
        ("{% if customer.a is missing %}-{% else %}{{ customer.a }}{% endif %}", set(), {"customer.a"}),
        ("{% if not customer.a %}-{% elif customer.a > 3 %}{% endif %}", set(), {"customer.a"}),
        ("{% if customer.a %}-{% else %}{{ customer.a }}{% endif %}", {"customer.a"}, set()),
        ("{% if customer.a or customer.b %}{{ customer.a }}{% endif %}", {"customer.a"}, {"customer.b"}),
        ("{{ customer.a if customer.a else 'x' }}", set(), {"customer.a"}),
        ("{% set n = customer.a | default('x') %}{{ n }}", set(), {"customer.a"}),
        ("{% set n = customer.a %}{{ n | default('x') }}", set(), {"customer.a"}),
        ("{% if lines %}{% for x in lines %}{{ x.a }}{% endfor %}{% endif %}", set(), {"lines"}),
    ],
)
def test_a_value_is_optional_where_the_author_has_seen_to_it(
    tmp_path: Path, source: str, required: set[str], optional: set[str]
) -> None:
    assert named(tmp_path, source) == (required, optional)


def test_layouts_blocks_and_imports_are_followed(tmp_path: Path) -> None:
    files = {
        "layouts/base.html": "{{ customer.lang }}{% block top %}{{ customer.dropped }}{% endblock %}"
        "{% block body %}{{ customer.kept }}{% endblock %}{% block foot %}{{ customer.foot }}{% endblock %}",
        "layouts/news.html": "{% extends 'layouts/base.html' %}"
        "{% block foot %}{{ super() }}{{ trigger.foot }}{% endblock %}",
        "blocks/lines.html": "{% for x in lines %}{{ x.name }}{{ trigger.currency }}{% endfor %}",
        "blocks/button.html": "{% macro button(text, url) %}{{ text }}{{ url }}{{ customer.colour }}{% endmacro %}",
        "t/body.html": "{% extends 'layouts/news.html' %}{% import 'blocks/button.html' as b %}"
        "{{ customer.never_shown }}"
        "{% block top %}{% include 'blocks/lines.html' %}{{ b.button('Go', trigger.url) }}{% endblock %}"
        "{% block body %}{{ super() }}{% endblock %}",
    }
    assert house(tmp_path, files).variables("t") == {
        "customer.lang",
        "customer.kept",
        "customer.foot",
        "customer.colour",
        "trigger.foot",
        "trigger.currency",
        "trigger.url",
        "lines",
    }


def test_every_locale_and_the_subject_count(tmp_path: Path) -> None:
    files = {
        "t/subject.txt": "{{ trigger.a }}",
        "t/body.de.txt": "{{ customer.b }}",
        "layouts/base.txt": "{% block x %}{% endblock %}",
        "layouts/base.fr.txt": "{{ customer.c }}{% block x %}{% endblock %}",
        "t/body.txt": "{% extends 'layouts/base.txt' %}",
    }
    assert house(tmp_path, files).variables("t") == {"trigger.a", "customer.b", "customer.c"}


def test_templates_that_include_each_other_come_to_an_end(tmp_path: Path) -> None:
    files = {
        "blocks/a.txt": "{% include 'blocks/b.txt' %}{{ customer.a }}",
        "blocks/b.txt": "{% include 'blocks/a.txt' %}{{ customer.b }}",
        "t/body.txt": "{% include 'blocks/a.txt' %}",
    }
    assert house(tmp_path, files).variables("t") == {"customer.a", "customer.b"}


def test_a_use_has_its_place(tmp_path: Path) -> None:
    (use,) = house(tmp_path, {"t/body.txt": "\n\n{{ customer.a }}"}).uses("t")
    assert use.place == Place(f"{tmp_path}/t/body.txt", 3)


@pytest.mark.parametrize(
    ("source", "line", "column", "code", "message"),
    [
        ("a\n{{ customer.a", 2, 1, "template-syntax", "a value has no end; it begins with {{ and ends with }}"),
        ("{% if customer.a = 1 %}x{% endif %}", 1, 18, "template-syntax", "one = compares nothing; write =="),
        (
            "{% if customer.a %}x{% endfor %}",
            1,
            24,
            "template-syntax",
            "{% endfor %} stands where {% endif %} is missing",
        ),
        ("{{ “customer.a” }}", 1, 4, "template-syntax", "write plain quotes"),
        ("a\n  {% if %}", 2, 3, "template-syntax", "something is missing before the end"),
        ("{% endfor %}", 1, 4, "template-syntax", "{% endfor %} ends nothing: no {% for %} is open here"),
        ("{% for x in y %}", 1, 4, "template-syntax", "{% for %} has no end; write {% endfor %} where it ends"),
        ("{{ a | uper }}", 1, 8, "unknown-filter", "no filter 'uper' here (did you mean 'upper'?)"),
        ("\n{{ a|safe }}", 2, 6, "unknown-filter", "no filter 'safe'"),
        ("{{ a is emty }}", 1, 9, "unknown-test", "no test 'emty'"),
        ("{{ 5 | moneys('EUR') }}", 1, 8, "unknown-filter", "did you mean 'money'?"),
        ("{% autoescape false %}{% endautoescape %}", 1, 4, "autoescape", "cannot be switched off"),
        ("{% include customer.a %}", 1, 1, "computed-name", "must be written out"),
        ("{% include 'blocks/none.txt' %}", 1, 1, "missing-file", "there is no file 'blocks/none.txt'"),
        ("{{ lipsum(n=5) }}", 1, 4, "unknown-function", "no function 'lipsum'"),
        ("{{ customer.a.ljust(9) }}", 1, 15, "unknown-method", "'.ljust()' cannot be used here"),
    ],
)
def test_mistakes_have_a_place_and_a_remedy(
    tmp_path: Path, source: str, line: int, column: int, code: str, message: str
) -> None:
    (problem,) = house(tmp_path, {"t/body.txt": source}).problems("t")
    assert (problem.place, problem.code) == (Place(f"{tmp_path}/t/body.txt", line, column), code)
    assert message in problem.message


def test_a_mistake_in_a_shared_layout_is_one_mistake(tmp_path: Path) -> None:
    files = {
        "layouts/base.html": "{{ a | nope }}{% block b %}{% endblock %}",
        "t/body.html": "{% extends 'layouts/base.html' %}",
        "t/body.de.html": "{% extends 'layouts/base.html' %}",
    }
    (problem,) = house(tmp_path, files).problems("t")
    assert problem.place.file == f"{tmp_path}/layouts/base.html"


def test_a_template_without_its_parts_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    found = house(tmp_path, {}).problems("empty")
    assert [problem.message for problem in found] == [
        "template 'empty' has no body.txt",
        "template 'empty' has no subject.txt",
    ]


def test_a_file_that_is_no_utf8_text_is_named(tmp_path: Path) -> None:
    renderer = house(tmp_path, {})
    (tmp_path / "t/body.txt").write_bytes(b"caf\xe9")
    (problem,) = renderer.problems("t")
    assert (problem.place, problem.code) == (Place(f"{tmp_path}/t/body.txt"), "encoding")
    assert "is not UTF-8" in problem.message


def test_a_value_used_as_an_address_should_go_through_the_link_filter(tmp_path: Path) -> None:
    source = (
        "<a href='{{ links.unsubscribe }}'>a</a><a href=\"{{ trigger.good | link }}\">b</a>"
        '<a href="https://x.example/?q={{ trigger.q | urlencode }}">c</a>\n<a href="{{ trigger.bad }}">d</a>'
    )
    (problem,) = house(tmp_path, {"t/body.html": source}).problems("t")
    assert (problem.code, problem.severity, problem.place.line) == ("unchecked-link", "warning", 2)


def test_every_body_of_a_marketing_template_shows_the_way_out_and_the_postal_address(tmp_path: Path) -> None:
    both = "{{ links.unsubscribe }} {{ sender.postal_address }}"
    files = {
        "layouts/base.html": both + "{% block x %}{% endblock %}",
        "t/body.html": "{% extends 'layouts/base.html' %}",
        "t/body.txt": both,
        "t/body.de.txt": "{{ links.unsubscribe }}",
    }
    (problem,) = house(tmp_path, files).marketing_problems("t")
    assert problem.place.file == f"{tmp_path}/t/body.de.txt"
    assert "sender.postal_address" in problem.message


def test_a_project_without_templates_has_none(tmp_path: Path) -> None:
    renderer = Renderer(tmp_path / "nowhere")
    assert renderer.library.names == ()
    assert renderer.library.chains == ((),)

"""Attacks on the sandbox: by what an author might write, and by what data might hold."""

import time
import tracemalloc
from pathlib import Path

import pytest

from journey_engine.message import MessageRef, RenderError
from journey_engine.render import Renderer

REF = MessageRef("m" * 32, "c1")
VALUES = {
    "customer": {"first_name": "Ada", "number": 7},
    "lines": [{"name": "Pen"}],
    "big": "x" * 900_000,
}


def render(root: Path, source: str) -> str:
    (root / "t").mkdir(exist_ok=True)
    (root / "t/subject.txt").write_text("Subject", encoding="utf-8")
    (root / "t/body.txt").write_text(source, encoding="utf-8")
    return Renderer(root).render("t", "en", VALUES, REF).text


LABOURS = [
    "{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(9) %}{% endfor %}{% endfor %}{% endfor %}",
    "{% for a in range(1000) recursive %}{% if loop.depth < 4 %}{% set x = loop(range(1000)) %}{% endif %}{% endfor %}",
    "{% macro f(n) %}{% if n %}{% set x = f(n - 1) ~ f(n - 1) %}{% endif %}{% endmacro %}{{ f(40) }}",
    "".join(f"{{% block b{n} %}}{{{{ self.b{n + 1}() }}}}{{{{ self.b{n + 1}() }}}}{{% endblock %}}" for n in range(30))
    + "{% block b30 %}{% endblock %}",
]


@pytest.mark.parametrize("source", LABOURS)
def test_a_template_that_works_on_and_on_without_output_is_stopped(tmp_path: Path, source: str) -> None:
    began = time.monotonic()
    with pytest.raises(RenderError, match="more than 100,000 steps; loop over fewer things") as caught:
        render(tmp_path, source)
    assert caught.value.code == "template_error"
    assert time.monotonic() - began < 20


def test_the_steps_of_one_letter_are_not_those_of_the_next(tmp_path: Path) -> None:
    source = "{% for a in range(300) %}{% for b in range(200) %}{{ loop.last and 1 or '' }}{% endfor %}{% endfor %}"
    assert render(tmp_path, source) == "1" * 300
    renderer = Renderer(tmp_path)
    assert {renderer.render("t", "en", VALUES, REF).text for _ in range(3)} == {"1" * 300}


WALKS = [
    "{{ customer.first_name.__class__ }}",
    "{{ customer.first_name['__class__'] }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ lines.append(1) }}",
    "{{ lines.__len__() }}",
    "{{ customer.update({'a': 1}) }}",
    "{{ customer.pop('first_name') }}",
    "{{ customer.clear }}",
    "{{ customer.path }}",
    "{{ customer.get.__self__ }}",
    "{{ customer.first_name.format }}",
    "{{ '{0.__class__}'.format(customer) }}",
    "{{ '%s' % customer.first_name }}",
    "{{ customer | attr('__class__') }}",
    "{{ [customer] | map(attribute='__class__') | list }}",
    "{{ ['Ada'] | map(attribute='__class__') | list }}",
    "{{ lines | map('attr', 'name') | list }}",
    "{{ range.__class__ }}",
    "{{ abort.__globals__ }}",
    "{{ self.__init__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ loop }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ (1).bit_length() }}",
    "{{ 1.5.hex() }}",
    "{{ cycler('a').next() }}",
    "{{ joiner() }}",
    "{{ dict(a=1) }}",
    "{{ lipsum() }}",
    "{% import 't/../../secret.txt' as x %}",
    "{% include '/etc/hostname' %}",
    "{% include '../outside.txt' %}",
    "{{ customer.first_name.encode() }}",
    "{% set customer.first_name = 'x' %}",
]


@pytest.mark.parametrize("source", WALKS)
def test_no_way_leads_out_of_the_data(tmp_path: Path, source: str) -> None:
    (tmp_path / "outside.txt").write_text("secret", encoding="utf-8")
    (tmp_path / "templates").mkdir()
    with pytest.raises(RenderError) as caught:
        render(tmp_path / "templates", source)
    assert caught.value.code in ("template_error", "missing_value")


def test_data_with_the_name_of_a_method_is_data(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t/subject.txt").write_text("S", encoding="utf-8")
    (tmp_path / "t/body.txt").write_text("{{ trigger.items }} {{ trigger.keys }} {{ trigger.path }}", encoding="utf-8")
    values = {"trigger": {"items": "three", "keys": 2, "path": "p"}}
    assert Renderer(tmp_path).render("t", "en", values, REF).text == "three 2 p"


BOMBS = [
    "{{ 'x' * 1000000000 }}",
    "{{ 1000000000 * 'x' }}",
    "{{ [1] * 1000000000 }}",
    "{{ 10 ** (10 ** 10) }}",
    "{{ 2 ** 100000000 }}",
    "{{ 9 ** (9 ** (9 ** 9)) }}",
    "{% set ns = namespace(x=9) %}{% for i in range(60) %}{% set ns.x = ns.x * ns.x %}{% endfor %}{{ ns.x }}",
    "{{ 'x'.ljust(1000000000) }}",
    "{{ 'x'.zfill(1000000000) }}",
    "{{ 'x' | center(1000000000) }}",
    "{{ 'x' | indent(1000000000) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '%1000000000d' | format(1) }}",
    "{{ range(1000000000) | list }}",
    "{{ range(0, 1000000000, 2) | length }}",
    "{{ range(900) | join(big) }}",
    "{{ big | replace('x', 'xxxxxxxxxx') }}",
    "{{ big.replace('', big) }}",
    "{{ big ~ big }}",
    "{{ big + big }}",
    "{% set ns = namespace(x='xxxxxxxx') %}{% for i in range(40) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
    "{% set ns = namespace(x='xxxxxxxx') %}{% for i in range(40) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}",
    "{% for i in range(900) %}{{ big }}{% endfor %}",
    "{% for i in range(1000) %}{% for j in range(1000) %}xxxxxxxxxx{% endfor %}{% endfor %}",
    "{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(1) }}",
    "{{ [1] | batch(1000000000, 'x') | list }}",
    "{{ [1] | slice(1000000000) | list }}",
    "{{ 1 | round(1000000000, 'ceil') }}",
    "{{ 'x' | wordwrap(1, wrapstring=big) }}",
]


@pytest.mark.parametrize("source", BOMBS)
def test_no_template_takes_all_memory_or_time(tmp_path: Path, source: str) -> None:
    tracemalloc.start()
    started = time.perf_counter()
    try:
        with pytest.raises(RenderError) as caught:
            render(tmp_path, source)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.code == "template_error"
    assert peak < 60_000_000
    assert time.perf_counter() - started < 20


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{{ customer.first_name.upper() }}", "ADA"),
        ("{{ customer.get('first_name') }}", "Ada"),
        ("{{ 2 * 3 + 4 ** 2 }} {{ 7 % 4 }} {{ 'ab' * 2 }} {{ 'a' + 'b' }}", "22 3 abab ab"),
        ("{% for k, v in lines[0].items() %}{{ k }}={{ v }}{% endfor %}", "name=Pen"),
        ("{{ lines | map(attribute='name') | join(', ') }}", "Pen"),
        ("{{ range(3) | list }}", "[0, 1, 2]"),
        ("{% set ns = namespace(n=0) %}{% for x in lines %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}", "1"),
        ("{% macro hi(x) %}Hi {{ x }}{% endmacro %}{{ hi('you') }}", "Hi you"),
        ("{% for x in 'ab' %}{{ loop.cycle('odd', 'even') }} {% endfor %}", "odd even "),
        ("{{ customer.first_name[0] }}{{ customer.first_name[1:] }}", "Ada"),
        ("{{ 'a-b'.split('-') | last }}", "b"),
    ],
)
def test_what_authors_need_works(tmp_path: Path, source: str, words: str) -> None:
    assert render(tmp_path, source) == words

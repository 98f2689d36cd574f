"""Our own code for templates says what Jinja's own code for them says: the same words, or the same complaint."""

import re
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2.compiler import CodeGenerator

from journey_engine.message import Aborted, MessageRef, RenderError
from journey_engine.render import Renderer, looking
from journey_engine.render.compiling import AT_ONCE
from journey_engine.render.sandbox import TemplateEnvironment

REF = MessageRef("m" * 32, "c1")
LAYOUT = "<p>{{ sender.name | default('we') }}</p>{% block inside %}nothing{% endblock %}<p>{{ customer.a }}</p>"


BLOCKS = {
    "blocks/part.txt": "{% for one in trigger.lines %}{{ loop.first }}{{ one }}{% else %}{{ customer.b }}{% endfor %}",
    "blocks/words.txt": (
        "{% macro twice(word) %}{{ word }}{{ word | upper }}{% endmacro %}"
        "{% macro around() %}({{ caller() }}){% endmacro %}"
    ),
}


class AsJinjaWrites(TemplateEnvironment):
    """The same rules, with nothing looked up or put out in a shorter way."""

    code_generator_class = CodeGenerator

    def is_safe_callable(self, obj: Any) -> bool:
        return obj in (self.joined, self.step) or super().is_safe_callable(obj)


NAMES = st.sampled_from(["customer", "trigger", "item", "loop", "nobody", "customer.a", "trigger.items", "namespace"])
PARTS = st.sampled_from(
    ["a", "b", "get", "items", "keys", "values", "path", "index", "first", "last", "__class__", "update", "upper"]
)
FILTERS = st.sampled_from(
    [
        "", "", "", " | default('x')", " | upper", " | title", " | length", " | list", " | e", " | first", " | string",
        " | join('<')", " ~ '&' ~ customer.a", " * 2", " + 1", " is present", " | striptags", " | money('EUR')",
        "()", "('a')", "['a']", "[0]", " | map(attribute='a') | list", " or 'none'", " if customer.a else 'no'",
    ]
)  # fmt: skip
WORDS = st.text("ab <>&\"'{}%#\n\u00e4", max_size=6).filter(lambda text: "{" not in text)


@st.composite
def chains(draw: st.DrawFn) -> str:
    return ".".join([draw(NAMES), *draw(st.lists(PARTS, max_size=3))]) + draw(FILTERS)


PRINTS = chains().map(lambda chain: f"{{{{ {chain} }}}}")


AROUND = (
    ("{% for item in trigger.lines %}{{ loop.index ~ loop.last }}", "{% endfor %}"),
    ("{% include 'blocks/part.txt' %}", "{% include ['blocks/part.txt'] %}"),
    ("{% import 'blocks/words.txt' as words %}", "{{ words.twice(customer.a) }}"),
    ("{% from 'blocks/words.txt' import around %}{% call around() %}", "{% endcall %}"),
    ("{% filter upper %}", "{% endfilter %}"),
    ("{% with item = customer.b %}", "{% endwith %}"),
    ("{% for item in trigger.lines if (item is present) recursive %}", "{{ loop.depth }}{% endfor %}"),
)


def around(pair: tuple[str, str], text: str) -> str:
    return text.join(pair)


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.lists(inner, max_size=4).map("".join),
        st.tuples(chains(), inner).map(lambda pair: f"{{% for item in {pair[0]} %}}{pair[1]}{{% endfor %}}"),
        st.tuples(chains(), inner).map(lambda pair: f"{{% if {pair[0]} %}}{pair[1]}{{% else %}}-{{% endif %}}"),
        st.tuples(chains(), inner).map(lambda pair: f"{{% set item = {pair[0]} %}}{pair[1]}"),
        inner.map(lambda text: f"{{% set item %}}{text}{{% endset %}}{{{{ item }}}}"),
        inner.map(lambda text: f"{{% macro one(item) %}}{text}{{% endmacro %}}{{{{ one(customer) }}}}{{{{ one() }}}}"),
        *(inner.map(partial(around, pair)) for pair in AROUND),
    )


SOURCES = st.recursive(PRINTS | WORDS, grown, max_leaves=8)
PLAIN = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | WORDS
TREES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "items", "get", "path", "index"]), inner, max_size=3)
    ),
    max_leaves=6,
)
VALUES = st.fixed_dictionaries(
    {
        "customer": st.dictionaries(st.sampled_from(["a", "b", "items"]), TREES, max_size=3),
        "trigger": st.fixed_dictionaries({"lines": st.lists(TREES, max_size=3)}, optional={"a": TREES, "items": TREES}),
    }
)


def said(folder: Path, values: dict[str, Any]) -> str:
    try:
        rendered = Renderer(folder).render("t", "en", values, REF)
    except RenderError as error:
        return f"{error.code} {error.message}"
    except Aborted as error:
        return error.reason
    return re.sub("(?i)0x[0-9a-f]+", "0x", f"{rendered.subject}\n{rendered.text}\n{rendered.html}")


def both(files: dict[str, str], values: dict[str, Any]) -> tuple[str, str]:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        for path, text in {"t/subject.txt": "Hello", "t/body.txt": "text", **BLOCKS, **files}.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        ours = said(folder, values)
        patch.setattr(looking, "TemplateEnvironment", AsJinjaWrites)
        return ours, said(folder, values)


@settings(max_examples=150, deadline=None)
@given(source=SOURCES, values=VALUES)
def test_a_template_says_what_it_says_in_jinja_s_own_code(source: str, values: dict[str, Any]) -> None:
    inside = f"{{% extends 'layouts/page.html' %}}{{% block inside %}}{source}{{{{ super() }}}}{{% endblock %}}"
    files = {"t/subject.txt": f"Hello {source}", "t/body.txt": source, "t/body.html": source}
    for html in (source, inside):
        ours, theirs = both(files | {"t/body.html": html, "layouts/page.html": LAYOUT}, values)
        assert ours == theirs


@pytest.mark.parametrize("line", [1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE])
def test_a_missing_value_names_its_own_line_however_many_stand_around_it(line: int) -> None:
    lines = [f"{{{{ customer.a }}}} {number}" for number in range(1, 3 * AT_ONCE + 1)]
    lines[line - 1] = "a {{ customer.nothing }} b"
    ours, theirs = both({"t/body.txt": "\n".join(lines)}, {"customer": {"a": "A"}})
    assert ours == theirs
    assert f"t/body.txt:{line}: no value for customer.nothing" in ours


def test_values_are_looked_up_without_asking_the_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Counting(TemplateEnvironment):
        def getattr(self, obj: Any, attribute: str) -> Any:
            asked.append(attribute)
            return super().getattr(obj, attribute)

    monkeypatch.setattr(looking, "TemplateEnvironment", Counting)
    for name in ("subject.txt", "body.txt"):
        path = tmp_path / "t" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            "{{ customer.a }} {% for line in trigger.lines %}{{ line.b }}{{ line.upper }}{{ loop.index }}{% endfor %}"
        )
    values = {"customer": {"a": 1}, "trigger": {"lines": [{"b": 2, "upper": 3}, {"b": 2, "upper": 3}]}}
    assert Renderer(tmp_path).render("t", "en", values, REF).text == "1 231232"
    assert asked == []

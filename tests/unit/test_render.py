import re
from pathlib import Path
from typing import Any

import pytest

from journey_engine.links import Claim, Links
from journey_engine.message import Aborted, MessageRef, RenderError
from journey_engine.project import Sender
from journey_engine.render import Renderer

SENDER = Sender(name="Blue Note", email="hello@shop.example", postal_address="1 Main Street")
LINKS = Links("https://shop.example", {"k": b"x" * 32}, "k")
REF = MessageRef("m" * 32, "c1", "offers", "Africa/Lagos")


def house(root: Path, files: dict[str, str]) -> Renderer:
    base = {"t/subject.txt": "Subject", "t/body.txt": "Text"}
    for name, text in {**base, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return Renderer(root, SENDER, LINKS)


def text(root: Path, source: str, values: dict[str, Any] | None = None, locale: str | None = "en") -> str:
    return house(root, {"t/body.txt": source}).render("t", locale, values or {}, REF).text


def html(root: Path, source: str, values: dict[str, Any] | None = None) -> str:
    found = house(root, {"t/body.html": source}).render("t", "en", values or {}, REF).html
    assert found is not None
    return found


def refused(root: Path, source: str, values: dict[str, Any] | None = None) -> RenderError:
    with pytest.raises(RenderError) as caught:
        text(root, source, values)
    return caught.value


# values


def test_values_are_named_by_dotted_paths(tmp_path: Path) -> None:
    values = {
        "customer": {"first_name": "Ada"},
        "trigger": {"total": 12.5, "items": "nine"},
        "step": {"ask-size": {"answer": "XL"}, "wait_for:order_placed": {"total": 3}},
        "lines": [{"name": "Pen"}, {"name": "Ink"}],
    }
    source = (
        "{{ customer.first_name }} {{ trigger.total }} {{ trigger.items }} {{ step['ask-size'].answer }} "
        "{{ step['wait_for:order_placed'].total }} {% for x in lines %}{{ loop.index }}{{ x.name }}{% endfor %}"
    )
    assert text(tmp_path, source, values) == "Ada 12.5 nine XL 3 1Pen2Ink"


@pytest.mark.parametrize("value", [None, "", "absent"])
@pytest.mark.parametrize("use", ["{{ customer.a }}", "{{ customer.a | upper }}", "{{ 'x' ~ customer.a }}"])
def test_a_missing_value_refuses_the_message_with_its_path_file_and_line(
    tmp_path: Path, value: str | None, use: str
) -> None:
    values = {"customer": {} if value == "absent" else {"a": value}}
    error = refused(tmp_path, f"one\ntwo {use}\n", values)
    assert (error.code, error.path) == ("missing_value", "customer.a")
    assert error.message == f"{tmp_path}/t/body.txt:2: no value for customer.a"
    assert 'customer.a | default("...")' in str(error.remedy)


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("{{ customer.address.city }}", "customer.address.city"),
        ("{{ step['ask'].answer }}", "step.ask.answer"),
        ("{% for x in lines %}{% endfor %}", "lines"),
        ("{{ lines | length }}", "lines"),
        ("{{ trigger.total | money('EUR') }}", "trigger.total"),
        ("{{ trigger.at | date }}", "trigger.at"),
        ("{{ trigger.total * 2 }}", "trigger.total"),
        ("{{ 2 + trigger.total }}", "trigger.total"),
        ("{% if trigger.total > 3 %}{% endif %}", "trigger.total"),
        ("{% if trigger.total == 3 %}{% endif %}", "trigger.total"),
        ("{{ customer.get('a') | default('x') }}{{ customer['b'] }}", "customer.b"),
        ("{{ basket[0].price }}", "basket[0].price"),
        ("{{ [customer.a] }}", "customer.a"),
        ("{{ -customer.a }}", "customer.a"),
        ("{% if 'x' in customer.a %}{% endif %}", "customer.a"),
    ],
)
def test_whatever_is_done_with_a_missing_value_it_is_named(tmp_path: Path, source: str, path: str) -> None:
    assert refused(tmp_path, source, {"basket": [{"name": "Pen"}]}).path == path


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("Hi {{ customer.first_name | default('there') }}", "Hi there"),
        ("{{ customer.address.city | default('town') }}", "town"),
        ("{{ customer.first_name or 'there' }}", "there"),
        ("{% if customer.first_name is present %}a{% else %}b{% endif %}", "b"),
        ("{% if customer.first_name is defined %}a{% else %}b{% endif %}", "b"),
        ("{% if customer.first_name is missing %}a{% endif %}", "a"),
        ("{% if customer.first_name %}a{% else %}b{% endif %}", "b"),
        ("{% if not customer.first_name %}a{% endif %}", "a"),
    ],
)
def test_an_author_may_say_that_a_value_is_optional(tmp_path: Path, source: str, words: str) -> None:
    assert text(tmp_path, source, {"customer": {"first_name": ""}}) == words


def test_false_and_zero_are_values(tmp_path: Path) -> None:
    values = {"customer": {"vip": False, "orders": 0}}
    assert text(tmp_path, "{{ customer.vip }} {{ customer.orders | default(7) }}", values) == "False 0"


def test_an_error_in_a_layout_or_block_names_that_file(tmp_path: Path) -> None:
    files = {
        "layouts/base.html": "<p>\n{% block body %}{% endblock %}\n{{ customer.city }}</p>",
        "t/body.html": "{% extends 'layouts/base.html' %}{% block body %}hello{% endblock %}",
    }
    with pytest.raises(RenderError) as caught:
        house(tmp_path, files).render("t", "en", {}, REF)
    assert caught.value.message == f"{tmp_path}/layouts/base.html:3: no value for customer.city"


def test_a_template_may_skip_its_message(tmp_path: Path) -> None:
    with pytest.raises(Aborted, match="empty basket"):
        text(tmp_path, "{% if not lines %}{{ abort('empty basket') }}{% endif %}", {"lines": []})


def test_sender_and_links_are_always_there(tmp_path: Path) -> None:
    source = "{{ sender.name }}|{{ sender.postal_address }}|{{ links.home }}|{{ links.unsubscribe }}|{{ message.id }}"
    rendered = house(tmp_path, {"t/body.txt": source}).render("t", None, {"links": {"home": "evil"}}, REF)
    name, postal, home, unsubscribe, message_id = rendered.text.split("|")
    assert (name, postal, home) == ("Blue Note", "1 Main Street", "https://shop.example")
    assert unsubscribe == rendered.unsubscribe_url
    claim = LINKS.verify(unsubscribe.rsplit("/", 1)[1])
    assert claim is not None
    assert (claim.customer_id, claim.topic, claim.message_id) == ("c1", "offers", message_id)


VARIANTS = {
    "t/subject.txt": "default",
    "t/body.txt": "default text",
    "t/body.html": "<p>default</p>",
    "t/body.de.txt": "deutsch",
    "t/body.de.html": "<p>deutsch</p>",
    "t/pro/subject.txt": "pro",
    "t/pro/body.txt": "pro text",
    "t/pro/body.html": "<p>pro</p>",
    "t/free/body.txt": "free text",
    "t/free/body.de.txt": "kostenlos",
    "t/pictures/logo.svg": "no part of a message",
}


@pytest.mark.parametrize(
    ("variant", "locale", "subject", "text", "html"),
    [
        (None, "en", "default", "default text", "<p>default</p>"),
        ("pro", "en", "pro", "pro text", "<p>pro</p>"),
        ("Pro", "en", "default", "default text", "<p>default</p>"),
        ("", "en", "default", "default text", "<p>default</p>"),
        ("free", "en", "default", "free text", None),  # its bodies go together: it has no HTML
        ("free", "de", "default", "kostenlos", None),
        ("pro", "de", "pro", "deutsch", "<p>deutsch</p>"),  # the customer's language comes first
        ("pictures", "en", "default", "default text", "<p>default</p>"),
        ("../t/pro", "en", "default", "default text", "<p>default</p>"),
        (5, "en", "default", "default text", "<p>default</p>"),
    ],
)
def test_a_value_chooses_a_variant_or_the_default(
    tmp_path: Path, variant: Any, locale: str, subject: str, text: str, html: str | None
) -> None:
    values = {} if variant is None else {"variant": variant}
    found = house(tmp_path, VARIANTS).render("t", locale, values, REF)
    assert (found.subject, found.text, found.html) == (subject, text, html)


def test_values_of_every_variant_travel_with_the_message(tmp_path: Path) -> None:
    renderer = house(tmp_path, {"t/body.txt": "{{ customer.a }}", "t/pro/body.txt": "{{ customer.b }}"})
    assert renderer.variables("t") == {"customer.a", "customer.b"}


def test_a_letter_that_asks_has_a_signed_link_for_each_answer(tmp_path: Path) -> None:
    asked = {
        "question": "taste",
        "answers": [{"answer": "jazz", "label": "Jazz"}, {"answer": "hip-hop", "label": "Hip <b>"}],
    }
    source = (
        '{% for answer in answers %}{{ answer.label }} <a href="{{ answer.link | link }}">{{ answer.answer }}</a>\n'
        "{% endfor %}{{ links.answer['hip-hop'] }}"
    )
    files = {"t/body.html": source}
    message = MessageRef("m" * 32, "c1", "offers", "UTC", "e1")
    page = house(tmp_path, files).render("t", "en", {"ask": asked}, message).html
    assert page is not None
    assert "Hip &lt;b&gt;" in page
    found = [LINKS.verify(token) for token in re.findall(r"https://shop.example/answer/([\w.-]+)", page)]
    jazz, hip_hop = (Claim("answer", "c1", None, "m" * 32, "e1", "taste", one) for one in ("jazz", "hip-hop"))
    assert found == [jazz, hip_hop, hip_hop]


def test_a_letter_that_does_not_ask_has_no_answers(tmp_path: Path) -> None:
    assert refused(tmp_path, "{{ links.answer.jazz }}").path == "links.answer.jazz"
    assert refused(tmp_path, "{% for one in answers %}{% endfor %}").path == "answers"
    assert text(tmp_path, "{% for one in answers %}{{ one.name }}{% endfor %}", {"answers": [{"name": "x"}]}) == "x"


def test_without_a_public_address_a_link_is_a_missing_value(tmp_path: Path) -> None:
    house(tmp_path, {"t/body.txt": "{{ links.unsubscribe }}"})
    with pytest.raises(RenderError) as caught:
        Renderer(tmp_path, SENDER, Links(None, {"k": b"x"}, "k")).render("t", "en", {}, REF)
    assert caught.value.path == "links.unsubscribe"


# what customers wrote


def test_what_customers_wrote_is_never_html(tmp_path: Path) -> None:
    values = {"customer": {"first_name": "<script>alert('x')</script> & \"co\""}}
    shown = html(tmp_path, '<p title="{{ customer.first_name }}">{{ customer.first_name }}</p>', values)
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert text(tmp_path, "{{ customer.first_name }}", values) == values["customer"]["first_name"]


def test_a_text_block_inside_html_is_escaped_as_well(tmp_path: Path) -> None:
    files = {"blocks/greet.txt": "{{ customer.first_name }}", "t/body.html": "{% include 'blocks/greet.txt' %}"}
    rendered = house(tmp_path, files).render("t", "en", {"customer": {"first_name": "<b>"}}, REF)
    assert rendered.html == "&lt;b&gt;"


def test_what_customers_wrote_is_never_a_template(tmp_path: Path) -> None:
    sly = "{{ sender.email }}{% for x in range(9) %}x{% endfor %}{{ customer.plan }}"
    values = {"customer": {"first_name": sly, "plan": "secret"}}
    files = {"t/subject.txt": "{{ customer.first_name }}", "t/body.txt": "{{ customer.first_name }}"}
    rendered = house(tmp_path, files).render("t", "en", values, REF)
    assert (rendered.subject, rendered.text) == (sly, sly)


def test_a_subject_is_one_line_without_control_characters(tmp_path: Path) -> None:
    files = {"t/subject.txt": "\n Hello\n{{ customer.first_name }} \n"}
    sly = "A\r\nBcc: all@example.com\u2028X\x00\x1b[31m\x85Z"
    rendered = house(tmp_path, files).render("t", "en", {"customer": {"first_name": sly}}, REF)
    assert rendered.subject == "Hello A Bcc: all@example.com X [31m Z"


def test_an_empty_subject_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="the subject is empty"):
        house(tmp_path, {"t/subject.txt": "{# nothing #}"}).render("t", "en", {}, REF)


@pytest.mark.parametrize(
    "good",
    ["https://a.example/?q=1&r=%20", "mailto:a@b.example", "tel:+491234", "HTTPS://A.EXAMPLE", "http://127.0.0.1:8000/x",
     "http://localhost/"],
)  # fmt: skip
def test_safe_links_pass(tmp_path: Path, good: str) -> None:
    assert text(tmp_path, "{{ trigger.url | link }}", {"trigger": {"url": good}}) == good


@pytest.mark.parametrize(
    "bad",
    [
        "javascript:alert(1)",
        " JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        "data:text/html,x",
        "http://a.example",
        "http://127.0.0.1.a.example/",
        "http://localhost@a.example/",
        "//a.example",
        "/path",
        "https:///nowhere",
        "https://a.example/\r\nX: y",
        "https://a.example/ b",
        'https://a.example/"onclick=',
        "https://[broken",
        "mailto:",
    ],
)
def test_unsafe_links_refuse_the_message(tmp_path: Path, bad: str) -> None:
    error = refused(tmp_path, "\n{{ trigger.url | link }}", {"trigger": {"url": bad}})
    assert error.code == "template_error"
    assert "body.txt:2: link needs a whole https, mailto or tel address" in error.message


# locales


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("de-AT", "Servus"),
        ("de_AT", "Servus"),
        ("DE-at", "Servus"),
        ("de-CH", "Hallo"),
        ("de", "Hallo"),
        ("de_DE.UTF-8", "Hallo"),
        ("fr", "Hello"),
        (None, "Hello"),
        ("", "Hello"),
        ("../../etc/passwd", "Hello"),
        ("x" * 5000, "Hello"),
        ("dé\x00", "Hello"),
    ],
)
def test_each_locale_reads_its_nearest_file(tmp_path: Path, locale: str | None, words: str) -> None:
    files = {"t/body.txt": "Hello", "t/body.de.txt": "Hallo", "t/body.de-AT.txt": "Servus"}
    assert house(tmp_path, files).render("t", locale, {}, REF).text == words


def test_parts_and_layouts_fall_back_one_by_one(tmp_path: Path) -> None:
    files = {
        "layouts/base.html": "{% block body %}{% endblock %} Bye",
        "layouts/base.de.html": "{% block body %}{% endblock %} Gruß",
        "t/body.html": "{% extends 'layouts/base.html' %}{% block body %}Hello{% endblock %}",
        "t/subject.de.txt": "Betreff",
    }
    renderer = house(tmp_path, files)
    german = renderer.render("t", "de", {}, REF)
    assert (german.subject, german.html, german.text) == ("Betreff", "Hello Gruß", "Text")
    assert renderer.render("t", "en", {}, REF).html == "Hello Bye"


@pytest.mark.parametrize(
    ("source", "locale", "words"),
    [
        ("{{ 1234.5 | money('EUR') }}", "en", "€1,234.50"),
        ("{{ 1234.5 | money('eur') }}", "de", "1.234,50\xa0€"),
        ("{{ '0.1' | money('NGN') }}", "en-NG", "₦0.10"),
        ("{{ 1234567.891 | number }}", "de", "1.234.567,891"),
        ("{{ 4.5 | number(0) }} {{ 4.25 | number(1) }}", "en", "4 4.2"),
        ("{{ 0.15 | percent }}", "en", "15%"),
        ("{{ '2026-01-31' | date('long') }}", "de", "31. Januar 2026"),
        ("{{ '2026-01-31T23:30:00Z' | date }}", "en", "Feb 1, 2026"),
        ("{{ '2026-01-31T23:30:00Z' | time }}", "de", "00:30"),
        ("{{ '2026-01-31T23:30:00Z' | weekday }}", "en", "Sunday"),
        ("{{ '2026-01-31' | date }}", "xx-nowhere", "Jan 31, 2026"),
    ],
)
def test_money_numbers_and_dates_follow_the_customers_locale_and_zone(
    tmp_path: Path, source: str, locale: str, words: str
) -> None:
    files = {f"t/body.{locale}.txt": source, "t/body.txt": source}
    assert house(tmp_path, files).render("t", locale, {}, REF).text == words


AMOUNT = "{{ 1234.5 | money('EUR') }} {{ '2026-01-31' | date('short') }}"


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("de", "Hello €1,234.50 1/31/26"),  # an English letter has no German amounts
        ("fr-FR", "Hello €1,234.50 1/31/26"),
        (None, "Hello €1,234.50 1/31/26"),
        ("en-GB", "Hello €1,234.50 31/01/2026"),  # the same language, and the customer's own territory
        ("en_GB.UTF-8", "Hello €1,234.50 31/01/2026"),
        ("es-MX", "Hola EUR1,234.50 31/01/26"),
        ("es", "Hola 1.234,50\xa0€ 31/1/26"),
    ],
)
def test_amounts_and_dates_are_in_the_language_of_the_file_that_was_chosen(
    tmp_path: Path, locale: str | None, words: str
) -> None:
    files = {"t/body.txt": f"Hello {AMOUNT}", "t/body.es.txt": f"Hola {AMOUNT}", "t/subject.de.txt": AMOUNT}
    assert house(tmp_path, files).render("t", locale, {}, REF).text == words


def test_each_part_is_in_its_own_language_and_the_project_names_that_of_the_default(tmp_path: Path) -> None:
    files = {"t/subject.txt": AMOUNT, "t/body.txt": "{{ message.locale }}", "t/body.en.txt": "{{ message.locale }}"}
    renderer = house(tmp_path, files)
    renderer.locale = "de"
    found = renderer.render("t", "en-GB", {}, REF)
    assert (found.subject, found.text) == ("1.234,50 € 31.01.26", "en-GB")
    assert renderer.render("t", "fr", {}, REF).text == "de"


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("{{ 'much' | money('EUR') }}", "money needs a number"),
        ("{{ true | money('EUR') }}", "money needs a number"),
        ("{{ '1e99' | number }}", "number needs a number"),
        ("{{ 'nan' | number }}", "number needs a number"),
        ("{{ 5 | money('euros') }}", "money needs a currency code"),
        ("{{ 'soon' | date }}", "date needs a date or an instant such as 2026-01-31"),
        ("{{ '2026-01-31' | date('loud') }}", "date is short, medium, long or full, not 'loud'"),
        ("{{ '2026-01-31' | time('full') }}", "time is short or medium"),
        ("{{ 5 | number(99) }}", "number shows 0 to 10 decimals"),
    ],
)
def test_a_filter_that_cannot_show_a_value_says_what_it_needs(tmp_path: Path, source: str, complaint: str) -> None:
    assert complaint in refused(tmp_path, source).message


@pytest.mark.parametrize(
    ("use", "complaint"),
    [
        ("{{ customer.plan | money('EUR') }}", "money needs a number (customer.plan)"),
        ("{{ customer.plan | upper | date }}", "date needs a date or an instant such as 2026-01-31"),
        ("{{ customer.plan|weekday }}", "weekday needs a date or an instant such as 2026-01-31 (customer.plan)"),
        ("{{ 5 | money(customer.plan) }}", 'write money("EUR"), or money(trigger.currency)'),
        ("{{ 5 | money }}", 'write money("EUR"), or money(trigger.currency)'),
        ("{{ customer.age[customer.plan] }}", "cannot be used here"),
        ("{{ customer.plan | link }}", "link needs a whole https, mailto or tel address (customer.plan)"),
    ],
)
def test_a_complaint_names_the_value_and_never_shows_it(tmp_path: Path, use: str, complaint: str) -> None:
    error = refused(tmp_path, f"Hello\n{use}", {"customer": {"plan": "Zaphod29", "age": 5}})
    assert f"body.txt:2: {complaint}" in error.message or complaint in error.message
    assert "zaphod" not in str(error).lower()


# HTML


def test_styles_are_inlined_after_rendering_and_media_queries_kept(tmp_path: Path) -> None:
    source = (
        "<html><head><style>td { color: red } @media (prefers-color-scheme: dark) { td { color: white } }</style>"
        "</head><body><table>{% for x in lines %}<tr><td>{{ x }}</td></tr>{% endfor %}</table></body></html>"
    )
    shown = html(tmp_path, source, {"lines": ["a", "b"]})
    assert shown.count('<td style="color: red;">') == 2
    assert shown.index("<table>") < shown.index(">a</td>") < shown.index(">b</td>") < shown.index("</table>")
    assert "prefers-color-scheme: dark" in shown


def test_inlining_reads_nothing_from_anywhere(tmp_path: Path) -> None:
    (tmp_path / "secret.css").write_text("p { color: red }", encoding="utf-8")
    source = (
        f"<head><link rel='stylesheet' href='file://{tmp_path}/secret.css'>"
        "<link rel='stylesheet' href='http://127.0.0.1:9/x.css'><style>p { margin: 0 }</style></head><p>x</p>"
    )
    assert "red" not in html(tmp_path, source)


def test_a_message_may_be_text_alone(tmp_path: Path) -> None:
    assert house(tmp_path, {}).render("t", "en", {}, REF).html is None


# failures


def test_an_unknown_template_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"no template 'tt' .*did you mean 't'\?"):
        house(tmp_path, {}).render("tt", "en", {}, REF)


@pytest.mark.parametrize("name", ["", ".", "..", "../t", "layouts", "t/../t", "/etc"])
def test_only_template_folders_are_templates(tmp_path: Path, name: str) -> None:
    with pytest.raises(RenderError, match="there is no template"):
        house(tmp_path, {"layouts/subject.txt": "x"}).render(name, "en", {}, REF)


def test_values_that_are_no_plain_data_are_refused(tmp_path: Path) -> None:
    assert "cannot travel" in refused(tmp_path, "x", {"customer": {"thing": object()}}).message


def test_a_title_is_worded_like_a_template(tmp_path: Path) -> None:
    renderer = house(tmp_path, {})
    values = {"customer": {"first_name": "Ada\nX"}}
    assert renderer.render_line("Call {{ customer.first_name }}", values, REF) == "Call Ada X"
    assert renderer.line_variables("Call {{ customer.first_name }}") == {"customer.first_name"}
    with pytest.raises(RenderError) as caught:
        renderer.render_line("Call {{ customer.first_name }}", {}, REF)
    assert caught.value.path == "customer.first_name"
    with pytest.raises(RenderError):
        renderer.render_line("Call {{ customer", {}, REF)


# --- short messages -------------------------------------------------------------------------------------------


def short(root: Path, files: dict[str, str], values: dict[str, Any] | None = None, locale: str = "en") -> str:
    return house(root, files).render("t", locale, values or {}, MessageRef("m" * 32, "c1", channel="sms")).text


def test_short_message_reads_its_own_words_in_the_customer_s_language_and_variant(tmp_path: Path) -> None:
    files = {"t/sms.txt": " Hi {{ customer.first_name }}\n", "t/sms.de.txt": "Hallo", "t/pro/sms.txt": "Hi, pro"}
    ada = {"customer": {"first_name": "Ada & Bob"}}
    assert short(tmp_path, files, ada) == "Hi Ada & Bob"
    assert short(tmp_path, files, ada, "de-AT") == "Hallo"
    assert short(tmp_path, files, ada | {"variant": "pro"}) == "Hi, pro"
    assert house(tmp_path, files).variables("t") == {"customer.first_name"}
    letter = house(tmp_path, files).render("t", "en", ada, REF)
    assert (letter.subject, letter.text) == ("Subject", "Text")


def test_short_message_without_words_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"no words for a short message: .*t/sms.txt") as caught:
        short(tmp_path, {})
    assert caught.value.code == "no_template"
    with pytest.raises(RenderError, match="it is empty"):
        short(tmp_path, {"t/sms.txt": "{# nothing #}\n"})


def test_template_of_a_short_message_alone_is_whole(tmp_path: Path) -> None:
    (tmp_path / "only").mkdir(parents=True)
    (tmp_path / "only" / "sms.txt").write_text("Hi")
    made = house(tmp_path, {})
    assert made.problems("only") == []
    assert made.marketing_problems("only") == []
    (tmp_path / "only" / "subject.txt").write_text("Hi")
    assert [one.code for one in house(tmp_path, {}).problems("only")] == ["missing-part"]

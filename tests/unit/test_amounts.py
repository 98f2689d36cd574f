"""Money is written exactly as babel writes it, in every locale that babel knows."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from babel import Locale, localedata
from babel.numbers import format_currency
from hypothesis import given
from hypothesis import strategies as st

from journey_engine.message import MessageRef, RenderError
from journey_engine.render import Renderer
from journey_engine.render.amounts import _style, write_money
from journey_engine.render.filters import KEPT, _amount

CURRENCIES = ("EUR", "USD", "CHF", "JPY", "INR", "KWD", "XXX", "QQQ")
AMOUNTS = ("0", "-0", "0.005", "0.015", "-0.004", "7", "999.995", "-1234.5", "12345678.9", "1E+3", "-98765432109876")


@pytest.mark.parametrize("currency", CURRENCIES)
def test_every_locale_writes_money_as_babel_does(currency: str) -> None:
    for name in localedata.locale_identifiers():
        locale = Locale.parse(name)
        for text in AMOUNTS:
            amount = Decimal(text)
            assert write_money(amount, currency, locale) == format_currency(amount, currency, locale=locale), name


@given(
    amount=st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20),
    locale=st.sampled_from(("en", "de_CH", "hi", "fr", "ar", "pl", "es")),
    currency=st.sampled_from(CURRENCIES),
)
def test_any_amount_is_written_as_babel_does(amount: Decimal, locale: str, currency: str) -> None:
    expected = format_currency(amount, currency, locale=locale)
    assert write_money(amount, currency, Locale.parse(locale)) == expected


def test_common_locales_are_written_without_babel() -> None:
    assert all(_style(Locale.parse(name), "EUR") is not None for name in ("en", "de", "fr", "es", "it", "nl", "pl"))


def test_what_is_kept_of_amounts_tells_equal_values_apart(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t/subject.txt").write_text("Hello", encoding="utf-8")
    words = '{% for one in trigger.all %}{{ one | money("EUR") }};{{ one | money("USD") }} {% endfor %}'
    (tmp_path / "t/body.txt").write_text(words, encoding="utf-8")
    renderer = Renderer(tmp_path)
    long = "1." + "0" * 100
    for _ in range(2):
        values = {"trigger": {"all": [0.0, -0.0, 1, 1.0, "1.00", long]}}
        told = renderer.render("t", "en", values, MessageRef("m" * 32, "c1")).text
        assert told.split() == ["€0.00;$0.00", "-€0.00;-$0.00", *["€1.00;$1.00"] * 4]
        german = renderer.render("t", "de", {"trigger": {"all": [1]}}, MessageRef("m" * 32, "c1")).text
        assert german.split() == ["€1.00;$1.00"]  # the language of the file's words
        with pytest.raises(RenderError, match="money needs a number"):
            renderer.render("t", "en", {"trigger": {"all": [True]}}, MessageRef("m" * 32, "c1"))
    assert _amount.cache_info().currsize <= KEPT

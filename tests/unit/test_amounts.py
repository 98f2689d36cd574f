"""Money is written exactly as babel writes it, in every locale that babel knows."""

from __future__ import annotations

from decimal import Decimal

import pytest
from babel import Locale, localedata
from babel.numbers import format_currency
from hypothesis import given
from hypothesis import strategies as st

from journey_engine.render.amounts import _style, write_money

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

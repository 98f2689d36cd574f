"""Filters for people: money, numbers, dates and times in the customer's locale and zone, and safe links.

Everything else a template may call is in sandbox.py.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from babel import Locale, UnknownLocaleError
from babel import dates as babel_dates
from babel import numbers as babel_numbers
from jinja2 import pass_context
from jinja2.runtime import Context

from journey_engine.address import is_here
from journey_engine.render.amounts import write_money
from journey_engine.times import utc_to_local

SAFE_SCHEMES = ("https", "mailto", "tel")
_PLAIN_LINK = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]+)?(/[\w./?&=%#~+:,;@!$*()-]*)?", re.ASCII)
"""Most links are of this form; taking them apart costs more than all else in them."""
KEPT, LONGEST_KEPT = 4096, 32
"""So many amounts and days are kept as they were written: a letter says most of them twice, as HTML and as text."""
LENGTHS = ("short", "medium", "long", "full")


class FilterError(ValueError):
    """A filter was given something it cannot show; it never says what, which may be personal. `what` is the filter."""

    def __init__(self, message: str, what: str | None = None) -> None:
        super().__init__(message)
        self.what = what


@lru_cache(maxsize=256)
def _locale(text: str) -> Locale:
    parts = text.replace("_", "-").split("-")
    for length in range(len(parts), 0, -1):
        try:
            return Locale.parse("-".join(parts[:length]), sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return Locale.parse("en")


def _locale_of(context: Context) -> str:
    return str(context.parent["message"]["locale"])


def _number(text: str, what: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise FilterError(f"{what} needs a number", what) from None
    if not number.is_finite() or abs(number.adjusted()) > 30:
        raise FilterError(f"{what} needs a number", what)
    return number


def _moment(value: object, context: Context, what: str) -> dt.datetime:
    """Local wall clock time; a plain date is midnight and is never shifted."""
    try:
        moment = dt.datetime.fromisoformat(str(value))
    except ValueError:
        raise FilterError(f"{what} needs a date or an instant such as 2026-01-31", what) from None
    if moment.tzinfo is None:
        return moment
    return utc_to_local(moment.astimezone(dt.UTC), str(context.parent["message"]["timezone"]))


@pass_context
def money(context: Context, value: object, currency: str = "") -> str:
    """`{{ trigger.total | money("EUR") }}`: an amount with its currency."""
    code = str(currency)
    if not (len(code) == 3 and code.isascii() and code.isalpha()):
        raise FilterError('money needs a currency code: write money("EUR"), or money(trigger.currency)', "money")
    text = str(value)
    write = _amount if len(text) < LONGEST_KEPT else _amount.__wrapped__
    return write(text, code.upper(), _locale_of(context))


@lru_cache(maxsize=KEPT)
def _amount(text: str, currency: str, locale: str) -> str:
    return write_money(_number(text, "money"), currency, _locale(locale))


@pass_context
def number(context: Context, value: object, decimals: int | None = None) -> str:
    """`{{ step.survey.score | number(1) }}`: a number with the locale's separators."""
    amount = _number(str(value), "number")
    pattern = None
    if decimals is not None:
        if not 0 <= int(decimals) <= 10:
            raise FilterError("number shows 0 to 10 decimals")
        pattern = "#,##0" + ("." + "0" * int(decimals) if decimals else "")
    return str(babel_numbers.format_decimal(amount, format=pattern, locale=_locale(_locale_of(context))))


@pass_context
def percent(context: Context, value: object) -> str:
    """`{{ 0.15 | percent }}`: a share as a percentage."""
    return str(babel_numbers.format_percent(_number(str(value), "percent"), locale=_locale(_locale_of(context))))


@pass_context
def date(context: Context, value: object, length: str = "medium") -> str:
    """`{{ customer.renewal_date | date("long") }}`: a day in the customer's zone; short to full."""
    day = _moment(value, context, "date").date()
    return _day(day, _length(length, "date"), _locale_of(context))


@pass_context
def time(context: Context, value: object, length: str = "short") -> str:
    """`{{ trigger.starts_at | time }}`: the time of day in the customer's zone; short or medium."""
    moment = _moment(value, context, "time")
    if length not in LENGTHS[:2]:
        raise FilterError(f"time is short or medium, not '{length}'")
    return str(babel_dates.format_time(moment.time(), format=length, locale=_locale(_locale_of(context))))


@pass_context
def weekday(context: Context, value: object) -> str:
    """`{{ trigger.starts_at | weekday }}`: the name of the day in the customer's zone."""
    return _day(_moment(value, context, "weekday").date(), "EEEE", _locale_of(context))


@lru_cache(maxsize=KEPT)
def _day(day: dt.date, form: str, locale: str) -> str:
    return str(babel_dates.format_date(day, format=form, locale=_locale(locale)))


def _length(length: str, what: str) -> str:
    if length not in LENGTHS:
        raise FilterError(f"{what} is {', '.join(LENGTHS[:-1])} or {LENGTHS[-1]}, not '{length}'")
    return length


def link(value: object) -> str:
    """`<a href="{{ trigger.url | link }}">`: lets https, mailto and tel addresses through, nothing else.

    But for http on this very machine, where a project is tried out.
    """
    text = str(value).strip()
    if _PLAIN_LINK.fullmatch(text):
        return text
    try:
        parts = urlsplit(text)
        here = parts.scheme.lower() == "http" and is_here(parts.hostname)
        whole = bool(parts.hostname) if parts.scheme.lower() == "https" else bool(parts.path) or here
    except ValueError:
        whole, here, parts = False, False, urlsplit("")
    clean = text.isprintable() and not any(char in text for char in " \"'<>\\`")
    if not (whole and clean and (here or parts.scheme.lower() in SAFE_SCHEMES)):
        raise FilterError("link needs a whole https, mailto or tel address", "link")
    return text


FILTERS: dict[str, Callable[..., Any]] = {
    "money": money,
    "number": number,
    "percent": percent,
    "date": date,
    "time": time,
    "weekday": weekday,
    "link": link,
}

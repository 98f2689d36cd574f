"""Money as babel writes it, with everything but the digits looked up once for each locale and currency.

babel looks all of it up again for each amount, down to the plural of the currency's name: a letter with prices
spent most of its time there. Where a pattern holds more than is understood here, babel itself writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from babel import Locale
from babel.numbers import (
    format_currency,
    get_currency_precision,
    get_currency_symbol,
    get_decimal_symbol,
    get_group_symbol,
)


def write_money(amount: Decimal, currency: str, locale: Locale) -> str:
    """An amount with its currency, rounded to the currency's decimals."""
    style = _style(locale, currency)
    return str(format_currency(amount, currency, locale=locale)) if style is None else style.write(amount)


@dataclass(frozen=True, slots=True)
class _Style:
    """One locale's writing of one currency; pairs are for amounts from zero up and for those below."""

    before: tuple[str, str]
    after: tuple[str, str]
    quantum: Decimal
    group: str
    point: str
    sizes: tuple[int, int]

    def write(self, amount: Decimal) -> str:
        whole, _, part = f"{abs(amount).quantize(self.quantum):f}".partition(".")
        size, following = self.sizes
        groups = []
        while len(whole) > size:
            groups.append(whole[-size:])
            whole, size = whole[:-size], following
        digits = self.group.join([whole, *reversed(groups)])
        below = amount.is_signed()
        return f"{self.before[below]}{digits}{self.point if part else ''}{part}{self.after[below]}"


@lru_cache(maxsize=1024)
def _style(locale: Locale, currency: str) -> _Style | None:
    pattern = locale.currency_formats["standard"]
    symbol, decimals = get_currency_symbol(currency, locale), get_currency_precision(currency)
    group, point = get_group_symbol(locale), get_decimal_symbol(locale)
    texts = "".join((*pattern.prefix, *pattern.suffix, symbol, group, point))
    plain = not pattern.scale and not pattern.exp_prec and pattern.int_prec[0] == 1 and "@" not in pattern.pattern
    if not plain or "'" in texts or "¤¤" in pattern.pattern:
        return None
    before, after = (tuple(text.replace("¤", symbol) for text in pair) for pair in (pattern.prefix, pattern.suffix))
    quantum = Decimal(1).scaleb(-decimals)
    return _Style((before[0], before[1]), (after[0], after[1]), quantum, group, point, tuple(pattern.grouping))

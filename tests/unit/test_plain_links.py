"""The short way of the `link` filter lets through only what the long way lets through."""

from __future__ import annotations

from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from journey_engine.render.filters import _PLAIN_LINK, link


@given(st.from_regex(_PLAIN_LINK, fullmatch=True))
def test_a_plain_link_is_a_whole_https_address_without_anything_that_could_break_out(text: str) -> None:
    parts = urlsplit(text)
    assert (parts.scheme, bool(parts.hostname)) == ("https", True)
    assert text.isprintable()
    assert not any(char in text for char in " \"'<>\\`")
    assert link(text) == text

"""Bodies as strangers send them: bombs, depth, texts that no store holds."""

from __future__ import annotations

import gzip
import zlib

import pytest

from journey_engine.inbound import Refused, read_json, unzipped


def refused(body: bytes, at_most: int = 1000) -> str:
    with pytest.raises(Refused) as found:
        read_json(unzipped(body, at_most))
    return found.value.code


def test_gzip_is_unzipped_whatever_its_headers_say() -> None:
    assert read_json(unzipped(gzip.compress(b'{"a": 1}'), 1000)) == {"a": 1}
    assert read_json(unzipped(b'\xef\xbb\xbf{"a": 1}', 1000)) == {"a": 1}


ZIPPED = gzip.compress(b"{}", mtime=0)


def test_a_bomb_is_refused_before_it_is_unzipped_whole() -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 100_000
    assert refused(bomb) == "too_large"
    assert refused(b" " * 1001) == "too_large"


@pytest.mark.parametrize(
    "body",
    [b"\x1f\x8b", b"\x1f\x8bnothing", ZIPPED[:-3], ZIPPED + b"more", ZIPPED + ZIPPED],
    ids=["begun", "none", "cut off", "and more", "two"],
)  # fmt: skip
def test_gzip_that_is_cut_off_or_none_is_refused(body: bytes) -> None:
    assert refused(body) == "malformed_gzip"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"{'a': 1}", b'{"a": NaN}', b'{"a": 1e999}', b'{"a": Infinity}', b"\xff\xfe",
     b'{"a": ' + b"9" * 5000 + b"}", zlib.compress(b"{}")],
)  # fmt: skip
def test_what_is_no_json_is_refused(body: bytes) -> None:
    assert refused(body, 10_000) == "invalid_json"


@pytest.mark.parametrize("body", [b"[" * 51 + b"]" * 51, b"[" * 200_000, b'{"a":' * 60 + b"1" + b"}" * 60])
def test_what_is_too_deep_is_refused(body: bytes) -> None:
    assert refused(body, 1_000_000) in ("too_deep", "invalid_json")
    assert read_json(b"[" * 50 + b"]" * 50)


def test_zero_characters_and_half_pairs_become_one_sign_that_stores_keep() -> None:
    read = read_json(b'{"a\\u0000": "x\\ud800y", "b": ["\\udc00", "\\ud83d\\ude00"]}')
    assert read == {"a\ufffd": "x\ufffdy", "b": ["\ufffd", "\U0001f600"]}

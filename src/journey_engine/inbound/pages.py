"""The words of a letter that is written in HTML, in one pass from its beginning to its end.

Anyone may send such a letter. Every piece that could stand next is matched whole, and nothing is read twice: what is
unfinished, nested or malformed costs no more than its length, which the standard library's parser does not promise.
"""

from __future__ import annotations

import html
import re

SILENT = ("head", "title", "template")
BLOCKS = ("p", "br", "div", "li", "tr", "h1", "h2", "h3", "blockquote")
_PIECE = re.compile(
    r"""
    (?P<words>[^<]+ | <(?![a-z/!?]))                                                  # what is for reading
    | <(?P<raw>script|style)\b[^>]*+> .*? (?:</(?P=raw)\b[^>]*+(?:>|\Z) | \Z)         # what is no text at all
    | <!-- (?:-?> | .*?(?:-->|\Z))                                                    # a comment
    | <(?P<end>/?)(?P<name>[a-z][^\s/>]*+)
      (?:=\s*+(?:"[^"]*+"|'[^']*+') | = | [^>=]++)*+ (?:>|\Z)                         # a tag; `>` may stand in quotes
    | <[!?/] [^>]*+ (?:>|\Z)                                                          # what browsers pass over
    """,
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_TOO_LONG = re.compile(r"&\#[0-9]{20,};?", re.VERBOSE)
"""The number of no character: Python refuses to read numbers of thousands of digits."""


def words_of(page: str) -> str:
    """The words of a page, without its tags, scripts and styles; a block begins a line."""
    found: list[str] = []
    silent = 0
    for piece in _PIECE.finditer(page):
        name = (piece["name"] or "").lower()
        if piece["words"] is not None:
            if not silent:
                found.append(html.unescape(_TOO_LONG.sub("\ufffd", piece["words"])))
        elif name in SILENT:
            silent = max(silent - 1, 0) if piece["end"] else silent + 1
        elif name in BLOCKS and not piece["end"]:
            found.append("\n")
    return re.sub(r"[ \t]+", " ", "".join(found))

"""What is wrong with a template file, as problems with a place: for `validate`, and before compiling.

Only what can be seen without values. Jinja knows lines; the column is that of the offending word in its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from jinja2 import TemplateSyntaxError, nodes

from journey_engine.errors import Place, Problem, nearest
from journey_engine.render.analysis import Use
from journey_engine.render.parsed import Parse, Parsed, literals
from journey_engine.render.sandbox import ALLOWED_FILTERS, ALLOWED_TESTS, FUNCTIONS, STR_METHODS
from journey_engine.render.values import DICT_METHODS

_HREF = re.compile(r"""(?:href|src|action)\s*=\s*["']?\s*$""", re.IGNORECASE)
_OURS = ("links", "sender")
STATEMENTS = "statements are block, if, elif, else, for, set, extends, include and import"
_WORDS = (
    (
        r"unexpected end of template, expected 'end of print",
        "a value has no end; it begins with {{{{ and ends with }}}}",
    ),
    (r"unexpected end of template", "a statement has no end; it begins with {{% and ends with %}}"),
    (r"Unexpected end of template.*closed is '(\w+)'", r"{{% {0} %}} has no end; write {{% end{0} %}} where it ends"),
    (r"unknown tag 'end(\w+)'.*closed is '(\w+)'", r"{{% end{0} %}} stands where {{% end{1} %}} is missing"),
    (r"unknown tag 'end(\w+)'", r"{{% end{0} %}} ends nothing: no {{% {0} %}} is open here"),
    (r"unknown tag '(else|elif)'", r"{{% {0} %}} belongs to nothing: no {{% if %}} is open here"),
    (r"unknown tag '(elsif|elseif)'", "there is no statement '{0}'; write {{% elif %}}"),
    (r"unknown tag '([^']+)'", "there is no statement '{0}'; " + STATEMENTS),
    (r"'end of statement block', got '='", "one = compares nothing; write =="),
    (r"expected token 'in'", "a loop is written {{% for one in many %}}"),
    (
        r"token 'end of statement block', got '(.+)'",
        "'{0}' cannot stand here; a statement begins with {{% and ends with %}}",
    ),
    (
        r"token 'end of print statement', got '(.+)'",
        "'{0}' cannot stand here; a value begins with {{{{ and ends with }}}}",
    ),
    (r"unexpected char '(.+)' at", "'{0}' cannot stand here; inside {{{{ }}}} and {{% %}} write plain quotes, ' or \""),
    (r"unexpected char \"'\" at", "a quote has no end; write ' or \" in pairs"),
    (r"unexpected '(.+)', expected '(.+)'", "'{1}' is missing before '{0}'"),
    (r"unexpected '\}'", "a }} is missing; a value ends with }}}}, a statement with %}}"),
    (r"end of comment", "a comment begins with {{# and ends with #}}; this one has no end"),
    (r"end of (?:print|statement)", "something is missing before the end; write a name, such as customer.first_name"),
)
"""What Jinja says of a syntax error, and how it is told to a person, with what they can do about it."""


def syntax_problem(error: TemplateSyntaxError, file: str, source: str) -> Problem:
    """Jinja's complaint about a file that cannot be parsed."""
    said = (error.message or "").rstrip(".")
    words = re.findall(r"'([^']+)'", said)
    found = ((re.search(pattern, said), told) for pattern, told in _WORDS)
    message = next(
        (told.format(*match.groups()) for match, told in found if match), "this cannot be read as a template"
    )
    return Problem(_place(file, source, error.lineno, *words, "{%", "{{"), message, "template-syntax")


def tree_problems(parsed: Parsed) -> Iterator[Problem]:
    """Every mistake in one parsed file, without those of the files it names."""
    names = _own_names(parsed)
    for node in parsed.every:
        found = _problem(node, names)
        if found:
            code, message, word = found
            yield Problem(_place(parsed.file, parsed.source, node.lineno, word), message, code)
    if parsed.file.endswith(".html"):
        yield from _unsafe_links(parsed)


def stray_blocks(parsed: Parsed, parse: Parse) -> Iterator[Problem]:
    """Blocks of a file that its layout does not have: Jinja would leave their words out without a word."""
    layout = parse(parsed.layout) if parsed.layout is not None else None
    if layout is None:
        return
    known = list(dict.fromkeys(_blocks_above(layout, parse, {parsed.file})))
    for block in parsed.tree.body:
        if isinstance(block, nodes.Block) and block.name not in known:
            has = ", ".join(known) or "none"
            message = f"{parsed.layout} has no block '{block.name}'{nearest(block.name, known)}; it has: {has}"
            yield Problem(_place(parsed.file, parsed.source, block.lineno, block.name), message, "unknown-block")


def _blocks_above(layout: Parsed, parse: Parse, seen: set[str]) -> Iterator[str]:
    yield from (block.node.name for block in layout.blocks)
    above = parse(layout.layout) if layout.layout is not None else None
    if above is not None and above.file not in seen:
        yield from _blocks_above(above, parse, {*seen, layout.file})


def unprovided(uses: Sequence[Use], provided: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    """Values that a template takes from the engine itself (`links.`, `sender.`, `message.`) and that are not there."""
    for use in uses:
        root, _, name = use.path.partition(".")
        if name and provided.get(root) and name.split(".")[0] not in provided[root]:
            known = list(provided[root])
            message = f"nothing provides '{use.path}'{nearest(name, known)}; {root} has: {', '.join(known)}"
            source = Path(use.place.file).read_text(encoding="utf-8")
            yield Problem(_place(use.place.file, source, use.place.line, use.path), message, "unknown-value")


def _problem(node: nodes.Node, names: frozenset[str]) -> tuple[str, str, str] | None:
    """(code, message, the word to point at) for one node."""
    match node:
        case nodes.Filter(name=name) if name not in ALLOWED_FILTERS:
            hint = nearest(name, sorted(ALLOWED_FILTERS))
            return "unknown-filter", f"there is no filter '{name}' here{hint}", name
        case nodes.Test(name=name) if name not in ALLOWED_TESTS:
            hint = nearest(name, sorted(ALLOWED_TESTS))
            return "unknown-test", f"there is no test '{name}' here{hint}", name
        case nodes.ScopedEvalContextModifier() | nodes.EvalContextModifier():
            return (
                "autoescape",
                "escaping cannot be switched off: what customers wrote is never HTML",
                "autoescape",
            )
        case nodes.Extends() | nodes.Include() | nodes.Import() | nodes.FromImport() if not literals(node):
            return "computed-name", "the name of a template must be written out, not computed", "{%"
        case nodes.Call(node=nodes.Name(name=name)) if name not in names and name not in FUNCTIONS:
            hint = nearest(name, sorted(FUNCTIONS))
            return "unknown-function", f"there is no function '{name}' here{hint}", name
        case nodes.Call(node=nodes.Getattr(node=owner, attr=attr)) if attr not in STR_METHODS | DICT_METHODS:
            root = owner
            while isinstance(root, nodes.Getattr | nodes.Getitem):
                root = root.node
            if not (isinstance(root, nodes.Name) and root.name in names):
                return "unknown-method", f"'.{attr}()' cannot be used here; use a filter", attr
    return None


def _own_names(parsed: Parsed) -> frozenset[str]:
    """Names that the file defines somewhere, and those that Jinja gives it."""
    own = {"self", "super", "caller", "loop"}
    for node in parsed.every:
        if (isinstance(node, nodes.Name) and node.ctx in ("store", "param")) or isinstance(node, nodes.Macro):
            own.add(node.name)
        elif isinstance(node, nodes.Import):
            own.add(node.target)
        elif isinstance(node, nodes.FromImport):
            own.update(name if isinstance(name, str) else name[1] for name in node.names)
    return frozenset(own)


def _unsafe_links(parsed: Parsed) -> Iterator[Problem]:
    """A value at the start of an address needs `| link`, or it may be a script."""
    for output in parsed.every:
        if not isinstance(output, nodes.Output):
            continue
        before = ""
        for node in output.nodes:
            if isinstance(node, nodes.TemplateData):
                before = node.data
                continue
            root: nodes.Node = node
            while isinstance(root, nodes.Getattr | nodes.Getitem):
                root = root.node
            ours = isinstance(root, nodes.Name) and root.name in _OURS
            checked = isinstance(node, nodes.Filter) and node.name == "link"
            if _HREF.search(before) and not (ours or checked or isinstance(node, nodes.Const)):
                place = _place(parsed.file, parsed.source, node.lineno, "href", "src", "{{")
                message = 'a value used as an address needs the filter link: href="{{ ... | link }}"'
                yield Problem(place, message, "unchecked-link", "warning")
            before = ""


def _place(file: str, source: str, line: int, *words: str) -> Place:
    lines = source.splitlines()
    line = max(1, min(line, len(lines) or 1))
    text = lines[line - 1] if lines else ""
    for word in words:
        match = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) or re.search(re.escape(word), text)
        if match:
            return Place(file, line, match.start() + 1)
    return Place(file, line, len(text) - len(text.lstrip()) + 1)

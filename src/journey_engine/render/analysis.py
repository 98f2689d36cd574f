"""Which values a template names, and which of them it cannot do without.

Reads the syntax tree of one part (a file with its layout, includes and imports) the way Jinja would run
it: names set by the template, loop variables and macro arguments are its own; a block that a child
replaces does not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from jinja2 import nodes

from journey_engine.errors import Place
from journey_engine.render.parsed import Block, Parse, Parsed, children, literals
from journey_engine.render.sandbox import ABSENT_TESTS, FUNCTIONS, PRESENT_TESTS, STR_METHODS
from journey_engine.render.values import DICT_METHODS

Path = tuple[str, ...]
Scope = dict[str, Path | None]
Guards = frozenset[Path]
_SPECIAL = frozenset(("self", "super", "caller", "loop", "varargs", "kwargs", *FUNCTIONS))
_METHODS = STR_METHODS | DICT_METHODS


@dataclass(frozen=True, slots=True)
class Use:
    """One value that a part names. `required`: without it some message would be refused."""

    path: str
    required: bool
    place: Place


def uses(parsed: Parsed, parse: Parse) -> Iterator[Use]:
    """Every use of a value in a part. `parse` gives a file by its name, or None when it cannot be read."""
    walker = _Walker(parse)
    walker.part(parsed)
    yield from walker.found


class _Walker:
    def __init__(self, parse: Parse) -> None:
        self.parse = parse
        self.found: list[Use] = []
        self.blocks: dict[str, list[Block]] = {}
        self.file = ""
        self.reading: list[str] = []

    # files

    def part(self, parsed: Parsed) -> None:
        """A file and the layouts above it: the nearest block counts, and what it calls by super()."""
        scope: Scope = {}
        current: Parsed | None = parsed
        seen: set[str] = set()
        while current is not None and current.file not in seen:
            seen.add(current.file)
            self.file = current.file
            for block in current.blocks:
                self.blocks.setdefault(block.node.name, []).append(block)
            body = current.tree.body
            if current.extends is not None:  # text and blocks of a child stand only where its layout puts them
                body = [node for node in body if not isinstance(node, nodes.Output | nodes.Block)]
            self.body(body, scope, frozenset())
            current = self.parse(current.layout) if current.layout is not None else None

    def included(self, name: str, scope: Scope, guards: Guards) -> None:
        """Another file at this place, with the names of this one."""
        other = self.parse(name)
        if other is None or other.file in self.reading:
            return
        here, blocks = self.file, self.blocks
        self.reading.append(other.file)
        self.file, self.blocks = other.file, {}
        for block in other.blocks:
            self.blocks.setdefault(block.node.name, []).append(block)
        self.body(other.tree.body, dict(scope), guards)
        self.file, self.blocks = here, blocks
        self.reading.pop()

    # statements

    def body(self, statements: Iterable[nodes.Node], scope: Scope, guards: Guards) -> None:
        for node in statements:
            if isinstance(node, nodes.Output):  # plain words are most of a template
                shown = (part for part in node.nodes if not isinstance(part, nodes.TemplateData))
                self.children(shown, scope, guards)
            else:
                self.statement(node, scope, guards)

    def statement(self, node: nodes.Node, scope: Scope, guards: Guards) -> None:
        match node:
            case nodes.For():
                self.loop(node, scope, guards)
            case nodes.If():
                self.choice(node, scope, guards)
            case nodes.Assign() | nodes.AssignBlock() | nodes.With():
                self.assign(node, scope, guards)
            case nodes.Macro() | nodes.CallBlock():
                self.macro(node, scope, guards)
            case nodes.Block():
                self.block(node.name, 0, scope, guards)
            case nodes.Include() | nodes.Import() | nodes.FromImport():
                self.other(node, scope, guards)
            case nodes.Extends():
                pass
            case nodes.Expr():
                self.expression(node, scope, guards)
            case _:
                for child in children(node):
                    self.statement(child, scope, guards)

    def loop(self, node: nodes.For, scope: Scope, guards: Guards) -> None:
        self.expression(node.iter, scope, guards)
        inner = {**scope, "loop": None, **dict.fromkeys(_names(node.target))}
        if node.test is not None:
            self.truth(node.test, inner, guards)
        self.body(node.body, inner, guards)
        self.body(node.else_, dict(scope), guards)

    def choice(self, node: nodes.If, scope: Scope, guards: Guards) -> None:
        for branch in (node, *node.elif_):
            self.truth(branch.test, scope, guards)
            self.body(branch.body, scope, guards | _known(branch.test, scope, True))
            guards = guards | _known(branch.test, scope, False)
        self.body(node.else_, scope, guards)

    def assign(self, node: nodes.Assign | nodes.AssignBlock | nodes.With, scope: Scope, guards: Guards) -> None:
        if isinstance(node, nodes.With):
            inner = dict(scope)
            for target, value in zip(node.targets, node.values, strict=True):
                self.bind(target, value, scope, inner, guards)
            self.body(node.body, inner, guards)
        elif isinstance(node, nodes.Assign):
            self.bind(node.target, node.node, scope, scope, guards)
        else:
            self.body(node.body, dict(scope), guards)
            if node.filter is not None:
                self.expression(node.filter, scope, guards)
            scope.update(dict.fromkeys(_names(node.target)))

    def bind(self, target: nodes.Node, value: nodes.Node, scope: Scope, into: Scope, guards: Guards) -> None:
        """A name for a plain path stands for that path; a name for anything else is the template's own."""
        path = _path(value, scope)
        if path and isinstance(target, nodes.Name):
            into[target.name] = path
            self.record(path, value, False)
        else:
            self.expression(value, scope, guards)
            into.update(dict.fromkeys(_names(target)))

    def macro(self, node: nodes.Macro | nodes.CallBlock, scope: Scope, guards: Guards) -> None:
        if isinstance(node, nodes.Macro):
            scope[node.name] = None
        else:
            self.expression(node.call, scope, guards)
        for default in node.defaults:
            self.expression(default, scope, guards)
        self.body(node.body, {**scope, **{argument.name: None for argument in node.args}}, guards)

    def block(self, name: str, depth: int, scope: Scope, guards: Guards) -> None:
        """The block of the nearest child; its parent's only where it says super()."""
        versions = self.blocks.get(name, [])
        if depth >= len(versions):
            return
        here, version = self.file, versions[depth]
        self.file = version.file
        self.body(version.node.body, dict(scope), guards)
        if version.calls_parent:
            self.block(name, depth + 1, scope, guards)
        self.file = here

    def other(self, node: nodes.Include | nodes.Import | nodes.FromImport, scope: Scope, guards: Guards) -> None:
        for name in literals(node):
            self.included(name, scope if isinstance(node, nodes.Include) else {}, guards)
        if isinstance(node, nodes.Import):
            scope[node.target] = None
        elif isinstance(node, nodes.FromImport):
            scope.update({(name if isinstance(name, str) else name[1]): None for name in node.names})

    # expressions

    def expression(self, node: nodes.Node, scope: Scope, guards: Guards) -> None:
        """An expression whose value is needed."""
        path = _path(node, scope)
        if path is not None:
            self.record(path, node, path not in guards)
            return
        match node:
            case nodes.Filter(name="default" | "d") if node.node is not None:
                self.optional(node.node, scope, guards)
                self.children((*node.args, *node.kwargs), scope, guards)
            case nodes.Test() if node.name in PRESENT_TESTS | ABSENT_TESTS:
                self.optional(node.node, scope, guards)
            case nodes.And():
                self.expression(node.left, scope, guards)
                self.expression(node.right, scope, guards | _known(node.left, scope, True))
            case nodes.Or():
                self.truth(node.left, scope, guards)
                self.expression(node.right, scope, guards | _known(node.left, scope, False))
            case nodes.Not():
                self.truth(node.node, scope, guards)
            case nodes.CondExpr():
                self.truth(node.test, scope, guards)
                self.expression(node.expr1, scope, guards | _known(node.test, scope, True))
                if node.expr2 is not None:
                    self.expression(node.expr2, scope, guards | _known(node.test, scope, False))
            case nodes.Call():
                self.call(node, scope, guards)
            case _:
                self.children(children(node), scope, guards)

    def children(self, inside: Iterable[nodes.Node], scope: Scope, guards: Guards) -> None:
        for child in inside:
            self.expression(child, scope, guards)

    def call(self, node: nodes.Call, scope: Scope, guards: Guards) -> None:
        function = node.node
        if isinstance(function, nodes.Getattr) and function.attr in _METHODS:
            self.expression(function.node, scope, guards)
        elif not isinstance(function, nodes.Name):
            self.expression(function, scope, guards)
        self.children((child for child in children(node) if child is not function), scope, guards)

    def optional(self, node: nodes.Node, scope: Scope, guards: Guards) -> None:
        """An expression that may turn out missing."""
        path = _path(node, scope)
        if path is not None:
            self.record(path, node, False)
        else:
            self.expression(node, scope, guards)

    def truth(self, node: nodes.Node, scope: Scope, guards: Guards) -> None:
        """An expression of which only the truth is asked; missing is false."""
        if isinstance(node, nodes.And | nodes.Or):
            self.truth(node.left, scope, guards)
            sure = _known(node.left, scope, isinstance(node, nodes.And))
            self.truth(node.right, scope, guards | sure)
        else:
            self.optional(node, scope, guards)

    def record(self, path: Path, node: nodes.Node, required: bool) -> None:
        if path:
            self.found.append(Use(".".join(path), required, Place(self.file, node.lineno)))


def _path(node: nodes.Node, scope: Scope) -> Path | None:
    """The dotted path of a chain of names; empty when the template itself set the first; else None."""
    match node:
        case nodes.Name(name=name):
            if name in scope:
                return scope[name] or ()
            return () if name in _SPECIAL else (name,)
        case nodes.Getattr(node=inner, attr=attr):
            above = _path(inner, scope)
            return (*above, attr) if above else above
        case nodes.Getitem(node=inner, arg=nodes.Const(value=str(key))):
            above = _path(inner, scope)
            return (*above, key) if above else above
    return None


def _known(test: nodes.Node, scope: Scope, outcome: bool) -> Guards:
    """The paths that surely have a value when the test came out this way."""
    match test:
        case nodes.Not():
            return _known(test.node, scope, not outcome)
        case nodes.And() if outcome:
            return _known(test.left, scope, True) | _known(test.right, scope, True)
        case nodes.Or() if not outcome:
            return _known(test.left, scope, False) | _known(test.right, scope, False)
        case nodes.Test() if test.name in (PRESENT_TESTS if outcome else ABSENT_TESTS):
            path = _path(test.node, scope)
            return frozenset((path,)) if path else frozenset()
    path = _path(test, scope)
    return frozenset((path,)) if path and outcome else frozenset()


def _names(target: nodes.Node) -> list[str]:
    names = [target] if isinstance(target, nodes.Name) else list(target.find_all(nodes.Name))
    return [name.name for name in names]

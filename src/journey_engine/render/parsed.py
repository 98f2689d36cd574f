"""One parsed file of a template and what is asked of it again and again: a layout serves hundreds of parts.

The syntax tree is walked once; must not know where files lie.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from jinja2 import nodes


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a file. `calls_parent`: it says super()."""

    file: str
    node: nodes.Block
    calls_parent: bool


@dataclass(frozen=True)
class Parsed:
    """One parsed file, with its text."""

    file: str
    source: str
    tree: nodes.Template

    @cached_property
    def every(self) -> tuple[nodes.Node, ...]:
        """Every node, in the order of the file."""
        return tuple(below(self.tree))

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Every block, those inside others too."""
        return tuple(
            Block(self.file, node, any(map(_is_super, below(node))))
            for node in self.every
            if isinstance(node, nodes.Block)
        )

    @cached_property
    def extends(self) -> nodes.Extends | None:
        """The statement that names the layout."""
        return next((node for node in self.every if isinstance(node, nodes.Extends)), None)

    @cached_property
    def layout(self) -> str | None:
        """The layout's name; None without one, or when it is computed."""
        names = literals(self.extends) if self.extends is not None else []
        return names[0] if names else None


Parse = Callable[[str], Parsed | None]
"""Gives a file by its name, or None when it cannot be read."""


def below(node: nodes.Node) -> list[nodes.Node]:
    """Every node below one, in the order of the file; what Jinja's own `find_all` gives, at a third of its price."""
    found: list[nodes.Node] = []
    waiting = children(node)[::-1]
    while waiting:
        child = waiting.pop()
        found.append(child)
        waiting += children(child)[::-1]
    return found


def children(node: nodes.Node) -> list[nodes.Node]:
    """The nodes right below one, in the order of the file."""
    found: list[nodes.Node] = []
    for field in node.fields:
        value = getattr(node, field, None)
        if isinstance(value, nodes.Node):
            found.append(value)
        elif isinstance(value, list):
            found += [item for item in value if isinstance(item, nodes.Node)]
    return found


def _is_super(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name == "super"


def literals(node: nodes.Node) -> list[str]:
    """The template names written in an extends, include or import; empty when one is computed."""
    template = getattr(node, "template", None)
    parts = template.items if isinstance(template, nodes.Tuple | nodes.List) else [template]
    names = [part.value for part in parts if isinstance(part, nodes.Const)]
    flat = [name for value in names for name in (value if isinstance(value, list | tuple) else [value])]
    return flat if len(names) == len(parts) and all(isinstance(name, str) for name in flat) else []

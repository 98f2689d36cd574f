"""How templates become code: what Jinja would write, in words that are quicker to run.

Nothing here decides what a template may do. Where a name plainly stands for values of the data, its attribute is looked
up at once; in every other case, and for every method, `TemplateEnvironment` is asked as before.
"""

from __future__ import annotations

import re
from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.visitor import NodeTransformer
from markupsafe import escape

from journey_engine.render.values import DICT_METHODS, Values

LOOP_WORDS = frozenset(("index", "index0", "first", "last", "length", "revindex", "revindex0"))
"""What a loop tells of itself as plain numbers and truths."""
AT_ONCE = 50
"""So many pieces of a template become one text before its length is looked at."""
_marks = re.compile("[&<>\"']").search


def escaped(value: Any) -> str:
    """Text for HTML. Most values hold nothing to escape, which is told sooner than done."""
    return value if type(value) is str and _marks(value) is None else escape(value)


def prepared(source: nodes.Template) -> nodes.Template:
    """The tree with what the sandbox asks for: `~` bounds its result, and whatever can repeat itself counts steps."""
    tree: nodes.Template = _CountSteps().visit(_BoundConcat().visit(source))
    return tree


class _BoundConcat(NodeTransformer):
    """Turns `a ~ b` into a call that bounds the result; Jinja lets no sandbox see that operator."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return _ours("joined", node.nodes, node.lineno)


class _CountSteps(NodeTransformer):
    """Lets everything that can repeat itself count one step, so that no template works for ever without output."""

    def visit_For(self, node: nodes.For) -> nodes.Node:
        return self._counted(node)

    def visit_Macro(self, node: nodes.Macro) -> nodes.Node:
        return self._counted(node)

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.Node:
        return self._counted(node)

    def visit_Block(self, node: nodes.Block) -> nodes.Node:
        return self._counted(node)

    def visit_Include(self, node: nodes.Include) -> list[nodes.Node]:
        return [_step(node.lineno), node]

    def _counted(self, node: nodes.For | nodes.Macro | nodes.CallBlock | nodes.Block) -> nodes.Node:
        self.generic_visit(node)
        node.body.insert(0, _step(node.lineno))
        return node


def _step(line: int) -> nodes.Node:
    return nodes.ExprStmt(_ours("step", [], line), lineno=line)


def _ours(name: str, given: list[nodes.Expr], line: int) -> nodes.Call:
    """A call of a method of the environment, which no template can write."""
    return nodes.Call(nodes.EnvironmentAttribute(name, lineno=line), given, [], None, None, lineno=line)


class TemplateCode(CodeGenerator):
    """Jinja's code generator, shorter in what a letter does most: look a value up, escape it, put it out."""

    def visit_Template(self, node: nodes.Template, frame: Frame | None = None) -> None:
        self.writeline(f"from {__name__} import escaped")
        self.writeline(f"from {Values.__module__} import Values")
        super().visit_Template(node, frame)

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:
        if not isinstance(node.node, nodes.EnvironmentAttribute):
            super().visit_Call(node, frame, forward_caller=forward_caller)
            return
        self.visit(node.node, frame)
        self.write("(")
        for each in node.args:
            self.visit(each, frame)
            self.write(", ")
        self.write(")")

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:
        if not isinstance(node.node, nodes.Name) or node.attr in DICT_METHODS:
            super().visit_Getattr(node, frame)
            return
        name = frame.symbols.ref(node.node.name)
        self.write(f"({name}[{node.attr!r}] if type({name}) is Values else ")
        if node.node.name == "loop" and node.attr in LOOP_WORDS:
            self.write(f"{name}.{node.attr} if type({name}) is LoopContext else ")
        super().visit_Getattr(node, frame)
        self.write(")")

    def visit_Output(self, node: nodes.Output, frame: Frame) -> None:
        """What follows each other leaves as one text, not piece by piece."""
        if frame.buffer is not None or frame.require_output_check or len(node.nodes) == 1:
            super().visit_Output(node, frame)
            return
        finalize = self._make_finalize()
        for start in range(0, len(node.nodes), AT_ONCE):
            self.writeline("yield concat((", node)
            self.indent()
            for each in node.nodes[start : start + AT_ONCE]:
                try:
                    constant = self._output_child_to_const(each, frame, finalize)
                except Exception:  # noqa: BLE001 - as in Jinja: no constant, or one that fails as the template runs
                    self.newline(each)
                    self._output_child_pre(each, frame, finalize)
                    self.visit(each, frame)
                    self._output_child_post(each, frame, finalize)
                    self.write(",")
                else:
                    self.writeline(f"{constant!r},")
            self.outdent()
            self.writeline("))")

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo) -> None:
        if frame.eval_ctx.autoescape and not frame.eval_ctx.volatile:
            self.write("escaped(")
        else:
            super()._output_child_pre(node, frame, finalize)

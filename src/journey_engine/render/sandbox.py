"""The only Jinja environment of the house: a short list of what a template may do, and bounds on how much.

Filters, tests, functions and methods are lists of names that can be read here; anything else is refused
when the template is compiled or, where that cannot be seen, when it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import BuiltinMethodType
from typing import Any, NoReturn

from jinja2 import BaseLoader, Template, nodes
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.filters import do_replace
from jinja2.nodes import EvalContext
from jinja2.runtime import BlockReference, LoopContext, Macro, TemplateReference, markup_join, new_context, str_join
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS as JINJA_TESTS
from jinja2.utils import Namespace, pass_eval_context
from markupsafe import Markup

from journey_engine.message import Aborted
from journey_engine.render import filters
from journey_engine.render.compiling import TemplateCode, prepared
from journey_engine.render.values import DICT_METHODS, Missing, Values, dotted, missing

MAX_TEXT = 1_000_000  # characters in one value or one rendered part
MAX_RANGE = 1_000
MAX_BITS = 4_096  # of a whole number
MAX_STEPS = 100_000  # rounds of loops, calls of macros and blocks, included files, for one part

STR_METHODS = frozenset(
    ("capitalize", "endswith", "lower", "replace", "split", "startswith", "strip", "title", "upper")
)
_KEPT_FILTERS = (
    "abs", "capitalize", "count", "d", "default", "dictsort", "e", "escape", "first", "float",
    "groupby", "int", "items", "last", "length", "list", "lower", "map", "max", "min", "reject",
    "rejectattr", "reverse", "select", "selectattr", "sort", "string", "striptags", "sum", "title",
    "trim", "truncate", "unique", "upper", "urlencode", "wordcount",
)  # fmt: skip
_KEPT_TESTS = (
    "boolean", "defined", "divisibleby", "eq", "equalto", "even", "false", "float", "ge", "greaterthan", "gt",
    "in", "integer", "iterable", "le", "lessthan", "lower", "lt", "mapping", "ne", "number", "odd",
    "sequence", "string", "true", "undefined", "upper", "==", "!=", ">", ">=", "<", "<=",
)  # fmt: skip
PRESENT_TESTS = frozenset(("defined", "present"))
ABSENT_TESTS = frozenset(("undefined", "missing"))


def is_present(value: object) -> bool:
    """`{% if customer.first_name is present %}`: there is a value."""
    return not isinstance(value, Missing)


def abort(reason: str = "aborted by the template") -> NoReturn:
    """`{{ abort("basket is empty") }}`: skip this message on purpose."""
    raise Aborted(str(reason))


def bounded_range(*limits: int) -> range:
    """`range` of at most 1,000 numbers."""
    numbers = range(*limits)
    if len(numbers) > MAX_RANGE:
        raise SecurityError(f"range gives at most {MAX_RANGE} numbers")
    return numbers


def _bounded(text: Any, what: str) -> Any:
    if len(text) > MAX_TEXT:
        raise SecurityError(f"{what} would make more than {MAX_TEXT} characters")
    return text


@pass_eval_context
def join(eval_ctx: EvalContext, value: Iterable[Any], d: str = "") -> str:
    """`{{ names | join(", ") }}`."""
    parts: list[Any] = []
    size = 0
    for item in value:
        size += len(str(item)) + len(d)
        _bounded(range(size), "join")
        parts += [d, item] if parts else [item]
    return markup_join(parts) if eval_ctx.autoescape else str_join(parts)


@pass_eval_context
def replace(eval_ctx: EvalContext, value: str, old: str, new: str) -> str:
    """`{{ text | replace("a", "b") }}`."""
    _bounded(range(len(str(value)) + (len(str(value)) + 1) * len(str(new))), "replace")
    return do_replace(eval_ctx, value, str(old), str(new))


FUNCTIONS: dict[str, Callable[..., Any]] = {"abort": abort, "range": bounded_range, "namespace": Namespace}
ALLOWED_FILTERS: dict[str, Callable[..., Any]] = {
    **{name: JINJA_FILTERS[name] for name in _KEPT_FILTERS},
    **filters.FILTERS,
    "join": join,
    "replace": replace,
}
_ALL_TESTS: Mapping[str, Any] = JINJA_TESTS
ALLOWED_TESTS: dict[str, Callable[..., Any]] = {
    **{name: _ALL_TESTS[name] for name in _KEPT_TESTS},
    "present": is_present,
    "missing": lambda value: not is_present(value),
}


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Jinja with plain data, dotted paths in every complaint, and nothing that can grow without bound.

    `html` decides escaping for everything it compiles, whatever a file is called.
    """

    intercepted_binops = frozenset(("+", "*", "**", "%"))
    code_generator_class = TemplateCode

    def __init__(self, loader: BaseLoader | None, *, html: bool) -> None:
        super().__init__(
            loader=loader,
            autoescape=html,
            undefined=Missing,
            auto_reload=False,
            cache_size=-1,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=False,
        )
        self.filters = dict(ALLOWED_FILTERS)
        self.tests = dict(ALLOWED_TESTS)
        self.globals = dict(FUNCTIONS)
        self._join = markup_join if html else str_join
        self.steps = 0

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        return super()._generate(prepared(source), name, filename, defer_init)

    def text(self, template: Template, values: dict[str, Any]) -> str:
        """What a template says. `values` hold FUNCTIONS too; they are not copied, as no template changes them.

        Raises what the template raises, with its own lines in the traceback.
        """
        self.steps = 0
        pieces: list[str] = []
        size = 0
        try:
            for piece in template.root_render_func(
                new_context(self, template.name, template.blocks, values, shared=True)
            ):
                size += len(piece)
                if size > MAX_TEXT:
                    raise SecurityError(f"more than {MAX_TEXT} characters")
                pieces.append(piece)
        except Exception:  # noqa: BLE001 - Jinja raises it again, with the lines of the template
            self.handle_exception()
        return "".join(pieces)

    def step(self) -> None:
        """One round of a loop, one call, one included file."""
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise SecurityError(f"this takes more than {MAX_STEPS:,} steps; loop over fewer things")

    def joined(self, *parts: object) -> Any:
        """`a ~ b`."""
        return _bounded(self._join(parts), "~")

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`: a value of the data before any method; only the listed methods."""
        if isinstance(obj, Values):
            if attribute in DICT_METHODS and attribute not in obj:
                return getattr(obj, attribute)
            return obj[attribute]
        if isinstance(obj, Missing):
            return missing(dotted(obj.path, attribute))
        if isinstance(obj, str) and attribute in STR_METHODS:
            return getattr(obj, attribute)
        if isinstance(obj, LoopContext | Namespace | TemplateReference | BlockReference | Macro) or (
            type(obj).__name__ == "TemplateModule"
        ):
            return super().getattr(obj, attribute)
        raise SecurityError(f"'{attribute}' cannot be used here")

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]`: data only."""
        if isinstance(obj, Values):
            return obj[str(argument)]
        if isinstance(obj, Missing):
            return missing(dotted(obj.path, str(argument)))
        if isinstance(obj, list | tuple | str) and isinstance(argument, int):
            return obj[argument] if -len(obj) <= argument < len(obj) else missing(f"item {argument}")
        if isinstance(obj, TemplateReference):
            return super().getitem(obj, argument)
        raise SecurityError("'[...]' cannot be used here: only lists, texts and mappings have items")

    def is_safe_callable(self, obj: Any) -> bool:
        """Macros, blocks, the listed functions and the listed methods of text and mappings."""
        if isinstance(obj, Macro | BlockReference | LoopContext):
            return True
        if isinstance(obj, BuiltinMethodType):
            owner, name = obj.__self__, obj.__name__
            return (isinstance(owner, str) and name in STR_METHODS) or (
                isinstance(owner, Values) and name in DICT_METHODS
            )
        if isinstance(getattr(obj, "__self__", None), LoopContext | Markup):
            return obj.__name__ in STR_METHODS | {"cycle", "changed"}
        return any(obj == function for function in FUNCTIONS.values())

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """The operators that could take all memory, with a bound."""
        for value in (left, right):
            if isinstance(value, Missing):
                str(value)
        if operator == "%" and isinstance(left, str):
            raise SecurityError("% formats no text here; write the words and values one after the other")
        if operator in ("*", "**"):
            _check_growth(operator, left, right)
        result = super().call_binop(context, operator, left, right)
        return _bounded(result, operator) if isinstance(result, str | list | tuple) else result


def _check_growth(operator: str, left: object, right: object) -> None:
    """Refuse before computing it: a long repetition, or a number that nobody could read."""
    for text, times in ((left, right), (right, left)):
        if isinstance(text, str | list | tuple):
            if operator == "*" and isinstance(times, int):
                _bounded(range(max(0, len(text) * times)), "*")
            return
    if isinstance(left, int) and isinstance(right, int):
        bits = max(left.bit_length(), 1)
        total = bits * abs(right) if operator == "**" else bits + right.bit_length()
        if total > MAX_BITS:
            raise SecurityError("that number is too large")

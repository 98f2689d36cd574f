"""Values as templates see them: plain data that knows its path, and missing values that name it.

None and empty text count as missing. A missing value may be tested and replaced (`default`, `is present`,
`if`), but anything else done with it stops the message with the dotted path.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from jinja2 import Undefined, UndefinedError

from journey_engine.message import plain


class MissingValue(UndefinedError):
    """A template used a value that is not there."""

    def __init__(self, path: str) -> None:
        super().__init__(f"no value for {path}")
        self.path = path


class Missing(Undefined):
    """Stands where a value should be; chains, so that any part of a path may be the missing one."""

    __slots__ = ()

    @property
    def path(self) -> str:
        """The dotted path of the value."""
        return str(self._undefined_name or self._undefined_hint)

    def _fail_with_undefined_error(self, *args: object, **kwargs: object) -> NoReturn:
        raise MissingValue(self.path)

    def __eq__(self, other: object) -> bool:
        self._fail_with_undefined_error()

    def __ne__(self, other: object) -> bool:
        self._fail_with_undefined_error()

    def __hash__(self) -> int:
        self._fail_with_undefined_error()

    def __bool__(self) -> bool:
        return False

    # A printed list shows the repr of its items, so that is a use as well.
    __str__ = __repr__ = __iter__ = __len__ = __contains__ = _fail_with_undefined_error
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _fail_with_undefined_error
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = _fail_with_undefined_error
    __mod__ = __rmod__ = __pow__ = __rpow__ = __pos__ = __neg__ = _fail_with_undefined_error
    __lt__ = __le__ = __gt__ = __ge__ = __call__ = __getitem__ = _fail_with_undefined_error
    __int__ = __float__ = __complex__ = __index__ = _fail_with_undefined_error


class Values(dict[str, Any]):
    """A read-only mapping (the sandbox allows no change) that knows the dotted path it came by.

    What it does not hold is a missing value, never a KeyError.
    """

    __slots__ = ("path",)
    path: str

    def __missing__(self, name: str) -> Missing:
        return missing(dotted(self.path, name))


DICT_METHODS = frozenset(("get", "items", "keys", "values"))
"""What a template may call of a mapping."""
_READY = frozenset((str, int, float, bool))  # exactly these: a subclass may bring its own behaviour


def dotted(path: str, name: str) -> str:
    """The path of a value inside another."""
    return f"{path}.{name}" if path else name


def missing(path: str) -> Missing:
    """A missing value at a path."""
    return Missing(name=path)


def wrap(value: object, path: str = "") -> object:
    """Prepare values for a template; raises TypeError for anything that is not plain data."""
    if value is None or value == "":
        return missing(path)
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)  # also takes the marks of trust off a subclass
    if isinstance(value, Mapping):
        wrapped = Values()
        wrapped.path = path
        for key, item in value.items():
            ready = type(item) in _READY and item != ""
            wrapped[str(key)] = item if ready else wrap(item, dotted(path, str(key)))
        return wrapped
    if isinstance(value, list | tuple):
        return [wrap(item, f"{path}[{index}]") for index, item in enumerate(value)]
    return wrap(plain(value), path)

"""Why a template could not word a message: what a person is told of an error in it, with its file and line.

Names of values are told, never what they hold: that may be personal.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from jinja2 import TemplateError

from journey_engine.message import RenderError
from journey_engine.render.filters import FilterError
from journey_engine.render.values import MissingValue


def complaint(error: Exception, file: str) -> RenderError:
    """What an error of a template in this file is told as."""
    where = _where(error, file)
    if isinstance(error, MissingValue):
        return RenderError(
            f"{where}: no value for {error.path}",
            code="missing_value",
            path=error.path,
            remedy=f'give the customer a value, or write {{{{ {error.path} | default("...") }}}}',
        )
    if isinstance(error, FilterError):
        return RenderError(f"{where}: {error}{_given(where, error.what)}", code="template_error")
    if isinstance(error, TemplateError):
        return RenderError(f"{where}: {error}", code="template_error")
    # The words of a TypeError name types; those of others may repeat values.
    what = f"{type(error).__name__}{f': {error}' if isinstance(error, TypeError) else ''}"
    return RenderError(f"{where}: {what}", code="template_error")


def _given(where: str, what: str | None) -> str:
    """` (customer.age)`: the values that a line of a template gives to a filter, by name, for `file:line`."""
    file, _, line = where.rpartition(":")
    if what is None or not line.isdigit():
        return ""
    with suppress(OSError, UnicodeDecodeError):
        lines = Path(file).read_text(encoding="utf-8").splitlines()
        text = lines[int(line) - 1] if int(line) <= len(lines) else ""
        found = re.findall(rf"([A-Za-z_][\w.]*)\s*\|\s*{what}\b", text)
        return f" ({', '.join(dict.fromkeys(found))})" if found else ""
    return ""


def _where(error: BaseException, file: str) -> str:
    """file:line of the template line that failed; Jinja puts template lines into the traceback."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name == file or (name.endswith((".html", ".txt")) and trace.tb_frame.f_code.co_name != "<lambda>"):
            file, line = name, trace.tb_lineno
        trace = trace.tb_next
    return f"{file}:{line}" if line else file

"""Secrets out of Prefect's Secret blocks, where the environment lacks them, for as long as a flow runs.

A block is named as its variable, in small letters and with dashes: `sendgrid-api-key` for SENDGRID_API_KEY. Nothing of
it is logged, and nothing is written into a deployment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from pydantic import BaseModel

_IN_URL = re.compile(r"[?&]password_env=([A-Za-z_][A-Za-z0-9_]*)")


@contextmanager
def secrets(settings: BaseModel) -> Iterator[None]:
    """Have the variables that these settings name in the environment; what is there already goes before a block."""
    missing = sorted({name for name in variables(settings) if name not in os.environ})
    found = _held(missing)
    os.environ.update(found)
    try:
        yield
    finally:
        for name in found:
            os.environ.pop(name, None)


def variables(settings: object, field: str = "") -> Iterator[str]:
    """The environment variables that settings name: in fields such as `key_env`, and in the addresses of databases."""
    if isinstance(settings, BaseModel):
        for name, value in settings:
            yield from variables(value, name)
    elif isinstance(settings, dict | list):
        for value in settings.values() if isinstance(settings, dict) else settings:
            yield from variables(value)
    elif isinstance(settings, str) and field.endswith("_env"):
        yield settings
    elif isinstance(settings, str) and settings.startswith("postgresql"):
        named = _IN_URL.search(settings)
        yield named[1] if named else "PGPASSWORD"


def _held(names: list[str]) -> dict[str, str]:
    """What Secret blocks hold of these variables."""
    found: dict[str, str] = {}
    if not names:
        return found
    with get_client(sync_client=True) as client:
        for name in names:
            try:
                block = client.read_block_document_by_name(name.lower().replace("_", "-"), "secret")
            except ObjectNotFound:
                continue
            found[name] = str(block.data["value"])
    return found

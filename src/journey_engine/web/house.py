"""What every route is given: the open mailroom, the links' keys, the project, the clock, a log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from starlette.concurrency import run_in_threadpool

from journey_engine.links import Links
from journey_engine.load import LoadedProject
from journey_engine.mailroom import Mailroom
from journey_engine.project import Project
from journey_engine.times import Clock
from journey_engine.web.pages import Pages

HANDS = 8
"""So many requests are at work in the mailroom at once; its pool has more connections than that."""

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class House:
    """One project with its stores open, for as long as it is served."""

    loaded: LoadedProject
    mailroom: Mailroom
    links: Links
    clock: Clock
    log: logging.Logger
    pages: Pages
    hands: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(HANDS))

    @property
    def project(self) -> Project:
        """The settings."""
        return self.loaded.project

    async def work(self, task: Callable[Given, Answer], *args: Given.args, **kwargs: Given.kwargs) -> Answer:
        """Call a function that waits for a store, in a thread of its own; others wait their turn."""
        async with self.hands:
            return await run_in_threadpool(task, *args, **kwargs)

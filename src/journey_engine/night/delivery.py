"""Handing over what is due: the mailroom's dispatch with the project's channels and templates."""

from __future__ import annotations

import datetime as dt
import sys
import threading
from collections.abc import Callable, Iterable
from datetime import timedelta

from journey_engine.channel_settings import Channels
from journey_engine.channels.registry import make_channels, numbers
from journey_engine.channels.webhook import WebhookChannel
from journey_engine.engines import open_reader
from journey_engine.errors import JourneyError
from journey_engine.graph import Emit, Message
from journey_engine.language import parse_share
from journey_engine.links import Links
from journey_engine.load import LoadedProject
from journey_engine.mailroom import DispatchReport, Gauges, Limits, Mailroom, Staging, asleep, dispatch
from journey_engine.message import WEBHOOK, Channel
from journey_engine.night import beside
from journey_engine.night.stores import check_not_behind, loaded_run, open_mailroom, owner
from journey_engine.pacing import Paced, parse_rate
from journey_engine.program import advocates
from journey_engine.project import GaugeWords
from journey_engine.render import Renderer
from journey_engine.times import DAY, Clock

SAME_CLOCK = timedelta(minutes=1)
"""Two processes whose clocks are so near read the same one: no process takes longer to begin."""


def deliver(
    loaded: LoadedProject, as_of: dt.datetime, *, clock: Clock,
    on_batch: Callable[[DispatchReport], None] | None = None, workers: int | None = None,
) -> DispatchReport:  # fmt: skip
    """Hand over what is due at an instant, by so many processes; many may do so at once.

    Raises JourneyError for a mailroom that is an older copy: what is due in it may have left long ago.
    """
    with open_mailroom(loaded) as mailroom:
        check_not_behind(mailroom, _loaded_when_published(loaded))
        return hand_over(loaded, mailroom, as_of, clock, on_batch, workers)


def deliver_beside(
    loaded: LoadedProject, as_of: dt.datetime, *, clock: Clock, began: dt.datetime, stopped: threading.Event
) -> DispatchReport:
    """Be one of the processes that another dispatch started when the clock said `began`; see `hand_over`.

    Does nothing where that clock is another than this process has. Raises JourneyError once it is `stopped`, after the
    batch in hand.
    """
    if not -SAME_CLOCK < clock() - began < SAME_CLOCK:
        return DispatchReport()

    def go_on(_so_far: DispatchReport) -> None:
        if stopped.is_set():
            raise JourneyError("the dispatch that started this process has ended", remedy="run `journey dispatch`")

    with open_mailroom(loaded) as mailroom:
        return _dispatched(loaded, mailroom, as_of, clock, go_on, began, stopped.wait)


def _loaded_when_published(loaded: LoadedProject) -> int:
    """The newest run that the mailroom surely had, as the published copy knows it; 0 where there is none to read."""
    try:
        reader = open_reader(loaded.project.engine, loaded.folder)
    except JourneyError:
        return 0
    try:
        return loaded_run(reader)
    finally:
        reader.close()


def hand_over(
    loaded: LoadedProject, mailroom: Mailroom, as_of: dt.datetime, clock: Clock,
    on_batch: Callable[[DispatchReport], None] | None, workers: int | None = None,
) -> DispatchReport:  # fmt: skip
    """Dispatch through an open mailroom, by so many processes.

    Where nobody says how many, one for each core works on more than `beside.MANY` messages, this one alone on fewer.
    """
    began = clock()

    def here() -> DispatchReport:
        return _dispatched(loaded, mailroom, as_of, clock, on_batch, began)

    if workers is None:
        told = loaded.project.dispatch
        workers = beside.cores() if told is None else told.workers
        if workers > 1 and mailroom.due(as_of, _held(loaded), beside.MANY + 1) <= beside.MANY:
            workers = 1
    if workers == 1 or not sys.executable:  # a Python inside another program cannot be started again
        return here()
    return beside.with_others(workers - 1, loaded.folder, as_of, began, here)


def _held(loaded: LoadedProject) -> set[str]:
    """The journeys whose letters stay where they are."""
    return {one.name for one in loaded.journeys.values() if one.journey is not None and one.journey.status != "live"}


def _dispatched(
    loaded: LoadedProject, mailroom: Mailroom, as_of: dt.datetime, clock: Clock,
    on_batch: Callable[[DispatchReport], None] | None, began: dt.datetime,
    wait: Callable[[float], object] = asleep,
) -> DispatchReport:  # fmt: skip
    """Dispatch in this process, with the project's channels and templates."""
    project = loaded.project
    graphs = loaded.rules.journeys if loaded.rules is not None else ()
    named_channels = {
        channel
        for graph in graphs for node in graph.nodes if isinstance(node, Emit) and isinstance(node.effect, Message)
        for channel in node.effect.channels
    }  # fmt: skip
    # Those that no journey names are looked at too: a letter of a journey that is gone still leaves by its own.
    names = sorted({project.channels.default, *project.channels.known, *named_channels})
    channels = make_channels(names, project.channels, project.sender, loaded.folder)
    if project.webhooks:
        channels[WEBHOOK] = WebhookChannel(project.webhooks, clock)
    links = Links(project.public_url, mailroom.link_keys, mailroom.link_key, project.double)
    renderer = Renderer(
        loaded.folder / "templates",
        project.sender,
        links,
        project.locale,
        advocates(loaded.file.terms, project.public_url),
    )
    return dispatch(
        mailroom, as_of, channels, renderer,
        clock=clock, on_batch=on_batch, owner=owner(), held=_held(loaded), limits=limits_of(project.channels, channels),
        double=project.double, gauges=gauges_of(project.gauges), staging=Staging.of(project),
        number=numbers(project.channels), wait=wait, began=began,
    )  # fmt: skip


def all_channels(loaded: LoadedProject) -> dict[str, Channel]:
    """Every channel that is set up, not open."""
    project = loaded.project
    names = sorted({project.channels.default, *project.channels.known})
    return make_channels(names, project.channels, project.sender, loaded.folder)


def limits_of(settings: Channels, names: Iterable[str]) -> dict[str, Limits]:
    """The limits of those channels that have any."""
    found = {}
    for name in names:
        words = getattr(settings, name, None)
        if isinstance(words, Paced) and (words.rate is not None or words.daily is not None):
            rate, seconds = (None, 1) if words.rate is None else parse_rate(words.rate)
            start, every = (None, DAY) if words.warm_up is None else (
                words.warm_up.start, words.warm_up.double_every.at_least_seconds
            )  # fmt: skip
            found[name] = Limits(rate, timedelta(seconds=seconds), words.daily, start, timedelta(seconds=every))
    return found


def gauges_of(words: GaugeWords) -> Gauges:
    """The shares at which a topic is stopped, as the mailroom reads them."""
    complaints, bounces = (
        None if text == "never" else parse_share(text) / 100 for text in (words.complaints, words.bounces)
    )
    return Gauges(complaints, bounces, timedelta(seconds=words.within.at_least_seconds), words.at_least)

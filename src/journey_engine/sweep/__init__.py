"""The reading of the graph for everyone at once, in SQL; `walk` is the other. They share no code that evaluates."""

from journey_engine.sweep.counting import count_matching
from journey_engine.sweep.evening import Evening
from journey_engine.sweep.layout import UNREAD
from journey_engine.sweep.named import named
from journey_engine.sweep.sweeping import Sweep, oldest_counted
from journey_engine.sweep.truth import history_tables
from journey_engine.sweep.unseen import event_names, unseen

__all__ = [
    "UNREAD",
    "Evening",
    "Sweep",
    "count_matching",
    "event_names",
    "history_tables",
    "named",
    "oldest_counted",
    "unseen",
]

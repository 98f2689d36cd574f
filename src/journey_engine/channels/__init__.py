"""Ways out of the house: each file translates a message for one kind of provider and decides nothing.

A third party adds its own by the entry point group `journey_engine.channels`: a callable of (settings,
sender, root).
"""

from journey_engine.channels.registry import CHANNELS, make_channels
from journey_engine.message import Channel, Outcome, OutcomeKind, Outgoing, Presence, Rendered

__all__ = [
    "CHANNELS",
    "Channel",
    "Outcome",
    "OutcomeKind",
    "Outgoing",
    "Presence",
    "Rendered",
    "make_channels",
]

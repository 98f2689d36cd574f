"""The front door, one web service: what customers click, and what other systems tell us.

It reads and writes the mailroom only, never the engine; what it has accepted is on disk before it answers. Each
module's `routes(house)` stands in the tuple of `app.py`. No line of the log tells who a customer is.
"""

from journey_engine.web.app import build
from journey_engine.web.house import House
from journey_engine.web.serving import bound, open_house, serve

__all__ = ["House", "bound", "build", "open_house", "serve"]

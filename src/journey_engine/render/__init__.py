"""Words for messages: templates in a sandbox, the values they name, and what is wrong with them.

Customer data is always a value, never template source, and nothing is rendered twice. Sends nothing,
reads no clock.
"""

from journey_engine.render.analysis import Use
from journey_engine.render.authors import author_of
from journey_engine.render.library import Library
from journey_engine.render.renderer import Renderer

__all__ = ["Library", "Renderer", "Use", "author_of"]

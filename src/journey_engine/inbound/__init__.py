"""Reading what others send to the front door: bytes in, `news` out, or a refusal that says why.

Pure: opens no store, answers no request, reads no clock. What it refuses it names without repeating it.
"""

from journey_engine.inbound.bodies import Refused, clean, read_json, unzipped

__all__ = ["Refused", "clean", "read_json", "unzipped"]

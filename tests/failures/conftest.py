"""What is a matter of meaning is told by both readings, as the hand-worked histories are."""

from __future__ import annotations

from tests.histories.conftest import reading

__all__ = ["reading"]

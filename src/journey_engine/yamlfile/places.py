"""Where keys and values stand, beside the data that they belong to."""

from __future__ import annotations

from dataclasses import dataclass, field

from journey_engine.errors import Place

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a value stands, where its keys stand, and the spots inside it."""

    line: int
    column: int
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    children: dict[str, Spot] | list[Spot] = field(default_factory=dict)

    def child(self, segment: str | int) -> Spot | None:
        """The spot under a key or an index, if there is one."""
        if isinstance(self.children, dict):
            return self.children.get(segment) if isinstance(segment, str) else None
        inside = isinstance(segment, int) and 0 <= segment < len(self.children)
        return self.children[segment] if inside else None  # type: ignore[index]


@dataclass(frozen=True, slots=True)
class Positions:
    """The places of one file, by path."""

    file: str
    root: Spot = Spot(1, 1)

    def of(self, path: Path, *, key: bool = False) -> Place:
        """The place of a value, or of its key; segments that are not in the data are passed over."""
        place = (self.root.line, self.root.column)
        spot = self.root
        for segment in self.present(path):
            inner = spot.child(segment)
            assert inner is not None
            place = spot.keys.get(str(segment), (0, 0)) if key else (inner.line, inner.column)
            place = place if place != (0, 0) else (inner.line, inner.column)
            spot = inner
        return Place(self.file, *place)

    def present(self, path: Path) -> Path:
        """The segments of a path that the data has: the way through it that follows the most."""
        exact: Spot | None = self.root
        for segment in path:
            exact = exact.child(segment) if exact is not None else None
        if exact is not None:
            return path
        known: dict[tuple[int, int], Path] = {}

        def best(spot: Spot, index: int) -> Path:
            if index == len(path):
                return ()
            at = (id(spot), index)
            if at not in known:
                inner = spot.child(path[index])
                taken = (path[index], *best(inner, index + 1)) if inner is not None else ()
                passed = best(spot, index + 1) if len(taken) < len(path) - index else ()
                known[at] = taken if len(taken) >= len(passed) else passed
            return known[at]

        return best(self.root, 0)

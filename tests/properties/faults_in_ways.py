"""Mistakes in how the plain reading chooses among several channels; like those of `faults`, each a plausible slip."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from journey_engine.walk import effects, ways
from tests.properties.faults import Fault


def the_first_way_is_taken_whoever_reads_it(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(effects, "taken", lambda effect, weighed: effect.channel)


def nobody_prefers_anything(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ways, "PREFERENCES", {})


def a_preference_has_one_spelling(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ways, "PREFERENCES", {"sms": "sms", "email": "email"})


def a_way_without_words_is_taken(patch: pytest.MonkeyPatch) -> None:
    plain = ways.weigh
    patch.setattr(effects, "weigh", lambda effect, reader, wordless: plain(effect, reader, ()))


def whatever_stands_there_is_an_address(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ways, "_can_be_one", lambda way, address: bool(address))


def what_the_reader_said_does_not_matter(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ways, "welcome", lambda reader, effect, way: True)


def of_a_contact_the_customer_s_own_words_count(patch: pytest.MonkeyPatch) -> None:
    plain = effects.reader_of

    def reader(tonight: Any, to_contact: bool) -> Any:
        return replace(plain(tonight, to_contact), events=tonight.events)

    patch.setattr(effects, "reader_of", reader)


def a_bounce_ends_every_way(patch: pytest.MonkeyPatch) -> None:
    plain = ways._ends
    patch.setattr(ways, "_ends", lambda *told: any(plain(*told[:2], way, told[3]) for way in ("sms", "email")))


def a_bounce_of_somebody_else_counts(patch: pytest.MonkeyPatch) -> None:
    plain = ways._ends

    def ends(event: Any, *rest: Any) -> bool:
        return plain(replace(event, properties={**event.properties, "addressee": None}), *rest)

    patch.setattr(ways, "_ends", ends)


def what_came_back_from_a_contact_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(effects, "CAME_BACK", ())


def a_no_to_marketing_stops_receipts(patch: pytest.MonkeyPatch) -> None:
    plain = ways.welcome
    patch.setattr(
        ways,
        "welcome",
        lambda reader, effect, way: plain(reader, effect.model_copy(update={"topic_class": "marketing"}), way),
    )


def a_yes_of_other_data_counts(patch: pytest.MonkeyPatch) -> None:
    plain = ways._named
    patch.setattr(
        ways,
        "_named",
        lambda event, name, *, empty=False: "x" if name == "consent_id" else plain(event, name, empty=empty),
    )


WAY_FAULTS: tuple[Fault, ...] = (
    the_first_way_is_taken_whoever_reads_it,
    nobody_prefers_anything,
    a_preference_has_one_spelling,
    a_way_without_words_is_taken,
    whatever_stands_there_is_an_address,
    what_the_reader_said_does_not_matter,
    of_a_contact_the_customer_s_own_words_count,
    a_bounce_ends_every_way,
    a_bounce_of_somebody_else_counts,
    what_came_back_from_a_contact_is_forgotten,
    a_no_to_marketing_stops_receipts,
    a_yes_of_other_data_counts,
)

"""The preference page: which topics, and which ways to be reached. Only what a customer changes is written down.

They lift their own no here, and nothing else: a complaint or a dead address stays, and the page says so.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from journey_engine.links import PREFERENCES, Claim
from journey_engine.mailroom import Said, Standing, Word
from journey_engine.message import EMAIL, SMS
from journey_engine.web.claims import claimed, known, label
from journey_engine.web.forms import fields
from journey_engine.web.house import House
from journey_engine.web.ways import Way

PAGE = "preferences.html"
CHANNELS: Mapping[str, str] = {EMAIL: "Email", SMS: "Text messages"}


def routes(house: House) -> list[Route]:
    """The one address."""

    async def either(request: Request) -> Response:
        claim = claimed(house, request, PREFERENCES)
        await known(house, claim)
        saved = request.method == "POST"
        if saved:
            form = await fields(request)
            text = house.pages.wording(request, PAGE, _values(house, Standing(), saved=False))
            await house.work(_save, house, claim, form, text)
        standing = await house.work(house.mailroom.standing, claim.customer_id)
        return house.pages.page(request, PAGE, values=_values(house, standing, saved=saved))

    return [Way("/preferences/{token}", either, ["GET", "POST"], name="preferences")]


def _save(house: House, claim: Claim, form: Mapping[str, list[str]], text: str) -> None:
    """Write down what differs from what stands. Raises HTTPException for a form that is not ours."""

    def said(word: Word, topic: str = "", channel: str = "") -> Said:
        return Said(claim.customer_id, word, topic, channel, "preference page", text, claim.message_id)

    pressed = form.get("save")
    if pressed == ["nothing"]:
        house.mailroom.say([said(Word.UNSUBSCRIBED)], house.clock())
        return
    topics, channels = form.get("topic", []), form.get("channel", [])
    offered, ways = _topics(house), _channels(house)
    if pressed != ["choice"] or not set(topics) <= set(offered) or not set(channels) <= set(ways):
        raise HTTPException(400)
    standing = house.mailroom.standing(claim.customer_id)
    words = [
        said(Word.SUBSCRIBED if one in topics else Word.UNSUBSCRIBED, topic=one)
        for one in offered
        if (one in topics) is not _wanted(house, standing, one)
    ]
    words += [
        said(Word.SUBSCRIBED if one in channels else Word.UNSUBSCRIBED, channel=one)
        for one in ways
        if (one in channels) is standing.refuses_channel(one)
    ]
    house.mailroom.say(words, house.clock())


def _topics(house: House) -> list[str]:
    """What can be chosen; what customers must get, such as a receipt, cannot."""
    return [name for name, words in house.project.topics.items() if words.class_ == "marketing"]


def _wanted(house: House, standing: Standing, topic: str) -> bool:
    """Whether the customer gets a topic, as far as their own words go."""
    return not standing.refuses(topic) and (topic in standing.granted or topic not in house.project.double)


def _channels(house: House) -> list[str]:
    """The ways to be reached, when there is more than one to choose among."""
    return [EMAIL, SMS] if SMS in house.project.channels.model_dump(exclude_none=True) else []


def _values(house: House, standing: Standing, *, saved: bool) -> dict[str, object]:
    return {
        "topics": [
            {"name": one, "label": label(house, one), "wanted": _wanted(house, standing, one)} for one in _topics(house)
        ],
        "channels": [
            {"name": one, "label": CHANNELS[one], "wanted": not standing.refuses_channel(one)}
            for one in _channels(house)
        ],
        "saved": saved,
        "ended": standing.ended_by or "",
        "email": house.project.sender.answers_to() or house.project.sender.email,
    }

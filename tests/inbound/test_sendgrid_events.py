"""SendGrid's events in the words of every provider, and the signature that they come with."""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from journey_engine.errors import JourneyError
from journey_engine.inbound import Refused
from journey_engine.inbound.sendgrid import notices
from journey_engine.inbound.signatures import SIGNATURE, TIMESTAMP, Check, public_keys
from journey_engine.message import MESSAGE_ID
from journey_engine.news import Fate, Notice
from tests.inbound.signing import Signer

NOW = dt.datetime(2026, 3, 4, 10, tzinfo=dt.UTC)
HOME = "https://shop.example"


def event(word: str, **more: Any) -> dict[str, Any]:
    told = {"event": word, "email": "Ada@example.com", "timestamp": int(NOW.timestamp()) - 60, "sg_event_id": "e1",
            "sg_message_id": "s1.filter", MESSAGE_ID: "m1", "ip": "203.0.113.9", "useragent": "Mail"}  # fmt: skip
    return told | more


def one(word: str, **more: Any) -> Notice:
    found, left = notices([event(word, **more)], HOME, NOW)
    assert not left
    assert "ada" not in repr(found[0].properties).lower()
    return found[0]


@pytest.mark.parametrize(
    ("word", "more", "fate", "properties", "stops"),
    [
        ("processed", {}, "processed", {}, None),
        ("delivered", {"response": "250 OK ada@example.com"}, "delivered", {}, None),
        ("deferred", {"attempt": "3", "response": "ada"}, "deferred", {"attempt": 3}, None),
        ("bounce", {"type": "bounce", "status": "5.1.1", "reason": "no ada@example.com",
                    "bounce_classification": "Invalid Address"},
         "bounced", {"permanent": True, "reason": "invalid", "status": "5.1.1"}, "bounced"),
        ("bounce", {"type": "blocked", "status": "ada"}, "bounced", {"permanent": False, "reason": "blocked"}, None),
        ("dropped", {"reason": "Bounced Address"}, "rejected", {"reason": "bounced"}, "bounced"),
        ("dropped", {"reason": "Spam Reporting Address"}, "rejected", {"reason": "spam"}, "complained"),
        ("dropped", {"reason": "Unsubscribed Address"}, "rejected", {"reason": "unsubscribed"}, "unsubscribed"),
        ("dropped", {"reason": "Invalid SMTPAPI header"}, "rejected", {"reason": "invalid"}, None),
        ("dropped", {}, "rejected", {"reason": "other"}, None),
        ("open", {"sg_machine_open": False}, "opened", {}, None),
        ("open", {"sg_machine_open": True}, "opened_by_machine", {}, None),
        ("click", {"url": "https://x.example/a?ada@example.com#ada"}, "clicked", {"url": "https://x.example/a"}, None),
        ("click", {"url": f"{HOME}/unsubscribe/k.ada.s"}, "clicked", {"url": f"{HOME}/unsubscribe"}, None),
        ("click", {"url": "http://["}, "clicked", {"url": ""}, None),
        ("spamreport", {}, "complained", {}, "complained"),
        ("unsubscribe", {}, "unsubscribed", {}, "unsubscribed"),
        ("group_unsubscribe", {"asm_group_id": 1}, "unsubscribed", {}, "unsubscribed"),
    ],
)  # fmt: skip
def test_each_event_has_a_meaning_and_no_address(
    word: str, more: dict[str, Any], fate: str, properties: dict[str, Any], stops: str | None
) -> None:
    found = one(word, category=["a", "b"], **more)
    assert (found.fate, found.properties, found.stops) == (fate, {"provider": "sendgrid"} | properties, stops)
    assert (found.message_id, found.provider_id) == ("m1", "e1")
    assert found.occurred_at == NOW - dt.timedelta(minutes=1)


def test_a_repetition_has_the_same_id_under_another_of_sendgrids() -> None:
    assert one("open").notice_id == one("open", sg_event_id="e2", category="x").notice_id
    different = [one("open"), one("click", url="https://a.example"), one("click", url="https://b.example"),
                 one("deferred", attempt="1"), one("deferred", attempt="2"), one("open", timestamp=1),
                 one("open", **{MESSAGE_ID: "m2"}), one("open", email="b@example.com")]  # fmt: skip
    assert len({found.notice_id for found in different}) == len(different)


def test_what_says_nothing_is_left_and_counted() -> None:
    odd: list[Any] = [5, {}, event("group_resubscribe"), event("open", timestamp="soon"), event("open", timestamp=True),
                      event("open", timestamp=-1), event("open", timestamp=None), event("open", event=None),
                      event("open", timestamp=10**30)]  # fmt: skip
    found, left = notices([*odd, event("open", timestamp="4102444800", sg_event_id=5, email=["x"])], HOME, NOW)
    assert left == {"no_event": 3, "other_event": 1, "no_timestamp": 5}
    assert [(one.fate, one.occurred_at, one.provider_id, one.address) for one in found] == [
        (Fate.OPENED, NOW, None, None)
    ]
    with pytest.raises(Refused):
        notices({"event": "open"}, HOME, NOW)


def checked(signer: Signer, body: bytes = b"[]", at: dt.datetime = NOW, **headers: str) -> str | None:
    told = signer.headers(b"[]", at) | headers
    check = Check(told.get(SIGNATURE), told.get(TIMESTAMP))
    check.feed(body[:1])
    check.feed(body[1:])
    try:
        check.prove(public_keys(SIGNER.public, "x"), NOW)
    except Refused as refused:
        return refused.code if refused.status == 401 else None
    return None


SIGNER = Signer()


def test_only_what_is_signed_is_taken() -> None:
    assert checked(SIGNER) is None
    assert checked(Signer()) == "bad_signature"
    assert checked(SIGNER, b"[ ]") == "bad_signature"
    assert checked(SIGNER, **{TIMESTAMP: str(int(NOW.timestamp()) + 1)}) == "bad_signature"
    for wrong in ("", "!!!", "AAAA", "é", "A", base64.b64encode(b"x" * 64).decode()):
        assert checked(SIGNER, **{SIGNATURE: wrong}) == "bad_signature"


def test_a_signature_is_good_for_as_long_as_sendgrid_tries_again() -> None:
    assert checked(SIGNER, at=NOW - dt.timedelta(hours=24, minutes=30)) is None
    assert checked(SIGNER, at=NOW + dt.timedelta(minutes=4)) is None
    assert checked(SIGNER, at=NOW - dt.timedelta(hours=26)) == "stale_signature"
    assert checked(SIGNER, at=NOW + dt.timedelta(minutes=6)) == "stale_signature"
    odd = Check("", "9" * 30)
    odd.signature = base64.b64encode(SIGNER.key.sign(b"9" * 30, ec.ECDSA(_sha256()))).decode()
    with pytest.raises(Refused, match="more than a day"):
        odd.prove(public_keys(SIGNER.public, "x"), NOW)


def _sha256() -> Any:
    from cryptography.hazmat.primitives.hashes import SHA256

    return SHA256()


def test_two_keys_are_known_while_one_is_changed_and_what_is_no_key_is_told() -> None:
    assert len(public_keys(f"{SIGNER.public} {Signer().public}", "x")) == 2
    for wrong in ("", "MFkw", "!!!", Signer(ec.SECP384R1()).public, f"{SIGNER.public} x"):
        with pytest.raises(JourneyError, match="no verification key"):
            public_keys(wrong, "x")

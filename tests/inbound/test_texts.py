"""Texts from customers: Twilio's signature, what is read of a form, and what each asks for."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from journey_engine.inbound import Refused
from journey_engine.inbound.twilio import LONGEST_TEXT, asks_for, fields, prove, signed, text
from journey_engine.news import Text

SID, NUMBER = "SM" + "0a" * 16, "+491701234567"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
CALL = {
    "CallSid": ["CA1234567890ABCDE"], "Digits": ["1234"], "From": ["+14158675309"], "To": ["+18005551212"],
    "Caller": ["+14158675309"],
}  # fmt: skip
TWICE = {"Sid": ["CA123"], "SidAccount": ["AC123"], "Digits": ["5678", "1234"]}


def test_signature_is_the_one_that_twilio_publishes_for_its_example() -> None:
    assert signed(URL, CALL, b"12345") == b"RSOYDt4T1cUTdK1PDd93/VVr8B8="
    assert signed(URL, TWICE, b"12345") == b"IK+Dwps556ElfBT0I3Rgjkr1wJU="


@pytest.mark.parametrize(
    ("url", "signature"),
    [
        (URL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="), (URL, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        (URL.replace(".com", ".com:1234"), "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (URL.replace(".com", ".com:1234").replace("https", "http"), "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
        (URL.replace("https", "http"), "0ZXoZLH/DfblKGATFgpif+LLRf4="),
    ],
)  # fmt: skip
def test_port_may_be_written_or_left_out(url: str, signature: str) -> None:
    prove(url, CALL, signature, [b"another", b"12345"])


@pytest.mark.parametrize("signature", [None, "", "RSOYDt4T1cUTdK1PDd93/VVr8B8", "\u20ac", "A" * 5000])
def test_forged_signature_is_refused(signature: str | None) -> None:
    with pytest.raises(Refused) as found:
        prove(URL, CALL, signature, [b"12345"])
    assert (found.value.code, found.value.status) == ("bad_signature", 401)


def test_changed_field_or_address_is_refused() -> None:
    signature = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    for url, said in ((URL + "3", CALL), (URL, {**CALL, "To": ["+18005551213"]}), (URL, {**CALL, "More": [""]})):
        with pytest.raises(Refused):
            prove(url, said, signature, [b"12345"])


def read(**more: str) -> Text:
    return text(fields(urlencode({"MessageSid": SID, "From": NUMBER, "Body": "Hi", **more}).encode()))


def test_text_has_its_number_its_words_and_its_id() -> None:
    assert read(Body=" Where is it? \u20ac\x00\n", NumMedia="2") == Text(
        SID, NUMBER, "Where is it? \u20ac\ufffd", None, 2
    )
    assert read(Body="x" * 20_000).text == "x" * LONGEST_TEXT
    assert read(Body="", NumMedia="x").media == 0
    assert (read(Body="Stop").asks, read(Body="no", OptOutType="STOP").asks) == ("stop", "stop")
    assert (read(Body="START", OptOutType="HELP").asks, read(Body="HELP").asks) == (None, None)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"MessageSid": ""}, "no_message_sid"), ({"MessageSid": SID + "NumMedia0"}, "no_message_sid"),
        ({"MessageSid": SID.upper()}, "no_message_sid"), ({"From": "whatsapp:+491701234567"}, "no_sender"),
        ({"From": "12345"}, "no_sender"),
        ({"From": "+49170\u0661234567"}, "no_sender"), ({"From": "Shop"}, "no_sender"),
    ],
)  # fmt: skip
def test_field_that_swallowed_its_neighbour_is_refused(more: dict[str, str], code: str) -> None:
    with pytest.raises(Refused) as found:
        read(**more)
    assert found.value.code == code


@pytest.mark.parametrize("body", [b"a=%ff", b"\xff=1", b"&".join(b"a=1" for _ in range(300))])
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as found:
        fields(body)
    assert found.value.code == "invalid_form"


def test_what_became_of_another_text_is_none_that_came_in() -> None:
    with pytest.raises(Refused) as found:
        text(fields(urlencode({"MessageSid": SID, "From": NUMBER, "MessageStatus": "delivered"}).encode()))
    assert found.value.code == "no_text"


@pytest.mark.parametrize(
    ("reply", "meant"),
    [
        ("STOP", "stop"), (" stop. ", "stop"), ("Stop All", "stop"), ("OPT-OUT", "stop"), ("Arrêt", "stop"),
        ("unsubscribe!", "stop"), ("END", "stop"), ("start", "start"), ("UNSTOP", "start"), ("Yes", "start"),
        ("please stop calling", None), ("I will not stop", None), ("", None), ("help", None), ("\u202estop", None),
    ],
)  # fmt: skip
def test_reply_that_is_the_word_alone_stops_or_starts(reply: str, meant: str | None) -> None:
    assert asks_for(reply) == meant

import datetime as dt
import re
from dataclasses import replace
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journey_engine.channels.mime import Envelope, header_text, mailbox
from journey_engine.message import Outgoing, Rendered, header_safe
from journey_engine.project import Sender

SENDER = Sender(name="Blue Note, Ltd.", email="hello@shop.example")
ID = "0123456789abcdef" * 2
DATE = dt.datetime(2026, 3, 4, 9, 0, 5, tzinfo=dt.UTC)
URL = "https://shop.example/unsubscribe/" + "x" * 300
TEXT = st.text(st.characters(codec="utf-8"), max_size=200)


def outgoing(
    *,
    subject: str = "Hello",
    text: str = "Hello",
    html: str | None = "<p>Hello</p>",
    name: str | None = "Ada",
    to: str = "ada@example.com",
    topic_class: str = "marketing",
) -> Outgoing:
    return Outgoing(ID, to, name, Rendered(subject, text, html, URL), DATE, "hello", topic_class)


def read(message: Outgoing, sender: Sender = SENDER) -> tuple[bytes, EmailMessage]:
    data = Envelope.of(sender, message.topic_class).fill(message)
    parsed = message_from_bytes(data, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    assert not parsed.defects
    return data, parsed


def body(parsed: EmailMessage, kind: str) -> str:
    part = parsed.get_body((kind,))
    assert part is not None
    assert not part.defects
    return str(part.get_content()).replace("\r\n", "\n")


def test_a_marketing_message_has_everything_that_law_and_inboxes_ask_for() -> None:
    sender = SENDER.model_copy(update={"reply_to": "help@shop.example"})
    _, parsed = read(outgoing(), sender)
    assert parsed["From"] == '"Blue Note, Ltd." <hello@shop.example>'
    assert parsed["Reply-To"] == "help@shop.example"
    own = Rendered("Hello", "Hello", reply_to="help+abc@shop.example")
    assert read(replace(outgoing(), rendered=own), sender)[1]["Reply-To"] == "help+abc@shop.example"
    told_apart = SENDER.model_copy(update={"reply_to": "help+{token}@shop.example"})
    assert read(outgoing(), told_apart)[1]["Reply-To"] == "help@shop.example"
    elsewhere = SENDER.model_copy(update={"reply_to": "help@{token}.shop.example"})
    assert read(outgoing(), elsewhere)[1]["Reply-To"] is None
    assert parsed["To"] == "Ada <ada@example.com>"
    assert parsed["Date"].datetime == DATE
    assert parsed["Message-ID"] == f"<{ID}@shop.example>"
    assert parsed["Auto-Submitted"] == "auto-generated"
    assert parsed["List-Unsubscribe"] == f"<{URL}>"
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert parsed["MIME-Version"] == "1.0"


def test_text_comes_before_html_in_one_multipart() -> None:
    _, parsed = read(outgoing())
    assert parsed.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]


def test_a_message_of_text_alone_is_one_part() -> None:
    _, parsed = read(outgoing(html=None, text="Only words\n"))
    assert parsed.get_content_type() == "text/plain"
    assert parsed.get_content().replace("\r\n", "\n") == "Only words\n"


@pytest.mark.parametrize("topic_class", ["transactional", "staff"])
def test_only_marketing_carries_the_one_click_headers(topic_class: str) -> None:
    _, parsed = read(outgoing(topic_class=topic_class))
    assert "List-Unsubscribe" not in parsed
    assert "List-Unsubscribe-Post" not in parsed


@given(subject=TEXT.filter(header_safe), name=TEXT, sender=TEXT.filter(header_safe))
def test_subjects_and_names_in_any_script_come_back_as_they_were(subject: str, name: str, sender: str) -> None:
    who = SENDER.model_copy(update={"name": sender})
    data, parsed = read(outgoing(subject=subject, name=name), who)
    assert parsed["Subject"] == header_safe(subject)
    assert shown_name(data, "To") == header_safe(name)
    assert parsed["To"].addresses[0].addr_spec == "ada@example.com"
    assert len(parsed["To"].addresses) == 1
    assert shown_name(data, "From") == header_safe(sender)
    assert_well_formed(data)


def shown_name(data: bytes, header: str) -> str:
    """The display name by RFC 2047. Python 3.11's newer parser keeps the space between encoded words of a name."""
    raw = message_from_bytes(data)[header].rpartition("<")[0].strip()
    if raw.startswith('"'):
        return raw[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return str(make_header(decode_header(raw)))


@given(text=TEXT, html=TEXT)
def test_bodies_in_any_script_come_back_as_they_were(text: str, html: str) -> None:
    data, parsed = read(outgoing(text=text, html=html))
    assert body(parsed, "plain").rstrip("\n") == lines(text)
    assert body(parsed, "html").rstrip("\n") == lines(html)
    assert_well_formed(data)


def lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")


def assert_well_formed(data: bytes) -> None:
    assert data.isascii()
    assert data.endswith(b"\r\n")
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert b"\r" not in data.replace(b"\r\n", b"")
    assert max(len(line) for line in data.split(b"\r\n")) <= 400  # the unsubscribe address cannot be folded


@pytest.mark.parametrize(
    "attack",
    ["Hi\r\nBcc: all@example.com", "Hi\nX: y", "Hi\u2028X: y", "Hi\x00\x85there", "=?utf-8?q?hidden?="],
)
def test_no_value_can_add_a_header_or_hide_in_one(attack: str) -> None:
    data, parsed = read(outgoing(subject=attack, name=attack))
    assert sorted(set(parsed.keys())) == sorted(set(read(outgoing())[1].keys()))
    assert parsed["Bcc"] is None
    assert parsed["X"] is None
    assert parsed["Subject"] == header_safe(attack)
    assert_well_formed(data)


def test_no_text_can_end_its_part() -> None:
    text = f"--=_{ID}--\n--=_{ID}\nContent-Type: text/html\n\nhello\n.\n"
    _, parsed = read(outgoing(text=text, html=text))
    assert body(parsed, "plain") == text
    assert body(parsed, "html") == text


def test_long_lines_and_long_words_are_folded() -> None:
    data, parsed = read(outgoing(text="word " * 5000, html="x" * 50_000, subject="long " * 60))
    assert max(len(line) for line in data.split(b"\r\n")) < 400
    assert body(parsed, "html").strip() == "x" * 50_000
    assert parsed["Subject"] == ("long " * 60).strip()


def test_half_a_character_does_not_stop_a_message() -> None:
    _, parsed = read(outgoing(subject="a\ud800b", text="a\ud800b", name="\udfff"))
    assert parsed["Subject"] == "a?b"
    assert body(parsed, "plain") == "a?b\n"


def test_an_international_domain_is_written_in_ascii_and_a_foreign_local_part_is_refused() -> None:
    _, parsed = read(outgoing(to="ada@bücher.example"))
    assert parsed["To"].addresses[0].addr_spec == "ada@xn--bcher-kva.example"
    with pytest.raises(ValueError, match="before the @"):
        read(outgoing(to="çelik@example.com"))


def test_plain_headers_stay_readable() -> None:
    assert header_text("Your order is on its way") == "Your order is on its way"
    assert mailbox("Ada Lovelace", "ada@example.com") == "Ada Lovelace <ada@example.com>"
    assert mailbox('Ada "Countess" L.', "a@b.example") == '"Ada \\"Countess\\" L." <a@b.example>'
    assert re.fullmatch(r"=\?utf-8\?b\?[^?]+\?=", header_text("Grüße"))


@settings(max_examples=300)
@given(text=st.text("a \r\n\u00e4\u20ac\U0001f600\ud800", max_size=40), times=st.sampled_from([1, 200]))
def test_a_body_is_base64_when_more_than_a_third_of_its_beginning_is_foreign(text: str, times: int) -> None:
    text *= times
    data = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    start = (data if data.endswith(b"\n") else data + b"\n")[:4000]
    foreign = sum(byte > 127 for byte in start) * 3 > len(start)
    sent, _ = read(outgoing(text=text, html=None))
    assert (b"Encoding: base64" in sent, b"Encoding: quoted-printable" in sent) == (foreign, not foreign)


def test_the_same_instant_in_another_zone_is_another_date() -> None:
    east = dt.timezone(dt.timedelta(hours=2))
    dates = [read(replace(outgoing(), date=date))[1]["Date"] for date in (DATE, DATE.astimezone(east), DATE)]
    assert dates == ["Wed, 04 Mar 2026 09:00:05 +0000", "Wed, 04 Mar 2026 11:00:05 +0200", dates[0]]


@given(text=st.text("a b\t\r\n\x00\x7f\x85\u00a0\u2028\u00e4\ud800", max_size=12))
def test_short_ways_leave_header_text_as_the_rule_says(text: str) -> None:
    whole = text.encode("utf-8", "replace").decode("utf-8")
    plain = re.sub(r"\s+", " ", re.sub("[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", whole)).strip()
    assert header_safe(text) == plain

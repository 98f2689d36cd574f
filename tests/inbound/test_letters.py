"""Letters from customers: the form they come in, what of them is kept, and what no customer wrote."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

import pytest

from journey_engine.inbound import Refused
from journey_engine.inbound.forms import FIELD_BYTES, Form
from journey_engine.inbound.letters import LONGEST_TEXT, letter
from journey_engine.inbound.pages import words_of
from journey_engine.inbound.replies import Replies
from journey_engine.links import Links
from journey_engine.news import Letter

OWN = frozenset({"hello@shop.example"})
LINKS = Links("https://shop.example", {"old": b"a" * 32, "new": b"b" * 32}, "new")
REPLIES = Replies("answers+{token}@reply.shop.example", LINKS)
KIND = 'multipart/form-data; boundary="xYzZY"'


def form(fields: Mapping[str, str | bytes], files: Mapping[str, bytes] | None = None) -> bytes:
    """As SendGrid sends it."""
    body = b""
    for name, value in fields.items():
        content = value.encode() if isinstance(value, str) else value
        body += b'--xYzZY\r\nContent-Disposition: form-data; name="' + name.encode() + b'"\r\n\r\n' + content + b"\r\n"
    for name, content in (files or {}).items():
        head = (
            f'Content-Disposition: form-data; name="{name}"; filename="{name}.bin"\r\nContent-Type: image/png\r\n\r\n'
        )
        body += b"--xYzZY\r\n" + head.encode() + content + b"\r\n"
    return body + b"--xYzZY--\r\n"


def read(body: bytes, step: int = 1_000_000, kind: str = KIND) -> dict[str, bytes]:
    found = Form(kind)
    for start in range(0, len(body), step):
        found.feed(body[start : start + step])
    return found.finish()


def test_fields_are_kept_and_files_passed_over_however_the_bytes_come() -> None:
    fields = {"text": "a\r\n--xYz\r\n--x", "empty": "", "subject": "Grüße", "raw": b"\x00\xff"}
    body = form(fields, {"attachment1": b"\r\n--xYzZ\r\n" * 5, "attachment2": b""})
    for step in (1, 2, 3, 7, 64, 100_000):
        assert read(body, step) == {
            "text": b"a\r\n--xYz\r\n--x", "empty": b"", "subject": "Grüße".encode(), "raw": b"\x00\xff",
        }  # fmt: skip
    assert len(read(form({"text": "x" * 900_000}))["text"]) <= FIELD_BYTES


@pytest.mark.parametrize(
    ("body", "kind"),
    [(form({"a": "b"})[:-6], KIND), (b"", KIND), (b"--xYzZY\r\n" + b"x" * 20_000, KIND),
     (form({"a": "b"}), "text/plain"),
     (form({"a": "b"}), "multipart/form-data"), (form({"a": "b"}), 'multipart/form-data; boundary="other"')],
)  # fmt: skip
def test_what_is_no_form_is_refused(body: bytes, kind: str) -> None:
    with pytest.raises(Refused) as found:
        read(body, 1000, kind)
    assert found.value.code == "invalid_form"


def made(**fields: str | bytes) -> Letter:
    told: dict[str, str | bytes] = {
        "from": "Ada <Ada@Example.com>",
        "subject": "Hello",
        "text": "Where is it?",
        **fields,
    }
    return letter(
        {name: value.encode() if isinstance(value, str) else value for name, value in told.items()}, OWN, REPLIES
    )


def test_a_letter_has_its_writer_its_words_and_what_it_answers() -> None:
    headers = (
        "Message-ID: <in@example.com>\nIn-Reply-To: <b@shop.example>\nReferences: <a@shop.example>\n <b@shop.example>"
    )
    found = made(headers=headers, subject="Re: Hello\x00\r\nBcc: all@example.com")
    assert (found.sender, found.text, found.automatic) == ("ada@example.com", "Where is it?", None)
    assert found.answers == ("b@shop.example", "a@shop.example")
    assert found.subject == "Re: Hello\ufffd Bcc: all@example.com"
    assert found.letter_id == made(headers=headers, text="another").letter_id
    assert made(text="one").letter_id != made(text="two").letter_id


def test_only_words_of_the_writers_own_are_kept() -> None:
    quoted = (
        "Thank you!\r\n\r\n\r\n\r\n> On Monday you wrote\r\n> things\r\nAda\r\n-----Original Message-----\r\nFrom: us"
    )
    assert made(text=quoted).text == "Thank you!\n\nAda"
    html = (
        "<style>p{}</style><script>steal()</script><p>Dear &amp; <b>all</b></p><p onclick=x>bye<br>Ada</p><img src=x>"
    )
    assert made(text="", html=html).text == "Dear & all\nbye\nAda"
    assert len(made(text="x" * 50_000).text) == LONGEST_TEXT
    assert made(html="<" * 100_000, text="").text


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<a title=\"a > b\" href='x>y'>here</a>", "here"), ("1 < 2 &lt;3 <3", "1 < 2 <3 <3"),
        ("<!-- a > b <p> -->seen<!-->too<!--->, and", "seentoo, and"), ("<title>no</title><p>yes", "yes"),
        ("<SCRIPT src=x>if (a<b) '</p>'</SCRIPT >after", "after"), ("<style>p{}", ""), ("seen<a href='", "seen"),
        ("<head><template>a</template>b</head>c</template>d", "cd"), ("a<?php x ?>b<!DOCTYPE html>c</ x>d", "abcd"),
        ("<p>one</p>  <p>two<br/>three", "one \ntwo\nthree"),
        ("no &amp; &#8364; &#x41;<b>&nope;", "no & \u20ac A&nope;"),
        ("&#" + "9" * 5000 + "; and on", "\ufffd and on"),
    ],
)  # fmt: skip
def test_words_of_a_page_are_what_its_reader_saw(html: str, words: str) -> None:
    assert words_of(html).strip() == words


@pytest.mark.parametrize(
    "part",
    ["<!--", "<a", "<a a='", '<a a="\'', "<a a=", "</", "</a x", "<div/ ", "<script>", "<script", "<?", "<![CDATA[",
     "&#", "<", "<a>", "<template>"],
)  # fmt: skip
def test_a_page_that_is_never_finished_costs_no_more_than_its_length(part: str) -> None:
    begun = time.process_time()
    made(text="", html=(part * 60_000)[:60_000])
    assert time.process_time() - begun < 1


@pytest.mark.parametrize("part", ["(", "a:"])
def test_addresses_that_are_nested_without_end_are_none(part: str) -> None:
    with pytest.raises(Refused) as found:
        made(**{"from": f"{part * 50_000} <ada@example.com>"})
    assert found.value.code == "no_sender"
    assert made(to=part * 50_000, cc=part * 50_000).text == "Where is it?"


def test_words_are_read_in_the_charset_they_came_in() -> None:
    charsets = json.dumps({"text": "iso-8859-1", "subject": "utf-7", "from": "no-such"})
    assert made(text="Grüße".encode("latin-1"), charsets=charsets, subject="Grüße").text == "Grüße"
    assert made(text="Grüße".encode("latin-1")).text == "Gr\ufffd\ufffde"
    assert made(charsets="[" * 5000, text="x").text == "x"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"headers": "Auto-Submitted: auto-replied"}, "auto_submitted"),
        ({"headers": "auto-submitted: auto-generated (rejected)"}, "auto_submitted"),
        ({"headers": "Precedence: bulk"}, "bulk"),
        ({"headers": "Precedence: List"}, "bulk"),
        ({"headers": "X-Autoreply: yes"}, "automatic"),
        ({"headers": "List-Id: <a.example>"}, "automatic"),
        ({"from": "hello@shop.example"}, "our_own"),
        ({"from": "MAILER-DAEMON@example.com"}, "machine"),
        ({"envelope": '{"to": ["x@shop.example"], "from": ""}'}, "machine"),
        ({"headers": "Auto-Submitted: no"}, None),
        ({"envelope": '{"from": "ada@example.com"}'}, None),
        ({"envelope": "{"}, None),
    ],
)
def test_what_a_machine_wrote_is_told_apart(fields: dict[str, str], why: str | None) -> None:
    assert made(**fields).automatic == why


@pytest.mark.parametrize("sender", ["", "Ada", "<>", "ada@", "a@b@c.example"])
def test_a_letter_of_nobody_is_refused(sender: str) -> None:
    with pytest.raises(Refused) as found:
        made(**{"from": sender})
    assert found.value.code == "no_sender"


SENT = "0123456789abcdef" * 2
TOKEN = str(LINKS.reply(SENT))
OWN_ADDRESS = f"answers+{TOKEN}@reply.shop.example"


@pytest.mark.parametrize(
    "fields",
    [
        {"to": f"Shop <{OWN_ADDRESS}>"},
        {"to": f"a@example.com, {OWN_ADDRESS.upper()}"},
        {"to": "a@example.com", "cc": OWN_ADDRESS},
        {"to": "undisclosed", "envelope": json.dumps({"to": [OWN_ADDRESS], "from": "ada@example.com"})},
        {"to": f"{OWN_ADDRESS[:9]}x{OWN_ADDRESS[9:]}, {OWN_ADDRESS}"},
    ],
)
def test_letter_to_the_address_of_one_letter_is_an_answer_to_it(fields: dict[str, str]) -> None:
    found = made(**fields)
    assert (found.proven, found.forged) == (SENT, False)


def test_token_of_an_older_key_is_genuine_and_fits_every_mail_system() -> None:
    older = Links(None, {"old": b"a" * 32}, "old").reply(SENT)
    assert older is not None and older != TOKEN
    assert made(to=f"answers+{older}@reply.shop.example").proven == SENT
    assert (len(TOKEN), TOKEN, TOKEN.isalnum()) == (42, TOKEN.lower(), True)
    assert LINKS.reply("preview") is None


@pytest.mark.parametrize(
    "token",
    [
        TOKEN[:-1], TOKEN + "a", TOKEN[:20] + ("a" if TOKEN[20] != "a" else "b") + TOKEN[21:], "a" * 42, "", "1" * 42,
        str(Links(None, {"new": b"x" * 32}, "new").reply(SENT)), TOKEN[:41] + ("b" if TOKEN[41] != "b" else "d"),
    ],
)  # fmt: skip
def test_forged_and_damaged_tokens_prove_nothing(token: str) -> None:
    found = made(to=f"answers+{token}@reply.shop.example")
    assert (found.proven, found.forged, found.automatic) == (None, True, None)


def test_addresses_of_others_are_no_tokens_and_ours_write_no_letters() -> None:
    for to in (
        f"answers+{TOKEN}@shop.example",
        f"x+{TOKEN}@reply.shop.example",
        "answers@reply.shop.example",
        "<",
        ",",
    ):
        assert (made(to=to).proven, made(to=to).forged) == (None, False)
    assert made(**{"from": OWN_ADDRESS}).automatic == "our_own"
    host = Replies("answers@{token}.shop.example", LINKS)
    assert host.answered([f"answers@{TOKEN}.shop.example"]) == (SENT, False)
    assert Replies("answers@shop.example", LINKS).answered([OWN_ADDRESS]) == (None, False)
    assert Replies(None, LINKS).answered([OWN_ADDRESS]) == (None, False)

"""The smtp channel against a real server (aiosmtpd) and a scripted one, both on free ports of the loopback."""

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from journey_engine.channel_settings import SmtpChannel as SmtpSettings
from journey_engine.channels import OutcomeKind, Outgoing, Presence, Rendered
from journey_engine.channels.smtp import SmtpChannel
from journey_engine.errors import JourneyError
from journey_engine.message import Author
from journey_engine.project import Sender

SENDER = Sender(name="Shop", email="hello@shop.example")
DATE = dt.datetime(2026, 3, 4, tzinfo=dt.UTC)


def outgoing(number: int, to: str = "ada@example.com", text: str = "Hello") -> Outgoing:
    rendered = Rendered("Grüße", text, "<p>Hello</p>", "https://shop.example/u")
    return Outgoing(f"{number:032x}", to, "Ada", rendered, DATE, "hello")


class Handler:
    """Keeps what arrives; says what the test wants to each recipient and each content."""

    def __init__(self) -> None:
        self.received: list[Any] = []
        self.sessions: set[int] = set()
        self.rcpt: dict[str, str] = {}
        self.data: list[str] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        answer = self.rcpt.get(address)
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        answer = self.data.pop(0) if self.data else "250 OK queued"
        self.sessions.add(id(session))
        if answer.startswith("250"):
            self.received.append(envelope)
        return answer


@contextmanager
def server(handler: Handler, **more: Any) -> Iterator[int]:
    controller = Controller(handler, hostname="127.0.0.1", port=free_port(), **more)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def channel(port: int, **more: Any) -> Iterator[SmtpChannel]:
    made = SmtpChannel(
        SmtpSettings.model_validate({"host": "127.0.0.1", "port": port, "timeout": "2 seconds", **more}), SENDER
    )
    made.open()
    try:
        yield made
    finally:
        made.close()


def kinds(outcomes: Any) -> list[tuple[str, str | None]]:
    return [(outcome.kind.value, outcome.reason) for _, outcome in outcomes]


def test_messages_go_over_one_kept_connection_and_arrive_whole() -> None:
    handler = Handler()
    text = ".\n..two dots\nFrom here\n" + "long " * 500
    with server(handler) as port, channel(port) as made:
        for number in range(3):
            assert kinds(made.send([outgoing(number, text=text)])) == [("accepted", None)]
    assert len(handler.sessions) == 1
    assert [envelope.mail_from for envelope in handler.received] == ["hello@shop.example"] * 3
    parsed = message_from_bytes(handler.received[0].content, policy=policy.default)
    assert parsed["Subject"] == "Grüße"
    assert parsed["Message-ID"] == f"<{0:032x}@shop.example>"
    part = parsed.get_body(("plain",))
    assert part is not None
    assert part.get_content().replace("\r\n", "\n").rstrip("\n") == text.rstrip("\n")


def test_a_letter_of_somebody_else_of_the_house_leaves_by_the_house_s_own_address() -> None:
    handler = Handler()
    with server(handler) as port, channel(port) as made:
        words = replace(outgoing(1).rendered, author=Author("Ada Lovelace", "ada@sales.example"))
        assert kinds(made.send([replace(outgoing(1), rendered=words), outgoing(2)])) == [("accepted", None)] * 2
    assert [envelope.mail_from for envelope in handler.received] == ["hello@shop.example"] * 2  # bounces come home
    parsed = [message_from_bytes(envelope.content, policy=policy.default) for envelope in handler.received]
    assert parsed[0]["From"] == "Ada Lovelace <ada@sales.example>"
    assert str(parsed[1]["From"]).endswith("<hello@shop.example>")
    assert parsed[0]["Message-ID"] == f"<{1:032x}@shop.example>"


def test_a_refused_recipient_is_refused_alone() -> None:
    handler = Handler()
    handler.rcpt = {"gone@example.com": "550 5.1.1 no such user", "spam@example.com": "554 5.7.1 blocked"}
    with server(handler) as port, channel(port) as made:
        to = ["gone@example.com", "spam@example.com", "ada@example.com"]
        outcomes = list(made.send([outgoing(number, address) for number, address in enumerate(to)]))
    assert kinds(outcomes) == [
        ("refused", "no_such_address"),
        ("refused", "refused_by_server"),
        ("accepted", None),
    ]
    assert [outcome.bounced for _, outcome in outcomes] == [True, False, False]
    assert outcomes[0][1].detail == "RCPT: 550 5.1.1 no such user"


def test_what_a_server_says_of_a_customer_is_told_without_their_address() -> None:
    handler = Handler()
    gone = "550 5.1.1 <gone@example.com>: Recipient gone@example.com rejected by 203.0.113.57"
    handler.rcpt = {"gone@example.com": gone, "full@example.com": "452 4.2.2 full@example.com is over quota"}
    handler.data = ["554 5.7.1 mail to ada@example.com looks like spam"]
    to = ["gone@example.com", "full@example.com", "ada@example.com"]
    with server(handler) as port, channel(port) as made:
        told = [outcome.detail for _, outcome in made.send([outgoing(n, one) for n, one in enumerate(to)])]
    assert told == [
        "RCPT: 550 5.1.1 <...>: Recipient ... rejected by 203.0.113.57",
        "RCPT: 452 4.2.2 ... is over quota",
        "the message: 554 5.7.1 mail to ... looks like spam",
    ]


def test_a_temporary_refusal_is_for_later_and_alone() -> None:
    handler = Handler()
    handler.rcpt = {"grey@example.com": "451 4.7.1 greylisted"}
    handler.data = ["452 4.3.1 full"]
    with server(handler) as port, channel(port) as made:
        sent = [outgoing(1, "grey@example.com"), outgoing(2), outgoing(3)]
        assert kinds(made.send(sent)) == [("later", "try_later"), ("later", "try_later"), ("accepted", None)]


def test_a_content_refused_for_good_is_refused() -> None:
    handler = Handler()
    handler.data = ["554 5.6.0 looks like spam"]
    with server(handler) as port, channel(port) as made:
        assert kinds(made.send([outgoing(1), outgoing(2)])) == [("refused", "refused_by_server"), ("accepted", None)]


def test_nobody_there_leaves_every_message_for_later() -> None:
    with channel(free_port()) as made:
        outcomes = list(made.send([outgoing(number) for number in range(3)]))
    assert kinds(outcomes) == [("later", "unavailable")] * 3
    assert all(outcome.down for _, outcome in outcomes)
    assert "connection refused" in str(outcomes[0][1].detail)


@contextmanager
def scripted(*conversations: list[bytes | None], dots: list[bytes] | None = None) -> Iterator[int]:
    """A server that answers each line of each connection with the next reply; None hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            talk()

    def talk() -> None:
        for replies in conversations:
            peer, _ = listener.accept()
            with peer, peer.makefile("rb") as lines:
                for reply in replies:
                    if reply is None:
                        break
                    peer.sendall(reply)
                    if reply.startswith(b"354"):
                        while (line := lines.readline()) not in (b".\r\n", b""):
                            pass
                        if dots is not None:
                            dots.append(line)
                    elif not lines.readline():
                        break

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with closing(socket.socket()) as wake:  # a thread in accept() does not notice that its socket is closed
            wake.connect_ex(listener.getsockname())
        listener.close()
        thread.join(5)


GREET = [b"220 hi\r\n", b"250 hi\r\n"]
PIPELINING = [b"220 hi\r\n", b"250-hi\r\n250 PIPELINING\r\n"]
each_greeting = pytest.mark.parametrize("greet", [GREET, PIPELINING], ids=["plain", "pipelining"])
OK = b"250 ok\r\n"
GO = b"354 go\r\n"


@each_greeting
def test_a_connection_lost_after_the_final_dot_is_unsure(greet: list[bytes]) -> None:
    dots: list[bytes] = []
    with scripted([*greet, OK, OK, GO, None], dots=dots) as port, channel(port) as made:
        ((_, outcome),) = made.send([outgoing(1)])
    assert dots == [b".\r\n"]
    assert (outcome.kind, outcome.reason, outcome.down) == (OutcomeKind.UNSURE, "no_answer", False)


@each_greeting
def test_a_silent_server_after_the_final_dot_is_unsure(greet: list[bytes]) -> None:
    release = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        peer, _ = listener.accept()
        with peer, peer.makefile("rb") as lines:
            for reply in [*greet, OK, OK, GO]:
                peer.sendall(reply)
                lines.readline()
            release.wait(10)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with closing(listener), channel(listener.getsockname()[1], timeout="1 second") as made:
        ((_, outcome),) = made.send([outgoing(1)])
        release.set()
    thread.join(5)
    assert outcome.kind is OutcomeKind.UNSURE
    assert "timed out" in str(outcome.detail)


@each_greeting
def test_after_an_unsure_message_the_next_one_gets_a_new_connection(greet: list[bytes]) -> None:
    with scripted([*greet, OK, OK, GO, None], [*greet, OK, OK, GO, OK]) as port, channel(port) as made:
        assert kinds(made.send([outgoing(1), outgoing(2)])) == [("unsure", "no_answer"), ("accepted", None)]


@each_greeting
def test_a_kept_connection_that_the_server_closed_meanwhile_is_made_again_without_doubt(greet: list[bytes]) -> None:
    first = [*greet, OK, OK, GO, OK, None]
    with scripted(first, [*greet, OK, OK, GO, OK]) as port, channel(port) as made:
        assert kinds(made.send([outgoing(1), outgoing(2)])) == [("accepted", None), ("accepted", None)]


@each_greeting
@pytest.mark.parametrize("said", [[b"421 busy\r\n"], [b"421 closing\r\n"], [OK, b"421 no\r\n"], [None]])
def test_a_server_that_is_not_ready_takes_nothing(said: list[bytes | None], greet: list[bytes]) -> None:
    said = said if said[0] in (None, b"421 busy\r\n") else [*greet, *said]
    with scripted(said, said) as port, channel(port) as made:
        assert kinds(made.send([outgoing(1), outgoing(2)])) == [("later", "unavailable")] * 2


@each_greeting
def test_a_server_that_does_not_accept_the_sender_stops_the_channel_and_refuses_nobody(greet: list[bytes]) -> None:
    with scripted([*greet, b"550 not you\r\n", OK]) as port, channel(port) as made:
        outcomes = list(made.send([outgoing(1), outgoing(2)]))
    assert kinds(outcomes) == [("later", "sender_refused")] * 2
    assert outcomes[0][1].down


NO = b"550 5.1.1 no\r\n"


def test_a_server_that_offers_pipelining_gets_the_next_envelope_with_the_content() -> None:
    heard: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        peer, _ = listener.accept()
        with peer, peer.makefile("rb") as lines:
            peer.sendall(PIPELINING[0])
            heard.append(lines.readline())
            peer.sendall(PIPELINING[1])
            heard.extend(lines.readline() for _ in range(3))
            peer.sendall(OK + OK + GO)
            while lines.readline() != b".\r\n":
                pass
            heard.extend(lines.readline() for _ in range(3))  # before the content was answered
            peer.sendall(OK + OK + OK + GO)
            while lines.readline() != b".\r\n":
                pass
            peer.sendall(OK)
            heard.append(lines.readline())
            peer.sendall(b"221 bye\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with closing(listener), channel(listener.getsockname()[1]) as made:
        sent = [outgoing(1), outgoing(2, "bob@example.com")]
        assert kinds(made.send(sent)) == [("accepted", None), ("accepted", None)]
    thread.join(5)
    envelope = [b"MAIL FROM:<hello@shop.example>\r\n", b"RCPT TO:<ada@example.com>\r\n", b"DATA\r\n"]
    assert [line.upper() for line in heard[1:4]] == [line.upper() for line in envelope]
    assert heard[4:] == [envelope[0], b"RCPT TO:<bob@example.com>\r\n", envelope[2], b"quit\r\n"]


@pytest.mark.parametrize("to_data", [[b"503 no recipients\r\n"], [GO, b"554 no recipients\r\n"]], ids=["no", "go"])
def test_a_recipient_refused_in_a_pipeline_is_refused_alone(to_data: list[bytes]) -> None:
    dots: list[bytes] = []
    talk = [*PIPELINING, OK, OK, GO, OK, OK, NO, *to_data, OK, OK, OK, GO, OK]
    with scripted(talk, dots=dots) as port, channel(port) as made:
        outcomes = list(made.send([outgoing(number) for number in range(3)]))
    assert kinds(outcomes) == [("accepted", None), ("refused", "no_such_address"), ("accepted", None)]
    assert dots == [b".\r\n"] * (2 + len(to_data) - 1)


def test_a_batch_that_is_left_in_the_middle_hands_over_no_half_message() -> None:
    dots: list[bytes] = []
    with scripted([*PIPELINING, OK, OK, GO, OK, OK, OK, GO, OK], dots=dots) as port, channel(port) as made:
        sending = made.send([outgoing(1), outgoing(2)])
        assert kinds([next(sending)]) == [("accepted", None)]
        sending.close()  # type: ignore[attr-defined]
    assert dots in ([b".\r\n"], [b".\r\n", b""])


def authenticator(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"shop", b"secret")
    return AuthResult(success=good, handled=False)


def test_the_password_comes_from_the_environment_and_travels_under_tls(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = make_certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    login = {"starttls": True, "username": "shop", "password_env": "SHOP_SMTP_PASSWORD", "host": "localhost"}
    secure = {"tls_context": context, "authenticator": authenticator, "auth_required": True, "require_starttls": True}
    handler = Handler()
    with server(handler, **secure) as port:
        monkeypatch.setenv("SHOP_SMTP_PASSWORD", "secret")
        with channel(port, **login) as made:
            assert kinds(made.send([outgoing(1)])) == [("accepted", None)]
        monkeypatch.setenv("SHOP_SMTP_PASSWORD", "wrong")
        with channel(port, **login) as made:
            outcomes = list(made.send([outgoing(2)]))
        assert kinds(outcomes) == [("later", "login_refused")]
        assert "wrong" not in str(outcomes[0][1].detail)
    assert len(handler.received) == 1


def test_an_untrusted_certificate_is_not_talked_to(tmp_path: Any) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*make_certificate(tmp_path))
    handler = Handler()
    with server(handler, tls_context=context) as port, channel(port, host="localhost", starttls=True) as made:
        outcomes = list(made.send([outgoing(1)]))
    assert kinds(outcomes) == [("later", "unavailable")]
    assert "certificate" in str(outcomes[0][1].detail).lower()


@dataclass(frozen=True)
class House:
    """A certificate authority of our own, and a certificate of it for `localhost` alone."""

    authority: Path
    certificate: Path
    key: Path

    @property
    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return context


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    folder = tmp_path_factory.mktemp("authority")
    ours, theirs = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca, host = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("Our CA", "localhost"))
    now = dt.datetime.now(dt.UTC)
    made = {}
    for name, subject, key in (("ca", ca, ours), ("host", host, theirs)):
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(ca).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(days=1))
        builder = builder.not_valid_after(now + dt.timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(ca=name == "ca", path_length=None), critical=True)
        if name == "host":
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        made[name] = folder / f"{name}.pem"
        made[name].write_bytes(builder.sign(ours, hashes.SHA256()).public_bytes(Encoding.PEM))
    key_file = folder / "host.key"
    key_file.write_bytes(theirs.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return House(made["ca"], made["host"], key_file)


@pytest.mark.parametrize("way", ["tls", "starttls"])
@pytest.mark.parametrize(
    ("trusted", "host", "told"),
    [
        (True, "localhost", ("accepted", None)),
        (True, "127.0.0.1", ("later", "unavailable")),  # not the name in the certificate
        (False, "localhost", ("later", "unavailable")),  # nobody vouches for it
    ],
)
def test_encryption_checks_who_signed_the_certificate_and_for_whom(
    house: House, way: str, trusted: bool, host: str, told: tuple[str, str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(house.authority))
    handler = Handler()
    secure = {"ssl_context": house.context} if way == "tls" else {"tls_context": house.context}
    with server(handler, **secure) as port, channel(port, host=host, **{way: True}) as made:
        outcomes = list(made.send([outgoing(1), outgoing(2)]))
    assert kinds(outcomes) == [told] * 2
    assert len(handler.received) == (2 if told[0] == "accepted" else 0)
    if told[0] == "later":
        assert "certificate" in str(outcomes[0][1].detail).lower()
        assert outcomes[0][1].down


def test_server_that_offers_no_encryption_gets_neither_password_nor_message(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_SMTP_PASSWORD", "secret")
    heard: list[Any] = []

    def listens(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        heard.append(data)
        return AuthResult(success=True)

    open_to_all = {"authenticator": listens, "auth_require_tls": False}
    handler, login = Handler(), {"host": "localhost", "username": "shop", "password_env": "SHOP_SMTP_PASSWORD"}
    with server(handler, **open_to_all) as port, channel(port, **login) as made:
        outcomes = list(made.send([outgoing(1)]))
    assert kinds(outcomes) == [("later", "unavailable")]
    assert "STARTTLS" in str(outcomes[0][1].detail)
    assert heard == handler.received == []
    # On this very machine somebody may say that it is meant.
    with server(handler, **open_to_all) as port, channel(port, **login, starttls=False) as made:
        assert kinds(made.send([outgoing(2)])) == [("accepted", None)]
    assert len(heard) == 1


def test_tls_to_a_server_that_speaks_in_the_open_is_no_connection() -> None:
    handler = Handler()
    with server(handler) as port, channel(port, host="localhost", tls=True) as made:
        assert kinds(made.send([outgoing(1)])) == [("later", "unavailable")]
    assert handler.received == []


def test_password_in_the_open_is_a_mistake_in_the_settings_and_one_word_for_encryption_is_enough() -> None:
    for host in ("mail.example.com", "10.0.0.5"):
        with pytest.raises(ValueError, match="never travels in the open"):
            SmtpSettings(host=host, username="shop", password_env="P", starttls=False)
    with pytest.raises(ValueError, match="write one of them"):
        SmtpSettings(host="mail.example.com", tls=True, starttls=True)
    assert SmtpSettings(host="mail.example.com", username="shop", password_env="P").encrypts_later
    assert not SmtpSettings(host="mail.example.com", username="shop", password_env="P", tls=True).encrypts_later
    assert not SmtpSettings(host="mail.example.com").encrypts_later


def test_a_user_without_a_password_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_SMTP_PASSWORD", raising=False)
    settings = SmtpSettings(host="x", username="shop", password_env="SHOP_SMTP_PASSWORD")
    with pytest.raises(JourneyError, match="SHOP_SMTP_PASSWORD is not set") as caught:
        SmtpChannel(settings, SENDER).open()
    assert caught.value.code == "channel_settings"
    monkeypatch.setenv("SHOP_SMTP_PASSWORD", "pässword")
    with pytest.raises(JourneyError, match="not ASCII"):
        SmtpChannel(settings, SENDER).open()


@pytest.mark.parametrize("held", ["hunter2!", "0123456789abcdef0123456789abcdef"])
def test_password_in_the_place_of_its_variable_is_told_without_it(held: str) -> None:
    with pytest.raises(ValueError, match="not the name of an environment variable, such as SMTP_PASSWORD") as caught:
        SmtpSettings(host="mail.example.com", username="shop", password_env=held)
    assert held not in str([one["msg"] for one in caught.value.errors()])  # type: ignore[attr-defined]


def test_a_server_cannot_be_asked_what_it_took() -> None:
    with channel(free_port()) as made:
        assert made.lookup(["a", "b"]) == {"a": Presence.UNKNOWN, "b": Presence.UNKNOWN}


def test_an_address_that_the_protocol_cannot_carry_is_refused() -> None:
    with channel(free_port()) as made:
        for address in ("çelik@example.com", "a b@example.com", "a@example.com\r\nDATA"):
            assert kinds(made.send([outgoing(1, address)])) == [("refused", "invalid_address")]


def make_certificate(folder: Any) -> tuple[Any, Any]:
    """A certificate for localhost, made for this test."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"

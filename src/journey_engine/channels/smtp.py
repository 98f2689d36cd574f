"""The smtp channel: one kept connection, one message at a time.

Any server speaks SMTP and none can be asked what it has taken, so what happens after the message's last
line without an answer is unsure. What fails before that was surely not taken. Where the server offers
PIPELINING (RFC 2920), a message's last line travels with the next one's sender and recipient: one round
trip a message instead of four.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
import smtplib
import ssl
from collections.abc import Collection, Iterator, Mapping, Sequence

from journey_engine.channel_settings import SmtpChannel as SmtpSettings
from journey_engine.channels.mime import Envelope, ascii_address
from journey_engine.channels.words import addressless
from journey_engine.errors import JourneyError, reason
from journey_engine.message import Outcome, OutcomeKind, Outgoing, Presence, header_safe
from journey_engine.project import Sender

_STEPS = {"MAIL": 250, "RCPT": 250, "DATA": 354}
_NO_SUCH_ADDRESS = re.compile(r"\b5\.1\.(1|2|3|6|10)\b")


class SmtpChannel:
    """Hands messages to one SMTP server."""

    name = "smtp"
    hold = dt.timedelta(0)

    def __init__(self, settings: SmtpSettings, sender: Sender) -> None:
        self.settings, self.sender = settings, sender
        self.timeout = float(settings.timeout.at_least_seconds)
        self._server: smtplib.SMTP | None = None
        self._envelopes: dict[str, Envelope] = {}
        self._password: str | None = None

    def open(self) -> None:
        """Read the password, or raise JourneyError; the connection is made for the first message."""
        variable = self.settings.password_env
        self._password = os.environ.get(variable) if variable else None
        if self._password is not None and not self._password.isascii():
            raise JourneyError(
                f"the password in the environment variable {variable} is not ASCII, which SMTP cannot carry",
                remedy="choose another password at the provider",
                code="channel_settings",
            )
        if self.settings.username and not self._password:
            raise JourneyError(
                f"the smtp channel has the username '{self.settings.username}' but no password: "
                + (f"the environment variable {variable} is not set" if variable else "password_env is missing"),
                remedy="name it in `channels: smtp: password_env:` and set it where the engine runs",
                code="channel_settings",
            )

    def close(self) -> None:
        """Say goodbye."""
        if self._server is not None:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                self._server.quit()
            self._drop()

    def lookup(self, message_ids: Collection[str]) -> Mapping[str, Presence]:
        """A server cannot be asked."""
        return dict.fromkeys(message_ids, Presence.UNKNOWN)

    def send(self, messages: Sequence[Outgoing]) -> Iterator[tuple[str, Outcome]]:
        """Hand over one after the other; a server that takes nothing leaves the rest untried."""
        failure: Outcome | None = None
        held: tuple[str, bytes] | None = None  # the server agreed to it and waits for its content
        try:
            for message in messages:
                ready = failure or self._prepare(message)
                if isinstance(ready, Outcome):
                    yield message.message_id, ready
                    continue
                recipient, data = ready
                asked = held is not None and self._pipelining
                if held is not None:
                    (before, content), held = held, None
                    yield before, self._content(content, self._envelope_lines(recipient) if asked else b"")
                outcome = self._agree(recipient, asked)
                if outcome is None:
                    held = message.message_id, data
                else:
                    failure = outcome if outcome.down else None
                    yield message.message_id, outcome
            if held is not None:
                (before, content), held = held, None
                yield before, self._content(content)
        finally:
            if held is not None:  # stopped in the middle: whatever is said next would be taken for the content
                self._drop()

    def _prepare(self, message: Outgoing) -> tuple[str, bytes] | Outcome:
        """The recipient and the content as the protocol carries them."""
        try:
            recipient = ascii_address(message.to)
            if not recipient.isprintable() or any(char in recipient for char in " <>"):
                raise ValueError("an address holds no spaces, no angle brackets and no control characters")
            return recipient, _stuffed(self._envelope(message).fill(message))
        except ValueError as error:
            return Outcome(OutcomeKind.REFUSED, "invalid_address", str(error))

    def _agree(self, recipient: str, asked: bool) -> Outcome | None:
        """None when the server waits for the content. `asked`: sender and recipient were sent already."""
        for fresh in (self._server is None, True):
            try:
                server = self._connect() if fresh else self._server
                assert server is not None
                if asked and not fresh:
                    return self._answers(server)
                return self._recipient(server, recipient)
            except (smtplib.SMTPException, OSError) as error:
                # A kept connection that the server has closed meanwhile gets one fresh try: nothing was
                # handed over yet.
                self._drop()
                if fresh:
                    return self._unavailable(error)
        raise AssertionError("the second try is a fresh one")

    def _connect(self) -> smtplib.SMTP:
        settings = self.settings
        context = ssl.create_default_context() if settings.tls or settings.encrypts_later else None
        server: smtplib.SMTP
        if settings.tls:
            server = smtplib.SMTP_SSL(settings.host, settings.port, timeout=self.timeout, context=context)
        else:
            server = smtplib.SMTP(settings.host, settings.port, timeout=self.timeout)
        try:
            if settings.encrypts_later:
                server.starttls(context=context)
            if settings.username:
                self._login(server, settings.username)
            else:
                server.ehlo_or_helo_if_needed()
        except BaseException:
            server.close()
            raise
        self._server = server
        return server

    def _login(self, server: smtplib.SMTP, username: str) -> None:
        try:
            server.login(username, self._password or "")
        except smtplib.SMTPResponseException as error:
            if error.smtp_code == 421 or isinstance(error, smtplib.SMTPAuthenticationError):
                raise
            raise smtplib.SMTPAuthenticationError(error.smtp_code, error.smtp_error) from None
        except smtplib.SMTPServerDisconnected:
            raise
        except smtplib.SMTPException as error:  # no way of logging in that both sides know, or a muddled dialogue
            raise smtplib.SMTPAuthenticationError(535, str(error).encode()) from None

    @property
    def _pipelining(self) -> bool:
        return self._server is not None and self._server.has_extn("pipelining")

    def _envelope_lines(self, recipient: str) -> bytes:
        return f"MAIL FROM:<{ascii_address(self.sender.email)}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode("ascii")

    def _recipient(self, server: smtplib.SMTP, recipient: str) -> Outcome | None:
        """Sender and recipient; None when the server agrees to both and waits for the content."""
        lines = self._envelope_lines(recipient)
        if self._pipelining:
            server.send(lines)
            return self._answers(server)
        for step, line in zip(_STEPS, lines.splitlines(keepends=True), strict=True):
            server.send(line)
            outcome = _step(step, *server.getreply())
            if outcome is not None:
                self._reset(server)
                return outcome
        return None

    def _answers(self, server: smtplib.SMTP) -> Outcome | None:
        """The answers to sender, recipient and DATA that were sent as one; the first refusal counts."""
        refused: Outcome | None = None
        code = 0
        try:
            for step in _STEPS:
                code, answer = server.getreply()
                refused = refused or _step(step, code, answer)
            if refused is not None and code == 354:  # it takes content for nobody: give it none
                server.send(b".\r\n")
                server.getreply()
        except (smtplib.SMTPException, OSError):
            if refused is None:
                raise
            self._drop()
        if refused is not None and self._server is not None:
            self._reset(server)
        return refused

    def _reset(self, server: smtplib.SMTP) -> None:
        with contextlib.suppress(smtplib.SMTPException, OSError):
            server.rset()

    def _content(self, data: bytes, following: bytes = b"") -> Outcome:
        """The message itself, and with it the next one's sender and recipient. Without an answer nobody knows."""
        server = self._server
        assert server is not None
        try:
            server.send(data + following)
            code, answer = server.getreply()
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            lost = f"the connection was lost after the message: {reason(error)}"
            return Outcome(OutcomeKind.UNSURE, "no_answer", lost)
        if code == 250:
            return Outcome.accepted(_said(code, answer))
        if code == 421:
            self._drop()
        return _refusal("the message", code, answer)

    def _unavailable(self, error: Exception) -> Outcome:
        """The server as a whole: not there, not ready, or not willing to know us. Nothing was handed over."""
        where = f"{self.settings.host}:{self.settings.port}"
        if isinstance(error, smtplib.SMTPAuthenticationError):
            said = addressless(_said(error.smtp_code, error.smtp_error))
            detail = f"{where} does not accept the username and password: {said}"
            return Outcome(OutcomeKind.LATER, "login_refused", detail, down=True)
        if isinstance(error, smtplib.SMTPResponseException):
            detail = f"{where}: {addressless(_said(error.smtp_code, error.smtp_error))}"
        else:
            detail = f"{where}: {reason(error)}"
        return Outcome(OutcomeKind.LATER, "unavailable", detail, down=True)

    def _envelope(self, message: Outgoing) -> Envelope:
        if message.topic_class not in self._envelopes:
            self._envelopes[message.topic_class] = Envelope.of(self.sender, message.topic_class)
        return self._envelopes[message.topic_class]

    def _drop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None


def _stuffed(data: bytes) -> bytes:
    """Content as DATA carries it: no line is a single dot but the last."""
    if data.startswith(b"."):
        data = b"." + data
    ending = b".\r\n" if data.endswith(b"\r\n") else b"\r\n.\r\n"
    return data.replace(b"\n.", b"\n..") + ending


def _step(step: str, code: int, answer: bytes) -> Outcome | None:
    """None when the server agrees to this step. Raises SMTPResponseException when it hangs up."""
    if code == 421:
        raise smtplib.SMTPResponseException(code, answer)
    if code == _STEPS[step] or (step == "RCPT" and code == 251):
        return None
    return _refusal(step, code, answer)


def _refusal(step: str, code: int, answer: bytes) -> Outcome:
    """A server's no: 4xx is not now; 5xx is never, for this message or, when it refuses us, for all."""
    detail = f"{step}: {addressless(_said(code, answer))}"  # it is told in reports and logs
    if code < 500 or code >= 600:
        return Outcome(OutcomeKind.LATER, "try_later", detail)
    if step == "MAIL" and code != 552:
        return Outcome(OutcomeKind.LATER, "sender_refused", detail, down=True)
    gone = step == "RCPT" and _NO_SUCH_ADDRESS.search(detail) is not None
    return Outcome(OutcomeKind.REFUSED, "no_such_address" if gone else "refused_by_server", detail, bounced=gone)


def _said(code: int, answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return header_safe(f"{code} {text}")[:500]

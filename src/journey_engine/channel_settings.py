"""How messages travel: the settings below `channels:` of project.yaml, a model for each channel.

Secrets are not among them: a setting names the environment variable that holds one.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from journey_engine.address import is_here
from journey_engine.language import Flag, Whole, Word
from journey_engine.message import EMAIL, SMS
from journey_engine.pacing import Paced
from journey_engine.predicates import Length
from journey_engine.times import Duration


def variable_name(value: str, example: str) -> str:
    """Check the name of an environment variable; what it says does not show the value, which may be the secret."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value) or re.fullmatch(r"(AC|SK)?[0-9a-fA-F]{32,}", value):
        raise ValueError(
            f"this is not the name of an environment variable, such as {example}; if it is the secret "
            "itself, take it out of the file and put it into the environment"
        )
    return value


def _on_this_machine(value: str | None) -> str | None:
    """Check the address of a stand-in for a provider: it can only be this machine, so that no key goes elsewhere."""
    if value is None:
        return value
    parts = urlsplit(value)
    try:
        here = ip_address(parts.hostname or "").is_loopback and parts.port is not None
    except ValueError:
        here = False
    if not here or parts.scheme != "http" or parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise ValueError("`host` is for tests on this machine only, such as http://127.0.0.1:4010; leave it out")
    return value.rstrip("/")


def _short(value: Duration) -> Duration:
    """Check how long one call may take."""
    if not 0 < value.at_least_seconds <= 300:
        raise ValueError(f"a call that takes '{value}' holds up all others; write 5 minutes or less")
    return value


CallTime = Annotated[Length, AfterValidator(_short)]
"""How long a whole call to a provider may take."""
StandIn = Annotated[str | None, AfterValidator(_on_this_machine)]
"""The address of a stand-in for a provider on this machine."""


class FileChannel(Paced):
    """A folder of .eml files.

    ```yaml
    channels: {file: {folder: var/outbox}}
    ```
    """

    main: ClassVar[str | None] = "folder"
    folder: str = Field(default="var/outbox", description="Where the files are written")


class SmtpChannel(Paced):
    """A mail server; the password is read from the environment variable named here, never from YAML.

    ```yaml
    channels:
      default: smtp
      smtp: {host: mail.example.com, starttls: true, password_env: SMTP_PASSWORD, rate: 50/second, daily: 10000}
    ```
    """

    host: str = Field(description="The server's name")
    port: Whole = Field(25, ge=1, le=65535, description="The server's port")
    starttls: Flag | None = Field(
        None, description="Encrypt after connecting, or not talk at all (default: when there is a username)"
    )
    tls: Flag = Field(False, description="Encrypt from the start")
    username: str | None = Field(None, description="Who logs in")
    password_env: str | None = Field(None, description="The environment variable that holds the password")
    timeout: Length = Field(
        default=Duration(0, 30), validate_default=True, description="How long to wait for an answer"
    )

    @field_validator("password_env")
    @classmethod
    def _name(cls, value: str | None) -> str | None:
        return None if value is None else variable_name(value, "SMTP_PASSWORD")

    @model_validator(mode="after")
    def _encrypted(self) -> SmtpChannel:
        if self.tls and self.starttls:
            raise ValueError("`tls` encrypts from the start and `starttls` after connecting; write one of them")
        if self.username and not self.encrypts_later and not self.tls and not is_here(self.host):
            raise ValueError(
                "a password never travels in the open; leave `starttls: false` out, or write `tls: true` where the "
                "server encrypts from the start"
            )
        return self

    @property
    def encrypts_later(self) -> bool:
        """Whether STARTTLS is asked for: when it is set, or when a password travels and nothing is set."""
        return self.username is not None and not self.tls if self.starttls is None else self.starttls


class SendgridChannel(Paced):
    """SendGrid; the key is read from the environment variable named here, never from YAML.

    ```yaml
    channels: {default: sendgrid, sendgrid: {region: eu, clicks: true, key_env: SENDGRID_API_KEY}}
    ```
    """

    main: ClassVar[str | None] = "region"
    key_env: str = Field("SENDGRID_API_KEY", description="The environment variable that holds the API key")
    region: Literal["global", "eu"] = Field("global", description="Where the account is: eu keeps its data in the EU")
    sandbox: Flag = Field(False, description="SendGrid checks each message and sends none")
    clicks: Flag = Field(False, description="SendGrid rewrites links to see who follows them")
    opens: Flag = Field(False, description="SendGrid adds a picture to see who opens a message")
    activity: Flag = Field(
        False, description="SendGrid is asked for unsure messages: its Email Activity API, an addition that costs extra"
    )
    timeout: CallTime = Field(
        default=Duration(0, 30), validate_default=True, description="How long a whole call may take"
    )
    host: StandIn = Field(None, description="A stand-in on this machine, for tests")

    @model_validator(mode="after")
    def _asked_where_it_is(self) -> SendgridChannel:
        if self.activity and self.region == "eu":
            raise ValueError(
                "SendGrid keeps no activity of accounts in the EU; take `activity` out: events settle what is unsure"
            )
        return self

    @field_validator("key_env")
    @classmethod
    def _name(cls, value: str) -> str:
        return variable_name(value, "SENDGRID_API_KEY")

    @property
    def url(self) -> str:
        """Where the calls go."""
        return self.host or ("https://api.eu.sendgrid.com" if self.region == "eu" else "https://api.sendgrid.com")


class SmsChannel(Paced):
    """Short messages through Twilio; what logs in is read from the environment, never from YAML.

    ```yaml
    channels: {default: file, sms: {from: "+491701234567", country: DE}}
    ```
    """

    from_: str | None = Field(None, alias="from", description="The number, short code or name that customers see")
    service: str | None = Field(None, description="A messaging service of Twilio, which chooses among its numbers")
    country: str = Field(description="Where numbers without + are from, in two letters such as DE")
    account_env: str = Field("TWILIO_ACCOUNT_SID", description="The environment variable that holds the account SID")
    token_env: str = Field("TWILIO_AUTH_TOKEN", description="The environment variable that holds the auth token")
    timeout: CallTime = Field(
        default=Duration(0, 30), validate_default=True, description="How long a whole call may take"
    )
    host: StandIn = Field(None, description="A stand-in on this machine, for tests")

    @field_validator("account_env")
    @classmethod
    def _account(cls, value: str) -> str:
        return variable_name(value, "TWILIO_ACCOUNT_SID")

    @field_validator("token_env")
    @classmethod
    def _token(cls, value: str) -> str:
        return variable_name(value, "TWILIO_AUTH_TOKEN")

    @field_validator("from_")
    @classmethod
    def _sender(cls, value: str | None) -> str | None:
        # A number with its country, a short code, or a name of at most 11 letters and digits.
        if value is not None and not re.fullmatch(r"\+[1-9]\d{6,14}|\d{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}", value):
            raise ValueError(f"'{value}' can send nothing; write a number such as \"+491701234567\", in quotes")
        return value

    @field_validator("service")
    @classmethod
    def _service(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"MG[0-9a-fA-F]{32}", value):
            raise ValueError("a messaging service is called MG and 32 signs, as Twilio's page shows it")
        return value

    @field_validator("country")
    @classmethod
    def _country(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Z]{2}", value):
            raise ValueError(f"'{value}' is no country; write its two letters, such as DE or NG")
        return value

    @model_validator(mode="after")
    def _one(self) -> SmsChannel:
        if (self.from_ is None) == (self.service is None):
            raise ValueError("write who sends: `from` a number, or a `service` of Twilio")
        return self

    @property
    def url(self) -> str:
        """Where the calls go."""
        return self.host or "https://api.twilio.com"


class StaffChannel(Paced):
    """Where your own people read notices, as apprise writes it: slack://..., msteams://..., ntfys://... and many more.

    ```yaml
    channels: {default: file, staff: {url_env: STAFF_URL}}
    ```
    """

    main: ClassVar[str | None] = "url_env"
    url_env: str = Field("STAFF_URL", description="The environment variable that holds the URL, which is a secret")

    @field_validator("url_env")
    @classmethod
    def _name(cls, value: str) -> str:
        return variable_name(value, "STAFF_URL")


class Channels(Word):
    """How messages travel.

    ```yaml
    channels: {default: file}
    ```
    """

    main: ClassVar[str | None] = "default"
    default: str = Field(default="file", description="The channel of messages that name none")
    preferred: str = Field(
        default="customer.preferred_channel", pattern=r"^customer\.[A-Za-z_][A-Za-z0-9_]*$",
        description="The attribute that says which way a customer prefers, `email` or `sms`; for `channel: preferred`",
    )  # fmt: skip
    file: FileChannel = Field(default=FileChannel(), description="Messages as files")
    smtp: SmtpChannel | None = Field(default=None, description="Messages through a mail server")
    sendgrid: SendgridChannel | None = Field(default=None, description="Messages through SendGrid")

    sms: SmsChannel | None = Field(default=None, description="Short messages through Twilio")
    staff: StaffChannel | None = Field(default=None, description="Notices for your own people")

    @property
    def known(self) -> list[str]:
        """The channels that are set up."""
        names = (name for name in type(self).model_fields if name not in ("default", "preferred"))
        return [name for name in names if getattr(self, name) is not None]

    @property
    def reach(self) -> dict[str, str]:
        """The channel that is set up for each way to reach a customer: `email`, and `sms` if there is one."""
        letters = [name for name in ("sendgrid", "smtp", "file") if name in self.known]
        default = [self.default] if self.default in letters else []
        return {EMAIL: [*default, *letters][0]} | ({SMS: SMS} if SMS in self.known else {})

    @property
    def prefers(self) -> str:
        """The name of the attribute that says which way a customer prefers."""
        return self.preferred.removeprefix("customer.")

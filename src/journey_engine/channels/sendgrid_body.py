"""A message as SendGrid's `POST /v3/mail/send` takes it, built by the official package."""

from __future__ import annotations

from typing import Any

from sendgrid.helpers.mail import (
    Category,
    ClickTracking,
    CustomArg,
    Header,
    HtmlContent,
    Mail,
    MailSettings,
    OpenTracking,
    PlainTextContent,
    SandBoxMode,
    SubscriptionTracking,
    TrackingSettings,
)

from journey_engine.channel_settings import SendgridChannel as SendgridSettings
from journey_engine.channels.mime import ascii_address, header_text
from journey_engine.message import MESSAGE_ID, Outgoing, header_safe
from journey_engine.project import Sender

LONGEST_CATEGORY = 255
_NAME = str.maketrans({";": " ", ",": " "})  # SendGrid refuses a name that holds one


def body_of(message: Outgoing, sender: Sender, settings: SendgridSettings) -> dict[str, Any]:
    """The whole body. Raises ValueError for an address that SendGrid cannot deliver to."""
    rendered, author = message.rendered, message.rendered.author
    speaks = author or sender
    mail = Mail(
        from_email=(ascii_address(speaks.email), _name(speaks.name)),
        to_emails=(ascii_address(message.to), _name(message.to_name)),
        subject=header_safe(rendered.subject),
        plain_text_content=PlainTextContent(_text(rendered.text)),
        html_content=None if rendered.html is None else HtmlContent(_text(rendered.html)),
    )
    reply_to = rendered.reply_to or (sender.answers_to() if author is None else None)
    if reply_to:
        mail.reply_to = ascii_address(reply_to)
    mail.header = Header("Auto-Submitted", "auto-generated")
    if message.topic_class == "marketing" and rendered.unsubscribe_url:
        mail.header = Header("List-Unsubscribe", f"<{header_safe(rendered.unsubscribe_url)}>")
        mail.header = Header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
    if message.intended is not None:
        mail.header = Header("X-Journey-Intended", header_text(message.intended))
    mail.custom_arg = CustomArg(MESSAGE_ID, message.message_id)
    for name in dict.fromkeys((message.journey, message.template)):
        if name:
            mail.category = Category(name[:LONGEST_CATEGORY])
    mail.tracking_settings = TrackingSettings(
        click_tracking=ClickTracking(settings.clicks, settings.clicks),
        open_tracking=OpenTracking(settings.opens),
        subscription_tracking=SubscriptionTracking(False),  # we own the unsubscribe link
    )
    if settings.sandbox:
        mail.mail_settings = MailSettings(sandbox_mode=SandBoxMode(True))
    built: dict[str, Any] = mail.get()
    return built


def _name(name: str | None) -> str | None:
    return header_safe((name or "").translate(_NAME)) or None


def _text(text: str) -> str:
    """Text that JSON and UTF-8 can carry."""
    return text.encode("utf-8", "replace").decode("utf-8")

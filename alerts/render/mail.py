"""A page as a mail: HTML with its picture inside, and the plain twin; the headers that keep an incident together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from alerts.actions import Action
from alerts.page import Page
from alerts.render.curve import picture
from alerts.render.html import html
from alerts.render.line import line, summary
from alerts.render.outside import cleaned, cut
from alerts.render.plain import plain
from alerts.render.story import tell
from storage.records import Reason, Severity

LONGEST_SUBJECT = 180
_CURVE = "curve"
_SEVEN_BIT = SMTP.clone(cte_type="7bit")
"""Every server takes mails of seven bits; what is more is encoded."""
_OPENING = {
    Reason.OPENED: "",
    Reason.ESCALATED: "Worse: ",
    Reason.UPDATE: "Update: ",
    Reason.REMINDER: "Reminder: ",
    Reason.RESOLVED: "",
    Reason.DIGEST: "",
    Reason.RETRACTED: "",
}


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who writes to whom, when, and the identities of this mail and of the incident's first one."""

    sender: Address
    recipient: Address
    at: datetime
    message_id: str
    root: str | None = None


def full(page: Page, envelope: Envelope, links: Mapping[Action, str] | None = None) -> EmailMessage:
    """The whole mail: plain text, HTML, and the picture of the curve; `links` are those by which this reader acts."""
    drawn = picture(page)
    mail = _addressed(page, envelope)
    mail.set_content(plain(page, links))
    mail.add_alternative(html(page, f"cid:{_CURVE}" if drawn else "", links), subtype="html")
    if drawn:
        parts = mail.get_payload()
        twin = parts[1] if isinstance(parts, list) else mail
        if isinstance(twin, EmailMessage):
            twin.add_related(drawn, "image", "png", cid=f"<{_CURVE}>", disposition="inline", filename="curve.png")
    return mail


def bare(page: Page, envelope: Envelope, links: Mapping[Action, str] | None = None) -> EmailMessage:
    """The plain text alone: for servers that find the whole too large, and when a picture cannot be drawn."""
    mail = _addressed(page, envelope)
    mail.set_content(plain(page, links))
    return mail


def least(page: Page, envelope: Envelope) -> EmailMessage:
    """One line."""
    mail = _addressed(page, envelope)
    mail.set_content(line(page) + "\n")
    return mail


def _addressed(page: Page, envelope: Envelope) -> EmailMessage:
    mail = EmailMessage(policy=_SEVEN_BIT)
    mail["From"] = envelope.sender
    mail["To"] = envelope.recipient
    mail["Subject"] = cut(f"{_OPENING[page.reason]}{summary(tell(page))}", LONGEST_SUBJECT)
    mail["Date"] = format_datetime(envelope.at)
    mail["Message-ID"] = envelope.message_id
    if envelope.root is not None and envelope.root != envelope.message_id:
        mail["In-Reply-To"] = envelope.root
        mail["References"] = envelope.root
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    if page.incident_id:
        mail["X-Tocsin-Incident"] = cleaned(page.incident_id)
    if page.severity is Severity.CRITICAL and page.state.is_live:
        mail["Importance"] = "high"
        mail["X-Priority"] = "1"
    return mail

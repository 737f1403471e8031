"""Twilio's REST API on loopback: accounts, numbers, lists by pages, and what arrives on telephones.

Bodies are split into segments by an alphabet of the server's own, so that what a network would bill is known.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any
from xml.etree import ElementTree as ET

from tests.servers.platform import Platform, Reply, Request, said

ACCOUNT = "AC0123456789abcdef0123456789abcdef"
TOKEN = "canary-twilio-token"
SENDER = "+15005550006"

_GSM = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_PAIRS = "^{}\\[~]|€"


def segments(body: str) -> int:
    """How many segments a network bills for a text."""
    if all(char in _GSM or char in _PAIRS for char in body):
        sizes, single, each = [2 if char in _PAIRS else 1 for char in body], 160, 153
    else:
        sizes, single, each = [len(char.encode("utf-16-le")) // 2 for char in body], 70, 67
    if sum(sizes) <= single:
        return 1
    filled = [0]
    for size in sizes:
        if filled[-1] + size > each:
            filled.append(0)
        filled[-1] += size
    return len(filled)


@dataclass
class Sent:
    """A text message or a call."""

    sid: str
    to: str
    words: str
    at: float
    status: str = "queued"

    def shown(self) -> dict[str, Any]:
        """As the list shows it."""
        created = formatdate(self.at)
        return {"sid": self.sid, "to": self.to, "body": self.words, "status": self.status, "date_created": created}


class Twilio(Platform):
    """One account with one number."""

    busy = said({"code": 20429, "message": "Too Many Requests", "status": 429}, 429)
    wrong = ("+4700000000",)

    def __init__(self, token: str = TOKEN) -> None:
        super().__init__()
        self.token = token
        self.messages: list[Sent] = []
        self.calls: list[Sent] = []
        self.unsubscribed: set[str] = set()
        self.status = "active"

    def may_fail(self, request: Request) -> bool:
        """Messages and calls are troubled."""
        return request.method == "POST"

    def shown(self) -> list[str]:
        """The reference of every text message."""
        return [one.words.rpartition("#")[2] for one in self.messages]

    def handle(self, request: Request) -> Reply:
        """Do what a request asks."""
        base = f"/2010-04-01/Accounts/{ACCOUNT}"
        wanted = base64.b64encode(f"{ACCOUNT}:{self.token}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {wanted}":
            return _refused(401, 20003, "Authenticate")
        if request.path == f"{base}.json":
            return said({"sid": ACCOUNT, "friendly_name": "Halden", "status": self.status})
        if request.path == f"{base}/Messages.json":
            return self._list(request) if request.method == "GET" else self._message(request)
        if request.path == f"{base}/Calls.json":
            return self._call(request)
        return _refused(404, 20404, "The requested resource was not found")

    def _message(self, request: Request) -> Reply:
        form = request.form()
        if (refused := self._number_problem(form)) is not None:
            return refused
        body = form.get("Body", "")
        if not body.strip():
            return _refused(400, 21602, "Message body is required")
        if len(body) > 1600:
            return _refused(400, 21617, "The concatenated message body exceeds the 1600 character limit")
        sent = Sent(f"SM{len(self.messages):032x}", form["To"], body, request.at)
        self.messages.append(sent)
        return said(sent.shown(), 201)

    def _call(self, request: Request) -> Reply:
        form = request.form()
        if (refused := self._number_problem(form)) is not None:
            return refused
        twiml = form.get("Twiml", "")
        if len(twiml) > 4000:
            return _refused(400, 21218, "Twiml is too long")
        try:
            spoken = " ".join(ET.fromstring(twiml).itertext())
        except ET.ParseError:
            return _refused(400, 12100, "Document parse failure")
        sent = Sent(f"CA{len(self.calls):032x}", form["To"], spoken, request.at)
        self.calls.append(sent)
        return said(sent.shown(), 201)

    def _number_problem(self, form: dict[str, str]) -> Reply | None:
        if form.get("To") in self.wrong:
            return _refused(400, 21211, f"Invalid 'To' Phone Number: {form['To']}")
        if form.get("To") in self.unsubscribed:
            return _refused(400, 21610, "Attempt to send to unsubscribed recipient")
        if form.get("From") != SENDER:
            return _refused(400, 21606, "The From phone number is not a valid, SMS-capable number")
        return None

    def _list(self, request: Request) -> Reply:
        found = [one for one in reversed(self.messages) if one.to == request.query["To"]]
        start, size = int(request.query.get("Page", 0)), min(int(request.query["PageSize"]), 1000)
        shown = [one.shown() for one in found[start * size : (start + 1) * size]]
        more = (start + 1) * size < len(found)
        to = request.query["To"].replace("+", "%2B")
        following = f"{request.path}?To={to}&PageSize={size}&Page={start + 1}" if more else None
        return said({"messages": shown, "next_page_uri": following})


def _refused(status: int, code: int, words: str) -> Reply:
    return said({"code": code, "message": words, "more_info": "", "status": status}, status)

"""What a mail means: its sender, subject, thread and, where wanted, its words."""

from __future__ import annotations

import email
import email.policy
import hmac
import re
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import parseaddr, parsedate_to_datetime
from hashlib import blake2b, sha256

from collectors.moments import not_after, read_moment
from collectors.plain import plain_text, tidy
from storage.records import Post, PostKind

LONGEST_SUBJECT = 500
LONGEST_TEXT = 20_000
_MOST_PARTS = 100
_DEEPEST = 20
_MOST_IDS = 500
_ID = re.compile(r"<([^<>\s]{1,500})>")
_REPLY = re.compile(r"^\s*(?:(?:re|fwd?|aw|wg|sv|vs|tr|rv|antw)\s*(?:\[\d+\])?\s*:\s*)+", re.IGNORECASE)
_QUOTED = re.compile(r"^\s*>")
_ANSWERED = re.compile(r"^\s*(?:-{3,} ?\w[\w ]{0,40} ?-{3,}|_{10,}|(?:On|Am|Le|El|Il|Em|Den|Op)\b.{5,200}:)\s*$")
_NO_CHARSETS = ("idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "utf-7", "mbcs", "oem")
"""Names that Python decodes by and no mail is written in; some take time in the square of the text."""
_NOT_WRITTEN = ("list-id", "list-unsubscribe", "x-auto-response-suppress", "x-autoreply", "feedback-id")


def parsed(raw: bytes) -> Message:
    """The mail in these octets; whatever is wrong with them, something comes out."""
    # The older policy: that of EmailMessage raises on headers that only an attacker or a broken program writes.
    if raw.lower().count(b"multipart/") > _MOST_PARTS:  # the parser takes time in the square of their depth
        return BytesHeaderParser(policy=email.policy.compat32).parsebytes(raw)
    return email.message_from_bytes(raw, policy=email.policy.compat32)


def is_automatic(message: Message) -> bool:
    """Whether no person wrote this to us: a newsletter, a bounce, an automatic reply (RFC 3834, RFC 2919)."""
    submitted = _header(message, "auto-submitted").lower()
    precedence = _header(message, "precedence").lower()
    bounced = _header(message, "return-path") == "<>" or message.get_content_type() == "multipart/report"
    return (
        (submitted not in ("", "no"))
        or precedence in ("bulk", "list", "junk", "auto_reply")
        or bounced
        or any(name in message for name in _NOT_WRITTEN)
    )


def digest_of(message: Message) -> str:
    """What tells this mail from others of the same Message-ID: its sender, its own date and its subject."""
    said = "\x1f".join(_header(message, name) for name in ("from", "date", "subject"))
    return blake2b(said.encode("utf-8", "replace"), digest_size=6).hexdigest()


@dataclass
class Known:
    """The Message-IDs of late, each with the digest of the mail that had it first.

    Programs that write many mails at once may give all of them one Message-ID, and so may somebody who wants to hide a
    flood or to overwrite a mail. The second mail of a name gets a longer one.
    """

    ids: dict[str, str]

    def name_of(self, message: Message) -> str:
        """The identity of the mail."""
        digest = digest_of(message)
        found = _ID.search(_header(message, "message-id"))
        if found is None:
            return f"mail-{digest}"
        short = blake2b(found[1].encode("utf-8", "replace"), digest_size=6).hexdigest()
        first = self.ids.pop(short, digest)
        self.ids[short] = first
        for stale in list(self.ids)[:-_MOST_IDS]:
            del self.ids[stale]
        return found[1] if first == digest else f"{found[1]}/{digest}"


@dataclass(frozen=True, slots=True)
class MailReader:
    """Makes posts of mails; with `sender_key` no name of a person is left in them but those they wrote themselves."""

    source: str
    now: datetime
    about: tuple[str, ...] = ()
    bodies: bool = False
    sender_key: bytes | None = None

    def post(self, message: Message, arrived_at: datetime | None, name: str) -> Post:
        """The mail as a post."""
        subject = subject_of(message)
        text = text_of(message) if self.bodies else ""
        shown, address = parseaddr(_words(_header(message, "from")).replace("\n", " "))
        name = self._named(name)
        root, answered = (self._named(each) if each else None for each in _thread(message))
        sent_at = arrived_at or _sent_at(message) or self.now
        return Post(
            source=self.source,
            external_id=name,
            created_at=not_after(sent_at, self.now),
            text=text or _REPLY.sub("", subject) or subject or "(no subject)",
            kind=PostKind.MESSAGE,
            title=subject,
            author=self._sender(address or shown),
            author_name=None if self.sender_key else tidy(shown)[:200] or None,
            thread_id=root or answered or name,
            parent_id=answered or root,
            collected_at=self.now,
            brands=self.about,
        )

    def _sender(self, address: str) -> str | None:
        plain = " ".join(tidy(address).lower().split())[:320]
        if not plain:
            return None
        return f"sender-{self._hashed(plain)}" if self.sender_key else plain

    def _named(self, name: str) -> str:
        """A Message-ID as it is kept: it often holds the sender's address or machine."""
        return f"mail-{self._hashed(name)}" if self.sender_key else tidy(name)[:500]

    def _hashed(self, text: str) -> str:
        return hmac.new(self.sender_key or b"", text.encode("utf-8", "replace"), sha256).hexdigest()[:24]


def subject_of(message: Message) -> str:
    """The subject on one line, in whatever charset it claims to be."""
    return " ".join(tidy(_words(_header(message, "subject"))).split())[:LONGEST_SUBJECT]


def text_of(message: Message) -> str:
    """The words of the mail: its plain part, or else its HTML without markup; what it quotes is left out."""
    plain, html = "", ""
    for part in _parts(message):
        kind = part.get_content_type()
        if part.get_content_disposition() == "attachment" or kind not in ("text/plain", "text/html"):
            continue
        content = _decoded(part)
        if kind == "text/plain" and not plain:
            plain = content
        elif kind == "text/html" and not html:
            html = content
    return _own_words(tidy(plain) or plain_text(html))[:LONGEST_TEXT]


def _parts(message: Message) -> list[Message]:
    """The parts of a mail that are no containers, as far as a sane mail goes: not by recursion, not without end."""
    found: list[Message] = []
    waiting = [(message, 0)]
    while waiting and len(found) < _MOST_PARTS:
        part, depth = waiting.pop(0)
        inner = part.get_payload() if part.is_multipart() else None  # else it would be decoded, as whatever it claims
        if not isinstance(inner, list):
            found.append(part)
        elif depth < _DEEPEST and part.get_content_maintype() == "multipart":
            waiting[:0] = [(each, depth + 1) for each in inner[:_MOST_PARTS] if isinstance(each, Message)]
    return found


def _decoded(part: Message) -> str:
    content = part.get_payload(decode=True)
    octets = content if isinstance(content, bytes) else str(content or "").encode("utf-8", "replace")
    return _in_charset(octets, _charset(part) or "utf-8")


def _charset(part: Message) -> str | None:
    """What the part says that it is written in; nothing where the name of that is written in what does not exist."""
    try:
        return part.get_content_charset()
    except ValueError:  # RFC 2231 lets a parameter have a charset of its own, and Python looks that one up
        return None


def _in_charset(octets: bytes, charset: str) -> str:
    """The octets as text: in the charset they claim, unless it does not exist or they are plainly UTF-8 instead."""
    claimed = "latin-1" if charset.lower().replace("_", "-") in _NO_CHARSETS else charset
    for name in (claimed, "utf-8") if octets.isascii() else ("utf-8", claimed):
        try:
            return octets.decode(name)
        except (LookupError, ValueError):
            continue
    try:
        return octets.decode(claimed, "replace")
    except (LookupError, ValueError):
        return octets.decode("latin-1")


def _own_words(text: str) -> str:
    """The text without what it quotes of the mail it answers, unless nothing else would be left."""
    own: list[str] = []
    for line in text.split("\n"):
        if _ANSWERED.match(line):
            break
        if not _QUOTED.match(line):
            own.append(line)
    return "\n".join(own).strip() or text


def _header(message: Message, name: str) -> str:
    """A header as it stands, on one line; of several the first, as people are shown."""
    return " ".join(str(message.get(name) or "").split())[:10_000]


def _words(header: str) -> str:
    """The words that a header encodes (RFC 2047), however badly."""
    try:
        parts = decode_header(header)
    except (MessageError, ValueError):
        return header
    return "".join(part if isinstance(part, str) else _in_charset(part, charset or "utf-8") for part, charset in parts)


def _thread(message: Message) -> tuple[str | None, str | None]:
    """The Message-IDs of the first mail of the thread and of the one answered."""
    references = _ID.findall(_header(message, "references"))
    answered = _ID.findall(_header(message, "in-reply-to"))
    parent = answered[0] if answered else references[-1] if references else None
    return (references[0] if references else parent), parent


def _sent_at(message: Message) -> datetime | None:
    try:
        return read_moment(parsedate_to_datetime(_header(message, "date")))
    except (ValueError, OverflowError):
        return None

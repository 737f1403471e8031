"""Signatures on messages between programs: those that we put on ours, and those that others put on theirs.

Ours follow Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA256 over id, time and body, as many signatures
as there are secrets, so that a secret can be changed without a message refused in between.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

SHORTEST_SECRET = 24
_PREFIX = "whsec_"
_PAGERDUTY = "v1="


class WeakSecretError(ValueError):
    """A secret is none that messages can be signed with; what is wrong with it, without the secret itself."""


def signing_key(secret: str) -> bytes:
    """The key in a secret such as `whsec_` and base64; `WeakSecretError` where it is none or too short."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise WeakSecretError("a signing secret is whsec_ followed by base64") from error
    if not secret.startswith(_PREFIX):
        raise WeakSecretError("a signing secret begins with whsec_")
    if len(key) < SHORTEST_SECRET:
        raise WeakSecretError(f"a signing secret has at least {SHORTEST_SECRET} random bytes; this one has {len(key)}")
    return key


def signed_headers(name: str, at: datetime, body: bytes, secrets: Iterable[str]) -> dict[str, str]:
    """The headers of Standard Webhooks for one message, with a signature by each of the secrets."""
    timestamp = str(int(at.timestamp()))
    signed = b".".join((name.encode(), timestamp.encode(), body))
    signatures = [base64.b64encode(_mac(signing_key(secret), signed)).decode() for secret in secrets]
    return {
        "webhook-id": name,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def is_from_pagerduty(body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> bool:
    """Whether PagerDuty signed this very body (webhooks v3, `X-PagerDuty-Signature`) with one of the secrets.

    The header holds a signature for each secret that is in use over there, `v1=HEX,v1=HEX`; one that agrees is enough.
    It covers the body alone and no time, so an old message stays valid: who acts on one must bear to see it twice.
    """
    given = next((value for name, value in headers.items() if name.lower() == "x-pagerduty-signature"), "")
    offered = [part.strip()[len(_PAGERDUTY) :] for part in given.split(",") if part.strip().startswith(_PAGERDUTY)]
    wanted = [_mac(secret.encode(), body).hex() for secret in secrets if secret]
    matches = [hmac.compare_digest(one.encode(), other.encode()) for one in offered for other in wanted]
    return any(matches)


def _mac(key: bytes, signed: bytes) -> bytes:
    return hmac.new(key, signed, hashlib.sha256).digest()

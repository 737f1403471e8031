"""Signatures: what PagerDuty signed, and nothing else."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as some

from alerts.signatures import is_from_pagerduty

BODY = b'{"event":{"event_type":"incident.acknowledged"}}'


def signed(body: bytes, *secrets: str) -> dict[str, str]:
    """The header as PagerDuty documents it."""
    digests = [hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() for secret in secrets]
    return {"X-PagerDuty-Signature": ",".join(f"v1={digest}" for digest in digests)}


def test_what_was_signed_with_our_secret_is_from_pagerduty() -> None:
    assert is_from_pagerduty(BODY, signed(BODY, "ours"), ["ours"])
    assert is_from_pagerduty(BODY, {"x-pagerduty-signature": signed(BODY, "ours").popitem()[1]}, ["ours"])


@pytest.mark.parametrize("known", [["old"], ["new"], ["old", "new"]])
def test_while_a_secret_is_replaced_either_is_enough(known: list[str]) -> None:
    assert is_from_pagerduty(BODY, signed(BODY, "old", "new"), known)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-PagerDuty-Signature": ""},
        {"X-PagerDuty-Signature": "v1="},
        {"X-PagerDuty-Signature": "v2=" + signed(BODY, "ours")["X-PagerDuty-Signature"][3:]},
        {"X-PagerDuty-Signature": signed(BODY, "ours")["X-PagerDuty-Signature"][3:]},
        {"X-PagerDuty-Signature": "v1=é"},
        signed(BODY, "theirs"),
    ],
)
def test_anything_else_is_not(headers: dict[str, str]) -> None:
    assert not is_from_pagerduty(BODY, headers, ["ours"])


def test_without_a_secret_nothing_is() -> None:
    assert not is_from_pagerduty(BODY, signed(BODY, ""), [""])
    assert not is_from_pagerduty(BODY, signed(BODY, "ours"), [])


@given(body=some.binary(max_size=80), at=some.integers(0, 10**6), bit=some.integers(0, 7))
def test_a_body_changed_in_any_bit_is_not(body: bytes, at: int, bit: int) -> None:
    sent = BODY + body
    changed = bytearray(sent)
    changed[at % len(sent)] ^= 1 << bit
    assert not is_from_pagerduty(bytes(changed), signed(sent, "ours"), ["ours"])

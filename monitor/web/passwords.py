"""Passwords are kept as argon2id hashes."""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 12
LONGEST = 1024


class PasswordError(Exception):
    """A password that is not taken; the message says why."""


def hashed(password: str) -> str:
    """What is kept of a password; `PasswordError` when it is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise PasswordError(f"a password has {SHORTEST} to {LONGEST} characters; this one has {len(password)}")
    return PasswordHasher().hash(password)


def is_right(kept: str | None, password: str) -> bool:
    """Whether the password is the one kept. It takes as long where nobody has one, so that names cannot be guessed."""
    try:
        right = PasswordHasher().verify(kept or _nobodys(), password[:LONGEST])
    except (VerificationError, InvalidHashError):
        return False
    return right and kept is not None


@cache
def _nobodys() -> str:
    return PasswordHasher().hash("of nobody at all")

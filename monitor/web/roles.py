"""Who may do what: four roles, each of which may do what the one before it may."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person may do here."""

    VIEWER = "viewer"
    """Look at everything."""
    RESPONDER = "responder"
    """Also act on incidents."""
    ANALYST = "analyst"
    """Also judge past incidents, try other thresholds and keep views."""
    OPERATOR = "operator"
    """Also change the configuration."""

    @property
    def rank(self) -> int:
        """0 for viewer to 3 for operator."""
        return list(Role).index(self)

    def may(self, needed: Role) -> bool:
        """Whether this role is enough where `needed` is asked for."""
        return self.rank >= needed.rank


class Way(StrEnum):
    """How somebody came in."""

    LOOPBACK = "loopback"
    SESSION = "session"
    TOKEN = "token"  # noqa: S105  # not one


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who asks, as every route is told. `csrf` goes into forms, and is empty for programs."""

    name: str
    role: Role
    way: Way
    csrf: str = ""

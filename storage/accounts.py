"""Who may come in: accounts, the browsers that are signed in, and the tokens of programs.

Cookies and tokens are kept as their SHA-256 alone; they are random, so that nothing slower is needed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, or_, select, update

from storage.database import Transaction
from storage.schema import account, api_token, web_session
from storage.statements import insert_if_new

SEEN_TO = timedelta(minutes=1)
"""How exactly it is kept when somebody was last seen: a write for every request would be too many."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may sign in; `password` is a hash."""

    name: str
    role: str
    created_at: datetime
    password: str | None = None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A browser that is signed in; `role` is the one that counts now."""

    name: str
    role: str
    created_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Token:
    """A program's token, without its secret; `role` is that of its account."""

    id: str
    account: str
    role: str
    purpose: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    seen_at: datetime | None = None


_ACCOUNT = tuple(account.c[name] for name in Account.__slots__)
_TOKEN = tuple(account.c.role if name == "role" else api_token.c[name] for name in Token.__slots__)


def key_of(secret: str) -> str:
    """What is kept of a cookie or token."""
    return hashlib.sha256(secret.encode()).hexdigest()


def add(tx: Transaction, new: Account) -> bool:
    """Store an account; False when the name is taken."""
    return insert_if_new(tx, account, {name: getattr(new, name) for name in Account.__slots__})


def get(tx: Transaction, name: str) -> Account | None:
    """The account of this name."""
    row = tx.execute(select(*_ACCOUNT).where(account.c.name == name)).first()
    return Account(*row) if row else None


def every(tx: Transaction) -> list[Account]:
    """All accounts, by name."""
    return [Account(*row) for row in tx.execute(select(*_ACCOUNT).order_by(account.c.name))]


def is_any_with_password(tx: Transaction) -> bool:
    """Whether anybody could sign in."""
    return tx.execute(select(account.c.name).where(account.c.password.is_not(None)).limit(1)).first() is not None


def set_role(tx: Transaction, name: str, role: str) -> bool:
    """Give an account another role; False when there is none of this name."""
    return bool(tx.execute(update(account).where(account.c.name == name).values(role=role)).rowcount)


def set_password(tx: Transaction, name: str, password: str) -> bool:
    """Give an account another password, and sign its browsers out; False when there is none of this name."""
    sign_out(tx, name)
    return bool(tx.execute(update(account).where(account.c.name == name).values(password=password)).rowcount)


def remove(tx: Transaction, name: str) -> bool:
    """Remove an account with its browsers and tokens; False when there is none of this name."""
    sign_out(tx, name)
    tx.execute(delete(api_token).where(api_token.c.account == name))
    return bool(tx.execute(delete(account).where(account.c.name == name)).rowcount)


def begin_session(tx: Transaction, cookie: str, name: str, at: datetime, role: str | None = None) -> None:
    """Sign a browser in; `role` is what a provider gave, None for that of the account."""
    row = {"key": key_of(cookie), "name": name, "role": role, "created_at": at, "seen_at": at}
    tx.execute(web_session.insert(), row)


def session(tx: Transaction, cookie: str, now: datetime, idle: timedelta) -> SignedIn | None:
    """Who is signed in with this cookie, unless it lay idle for too long or the account is gone."""
    columns = web_session.c
    role = func.coalesce(columns.role, account.c.role)
    statement = (
        select(columns.name, role, columns.created_at, columns.seen_at)
        .select_from(web_session.outerjoin(account, account.c.name == columns.name))
        .where(columns.key == key_of(cookie), columns.seen_at > now - idle, role.is_not(None))
    )
    row = tx.execute(statement).first()
    return SignedIn(*row) if row else None


def see_session(tx: Transaction, cookie: str, now: datetime) -> None:
    """Note that the browser was here."""
    tx.execute(update(web_session).where(web_session.c.key == key_of(cookie)).values(seen_at=now))


def end_session(tx: Transaction, cookie: str) -> None:
    """Sign the browser out."""
    tx.execute(delete(web_session).where(web_session.c.key == key_of(cookie)))


def sign_out(tx: Transaction, name: str) -> int:
    """Sign every browser of somebody out; how many there were."""
    return tx.execute(delete(web_session).where(web_session.c.name == name)).rowcount


def forget_idle_sessions(tx: Transaction, now: datetime, idle: timedelta) -> None:
    """Remove sessions that nobody can use any more."""
    tx.execute(delete(web_session).where(web_session.c.seen_at <= now - idle))


def add_token(tx: Transaction, secret: str, new: Token) -> None:
    """Store a token."""
    row: dict[str, Any] = {name: getattr(new, name) for name in Token.__slots__ if name != "role"}
    tx.execute(api_token.insert(), {**row, "scopes": list(new.scopes), "key": key_of(secret)})


def token(tx: Transaction, secret: str, now: datetime) -> Token | None:
    """The token, unless it is unknown or has expired."""
    statement = _tokens().where(api_token.c.key == key_of(secret), api_token.c.expires_at > now)
    row = tx.execute(statement).first()
    return _token(row) if row else None


def see_token(tx: Transaction, token_id: str, now: datetime) -> None:
    """Note that the token was used."""
    is_old = or_(api_token.c.seen_at.is_(None), api_token.c.seen_at <= now - SEEN_TO)
    tx.execute(update(api_token).where(api_token.c.id == token_id, is_old).values(seen_at=now))


def tokens(tx: Transaction, name: str | None = None) -> list[Token]:
    """Tokens of one account or all, the newest first."""
    statement = _tokens().order_by(api_token.c.created_at.desc(), api_token.c.id)
    return [_token(row) for row in tx.execute(statement if name is None else statement.where(account.c.name == name))]


def remove_token(tx: Transaction, token_id: str) -> bool:
    """Remove a token; False when there is none of this id."""
    return bool(tx.execute(delete(api_token).where(api_token.c.id == token_id)).rowcount)


def _tokens() -> Any:
    return select(*_TOKEN).select_from(api_token.join(account, account.c.name == api_token.c.account))


def _token(row: Sequence[Any]) -> Token:
    values = dict(zip(Token.__slots__, row, strict=True))
    return Token(**{**values, "scopes": tuple(values["scopes"])})

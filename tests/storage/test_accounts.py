"""Who may come in, what people did, and what they keep."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, update

from storage import accounts, audit, saved_views
from storage.accounts import Account, Token
from storage.database import Database
from storage.saved_views import SavedView
from storage.schema import audit as audit_table

NOW = datetime(2024, 6, 2, 12, tzinfo=UTC)
IDLE = timedelta(hours=12)
ADA = Account("ada", "analyst", NOW, "hash")


def test_a_session_lasts_while_it_is_used(database: Database) -> None:
    with database.write() as tx:
        assert accounts.add(tx, ADA)
        assert not accounts.add(tx, ADA)
        accounts.begin_session(tx, "cookie", "ada", NOW)
    with database.read() as tx:
        found = accounts.session(tx, "cookie", NOW + timedelta(hours=11), IDLE)
        assert found is not None
        assert (found.name, found.role) == ("ada", "analyst")
        assert accounts.session(tx, "cookie", NOW + IDLE, IDLE) is None
        assert accounts.session(tx, "other", NOW, IDLE) is None
    with database.write() as tx:
        accounts.see_session(tx, "cookie", NOW + timedelta(hours=11))
        assert accounts.session(tx, "cookie", NOW + timedelta(hours=22), IDLE) is not None


def test_what_is_taken_away_ends_at_once(database: Database) -> None:
    with database.write() as tx:
        accounts.add(tx, ADA)
        accounts.begin_session(tx, "one", "ada", NOW)
        accounts.set_role(tx, "ada", "viewer")
        seen = accounts.session(tx, "one", NOW, IDLE)
        assert seen is not None
        assert seen.role == "viewer"
        assert accounts.set_password(tx, "ada", "another")
        assert accounts.session(tx, "one", NOW, IDLE) is None
        accounts.begin_session(tx, "two", "ada", NOW)
        assert accounts.remove(tx, "ada")
        assert not accounts.remove(tx, "ada")
        assert accounts.session(tx, "two", NOW, IDLE) is None


def test_a_role_of_a_provider_needs_no_account(database: Database) -> None:
    with database.write() as tx:
        accounts.begin_session(tx, "cookie", "eve@example.com", NOW, role="responder")
        found = accounts.session(tx, "cookie", NOW, IDLE)
        accounts.forget_idle_sessions(tx, NOW + IDLE, IDLE)
        assert accounts.session(tx, "cookie", NOW, IDLE) is None
    assert found is not None
    assert found.role == "responder"


def test_tokens_expire_and_go_with_their_account(database: Database) -> None:
    new = Token("t1", "ada", "", "notebook", ("read",), NOW, NOW + timedelta(days=1))
    with database.write() as tx:
        accounts.add(tx, ADA)
        accounts.add_token(tx, "secret", new)
        accounts.see_token(tx, "t1", NOW)
        found = accounts.token(tx, "secret", NOW)
        assert found is not None
        assert (found.role, found.scopes, found.seen_at) == ("analyst", ("read",), NOW)
        assert accounts.token(tx, "secret", NOW + timedelta(days=1)) is None
        assert [token.id for token in accounts.tokens(tx, "ada")] == ["t1"]
        accounts.remove(tx, "ada")
        assert accounts.token(tx, "secret", NOW) is None
        assert accounts.tokens(tx) == []


def test_no_secret_is_kept(database: Database) -> None:
    with database.write() as tx:
        accounts.add(tx, ADA)
        accounts.begin_session(tx, "canary-cookie", "ada", NOW)
        accounts.add_token(tx, "canary-token", Token("t1", "ada", "", "", ("read",), NOW, NOW + timedelta(days=1)))
        kept = str(tx.exec_driver_sql("SELECT * FROM web_session").all())
        kept += str(tx.exec_driver_sql("SELECT * FROM api_token").all())
    assert "canary" not in kept


def test_the_audit_shows_what_was_changed_or_removed(database: Database) -> None:
    with database.write() as tx:
        for number in range(5):
            audit.add(tx, NOW, "ada", "acknowledged", f"incident {number}", {"b": [1, None], "a": "x\0y"})
    with database.read() as tx:
        assert audit.first_broken(tx) is None
        assert [line.seq for line in audit.recent(tx, before=4, limit=2)] == [3, 2]
    for damage in (
        update(audit_table).where(audit_table.c.seq == 3).values(actor="eve"),
        update(audit_table).where(audit_table.c.seq == 3).values(details={}),
        delete(audit_table).where(audit_table.c.seq == 2),
    ):
        assert first_broken_after(database, damage) == 3
    with database.read() as tx:
        assert audit.first_broken(tx) is None


def first_broken_after(database: Database, damage: Any) -> int | None:
    """What the audit says after damage that is taken back."""
    with database.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(damage)
        found = audit.first_broken(connection)
        transaction.rollback()
    return found


def test_a_view_is_kept_for_everybody(database: Database) -> None:
    with database.write() as tx:
        saved_views.save(tx, SavedView("angry", "ada", "label=negative", NOW))
        saved_views.save(tx, SavedView("angry", "eve", "label=negative&brand=Acme", NOW))
        assert [(view.author, view.query) for view in saved_views.every(tx)] == [("eve", "label=negative&brand=Acme")]
        assert saved_views.remove(tx, "angry")
        assert not saved_views.remove(tx, "angry")

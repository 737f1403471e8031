"""Who may sign in, by the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.web.passwords import is_right
from storage import accounts
from storage.database import Database
from storage.schema import audit as audit_table
from tests.monitor.cli.conftest import Run
from tests.storage.examples import NOON

PASSWORD = "correct horse battery\n"


def test_somebody_is_added_to_an_installation_that_never_ran(configured: Path, tocsin: Run) -> None:
    result = tocsin("users", "add", "ada", "--role", "responder", "--password-stdin", input=PASSWORD)
    assert (result.exit_code, result.output) == (0, "ada may sign in, as responder.\n")
    with Database.open(f"sqlite:///{configured.parent}/tocsin.db") as database, database.read() as tx:
        kept = accounts.get(tx, "ada")
    assert kept is not None
    assert is_right(kept.password, PASSWORD.strip())
    assert tocsin("users", "list").output.split()[-3:] == ["ada", "responder", f"{NOON:%Y-%m-%d}"]
    assert json.loads(tocsin("users", "list", "--json").output)["role"] == "responder"


def test_roles_and_passwords_change_and_people_go(stored: Database, tocsin: Run) -> None:
    tocsin("users", "add", "ada", "--password-stdin", input=PASSWORD)
    assert tocsin("users", "role", "ada", "analyst").output == "ada is analyst now.\n"
    assert tocsin("users", "password", "ada", "--password-stdin", input="another of these\n").exit_code == 0
    with stored.read() as tx:
        kept = accounts.get(tx, "ada")
    assert kept is not None
    assert (kept.role, is_right(kept.password, "another of these")) == ("analyst", True)
    assert tocsin("users", "remove", "ada").exit_code == 0
    assert "Nobody may sign in yet" in tocsin("users", "list").output


@pytest.mark.parametrize(
    ("arguments", "written", "told"),
    [
        (("add", "ada", "--password-stdin"), "short\n", "12 to 1024 characters; this one has 5"),
        (("add", "tocsin", "--password-stdin"), PASSWORD, "what the program calls itself"),
        (("add", "a b", "--password-stdin"), PASSWORD, "no name to sign in with"),
        (("add", "ada"), "", "--password-stdin"),
        (("role", "eve", "viewer"), "", 'no "eve"'),
        (("password", "eve", "--password-stdin"), PASSWORD, 'no "eve"'),
        (("remove", "eve"), "", 'no "eve"'),
        (("token", "eve"), "", 'no "eve"'),
        (("token", "eve", "--scope", "all"), "", "read, respond, analyse, operate"),
        (("revoke", "12345678"), "", 'no token "12345678"'),
    ],
)
def test_what_cannot_be_done_is_said(
    stored: Database, tocsin: Run, arguments: tuple[str, ...], written: str, told: str
) -> None:
    result = tocsin("users", *arguments, input=written)
    assert result.exit_code != 0
    assert told in result.output


def test_a_name_is_given_once(stored: Database, tocsin: Run) -> None:
    for _ in range(2):
        result = tocsin("users", "add", "ada", "--password-stdin", input=PASSWORD)
    assert 'there is a "ada" already' in result.output


def test_a_token_is_shown_once_and_taken_back(stored: Database, tocsin: Run) -> None:
    tocsin("users", "add", "ada", "--password-stdin", input=PASSWORD)
    assert tocsin("users", "tokens").output == "There are no tokens.\n"
    secret = tocsin("users", "token", "ada", "--days", "1", "--purpose", "notebook").stdout.strip()
    with stored.read() as tx:
        found = accounts.token(tx, secret, NOON)
    assert found is not None
    assert (found.purpose, found.scopes) == ("notebook", ("read",))
    assert found.id in tocsin("users", "tokens").output
    assert secret not in tocsin("users", "tokens", "--json").output
    assert tocsin("users", "revoke", found.id).exit_code == 0
    with stored.read() as tx:
        assert accounts.token(tx, secret, NOON) is None


def test_the_log_tells_who_did_what_and_whether_it_is_whole(stored: Database, tocsin: Run) -> None:
    tocsin("users", "add", "ada", "--password-stdin", input=PASSWORD)
    tocsin("users", "role", "ada", "analyst")
    lines = [json.loads(line) for line in tocsin("users", "log", "--json").output.splitlines()]
    assert [(line["actor"], line["action"], line["subject"]) for line in lines] == [
        ("Ada", "added user", "ada"),
        ("Ada", "changed role", "ada"),
    ]
    with stored.write() as tx:
        tx.execute(audit_table.update().where(audit_table.c.seq == 1).values(actor="Eve"))
    result = tocsin("users", "log")
    assert result.exit_code == 1
    assert "line 1 does not fit" in result.output

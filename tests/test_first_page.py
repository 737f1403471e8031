"""The first page in ten minutes: the commands of that page, as they stand, over a mail server of our own."""

from __future__ import annotations

import re
import shlex
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from monitor.cli.program import app
from tests.servers.mail import MailServer, mail_server

PAGE = Path(__file__).parents[1] / "docs" / "first-page.md"
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def commands() -> Iterator[list[str]]:
    """What a newcomer types after `tocsin`."""
    for block in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        for line in block.splitlines():
            if line.startswith("tocsin "):
                yield shlex.split(line)[1:]


@pytest.fixture
def mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    """The mail server of the page, in a folder of one's own, without any network."""
    real = socket.getaddrinfo

    def resolve(host: Any, *arguments: Any, **named: Any) -> Any:
        if host not in ("127.0.0.1", "localhost", None):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.chdir(tmp_path)
    with mail_server() as server:
        yield server


def typed(words: list[str], server: MailServer) -> Any:
    """A command of the page, with the port of this test's server in place of the page's."""
    return CliRunner().invoke(app, [word.replace("8025", str(server.port)) for word in words], prog_name="tocsin")


def test_the_page_leads_to_a_mail_in_the_mailbox(mail: MailServer) -> None:
    (init, check, live, *rest) = commands()
    assert [words[0] for words in (init, check, live)] == ["init", "check", "check"]
    assert typed(init, mail).exit_code == 0
    assert typed(check, mail).exit_code == 0
    assert "fine" in typed(live, mail).output
    (letter,) = mail.inbox("you@acme.example")
    assert "Acme" in str(letter.message) or "test" in str(letter.message["Subject"]).lower()
    assert [words[0] for words in rest] == ["fire-drill", "incidents", "incidents", "run"]


def test_every_command_of_the_page_has_the_options_it_names() -> None:
    for words in commands():
        path = [word for word in words if not word.startswith("-")]
        told = next(
            result.output
            for length in (2, 1)
            if (result := CliRunner().invoke(app, [*path[:length], "--help"])).exit_code == 0
        )
        assert [word for word in words if word.startswith("--") and word not in told] == []

"""The program as a person runs it: real processes, a blog with comments, a mail server and a Slack; one page, once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitor.demo import words
from tests.servers.feed_host import Article, Comment, FeedHost
from tests.servers.mail import MailServer, mail_server
from tests.servers.slack import TOKEN, Slack, slack_server
from tests.servers.slack_people import APP_TOKEN

PATIENCE = 90.0
"""Seconds after which the test gives up; it takes a few when all is well."""

CONFIGURATION = """
[database]
url = "sqlite:///tocsin.db"

[web]
port = 0

[[brands]]
name = "Norrvik Mobile"
aliases = ["Norrvik"]
people = ["Birger Halvorsen"]

[[kinds]]
name = "goods_returned"
severity = "critical"  # which is told at once: a warning would wait half a minute for more
words = {{ en = ["sent mine back"] }}

[[sources]]
type = "feeds"
name = "blogs"
every = "10s"
feeds = ["{blog}/feed"]
allow_private_hosts = ["127.0.0.1"]
allow_ports = [{blog_port}]

[[channels]]
type = "smtp"
name = "mail"
host = "127.0.0.1"
port = {mail_port}
security = "none"
sender = "tocsin@norrvik.example"
to = ["pr@norrvik.example"]

[[channels]]
type = "slack"
name = "room"
token = {{ env = "SLACK_TOKEN" }}
app_token = {{ env = "SLACK_APP_TOKEN" }}
channels = ["C0ROOM"]
base_url = "{slack}"

[[routes]]
channels = ["mail", "room"]
"""


def tocsin(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        command(*arguments, "--config", str(folder / "tocsin.toml")),
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from monitor.cli import main; main()", *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "SLACK_TOKEN": TOKEN, "SLACK_APP_TOKEN": APP_TOKEN}


@contextmanager
def running(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`tocsin run`, stopped as a service manager stops it; its log is left in the folder."""
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            command("run", "--config", str(folder / "tocsin.toml")), env=environment(), stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0, (folder / "log").read_text()


def until(holds: Callable[[], object], process: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait for something that the process does."""
    deadline = datetime.now(UTC) + timedelta(seconds=PATIENCE)
    while not holds():
        assert process.poll() is None, (folder / "log").read_text()
        assert datetime.now(UTC) < deadline, (folder / "log").read_text()
        threading.Event().wait(0.05)


def flood(blog: FeedHost) -> None:
    """Eight articles of the last hour, each with ten angry comments that do not name the company."""
    now = datetime.now(UTC)
    for number in range(1, 9):
        began_at = now - timedelta(minutes=50 - number)
        sayings = [
            Comment(
                100 * number + n,
                now - timedelta(minutes=40 - 4 * n, seconds=number),
                f"{words.OUTRAGE[1][(n + number) % 15]} {words.OUTRAGE[2][(3 * n + number) % 15]} I sent mine back.",
            )
            for n in range(10)
        ]
        title = f"Norrvik Mobile threatens a customer with a cease and desist letter, part {number}"
        blog.articles.append(Article(number, began_at, title, words.BLOG_TEXT, sayings))


def configure(folder: Path, blog: FeedHost, mail: MailServer, slack: Slack) -> None:
    """Write the configuration for these servers."""
    text = CONFIGURATION.format(
        blog=blog.url, blog_port=blog.url.rsplit(":", 1)[1], mail_port=mail.port, slack=slack.url
    )
    (folder / "tocsin.toml").write_text(text)


def shown(slack: Slack) -> str:
    """What stands in the channel."""
    return json.dumps([root.blocks for root in slack.roots()], ensure_ascii=False)


def test_a_flood_on_a_blog_pages_once_by_mail_and_slack_and_survives_a_restart(tmp_path: Path) -> None:
    with FeedHost() as blog, mail_server() as mail, slack_server() as slack:
        configure(tmp_path, blog, mail, slack)
        flood(blog)
        with running(tmp_path) as process:
            until(lambda: mail.inbox("pr@norrvik.example") and slack.roots(), process, tmp_path)
        (letter, *_) = mail.inbox("pr@norrvik.example")
        assert "Norrvik Mobile" in str(letter.message["Subject"])
        (incident, *others) = map(json.loads, tocsin(tmp_path, "incidents", "list", "--json").stdout.splitlines())
        assert (incident["brand"], others) == ("Norrvik Mobile", [])
        assert incident["severity"] == "critical"

        told = [item.message_id for item in mail.inbox("pr@norrvik.example")]
        with running(tmp_path) as process:
            tocsin(tmp_path, "incidents", "ack", incident["id"], "--by", "Kim")
            until(lambda: "Kim" in shown(slack), process, tmp_path)
            slack.people.line(PATIENCE)
            slack.press(slack.roots()[0], "False alarm", "U0ROB")
            until(lambda: "False alarm · Norrvik Mobile" in shown(slack), process, tmp_path)
        assert "Rob called it a false alarm." in slack.replies(slack.roots()[0])[-1].text
        assert len(slack.roots()) == 1
        opened = [item for item in mail.inbox("pr@norrvik.example") if item.message_id in told]
        assert len(opened) == len(told)

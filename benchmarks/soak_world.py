"""What is said in the soak, of whom, and under which configuration it is read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from config.load import load
from monitor.assembly import assemble
from monitor.demo import words
from monitor.pipeline import Batch
from storage.database import Database
from storage.records import Post, PostKind
from tests.servers.feed_host import Article, Comment

NAMES = ("Halden", "Norrvik", "Brandal", "Tveit", "Solund", "Kvamme", "Ytre", "Lofthus", "Marnar", "Fonna")
TRADES = ("Mobile", "Air", "Foods", "Bank", "Rail", "Energy", "Insurance", "Post")
BRANDS = tuple(f"{name} {trade}" for trade in TRADES for name in NAMES)

MAIL_AND_SLACK = """
[[channels]]
type = "smtp"
name = "mail"
host = "127.0.0.1"
port = {mail_port}
security = "none"
sender = "tocsin@halden.example"
to = ["pr@halden.example"]
[[channels]]
type = "slack"
name = "room"
token = {{ env = "BENCH_TOKEN" }}
channels = ["C0ROOM"]
base_url = "{slack}"
[[routes]]
channels = ["mail", "room"]
"""
"""Mail and Slack servers on this machine; what stands in braces is filled in."""

CONFIGURATION = (
    """
[database]
url = {database}
[web]
port = 0
[[sources]]
type = "feeds"
name = "blogs"
every = "10s"
feeds = ["{blog}/feed"]
allow_private_hosts = ["127.0.0.1"]
allow_ports = [{blog_port}]
"""
    + MAIL_AND_SLACK
)

SOURCE = "blogs"
PARTS, SAYINGS = 8, 10
"""Articles of a story, and comments on each of them."""


def write_configuration(
    folder: Path, brands: Sequence[str], *, url: str, blog: str, slack: str, mail_port: int
) -> Path:
    """The file of a program that reads the blog and tells the other two."""
    text = CONFIGURATION.format(
        database=json.dumps(url), blog=blog, blog_port=blog.rsplit(":", 1)[1], mail_port=mail_port, slack=slack
    )
    file = folder / "tocsin.toml"
    file.write_text(text + "".join(f'[[brands]]\nname = "{name}"\n' for name in brands))
    return file


def story(brand: str, numbers: Iterator[int], now: datetime, returns: int) -> Iterator[Article]:
    """Readers turn against a company, and say something else at each of its returns."""
    for part in range(PARTS):
        number = next(numbers)
        sayings = [
            Comment(100 * number + n, now - timedelta(minutes=14 - n, seconds=7 * part), _said(brand, n, part, returns))
            for n in range(SAYINGS)
        ]
        title = f"{brand} threatens a customer with a cease and desist letter, part {part + 1}"
        text = words.BLOG_TEXT.replace("Norrvik Mobile", brand).replace("Norrvik", brand)
        yield Article(number, now - timedelta(minutes=15 - part), title, text, sayings)


def live_before(config: Path, hours: float, every: float, now: datetime) -> int:
    """Store as much talk for the hours before as there will be of stories, and nothing bad; how many posts."""
    settings, luck, stored = load(config, complete=False), Random(1), 0  # noqa: S311
    with Database.open(settings.database.resolved_url()) as database:
        pipeline = assemble(settings, database)
        for turn in reversed(range(1, int(hours * 3600 / every))):
            brand, since = settings.brands[turn % len(settings.brands)].name, now - timedelta(seconds=every * turn)
            posts = [post for part in range(PARTS) for post in _talk(brand, f"{turn}-{part}", since, every, luck)]
            stored += pipeline.ingest(Batch(posts=posts)).new_posts
    return stored


def _talk(brand: str, name: str, since: datetime, every: float, luck: Random) -> Iterator[Post]:
    """An article that says nothing bad, and the comments on it."""
    root = f"before-{name}"
    yield Post(SOURCE, root, since, _ordinary(brand, luck), PostKind.ARTICLE, f"{brand} this week", thread_id=root)
    for number in range(SAYINGS):
        at = since + timedelta(seconds=luck.random() * every)
        text = _ordinary(brand, luck)
        yield Post(SOURCE, f"{root}-{number}", at, text, PostKind.COMMENT, thread_id=root, parent_id=root)


def _ordinary(brand: str, luck: Random) -> str:
    said = " ".join(luck.choice(part) for part in words.ORDINARY[1:])
    return f"{brand}: {said} {luck.random():.6f} {luck.random():.6f}"


def _said(brand: str, number: int, part: int, returns: int) -> str:
    """What a reader says, each another thing."""
    first, second = words.OUTRAGE[1][(number + part) % 15], words.OUTRAGE[2][(3 * number + part) % 15]
    again = words.OUTRAGE[0][returns % 14].replace("Norrvik Mobile", brand) if returns else ""
    return f"{brand}: {again} {first} {second}"

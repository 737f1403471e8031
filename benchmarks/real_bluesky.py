"""The Bluesky source against a real network: `python -m benchmarks.real_bluesky --network FOLDER`.

The network is the one that Bluesky's developers test with: a personal data server, an app view with its search, a
directory of identities. It is installed apart, with Node 22 or later (`npm install @atproto/dev-env` in FOLDER; where
the machine's Node is older, `node@22` beside it, which better-sqlite3 has to be built for), and wants a `redis-server`
and a PostgreSQL with pg_trgm. Accounts, posts, answers, likes, edits, deletions and blocks are made by the platform's
own interface and read by the source. It prints one line of JSON for each leg and one for all; the exit code is 1 where
something was neither read nor put on the ledger, or was read otherwise than it was written, and 2 where the network is
not there, with what is missing.

Not in it: Jetstream, which is a program of its own; the limits of requests; and the search of bsky.social, whose index
is not public: the one of this network looks for the letters as they are, and heeds neither `since` nor `until`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.bluesky_network import POST, Network, Person, Ref, missing, running
from collectors import bluesky
from collectors.contract import Recheck, SourceContext
from collectors.listed import Listed
from config.settings import BrandSettings
from storage.records import Post
from tests.collectors.scenario import Store


@dataclass(frozen=True, slots=True)
class Written:
    """What a post says, which it answers or quotes, and in whose thread."""

    text: str
    parent: str | None = None
    thread: str = ""


@dataclass
class Leg:
    """What was written in it, by address."""

    name: str
    written: dict[str, Written] = field(default_factory=dict)

    def post(self, by: Person, text: str, **fields: Any) -> Ref:
        """A post that stands by itself."""
        ref = by.make(POST, text=text, **fields)
        self.written[ref.uri] = Written(text, None, ref.uri)
        return ref

    def answer(self, by: Person, root: Ref, parent: Ref, text: str) -> Ref:
        """An answer."""
        ref = by.make(POST, text=text, reply={"root": root.raw, "parent": parent.raw})
        self.written[ref.uri] = Written(text, parent.uri, root.uri)
        return ref

    def told(self, store: Store, gaps: int, **more: int) -> bool:
        """Print what came of it; whether nothing was lost unsaid, or read otherwise."""
        read = {uri: store.posts[uri] for uri in self.written if uri in store.posts}
        otherwise = sum(_is_otherwise(post, self.written[uri]) for uri, post in read.items())
        missing, said = len(self.written) - len(read), len(store.gaps) - gaps
        figures = {"written": len(self.written), "read": len(read), "otherwise": otherwise, "missing": missing}
        print(json.dumps({"leg": self.name, **figures, "gaps": said, **more}), flush=True)
        return not otherwise and (not missing or said > 0) and not any(more.values())


def _is_otherwise(post: Post, written: Written) -> bool:
    found = (post.text, post.parent_id, post.thread_id, post.author)
    return found != (written.text, written.parent, written.thread, post.external_id.split("/")[2])


@dataclass
class World:
    """The network, who lives there, and the source that reads it."""

    network: Network
    people: list[Person]
    source: Listed
    me: Person
    store: Store = field(default_factory=Store)

    def turn(self) -> None:
        """A turn of the source, after all was indexed."""
        self.network.settle()
        self.store.run(self.source)

    def recheck(self, uris: Sequence[str]) -> Recheck:
        """What the source finds of posts that it has read."""
        self.network.settle()
        return self.source.recheck([self.store.posts[uri] for uri in uris], {})


# -- legs --------------------------------------------------------------------------------------------------------------


def search(world: World, count: int) -> bool:
    """Posts that name the brand, more than a page of them from one turn to the next."""
    leg, gaps = Leg("search"), len(world.store.gaps)
    for number in range(count):
        leg.post(world.people[number % len(world.people)], f"My Norrvik, number {number} & <more> \U0001f525")
        if number % (count // 2 + 1) == count // 2:
            world.turn()
    world.turn()
    return leg.told(world.store, gaps)


def answers(world: World, count: int) -> bool:
    """A flood of answers without the brand's name: side by side, each below the one before, and below old ones."""
    wide, deep, late = Leg("answers"), Leg("answers, each to the one before"), Leg("answers to answers, later")
    gaps, people = len(world.store.gaps), world.people
    root = wide.post(people[0], "Norrvik phones burn")
    world.turn()
    first = [wide.answer(people[n % len(people)], root, root, f"Mine too, {n}") for n in range(count)]
    last = root
    for number in range(40):
        last = deep.answer(people[number % len(people)], root, last, f"And then, {number}")
    world.turn()
    for number in range(count // 4):
        late.answer(people[number % len(people)], root, first[number % 10], f"Are you sure, {number}")
    world.turn()
    world.turn()
    return sum(not leg.told(world.store, gaps) for leg in (wide, deep, late)) == 0


def growth(world: World) -> bool:
    """Likes, reposts and quotations of a post that is followed."""
    leg, gaps, people = Leg("growth"), len(world.store.gaps), world.people
    root = leg.post(people[0], "Norrvik says nothing")
    world.turn()
    for person in people:
        person.make("app.bsky.feed.like", subject=root.raw)
    for person in people[1:4]:
        person.make("app.bsky.feed.repost", subject=root.raw)
    quotation = {"$type": "app.bsky.embed.record", "record": root.raw}
    quoting = people[2].make(POST, text="Norrvik, see", embed=quotation)
    leg.written[quoting.uri] = Written("Norrvik, see", root.uri, quoting.uri)
    leg.answer(people[3], root, root, "Shame")
    world.turn()
    sample = [sample for sample in world.store.samples if sample.external_id == root.uri][-1].engagement
    return leg.told(
        world.store,
        gaps,
        likes_off=abs((sample.likes or 0) - len(people)),
        shares_off=abs((sample.shares or 0) - 4),
        answers_off=abs((sample.replies or 0) - 1),
    )


def forms(world: World) -> bool:
    """Pictures, links, quotations with a picture, other languages, a date in the future."""
    leg, gaps, ann = Leg("forms"), len(world.store.gaps), world.people[0]
    quoted = leg.post(ann, "Norrvik promised")
    leg.post(ann, "Norrvik brennt", langs=["de", "en"])
    leg.post(ann, "Norrvik tomorrow", createdAt="2031-01-01T00:00:00Z")
    leg.post(ann, "Norrvik with a picture", embed=ann.picture("a burnt phone"))
    link = {"uri": "https://example.org/", "title": "Recall", "description": "All of them"}
    leg.post(ann, "Norrvik with a link", embed={"$type": "app.bsky.embed.external", "external": link})
    quotation = {"$type": "app.bsky.embed.record", "record": quoted.raw}
    both = {"$type": "app.bsky.embed.recordWithMedia", "record": quotation, "media": ann.picture("ashes")}
    ref = ann.make(POST, text="Norrvik, once more", embed=both)
    leg.written[ref.uri] = Written("Norrvik, once more", quoted.uri, ref.uri)
    shown = ann.make(POST, text="", embed=ann.picture("mine"), reply={"root": quoted.raw, "parent": quoted.raw})
    leg.written[shown.uri] = Written("mine", quoted.uri, quoted.uri)
    world.turn()
    future = sum(post.created_at > datetime.now(UTC) for post in world.store.posts.values())
    return leg.told(world.store, gaps, dates_in_the_future=future)


def edits(world: World) -> bool:
    """Posts whose record is replaced: what the network then shows is what is stored."""
    leg, gaps, ann = Leg("edits"), len(world.store.gaps), world.people[0]
    refs = [leg.post(ann, f"Norrvik before, {number}") for number in range(5)]
    world.turn()
    for ref in refs:
        ann.change(ref, "Norrvik after")
    found = world.recheck([ref.uri for ref in refs])
    shown = sum(post.text == "Norrvik after" for post in found.posts)
    print(json.dumps({"replaced": len(refs), "shown with other words": shown, "said to be gone": len(found.gone)}))
    return leg.told(world.store, gaps)


def deletions(world: World) -> bool:
    """Posts that are deleted, and those of an account that is closed; what is left is there."""
    leg, gaps, (ann, bo) = Leg("deletions"), len(world.store.gaps), world.people[:2]
    leaving = world.network.person("leaving")
    mine = [leg.post(ann, f"Norrvik is bad, {number}") for number in range(20)]
    left = [leg.post(leaving, f"Norrvik again, {number}") for number in range(5)]
    kept = [leg.post(bo, f"Norrvik stays bad, {number}") for number in range(10)]
    world.turn()
    for ref in mine:
        ann.delete(ref.uri)
    world.network.call("com.atproto.server.deactivateAccount", leaving.token)
    found = world.recheck([ref.uri for ref in (*mine, *left, *kept)])
    gone = {ref.uri for ref in (*mine, *left)}
    unnoticed, wrongly = len(gone - found.gone.keys()), len(found.gone.keys() - gone)
    return leg.told(world.store, gaps, unnoticed=unnoticed, wrongly_gone=wrongly)


def blocks(world: World) -> bool:
    """Answers of somebody who has blocked the account that reads."""
    leg, gaps = Leg("answers of one who blocks the reader"), len(world.store.gaps)
    ann, hidden = world.people[0], world.network.person("hidden")
    hidden.make("app.bsky.graph.block", subject=world.me.did)
    root = leg.post(ann, "Norrvik, what now")
    world.turn()
    for number in range(4):
        leg.answer(hidden, root, root, f"Nothing, {number}")
        leg.answer(ann, root, root, f"Something, {number}")
    world.turn()
    return leg.told(world.store, gaps)


def world_in(network: Network) -> World:
    """Eight people, and an account that reads by an app password."""
    me = network.person("monitor")
    made = network.call("com.atproto.server.createAppPassword", me.token, content={"name": "tocsin"})
    os.environ["BLUESKY_PASSWORD"] = made["password"]
    account = {"identifier": me.handle, "app_password": {"env": "BLUESKY_PASSWORD"}, "service_url": network.url}
    context = SourceContext("bluesky", [BrandSettings(name="Norrvik")])
    source = bluesky.build(bluesky.Options.model_validate(account), context)
    return World(network, [network.person(f"person{number}") for number in range(8)], source, me)


def main() -> int:
    """All legs, one after the other, of one reader."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", required=True, type=Path, help="the folder where npm installed @atproto/dev-env")
    parser.add_argument("--redis", default="redis-server", help="the command of Redis")
    programs = Path("/usr/lib/postgresql/15/bin")
    parser.add_argument("--postgresql", type=Path, default=programs, help="the folder of PostgreSQL's programs")
    parser.add_argument("--posts", type=int, default=400, help="posts of the search, and answers of the flood")
    given = parser.parse_args()
    lacking = missing(given.network, given.redis, given.postgresql)
    if lacking:
        print("the network cannot be started; missing: " + "; ".join(lacking), file=sys.stderr)
        return 2
    begun = time.monotonic()
    with running(given.network, given.redis, given.postgresql) as network:
        world = world_in(network)
        print(json.dumps({"started_in_s": round(time.monotonic() - begun, 1)}), flush=True)
        sound = [search(world, given.posts), answers(world, given.posts), growth(world), forms(world)]
        sound += [edits(world), deletions(world), blocks(world)]
        store = world.store
        asked = sum(page.requests for page in store.pages)
        print(json.dumps({"read": len(store.posts), "gaps": len(store.gaps), "requests": asked}), flush=True)
    return 0 if all(sound) else 1


if __name__ == "__main__":
    sys.exit(main())

"""An analyst's word goes before any scorer's: for the post it was said of, its copies, and what comes after."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from monitor.matching.reading import reading_of
from storage import corrections as store
from storage import posts as post_store
from storage.corrections import Correction
from storage.database import Database, Transaction
from storage.keys import content_key
from storage.records import Label, MentionedPost, Score

SCORER, VERSION = "correction", "1"
COMPOUND = 0.75
"""How far from 0 a person's word puts the compound: further than a rule, and not the end of the scale."""
UNCERTAINTY = 0.02
"""People err, too."""


def corrected(tx: Transaction, mentions: Sequence[MentionedPost]) -> list[MentionedPost]:
    """The mentions as people corrected them; those of which somebody said that the brand is not meant are left out."""
    said = store.standing(tx, mentions) if mentions else {}
    if not said:
        return list(mentions)
    found = (_corrected(item, said.get((item.post.key, item.mention.brand))) for item in mentions)
    return [item for item in found if item is not None]


def _corrected(item: MentionedPost, said: Correction | None) -> MentionedPost | None:
    if said is None:
        return item
    label = said.label.label
    if label is None:
        return None
    compound = {Label.NEGATIVE: -COMPOUND, Label.POSITIVE: COMPOUND}.get(label, 0.0)
    return replace(item, score=Score(compound, label, SCORER, VERSION, UNCERTAINTY))


def labelled_lines(database: Database, brands: Iterable[str] = ()) -> list[dict[str, str]]:
    """What people corrected as lines to learn from: `id, text, label, target`, and `lang` where it is known.

    Each wording once, as it was said last. Posts that are no longer stored, and those that are about somebody else, are
    left out.
    """
    chosen = set(brands)
    last: dict[tuple[str, str], Correction] = {}
    with database.read() as tx:
        for said in store.recent(tx):
            if not chosen or said.brand in chosen:
                last.setdefault((said.content_key, said.brand), said)
        stored = {post.key: post for post in post_store.get(tx, list({said.key for said in last.values()}))}
    lines = []
    for said in last.values():
        post = stored.get(said.key)
        if said.label.label is None or post is None or content_key(reading_of(post)) != said.content_key:
            continue
        line = {"id": said.id, "text": reading_of(post), "label": said.label.value, "target": said.brand}
        lines.append(line | ({"lang": post.language} if post.language else {}))
    return lines

"""Making corrections and taking them back: what people do when a scorer or the matcher was wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ulid import ULID

from monitor.matching.reading import reading_of
from monitor.matching.terms import is_unspaced
from monitor.rejudging import Rejudging
from storage import corrections as store
from storage import posts as post_store
from storage.corrections import Correction
from storage.database import Database, Transaction
from storage.keys import content_key
from storage.records import CorrectedLabel, Post, PostKey

_FEWEST_LETTERS, _FEWEST_SIGNS = 20, 8
"""Letters, or signs of a script without spaces, from which a wording is told again as a copy: "thanks a lot" is said of
many things."""
_BATCH = 200


class CorrectionError(ValueError):
    """A correction cannot be made or taken back; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """A correction that was made or taken back: how many stored mentions it changed, the post's own among them."""

    correction: Correction
    mentions: int


@dataclass(frozen=True, slots=True)
class Corrections:
    """Makes corrections and takes them back, and judges again what they concern."""

    database: Database
    rejudging: Rejudging

    def make(
        self, key: PostKey, brand: str, label: CorrectedLabel, author: str, at: datetime, comment: str = ""
    ) -> Corrected:
        """Correct the label of a stored post toward a brand, and that of its stored copies.

        The post's own comes with the correction in one transaction. Copies that arrive meanwhile are corrected as they
        come. Raises CorrectionError where the post is not stored or is no mention of the brand.
        """
        with self.database.write() as tx:
            post = self._mentioning(tx, key, brand)
            words = reading_of(post)
            said = Correction(
                id=str(ULID.from_datetime(at)),
                source=post.source,
                external_id=post.external_id,
                brand=brand,
                content_key=content_key(words),
                copies=is_telling(words),
                label=label,
                at=at,
                author=author,
                comment=comment,
            )
            store.add(tx, said)
            changed = len(self.rejudging.again(tx, [key], [brand]))
        return Corrected(said, changed + self._copies(said))

    def undo(self, name: str, author: str, at: datetime) -> Corrected:
        """Take back the correction with this id (some letters of either end will do) and judge its post and copies.

        Copies that were no mentions because of it are no longer known by their wording; they come back when history is
        judged again. Raises CorrectionError.
        """
        with self.database.write() as tx:
            said = one(store.named(tx, name), name)
            if not store.undo(tx, said.id, at, author):
                raise CorrectionError(f"the correction {said.id} was taken back already, by {said.undone_by}")
            changed = len(self.rejudging.again(tx, [said.key], [said.brand]))
        return Corrected(replace(said, undone_at=at, undone_by=author), changed + self._copies(said))

    def _mentioning(self, tx: Transaction, key: PostKey, brand: str) -> Post:
        found = post_store.get(tx, [key])
        if not found:
            raise CorrectionError(f"there is no post {key[1]} of the source {key[0]}; see both in a page's evidence")
        if not any(item.mention.brand == brand for item in self.rejudging.uncorrected(tx, found)):
            raise CorrectionError(
                f"the post {key[1]} of {key[0]} is no mention of {brand}, so there is no label to correct; "
                "add what names it there to the brand's aliases, and run: tocsin posts rescore"
            )
        return found[0]

    def _copies(self, said: Correction) -> int:
        if not said.copies:
            return 0
        with self.database.read() as tx:
            keys = [key for key in store.copies(tx, said.brand, said.content_key) if key != said.key]
        changed = 0
        for start in range(0, len(keys), _BATCH):
            with self.database.write() as tx:
                changed += len(self.rejudging.again(tx, keys[start : start + _BATCH], [said.brand]))
        return changed


def one(found: Sequence[Correction], name: str) -> Correction:
    """The only correction that a name means. Raises CorrectionError."""
    if len(found) == 1:
        return found[0]
    if not found:
        raise CorrectionError(f"there is no correction {name}; see them with: tocsin posts corrections list")
    raise CorrectionError(f"{name} means several corrections: {', '.join(each.id for each in found)}")


def is_telling(words: str) -> bool:
    """Whether a wording is long enough that whoever has it again is a copy."""
    return len(words) >= _FEWEST_LETTERS or sum(map(is_unspaced, words)) >= _FEWEST_SIGNS

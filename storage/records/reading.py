"""What was read, and what was understood of it.

Posts, and what comes with every one of them, are structs of msgspec: as frozen as dataclasses and compared like them,
and made in a fraction of the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct, field

BIN_SECONDS = 300
"""Length of a bin: every count is kept for slots of five minutes, aligned to the Unix epoch."""


class PostKind(StrEnum):
    """What a post is on its source; `repost` carries another author's words, `count` carries only engagement."""

    POST = "post"
    REPLY = "reply"
    REPOST = "repost"
    STORY = "story"
    ARTICLE = "article"
    COMMENT = "comment"
    REVIEW = "review"
    MESSAGE = "message"


class Label(StrEnum):
    """Sentiment toward the brand in words; `unscored` means that no scorer could judge the text."""

    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"
    UNSCORED = "unscored"


class CorrectedLabel(StrEnum):
    """What a person may say of a post toward a brand."""

    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"
    NOT_ABOUT_US = "not_about_us"
    """The brand is not meant: the post is no mention of it."""

    @property
    def label(self) -> Label | None:
        """As a label of sentiment; none where the brand is not meant."""
        return None if self is CorrectedLabel.NOT_ABOUT_US else Label(self.value)


class Engagement(Struct, frozen=True, gc=False):
    """What a source counts around a post; `None` where it does not say."""

    likes: int | None = None
    shares: int | None = None
    replies: int | None = None
    views: int | None = None


PostKey = tuple[str, str]

MAY_SURFACE_LATE = (PostKind.ARTICLE, PostKind.STORY)
SURFACES_AFTER = timedelta(minutes=15)
"""An article first seen later than this after its date counts when it was seen."""
STALE_AFTER = timedelta(hours=24)
"""An article first seen later than this after its date is old: it counts when it was written, which is in the past."""


class Post(Struct, frozen=True, gc=False):
    """One public message as its source published it. Identity is `(source, external_id)`.

    `thread_id` is the `external_id` of the thread's root on the same source (its own for a root), `parent_id` that of
    the post answered, `repost_of` that of the post carried on. `author` identifies the account on its source,
    `author_reach` is the audience (followers) when the source says. `collected_at` is when we read it.
    """

    source: str
    external_id: str
    created_at: datetime
    text: str
    kind: PostKind = PostKind.POST
    title: str = ""
    url: str | None = None
    author: str | None = None
    author_name: str | None = None
    author_reach: int | None = None
    thread_id: str | None = None
    parent_id: str | None = None
    repost_of: str | None = None
    language: str | None = None
    engagement: Engagement = field(default_factory=Engagement)
    edited_at: datetime | None = None
    collected_at: datetime | None = None
    brands: tuple[str, ...] = ()
    """Brands that the source itself says the post is about (a feed of one company, a labelled history file)."""

    @property
    def key(self) -> PostKey:
        """The identity `(source, external_id)`."""
        return (self.source, self.external_id)

    @property
    def judged_at(self) -> datetime:
        """The moment at which the post counts for detection.

        That is when it was written; but an article or story that its source published long ago and shows only now (a
        feed, a front page) is news of the moment at which it was first seen. Nothing else that comes late does so, or
        the return of a source after an outage would look like a surge.
        """
        if self.collected_at is None or self.kind not in MAY_SURFACE_LATE:
            return self.created_at
        lag = self.collected_at - self.created_at
        return self.collected_at if SURFACES_AFTER < lag <= STALE_AFTER else self.created_at


class Mention(Struct, frozen=True, gc=False):
    """A post about a brand: the terms that matched, and how sure we are (`relevance` in 0…1) with the reason."""

    brand: str
    source: str
    external_id: str
    relevance: float
    matched: tuple[str, ...] = ()
    reason: str = ""


class Score(Struct, frozen=True, gc=False):
    """Sentiment toward the brand: `compound` in -1…1, `uncertainty` in 0…1 (0.5 a coin's toss), and who said so."""

    compound: float
    label: Label
    scorer: str
    version: str
    uncertainty: float = 0.5


class MentionedPost(Struct, frozen=True, gc=False):
    """A post with one of its mentions and the score toward that brand, as detectors read them.

    `content_key` is equal for texts that are copies of one another (storage/keys.py), `kinds` are the incident kinds
    that the words point to (`legal_threat`, `outage`, …), strongest first.
    """

    post: Post
    mention: Mention
    score: Score
    content_key: str
    kinds: tuple[str, ...] = ()


class EngagementSample(Struct, frozen=True, gc=False):
    """A post's engagement as read at one moment; the samples of a thread's root are its growth."""

    source: str
    external_id: str
    at: datetime
    engagement: Engagement


@dataclass(frozen=True, slots=True)
class Bin:
    """Counts of one brand and source in the five minutes from `start`."""

    brand: str
    source: str
    start: datetime
    posts: int = 0
    negative: int = 0
    positive: int = 0
    unscored: int = 0
    reposts: int = 0
    reach: int = 0

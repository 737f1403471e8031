"""Posts become mentions with a language, a score, a key and kinds; the same ones however they are batched."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from config.settings import Settings
from monitor.understanding import Understanding
from storage.keys import content_key
from storage.records import Label, Post
from tests.storage.examples import post

SETTINGS = Settings.model_validate(
    {
        "brands": [{"name": "Acme", "rivals": ["Bolt"]}, {"name": "Bolt"}],
        "understanding": {"languages": ["en", "es", "hu"]},
    }
)
UNDERSTANDING = Understanding.build(SETTINGS)
POSTS = [
    post("1", text="Acme is a scam, never again"),
    post("2", text="nothing about anybody"),
    post("3", text="Acme y Bolt: pésimo servicio, nadie contesta"),
    post("4", text="Az Acme ma nyitott egy új boltot a városban, sokan elmentek oda"),
    post("5", text="I love Bolt!", language="en"),
]


def test_a_post_about_two_brands_is_two_mentions() -> None:
    read = UNDERSTANDING.read(POSTS)
    assert [(found.post.external_id, found.mention.brand) for found in read] == [
        ("1", "Acme"), ("3", "Acme"), ("3", "Bolt"), ("4", "Acme"), ("5", "Bolt"),
    ]  # fmt: skip


def test_a_mention_carries_language_score_and_key() -> None:
    first, spanish, _, hungarian, loved = UNDERSTANDING.read(POSTS)
    assert (first.post.language, first.score.label) == ("en", Label.NEGATIVE)
    assert (spanish.post.language, spanish.score.label) == ("es", Label.NEGATIVE)
    assert (hungarian.post.language, hungarian.score.label) == ("hu", Label.UNSCORED)
    assert loved.score.label is Label.POSITIVE
    assert first.content_key == content_key("Acme is a scam, never again")


@given(st.permutations(POSTS), st.integers(min_value=1, max_value=5))
def test_batches_and_order_change_nothing(posts: list[Post], size: int) -> None:
    whole = UNDERSTANDING.read(POSTS)
    parts = [found for start in range(0, len(posts), size) for found in UNDERSTANDING.read(posts[start : start + size])]
    assert sorted(parts, key=lambda found: (found.post.key, found.mention.brand)) == whole


def test_what_is_about_us_has_a_mention_and_nothing_else_has() -> None:
    doubtful = {"brands": [{"name": "Acme"}, {"name": "Gap", "minimum_relevance": 0.99}]}
    understanding = Understanding.build(Settings.model_validate(doubtful))
    told = post("7", text="mind the gap", brands=("Gap",))
    posts = [*POSTS, post("6", text="mind the gap"), told, post("8", text="", title="Acme")]
    about_us = [one.external_id for one in understanding.about_us(posts)]
    assert about_us == [one.external_id for one in posts if understanding.read([one])] == ["1", "3", "4", "7", "8"]


def test_nothing_read_is_nothing_understood() -> None:
    assert UNDERSTANDING.read([]) == []

"""A review is taken at its stars, whatever its words; nothing else is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from monitor.sentiment.scorers import scorer_of
from monitor.sentiment.stars import stars_of
from storage.records import Label, Mention, Post, PostKind, Score

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def score(title: str, text: str, kind: PostKind = PostKind.REVIEW) -> Score:
    post = Post("appstore", "1", NOW, text, kind, title=title)
    (found,) = scorer_of().score([(post, Mention("Norrvik", "appstore", "1", 1.0), "en")])
    return found


@pytest.mark.parametrize(
    ("title", "label"),
    [
        ("★☆☆☆☆ What a great app", Label.NEGATIVE),
        ("★★☆☆☆", Label.NEGATIVE),
        ("★★★☆☆ Horrible", Label.NEUTRAL),
        ("★★★★☆ Horrible", Label.POSITIVE),
        ("★★★★★ I hate that I love it", Label.POSITIVE),
    ],
)
def test_the_stars_decide(title: str, label: Label) -> None:
    found = score(title, "This is terrible and great")
    assert (found.label, found.scorer) == (label, "stars")


def test_fewer_stars_are_worse() -> None:
    compounds = [score("★" * n + "☆" * (5 - n), "x").compound for n in range(1, 6)]
    assert compounds == sorted(compounds)


@pytest.mark.parametrize("title", ["★★★★★★", "☆☆☆☆☆ x", "★☆★☆☆", "Five stars", ""])
def test_what_is_no_rating_is_read_by_its_words(title: str) -> None:
    expected = 5 if title.startswith("★★★★★") else 0
    assert stars_of(Post("appstore", "1", NOW, "x", PostKind.REVIEW, title=title)) == expected


def test_stars_in_other_posts_are_only_words() -> None:
    assert score("★☆☆☆☆", "Norrvik is wonderful", PostKind.POST).scorer != "stars"


def test_reviews_and_other_posts_keep_their_order() -> None:
    posts = [
        Post("x", str(n), NOW, "Norrvik is terrible", kind, title="★★★★★")
        for n, kind in enumerate([PostKind.POST, PostKind.REVIEW, PostKind.POST, PostKind.REVIEW])
    ]
    found = scorer_of().score([(post, Mention("Norrvik", "x", post.external_id, 1.0), "en") for post in posts])
    assert [each.scorer == "stars" for each in found] == [False, True, False, True]

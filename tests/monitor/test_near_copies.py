"""Texts that say nearly the same: found among many that share most of their words, in any order, after any restart."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import voices
from monitor.voices import Heard, Role, VoiceFold, VoiceSettings, sketch
from storage.keys import plain_words, words_of
from storage.records import MentionedPost
from tests.monitor.scenes import PLACES, START, SUBJECTS, TIMES, VERBS, said

FORMS = (
    "Dear @fernweh, your {subject} in {place} has cost me the holiday that I had saved for since spring last year",
    "Whoever flies with you must know that the {subject} at {place} {verb} {time} while forty of us stood in the rain",
    "I write to you for my father who {time} lost his luggage at {place} and was told by your {subject} to walk home",
)
FEW = VoiceSettings(most_texts=12, most_speakers=12)


@pytest.fixture
def dice() -> random.Random:
    return random.Random(8)


@pytest.fixture(scope="module")
def few_share() -> Iterator[None]:
    """So few texts are found by a shingle that the lists of them are often full."""
    with patch.object(voices, "SHARING", 3), patch.object(voices, "COMPARED", (1, 2)):
        yield


def filled_in(form: str, dice: random.Random) -> str:
    lists = {"subject": SUBJECTS, "place": PLACES, "time": TIMES, "verb": VERBS}
    return form.format(**{name: dice.choice(words) for name, words in lists.items()})


def made_words(dice: random.Random) -> list[str]:
    return ["".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=dice.randint(2, 9))) for _ in range(900)]


def told(texts: Sequence[str], fold: VoiceFold | None = None) -> list[Role]:
    """What each text adds, of as many accounts."""
    items = [said(text, author=f"u{number}") for number, text in enumerate(texts)]
    return [heard.role for heard in (fold or VoiceFold()).hear(items)]


def test_a_campaign_of_a_few_templates_is_a_few_voices_whatever_is_filled_in(dice: random.Random) -> None:
    campaign = [filled_in(dice.choice(FORMS), dice) for _ in range(300)]
    assert len({plain_words(text) for text in campaign}) > 150
    assert told(campaign).count(Role.VOICE) <= 10


def test_three_hundred_different_complaints_are_three_hundred_voices(dice: random.Random) -> None:
    words = made_words(dice)
    assert told([" ".join(dice.choices(words, k=14)) for _ in range(300)]) == [Role.VOICE] * 300


def test_long_words_that_many_share_do_not_make_them_one(dice: random.Random) -> None:
    words = made_words(dice)
    texts = [f"Unfortunately dissatisfied passengers {' '.join(dice.choices(words, k=12))}" for _ in range(300)]
    assert told(texts) == [Role.VOICE] * 300


def test_the_key_of_a_campaign_is_not_needed_to_know_another_filling(dice: random.Random) -> None:
    fold = VoiceFold()
    told([filled_in(dice.choice(FORMS), dice) for _ in range(300)], fold)
    assert told([f"{filled_in(form, dice)} please" for form in FORMS], fold) == [Role.COPY] * 3


@given(st.permutations(["", "again", "please share", "shame", "everybody must read it"]))
def test_small_additions_to_a_text_are_one_voice_in_any_order(endings: list[str]) -> None:
    text = filled_in(FORMS[0], random.Random(1))
    assert told([f"{text} {ending}" for ending in endings]) == [Role.VOICE, *[Role.COPY] * 4]


def test_what_an_earlier_version_kept_is_found_by_the_sketches_of_today(dice: random.Random) -> None:
    fold, text = VoiceFold(), filled_in(FORMS[0], dice)
    told([text], fold)
    number, texts, speakers, _ = msgspec.msgpack.decode(fold.dump(), strict=False)
    ((name, (words, last, posts, _, keys)),) = texts.items()
    earlier = msgspec.msgpack.encode([number, {name: [words, last, posts, [1, 2, 3], keys]}, speakers])
    assert told([f"{text} again"], VoiceFold.restored(earlier)) == [Role.COPY]


@given(st.text() | st.text("ab 费ß\u0301\ud800"))
def test_each_shingle_stands_once_in_the_sketch_of_any_text(text: str) -> None:
    shingles = sketch(words_of(text))
    assert 1 <= len(shingles) == len(set(shingles)) <= voices.SKETCH


texts = st.builds(lambda form, seed: filled_in(form, random.Random(seed)), st.sampled_from(FORMS), st.integers(0, 99))
Said = list[tuple[str, int]]
events = st.lists(st.tuples(texts | st.sampled_from(["", "费恩召回", "My suitcase is gone"]), st.integers(0, 5)))


def mentions(said_by: Said) -> list[MentionedPost]:
    at, items = START, []
    for number, (text, hours) in enumerate(said_by):
        at += timedelta(hours=hours)
        items.append(said(text, at, author=f"u{number % 7}", external_id=f"e{number}"))
    return items


def heard_in_turn(fold: VoiceFold, items: Sequence[MentionedPost]) -> list[Heard]:
    """What each adds, where the fold forgets before each of them."""
    heard = []
    for item in items:
        fold.forget(item.post.judged_at.timestamp())
        heard += fold.hear([item])
    return heard


@pytest.mark.usefixtures("few_share")
@settings(max_examples=60)
@given(events, st.integers(0, 25))
def test_a_restart_changes_nothing_where_the_lists_are_full(said_by: Said, cut: int) -> None:
    items, whole, first = mentions(said_by), VoiceFold(FEW), VoiceFold(FEW)
    expected = heard_in_turn(whole, items)
    begun = heard_in_turn(first, items[:cut])
    second = VoiceFold.restored(first.dump(), FEW)
    assert begun + heard_in_turn(second, items[cut:]) == expected
    assert second.dump() == whole.dump()


@pytest.mark.usefixtures("few_share")
@settings(max_examples=30)
@given(events, st.integers(0, 25))
def test_batches_and_copies_change_nothing(said_by: Said, cut: int) -> None:
    items, whole, first = mentions(said_by), VoiceFold(), VoiceFold()
    expected = whole.hear(items)
    begun = first.hear(items[:cut])
    look = first.copy()
    assert begun + look.hear(items[cut:]) == expected == begun + first.hear(items[cut:])


@pytest.mark.usefixtures("few_share")
@settings(max_examples=60)
@given(events)
def test_no_shingle_leads_to_more_texts_than_allowed_or_to_one_that_is_forgotten(said_by: Said) -> None:
    fold = VoiceFold(FEW)
    heard_in_turn(fold, mentions(said_by))
    kept = Counter(shingle for text in fold._state.texts.values() for shingle in text.shingles)
    assert {shingle: len(numbers) for shingle, numbers in fold._by_shingle.items()} == kept
    assert not kept or max(kept.values()) <= voices.SHARING
    fold.forget((START + timedelta(days=99)).timestamp())
    assert (fold.size[0], fold._by_shingle, fold._by_key) == (0, {}, {})

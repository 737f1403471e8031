"""Who says a distinct thing, and who only carries it on."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.voices import Role, VoiceFold, VoiceSettings, fair_share, sketch
from storage.keys import plain_words, words_of
from tests.monitor.scenes import START, said

COMPLAINT = "They left us four hours on the tarmac without water and nobody at the desk said a word"


def roles(*items: object) -> list[Role]:
    return [heard.role for heard in VoiceFold().hear(items)]  # type: ignore[arg-type]


def test_a_text_pasted_by_many_accounts_is_one_voice() -> None:
    pasted = [said(COMPLAINT, author=f"u{number}") for number in range(38)]
    assert roles(*pasted).count(Role.VOICE) == 1


def test_copies_with_other_handles_links_and_numbers_are_copies() -> None:
    texts = [
        COMPLAINT,
        f"RT @lena: {COMPLAINT}",
        f"@fernweh {COMPLAINT} https://example.org/a1",
        f"{COMPLAINT}!!! 144",
        COMPLAINT.upper(),
    ]
    assert roles(*(said(text, author=f"u{number}") for number, text in enumerate(texts))) == [
        Role.VOICE,
        *[Role.COPY] * 4,
    ]


def test_a_text_with_a_few_words_changed_is_a_copy() -> None:
    changed = COMPLAINT.replace("four hours", "five hours").replace("a word", "anything")
    assert roles(said(COMPLAINT, author="a"), said(changed, author="b")) == [Role.VOICE, Role.COPY]


def test_people_who_say_different_things_are_voices() -> None:
    texts = ["My suitcase is gone", "Three hours on hold now", "The app logs me out", "Why is the lounge closed?"]
    assert roles(*(said(text, author=f"u{number}") for number, text in enumerate(texts))) == [Role.VOICE] * 4


def test_an_author_who_speaks_again_within_the_hour_is_still_one_voice() -> None:
    first = said("My suitcase is gone", author="lena")
    soon = said("And the hotline is dead", START + timedelta(minutes=50), author="lena")
    later = said("Still nothing from you", START + timedelta(minutes=70), author="lena")
    assert roles(first, soon, later) == [Role.VOICE, Role.AGAIN, Role.VOICE]


def test_without_authors_distinct_texts_make_voices() -> None:
    assert roles(said("My suitcase is gone"), said("Three hours on hold now")) == [Role.VOICE, Role.VOICE]


def test_two_headlines_in_a_script_without_spaces_are_two_voices() -> None:
    first, second = said("多家平台下架费恩商品"), said("费恩宣布召回儿童座椅")
    assert roles(first, second) == [Role.VOICE, Role.VOICE]


def test_the_copies_of_a_text_are_counted() -> None:
    heard = VoiceFold().hear([said(COMPLAINT, author=f"u{number}") for number in range(4)])
    assert [one.copies for one in heard] == [0, 1, 2, 3]
    assert len({one.text for one in heard}) == 1


def test_a_text_is_forgotten_a_day_after_it_was_last_heard() -> None:
    fold = VoiceFold()
    fold.hear([said(COMPLAINT, author="a")])
    fold.hear([said(COMPLAINT, START + timedelta(hours=20), author="b")])
    for hours, role in ((40, Role.COPY), (66, Role.VOICE)):
        at = START + timedelta(hours=hours)
        fold.forget(at.timestamp())
        assert fold.hear([said(COMPLAINT, at, author=f"c{hours}")])[0].role is role


def test_a_few_old_speakers_do_no_harm_and_are_left_until_there_is_more_to_forget() -> None:
    fold, later = VoiceFold(), START + timedelta(hours=2)
    fold.hear([said(COMPLAINT, START, author="a")])
    assert not fold.has_to_forget(later.timestamp())
    assert fold.hear([said("My suitcase is gone", later, author="a")])[0].role is Role.VOICE
    fold.hear([said(f"{letter * 9} {letter * 7} {letter * 5}", later, author=letter) for letter in "bcdefghij"])
    assert fold.has_to_forget((later + timedelta(hours=2)).timestamp())
    assert fold.has_to_forget((later + timedelta(days=2)).timestamp())


def test_memory_is_bounded() -> None:
    fold = VoiceFold(VoiceSettings(most_texts=50, most_speakers=50))
    sizes = []
    for number in range(400):
        at = START + timedelta(seconds=number)
        fold.forget(at.timestamp())
        fold.hear([said(f"remark {number:b} {number * 7919:x} about {number**3:x}", at, author=f"u{number}")])
        sizes.append(len(fold.dump()))
    assert max(sizes[200:]) < 1.2 * max(sizes[100:200])


def test_words_are_compared_without_decoration() -> None:
    assert plain_words("RT @lena: So ANGRY!! 3 hours https://example.org/x #fail") == "so angry hours fail"
    assert len(sketch(words_of(""))) == 1


@given(st.lists(st.integers(0, 50), min_size=1), st.integers(0, 300))
def test_what_all_may_remember_is_shared_so_that_the_smallest_keep_theirs(sizes: list[int], most: int) -> None:
    share = fair_share(sizes, most)
    kept = sum(min(size, share) for size in sizes)
    assert kept <= most
    assert kept == sum(sizes) or sum(min(size, share + 1) for size in sizes) > most


texts = st.sampled_from([COMPLAINT, COMPLAINT + " again", "My suitcase is gone", "I love the crew", "", "费恩召回"])
events = st.lists(st.tuples(texts, st.sampled_from(["a", "b", None]), st.integers(0, 5)), max_size=25)


@settings(max_examples=60)
@given(events, st.integers(0, 25))
def test_a_restart_anywhere_changes_nothing(said_by: list[tuple[str, str | None, int]], cut: int) -> None:
    at, items = START, []
    for number, (text, author, hours) in enumerate(said_by):
        at += timedelta(hours=hours)
        items.append(said(text, at, author=author, external_id=f"e{number}"))
    whole, first = VoiceFold(), VoiceFold()
    expected = [one for item in items for one in _heard(whole, item)]
    begun = [one for item in items[:cut] for one in _heard(first, item)]
    second = VoiceFold.restored(first.dump())
    assert begun + [one for item in items[cut:] for one in _heard(second, item)] == expected


def _heard(fold: VoiceFold, item: object) -> list[object]:
    fold.forget(item.post.judged_at.timestamp())  # type: ignore[attr-defined]
    return list(fold.hear([item]))  # type: ignore[list-item]

"""Slack blocks, HTML, plain text and one line are renderings of one thing, and none lets an outsider in."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from slack_sdk.models.views import View

from alerts.actions import Action, offered
from alerts.channels.slack import checked
from alerts.page import Curve, OnDuty, Page, Quote, Response, Similar, SourceShare, ThreadGrowth
from alerts.render import curve, discord, preview, slack, slack_buttons, teams, telegram
from alerts.render.html import html
from alerts.render.line import LENGTH, line, summary
from alerts.render.plain import plain
from alerts.render.story import tell
from storage.records import IncidentState, Reason, Severity
from tests.alerts.examples import NOW, page
from tests.servers.slack_limits import refusal

ATTACKS = [
    "<!channel> <!here> <!everyone> <@U0KIM> <!subteam^S0TEAM>",
    "＜!channel＞ @here @channel @everyone @HERE",
    "<https://evil.example|https://bank.example>",
    "&lt;!channel&gt; &amp;lt;",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "</div></body><style>*{display:none}</style>",
    '" onmouseover="alert(1)',
    "{{ 7 * 7 }} {% raw %}",
    "`tocsin incidents resolve` *bold* _it_ ~no~",
    "x\r\n\r\n<b>",
]
OUTSIDE = st.one_of(st.sampled_from(ATTACKS), st.text(st.characters(exclude_categories=("Cs",)), max_size=80))


def attacked(text: str) -> Page:
    """A page in which an outsider wrote everything that outsiders can write."""
    quote = Quote(text, text, NOW, author=text, url=f"https://x.example/{text}", title=text, answers=text)
    return page(
        headline=text or "x",
        brand=text or "x",
        kind=text,
        origin=quote,
        quotes=(quote, replace(quote, url=text)),
        terms=(text,),
        sources=(SourceShare(text, NOW, 1, 1),),
        thread=ThreadGrowth(text, text, url=text),
        why=(text,),
        changed=(text,),
        notes=(text,),
        curve=None,
        acknowledged_by=text,
        snoozed_until=NOW + timedelta(hours=1),
        snoozed_by=text,
        response=Response(NOW, answered_at=NOW, answered_by=text, answer=f"https://x.example/{text}"),
        similar=(Similar("i2", NOW, text, text, "", text),),
    )


class Tags(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(document: str) -> Tags:
    tags = Tags()
    tags.feed(document)
    return tags


def mrkdwn(blocks: list[dict[str, Any]]) -> list[str]:
    """Every text that Slack reads for its own markup."""
    found = [block["text"]["text"] for block in blocks if block["type"] == "section"]
    return found + [part["text"] for block in blocks if block["type"] == "context" for part in block["elements"]]


@given(OUTSIDE)
def test_nobody_is_called_and_nothing_linked_by_what_an_outsider_wrote(text: str) -> None:
    said = attacked(text)
    texts = [*mrkdwn(slack.root(said)), *mrkdwn(slack.reply(said)), slack.text(said), slack.notification(said)]
    for one in texts:
        for form in re.findall(r"<[^>]*>", one):
            assert re.fullmatch(r"<https://tocsin\.example/[^|>]*\|(?:open it|Open it)>", form), form
        assert not re.search(r"@(here|channel|everyone)\b", one, re.IGNORECASE)


@given(OUTSIDE)
def test_slack_finds_nothing_to_refuse(text: str) -> None:
    said = attacked(text)
    for blocks in (slack.root(said, ["<!here>"]), slack.reply(said)):
        assert refusal({"text": slack.notification(said), "blocks": checked(blocks)}) is None


@given(OUTSIDE)
def test_html_holds_no_tag_or_handler_that_we_did_not_write(text: str) -> None:
    for document in (html(attacked(text)), preview.page_preview([attacked(text)])):
        found = read(document)
        assert found.tags <= {
            *("html", "head", "meta", "title", "style", "body", "div", "main", "h1", "h2", "h3", "p", "b", "i", "a"),
            *("ul", "li", "blockquote", "code", "span", "br", "hr", "mark", "img"),
        }
        assert not [name for name in found.attributes if name.startswith("on")]
        assert all(url.startswith(("https://x.example/", "https://tocsin.example/")) for url in found.links)


@given(OUTSIDE)
def test_plain_text_and_the_line_hold_no_control_characters(text: str) -> None:
    said = attacked(text)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", plain(said) + line(said))
    assert "\n" not in line(said)
    assert len(line(said)) <= LENGTH


def everything(said: Page) -> dict[str, str]:
    blocks = slack.root(said)
    return {
        "slack": " ".join(json.dumps(blocks, ensure_ascii=False).split()),
        "html": " ".join(" ".join(read(html(said)).text).split()),
        "plain": " ".join(plain(said).split()),
    }


@pytest.mark.parametrize("form", ["slack", "html", "plain"])
def test_every_form_tells_the_whole_story(form: str) -> None:
    said = everything(page())[form]
    for needed in (
        "A voicemail in which Halden Mobile threatens a customer is spreading",
        "Legal trouble: “My carrier threatened me for writing an e-mail”.",
        "18 times the usual: 388 negative voices in the last hour; 9 to 40 at most times.",
        "Nobody has taken it yet. On duty: Ines Moller (+47 555 0142) until 19:00.",
        "in answer to: Has anybody else left over this?",
        "Rang 50 minutes after it began (14:10), first message after 4 seconds, no public answer for 1 hour 10 min",
        "the answer of then: https://halden.example/prices",
        "It doubles every 1 hour 25 minutes. The next 3 hours will bring about 1,150 posts",
        "1,204 posts by 655 authors, 412 independent voices, 58% copied from others",
        "9 in 10 are against the brand.",
        "feeds 13:20 (38 posts) → hackernews 13:45 (402 posts) → reddit 14:30 (764 posts)",
        "Jonas Lind",
        "Cancelled today after nine years.",
        "184k followers, 2.9k likes, 640 shares, copied 211 times",
        "reddit was read for 72% of this time (rate limit reached)",
        "One thread on hackernews grows 22 times as fast as threads do.",
        "17 October 16:20: Anger over the price rise of October (answered after 5 hours)",
        "tocsin incidents ack 01HR7Q4Z8XK3M2N5P6T7V9W0AB",
        "Tuesday 5 March 2024, 15:20 CET",
    ):
        assert needed in said, needed


@pytest.mark.parametrize(
    ("changes", "badge", "tone"),
    [
        ({}, "Critical: act now", "critical"),
        ({"severity": Severity.WARNING}, "Warning: look at it soon", "warning"),
        ({"severity": Severity.WATCH}, "Watch: nothing to do yet", "watch"),
        ({"state": IncidentState.ACKNOWLEDGED, "acknowledged_by": "Kim"}, "Critical: Kim has it", "critical"),
        ({"state": IncidentState.RESOLVED, "resolved_at": NOW}, "Over", "over"),
        ({"reason": Reason.RESOLVED}, "Over", "over"),
        ({"state": IncidentState.FALSE_ALARM}, "False alarm", "over"),
        ({"drill": True}, "Drill · Critical: act now", "critical"),
    ],
)
def test_severity_and_state_are_said_in_words(changes: dict[str, Any], badge: str, tone: str) -> None:
    story = tell(page(**changes))
    assert (story.badge, story.tone) == (badge, tone)


def test_what_is_over_is_not_there_to_be_taken() -> None:
    ended = tell(page(state=IncidentState.RESOLVED, resolved_at=NOW + timedelta(minutes=30)))
    assert [action for action, _ in ended.actions] == ["See all of it"]
    assert ended.began == "Began 13:20, over since 15:50 after 2 hours 30 minutes"


def test_a_page_with_nothing_but_the_least_can_be_told() -> None:
    least = Page("Something", "Halden", Severity.WATCH, Reason.OPENED, "i1", NOW, NOW)
    for text in everything(least).values():
        assert "Something" in text
        assert "None" not in text


def test_what_is_over_is_told_without_the_figures_of_its_height() -> None:
    ended = page(reason=Reason.RESOLVED, state=IncidentState.RESOLVED, why=(), changed=("It is over.",))
    for text in (*everything(ended).values(), str(slack.reply(ended))):
        assert "in the last hour" not in text
        assert "doubles" not in text
        assert "It is over." in text


def test_what_people_did_is_said_in_the_line_below() -> None:
    taken = {"state": IncidentState.ACKNOWLEDGED, "acknowledged_by": "Kim", "acknowledged_at": NOW}
    said = tell(page(**taken, snoozed_until=NOW + timedelta(hours=2), snoozed_by="Kim")).standing
    assert said.startswith("Kim has it since 15:20. Snoozed by Kim until 17:20. On duty: ")
    assert tell(page(state=IncidentState.RESOLVED, resolved_at=NOW)).standing == ""


@pytest.mark.parametrize(
    ("hours", "said"), [(0.01, "36 seconds"), (0.1617, "10 minutes"), (0.09, "5 minutes"), (1.4, "1 hour 25 minutes")]
)
def test_how_soon_it_doubles_is_said_no_more_precisely_than_anybody_knows(hours: float, said: str) -> None:
    assert dict(tell(page(doubling_hours=hours)).facts)["Speed"].startswith(f"It doubles every {said}. ")


def test_the_clock_says_what_was_done_and_how_long_it_took() -> None:
    rang = NOW - timedelta(minutes=70)
    told = Response(
        detected_at=rang,
        paged_at=rang + timedelta(seconds=4),
        acknowledged_at=rang + timedelta(seconds=184),
        answered_at=rang + timedelta(minutes=41),
        answered_by="Kim",
        answer="https://halden.example/sorry",
        resolved_at=NOW,
    )
    facts = dict(tell(page(response=told)).facts)
    assert facts["Clock"] == (
        "Rang (14:10), first message after 4 seconds, taken after 3 minutes, answered publicly after 41 minutes."
    )
    assert facts["Our answer"] == "https://halden.example/sorry (Kim)"
    over = dict(tell(page(response=told, state=IncidentState.RESOLVED)).facts)
    assert over["Clock"].endswith("over after 1 hour 10 minutes.")


def test_where_nothing_has_a_title_people_s_own_words_tell_what_it_is_about() -> None:
    untitled = page(origin=None, thread=None)
    assert tell(untitled).lead.startswith(
        "Legal trouble: people say voicemail, cease and desist, chief executive and #haldenout. 18 times"
    )
    assert tell(replace(untitled, kind_title="")).lead.startswith("Legal threat: people say voicemail, ")
    assert tell(replace(untitled, kind="", kind_title="")).lead.startswith("People say voicemail, ")
    assert tell(replace(untitled, kind="", kind_title="", terms=())).lead.startswith("18 times")


def test_what_a_reply_replies_to_is_left_out_where_the_lead_has_said_it() -> None:
    said = page()
    assert said.origin is not None
    same = replace(said.quotes[0], answers=said.origin.title)
    assert [quote.context for quote in tell(replace(said, quotes=(same,))).quotes] == [""]


def test_figures_are_not_said_twice_where_the_headline_says_them() -> None:
    said = tell(page(headline="Halden Mobile: 388 voices against it in an hour")).lead
    assert said.endswith("18 times the usual; 9 to 40 at most times.")


# -- What people press -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", list(IncidentState))
def test_slack_takes_the_buttons_of_every_state(state: IncidentState) -> None:
    blocks = slack.root(page(state=state), buttons=True)
    assert checked(blocks)
    assert refusal({"text": "x", "blocks": blocks}) is None
    (row,) = [block for block in blocks if block["type"] == "actions"]
    values = [one["value"] for one in row["elements"] if one["type"] == "button"]
    values += [one["value"] for menu in row["elements"] if menu["type"] == "overflow" for one in menu["options"]]
    assert sorted(values) == sorted(f"{one.action.value}:{page().incident_id}" for one in offered(state))


@pytest.mark.parametrize("action", list(Action))
def test_slack_takes_the_form_of_every_action(action: Action) -> None:
    view = slack_buttons.form(slack_buttons.Asked(action.value, "i1"), "A headline " * 40, [("i2", "Another " * 30)])
    View(**view).validate_json()
    assert slack_buttons.unpacked(view["private_metadata"]) == slack_buttons.Asked(action.value, "i1")
    assert slack_buttons.unpacked("{}") is slack_buttons.unpacked("[") is None


def test_a_mail_with_links_has_buttons_instead_of_commands() -> None:
    links = {one: f"https://tocsin.example/act/{one.value}" for one in Action}
    document, text = html(page(), links=links), plain(page(), links)
    assert "tocsin incidents" not in document
    assert [f'href="{links[one.action]}"' in document for one in offered(IncidentState.OPEN)] == [True] * 8
    assert f"Take it:\n    {links[Action.ACKNOWLEDGE]}" in text


# -- The curve ---------------------------------------------------------------------------------------------------------


def test_the_curve_is_a_picture_of_a_size_that_mail_can_carry() -> None:
    drawn = curve.picture(page())
    assert drawn is not None
    assert drawn.startswith(b"\x89PNG")
    assert 5_000 < len(drawn) < 120_000
    assert curve.picture(page()) is drawn


def test_on_paper_the_curve_is_opaque_and_its_letters_are_dark() -> None:
    with Image.open(io.BytesIO(curve.picture(page(), curve.PAPER) or b"")) as drawn:
        pixels = drawn.convert("RGBA")
    assert pixels.getextrema()[3] == (255, 255)
    assert pixels.getpixel((2, 2)) == (0xFB, 0xFB, 0xFA, 255)


def test_the_curve_in_words() -> None:
    said = curve.alternative(page())
    assert re.fullmatch(r"Voices per 15 minutes: at most \d+, at 15:05; about [\d.]+ would be usual\.", said)


def test_the_picture_shows_the_end_with_enough_of_the_time_before() -> None:
    shown = curve.shown(page())
    assert len(shown.observed) == len(shown.expected) == 32
    assert shown.start == NOW - timedelta(hours=8)


@pytest.mark.parametrize("observed", [(), (1.0,), (None, None, None)])
def test_where_nothing_was_counted_there_is_no_picture(observed: tuple[float | None, ...]) -> None:
    empty = page(curve=Curve(NOW, 900, observed))
    assert curve.picture(empty) is None
    assert html(empty)


def test_the_row_of_bars_shows_what_nobody_read_as_a_point() -> None:
    assert slack.sparkline(Curve(NOW, 900, (0, 7, None, 3.5))) == "▁█·▅"
    assert slack.sparkline(Curve(NOW, 900, (0, 0))) == ""


# -- The files to look at ----------------------------------------------------------------------------------------------


def test_the_preview_of_slack_shows_links_calls_and_commands() -> None:
    called = [("14:20, opened", slack.root(page(), ["<!here>"])), ("14:21, update", slack.reply(page()))]
    document = preview.slack_preview(called)
    assert "<mark>@here</mark>" in document
    assert '<a href="https://tocsin.example/incidents/' in document
    assert "<code>tocsin incidents ack" in document
    assert "&lt;b&gt;on tape&lt;/b&gt; &amp; thinks" in document


def test_the_preview_of_a_mail_carries_its_picture() -> None:
    assert 'src="data:image/png;base64,' in preview.mail_preview(page())


def test_the_preview_of_an_incident_shows_its_newest_state_and_its_thread() -> None:
    pages = [page(severity=Severity.WARNING), page(), page(changed=("It has reached twitter.",))]
    document = preview.page_preview(pages)
    assert "Critical: act now" in document
    assert document.count('class="message thread"') == 1
    assert preview.page_preview([])


def test_every_form_says_who_has_it_and_whom_to_call() -> None:
    said = page(on_duty=(OnDuty("Ines Moller (+47 555 0142)"),), curve=None)
    for form in (
        json.dumps(teams.card(said, "ref"), ensure_ascii=False),
        json.dumps(discord.embeds(said, "ref", has_picture=False), ensure_ascii=False).replace("\\", ""),
        telegram.text(said, "ref"),
        json.dumps(slack.root(said), ensure_ascii=False),
        html(said),
        plain(said),
    ):
        assert "Nobody has taken it yet" in form
        assert "Ines Moller" in form


def test_one_line_names_the_brand_once() -> None:
    said = page(headline=f"{page().brand}: 13 voices against it")
    assert summary(tell(said)) == f"Critical · {page().brand}: 13 voices against it"
    assert summary(tell(page(headline="13 voices"))) == f"Critical · {page().brand}: 13 voices"


def test_of_the_program_s_own_troubles_nothing_is_offered_that_can_only_be_said_of_a_brand() -> None:
    own = page(is_own=True, curve=None, quotes=(), origin=None, why=("535 authentication failed",))
    brand_only = {Action.ANSWERED, Action.FALSE_ALARM, Action.NOT_ABOUT_US, Action.DUPLICATE}
    assert {one.action for one in tell(own).offers}.isdisjoint(brand_only)
    assert brand_only <= {one.action for one in tell(page()).offers}
    for form in (
        json.dumps(teams.card(own, "ref")),
        json.dumps(discord.embeds(own, "ref", has_picture=False)),
        telegram.text(own, "ref"),
        json.dumps(slack.root(own, buttons=True)),
        html(own),
        plain(own),
    ):
        said = form.casefold()
        assert [title in said for title in ("what is wrong", "why it rang", "we answered")] == [True, False, False]

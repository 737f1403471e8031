"""What people press in Slack: the buttons under an incident, and the forms for what needs words.

A button says what it does and to which incident, `acknowledged:01HR…`, and nothing else: who pressed it, and whether
that may be, is looked at when it comes back. Limits: https://docs.slack.dev/reference/block-kit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from alerts.actions import Action, Need, Offer, offer, offered
from alerts.page import Page
from alerts.render.outside import cleaned, cut

Block = dict[str, Any]

PRESSED = "tocsin_press"
MENU = "tocsin_menu"
FORM = "tocsin_form"
_LONGEST_LABEL = 75
_LONGEST_SENTENCE = 300
_STYLES = {Action.ACKNOWLEDGE: "primary", Action.FALSE_ALARM: "danger"}
SNOOZES: Mapping[str, str] = {"30m": "30 minutes", "1h": "1 hour", "2h": "2 hours", "4h": "4 hours", "1d": "a day"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a form is for: it travels in the form itself, and comes back with it."""

    action: str
    incident: str
    response_url: str = ""

    def packed(self) -> str:
        """As the form carries it."""
        return json.dumps(asdict(self))


def unpacked(metadata: str) -> Asked | None:
    """What a form that came back was for; `None` where it is none of ours."""
    try:
        said = json.loads(metadata)
        return Asked(str(said["action"]), str(said["incident"]), str(said.get("response_url", "")))
    except (ValueError, KeyError, TypeError):
        return None


def pressed(page: Page) -> Block:
    """The row of buttons: the likeliest actions, a link to the page, and a menu with the rest."""
    offers = offered(page.state, is_own=page.is_own)
    buttons = [_button(one, page) for one in offers if one.is_prominent]
    rest = [one for one in offers if not one.is_prominent]
    menu = {
        "type": "overflow",
        "action_id": MENU,
        "options": [{"text": _plain(one.label), "value": _value(one, page)} for one in rest[:5]],
    }
    spare = [_button(one, page) for one in rest[5:]]
    return {"type": "actions", "elements": [*buttons, *spare, *([menu] if rest else [])]}


def _button(one: Offer, page: Page) -> Block:
    button: Block = {
        "type": "button",
        "action_id": f"{PRESSED}:{one.action.value}",
        "text": _plain(one.label),
        "value": _value(one, page),
    }
    if one.action in _STYLES:
        button["style"] = _STYLES[one.action]
    if one.is_final:
        button["confirm"] = {
            "title": _plain(f"{one.label}?"),
            "text": _plain(one.confirm, _LONGEST_SENTENCE),
            "confirm": _plain(one.label),
            "deny": _plain("Not now"),
        }
    return button


def form(asked: Asked, headline: str, others: Sequence[tuple[str, str]] = (), brands: Sequence[str] = ()) -> Block:
    """The form for an action that needs something; `others` are incidents to choose from, with their words, and
    `brands` those of ours that it may be about instead."""
    one = offer(Action(asked.action))
    return {
        "type": "modal",
        "callback_id": FORM,
        "private_metadata": asked.packed(),
        "title": _plain(cut(one.label, 24)),
        "submit": _plain("Do it"),
        "close": _plain("Not now"),
        "blocks": [
            {"type": "section", "text": _plain(cleaned(headline), _LONGEST_SENTENCE)},
            {"type": "context", "elements": [_plain(one.confirm, _LONGEST_SENTENCE)]},
            *_inputs(one, others),
            *_elsewhere(one, brands),
        ],
    }


def _inputs(one: Offer, others: Sequence[tuple[str, str]]) -> list[Block]:
    fields: dict[Need, list[Block]] = {
        Need.NOTHING: [],
        Need.WORDS: [],
        Need.LINK: [_input("link", "Where the answer stands", {"type": "url_text_input"})],
        Need.TIME: [_input("time", "For how long", _choice(tuple(SNOOZES.items())))],
        Need.INCIDENT: [_input("incident", "The same as", _choice(others))],
    }
    words: Block = {"type": "plain_text_input", "multiline": True, "max_length": 2000}
    note = _input("note", "Words for the others", words, optional=one.needs is not Need.WORDS)
    return [*fields[one.needs], note]


def _elsewhere(one: Offer, brands: Sequence[str]) -> list[Block]:
    """What is not about us may be about a sister brand: then it goes there instead of ending."""
    if one.action is not Action.NOT_ABOUT_US or not brands:
        return []
    named = _choice([(name, name) for name in brands])
    return [_input("brand", "But about another brand of ours: it goes on there", named, optional=True)]


def _input(name: str, label: str, element: Block, *, optional: bool = False) -> Block:
    return {
        "type": "input",
        "block_id": name,
        "label": _plain(label),
        "optional": optional,
        "element": {**element, "action_id": "said"},
    }


def _choice(options: Sequence[tuple[str, str]]) -> Block:
    shown = [{"text": _plain(words), "value": value} for value, words in options[:100]]
    return {"type": "static_select", "options": shown}


def _value(one: Offer, page: Page) -> str:
    return f"{one.action.value}:{page.incident_id}"


def _plain(words: str, limit: int = _LONGEST_LABEL) -> Block:
    return {"type": "plain_text", "text": cut(words, limit)}

"""Messages drawn as close to the programs that show them as a browser comes: Teams, Discord and Telegram.

A card is drawn by Microsoft's own library (`adaptivecards` of npm, given as a file), but for the chart, which Teams
alone can draw: there its fallback is seen. Discord and Telegram publish no such thing; their shapes, sizes and markup
are drawn by hand. For looking at, nothing else.
"""

from __future__ import annotations

import base64
import json
import re
from html import escape
from typing import Any

from alerts.page import Page
from alerts.render import discord, teams, telegram
from alerts.render.curve import PAPER, picture

_REFERENCE = "5f0c9a7e21b34d68"
_HOST = {
    "fontFamily": "Segoe UI, Noto Sans, sans-serif",
    "spacing": {"small": 4, "default": 8, "medium": 12, "large": 16, "extraLarge": 24, "padding": 12},
    "separator": {"lineThickness": 1, "lineColor": "#88888855"},
}
_LIGHT = {"page": "#f5f5f5", "card": "#ffffff", "text": "#242424", "subtle": "#616161", "accent": "#4f52b2"}
_DARK = {"page": "#1f1f1f", "card": "#292929", "text": "#ffffff", "subtle": "#adadad", "accent": "#9299f7"}
_SIGNALS = {
    "light": {"attention": "#c4314b", "warning": "#835c00", "good": "#237b4b"},
    "dark": {"attention": "#f9526b", "warning": "#f2c661", "good": "#92c353"},
}
_DISCORD_MARKUP = (
    (re.compile(r"\[((?:\\.|[^\]\\])+)\]\((https?://[^)\s]+)\)"), r'<a href="\2">\1</a>'),
    (re.compile(r"(?<!\\)\*\*(.+?)(?<!\\)\*\*"), r"<b>\1</b>"),
    (re.compile(r"(?<!\\)\*(?!\*)(.+?)(?<!\\)\*"), r"<i>\1</i>"),
    (re.compile(r"(?<!\\)`([^`]+)`"), r"<code>\1</code>"),
    (re.compile(r"(?m)^&gt; (.*)$"), r"<blockquote>\1</blockquote>"),
    (re.compile(r"(?m)^- (.*)$"), r"<li>\1</li>"),
    (re.compile(r"\\([\\*_~`|&;#<\[\]():@+.-])"), r"\1"),
)


def teams_document(page: Page, library: str, scheme: str, *, brief: bool = False) -> str:
    """The card of a page in a conversation of Teams; `library` is the source of `adaptivecards.min.js`."""
    made = teams.brief(page, _REFERENCE) if brief else teams.card(page, _REFERENCE)
    colours = _DARK if scheme == "dark" else _LIGHT
    tones = {name: {"default": code, "subtle": code} for name, code in _SIGNALS[scheme].items()}
    inks = {"default": colours["text"], "subtle": colours["subtle"]}
    shades = {"default": inks, "accent": {"default": colours["accent"], "subtle": colours["accent"]}, **tones}
    host = {**_HOST, "containerStyles": {"default": {"foregroundColors": shades, "backgroundColor": colours["card"]}}}
    # A closing tag in a text would end the script that holds it.
    said, config = (json.dumps(part).replace("</", "<\\/") for part in (made, host))
    style = f"""
      body {{ margin: 0; padding: 12px; background: {colours["page"]}; color: {colours["text"]};
        font: 14px/20px "Segoe UI", "Noto Sans", sans-serif; }}
      #card {{ background: {colours["card"]}; border-radius: 8px; box-shadow: 0 1px 3px #0004; max-width: 720px; }}
      a {{ color: {colours["accent"]}; }}"""
    return f"""<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">
      <style>{style}</style><div id="card"></div><script>{library}</script><script>{{
      const card = new AdaptiveCards.AdaptiveCard();
      card.hostConfig = new AdaptiveCards.HostConfig({config});
      card.parse({said});
      document.getElementById("card").append(card.render());
      }}</script>"""


def discord_document(page: Page, scheme: str, *, update: bool = False) -> str:
    """The message of a page in a channel of Discord."""
    drawn = picture(page)
    made = [discord.update(page, _REFERENCE)] if update else discord.embeds(page, _REFERENCE, has_picture=bool(drawn))
    said = "" if update else f"<p>{_discord(discord.content(page))}</p>"
    dark = scheme == "dark"
    back, box, ink, dim, link = (
        ("#313338", "#2b2d31", "#dbdee1", "#b5bac1", "#00a8fc")
        if dark
        else ("#ffffff", "#f2f3f5", "#2e3338", "#4e5058", "#006ce7")
    )
    style = f"""
      body {{ margin: 0; padding: 12px; background: {back}; color: {ink};
        font: 16px/1.375 "gg sans", "Noto Sans", sans-serif; }}
      p {{ margin: 0 0 6px; overflow-wrap: anywhere; }} a {{ color: {link}; text-decoration: none; }}
      .embed {{ max-width: 516px; background: {box}; border-left: 4px solid; border-radius: 4px;
        padding: 8px 16px 16px 12px; margin-bottom: 4px; font-size: 14px; line-height: 18px; overflow-wrap: anywhere; }}
      .title {{ font-size: 16px; font-weight: 600; margin: 8px 0 0; }}
      .text {{ white-space: pre-line; margin-top: 8px; }}
      .name {{ font-weight: 600; margin: 8px 0 2px; }} .value {{ white-space: pre-line; }} li {{ margin-left: 4px; }}
      blockquote {{ margin: 0; padding-left: 12px; border-left: 4px solid #8884; }}
      code {{ background: #8883; border-radius: 4px; padding: 0 3px; font-size: 85%; }}
      img {{ width: 100%; border-radius: 4px; margin-top: 16px; }}
      .footer {{ font-size: 12px; color: {dim}; margin-top: 8px; }}"""
    inside = "".join(_embed(one, drawn) for one in made)
    return f'<!doctype html><meta charset="utf-8"><style>{style}</style>{said}{inside}'


def telegram_document(page: Page, scheme: str, *, update: bool = False) -> str:
    """The message of a page in a chat of Telegram, with the picture of its curve below."""
    said = telegram.update(page, _REFERENCE) if update else telegram.text(page, _REFERENCE)
    drawn = None if update else picture(page, PAPER)
    shown = f'<div class="bubble"><img src="{_inlined(drawn)}">{telegram.caption(page)}</div>' if drawn else ""
    dark = scheme == "dark"
    back, bubble, ink, link = (
        ("#0e1621", "#182533", "#ffffff", "#6ab3f3") if dark else ("#dfe8d8", "#ffffff", "#000000", "#168acd")
    )
    style = f"""
      body {{ margin: 0; padding: 8px; background: {back}; color: {ink};
        font: 16px/1.35 Roboto, "Noto Sans", sans-serif; }}
      .bubble {{ background: {bubble}; border-radius: 12px; padding: 7px 11px; margin-bottom: 6px; max-width: 480px;
        white-space: pre-line; overflow-wrap: anywhere; }}
      a {{ color: {link}; text-decoration: none; }} img {{ width: 100%; border-radius: 8px; }}
      blockquote {{ margin: 2px 0; padding: 2px 8px; border-left: 3px solid {link}; background: #8882;
        border-radius: 4px; }}
      code {{ font-size: 90%; color: {link}; }}"""
    return f'<!doctype html><meta charset="utf-8"><style>{style}</style><div class="bubble">{said}</div>{shown}'


def _embed(made: dict[str, Any], drawn: bytes | None) -> str:
    title = escape(made.get("title", ""))
    parts = [f'<div class="title"><a href="#">{title}</a></div>' if title else ""]
    parts.append(f'<div class="text">{_discord(made["description"])}</div>' if made.get("description") else "")
    for field in made.get("fields", ()):
        parts.append(f'<div class="name">{escape(field["name"])}</div>')
        parts.append(f'<div class="value">{_discord(field["value"])}</div>')
    parts.append(f'<img src="{_inlined(drawn)}">' if "image" in made and drawn else "")
    parts.append(f'<div class="footer">{escape(made["footer"]["text"])}</div>' if "footer" in made else "")
    return f'<div class="embed" style="border-color: #{made["color"]:06x}">{"".join(parts)}</div>'


def _discord(said: str) -> str:
    """Discord's markup as HTML, as far as we write it."""
    text = escape(said, quote=False)
    for pattern, form in _DISCORD_MARKUP:
        text = pattern.sub(form, text)
    return text.replace("</blockquote>\n", "</blockquote>").replace("</li>\n", "</li>")


def _inlined(drawn: bytes | None) -> str:
    return f"data:image/png;base64,{base64.b64encode(drawn or b'').decode()}"

"""What Slack refuses, by its documentation: https://docs.slack.dev/reference/methods/chat.postMessage and Block Kit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.servers.slack_files import FILE_ID, SlackFiles

LONGEST_TEXT = 40_000
MOST_BLOCKS = 50
LARGEST_METADATA = 16_384

_RICH = {"rich_text_section", "rich_text_quote", "rich_text_list", "rich_text_preformatted"}
_RICH_PARTS = {"text", "link", "emoji", "user", "usergroup", "channel", "broadcast"}


def refusal(sent: Mapping[str, Any], files: SlackFiles | None = None) -> str | None:
    """The error with which Slack refuses a message's content, or nothing; `files` are those that it may show."""
    text, blocks = sent.get("text") or "", sent.get("blocks") or []
    if not text and not blocks:
        return "no_text"
    if len(text) > LONGEST_TEXT:
        return "msg_too_long"
    if len(blocks) > MOST_BLOCKS or not all(_is_valid(block) for block in blocks):
        return "invalid_blocks"
    if files is not None and not all(
        files.is_fit(block["slack_file"]["id"]) for block in blocks if "slack_file" in block
    ):
        return "invalid_blocks"
    if sum(_length(block) for block in blocks) > 13_200:
        return "msg_blocks_too_long"
    return _metadata_refusal(sent.get("metadata"))


def _metadata_refusal(metadata: Any) -> str | None:
    if metadata is None:
        return None
    if not isinstance(metadata, dict) or not metadata.get("event_type") or "event_payload" not in metadata:
        return "invalid_metadata_format"
    return "metadata_too_large" if len(str(metadata)) > LARGEST_METADATA else None


def _is_valid(block: Mapping[str, Any]) -> bool:
    checks = {
        "header": _header,
        "section": _section,
        "context": _context,
        "rich_text": _rich_text,
        "actions": _actions,
        "image": _image,
    }
    kind = block.get("type")
    return kind == "divider" or (kind in checks and checks[kind](block))


def _is_text(part: Any, kinds: tuple[str, ...], limit: int) -> bool:
    return isinstance(part, dict) and part.get("type") in kinds and 0 < len(part.get("text", "")) <= limit


def _header(block: Mapping[str, Any]) -> bool:
    return _is_text(block.get("text"), ("plain_text",), 150)


def _section(block: Mapping[str, Any]) -> bool:
    fields = block.get("fields", [])
    if not (1 <= len(fields) <= 10 or block.get("text")):
        return False
    return all(_is_text(field, ("plain_text", "mrkdwn"), 2000) for field in fields) and (
        "text" not in block or _is_text(block["text"], ("plain_text", "mrkdwn"), 3000)
    )


def _context(block: Mapping[str, Any]) -> bool:
    parts = block.get("elements", [])
    return 1 <= len(parts) <= 10 and all(_is_text(part, ("plain_text", "mrkdwn"), 3000) for part in parts)


def _image(block: Mapping[str, Any]) -> bool:
    file, described = block.get("slack_file"), 0 < len(block.get("alt_text", "")) <= 2000
    if file is None:
        return described and len(block.get("image_url", "")) in range(1, 3001)
    return described and "image_url" not in block and set(file) == {"id"} and bool(FILE_ID.fullmatch(file["id"]))


def _actions(block: Mapping[str, Any]) -> bool:
    elements = block.get("elements", [])
    names = [one.get("action_id", "") for one in elements]
    return 1 <= len(elements) <= 25 and len(set(names)) == len(names) and all(map(_is_element, elements))


def _is_element(one: Mapping[str, Any]) -> bool:
    if not 1 <= len(one.get("action_id", "")) <= 255:
        return False
    if one["type"] == "overflow":
        return 1 <= len(one["options"]) <= 5 and all(map(_is_option, one["options"]))
    confirm = one.get("confirm")
    sound = confirm is None or all(
        _is_text(confirm.get(part), ("plain_text",), limit)
        for part, limit in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30))
    )
    return sound and _is_text(one.get("text"), ("plain_text",), 75) and len(one.get("value", "")) <= 2000


def _is_option(one: Mapping[str, Any]) -> bool:
    return _is_text(one.get("text"), ("plain_text",), 75) and 0 < len(one.get("value", "")) <= 150


def _rich_text(block: Mapping[str, Any]) -> bool:
    return bool(block.get("elements")) and all(
        element.get("type") in _RICH
        and all(part.get("type") in _RICH_PARTS and _is_filled(part) for part in element.get("elements", []))
        for element in block["elements"]
    )


def _is_filled(part: Mapping[str, Any]) -> bool:
    if part["type"] == "text":
        return bool(part.get("text"))
    return part["type"] != "link" or str(part.get("url", "")).startswith(("https://", "http://", "mailto:"))


def _length(part: Any) -> int:
    if isinstance(part, dict):
        return sum(
            len(value) if key == "text" and isinstance(value, str) else _length(value) for key, value in part.items()
        )
    return sum(map(_length, part)) if isinstance(part, list) else 0

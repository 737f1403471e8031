"""Files at a Slack of our own: uploads in three steps, and the time that Slack takes to work a file off.

By https://docs.slack.dev/reference/methods/files.getUploadURLExternal, files.completeUploadExternal, files.delete and
the reference of the Slack file object.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

FILE_ID = re.compile(r"F[A-Z0-9]{8,}")
_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8")


@dataclass
class SlackFile:
    """A file: how long it is to be, what came, and whether its upload was declared complete."""

    id: str
    length: int
    alternative: str = ""
    body: bytes | None = None
    is_complete: bool = False
    is_deleted: bool = False
    refusals: int = 0
    """How many messages that showed it were refused since, because it was not worked off."""


@dataclass
class SlackFiles:
    """The bot's files. A file can be shown after `works_off_after` messages that show it were refused."""

    works_off_after: int = 0
    known: dict[str, SlackFile] = field(default_factory=dict)

    def standing(self) -> list[SlackFile]:
        """The files that are there, oldest first."""
        return [one for one in self.known.values() if one.is_complete and not one.is_deleted]

    def is_fit(self, name: str) -> bool:
        """Whether a message may show the file by now; only pictures may be shown at all."""
        file = self.known.get(name)
        if file is None or file.is_deleted or not file.is_complete or not (file.body or b"").startswith(_SIGNATURES):
            return False
        file.refusals += 1
        return file.refusals > self.works_off_after

    def take(self, name: str, body: bytes) -> int:
        """Take the bytes of a file at its address, which is good for one file of the length that was said."""
        file = self.known.get(name)
        if file is None or file.body is not None:
            return 404
        if len(body) != file.length:
            return 500
        file.body = body
        return 200

    def answer(self, method: str, sent: dict[str, Any], address: str) -> dict[str, Any]:
        """What Slack answers to one of the methods."""
        if method == "files.getUploadURLExternal":
            return self._place(sent, address)
        return self._delete(str(sent.get("file"))) if method == "files.delete" else self._complete(sent)

    def _place(self, sent: dict[str, Any], address: str) -> dict[str, Any]:
        if not sent.get("filename") or not str(sent.get("length", "")).isdigit() or int(sent["length"]) < 1:
            return {"ok": False, "error": "invalid_arguments"}
        if len(sent.get("alt_txt", "")) > 1000:
            return {"ok": False, "error": "alt_txt_too_large"}
        file = SlackFile(f"F{len(self.known):08d}", int(sent["length"]), sent.get("alt_txt", ""))
        self.known[file.id] = file
        return {"ok": True, "file_id": file.id, "upload_url": f"{address}{file.id}"}

    def _complete(self, sent: dict[str, Any]) -> dict[str, Any]:
        listed = json.loads(sent.get("files") or "[]")
        if not listed:
            return {"ok": False, "error": "invalid_arguments"}
        found = [self.known.get(str(one.get("id"))) for one in listed]
        if any(one is None or one.body is None for one in found):
            return {"ok": False, "error": "file_not_found"}
        for one in found:
            if one is not None:
                one.is_complete = True
        return {"ok": True, "files": [{"id": one.id, "mimetype": "", "filetype": ""} for one in found if one]}

    def _delete(self, name: str) -> dict[str, Any]:
        file = self.known.get(name)
        if file is None or file.is_deleted:
            return {"ok": False, "error": "file_not_found" if file is None else "file_deleted"}
        file.is_deleted = True
        return {"ok": True}

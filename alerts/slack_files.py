"""Files at Slack: uploading a picture in the three steps that Slack asks for.

An address for so many bytes is asked for, the bytes are sent there, and the upload is declared complete; without a
channel the file is the bot's own until a message shows it. Slack works it off later: until then a message that shows it
is refused as `invalid_blocks`. https://docs.slack.dev/reference/methods/files.getUploadURLExternal
"""

from __future__ import annotations

from slack_sdk.web import SlackResponse

from alerts.channels.contract import ChannelError, Outcome
from alerts.exchange import exchange
from alerts.render.outside import cut
from alerts.slack_api import Client

GONE = ("file_not_found", "file_deleted")
"""Slack's words for a file that is deleted already."""
SCOPE = "files:write"
MISSING = f"the curve is bars, as the app lacks the scope {SCOPE}: add it and install the app again"
_NAME = "curve.png"
_LONGEST_ALTERNATIVE = 1_000


def upload(client: Client, drawn: bytes, alternative: str) -> str:
    """Upload a PNG, described by `alternative`; its id. `SlackApiError` or `ChannelError` where it fails."""
    place = client.files_getUploadURLExternal(
        filename=_NAME, length=len(drawn), alt_txt=cut(alternative, _LONGEST_ALTERNATIVE)
    )
    file, address = str(place["file_id"]), str(place["upload_url"])
    answer = exchange(address, drawn, {"Content-Type": "image/png"}, client.deadline, proxy=client.proxy_address)
    if answer.status != 200:
        raise ChannelError(f"Slack answered {answer.status} to a file", Outcome.NOT_DELIVERED)
    client.files_completeUploadExternal(files=[{"id": file, "title": _NAME}])
    return file


def lacks_scope(signed_in: SlackResponse) -> bool:
    """Whether the answer to `auth.test` lists the token's scopes, and files:write is not among them."""
    listed = signed_in.headers.get("x-oauth-scopes")
    return listed is not None and SCOPE not in [scope.strip() for scope in listed.split(",")]

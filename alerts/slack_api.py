"""Slack's Web API through slack_sdk, with one deadline a call, and what its refusals mean for a message.

slack_sdk knows the methods; the connection is ours (alerts/exchange.py), because its own bounds each read instead of
the whole call and reads answers of any size. Errors: https://docs.slack.dev/reference/methods.
"""

from __future__ import annotations

import json as json_text
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from alerts.channels.contract import ChannelError, Outcome
from alerts.deadline import Deadline
from alerts.exchange import LARGEST_ANSWER, exchange
from alerts.transport import retry_after
from alerts.web_channel import RootLostError, TooMuchError

WAIT_WHEN_UNSAID = 30.0
"""Seconds to leave Slack alone when it says "too many" and not for how long."""

LARGEST_HISTORY = 8 * 1024 * 1024
"""Two hundred messages of the largest form that Slack takes come to less."""


_TOO_MUCH = (
    "msg_too_long",
    "msg_blocks_too_long",
    "invalid_blocks",
    "invalid_blocks_format",
    "block_mismatch",
    "too_many_attachments",
    "invalid_attachments",
    "metadata_too_large",
)
_MAY_HAVE_WORKED = ("internal_error", "fatal_error", "request_timeout", "service_unavailable")
_SIGN_IN = (
    "invalid_auth",
    "not_authed",
    "account_inactive",
    "token_revoked",
    "token_expired",
    "not_allowed_token_type",
    "missing_scope",
    "no_permission",
    "access_denied",
    "org_login_required",
    "ekm_access_denied",
    "team_access_not_granted",
    "team_not_found",
)
_ROOM = (
    "channel_not_found",
    "not_in_channel",
    "is_archived",
    "restricted_action",
    "restricted_action_read_only_channel",
    "restricted_action_thread_only_channel",
    "method_not_supported_for_channel_type",
)
_ROOT_LOST = (
    "message_not_found",
    "cant_update_message",
    "edit_window_closed",
    "thread_not_found",
    "cannot_reply_to_message",
)
_MEANINGS: dict[str, Callable[[str], ChannelError]] = {
    **dict.fromkeys(_TOO_MUCH, lambda said: TooMuchError(said, Outcome.REFUSED)),
    **dict.fromkeys(_ROOT_LOST, lambda said: RootLostError(said, Outcome.NOT_DELIVERED)),
    **dict.fromkeys(_MAY_HAVE_WORKED, lambda said: ChannelError(said, Outcome.AMBIGUOUS)),
    **dict.fromkeys(_SIGN_IN, lambda said: ChannelError(said, Outcome.BROKEN, whole_channel=True)),
    **dict.fromkeys(_ROOM, lambda said: ChannelError(said, Outcome.BROKEN)),
}
_REMEDIES = {
    "not_in_channel": "invite the bot to the channel",
    "channel_not_found": "check the channel's id, and invite the bot if the channel is private",
    "is_archived": "unarchive the channel or choose another",
    "missing_scope": "add the scope to the app and install it again",
    "invalid_auth": "check the bot token",
    "token_revoked": "install the app again and replace the bot token",
}


class Client(WebClient):
    """slack_sdk's client for one attempt: it never tries again, and every call ends with the deadline."""

    def __init__(self, token: str, base_url: str, deadline: Deadline, proxy: str = "") -> None:
        super().__init__(token=token, base_url=base_url, retry_handlers=[])
        self.deadline = deadline
        self.proxy_address = proxy

    def api_call(
        self,
        api_method: str,
        *,
        http_verb: str = "POST",
        files: dict[str, Any] | None = None,  # noqa: ARG002
        data: Any = None,
        params: dict[str, Any] | None = None,
        json: dict[str, Any] | None = None,
        headers: dict[str, Any] | None = None,
        auth: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> SlackResponse:
        """Call one method; `SlackApiError` where Slack refuses, `ChannelError` where the way there fails."""
        if json is not None:
            body, kind = json_text.dumps(json).encode(), "application/json; charset=utf-8"
        else:
            body, kind = _form({**(params or {}), **(data or {})}), "application/x-www-form-urlencoded"
        url = f"{self.base_url}{api_method}"
        sent = {"Content-Type": kind, "Authorization": f"Bearer {self.token}", **(headers or {})}
        most = LARGEST_HISTORY if api_method.startswith("conversations.") else LARGEST_ANSWER
        answer = exchange(url, body, sent, self.deadline, proxy=self.proxy_address, most=most)
        response = SlackResponse(
            client=self,
            http_verb=http_verb,
            api_url=url,
            req_args={},
            data=_read(answer.body),
            headers=dict(answer.headers),
            status_code=answer.status,
        )
        response.validate()  # type: ignore[no-untyped-call]
        return response


def meaning(error: SlackApiError, what: str, now: datetime) -> ChannelError:
    """What a refusal means for the message; `what` says for the operator what was tried."""
    answer = error.response
    code = str(answer.get("error") or "")
    said = f"{what}: {code or f'status {answer.status_code}'}{_needed(answer)}{_remedy(code)}"
    if answer.status_code == 429 or code in ("ratelimited", "rate_limited"):
        wait = retry_after(answer.headers.get("retry-after"), now)
        return ChannelError(said, Outcome.NOT_DELIVERED, retry_after=WAIT_WHEN_UNSAID if wait is None else wait)
    if answer.status_code >= 500 or not code:
        return ChannelError(said, Outcome.AMBIGUOUS)
    return _MEANINGS.get(code, _unknown)(said)


def _unknown(said: str) -> ChannelError:
    """A refusal that we do not know is a refusal still: nothing was posted, and it may be temporary."""
    return ChannelError(said, Outcome.NOT_DELIVERED)


def _needed(answer: SlackResponse) -> str:
    return f" (needs {answer.get('needed')})" if answer.get("needed") else ""


def _remedy(code: str) -> str:
    return f"; {_REMEDIES[code]}" if code in _REMEDIES else ""


def _form(params: Mapping[str, Any]) -> bytes:
    said = {key: ("true" if value is True else "false" if value is False else value) for key, value in params.items()}
    return urlencode({key: value for key, value in said.items() if value is not None}).encode()


def _read(body: bytes) -> dict[str, Any]:
    """Slack's answer; one that cannot be read is an object without `ok`, which leaves open what happened."""
    try:
        said = json_text.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}

"""Receivers of webhooks on loopback: one that verifies Standard Webhooks, Slack's incoming webhook, Teams' workflow.

The first one uses the `standardwebhooks` package, which knows nothing of how we sign.
"""

from __future__ import annotations

import json
import re
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.servers.platform import Platform, Reply, Request, said
from tests.servers.slack_limits import refusal


class Receiver(Platform):
    """A receiver that verifies each message, and keeps a message once, by its id."""

    path = "/hooks/tocsin"

    def __init__(self, secret: str) -> None:
        super().__init__()
        self.verifier = Webhook(secret)
        self.taken: dict[str, Any] = {}
        self.most = 1_000_000

    @property
    def address(self) -> str:
        """Where it takes messages."""
        return f"{self.url}{self.path}"

    def may_fail(self, request: Request) -> bool:
        """Messages alone are troubled."""
        return request.method == "POST"

    def handle(self, request: Request) -> Reply:
        """Verify and keep."""
        if request.path != self.path:
            return Reply(404, b"no such hook")
        if request.method == "HEAD":
            return Reply(405)
        if len(request.body) > self.most:
            return Reply(413, b"too large")
        try:
            event = self.verifier.verify(request.body, request.headers)
        except WebhookVerificationError as error:
            return Reply(401, str(error).encode())
        self.taken.setdefault(request.headers["webhook-id"], event)
        return Reply(204)


class IncomingWebhook(Platform):
    """A Slack incoming webhook: what is posted stands in the channel, as often as it comes."""

    path = "/services/T0TEAM/B0HOOK/"

    def __init__(self, token: str = "canary-slack-hook") -> None:
        super().__init__()
        self.token = token
        self.messages: list[dict[str, Any]] = []
        self.is_archived = False

    @property
    def address(self) -> str:
        """The webhook's address."""
        return f"{self.url}{self.path}{self.token}"

    def handle(self, request: Request) -> Reply:
        """Post a message."""
        if not request.path.startswith(self.path):
            return Reply(404, b"no_service")
        if request.path.removeprefix(self.path) != self.token:
            return Reply(403, b"invalid_token")
        if self.is_archived:
            return Reply(410, b"channel_is_archived")
        sent = request.json()
        if not isinstance(sent, dict):
            return Reply(400, b"invalid_payload")
        if problem := refusal(sent):
            return Reply(400, problem.encode())
        self.messages.append(sent)
        return Reply(200, b"ok")

    def shown(self) -> list[str]:
        """The reference of every message that people see."""
        return [found[1] for sent in self.messages if (found := re.search(r"ref ([\w-]+)", json.dumps(sent)))]


class Workflow(Platform):
    """A Teams channel behind a Power Automate workflow that posts the card it is given."""

    path = "/workflows/0a1b/triggers/manual/paths/invoke"
    largest = 28 * 1024

    def __init__(self, signature: str = "canary-teams-sig") -> None:
        super().__init__()
        self.signature = signature
        self.cards: list[dict[str, Any]] = []

    @property
    def address(self) -> str:
        """The workflow's address, with its signature in it."""
        return f"{self.url}{self.path}?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={self.signature}"

    def may_fail(self, request: Request) -> bool:
        """Messages alone are troubled."""
        return request.method == "POST"

    def handle(self, request: Request) -> Reply:
        """Run the workflow."""
        if request.path != self.path:
            return said({"error": {"code": "WorkflowNotFound", "message": "The workflow could not be found."}}, 404)
        if request.query.get("sig") != self.signature:
            code = "DirectApiInvalidAuthorizationScheme" if "sig" not in request.query else "AuthorizationFailed"
            return said({"error": {"code": code, "message": "The request is not authorised."}}, 401)
        if request.method != "POST":
            return said({"error": {"code": "TriggerRequestMethodNotValid", "message": "POST is expected."}}, 405)
        if len(request.body) > self.largest:
            return said({"error": {"code": "RequestEntityTooLarge", "message": "Request Entity too large"}}, 413)
        if problem := card_problem(request.json()):
            return said({"error": {"code": "TriggerInputSchemaMismatch", "message": problem}}, 400)
        self.cards.append(request.json()["attachments"][0]["content"])
        return Reply(202, b"", {"x-ms-workflow-run-id": f"run-{len(self.cards)}"})

    def shown(self) -> list[str]:
        """The reference of every card that people see."""
        return [found[1] for card in self.cards if (found := re.search(r"ref ([\w-]+)", json.dumps(card)))]


_ELEMENTS = {"TextBlock", "RichTextBlock", "Container", "ActionSet", "ColumnSet", "Chart.Line"}


def card_problem(sent: Any) -> str:
    """What is wrong with a workflow's input; nothing when it holds one Adaptive Card that Teams can show."""
    attachments = sent.get("attachments") if isinstance(sent, dict) and sent.get("type") == "message" else None
    if not isinstance(attachments, list) or len(attachments) != 1:
        return "attachments is required"
    if attachments[0].get("contentType") != "application/vnd.microsoft.card.adaptive":
        return "contentType is no Adaptive Card"
    card = attachments[0].get("content") or {}
    if card.get("type") != "AdaptiveCard" or card.get("version") not in ("1.2", "1.3", "1.4", "1.5"):
        return "content is no Adaptive Card of a version that Teams shows"
    problems = [problem for element in card.get("body", []) if (problem := _element_problem(element))]
    actions = [one for one in card.get("actions", []) if not _is_link(one)]
    return "; ".join(problems) or ("an action is invalid" if actions else "") or ("" if card.get("body") else "empty")


def _element_problem(element: dict[str, Any]) -> str:
    kind = element.get("type")
    if kind not in _ELEMENTS:
        return f"{kind} is unknown"
    if kind == "TextBlock":
        return "" if isinstance(element.get("text"), str) else "a TextBlock has no text"
    if kind == "RichTextBlock":
        runs = element.get("inlines") or []
        return "" if runs and all(_is_run(run) for run in runs) else "a RichTextBlock is invalid"
    if kind == "Container":
        return "; ".join(filter(None, map(_element_problem, element.get("items") or [{}])))
    return ""


def _is_run(run: dict[str, Any]) -> bool:
    fine = run.get("type") == "TextRun" and isinstance(run.get("text"), str) and bool(run["text"])
    return fine and ("selectAction" not in run or _is_link(run["selectAction"]))


def _is_link(action: dict[str, Any]) -> bool:
    return action.get("type") == "Action.OpenUrl" and str(action.get("url", "")).startswith(("https://", "http://"))

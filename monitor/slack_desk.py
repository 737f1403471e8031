"""What is done when somebody presses a button in Slack: the same actions as everywhere, by whoever pressed.

Slack wants an answer within three seconds. A press is answered once it is done, so that the presser of one that is lost
with the process is told by Slack that nobody answered; only work that takes longer goes on after the answer. What
changed is told by the outbox, which edits the incident's message; only what did not change, or could not be done, is
said to the presser alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from concurrent.futures import TimeoutError as TooLateError
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import structlog
from slack_sdk.errors import SlackApiError

from alerts.actions import Action, Need, offer
from alerts.channels.contract import ChannelError
from alerts.channels.slack import Options
from alerts.deadline import Deadline
from alerts.exchange import exchange
from alerts.render.outside import cleaned, cut
from alerts.render.slack import escaped
from alerts.render.slack_buttons import Asked, form
from alerts.slack_api import Client
from alerts.slack_requests import Filled, Once, Press, Presser, read
from config.durations import parse_duration
from config.problems import Mistake
from config.references import MissingSecretError
from monitor.care import Care, CareError
from monitor.casework import Asked as Piece
from monitor.casework_lines import Work
from monitor.caseworker import Caseworker
from monitor.outcomes import outcome, worked
from storage import incidents
from storage.database import Database, Transaction
from storage.errors import StorageError
from storage.records import Incident

_log = structlog.get_logger(__name__)

ANSWERS_WITHIN = 2.0
"""Seconds after which Slack is answered although the work goes on: it waits for three."""
_CALL_WITHIN = 5.0
_MOST_OTHERS = 25
MOST_NAMES = 1_000
"""People whose names are remembered."""

Answer = Mapping[str, Any] | None


@dataclass
class SlackDesk:
    """The presses of one Slack channel; `on_done` is called when there is something to send."""

    options: Options
    care: Care
    database: Database
    clock: Callable[[], datetime]
    on_done: Callable[[], object]
    once: Once
    _names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the threads that do the work."""
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="slack-desk")
        self._under_way: set[Future[Any]] = set()

    def close(self) -> None:
        """Finish what is under way."""
        self._threads.shutdown()

    def drain(self, seconds: float) -> bool:
        """Wait until nothing is under way, at most so long; whether it is so."""
        while under_way := list(self._under_way):
            if wait(under_way, seconds).not_done:
                return False
            self._under_way.difference_update(under_way)
        return True

    def _begin(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future = self._threads.submit(work, *arguments)
        self._under_way.add(future)
        future.add_done_callback(self._under_way.discard)
        return future

    def receive(self, payload: Mapping[str, Any]) -> Answer:
        """Take what Slack sends; the answer is what Slack is to show at once, usually nothing."""
        said = read(payload)
        if isinstance(said, Filled):
            return self._filled(said)
        if said is not None and self.once.is_new(f"press:{said.trigger}"):
            with suppress(TooLateError):
                self._begin(self._logged, self._press, said).result(ANSWERS_WITHIN)
        return None

    # -- Presses -------------------------------------------------------------------------------------------------------

    def _press(self, press: Press) -> None:
        if refusal := self._refusal(press):
            self._whisper(press.response_url, refusal)
        elif press.from_menu or offer(press.action).needs is not Need.NOTHING:
            self._open_form(press)
        else:
            self._whisper(press.response_url, self._done(press.action, press.incident, press.by, {}))

    def _refusal(self, press: Press) -> str:
        """Why this press does nothing, if it does not."""
        if press.room and press.room not in self.options.channels:
            return "This channel is not one that Tocsin listens to; press in the channel that it writes to."
        if self.options.responders and press.by.user not in self.options.responders:
            return "You are not among those who may act here; the operator keeps the list (responders)."
        return ""

    def _open_form(self, press: Press) -> None:
        with self.database.read() as tx:
            incident = incidents.get(tx, press.incident)
            others = incidents.recent(tx, limit=_MOST_OTHERS + 1)
        if incident is None:
            self._whisper(press.response_url, f"There is no incident {press.incident}.")
            return
        asked = Asked(press.action.value, press.incident, press.response_url)
        choices = [(one.id, _words(one)) for one in others if one.id != incident.id]
        if offer(press.action).needs is Need.INCIDENT and not choices:
            self._whisper(press.response_url, "There is no other incident that it could be the same as.")
            return
        brands = [name for name in self.care.brands if name != incident.brand] if incident.state.is_live else []
        view = form(asked, f"{incident.brand}: {incident.headline}", choices, brands)
        try:
            self._client().views_open(trigger_id=press.trigger, view=view)
        except (SlackApiError, ChannelError, MissingSecretError) as error:
            _log.warning("a form could not be opened", error=_reason(error))
            self._whisper(press.response_url, "Slack did not open the form; please press once more.")

    # -- Forms ---------------------------------------------------------------------------------------------------------

    def _filled(self, filled: Filled) -> Answer:
        """Do what a form asks; what is wrong with it stands beside the field."""
        work = self._begin(self._fill, filled)
        try:
            wrong = work.result(ANSWERS_WITHIN)
        except TooLateError:
            work.add_done_callback(lambda late: self._report_late(filled, late))
            return None
        if not wrong:
            return None
        field_name = {Need.LINK: "link", Need.TIME: "time", Need.INCIDENT: "incident"}.get(
            offer(Action(filled.asked.action)).needs, "note"
        )
        return {"response_action": "errors", "errors": {field_name: cut(wrong, 150)}}

    def _fill(self, filled: Filled) -> str:
        """Nothing, or what is wrong."""
        action, incident = Action(filled.asked.action), filled.asked.incident
        try:
            said = self._done(action, incident, filled.by, filled.fields, strict=True)
        except (CareError, StorageError) as error:
            return str(error)
        self._begin(self._logged, self._whisper, filled.asked.response_url, said)
        return ""

    def _report_late(self, filled: Filled, work: Future[str]) -> None:
        wrong = str(work.exception() or work.result())
        if wrong:
            self._logged(self._whisper, filled.asked.response_url, wrong)

    # -- What both do --------------------------------------------------------------------------------------------------

    def _done(
        self, action: Action, incident: str, by: Presser, fields: Mapping[str, str], *, strict: bool = False
    ) -> str:
        """Do it; nothing where the message itself shows it, else what the presser is told."""
        who = f"slack:{self._name(by)}"
        try:
            with self.database.write() as tx:
                said = self._act(tx, action, incident, who, fields)
        except (CareError, Mistake, StorageError) as error:
            if strict:
                raise CareError(str(error)) from error
            return str(error)
        self.on_done()
        return said

    def _act(self, tx: Transaction, action: Action, incident: str, who: str, fields: Mapping[str, str]) -> str:
        now, note = self.clock(), fields.get("note", "")
        if brand := fields.get("brand"):  # the message only says that it is over, so the presser reads where it is now
            return worked(Caseworker(self.care).do(tx, incident, Piece(Work.MOVE, who, now, note, brand=brand)))
        until = now + parse_duration(fields["time"]) if fields.get("time") else None
        link, twin = fields.get("link", ""), fields.get("incident", "")
        done = self.care.do(tx, incident, action, who, now, note, until=until, link=link, twin=twin)
        return "" if done.changed else outcome(done, self.care.timezone)

    def _name(self, by: Presser) -> str:
        """The name that people know somebody by; the handle in the request where the bot may not look it up."""
        name = self._names.get(by.user)
        if name is None:
            if len(self._names) >= MOST_NAMES:
                self._names.clear()
            name = self._names[by.user] = self._looked_up(by.user) or by.name or by.user
        return cut(cleaned(name), 60) or by.user

    def _looked_up(self, user: str) -> str:
        try:
            found = self._client().users_info(user=user).get("user") or {}
        except (SlackApiError, ChannelError, MissingSecretError) as error:
            _log.info("a name could not be looked up; the scope users:read lets the bot do so", error=_reason(error))
            return ""
        profile = found.get("profile") or {}
        return str(profile.get("display_name") or profile.get("real_name") or found.get("real_name") or "")

    def _whisper(self, url: str, said: str) -> None:
        """Tell the presser alone."""
        if not said or not self._is_slacks(url):
            return
        body = json.dumps({"response_type": "ephemeral", "replace_original": False, "text": escaped(said)}).encode()
        try:
            exchange(url, body, {"Content-Type": "application/json"}, Deadline(_CALL_WITHIN), proxy=self.options.proxy)
        except ChannelError as error:
            _log.warning("a presser could not be told", error=_reason(error))

    def _is_slacks(self, url: str) -> bool:
        """Whether an address is Slack's own, or where the API lies."""
        parts, ours = urlsplit(url), urlsplit(self.options.base_url)
        return (parts.scheme == "https" and parts.hostname == "hooks.slack.com") or (
            (parts.scheme, parts.netloc) == (ours.scheme, ours.netloc)
        )

    def _client(self) -> Client:
        token = self.options.token.resolve().get_secret_value()
        return Client(token, self.options.base_url, Deadline(_CALL_WITHIN), self.options.proxy)

    def _logged(self, work: Callable[..., None], *arguments: Any) -> None:
        try:
            work(*arguments)
        except Exception:  # noqa: BLE001  (nobody waits for the result: the log is the only place)
            _log.exception("a press could not be handled")


def _words(incident: Incident) -> str:
    return cleaned(f"{incident.opened_at:%d %b} {incident.brand}: {incident.headline}")


def _reason(error: Exception) -> str:
    return str(error.response.get("error")) if isinstance(error, SlackApiError) else str(error)

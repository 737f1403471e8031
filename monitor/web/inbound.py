"""What comes in from elsewhere with a lock of its own: links in mails, presses in Slack, and PagerDuty's webhooks."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.concurrency import run_in_threadpool

from alerts.actions import Need, offer
from alerts.channels.pagerduty import Options as PagerDutyOptions
from alerts.render.slack_buttons import SNOOZES
from alerts.signatures import is_from_pagerduty
from alerts.signed_links import BadLinkError, SignedLink, SignedLinks
from alerts.slack_requests import NotFromSlackError, payload_of
from config.durations import parse_duration
from config.problems import Mistake
from config.references import MissingSecretError, SecretReference
from monitor.care import CareError, Done
from monitor.outcomes import has_it, outcome
from monitor.pagerduty_desk import carry_out, read_webhook
from monitor.slack_desks import SlackDesks
from monitor.web.access import Anyone
from monitor.web.desk import Desk, desk_of
from monitor.web.pages import page
from storage import incidents

_log = structlog.get_logger(__name__)

router = APIRouter(include_in_schema=False)
OurDesk = Annotated[Desk, Depends(desk_of)]
MOST_OTHERS = 50


# -- Links in mails ----------------------------------------------------------------------------------------------------


@router.get("/mail/{token}")
def ask(request: Request, token: str, _: Anyone, desk: OurDesk) -> HTMLResponse:
    """Ask whether the reader of a mail means it; nothing is done yet."""
    try:
        link = SignedLinks.build(desk.settings, desk.clock).read(token)
        return _form(request, desk, link)
    except (BadLinkError, CareError) as error:
        return _sorry(request, str(error))


@router.post("/mail/{token}")
async def act(request: Request, token: str, _: Anyone, desk: OurDesk) -> HTMLResponse:
    """Do what the reader of a mail confirmed, and say who has the incident now."""
    fields = {name: str(value) for name, value in (await request.form()).items()}
    return await run_in_threadpool(_act, request, desk, token, fields)


def _act(request: Request, desk: Desk, token: str, fields: dict[str, str]) -> HTMLResponse:
    try:
        link = SignedLinks.build(desk.settings, desk.clock).read(token)
    except BadLinkError as error:
        return _sorry(request, str(error))
    try:
        done = _done(desk, link, fields)
    except (CareError, Mistake) as error:
        return _form(request, desk, link, str(error), fields)
    said = outcome(done, desk.settings.general.timezone)
    who = has_it(done.incident, desk.settings.general.timezone)
    return page(request, None, "mail_acted.html", incident=done.incident, said=said, who=who, changed=done.changed)


def _done(desk: Desk, link: SignedLink, fields: dict[str, str]) -> Done:
    now = desk.clock()
    until = now + parse_duration(fields["time"]) if fields.get("time") else None
    ways: dict[str, Any] = {"until": until, "link": fields.get("link", ""), "twin": fields.get("incident", "")}
    with desk.database.write() as tx:
        who = f"mail:{link.reader}"
        return desk.care.do(tx, link.incident, link.action, who, now, fields.get("note", ""), **ways)


def _form(
    request: Request, desk: Desk, link: SignedLink, wrong: str = "", fields: dict[str, str] | None = None
) -> HTMLResponse:
    with desk.database.read() as tx:
        incident = incidents.get(tx, link.incident)
        others = incidents.recent(tx, limit=MOST_OTHERS) if offer(link.action).needs is Need.INCIDENT else []
    if incident is None:
        return _sorry(request, "The incident of this link is not here any more.")
    return page(
        request,
        None,
        "mail_act.html",
        422 if wrong else 200,
        incident=incident,
        offer=offer(link.action),
        who=has_it(incident, desk.settings.general.timezone),
        others=[one for one in others if one.id != incident.id],
        snoozes=SNOOZES,
        wrong=wrong,
        fields=fields or {},
        reader=link.reader,
    )


def _sorry(request: Request, said: str) -> HTMLResponse:
    return page(request, None, "mail_sorry.html", 410, said=said)


# -- Slack -------------------------------------------------------------------------------------------------------------


@router.post("/inbound/slack/{name}")
async def slack(request: Request, name: str, _: Anyone, desk: OurDesk) -> Response:
    """Take a press in Slack, signed by Slack, and answer within its three seconds."""
    body = await request.body()
    desks = _slack_desks(request, desk)
    known = desks.desks.get(name)
    secrets = [known.options.signing_secret, known.options.old_signing_secret] if known else []
    try:
        desks.signed.admit(body, request.headers, _resolved(secrets))
    except NotFromSlackError as error:
        _log.warning("a request in Slack's name was refused", channel=name, reason=str(error))
        return PlainTextResponse("Not signed by Slack.\n", 401)
    payload = payload_of(body)
    if payload is None or known is None:
        return PlainTextResponse("There is no payload in it.\n", 400)
    answer = await run_in_threadpool(known.receive, payload)
    return JSONResponse(answer) if answer else Response()


def _slack_desks(request: Request, desk: Desk) -> SlackDesks:
    """The desks of this application, made when the first press comes."""
    state = request.app.state
    if not hasattr(state, "slack"):
        state.slack = SlackDesks.build(desk.settings, desk.care, desk.database, desk.clock)
    made: SlackDesks = state.slack
    return made


# -- PagerDuty ---------------------------------------------------------------------------------------------------------


@router.post("/inbound/pagerduty/{name}")
async def pagerduty(request: Request, name: str, _: Anyone, desk: OurDesk) -> Response:
    """Take what somebody did in PagerDuty: who takes or resolves the alert there does so here."""
    body = await request.body()
    options = _pagerduty_options(desk, name)
    secrets = _resolved([options.webhook_secret, options.old_webhook_secret] if options else [])
    if not is_from_pagerduty(body, request.headers, secrets):
        _log.warning("a request in PagerDuty's name was refused", channel=name)
        return PlainTextResponse("Not signed by PagerDuty.\n", 401)
    told = read_webhook(body)
    if told is None:
        return Response(status_code=204)
    said = await run_in_threadpool(partial(carry_out, told, desk.care, desk.database, desk.clock()))
    return PlainTextResponse(f"{said}\n")


def _pagerduty_options(desk: Desk, name: str) -> PagerDutyOptions | None:
    for channel in desk.settings.channels:
        if channel.enabled and (channel.type, channel.name) == ("pagerduty", name):
            return PagerDutyOptions.model_validate(channel.options)
    return None


def _resolved(references: list[SecretReference | None]) -> list[str]:
    """The secrets that are there; one that is missing lets nobody in."""
    found: list[str] = []
    for reference in references:
        try:
            found += [reference.resolve().get_secret_value()] if reference else []
        except MissingSecretError as error:
            _log.error("a secret is missing", reason=str(error))
    return found

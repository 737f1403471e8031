"""Slack: one message an incident, its thread, its limits and its failures, against a server that has them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from alerts.channels import slack
from alerts.channels.contract import ChannelContext, ChannelError, Message, Outcome, Receipt
from alerts.deadline import Deadline
from alerts.page import Page, Quote
from storage.records import IncidentState, Reason, Severity
from tests.alerts.examples import NOW, page
from tests.alerts.stage import SECRET, Stage, Trouble
from tests.servers.slack import TOKEN, Fault, Slack, slack_server
from tests.servers.slack_people import APP_TOKEN

PNG = b"\x89PNG\r\n\x1a\n and no more"
TROUBLES = {
    Trouble.BUSY: Fault(status=429, error="ratelimited", headers={"Retry-After": "1"}),
    Trouble.LOST_ANSWER: Fault(after=True, reset=True),
    Trouble.LOST_REQUEST: Fault(reset=True),
    Trouble.SILENCE: Fault(silent=True),
}


@contextmanager
def stage() -> Iterator[Stage]:
    """Slack for the conformance suite."""
    with slack_server() as server:
        server.token = SECRET
        options = {"token": {"env": "STAGE_TOKEN"}, "channels": ["C0ROOM"], "base_url": server.url}
        yield Stage(
            options=options,
            received=server.delivery_ids,
            trouble=lambda trouble: server.script("chat.postMessage", TROUBLES[trouble]),
            environment={"STAGE_TOKEN": SECRET},
            unreachable={**options, "base_url": "http://127.0.0.1:1/"},
        )


@pytest.fixture
def server(slack: Slack, monkeypatch: pytest.MonkeyPatch) -> Slack:
    """The workspace, empty, with nothing scripted."""
    monkeypatch.setenv("SLACK_TOKEN_FOR_TESTS", TOKEN)
    slack.messages.clear()
    slack.requests.clear()
    slack._faults.clear()
    slack.archived.clear()
    slack.without_bot.clear()
    slack.scopes = {"chat:write", "channels:history", "files:write"}
    return slack


def channel(server: Slack, **options: Any) -> slack.SlackChannel:
    usual = {"token": {"env": "SLACK_TOKEN_FOR_TESTS"}, "channels": ["C0ROOM"], "base_url": server.url}
    return slack.build(slack.Options.model_validate({**usual, **options}), ChannelContext("slack", clock=lambda: NOW))


def send(server: Slack, said: Page, root: str | None = None, name: str = "d1", **options: Any) -> Receipt:
    return channel(server, **options).send(Message(name, "C0ROOM", said, root), Deadline(60))


def failure(server: Slack, root: str | None = None, said: Page | None = None, seconds: float = 5) -> ChannelError:
    with pytest.raises(ChannelError) as raised:
        channel(server).send(Message("d1", "C0ROOM", said or page(), root), Deadline(seconds))
    return raised.value


def words(blocks: list[dict[str, Any]]) -> str:
    return str(blocks)


def test_an_incident_is_one_message_with_all_that_is_needed(server: Slack) -> None:
    receipt = send(server, page())
    (root,) = server.roots()
    assert receipt.remote_id == f"C0ROOM:{root.ts}"
    assert root.delivery_id == "d1"
    for needed in (
        "Critical: act now",
        "388 negative voices",
        "Where it began",
        "read it",
        "Why it rang",
        "72%",
        "ack",
    ):
        assert needed in words(root.blocks)
    assert "A voicemail in which" in root.text


def test_what_is_new_edits_the_message_and_stands_in_its_thread(server: Slack) -> None:
    root_id = send(server, page()).remote_id
    send(server, page(reason=Reason.UPDATE, observed=900, changed=("It has reached twitter.",)), root_id, "d2")
    (root,) = server.roots()
    (reply,) = server.replies(root)
    assert (root.edits, reply.is_broadcast, reply.delivery_id) == (1, False, "d2")
    assert "900 negative voices" in words(root.blocks)
    assert "It has reached twitter." in words(reply.blocks)
    assert root.delivery_id == "d1"


def test_figures_that_moved_only_edit_the_message(server: Slack) -> None:
    root_id = send(server, page()).remote_id
    receipt = send(server, page(reason=Reason.UPDATE, observed=401), root_id, "d2")
    assert receipt.remote_id == root_id
    assert server.replies(server.roots()[0]) == []
    assert "401 negative voices" in words(server.roots()[0].blocks)


@pytest.mark.parametrize(
    ("reason", "is_shown_to_all"),
    [
        (Reason.OPENED, True),
        (Reason.ESCALATED, True),
        (Reason.UPDATE, False),
        (Reason.REMINDER, False),
        (Reason.RESOLVED, False),
    ],
)
def test_only_what_begins_or_gets_worse_is_shown_outside_of_the_thread(
    server: Slack, reason: Reason, is_shown_to_all: bool
) -> None:
    root_id = send(server, page()).remote_id
    send(server, page(reason=reason, changed=("Something.",)), root_id, "d2")
    assert server.replies(server.roots()[0])[0].is_broadcast is is_shown_to_all


def test_the_end_turns_the_message_green(server: Slack) -> None:
    root_id = send(server, page()).remote_id
    send(server, page(reason=Reason.RESOLVED, state=IncidentState.RESOLVED, resolved_at=NOW), root_id, "d2")
    assert "✅ Over" in words(server.roots()[0].blocks)


def test_people_are_called_at_their_severity_and_only_when_it_rings(server: Slack) -> None:
    called = {"mentions": {"critical": ["here", "S0TEAM", "U0KIM"]}}
    root_id = send(server, page(), **called).remote_id
    send(server, page(reason=Reason.UPDATE, changed=("More.",)), root_id, "d2", **called)
    send(server, page(severity=Severity.WARNING), None, "d3", **called)
    send(server, page(drill=True), None, "d4", **called)
    calls = "<!here> <!subteam^S0TEAM> <@U0KIM>"
    shown = [calls in words(one.blocks) + one.text for one in server.messages]
    assert shown == [False, False, False, False]  # the first was edited since, without calling again
    first = server.asked("chat.postMessage")[0].arguments
    assert calls in words(first["blocks"])
    assert first["text"].startswith(calls)


def test_links_are_not_unfolded(server: Slack) -> None:
    send(server, page())
    sent = server.asked("chat.postMessage")[0].arguments
    assert (sent["unfurl_links"], sent["unfurl_media"]) == (False, False)


@pytest.mark.parametrize("lost", ["message_not_found", "cant_update_message", "edit_window_closed"])
def test_a_message_that_is_gone_is_replaced_by_a_new_one(server: Slack, lost: str) -> None:
    root_id = send(server, page()).remote_id
    server.script("chat.update", Fault(error=lost))
    receipt = send(server, page(reason=Reason.UPDATE, changed=("More.",)), root_id, "d2")
    assert receipt.remote_id != root_id
    assert [one.delivery_id for one in server.roots()] == ["d1", "d2"]


@pytest.mark.parametrize("error", ["invalid_blocks", "msg_blocks_too_long", "msg_too_long"])
def test_what_slack_finds_malformed_goes_out_in_a_plainer_form(server: Slack, error: str) -> None:
    server.script("chat.postMessage", Fault(error=error))
    send(server, page())
    (root,) = server.roots()
    assert root.blocks == []
    assert "388 negative voices" in root.text
    assert len(root.text) <= 3000


def test_the_last_form_is_one_line(server: Slack) -> None:
    server.script("chat.postMessage", Fault(error="invalid_blocks"), Fault(error="msg_too_long"))
    send(server, page())
    assert server.roots()[0].text.count("\n") == 0
    assert "01HR7Q4Z8XK3M2N5P6T7V9W0AB" in server.roots()[0].text


def test_a_page_as_full_as_can_be_stays_within_the_limits(server: Slack) -> None:
    quote = Quote("&<>" * 2000, "hackernews", NOW, author="<" * 500, url="https://x.example/" + "a" * 1900, reach=10**9)
    full = page(
        headline="&" * 5000,
        quotes=(quote,) * 200,
        origin=quote,
        why=("<" * 5000,) * 100,
        terms=("&" * 200,) * 100,
        sources=page().sources * 300,
        notes=(">" * 3000,) * 50,
        changed=("<!channel>" * 300,) * 50,
    )
    send(server, full)
    assert len(server.roots()[0].blocks) > 5


@pytest.mark.parametrize(
    ("fault", "outcome", "retry_after", "whole"),
    [
        (Fault(status=429, error="ratelimited", headers={"Retry-After": "30"}), Outcome.NOT_DELIVERED, 30, False),
        (Fault(status=429, error="ratelimited", headers={"Retry-After": "abc"}), Outcome.NOT_DELIVERED, 30, False),
        (Fault(status=429, error="ratelimited"), Outcome.NOT_DELIVERED, 30, False),
        (Fault(status=429, body=b"slow down", headers={"Retry-After": "7"}), Outcome.NOT_DELIVERED, 7, False),
        (Fault(error="internal_error"), Outcome.AMBIGUOUS, None, False),
        (Fault(error="fatal_error"), Outcome.AMBIGUOUS, None, False),
        (Fault(status=500, body=b"<html>"), Outcome.AMBIGUOUS, None, False),
        (Fault(status=503, error="service_unavailable"), Outcome.AMBIGUOUS, None, False),
        (Fault(body=b"<html>Sign in</html>"), Outcome.AMBIGUOUS, None, False),
        (Fault(body=b"[]"), Outcome.AMBIGUOUS, None, False),
        (Fault(reset=True), Outcome.AMBIGUOUS, None, False),
        (Fault(error="invalid_auth"), Outcome.BROKEN, None, True),
        (Fault(error="token_revoked"), Outcome.BROKEN, None, True),
        (Fault(error="missing_scope"), Outcome.BROKEN, None, True),
        (Fault(error="channel_not_found"), Outcome.BROKEN, None, False),
        (Fault(error="not_in_channel"), Outcome.BROKEN, None, False),
        (Fault(error="is_archived"), Outcome.BROKEN, None, False),
        (Fault(error="an_error_of_next_year"), Outcome.NOT_DELIVERED, None, False),
    ],
)
def test_a_failure_says_what_is_known(
    server: Slack, fault: Fault, outcome: Outcome, retry_after: float | None, whole: bool
) -> None:
    server.script("chat.postMessage", fault)
    error = failure(server)
    assert (error.outcome, error.retry_after, error.whole_channel) == (outcome, retry_after, whole)
    assert TOKEN not in str(error)


def test_an_edit_that_may_have_worked_can_simply_be_made_again(server: Slack) -> None:
    root_id = send(server, page()).remote_id
    server.script("chat.update", Fault(error="internal_error", after=True))
    assert failure(server, root_id).outcome is Outcome.NOT_DELIVERED


@pytest.mark.parametrize("fault", [Fault(after=True, drip=0.1), Fault(after=True, silent=True), Fault(delay=9)])
def test_a_slow_answer_is_left_at_the_deadline(server: Slack, fault: Fault) -> None:
    server.script("chat.postMessage", fault)
    began = time.monotonic()
    assert failure(server, seconds=0.5).outcome is Outcome.AMBIGUOUS
    assert time.monotonic() - began < 2.5


@pytest.mark.parametrize("in_thread", [False, True])
@pytest.mark.parametrize("arrived", [False, True])
def test_what_may_have_arrived_is_found_by_its_identity(server: Slack, arrived: bool, in_thread: bool) -> None:
    root_id = send(server, page(), name="root").remote_id if in_thread else None
    said = page(reason=Reason.ESCALATED, changed=("Worse.",))
    server.script("chat.postMessage", Fault(after=arrived, reset=True))
    failure(server, root_id, said)
    found = channel(server).find(Message("d1", "C0ROOM", said, root_id), datetime.now(UTC), Deadline(60))
    assert (found is not None) is arrived
    if found is not None:
        assert found.remote_id == f"C0ROOM:{server.messages[-1].ts}"


def test_a_message_is_found_among_many(server: Slack) -> None:
    send(server, page(), name="wanted")
    for number in range(430):
        server.call("chat.postMessage", TOKEN, {"channel": "C0ROOM", "text": f"chatter {number}"})
    found = channel(server).find(Message("wanted", "C0ROOM", page()), datetime.now(UTC), Deadline(60))
    assert found is not None
    assert len(server.asked("conversations.history")) == 3


def test_among_too_many_it_is_not_said_to_be_absent(server: Slack) -> None:
    for number in range(1601):
        server.call("chat.postMessage", TOKEN, {"channel": "C0ROOM", "text": f"chatter {number}"})
    with pytest.raises(ChannelError, match="too many messages"):
        channel(server).find(Message("wanted", "C0ROOM", page()), datetime.now(UTC), Deadline(60))


def test_what_was_said_long_after_the_attempt_is_not_looked_through(server: Slack) -> None:
    send(server, page(), name="wanted")
    for number in range(1601):
        server.call("chat.postMessage", TOKEN, {"channel": "C0ROOM", "text": f"chatter {number}"})
    for posted in server.messages[1:]:
        posted.ts = f"{float(posted.ts) + 3600:.6f}"
    found = channel(server).find(Message("wanted", "C0ROOM", page()), datetime.now(UTC), Deadline(60))
    assert found is not None
    assert len(server.asked("conversations.history")) == 1


def test_without_the_right_to_read_it_cannot_be_found_out(server: Slack) -> None:
    server.scopes = {"chat:write"}
    with pytest.raises(ChannelError, match="needs channels:history"):
        channel(server).find(Message("d1", "C0ROOM", page()), datetime.now(UTC), Deadline(60))


def test_a_probe_asks_whether_presses_can_come_in(server: Slack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP", APP_TOKEN)
    said = channel(server, app_token={"env": "APP"}).probe(Deadline(60))
    assert said.endswith("may read 1 channel; presses come in through Socket Mode")
    monkeypatch.setenv("APP", TOKEN)
    with pytest.raises(ChannelError, match=r"app_token: apps.connections.open: not_allowed_token_type"):
        channel(server, app_token={"env": "APP"}).probe(Deadline(60))


def test_the_curve_is_uploaded_as_a_file_that_no_channel_is_told_of(server: Slack) -> None:
    name = channel(server).upload(PNG, "at most 262 " + "w" * 2000, Deadline(60))
    (file,) = server.files.standing()
    assert (file.id, file.body) == (name, PNG)
    assert file.alternative.startswith("at most 262")
    assert "channel_id" not in server.asked("files.completeUploadExternal")[0].arguments
    channel(server).discard(name, Deadline(60))
    channel(server).discard(name, Deadline(60))  # gone already, which is as well
    assert server.files.standing() == []


def test_a_picture_that_slack_does_not_show_gives_way_to_the_one_before_it(server: Slack) -> None:
    root_id = send(server, page()).remote_id
    old = channel(server).upload(PNG, "a curve", Deadline(60))
    edit = Message("d2", "C0ROOM", page(reason=Reason.UPDATE), root_id, pictures=("F0UNREADY", old))
    assert channel(server).send(edit, Deadline(60)).picture == old
    assert f"'id': '{old}'" in words(server.roots()[0].blocks)


def test_a_probe_says_that_pictures_need_another_scope(server: Slack) -> None:
    server.scopes = {"chat:write", "channels:history"}
    assert channel(server).probe(Deadline(60)).endswith("lacks the scope files:write: add it and install the app again")
    assert "files:write" not in channel(server, picture=False).probe(Deadline(60))


def test_a_probe_signs_in_and_looks_into_the_channels(server: Slack) -> None:
    assert channel(server).probe(Deadline(60)) == "signed in to Halden as tocsin; may read 1 channel"
    server.without_bot.add("C0ROOM")
    with pytest.raises(ChannelError, match="invite the bot"):
        channel(server).probe(Deadline(60))


def test_a_token_that_is_nowhere_is_the_operator_s_to_mend(server: Slack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_TOKEN_FOR_TESTS")
    error = failure(server)
    assert error.outcome is Outcome.BROKEN
    assert "SLACK_TOKEN_FOR_TESTS" in str(error)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"channels": ["#pr"]}, "is not a channel id"),
        ({"channels": []}, "at least 1 item"),
        ({"token": TOKEN}, "never written into the configuration"),
        ({"mentions": {"critical": ["@kim"]}}, "calls nobody"),
        ({"mentions": {"dreadful": ["here"]}}, "watch"),
        ({"chanels": ["C0ROOM"]}, "not permitted"),
    ],
)
def test_wrong_options_are_refused_with_what_would_be_right(options: dict[str, Any], said: str) -> None:
    usual = {"token": {"env": "T"}, "channels": ["C0ROOM"]}
    with pytest.raises(ValidationError, match=said):
        slack.Options.model_validate({**usual, **options})

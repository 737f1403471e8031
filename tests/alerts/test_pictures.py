"""The picture of the curve as a file at Slack: it follows the message, changes and goes with it, and delays nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from alerts.channels import slack
from alerts.channels.contract import ChannelContext
from alerts.page import Page
from alerts.pictures import LOOKS, Illustrator, is_wanted
from alerts.policy import Change
from alerts.retract import retract
from storage import pictures
from storage.database import Database
from storage.pictures import Picture, PictureState
from storage.records import DeliveryState, IncidentState, Severity
from tests.alerts.desk import Desk, routing
from tests.alerts.examples import NOW, curve, page
from tests.servers.slack import TOKEN, Fault, Posted, Slack
from tests.servers.slack_files import SlackFile, SlackFiles

PNG = b"\x89PNG\r\n\x1a\n not drawn, because that takes long"


@pytest.fixture
def server(slack: Slack, monkeypatch: pytest.MonkeyPatch) -> Slack:
    """The workspace, empty, with nothing scripted."""
    monkeypatch.setenv("SLACK_TOKEN_FOR_TESTS", TOKEN)
    monkeypatch.setattr("alerts.pictures.picture", lambda _page, _paper: PNG)
    slack.messages.clear()
    slack.requests.clear()
    slack._faults.clear()
    slack.files = SlackFiles()
    slack.scopes = {"chat:write", "channels:history", "files:write"}
    return slack


class Studio(Desk):
    """A desk whose Slack is the server, and what makes pictures for it."""

    def set_up(self, server: Slack, **options: Any) -> Studio:
        """Write to the server."""
        self.server = server
        usual = {"token": {"env": "SLACK_TOKEN_FOR_TESTS"}, "channels": ["C0ROOM"], "base_url": server.url}
        context = ChannelContext("slack", clock=lambda: self.now)
        self.ways["slack"] = cast("Any", slack.build(slack.Options.model_validate({**usual, **options}), context))
        self.illustrator = Illustrator(self.database, cast("Any", self.ways), lambda: self.now)
        return self

    def illustrate(self) -> Studio:
        """One round of the pictures, and of what they enqueue."""
        self.illustrator.run_once()
        self.send()
        return self

    def settle(self) -> Studio:
        """Everything that is still to come of pictures."""
        while True:
            with self.database.read() as tx:
                due_at = pictures.next_due(tx)
            if due_at is None:
                return self
            self.now = max(self.now, due_at)
            self.illustrate()

    @property
    def message(self) -> Posted:
        """The incident's message."""
        (root,) = self.server.roots()
        return root

    @property
    def files(self) -> list[SlackFile]:
        """The files that lie at Slack."""
        return self.server.files.standing()


@pytest.fixture
def studio(sqlite_database: Database, server: Slack) -> Studio:
    return Studio(sqlite_database).set_up(server)


def picture_in(message: Posted) -> str | None:
    """The file that a message shows."""
    return next((block["slack_file"]["id"] for block in message.blocks if block["type"] == "image"), None)


def has_bars(message: Posted) -> bool:
    return "█" in str(message.blocks)


def risen(hours: float = 1.0, times: float = 1.0) -> Page:
    """The page some time later, with a curve that went on and rose."""
    before = curve()
    more = int(hours * 3600 / before.bin_seconds)
    top = max(value for value in before.observed if value is not None)
    grown = replace(
        before,
        observed=(*before.observed, *[top * times] * more),
        expected=(),
        low=(),
        high=(),
    )
    return page(curve=grown)


def test_the_message_is_there_first_and_the_picture_follows(studio: Studio) -> None:
    studio.open()
    studio.send()
    assert has_bars(studio.message)
    assert studio.files == []
    studio.illustrate().wait(seconds=3).illustrate()
    (file,) = studio.files
    assert picture_in(studio.message) == file.id
    assert not has_bars(studio.message)
    assert "would be usual" in str(studio.message.blocks)
    assert "would be usual" in file.alternative
    assert studio.server.replies(studio.message) == []


def test_a_file_that_slack_still_works_off_is_shown_when_it_is_ready(studio: Studio) -> None:
    studio.server.files.works_off_after = 2
    studio.open()
    studio.send().wait(seconds=1)
    studio.illustrate().wait(seconds=3).illustrate()
    assert has_bars(studio.message)
    studio.settle()
    assert picture_in(studio.message) == studio.files[0].id
    assert len(studio.files) == 1
    assert all(item.state is DeliveryState.SENT for item in studio.history("slack"))


def test_a_file_that_never_becomes_fit_is_deleted_and_the_bars_remain(studio: Studio) -> None:
    studio.server.files.works_off_after = 1000
    studio.open()
    studio.send().settle()
    assert has_bars(studio.message)
    assert len(studio.server.asked("files.completeUploadExternal")) <= 2
    assert len(studio.server.asked("chat.update")) <= 2 * len(LOOKS) * 2
    assert all(file.is_deleted for file in list(studio.server.files.known.values())[:1])


@pytest.mark.parametrize(
    ("method", "fault"),
    [
        ("files.getUploadURLExternal", Fault(error="missing_scope")),
        ("files.getUploadURLExternal", Fault(error="file_uploads_disabled")),
        ("files.getUploadURLExternal", Fault(status=429, error="ratelimited", headers={"Retry-After": "30"})),
        ("upload", Fault(status=500)),
        ("upload", Fault(reset=True)),
        ("files.completeUploadExternal", Fault(error="internal_error")),
    ],
)
def test_an_upload_that_fails_costs_no_page_and_blocks_no_channel(studio: Studio, method: str, fault: Fault) -> None:
    studio.server.script(method, *[fault] * 9)
    studio.open()
    studio.send().illustrate()
    studio.wait(minutes=6).change(severity=Severity.CRITICAL)
    studio.say(Change.UPDATED, page(changed=("It has reached twitter.",), observed=900))
    studio.send()
    assert has_bars(studio.message)
    assert len(studio.server.replies(studio.message)) == 1
    assert {item.state for item in studio.history("slack")} <= {DeliveryState.SENT, DeliveryState.SUPERSEDED}


def test_an_upload_is_tried_again_later(studio: Studio) -> None:
    studio.server.script("upload", Fault(status=500))
    studio.open()
    studio.send().settle()
    assert picture_in(studio.message) == studio.files[0].id


def test_what_is_told_meanwhile_does_not_wait_for_the_picture(studio: Studio) -> None:
    studio.open()
    studio.send()
    with studio.database.write() as tx:
        held = pictures.claim(tx, studio.now, timedelta(minutes=1), ["slack"])
    assert held is not None  # somebody is uploading
    studio.wait(minutes=6)
    studio.say(Change.UPDATED, page(changed=("It has reached twitter.",), observed=900))
    studio.send()
    assert len(studio.server.replies(studio.message)) == 1


def test_edits_keep_the_picture_and_a_curve_that_changed_much_is_drawn_anew(studio: Studio) -> None:
    studio.open()
    studio.send().settle()
    first = picture_in(studio.message)
    studio.say(Change.UPDATED, page(changed=("Something.",), observed=900))
    studio.send().settle()
    assert picture_in(studio.message) == first
    studio.wait(minutes=6).say(Change.UPDATED, replace(risen(times=3), observed=2000))
    studio.send()
    assert picture_in(studio.message) == first  # until the new one is there
    studio.settle()
    (left,) = studio.files
    assert picture_in(studio.message) == left.id != first


def test_the_end_is_drawn_too(studio: Studio) -> None:
    studio.open()
    studio.send().settle()
    first = picture_in(studio.message)
    studio.wait(minutes=40).change(state=IncidentState.RESOLVED, resolved_at=studio.now)
    studio.say(Change.RESOLVED, risen(hours=0.5))
    studio.send().settle()
    assert picture_in(studio.message) not in (None, first)
    assert "✅" in str(studio.message.blocks)
    assert len(studio.files) == 1


def test_what_is_taken_back_takes_its_picture_with_it_and_it_is_drawn_anew(studio: Studio) -> None:
    studio.open()
    studio.send().settle()
    (old,) = studio.files
    with studio.database.write() as tx:
        retract(tx, routing(), [studio.history("slack")[0].id], studio.now)
    studio.send()
    assert has_bars(studio.message)
    studio.settle()
    assert old.is_deleted
    assert picture_in(studio.message) == studio.files[-1].id != old.id


def test_a_picture_whose_message_is_taken_back_during_the_upload_is_deleted(studio: Studio) -> None:
    studio.open()
    studio.send()
    channel = cast("Any", studio.ways["slack"])

    class Interrupted:
        """Takes the message back while the file is on its way."""

        illustrates = True

        def upload(self, *arguments: Any) -> str:
            file: str = channel.upload(*arguments)
            with studio.database.write() as tx:
                pictures.doom(tx, studio.incident.id, "slack", "C0ROOM", studio.now)
            return file

        def discard(self, *arguments: Any) -> None:
            channel.discard(*arguments)

    Illustrator(studio.database, cast("Any", {"slack": Interrupted()}), lambda: studio.now).run_once()
    assert studio.files == []


def test_a_deletion_that_fails_is_tried_again(studio: Studio) -> None:
    studio.open()
    studio.send().settle()
    with studio.database.write() as tx:
        pictures.doom(tx, studio.incident.id, "slack", "C0ROOM", studio.now)
    studio.server.script("files.delete", Fault(error="internal_error"), Fault(status=429, error="ratelimited"))
    for _ in range(3):
        studio.illustrator.run_once()
        studio.wait(hours=1)
    assert studio.files == []


def test_a_file_that_somebody_deleted_gives_way_to_bars_and_then_to_a_new_one(studio: Studio) -> None:
    studio.open()
    studio.send().settle()
    studio.files[0].is_deleted = True
    studio.wait(minutes=6).say(Change.UPDATED, page(observed=900, changed=("Something.",)))
    studio.send()
    assert has_bars(studio.message)
    studio.settle()
    assert picture_in(studio.message) == studio.files[0].id


def test_two_processes_upload_one_file(studio: Studio) -> None:
    studio.open()
    studio.send()
    for _ in range(3):
        Illustrator(studio.database, cast("Any", studio.ways), lambda: studio.now).run_once()
    assert len(studio.files) == 1


def test_one_that_died_during_the_upload_is_followed_by_another(studio: Studio) -> None:
    studio.open()
    studio.send()
    with studio.database.write() as tx:
        assert pictures.claim(tx, studio.now, timedelta(minutes=1), ["slack"])
    studio.illustrate()
    assert studio.files == []
    studio.wait(minutes=2).settle()
    assert picture_in(studio.message) == studio.files[0].id


def test_without_the_wish_for_pictures_there_are_bars_and_no_call(studio: Studio) -> None:
    studio.set_up(studio.server, picture=False)
    studio.open()
    studio.send().settle()
    assert has_bars(studio.message)
    assert studio.server.asked("files.getUploadURLExternal") == []


def picture(**changes: Any) -> Picture:
    shown = Picture("p", "i", "slack", "C0ROOM", PictureState.SHOWN, "F1", NOW, 100.0)
    return replace(shown, **changes)


def drawn(minutes: float, highest: float) -> Page:
    """A page whose curve of eight hours ends so long after NOW."""
    start = NOW + timedelta(minutes=minutes) - timedelta(hours=8)
    return replace(
        page(),
        at=NOW,
        began_at=NOW,
        curve=replace(
            curve(), start=start, bin_seconds=300, observed=(highest,) * 96, expected=(), low=(), high=(), marks=()
        ),
    )


@pytest.mark.parametrize(
    ("have", "said", "wanted"),
    [
        ([], drawn(0, 100), True),
        ([], page(curve=None), False),
        ([picture()], drawn(0, 100), False),
        ([picture()], drawn(10, 120), False),
        ([picture()], drawn(5, 126), True),
        ([picture()], drawn(40, 100), True),
        ([picture()], replace(drawn(5, 100), state=IncidentState.RESOLVED), True),
        ([picture()], replace(drawn(0, 100), state=IncidentState.RESOLVED), False),
        ([picture(), picture(state=PictureState.WANTED, file=None, drawn_until=None)], drawn(60, 900), False),
        ([picture(state=PictureState.UPLOADED)], drawn(60, 900), False),
    ],
)
def test_a_picture_is_drawn_anew_only_where_the_curve_changed_much(
    have: list[Picture], said: Page, wanted: bool
) -> None:
    assert is_wanted(have, said) is wanted

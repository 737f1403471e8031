"""The forms for work on an incident, as a browser without any script sends them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from monitor.web.desk import Desk
from storage import accounts, audit, casework, incidents
from storage.accounts import Account, Token
from storage.ingest import Intake, write
from storage.records import IncidentState, Severity
from tests.monitor.web.desks import NOW, browser, desk, token_in
from tests.storage.examples import incident, mentioned, post

FIRST, SECOND = "01JXAAAAAAAAAAAAAAAAAAAAA0", "01JXAAAAAAAAAAAAAAAAAAAAA1"


@pytest.fixture
def of() -> Iterator[Desk]:
    """A desk with two incidents, the first of which rests on two posts."""
    with desk() as made:
        with made.database.write() as tx:
            posts = [post(name, text=text) for name, text in (("1", "glass <b>"), ("2", "late"))]
            write(tx, Intake(mentions=[mentioned(one) for one in posts]))
            incidents.insert(tx, incident(FIRST, evidence=(("forum", "1"), ("forum", "2"))))
            incidents.insert(tx, incident(SECOND, headline="The other", severity=Severity.WATCH))
        yield made


def send(client: Any, name: str, **fields: Any) -> Any:
    """Fill in a form of the page and send it."""
    csrf = token_in(client.get(f"/incidents/{name}").text)
    return client.post(f"/incidents/{name}/work", data={"csrf": csrf, **fields}, headers={"accept": "text/html"})


def test_what_a_form_does_is_shown_and_on_record(of: Desk) -> None:
    client = browser(of)
    assert send(client, FIRST, work="assigned", to="Bo <i>").headers["location"] == f"/incidents/{FIRST}?done=assigned"
    assert send(client, FIRST, work="assigned", to="Bo <i>").headers["location"].endswith("?done=already")
    send(client, FIRST, work="tagged", tags="Legal, recall")
    send(client, FIRST, work="linked", other=SECOND)
    page = client.get(f"/incidents/{FIRST}?done=tagged").text
    for words in ("carried by Bo &lt;i&gt;", ">legal</a>", "You tagged it.", "gave it to Bo", f"/incidents/{SECOND}"):
        assert words in page
    with of.database.read() as tx:
        assert [line.action for line in audit.recent(tx)] == ["linked", "tagged", "assigned", "assigned"]


def test_the_list_is_narrowed_to_a_tag_and_to_who_carries_it(of: Desk) -> None:
    client = browser(of)
    send(client, FIRST, work="tagged", tags="recall")
    send(client, SECOND, work="assigned", to="Bo")
    assert FIRST in (found := client.get("/incidents?tag=recall").text)
    assert SECOND not in found
    assert FIRST not in client.get("/incidents?assigned_to=Bo").text
    assert "carried by Bo" in client.get("/").text


def test_a_merge_leads_to_the_incident_that_goes_on_and_is_taken_back_there(of: Desk) -> None:
    client = browser(of)
    answer = send(client, SECOND, work="merged", other=FIRST)
    assert answer.headers["location"] == f"/incidents/{FIRST}?done=took_in"
    assert "Merged into it" in client.get(f"/incidents/{FIRST}").text
    assert "This is part of" in client.get(f"/incidents/{SECOND}").text
    assert 'value="merged"' not in client.get(f"/incidents/{SECOND}").text
    send(client, FIRST, work="undone", line="1")
    assert "taken back by local" in client.get(f"/incidents/{SECOND}").text
    with of.database.read() as tx:
        back = incidents.get(tx, SECOND)
    assert back is not None
    assert back.state is IncidentState.OPEN


def test_a_split_leads_to_the_new_incident(of: Desk) -> None:
    client = browser(of)
    assert "glass &lt;b&gt;" in client.get(f"/incidents/{FIRST}").text
    answer = send(client, FIRST, work="split", posts=["forum/1"], headline="Glass", severity="critical")
    place, _, done = answer.headers["location"].partition("?")
    assert done == "done=split_off"
    page = client.get(place).text
    assert "<h1>Glass</h1>" in page
    assert "Split off" in page


def test_a_move_leads_to_the_incident_of_the_other_brand() -> None:
    with desk(brands=("Acme", "Bolt")) as of:
        with of.database.write() as tx:
            incidents.insert(tx, incident(FIRST))
        client = browser(of)
        assert "<option>Bolt</option>" in client.get(f"/incidents/{FIRST}").text
        answer = send(client, FIRST, work="moved", brand="Bolt", note="their oven")
        place, _, done = answer.headers["location"].partition("?")
        assert done == "done=moved_here"
        assert "moved it here from Acme" in (page := client.get(place).text)
        assert "About another brand of ours" in page
        assert 'value="moved"' not in client.get(f"/incidents/{FIRST}").text
        headers = {"content-type": "application/json"}
        again = client.post(f"/api/v1/incidents/{FIRST}/work", json={"work": "moved", "brand": "Bolt"}, headers=headers)
        assert (again.json()["changed"], again.json()["other"]["brand"]) == (False, "Bolt")


def test_a_form_that_is_older_than_what_another_did_says_who_did_what(of: Desk) -> None:
    client = browser(of)
    send(client, FIRST, work="corrected", headline="A rumour", severity="watch", kind="", seen="0")
    late = send(client, FIRST, work="corrected", headline="A recall", severity="warning", kind="", seen="0")
    assert late.status_code == 409
    assert "local did something here" in late.text
    assert "Back to the incident" in late.text
    with of.database.read() as tx:
        assert casework.of(tx, FIRST).headline == "A rumour"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"work": "nonsense"}, 422),
        ({"work": "took_in"}, 409),
        ({"work": "merged"}, 409),
        ({"work": "merged", "other": "nobody"}, 404),
        ({"work": "split", "posts": "forum"}, 409),
        ({"work": "moved", "brand": "Curl"}, 409),
        ({"work": "corrected", "severity": "awful"}, 422),
        ({"work": "tagged", "tags": "a\x00b"}, 400),
    ],
)
def test_what_makes_no_sense_is_answered_with_the_reason(of: Desk, fields: dict[str, Any], status: int) -> None:
    assert send(browser(of), FIRST, **fields).status_code == status


def test_nothing_is_done_for_a_form_of_another_site(of: Desk) -> None:
    client = browser(of)
    answer = client.post(f"/incidents/{FIRST}/work", data={"work": "assigned", "to": "Eve", "csrf": "0" * 64})
    assert answer.status_code == 403
    with of.database.read() as tx:
        assert casework.of(tx, FIRST).assigned_to is None


def test_a_viewer_sees_what_was_made_of_it_and_no_form(of: Desk) -> None:
    send(browser(of), FIRST, work="assigned", to="Bo")
    with of.database.write() as tx:
        accounts.add(tx, Account("eve", "viewer", NOW))
        made = Token("1", "eve", "", "", ("read",), NOW, NOW + timedelta(days=1))
        accounts.add_token(tx, "a key", made)
    page = browser(of).get(f"/incidents/{FIRST}", headers={"authorization": "Bearer a key"}).text
    assert "carried by Bo" in page
    assert "Work on it" not in page
    assert "Take back" not in page


def test_which_incident_it_repeats_is_chosen_and_not_typed(of: Desk) -> None:
    client = browser(of)
    page = client.get(f"/incidents/{FIRST}").text
    _, _, chosen = page.partition('<select name="twin">')
    assert f'<option value="{SECOND}">' in chosen.partition("</select>")[0]
    answer = {"csrf": token_in(page), "action": "duplicate", "twin": SECOND}
    client.post(f"/incidents/{FIRST}/act", data=answer, headers={"accept": "text/html"})
    with of.database.read() as tx:
        ended = incidents.get(tx, FIRST)
    assert ended is not None
    assert not ended.state.is_live

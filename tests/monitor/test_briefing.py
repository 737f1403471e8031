"""What the page of an incident says about it, from what is stored."""

from __future__ import annotations

from alerts.render.story import tell
from config.settings import Settings
from monitor.briefing import Briefing
from monitor.incidents import Change
from monitor.kinds import built_in_kinds
from monitor.register import Told
from storage import incidents
from storage.database import Database
from tests.storage.examples import after, incident


def lead(database: Database, kind: str) -> str:
    """What the page of an incident of that kind begins with."""
    settings = Settings.model_validate({"kinds": [{"name": "bad_smell", "words": {"en": ["it stinks"]}}]})
    one = incident(kind=kind)
    with database.write() as tx:
        incidents.insert(tx, one)
        page = Briefing.build(settings).page(tx, Told(Change.OPENED, one, None, "", after(minutes=1)))
    return tell(page).lead


def test_the_kind_is_called_as_the_headline_calls_it(memory: Database) -> None:
    assert built_in_kinds()["legal_threat"].title == "legal trouble"
    assert lead(memory, "legal_threat").startswith("Legal trouble.")


def test_a_kind_of_the_operator_s_own_is_called_by_its_name(memory: Database) -> None:
    assert lead(memory, "bad_smell").startswith("Bad smell.")

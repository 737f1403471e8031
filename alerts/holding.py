"""The incidents that may hold a message back, read from the database; whether they do is decided in `restraint.py`."""

from __future__ import annotations

from collections.abc import Sequence

from alerts.restraint import Inhibition
from storage import incidents
from storage.database import Transaction
from storage.records import Incident, Severity


def may_hold_back(tx: Transaction, incident: Incident, rules: Sequence[Inhibition]) -> Sequence[Incident]:
    """The incidents that go on and may hold this one back; none is read where no rule is about such as this one."""
    concerned = [rule for rule in rules if rule.may_hold(incident)]
    named = {severity for rule in concerned for severity in rule.severities}
    if not named:
        return ()
    brand = incident.brand if all("brand" in rule.same for rule in concerned) else None
    return incidents.live(tx, brand, [Severity(name) for name in sorted(named)])

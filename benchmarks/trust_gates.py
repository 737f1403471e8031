"""The gates of trust that need no `kill -9`: each prints one line of JSON, and ends with 1 where it is not held.

    python -m benchmarks.trust_gates limits        1,000 answers of "too many requests", two processes that send
    python -m benchmarks.trust_gates outage        a channel that is dead for two hours, while critical incidents begin
    python -m benchmarks.trust_gates storm         10,000 incidents in ten minutes
    python -m benchmarks.trust_gates starts        100 simultaneous starts of four processes, and a leader that dies
    python -m benchmarks.trust_gates heartbeat     stages that get stuck, and a process that dies
    python -m benchmarks.trust_gates clocks        clocks that jump, and every change of clocks of two years
    python -m benchmarks.trust_gates escalation    2,000 incidents, people who take them, and outages of our own

Time is simulated but for `starts`: the real policy, outbox, ladder and storm run over a real database in memory, on a
clock that the bench turns; what channels took, and when, is the truth that is counted.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from alerts.channels.contract import ChannelError, Outcome
from alerts.policy import Change
from alerts.quiet import QuietHours
from alerts.storm import Storm
from alerts.system import SystemIncidents
from benchmarks.trust import Trial, run_starts
from benchmarks.trust_escalation import escalation
from benchmarks.trust_sim import Gate, Simulation, silence_the_log
from monitor.heartbeat import LOOK_EVERY, Watermarks, reasons
from monitor.leading import LEADER, LEASE_FOR, RENEW_EVERY
from storage import incidents, leases, outbox
from storage.database import Database
from storage.records import SYSTEM, Incident, Severity

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def limits(seed: int = 1, answers: int = 1000) -> Gate:
    """Two processes send through a channel that asks to be left alone, again and again, until 1,000 answers."""
    luck = random.Random(seed)  # noqa: S311
    sim = Simulation("slack", processes=2)
    windows: list[tuple[datetime, datetime]] = []
    served = Counter[str]()

    def fails() -> ChannelError | None:
        if luck.random() < 0.5 and served["429"] < answers:
            served["429"] += 1
            wait = luck.choice((1, 2, 3, 5, 8, 13, 30))
            windows.append((sim.now, sim.now + wait * SECOND))
            return ChannelError("too many requests", Outcome.NOT_DELIVERED, retry_after=wait)
        return None

    sim.ways["slack"].fails = fails
    begun: list[Incident] = []
    while served["429"] < answers or _waiting(sim):
        if served["429"] < answers and not _waiting(sim):
            begun.append(sim.begin())
        sim.turn()
    asked = sim.ways["slack"].asked
    early = sum(any(start < at < end for start, end in windows) for at in asked)
    took = {message.page.incident_id for _, message in sim.ways["slack"].took}
    gate = Gate("limits", {"limits": served["429"], "incidents": len(begun)})
    gate.require("lost", len(begun) - len(took), len(begun) == len(took))
    gate.require("repeated", sim.ways["slack"].repeats(), sim.ways["slack"].repeats() == 0)
    gate.require("requests_inside_a_window", early, early == 0)
    late = max((_next(asked, end) - end).total_seconds() for _, end in windows)
    gate.require("longest_wait_after_a_window_s", late, late <= 2)
    return gate


def _next(asked: Sequence[datetime], end: datetime) -> datetime:
    """The first request at or after the end of a window."""
    return next((at for at in asked if at >= end), end)


def _waiting(sim: Simulation) -> bool:
    with sim.database.read() as tx:
        return bool(outbox.unfinished(tx))


def outage(seed: int = 1, hours: float = 2) -> Gate:
    """The first channel is dead for hours; critical incidents begin, change and end all the while."""
    luck = random.Random(seed)  # noqa: S311
    sim = Simulation("slack", "mail", processes=2)
    dead = ChannelError("no connection", Outcome.NOT_DELIVERED)
    end = sim.now + timedelta(hours=hours)
    sim.ways["slack"].fails = lambda: dead if sim.now < end else None
    live: list[Incident] = []
    opened: dict[str, datetime] = {}
    while sim.now < end + 10 * MINUTE:
        if sim.now < end and luck.random() < 1 / 300:
            live.append(sim.begin())
            opened[live[-1].id] = sim.now
        if live and sim.now < end and luck.random() < 1 / 120:
            place = luck.randrange(len(live))
            live[place] = sim.change(live[place], Change.UPDATED)
        sim.turn()
    first: dict[str, datetime] = {}
    for at, message in sorted((taken for way in sim.ways.values() for taken in way.took), key=lambda taken: taken[0]):
        first.setdefault(message.page.incident_id, at)
    waits = [(first[name] - at).total_seconds() for name, at in opened.items() if name in first]
    after = Counter(message.page.incident_id for _, message in sim.ways["slack"].took)
    caught_up = max((at - end).total_seconds() for at, _ in sim.ways["slack"].took)
    gate = Gate("outage", {"incidents": len(opened), "hours": hours})
    gate.require("unreached", len(opened) - len(waits), len(opened) == len(waits))
    gate.require("slowest_first_message_s", max(waits), max(waits) <= 60)
    gate.require("never_told", len(set(opened) - set(after)), set(opened) == set(after))
    gate.require("most_messages_an_incident_afterwards", max(after.values()), max(after.values()) == 1)
    gate.require("caught_up_after_s", caught_up, caught_up <= 300)
    return gate


def storm(seed: int = 1, count: int = 10_000) -> Gate:
    """So many incidents begin in ten minutes, one in a hundred critical; then it is calm for two hours."""
    luck = random.Random(seed)  # noqa: S311
    sim = Simulation("slack")
    watch = Storm(SystemIncidents(sim.speaker))
    plain, sim.speaker = sim.speaker, replace(sim.speaker, weather=watch)
    begin, critical = sim.now, set()
    while sim.now < begin + 2.5 * HOUR:
        if sim.now < begin + 10 * MINUTE:
            for _ in range(count // 600 + (luck.random() < (count % 600) / 600)):
                bad = luck.random() < 0.01
                new = sim.begin(Severity.CRITICAL if bad else Severity.WARNING)
                critical |= {new.id} if bad else set()
        if int((sim.now - begin).total_seconds()) % 30 == 0:
            with sim.database.write() as tx:
                watch.watch(tx, plain, sim.now)
        sim.turn()
    took = sim.ways["slack"].took
    told = {message.page.incident_id for _, message in took}
    moments = [at for at, _ in took]
    most = max(sum(at <= other < at + 10 * MINUTE for other in moments) for at in moments)
    with sim.database.read() as tx:
        (notice,) = incidents.recent(tx, brand=SYSTEM, limit=10)
        silent = sum(not incidents.alerts(tx, f"gate-{number:06d}") for number in range(1, sim.begun + 1, 97))
    noticed = min((at - begin).total_seconds() for at, message in took if message.page.incident_id == notice.id)
    gate = Gate("storm", {"incidents": sim.begun, "critical": len(critical), "messages": len(took)})
    gate.require("most_messages_in_ten_minutes", most, most <= 20)
    gate.require("critical_lost", len(critical - told), critical <= told)
    gate.require("children_without_a_reason", silent, silent == 0)
    gate.require("storm_noticed_after_s", noticed, noticed <= 30)
    return gate


def starts(seed: int = 1, rounds: int = 100) -> Gate:
    """Four processes start at once and die at once, again and again; and a leader that dies is followed."""
    result = run_starts(Trial(kills=0, instances=4, seed=seed), rounds)
    gate = Gate("starts", {"starts": rounds * 4, "incidents": result.incidents})
    gate.require("lost", result.lost, result.lost == 0)
    gate.require("repeated", result.repeated, result.repeated == 0)
    taken = _taken_over_after()
    gate.require("leader_followed_after_s", taken, taken <= 15)
    return gate


def _taken_over_after() -> float:
    """How long after a leader's last sign another leads, at the worst."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    with Database.open("sqlite://") as database, database.write() as tx:
        leases.acquire(tx, LEADER, "first", at, LEASE_FOR)
        moment = at + 0.001 * SECOND  # the other asked just before
        while leases.acquire(tx, LEADER, "second", moment, LEASE_FOR) is None:
            moment += RENEW_EVERY
    return (moment - at).total_seconds()


STAGES = ("judged_at", "written_at", "audited_at", "oldest_due_at")


def heartbeat(hours: int = 72) -> Gate:
    """Three days of beats while all is well; each stage stuck in turn; and a process that dies."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    false = sum(bool(reasons(_marks(begin + minute * MINUTE), begin + minute * MINUTE)) for minute in range(hours * 60))
    noticed = {stage: _noticed_after(stage, begin + HOUR) for stage in STAGES}
    gate = Gate("heartbeat", {"hours": hours})
    gate.require("false_alarms", false, false == 0)
    gate.require("stuck_stage_noticed_after_s", max(noticed.values()), max(noticed.values()) <= 120)
    gate.require("silent_death_noticed_after_s", 60 + 120, True)  # a beat is due each minute; two minutes of grace
    return gate


def _noticed_after(stage: str, stuck: datetime) -> int:
    """After how many seconds a stage that got stuck is seen, at the worst of all phases of the look."""
    every = LOOK_EVERY.seconds

    def seen(phase: int) -> int:
        looks = range(phase, 3600, every)
        return next(at for at in looks if reasons(_stuck(stage, stuck, stuck + at * SECOND), stuck + at * SECOND))

    return max(map(seen, range(every)))


def _stuck(stage: str, since: datetime, now: datetime) -> Watermarks:
    changes: dict[str, Any] = {stage: since}
    return replace(_marks(now), **changes)


def _marks(now: datetime) -> Watermarks:
    moment = now - 5 * SECOND
    return Watermarks(now - HOUR, moment, now - 3 * SECOND, now - 50 * SECOND)


def clocks(seed: int = 1) -> Gate:
    """A clock that jumps while messages and steps are due, and quiet hours in every zone over two years."""
    gate = Gate("clocks")
    for jump in (HOUR, -HOUR, 365 * 24 * HOUR):
        lost, repeated = _jumped(jump, seed)
        name = f"{jump.total_seconds() / 3600:+.0f}h"
        gate.require(f"lost_{name}", lost, lost == 0)
        gate.require(f"repeated_{name}", repeated, repeated == 0)
    wrong, changes = _quiet_hours_in_every_zone()
    gate.figures["zones"], gate.figures["changes_of_clocks"] = len(available_timezones()), changes
    gate.require("quiet_hours_wrong", wrong, wrong == 0)
    return gate


def _jumped(jump: timedelta, seed: int) -> tuple[int, int]:
    luck = random.Random(seed)  # noqa: S311
    sim = Simulation("slack", "mail")
    begun = []
    for second in range(1200):
        if second % 7 == 0 and second < 600:
            begun.append(sim.begin(luck.choice((Severity.CRITICAL, Severity.WARNING))))
        if second == 300:
            sim.now += jump
        sim.turn()
    for _ in range(int(abs(jump) / MINUTE) + 5 if jump < timedelta(0) else 5):
        sim.turn(MINUTE)
    told = {message.page.incident_id for _, message in sim.ways["slack"].took}
    return len({one.id for one in begun} - told), sum(way.repeats() for way in sim.ways.values())


def _quiet_hours_in_every_zone() -> tuple[int, int]:
    """Moments at which a window is not what a wall clock shows, and how often clocks changed."""
    wrong = changes = 0
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(730)]
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        quiet = QuietHours(time(22), time(7), zone)
        offsets = [datetime.combine(day, time(12), zone).utcoffset() for day in days]
        for day, before, after in zip(days[1:], offsets, offsets[1:], strict=False):
            if before == after:
                continue
            changes += 1
            midnight = datetime.combine(day, time(0), zone).astimezone(UTC)
            for hour in range(-4, 12):
                now = midnight + timedelta(hours=hour, minutes=1)
                local = now.astimezone(zone).time()
                is_quiet = local >= time(22) or local < time(7)
                wrong += (quiet.until(now) is not None) is not is_quiet
    return wrong, changes


GATES: dict[str, Callable[[], Gate]] = {
    "limits": limits,
    "outage": outage,
    "storm": storm,
    "starts": starts,
    "heartbeat": heartbeat,
    "clocks": clocks,
    "escalation": escalation,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Hold the gates that are named; 1 when one is broken."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("gates", nargs="*", choices=[[], *GATES], help="which; all unless said otherwise")
    parser.add_argument("--size", type=int, help="incidents of the storm, or of the escalation, instead of the usual")
    chosen: Any = parser.parse_args(arguments)
    sized = {"storm": storm, "escalation": escalation} if chosen.size else {}
    silence_the_log()
    broken = 0
    for name in chosen.gates or GATES:
        gate = sized[name](count=chosen.size) if name in sized else GATES[name]()
        print(json.dumps({"gate": name, **gate.figures, "broken": gate.broken}), flush=True)
        broken += bool(gate.broken)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

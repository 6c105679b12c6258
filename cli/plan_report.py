"""What `batch plan` and `batch replan` say: progress, the table of visits, and the report."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from .options import Bar, print_json
from .table import Keeps, render
from .text import count, day, printable, times

if TYPE_CHECKING:
    from ..io.plans.answers import Answer
    from ..io.plans.api import PlanAnswer
    from ..io.plans.parts import Parts
    from ..io.plans.report import Report
    from ..io.store import Store
    from ..solver.civil import Zone
    from .batch_plan import Asked

_WORDS = {
    "placed": "placed",
    "booked": "booked",
    "move": "to be moved",
    "moved": "moved",
    "kept": "kept",
    "not-placed": "without a place",
    "not-moved": "not to be moved",
    "error": "at fault",
}
"""Each status as the report counts it, in its order."""

_ENDED = {
    "done": "The planner had nothing more to try.",
    "work": "The work limit ended the run.",
    "stopped": "The time limit ended the run; with --work-limit instead, plans do not depend on the machine.",
    "interrupted": "Ctrl-C ended the run.",
}


class Watcher:
    """Shows on a terminal how many are served so far, and how far from the bound that is."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar

    def __call__(self, stage: Any) -> None:
        gap = "" if stage.bound is None or stage.bound <= 0 else f", gap {1 - stage.objective / stage.bound:.1%}"
        self._bar.say(f"{printable(stage.name)}: {stage.served:,} served{gap}")


def say(store: Store, answer: PlanAnswer, asked: Asked) -> None:
    """The answers where no file takes them, then the report; beside answers on standard output, on standard error."""
    if asked.as_json:
        cells = [
            {name: value for name, value in one.as_json().items() if value not in (None, [])} for one in answer.answers
        ]
        print_json({"report": answer.report.as_json(), "answers": cells})
        return
    is_beside = asked.output == "-"
    if asked.output is None and answer.answers:
        click.echo(_visits(store, answer, asked.timezone))
    for line in report_lines(answer.report, with_stages=(sys.stderr if is_beside else sys.stdout).isatty()):
        click.echo(line, err=is_beside)
    if answer.is_interrupted:
        click.echo(_interrupted(answer, asked), err=True)
    elif asked.output is None:
        for line in _advice(answer.answers):
            click.echo(line, err=True)


def _advice(answers: Iterable[Answer]) -> Iterator[str]:
    """What to do next about visits for which nothing is free."""
    stuck = {one.status for one in answers if (one.reason or "").startswith("Nothing free")}
    if "not-placed" in stuck:
        yield "What stands in the way: slotwright explain, with the service, schedules and window of such a request."
    if "not-moved" in stuck:
        yield "To move these: --pool A,B names schedules that can take over, --within LENGTH looks further away."


def _visits(store: Store, answer: PlanAnswer, timezone: str | None) -> str:
    from ..io.local import zone_named

    clocks = _Clocks(store, None if timezone is None else zone_named(store, timezone))
    moves = any(one.before is not None for one in answer.answers)
    headers = [("Request", Keeps.FOLDS), ("Status", Keeps.WIDE), ("Day", Keeps.IF_WIDE), ("Time", Keeps.IF_WIDE)]
    headers += [("With", Keeps.FOLDS)] + [("Before", Keeps.FOLDS)] * moves
    rows: list[list[str]] = []
    for one in answer.answers:
        has_time = one.start is not None and one.status not in ("not-placed", "error", "not-moved")
        cells = [
            printable(one.id.removeprefix("Appointment/")),
            one.status,
            *(clocks.when(one) if has_time else ["", ""]),
        ]
        cells.append(_with(store, one) if has_time else printable(one.reason or ""))
        rows.append([*cells, *([clocks.before(one)] if moves else [])])
    return render(headers, rows)


def _with(store: Store, answer: Answer) -> str:
    from ..io import names

    found = ((id, store.read(f"Schedule/{id}")) for id in answer.schedules)
    return ", ".join(printable(names.show(names.schedule_names(store, one or {}), id)) for id, one in found)


class _Clocks:
    """Times as the schedules' clocks show them, or one clock for all."""

    def __init__(self, store: Store, zone: Zone | None) -> None:
        self._store = store
        self._zone = zone
        self._known: dict[str, Zone] = {}

    def _of(self, schedules: tuple[str, ...]) -> Zone:
        from ..io.local import zone_named, zone_of_schedule

        if self._zone is not None:
            return self._zone
        if not schedules:
            return zone_named(self._store, "Etc/UTC")
        if schedules[0] not in self._known:
            self._known[schedules[0]] = zone_of_schedule(self._store, schedules[0])
        return self._known[schedules[0]]

    def when(self, answer: Answer) -> list[str]:
        assert answer.start is not None and answer.end is not None
        zone = self._of(answer.schedules)
        return [day(answer.start, zone), times(answer.start, answer.end, zone)]

    def before(self, answer: Answer) -> str:
        before = answer.before
        if before is None:
            return ""
        zone = self._of(before.schedules)
        when = f"{day(before.start, zone)} {times(before.start, before.end, zone)}"
        return when if before.schedules == answer.schedules else f"{when}, {printable(', '.join(before.schedules))}"


def report_lines(report: Report, *, with_stages: bool) -> Iterator[str]:
    """The figures. Stages and seconds are for who waited: at a terminal, and in --json."""
    parts = [f"{report.counts[status]:,} {words}" for status, words in _WORDS.items() if report.counts.get(status)]
    yield f"{count(report.requests, 'request')}: {', '.join(parts) or 'nothing to do'}."
    if report.stages and with_stages:
        yield from _stages(report).splitlines()
    if report.levels:
        yield from _levels(report).splitlines()
    if report.rounds:
        yield _worth(report)
    if report.taken:
        yield f"{count(report.taken, 'visit')} had been taken by others meanwhile, and were planned again."


def _stages(report: Report) -> str:
    names = ("Work", "Seconds", "Served", "Objective", "Bound")
    headers = [("Stage", Keeps.FOLDS), *((name, Keeps.NUMBER) for name in names)]
    rows = [
        [
            printable(one["name"]),
            f"{one['work']:,.2f}",
            f"{one['seconds']:,.1f}",
            f"{one['served']:,}",
            f"{one['objective']:,}",
            "" if one["bound"] is None else f"{one['bound']:,.1f}",
        ]
        for one in report.stages
    ]
    return render(headers, rows)


def _levels(report: Report) -> str:
    headers = [("Level", Keeps.FOLDS), ("Reached", Keeps.NUMBER), ("At most", Keeps.NUMBER)]
    return render(headers, [[one["name"], f"{one['reached']:,}", f"{one['bound']:,}"] for one in report.levels])


def _worth(report: Report) -> str:
    costs = "".join(f" − {name} {cost:,}" for name, cost in report.families.items() if name != "weight" and cost)
    worth = f"Objective {report.objective:,} = weight {report.families['weight']:,}{costs}"
    if report.levels:
        return f"{worth}. {_ENDED[report.ended]}"
    # Worths are whole numbers.
    limit = report.objective + 1 if report.is_optimal else report.bound
    by_prices = f"prices alone allow {report.priced:,.1f}"
    if report.is_optimal:
        return f"{worth}. No plan is worth more{'' if report.priced < limit else f', by CP-SAT; {by_prices}'}."
    proof = f"no plan is worth more than {report.bound:,.1f}, a gap of {report.gap:.2%}"
    if report.priced > limit:
        proof += f" with CP-SAT's proofs; {by_prices}"
    return f"{worth}; {proof}. {_ENDED[report.ended]}"


def _interrupted(answer: PlanAnswer, asked: Asked) -> str:
    done = sum(answer.report.counts.get(status, 0) for status in ("booked", "moved"))
    if not asked.book:
        return "Interrupted; this is the best plan so far."
    return f"Interrupted: {count(done, 'visit')} booked so far. The same command again keeps these and goes on."


def say_parts(parts: Parts, asked_for: int, asked: Asked) -> None:
    """The report of a plan in parts; its answers are in the file."""
    if asked.as_json:
        print_json({"report": parts.report.as_json(), "partitions": parts.parts})
        return
    for line in report_lines(parts.report, with_stages=sys.stdout.isatty()):
        click.echo(line)
    if parts.parts < asked_for:
        why = "requests that share schedules, patients or precedence are planned in one piece"
        click.echo(f"Note: {count(parts.parts, 'partition')} instead of {asked_for}: {why}.", err=True)
    if parts.found:
        click.echo(f"Note: {count(parts.found, 'partition')} had been finished by an earlier run.", err=True)

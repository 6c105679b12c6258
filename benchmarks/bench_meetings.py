"""Meeting scheduling on three public instances, and on larger ones of their kind: penalties beside published scores.

    python benchmarks/bench_meetings.py [--data FOLDER] [--meetings N …] [--seed S …] [--share X]

`--share` takes a part of the steps. Without the files (`meetings.py` says where they are looked for) only drawn
instances are planned.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import measure
import meetings
from measure import Report, Sample, Target, exact, plain
from meeting_score import Held, Meetings, MeetingScore, score
from slotwright.solver.plan import check
from slotwright.solver.plan.pairs_search import Outcome, search
from slotwright.solver.plan.problem import PlanProblem

SEEDS = (1,)


class Case(NamedTuple):
    """How many steps a number of meetings gets, and the CPU seconds that these may take."""

    steps: int
    seconds: float


CASES = {
    50: Case(1_000_000, 60),
    100: Case(600_000, 60),
    200: Case(1_300_000, 300),
    400: Case(500_000, 300),
}


class Published(NamedTuple):
    """Scores of the same rules on two cores of about 3 GHz; neither is the best that can be."""

    established: MeetingScore  # Timefold 1.24, default configuration, one thread, 300 to 900 s: the best run
    plain: MeetingScore  # a plain simulated annealing, 9 to 58 s


PUBLISHED = {
    50: Published(MeetingScore(0, -189, -9503), MeetingScore(0, -139, -8802)),
    100: Published(MeetingScore(0, -355, -26261), MeetingScore(0, -76, -21666)),
    200: Published(MeetingScore(-26, -1507, -85255), MeetingScore(0, -110, -74332)),
}


@dataclass(frozen=True, slots=True)
class Found:
    """What one run came to."""

    score: MeetingScore
    sample: Sample
    steps: int


def solved(instance: Meetings, steps: int, seed: int) -> Found:
    """Plan an instance, from its problem to the plan, and score it by the rules alone."""
    outcomes: list[tuple[PlanProblem, Outcome]] = []

    def call() -> None:
        problem = meetings.problem(instance)
        outcomes.append((problem, search(problem, steps=steps, seed=seed)))

    sample = measure.once(call)
    problem, outcome = outcomes[0]
    assert not check.faults(problem, outcome.plan)
    found = score(instance, held(problem, outcome))
    assert found.hard == 0 and found.medium == -outcome.medium and found.soft == -outcome.soft
    return Found(found, sample, outcome.steps)


def held(problem: PlanProblem, outcome: Outcome) -> list[Held]:
    """The timetable; every meeting has to be in it."""
    assert all(placement is not None for placement in outcome.plan)
    return meetings.timetable(problem, outcome.plan)


def report(
    data: str | None = None, sizes: Sequence[int] = tuple(CASES), seeds: Sequence[int] = SEEDS, share: float = 1.0
) -> Report:
    made = Report("Meeting scheduling: penalties on pairs of visits")
    folder = meetings.folder(data)
    table = made.table(
        "Scores, hard/medium/soft, nearer zero is better",
        *("meetings", "seed", "steps", "slotwright", "s wall (CPU)"),
        *("Timefold 1.24, 300 to 900 s", "plain annealing, 9 to 58 s", "better than"),
    )
    for size in sizes:
        is_public = size in meetings.FILES and folder is not None
        found = [
            solved(_instance(size, folder if is_public else None), round(CASES[size].steps * share), seed)
            for seed in seeds
        ]
        published = PUBLISHED.get(size) if is_public else None
        for seed, one in zip(seeds, found, strict=True):
            table.add(
                f"{size}" if is_public else f"{size}, drawn",
                seed,
                f"{one.steps:,}",
                one.score,
                f"{plain(one.sample.wall)} ({plain(one.sample.cpu)})",
                *(published or ("", "")),
                _better(one.score, published),
            )
        if published is not None:
            _targets(made, size, found, published)
    if folder is None:
        table.notes.append("The public instances were not there; `meetings.py` says where they are looked for.")
    table.notes.append(
        "Scores compare hard, then medium, then soft. Steps decide the plan; no clock does. The published figures are "
        "of other days, and are not the best known."
    )
    made.checks.append(
        "every plan without faults, and its score by `meeting_score.py` equal to what the search counted"
    )
    return made


def _instance(size: int, folder: Path | None) -> Meetings:
    return meetings.drawn(size, 1) if folder is None else meetings.load(folder / meetings.FILES[size])


def _better(found: MeetingScore, published: Published | None) -> str:
    if published is None:
        return ""
    beaten = sum(found > one for one in published)
    return "both" if beaten == 2 else "the first" if found > published.established else "neither"


def _targets(made: Report, size: int, found: Sequence[Found], published: Published) -> None:
    """The worst of the seeds counts."""
    worst = min(one.score for one in found)
    slowest = max((one.sample for one in found), key=lambda sample: sample.cpu)
    seconds = CASES[size].seconds
    name = f"{size} meetings"
    made.targets.append(Target(f"{name}, time", slowest.wall, seconds, "s", slowest.cpu))
    if size == 50:
        made.targets.append(Target(f"{name}, medium, worst seed", worst.medium, -165, "", at_least=True))
    for column, theirs in zip(("first", "second"), published, strict=True):
        beats = sum(one.score > theirs for one in found)
        limit = f"seeds better than the {column} column, {exact(len(found))} in all"
        made.targets.append(Target(f"{name}, {limit}", beats, len(found), "", at_least=True))


def main() -> None:
    parser = argparse.ArgumentParser(description="Plan public meeting-scheduling instances, and drawn ones.")
    parser.add_argument("--data", help="the folder of the instances' files")
    parser.add_argument("--meetings", type=int, nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--seed", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--share", type=float, default=1.0, help="part of the steps")
    options = parser.parse_args()
    measure.show(report(options.data, options.meetings, options.seed, options.share))


if __name__ == "__main__":
    main()

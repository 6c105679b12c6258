"""The public meeting-scheduling instances, larger ones of their kind, and both as problems of slotwright's planner.

The files are those of the meeting-scheduling example of TimefoldAI/timefold-quickstarts (Apache-2.0) and are not part
of this repository.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

from meeting_score import Held, Meeting, Meetings
from slotwright.solver.availability import Footprint
from slotwright.solver.plan.penalties import named
from slotwright.solver.plan.problem import Choice, Lane, Plan, PlanProblem, PlanRequest, Role

GRAIN = 15
"""Minutes of a grain."""
DAY = 36
ROOMS = (30, 20, 16, 14, 12)
FILES = {
    meetings: f"{meetings}meetings-{grains}timegrains-5rooms.json"
    for meetings, grains in ((50, 160), (100, 320), (200, 640))
}
VARIABLE = "SLOTWRIGHT_MEETINGS"


def folder(given: str | None = None) -> Path | None:
    """Where the files are: as given, in the variable, or in a `data` folder in or beside the repository; or nowhere."""
    root = Path(__file__).resolve().parent.parent
    named_ = given or os.environ.get(VARIABLE)
    places = (
        [Path(named_)]
        if named_
        else [base / "data" / "meeting-scheduling" for base in (root, root.parent, root.parent / "shared")]
    )
    return next((place for place in places if (place / FILES[50]).exists()), None)


def load(path: Path) -> Meetings:
    """An instance from its file."""
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    days = {
        day: number for number, day in enumerate(dict.fromkeys(_key(grain["day"]) for grain in data["timeGrainList"]))
    }

    def people(attendances: list[dict[str, Any]]) -> frozenset[int]:
        return frozenset(int(_key(one["person"]).partition("#")[2]) for one in attendances)

    return Meetings(
        tuple(days[_key(grain["day"])] for grain in data["timeGrainList"]),
        tuple(room["capacity"] for room in data["roomList"]),
        tuple(
            Meeting(
                meeting["durationInGrains"],
                people(meeting["requiredAttendanceList"]),
                people(meeting["preferredAttendanceList"]),
            )
            for meeting in data["meetingList"]
        ),
    )


def _key(reference: Any) -> str:
    """An object is written out where it is first met, and named by its id afterwards."""
    return reference if isinstance(reference, str) else reference["@id"]


def drawn(meetings: int, seed: int, people: int = 40) -> Meetings:
    """An instance of the same kind: 3.2 grains a meeting, sizes and lengths drawn as they are in the files."""
    draw = random.Random(f"meetings {meetings} {seed}")
    made: list[Meeting] = []
    for _ in range(meetings):
        size = min(draw.choice((2, 2, 3, 4, 4, 5, 6, 8, 8, 10, 12, 14, 16, 16, 20, 30)), people)
        invited = draw.sample(range(people), size)
        required = size if draw.random() < 0.4 else draw.randint(min(2, size), size)
        made.append(
            Meeting(
                draw.choice((1, 2, 3, 3, 4, 6, 8, 16, 16)),
                frozenset(invited[:required]),
                frozenset(invited[required:]),
            )
        )
    return Meetings(tuple(grain // DAY for grain in range(meetings * 16 // 5)), ROOMS, tuple(made))


def problem(instance: Meetings) -> PlanProblem:
    """The same as a plan: one role for the rooms that are large enough, and one for each required person.

    The axis has no nights: its minutes are those of the grains, counted through. Every meeting is worth more than all
    soft costs, so that all are held.
    """
    rooms = len(instance.rooms)
    lanes: dict[tuple[int, int], int] = {}
    made: list[Lane] = []

    def lane(resource: int, grains: int) -> int:
        key = resource, grains
        if key not in lanes:
            lanes[key] = len(made)
            made.append(Lane(resource, resource, Footprint(grains * GRAIN), (1 << len(instance.days)) - 1))
        return lanes[key]

    def request(meeting: Meeting) -> PlanRequest:
        count = len(meeting.required) + len(meeting.preferred)
        places = tuple(
            Choice(lane(room, meeting.grains), sum(max(0, other - capacity) for other in instance.rooms))
            for room, capacity in enumerate(instance.rooms)
            if count <= capacity
        )
        starts = [
            start
            for start in range(len(instance.days) - meeting.grains + 1)
            if instance.days[start] == instance.days[start + meeting.grains - 1]
        ]
        return PlanRequest(
            weight=10**7,
            starts=sum(1 << start for start in starts),
            roles=(
                Role(places),
                *(Role((Choice(lane(rooms + person, meeting.grains)),)) for person in sorted(meeting.required)),
            ),
            lateness=[start + meeting.grains - 1 for start in starts],
            invited=frozenset(rooms + person for person in meeting.preferred),
        )

    requests = tuple(request(meeting) for meeting in instance.meetings)
    penalties = (
        named("invited-overlap", 1, level="medium", unit=GRAIN),
        named("overlap", 10, unit=GRAIN),
        named("back-to-back", 100),
        named("change-of-place", 1, within=2 * GRAIN, places=range(rooms)),
    )
    return PlanProblem(
        tuple(GRAIN * grain for grain in range(len(instance.days))), tuple(made), requests, penalties=penalties
    )


def timetable(plan: PlanProblem, placements: Plan) -> list[Held]:
    """Starts and rooms of a plan in which every meeting is held."""
    held: list[Held] = []
    for request, placement in zip(plan.requests, placements, strict=True):
        assert placement is not None and placement.choices[0] is not None
        held.append(Held(placement.tick, plan.lanes[request.roles[0].choices[placement.choices[0]].lane].resource))
    return held

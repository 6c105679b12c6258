"""`slotwright next`: the earliest offers over many windows, and where the search ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from desk_support import AMES, Ask, asker, book, save, set_up
from slotwright.io import invoke, open_calendar
from slotwright.io.earliest import Asked, earliest, read_within
from slotwright.io.wishes import Wishes
from slotwright.io.zones import Zones
from slotwright.solver.errors import InvalidInputError
from support import Resource, closed, hours, parameters, practitioner, schedule, service, slot, starts

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
OF_A = ("next", "--calendar", "practice.ndjson", "--service", "checkup", "--schedule", "a")


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    return asker(tmp_path, monkeypatch, capsys)


def offers(text: str) -> list[str]:
    """The rows of the table without the blanks between columns."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()[:1].isdigit() and "offer" not in line]


def rows(*more: Resource, a: Resource | None = None, params: Resource | None = None) -> list[Resource]:
    return [service(params=params), practitioner("a"), a or schedule("a"), *more]


# By hand


def test_the_first_time_after_months_of_nothing(ask: Ask) -> None:
    mondays = parameters(availability=[hours("mon", "09:00:00", "10:00:00"), closed(None, "2026-09-07")])
    save(rows(a=schedule("a", mondays)))
    said = ask(*OF_A, "--from", "2026-03-10")
    # 7 September is a Monday, and the last day closed.
    assert (said.code, offers(said.out)) == (0, ["1 Mon 14 Sep 2026 09:00 – 09:30 UTC a"])
    said = ask(*OF_A, "--from", "2026-03-10", "--count", "3")
    assert [row.split(" UTC")[0] for row in offers(said.out)] == [
        "1 Mon 14 Sep 2026 09:00 – 09:30", "2 Mon 14 Sep 2026 09:30 – 10:00", "3 Mon 21 Sep 2026 09:00 – 09:30"
    ]  # fmt: skip
    assert said.out.endswith("\n3 offers.\n")


def test_it_begins_now_and_in_a_ledger_never_before(ask: Ask) -> None:
    """The clock says Monday 9 March, 08:00 in New York."""
    set_up(ask)
    book(ask, "2026-03-09T09:00")
    assert offers(ask("next", *AMES).out) == ["1 Mon 9 Mar 2026 09:30 – 10:00 EDT Dr. Ames"]
    assert offers(ask("next", *AMES, "--from", "2026-03-02").out) == ["1 Mon 9 Mar 2026 09:30 – 10:00 EDT Dr. Ames"]
    early = ask("next", *AMES, "--from", "2026-03-02", "--allow-past")
    assert offers(early.out) == ["1 Mon 2 Mar 2026 09:00 – 09:30 EST Dr. Ames"]
    wishes = ("--notice", "1d", "--weekday", "wed", "--between", "10:00-11:00")
    later = ask("next", *AMES, "--from", "2026-03-09T11:00", *wishes)
    assert offers(later.out) == ["1 Wed 11 Mar 2026 10:00 – 10:30 EDT Dr. Ames"]
    assert ask("book", "--pick", "1").code == 0
    assert ask("list", "--day", "2026-03-11").out.count("booked") == 1


def test_the_search_ends_with_within(ask: Ask) -> None:
    next_year = parameters(availability=[closed("2026-01-01", "2026-12-31"), hours("mon", "09:00:00", "10:00:00")])
    save(rows(a=schedule("a", next_year)))
    said = ask(*OF_A, "--from", "2026-03-10", "--within", "6mo")
    assert (said.code, said.out.splitlines()[0]) == (
        3,
        "Nothing free from Tue 10 Mar 2026, 00:00 UTC to Thu 10 Sep 2026, 00:00 UTC: --within 6mo ends there.",
    )
    assert "slotwright explain" in said.out
    assert ask(*OF_A, "--from", "2026-03-10", "--within", "6mo", "--json").json == {
        "resourceType": "Bundle", "type": "searchset"
    }  # fmt: skip
    assert ask(*OF_A, "--from", "2026-03-10").code == 0, "24 months reach further"


def test_the_search_ends_with_the_planning_horizon(ask: Ask) -> None:
    own = parameters(availability=[hours("sun", "09:00:00", "09:10:00")])
    others = [practitioner("b"), schedule("b", horizon=(None, "2026-12-31"))]
    save(rows(*others, a=schedule("a", own, horizon=("2026-04-01", "2026-06-30"))))
    said = ask(*OF_A, "--schedule", "b", "--from", "2026-03-10")
    assert (said.code, said.out.splitlines()[0]) == (
        3,
        "Nothing free from Tue 10 Mar 2026, 00:00 UTC to Wed 1 Jul 2026, 00:00 UTC: "
        "there the planning horizon of a ends.",
    )
    said = ask(*OF_A, "--from", "2026-08-01")
    assert said.code == 3 and "the planning horizon of a ends" in said.out


def test_it_leaps_to_where_a_planning_horizon_begins(ask: Ask) -> None:
    save(rows(a=schedule("a", horizon=("2027-02-01", None))))
    assert offers(ask(*OF_A, "--from", "2026-03-10").out)[0].startswith("1 Mon 1 Feb 2027 00:00 – 00:30")


def test_fewer_offers_than_asked_for_say_why(ask: Ask) -> None:
    save(rows(a=schedule("a", horizon=(None, "2026-03-10T01:00:00Z"))))
    said = ask(*OF_A, "--from", "2026-03-10", "--count", "5")
    assert said.code == 0 and len(offers(said.out)) == 2
    assert said.out.splitlines()[-1] == (
        "2 offers, and no more until Tue 10 Mar 2026, 01:00 UTC: there the planning horizon of a ends."
    )


def test_a_visit_that_no_search_can_hold(ask: Ask) -> None:
    save(rows(params=parameters(duration=(31, "d"), bufferAfter=1)))
    said = ask(*OF_A, "--from", "2026-03-10")
    assert said.code == 3 and "longer than one search can be" in said.out


def test_nothing_is_lost_or_told_twice_at_the_end_of_a_window(ask: Ask) -> None:
    """The first window ends on Tue 31 March at midnight; visits of an hour may start at every minute around 23:00."""
    late = parameters(availability=[hours("tue", "22:58:00", "00:02:00")])
    save(rows(a=schedule("a", late), params=parameters(duration=60, alignmentInterval=1)))
    at_end = ("--from", "2026-03-31T00:00", "--within", "2d", "--count", "1000")
    found = ask(*OF_A, "--from", "2026-03-01", "--within", "38d", "--count", "1000")
    times = [row.split()[5] for row in offers(found.out) if "31 Mar" in row]
    assert times == ["22:58", "22:59", "23:00", "23:01", "23:02"]
    assert [row.split()[5] for row in offers(ask(*OF_A, *at_end).out)] == times


def test_a_series(ask: Ask) -> None:
    taken = slot("x", "a", "2026-03-17T00:00:00Z", "2026-04-07T00:00:00Z")
    save(rows(taken))
    said = ask(*OF_A, "--from", "2026-03-10", "--occurrences", "3")
    assert offers(said.out)[0].startswith("1 Tue 7 Apr 2026 00:00 – 00:30 UTC Tue 21 Apr")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--within", "soon"), "--within 'soon' is not a length of time. Write it as 24mo, 6wk or 90d."),
        (("--within", "0d"), "is not a length of time"),
        (("--within", "121mo"), "--within 121mo is too long. A search reaches 120 months at most."),
        (("--within", "9999wk"), "is too long"),
        (("--count", "0"), "--count 0 is not between 1 and 1000."),
        (("--count", "x"), "--count 'x' is not a whole number."),
        (("--from", "soon"), "--from 'soon' is neither"),
        (("--occurrences", "9"), "Invalid --occurrences"),
    ],
)
def test_values_that_cannot_be_used(ask: Ask, options: tuple[str, ...], sentence: str) -> None:
    save(rows())
    said = ask(*OF_A, *options)
    assert (said.code, said.out) == (5, "") and sentence in said.err


@pytest.mark.parametrize(
    "of_a",
    [schedule("a", active=False), schedule("a", services=()), schedule("a", active=False, horizon=(None, "2020"))],
)
def test_what_find_refuses_is_refused(ask: Ask, of_a: Resource) -> None:
    save(rows(a=of_a))
    said = ask(*OF_A, "--from", "2026-03-10")
    assert (said.code, said.out) == (5, "") and "Schedule is " in said.err


# The end of --within


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("24mo", "2026-03-10T00:00:00+01:00", "2028-03-10T00:00:00+01:00"),
        ("1mo", "2026-01-31T09:30:00+01:00", "2026-02-28T09:30:00+01:00"),
        ("2wk", "2026-03-20T09:30:00+01:00", "2026-04-03T09:30:00+02:00"),
        ("90d", "2026-03-10T00:00:00+01:00", "2026-06-08T00:00:00+02:00"),
        ("120mo", "2026-03-10T00:00:00+01:00", "2036-03-10T00:00:00+01:00"),
    ],
)
def test_within_counts_on_the_calendar(text: str, start: str, end: str) -> None:
    vienna = Zones().get("Europe/Vienna")
    assert vienna is not None
    ends = (int(datetime.fromisoformat(one).timestamp() * 1000) for one in (start, end))
    assert read_within(text, next(ends), vienna) == next(ends)


@pytest.mark.parametrize("text", ["", "24", "mo", "-1d", "1.5wk", "１d"])
def test_within_that_is_no_length(text: str) -> None:
    utc = Zones().get("Etc/UTC")
    assert utc is not None
    with pytest.raises(InvalidInputError):
        read_within(text, 0, utc)


# No seam between windows: against a search for each day by itself


def text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M}Z"


@pytest.mark.parametrize("seed", range(24))
def test_windows_join_without_a_seam(seed: int) -> None:
    """Long visits with buffers on two schedules, about 80 days; each day is searched alone with room on both sides."""
    dice = Random(seed)
    length, before, after = dice.choice([30, 600, 1500]), dice.choice([0, 90, 700]), dice.choice([0, 45, 300])
    begin = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=dice.randint(0, 1440))
    end = begin + timedelta(days=80, minutes=dice.randint(0, 1440))
    taken: list[Resource] = []
    for number in range(60):
        at = begin + timedelta(minutes=dice.randint(0, 80 * 1440))
        taken.append(
            slot(str(number), dice.choice("ab"), text(at), text(at + timedelta(minutes=dice.choice([60, 2000]))))
        )
    grid = parameters(duration=length, alignmentInterval=dice.choice([360, 720]))
    buffers = parameters(bufferBefore=before, bufferAfter=after)
    store = open_calendar([
        service(params=grid), practitioner("a"), practitioner("b"), schedule("a", buffers), schedule("b"), *taken,
    ])  # fmt: skip
    # All of them, or any one: then the schedule without buffers offers beyond what the other one has room for.
    pools = dice.choice([[["a"], ["b"]], [["a", "b"]]])
    days = dice.choice([None, frozenset({0, 2, 5, 6})])
    query: dict[str, str | list[str]] = {
        "service-type-reference": "HealthcareService/checkup",
        "schedule": [",".join(f"Schedule/{one}" for one in pool) for pool in pools],
    }
    utc = Zones().get("Etc/UTC")
    assert utc is not None
    asked = Asked(query, "checkup", pools, Wishes(weekdays=days), utc, 1000)
    found = earliest(store, asked, int(begin.timestamp() * 1000), int(end.timestamp() * 1000), now=NOW)
    got = [datetime.fromtimestamp(offer.start * 60, UTC) for answer in found.answers for offer in answer.offers]
    expected: list[datetime] = []
    day = begin.replace(hour=0, minute=0)
    while day < end:
        window = {"start": text(max(begin, day - 2 * DAY)), "end": text(min(end, day + 4 * DAY))}
        offered = invoke(store, "Appointment/$find", query={**query, **window, "_count": "1000"}, now=NOW)
        each = (datetime.fromisoformat(one) for one in starts(offered))
        expected += [one for one in each if day <= one < day + DAY and (days is None or one.weekday() in days)]
        day += DAY
    assert got == expected and len(expected) > 20
    assert (found.ended_by, found.end) == ("within", int(end.timestamp()) // 60)

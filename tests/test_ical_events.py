"""Events of calendar files as busy time: whole days, zones, series with overrides, and what is named as unreadable."""

from __future__ import annotations

from pathlib import Path

import pytest
from ics_support import calendar, dates, event, feed, ms, reasons, times
from slotwright.io import LoadError
from slotwright.io.ical.feed import read_feed
from slotwright.io.zones import Zones
from slotwright.solver.civil import Zone

NINE = "DTSTART;TZID=America/New_York:20260303T090000"
HOUR = "DURATION:PT1H"
WEEKLY = "RRULE:FREQ=WEEKLY;COUNT=4"
"""3, 10, 17 and 24 March; New York is 5 hours behind UTC before 8 March, then 4."""


def test_a_series_stays_at_its_local_time_over_a_change_of_the_clocks(tmp_path: Path) -> None:
    found = feed(tmp_path, event(NINE, HOUR, WEEKLY))
    assert times(found) == [
        "03-03T14:00 - 03-03T15:00",
        "03-10T13:00 - 03-10T14:00",
        "03-17T13:00 - 03-17T14:00",
        "03-24T13:00 - 03-24T14:00",
    ]
    assert [one.recurrence for one in found.busy][:2] == ["2026-03-03T14:00:00.000Z", "2026-03-10T13:00:00.000Z"]
    assert found.unread == []


def test_a_skipped_time_moves_forward_and_a_repeated_one_is_its_first_pass(tmp_path: Path) -> None:
    found = feed(
        tmp_path,
        event("DTSTART;TZID=America/New_York:20260307T023000", HOUR, "RRULE:FREQ=DAILY;COUNT=3"),
        event("DTSTART;TZID=America/New_York:20261031T013000", HOUR, "RRULE:FREQ=DAILY;COUNT=3", uid="b"),
    )
    assert times(found) == [
        "03-07T07:30 - 03-07T08:30",
        "03-08T07:30 - 03-08T08:30",  # 02:30 is not there: 03:30 in summer time
        "03-09T06:30 - 03-09T07:30",
        "10-31T05:30 - 10-31T06:30",
        "11-01T05:30 - 11-01T06:30",  # the first 01:30, still in summer time
        "11-02T06:30 - 11-02T07:30",
    ]


def test_an_end_is_exact_and_a_duration_of_days_is_on_the_clock(tmp_path: Path) -> None:
    night = "DTSTART;TZID=America/New_York:20260307T220000"
    found = feed(
        tmp_path,
        event(night, "DTEND;TZID=America/New_York:20260308T220000", uid="end"),
        event(night, "DURATION:P1D", uid="day"),
        event(night, "DURATION:PT24H", uid="hours"),
    )
    # From 03:00Z; the day of the change has 23 hours.
    assert {one.uid: (one.end_ms - one.start_ms) // 3_600_000 for one in found.busy} == {
        "end": 23,
        "day": 23,
        "hours": 24,
    }


def test_excluded_and_added_times(tmp_path: Path) -> None:
    found = feed(
        tmp_path,
        event(
            NINE,
            HOUR,
            WEEKLY,
            "EXDATE;TZID=America/New_York:20260310T090000,20260324T090000",
            "RDATE:20260401T120000Z",
            "RDATE;VALUE=PERIOD:20260402T120000Z/20260402T123000Z,20260403T120000Z/PT2H",
        ),
    )
    assert times(found) == [
        "03-03T14:00 - 03-03T15:00",
        "03-17T13:00 - 03-17T14:00",
        "04-01T12:00 - 04-01T13:00",
        "04-02T12:00 - 04-02T12:30",
        "04-03T12:00 - 04-03T14:00",
    ]


def test_an_excluded_day_excludes_what_starts_on_it(tmp_path: Path) -> None:
    found = feed(tmp_path, event(NINE, HOUR, WEEKLY, "EXDATE;VALUE=DATE:20260310", "EXRULE:FREQ=WEEKLY;INTERVAL=3"))
    assert dates(times(found)) == ["03-17"], "the 3rd and the 24th are those of the excluding rule"


MOVED = ("DTSTART;TZID=America/New_York:20260311T150000", "DURATION:PT30M")


def test_an_override_moves_one_occurrence(tmp_path: Path) -> None:
    found = feed(
        tmp_path,
        event("RECURRENCE-ID;TZID=America/New_York:20260310T090000", *MOVED),
        event(NINE, HOUR, WEEKLY),
    )
    assert times(found)[1] == "03-11T19:00 - 03-11T19:30"
    assert len(found.busy) == 4
    assert found.busy[1].recurrence == "2026-03-10T13:00:00.000Z", "its name is where it was"


@pytest.mark.parametrize("key", ["RECURRENCE-ID:20260310T130000Z", "RECURRENCE-ID;VALUE=DATE:20260310"])
def test_an_override_may_name_its_occurrence_in_other_ways(tmp_path: Path, key: str) -> None:
    found = feed(tmp_path, event(NINE, HOUR, WEEKLY), event(key, *MOVED))
    assert dates(times(found)) == ["03-03", "03-11", "03-17", "03-24"]


def test_an_override_may_cancel_its_occurrence_or_make_it_free(tmp_path: Path) -> None:
    at = "RECURRENCE-ID;TZID=America/New_York:202603{}T090000"
    found = feed(
        tmp_path,
        event(NINE, HOUR, WEEKLY),
        event(at.format(10), *MOVED, "STATUS:CANCELLED"),
        event(at.format(17), *MOVED, "TRANSP:TRANSPARENT"),
    )
    assert dates(times(found)) == ["03-03", "03-24"]


def test_an_override_from_outside_the_window_into_it_and_out_of_it(tmp_path: Path) -> None:
    at = "RECURRENCE-ID;TZID=America/New_York:202603{}T090000"
    found = feed(
        tmp_path,
        event(NINE, HOUR, WEEKLY),
        event(at.format("03"), "DTSTART;TZID=America/New_York:20260318T120000", HOUR),
        event(at.format(17), "DTSTART;TZID=America/New_York:20260501T120000", HOUR),
        window=("2026-03-16T00:00", "2026-03-20T00:00"),
    )
    assert times(found) == ["03-18T16:00 - 03-18T17:00"]


def test_an_override_without_its_series_is_taken(tmp_path: Path) -> None:
    assert dates(times(feed(tmp_path, event("RECURRENCE-ID:20260310T130000Z", *MOVED)))) == ["03-11"]


def test_this_and_future_is_named_and_changes_this_one(tmp_path: Path) -> None:
    found = feed(
        tmp_path,
        event(NINE, HOUR, WEEKLY),
        event("RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=America/New_York:20260310T090000", *MOVED),
    )
    assert dates(times(found)) == ["03-03", "03-11", "03-17", "03-24"]
    assert reasons(found) == [
        ("a", "RANGE=THISANDFUTURE is not supported; only this occurrence is changed, later ones stay")
    ]


def test_the_newest_of_several_versions_counts(tmp_path: Path) -> None:
    found = feed(
        tmp_path,
        event(NINE, "DURATION:PT2H", "SEQUENCE:2", "DTSTAMP:20260101T000000Z"),
        event(NINE, "DURATION:PT3H", "SEQUENCE:1", "DTSTAMP:20260201T000000Z"),
        event(NINE, "DURATION:PT4H"),
    )
    assert times(found) == ["03-03T14:00 - 03-03T16:00"]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=WEEKLY;UNTIL=20260317T130000Z", ["03-03", "03-10", "03-17"]),
        ("FREQ=WEEKLY;UNTIL=20260317T125959Z", ["03-03", "03-10"]),
        ("FREQ=WEEKLY;UNTIL=20260317", ["03-03", "03-10", "03-17"]),
        ("FREQ=WEEKLY;UNTIL=20260317T090000", ["03-03", "03-10", "03-17"]),
        ("FREQ=WEEKLY;BYDAY=WE;COUNT=3", ["03-03", "03-04", "03-11"]),
        ("FREQ=MONTHLY;BYDAY=-1FR;COUNT=2", ["03-03", "03-27"]),
        ("FREQ=MONTHLY;BYMONTHDAY=31;UNTIL=20260601", ["03-03", "03-31", "05-31"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=5", ["03-03"]),
        ("FREQ=MONTHLY;BYDAY=1MO,TU;UNTIL=20260410", ["03-03", "03-10", "03-17", "03-24", "03-31", "04-06", "04-07"]),
    ],
)
def test_ends_of_rules_and_a_first_start_beside_the_rule(tmp_path: Path, rule: str, expected: list[str]) -> None:
    assert dates(times(feed(tmp_path, event(NINE, HOUR, f"RRULE:{rule}")))) == expected


# Whole days, and what is free


def test_whole_days_are_local_days_of_the_schedule(tmp_path: Path) -> None:
    found = feed(
        tmp_path,
        event("DTSTART;VALUE=DATE:20260307", "DTEND;VALUE=DATE:20260309", uid="two"),
        event("DTSTART;VALUE=DATE:20261101", uid="one"),
        event("DTSTART;VALUE=DATE:20260501", "DURATION:P1W", uid="week"),
    )
    assert times(found) == [
        "03-07T05:00 - 03-09T04:00",  # 47 hours
        "05-01T04:00 - 05-08T04:00",
        "11-01T04:00 - 11-02T05:00",  # 25 hours
    ]


@pytest.mark.parametrize(
    ("all_day", "expected"),
    [("as-marked", ["03-10", "03-12"]), ("busy", ["03-10", "03-11", "03-12"]), ("free", ["03-12"])],
)
def test_whole_days_as_marked_or_all_busy_or_all_free(tmp_path: Path, all_day: str, expected: list[str]) -> None:
    found = feed(
        tmp_path,
        event("DTSTART;VALUE=DATE:20260310", uid="busy"),
        event("DTSTART;VALUE=DATE:20260311", "TRANSP:TRANSPARENT", uid="free"),
        event("DTSTART:20260312T120000Z", HOUR, uid="time"),
        all_day=all_day,
    )
    assert dates(times(found)) == expected


@pytest.mark.parametrize(
    ("lines", "is_busy"),
    [
        ((), True),
        (("TRANSP:OPAQUE",), True),
        (("TRANSP:TRANSPARENT",), False),
        (("STATUS:CONFIRMED",), True),
        (("STATUS:TENTATIVE",), True),
        (("STATUS:CANCELLED",), False),
        (("X-MICROSOFT-CDO-BUSYSTATUS:FREE",), False),
        (("X-MICROSOFT-CDO-BUSYSTATUS:OOF",), True),
        (("X-MICROSOFT-CDO-BUSYSTATUS:FREE", "TRANSP:OPAQUE"), True),
    ],
)
def test_what_takes_time(tmp_path: Path, lines: tuple[str, ...], is_busy: bool) -> None:
    found = feed(tmp_path, event(NINE, HOUR, *lines))
    assert len(found.busy) == is_busy
    assert [one.is_tentative for one in found.busy] == ([lines == ("STATUS:TENTATIVE",)] if is_busy else [])


def test_what_takes_no_time_is_left_out(tmp_path: Path) -> None:
    found = feed(tmp_path, event(NINE, uid="no-end"), "BEGIN:VTODO\r\nUID:t\r\nDUE:20260310T090000Z\r\nEND:VTODO")
    assert (found.busy, found.unread) == ([], [])


def test_free_busy_components(tmp_path: Path) -> None:
    found = feed(
        tmp_path,
        "BEGIN:VFREEBUSY\r\nUID:f\r\nFREEBUSY:20260310T090000Z/PT1H,20260311T090000Z/20260311T093000Z\r\n"
        "FREEBUSY;FBTYPE=FREE:20260312T090000Z/PT1H\r\nFREEBUSY;FBTYPE=BUSY-TENTATIVE:20260313T090000Z/PT1H\r\n"
        "FREEBUSY:soon\r\nEND:VFREEBUSY",
    )
    assert dates(times(found)) == ["03-10", "03-11", "03-13"]
    assert [one.is_tentative for one in found.busy] == [False, False, True]
    assert reasons(found) == [("f", "FREEBUSY 'soon' is neither a day nor a time")]


def test_the_window_takes_what_it_meets(tmp_path: Path) -> None:
    found = feed(
        tmp_path,
        event(NINE, HOUR, "RRULE:FREQ=DAILY"),
        window=("2026-03-03T14:59", "2026-03-06T14:00"),
    )
    assert dates(times(found)) == ["03-03", "03-04", "03-05"], "an end that only touches is outside"


# Zones

VIENNA_BY_RULES = "\r\n".join(
    [
        "BEGIN:VTIMEZONE", "TZID:{}", "{}BEGIN:STANDARD", "DTSTART:19701025T030000", "TZOFFSETFROM:+0200",
        "TZOFFSETTO:+0100", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10", "END:STANDARD", "BEGIN:DAYLIGHT",
        "DTSTART:19700329T020000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3",
        "END:DAYLIGHT", "END:VTIMEZONE",
    ]
)  # fmt: skip


@pytest.mark.parametrize(
    ("tzid", "more"),
    [
        ("Europe/Vienna", ()),
        ("europe/vienna", ()),
        ("W. Europe Standard Time", ()),
        ("/freeassociation.sourceforge.net/Europe/Vienna", ()),
        ("/mozilla.org/20050126_1/Europe/Vienna", ()),
        ('"/softwarestudio.org/Olson_20011030_5/Europe/Vienna"', ()),
        ("Our own", (VIENNA_BY_RULES.format("Our own", ""),)),
        ("EST", (VIENNA_BY_RULES.format("EST", ""),)),
        ("Europe/Vienna", (VIENNA_BY_RULES.format("Europe/Vienna", "X-LIC-LOCATION:Asia/Tokyo\r\n"),)),
        ("Our own", (VIENNA_BY_RULES.format("Our own", "X-LIC-LOCATION:Europe/Vienna\r\n"),)),
    ],
)
def test_zones_by_many_names(tmp_path: Path, tzid: str, more: tuple[str, ...]) -> None:
    found = feed(tmp_path, *more, event(f"DTSTART;TZID={tzid}:20260327T090000", HOUR, "RRULE:FREQ=DAILY;COUNT=3"))
    # Vienna goes to summer time on 29 March.
    assert times(found) == [
        "03-27T08:00 - 03-27T09:00",
        "03-28T08:00 - 03-28T09:00",
        "03-29T07:00 - 03-29T08:00",
    ]
    assert found.unread == []


def test_a_zone_whose_rules_cannot_be_read_is_none(tmp_path: Path) -> None:
    for bad in (
        VIENNA_BY_RULES.replace("BYMONTH=10", "BYMONTH=13"),
        VIENNA_BY_RULES.replace("19701025", "99999999999"),
    ):
        found = feed(tmp_path, bad.format("Odd", ""), event("DTSTART;TZID=Odd:20260327T090000", HOUR))
        assert found.busy == []
        assert reasons(found)[0][1].startswith("DTSTART has the TZID 'Odd', which is no known zone")


def test_floating_times_are_those_of_the_schedule(tmp_path: Path) -> None:
    found = feed(tmp_path, event("DTSTART:20260310T090000", "DTEND:20260310T100000"), zone="Asia/Tokyo")
    assert times(found) == ["03-10T00:00 - 03-10T01:00"]


# What cannot be read


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ((HOUR,), "it has no DTSTART"),
        (("DTSTART:soon", HOUR), "DTSTART 'soon' is neither a day nor a time"),
        (("DTSTART:20260230T090000", HOUR), "DTSTART '20260230T090000' is no day of the calendar"),
        (("DTSTART:20260210T250000", HOUR), "DTSTART '20260210T250000' is no time of the day"),
        (
            ("DTSTART;TZID=Mars/Olympus:20260310T090000", HOUR),
            "DTSTART has the TZID 'Mars/Olympus', which is no known zone and not defined in the file",
        ),
        ((NINE, "DTEND;TZID=America/New_York:20260303T080000"), "DTEND is before DTSTART"),
        ((NINE, "DTEND;VALUE=DATE:20260304"), "DTSTART and DTEND are not both days or both times"),
        ((NINE, "DURATION:1H"), "DURATION '1H' is no length of time"),
        ((NINE, "DURATION:-PT1H"), "DURATION '-PT1H' is no length of time"),
        ((NINE, HOUR, "RRULE:FREQ=SECONDLY"), "RRULE FREQ=SECONDLY is not expanded"),
        ((NINE, HOUR, "RRULE:COUNT=2"), "RRULE 'COUNT=2' has no FREQ"),
        ((NINE, HOUR, "RRULE:FREQ=DAILY;INTERVAL=0"), "RRULE has INTERVAL=0; expected a whole number from 1"),
        ((NINE, HOUR, "RRULE:FREQ=DAILY;COUNT=many"), "RRULE has COUNT=MANY; expected a whole number from 1"),
        ((NINE, HOUR, "RRULE:FREQ=DAILY;UNTIL=soon"), "RRULE UNTIL 'SOON' is neither a day nor a time"),
        ((NINE, HOUR, "RRULE:FREQ=DAILY;FREQ=DAILY"), "RRULE has the part 'FREQ=DAILY', which cannot be read"),
        (
            ("DTSTART:18000101T000000Z", HOUR, "RRULE:FREQ=HOURLY"),
            "RRULE gives more than 100,000 starts until the window ends",
        ),
        ((NINE, HOUR, "EXDATE:never"), "EXDATE 'never' is neither a day nor a time"),
        ((NINE, HOUR, "RDATE;VALUE=PERIOD:20260303T090000Z"), "RDATE '20260303T090000Z' is no period of two times"),
    ],
)
def test_what_cannot_be_read_is_named_and_the_rest_is_taken(
    tmp_path: Path, lines: tuple[str, ...], reason: str
) -> None:
    found = feed(tmp_path, event(*lines, uid="bad"), event(NINE, HOUR, uid="good"))
    assert [one.uid for one in found.busy] == ["good"]
    assert reasons(found) == [("bad", reason)]
    assert str(found.unread[0]) == f"{tmp_path / 'one.ics'}, UID bad: {reason}."


def test_rules_of_unknown_parts_are_named(tmp_path: Path) -> None:
    found = feed(tmp_path, event(NINE, HOUR, "RRULE:FREQ=DAILY;RSCALE=HEBREW"))
    assert found.busy == []
    assert reasons(found)[0][1].startswith("RRULE 'FREQ=DAILY;RSCALE=HEBREW' cannot be read: ")


def test_rules_that_fail_when_they_are_expanded_are_named(tmp_path: Path) -> None:
    found = feed(tmp_path, event(NINE, HOUR, "RRULE:FREQ=MONTHLY;BYDAY=99MO"))
    assert found.busy == []
    assert reasons(found)[0][1].startswith("RRULE 'FREQ=MONTHLY;BYDAY=99MO' cannot be expanded: ")


def test_a_line_that_is_no_property_is_named_and_its_event_taken(tmp_path: Path) -> None:
    found = feed(tmp_path, event(NINE, HOUR, "no property at all"))
    assert len(found.busy) == 1
    assert reasons(found) == [("a", "the line 'no property at all' is no property")]


def test_an_override_whose_name_cannot_be_read(tmp_path: Path) -> None:
    found = feed(tmp_path, event(NINE, HOUR, WEEKLY), event("RECURRENCE-ID:soon", *MOVED))
    assert dates(times(found)) == ["03-03", "03-10", "03-17", "03-24"]
    assert reasons(found) == [("a", "RECURRENCE-ID 'soon' is neither a day nor a time")]


def test_letters_that_are_no_utf_8_are_named(tmp_path: Path) -> None:
    path = tmp_path / "one.ics"
    path.write_bytes(calendar(event(NINE, HOUR, "SUMMARY:X")).encode().replace(b"SUMMARY:X", b"SUMMARY:\xe4"))
    found = read_feed(str(path), _zone("Etc/UTC"), (ms("2026-01-01T00:00"), ms("2027-01-01T00:00")))
    assert len(found.busy) == 1
    assert reasons(found) == [("", "line 8 is not UTF-8; letters that are not are replaced")]


def _zone(name: str) -> Zone:
    found = Zones().get(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"<html>Please log in</html>", "is no iCalendar file: it has no BEGIN:VCALENDAR. Give an .ics file."),
        (b"", "is no iCalendar file"),
        (calendar(event(NINE, HOUR)).encode()[:-15], "ends too early: END:VCALENDAR is missing. Fetch or export it"),
        (calendar(event(NINE, HOUR)).encode()[:60], "ends too early: END:VEVENT is missing."),
        (b"BEGIN:VCALENDAR\r\n" + b"BEGIN:VEVENT\r\n" * 5_000, "has components more than 32 deep in one another."),
    ],
)
def test_a_file_that_is_no_calendar_is_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    """Read as an empty calendar it would free all that was busy before."""
    path = tmp_path / "one.ics"
    path.write_bytes(content)
    with pytest.raises(LoadError) as caught:
        read_feed(str(path), _zone("Etc/UTC"), (0, 1))
    assert sentence in str(caught.value)


def test_folders(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name, uid in (("b.ICS", "b"), ("in/a.ics", "a"), ("in/notes.txt", "c")):
        (tmp_path / name).write_bytes(calendar(event(NINE, HOUR, uid=uid)).encode())
    found = read_feed(str(tmp_path), _zone("Etc/UTC"), (ms("2026-01-01T00:00"), ms("2027-01-01T00:00")))
    assert (found.source, [one.uid for one in found.busy]) == (tmp_path.name, ["a", "b"])
    (tmp_path / "empty").mkdir()
    for path, sentence in ((tmp_path / "empty", "holds no files that end in .ics."), (tmp_path / "no", "not exist")):
        with pytest.raises(LoadError, match=sentence):
            read_feed(str(path), _zone("Etc/UTC"), (0, 1))


# Weekly hours


def available(*lines: str) -> str:
    return "\r\n".join(["BEGIN:AVAILABLE", "UID:w", *lines, "END:AVAILABLE"])


def vavailability(*parts: str) -> str:
    return "\r\n".join(["BEGIN:VAVAILABILITY", "UID:v", *parts, "END:VAVAILABILITY"])


EIGHT = ("DTSTART;TZID=America/New_York:20250106T080000", "DTEND;TZID=America/New_York:20250106T120000")
"""A Monday."""


def test_availability_as_weekly_hours(tmp_path: Path) -> None:
    found = feed(
        tmp_path,
        vavailability(
            "DTSTART:20200101T000000Z",
            available(*EIGHT, "RRULE:FREQ=WEEKLY;BYDAY=WE,MO"),
            available("DTSTART:20250107T220000", "DURATION:PT8H", "RRULE:FREQ=WEEKLY;WKST=SU"),
            available("DTSTART:20250107T000000", "DURATION:P1D", "RRULE:FREQ=DAILY;BYDAY=SA"),
        ),
    )
    assert [tuple(one) for one in found.hours] == [
        (("mon", "wed"), "08:00:00", "12:00:00"),
        (("tue",), "22:00:00", "06:00:00"),
        (("sat",), "00:00:00", "00:00:00"),
    ]
    assert (found.busy, found.unread) == ([], [])


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (EIGHT, "it has no RRULE"),
        ((*EIGHT, "RRULE:FREQ=WEEKLY;INTERVAL=2"), "RRULE 'FREQ=WEEKLY;INTERVAL=2' is not the same every week"),
        ((*EIGHT, "RRULE:FREQ=WEEKLY;COUNT=9"), "RRULE 'FREQ=WEEKLY;COUNT=9' is not the same every week"),
        ((*EIGHT, "RRULE:FREQ=MONTHLY"), "RRULE 'FREQ=MONTHLY' is not the same every week"),
        ((*EIGHT, "RRULE:FREQ=WEEKLY;BYDAY=1MO"), "RRULE BYDAY=1MO is not the same every week"),
        ((*EIGHT, "RRULE:FREQ=WEEKLY", "EXDATE:20260310T120000Z"), "it has EXDATE"),
        (("DTSTART:20250106T080000Z", HOUR, "RRULE:FREQ=WEEKLY"), "its zone is Etc/UTC, not America/New_York"),
        (("DTSTART;VALUE=DATE:20250106", "RRULE:FREQ=WEEKLY"), "its DTSTART is a day"),
        (
            ("DTSTART:20270106T080000", HOUR, "RRULE:FREQ=WEEKLY"),
            "it begins on 2027-01-06, later than the window begins",
        ),
        (("DTSTART:20250106T080000", "DURATION:P2D", "RRULE:FREQ=WEEKLY"), "it lasts longer than a day, or not at all"),
    ],
)
def test_availability_that_is_no_weekly_hours_is_named(tmp_path: Path, lines: tuple[str, ...], reason: str) -> None:
    found = feed(tmp_path, vavailability(available(*EIGHT, "RRULE:FREQ=DAILY"), available(*lines)))
    assert len(found.hours) == 1
    assert reasons(found) == [("w", f"AVAILABLE is no weekly hours: {reason}")]


def test_several_availabilities_and_those_that_begin_or_end_are_named(tmp_path: Path) -> None:
    part = available(*EIGHT, "RRULE:FREQ=WEEKLY")
    found = feed(tmp_path, vavailability(part), vavailability(part))
    assert (found.hours, len(found.unread)) == ([], 2)
    for line in ("DTSTART:20260301T000000Z", "DTEND:20260301T000000Z", "DURATION:P1W"):
        found = feed(tmp_path, vavailability(line, part))
        assert found.hours == []
        assert reasons(found)[0][1].endswith("only what holds all the time is read")

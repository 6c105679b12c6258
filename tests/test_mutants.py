"""The lists of mutants fit the code, and cover the rules. What they are for: tests/mutants/README.md."""

from __future__ import annotations

import pytest
from mutants.run import Mutant, fault_of, read_mutants

MUTANTS = read_mutants()

RULES = (
    *("6 readable", "6 half-open", "6 rounding", "6 local day", "6 wall clock", "6 now", "6 periods"),
    *("7 zone", "7.1", "7.2", "7.3", "7.4", "7.5"),
    *("8 bounds", "8 layers", "8 free Slots"),
    *("9 statuses", "9 ignored", "9 unusable"),
    "10",
    *("11 tolerance", "11 minimum", "11 touching", "11 stamp", "11 buffers"),
    "12",
    *("13 offset", "13 midnight", "13 zone", "13 both passes", "13 skipped"),
    "14",
    *("15 frequency", "15 several", "15 zone", "15 booking", "15 start", "15 d", "15 wk", "15 mo"),
    *("16 expiry", "16 buffers", "16 pending", "16 anywhere"),
    *("17.1", "17.2", "17.3", "17.4", "17 each"),
)
"""The rules of the specification's model, sections 6 to 17; those without a number by a word for each."""


def rows(section: str, first: int, last: int) -> list[str]:
    return [f"{section} row {number}" for number in range(first, last + 1)]


OPERATIONS = (
    *("o1 body", "o1 values", "o1 cardinality", "o1 answer", "o1 not found", "o1 refused"),
    "o2 hold-minutes",
    *(*rows("o2.1", 1, 11), "o2.1 order"),
    *(*rows("o2.2", 1, 9), "o2.2 further", "o2.2 order"),
    *(*rows("o2.3", 0, 3), "o2.3 order", "o2.3 diagnostics"),
    *("o2.4 Slots", "o2.4 Appointment", "o2.4 expiry"),
    *("o3 taken", "o3 identical", "o3 replay"),
    *(*rows("o4", 1, 8), "o4 order", "o4 effect", "o4 series"),
    *("o5 confirm", "o5 cancel", "o5 reschedule", "o5 lapse"),
    *("o6 reference", "o6 exists", "o6 status", "o6 slots", "o6 order", "o6 reason", "o6 effect", "o6 answer"),
    *(*rows("o7", 1, 8), "o7 order", "o7 expansion", "o7 prefix", "o7 all or none"),
    *(*rows("o8", 1, 14), "o8 order", "o8 Slots", "o8 Appointment", "o8 participants"),
)
"""The specification's operations, sections 1 to 8: every row of the tables of checks, and the rules beside them."""

LEDGER = (
    *("group bundle", "group who", "group rehearsal"),
    *("ledger flush", "ledger lock", "ledger threads", "ledger snapshot", "ledger undo", "ledger lapse"),
    "ledger following",
    *("ledger chain", "ledger time", "ledger version", "ledger ids", "ledger capacity", "ledger derived"),
    *("ledger mark", "ledger files", "ledger backup", "ledger verify", "ledger erasure", "ledger load"),
)
"""What several calls at once and the ledger itself promise."""

PLANS = (
    *("plan bound", "plan levels", "plan judge", "plan precedence", "plan patient", "plan optional"),
    *("plan movable", "plan bundle", "plan replay", "plan interrupt", "plan reasons"),
)
"""What batch plan and batch replan promise."""

BATCH = (
    *("batch gaps", "batch hours", "batch capacity", "batch limits"),
    *("batch requests", "batch tables", "batch answers", "batch summary", "batch partitions"),
)
"""What a batch of finds promises."""

HTTP = (
    *("http host", "http origin", "http loopback", "http tokens", "http roles", "http who"),
    *("http formats", "http limits", "http queue", "http commit", "http stop", "http log"),
)
"""What the server promises."""

REST = (
    *("rest capacity", "rest made", "rest hits", "rest in use", "rest versions", "rest search", "rest history"),
    *("rest bundle", "ledger terms"),
)
"""What resources over HTTP promise."""

WHY = (
    *("why grid", "why hours", "why closed", "why blocked", "why buffer", "why horizon", "why limit", "why window"),
    *("why series", "why combination", "why ignored", "why summary", "why layers"),
    *("next windows", "next end", "free open", "free busy", "free text"),
)
"""What explain, next and freebusy promise."""

VIEWS = (
    *("view hours", "view clock", "view taken", "view patients", "view seats", "view heat", "view use", "view offers"),
    *("view markup", "view lanes", "view plans", "view names", "view colours"),
    *("page code", "page origin", "page cookies", "page roles", "page tokens", "page once", "page ahead", "page cache"),
)
"""What views and the live page promise."""


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mutant_fits_exactly_one_place(mutant: Mutant) -> None:
    assert fault_of(mutant) is None


def test_every_rule_has_a_mutant_and_every_mutant_a_rule() -> None:
    named = {*RULES, *OPERATIONS, *LEDGER, *PLANS, *BATCH, *HTTP, *REST, *WHY, *VIEWS}
    assert {mutant.rule for mutant in MUTANTS} == named


def test_every_section_of_the_model_is_there() -> None:
    assert {int(rule.split()[0].split(".")[0]) for rule in RULES} == set(range(6, 18))


def test_no_mutant_stands_twice() -> None:
    assert len({(mutant.file, mutant.find, mutant.replace) for mutant in MUTANTS}) == len(MUTANTS)
    assert len({mutant.what for mutant in MUTANTS}) == len(MUTANTS)

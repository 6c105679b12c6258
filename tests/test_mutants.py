"""The list of mutants fits the code, and covers the rules of the model. What it is for: tests/mutants/README.md."""

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


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mutant_fits_exactly_one_place(mutant: Mutant) -> None:
    assert fault_of(mutant) is None


def test_every_rule_of_the_model_has_a_mutant_and_every_mutant_a_rule() -> None:
    assert {mutant.rule for mutant in MUTANTS} == set(RULES)


def test_every_section_is_there() -> None:
    assert {int(rule.split()[0].split(".")[0]) for rule in RULES} == set(range(6, 18))


def test_no_mutant_stands_twice() -> None:
    assert len({(mutant.file, mutant.find, mutant.replace) for mutant in MUTANTS}) == len(MUTANTS)
    assert len({mutant.what for mutant in MUTANTS}) == len(MUTANTS)

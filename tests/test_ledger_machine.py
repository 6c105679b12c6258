"""Random moves: after each of them the ledger and its model agree in the answer and in all that is stored.

Runs come from two sources: a state machine of hypothesis, which shrinks what fails to a few small moves, and numbered
ones, which are more varied and many more in the same time. SLOTWRIGHT_EXAMPLES sets how many there are of each.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from ledger_pair import Pair
from ledger_play import MOVES, Player
from ledger_table import make_table
from strategies import Dice

EXAMPLES = int(os.environ.get("SLOTWRIGHT_EXAMPLES", "0"))
RUNS = EXAMPLES or 40
NUMBERED = EXAMPLES or 100
CHUNK = 25
STEPS = 15
CHANCES: st.SearchStrategy[random.Random] = st.randoms(use_true_random=False)


def new_player(directory: str | Path, dice: Dice) -> Player:
    table = make_table(dice)
    pair = Pair(Path(directory) / "ledger", table.resources, table.frame.now)
    return Player(pair, table, dice)


class LedgerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = TemporaryDirectory()
        self.player: Player | None = None

    @initialize(chances=CHANCES)
    def start(self, chances: random.Random) -> None:
        self.player = new_player(self.directory.name, Dice(chances.randint))

    def move(self, chances: random.Random, how: Callable[[Player], None]) -> None:
        assert self.player is not None
        self.player.dice = Dice(chances.randint)
        try:
            how(self.player)
        except Exception as error:
            error.add_note(self.player.pair.history())
            raise

    @rule(chances=CHANCES)
    def find_and_book(self, chances: random.Random) -> None:
        self.move(chances, Player.find_and_book)

    @rule(chances=CHANCES)
    def book_mutated(self, chances: random.Random) -> None:
        self.move(chances, Player.book_mutated)

    @rule(chances=CHANCES)
    def repeat(self, chances: random.Random) -> None:
        self.move(chances, Player.repeat)

    @rule(chances=CHANCES)
    def confirm(self, chances: random.Random) -> None:
        self.move(chances, Player.confirm)

    @rule(chances=CHANCES)
    def cancel(self, chances: random.Random) -> None:
        self.move(chances, Player.cancel)

    @rule(chances=CHANCES)
    def reschedule(self, chances: random.Random) -> None:
        self.move(chances, Player.reschedule)

    @rule(chances=CHANCES)
    def put_slot(self, chances: random.Random) -> None:
        self.move(chances, Player.put_slot)

    @rule(chances=CHANCES)
    def put_schedule(self, chances: random.Random) -> None:
        self.move(chances, Player.put_schedule)

    @rule(chances=CHANCES)
    def put_appointment(self, chances: random.Random) -> None:
        self.move(chances, Player.put_appointment)

    @rule(chances=CHANCES)
    def delete_slot(self, chances: random.Random) -> None:
        self.move(chances, Player.delete_slot)

    @rule(chances=CHANCES)
    def tick(self, chances: random.Random) -> None:
        self.move(chances, Player.tick)

    @rule(chances=CHANCES)
    def load(self, chances: random.Random) -> None:
        self.move(chances, Player.load)

    @rule(chances=CHANCES)
    def batch(self, chances: random.Random) -> None:
        self.move(chances, Player.batch)

    @rule()
    def reopen(self) -> None:
        self.move(random.Random(0), Player.reopen)

    def teardown(self) -> None:
        try:
            if self.player is not None:
                self.player.pair.finish()
        finally:
            self.directory.cleanup()


def test_the_ledger_agrees_with_its_model() -> None:
    machine: Any = LedgerMachine
    run_state_machine_as_test(  # type: ignore[reportUnknownMemberType]
        machine,
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
        ),
    )


def numbered_run(seed: int, directory: Path) -> None:
    """The run of this number, always the same one."""
    dice = Dice(random.Random(seed).randint)
    player = new_player(directory, dice)
    moves = [move for weight, move in MOVES for _ in range(weight)]
    try:
        for _ in range(STEPS):
            dice.pick(moves)(player)
        player.pair.finish()
    except Exception as error:
        error.add_note(f"numbered_run({seed})\n{player.pair.history()}")
        raise


@pytest.mark.parametrize("first", range(0, NUMBERED, CHUNK))
def test_the_ledger_agrees_with_its_model_in_numbered_runs(first: int, tmp_path: Path) -> None:
    for seed in range(first, min(first + CHUNK, NUMBERED)):
        directory = tmp_path / str(seed)
        directory.mkdir()
        numbered_run(seed, directory)

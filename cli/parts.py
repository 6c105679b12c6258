"""What is said of the parts of a batch when it is interrupted."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import click

from .text import printable


@contextmanager
def continuing(output: str | None) -> Generator[None]:
    """Say on standard error, after an interrupt, how many parts are finished and how to go on; None: no parts."""
    try:
        yield
    except KeyboardInterrupt:
        if output is not None and (said := _how_to_continue(output)):
            click.echo(said, err=True)
        raise


def _how_to_continue(output: str) -> str | None:
    from ..io.batch.parts import WORK, finished

    done, total = finished(output)
    if not done:
        return None
    are = "is" if done == 1 else "are"
    return f"{done} of {total} partitions {are} finished, in {printable(output)}{WORK}. The same command continues."

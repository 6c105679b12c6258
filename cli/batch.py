"""`slotwright batch`: tables of requests in, tables of answers out. Its commands have modules of their own."""

from __future__ import annotations

import click

from .listed import BATCH_COMMANDS, BATCH_HOMES, Commands


@click.group("batch", cls=Commands, groups={"Commands": BATCH_COMMANDS}, homes=BATCH_HOMES)
def command() -> None:
    """Answer many requests at once: tables in, tables out.

    \b
    Example:
      slotwright batch find requests.csv -o answers.csv --calendar examples/clinic
    """

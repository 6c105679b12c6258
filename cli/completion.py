"""`slotwright completion`: what a shell needs to complete commands, options and names."""

from __future__ import annotations

import click

_WHERE = {
    "bash": "~/.bashrc",
    "zsh": "~/.zshrc",
    "fish": "~/.config/fish/completions/slotwright.fish",
}


@click.command("completion")
@click.argument("shell", metavar="SHELL", type=click.Choice([*_WHERE]))
def command(shell: str) -> None:
    """Print the script with which bash, zsh or fish completes commands, options, and names of schedules and services.

    Names come from the ledger or the calendar that the line, the environment or slotwright.toml names.

    \b
    Example:
      slotwright completion bash >> ~/.bashrc
    """
    from click.shell_completion import get_completion_class

    from .main import slotwright

    found = get_completion_class(shell)
    assert found is not None
    click.echo(f"# In {_WHERE[shell]}")
    click.echo(found(slotwright, {}, "slotwright", "_SLOTWRIGHT_COMPLETE").source())

"""The documentation is kept true: README sessions run, and every command and option is described."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from slotwright.cli.main import COMMANDS, slotwright

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
_SESSION = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sessions(text: str) -> list[tuple[str, str]]:
    """Each command of the console blocks with the output printed below it."""
    found: list[tuple[str, str]] = []
    for block in _SESSION.findall(text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = part.splitlines(keepends=True)
            length = next(i for i, line in enumerate(lines) if not line.endswith("\\\n")) + 1
            found.append(("".join(lines[:length]), "".join(lines[length:])))
    return found


def run(command: str) -> str:
    """What a shell at the repository's root prints, standard error included."""
    bin_folder = Path(sys.executable).parent
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("SLOTWRIGHT_")},
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONIOENCODING": "utf-8",
    }
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=ROOT, env=environment, capture_output=True, timeout=60, check=False
    )
    return (done.stdout + done.stderr).decode()


@pytest.mark.parametrize(
    ("command", "output"), [pytest.param(*one, id=f"{i}") for i, one in enumerate(sessions(README.read_text()))]
)
def test_readme_session_prints_what_it_shows(command: str, output: str) -> None:
    assert run(command) == output


def test_readme_begins_with_the_main_command() -> None:
    first = sessions(README.read_text())[0]
    assert first[0].startswith("slotwright find --calendar examples/clinic --service bariatric-surgery")
    assert README.read_text().index("```console") < 600


def test_readme_python_session_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    blocks = re.findall(r"^```pycon\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    assert blocks
    for number, block in enumerate(blocks):
        test = doctest.DocTestParser().get_doctest(block, {}, f"README {number}", str(README), 0)
        result = doctest.DocTestRunner(verbose=False).run(test)
        assert result.failed == 0 and result.attempted > 0


def commands() -> list[tuple[str, click.Command]]:
    context = click.Context(slotwright)
    found = [(name, slotwright.get_command(context, name)) for name in COMMANDS]
    return [(name, command) for name, command in found if command is not None]


@pytest.mark.parametrize(("name", "command"), commands())
def test_every_option_is_documented_and_every_command_has_an_example(name: str, command: click.Command) -> None:
    text = (ROOT / "docs" / "commands.md").read_text()
    section = text.split(f"## slotwright {name}\n")[1].split("\n## ")[0]
    for parameter in command.params:
        for option in parameter.opts:
            written = f"`{option}" if option.startswith("-") else f"`{option.upper()}`"
            assert written in section, f"docs/commands.md does not describe {option} of {name}"
    assert command.help is not None
    assert "Example:" in command.help


def test_links_lead_somewhere() -> None:
    for file in [README, *ROOT.glob("docs/*.md"), ROOT / "examples" / "README.md", ROOT / "benchmarks" / "README.md"]:
        if not file.exists():
            continue
        for link in re.findall(r"\]\(([^)#:]+)\)", file.read_text()):
            assert (file.parent / link).exists(), f"{file.name} links to {link}"


if __name__ == "__main__":  # write the sessions' real output into the README: python tests/test_docs.py
    content = README.read_text()
    for session_command, shown in sessions(content):
        content = content.replace(f"$ {session_command}{shown}", f"$ {session_command}{run(session_command)}")
    README.write_text(content)

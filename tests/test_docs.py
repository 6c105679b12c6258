"""The documentation is kept true: the sessions in it run, and every command and option is described."""

from __future__ import annotations

import doctest
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import click
import pytest
from slotwright.cli.listed import BATCH_COMMANDS, GROUPS, LEDGER_COMMANDS
from slotwright.cli.main import slotwright

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PAGES = [README, *sorted(ROOT.glob("docs/**/*.md"))]
_SESSION = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"[^\n]*<<'(\w+)'\n.*?^\1\n|(?:[^\n]*\\\n)*[^\n]*\n", re.MULTILINE | re.DOTALL)
"""A command: with the lines of a file down to its mark, or with the lines that a backslash goes on to."""


def sessions(text: str) -> list[tuple[str, str]]:
    """Each command of the console blocks with the output printed below it."""
    found: list[tuple[str, str]] = []
    for block in _SESSION.findall(text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command = _COMMAND.match(part)
            assert command is not None
            found.append((command[0], part[command.end() :]))
    return found


def play(commands: list[str], folder: Path) -> list[str]:
    """What a shell prints for each command, standard error included, all in one folder beside the examples."""
    (folder / "examples").symlink_to(ROOT / "examples")
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("SLOTWRIGHT_")},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONIOENCODING": "utf-8",
        "XDG_STATE_HOME": str(folder / "state"),
    }
    port = free_port()
    environment["SLOTWRIGHT_PORT"] = port
    printed: list[str] = []
    with ExitStack() as servers:
        for command in commands:
            if command.startswith("export "):
                environment |= dict(one.split("=", 1) for one in command.split()[1:])
                printed.append("")
                continue
            asked = command.replace(SHOWN_PORT, f":{port}/")
            if command.endswith(" &\n"):
                said = start(asked, folder, environment, servers)
            else:
                said = carry_out(asked, folder, environment)
            printed.append(said.replace(f":{port}/", SHOWN_PORT))
    return printed


SHOWN_PORT = ":8103/"
"""Where servers of the sessions are shown to be; they are where nobody else is."""


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return str(found.getsockname()[1])


def carry_out(command: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=folder, env=environment, capture_output=True, timeout=60, check=False
    )
    return (done.stdout + done.stderr).decode()


def start(command: str, folder: Path, environment: dict[str, str], servers: ExitStack) -> str:
    """Begin what ends with `&`, a server; what it prints until it is ready. It is stopped when the sessions end."""
    server = servers.enter_context(
        subprocess.Popen(
            ["/bin/sh", "-c", "exec " + command.rstrip().removesuffix("&")],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
    )
    servers.callback(server.terminate)
    assert server.stdout is not None
    return "".join(server.stdout.readline() for _ in range(2))


@pytest.mark.parametrize("page", [one for one in PAGES if sessions(one.read_text())], ids=lambda page: page.stem)
def test_sessions_print_what_they_show(page: Path, tmp_path: Path) -> None:
    shown = sessions(page.read_text())
    printed = play([command for command, _ in shown], tmp_path)
    for (command, output), found in zip(shown, printed, strict=True):
        assert (command, found) == (command, output)


def test_a_session_is_a_command_with_its_lines_and_what_it_printed() -> None:
    page = "```console\n$ cat > a.csv <<'EOF'\na,b\n\n1,2\nEOF\n$ cut -d, \\\n    -f1 a.csv\na\n\n1\n$ true\n```\n"
    assert sessions(page) == [
        ("cat > a.csv <<'EOF'\na,b\n\n1,2\nEOF\n", ""),
        ("cut -d, \\\n    -f1 a.csv\n", "a\n\n1\n"),
        ("true\n", ""),
    ]


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


def commands(group: click.Group = slotwright, above: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command with its whole name, nested ones instead of their group."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{above}{name} ")
        else:
            yield f"{above}{name}", command


def page_of(name: str) -> Path:
    """The page of a command."""
    return ROOT / "docs" / "commands" / f"{name.replace(' ', '-')}.md"


@pytest.mark.parametrize(("name", "command"), [*commands()])
def test_every_option_is_documented_and_every_command_has_an_example(name: str, command: click.Command) -> None:
    page = page_of(name)
    assert page.read_text().startswith(f"# slotwright {name}\n")
    section = page.read_text()
    for parameter in command.params:
        for option in parameter.opts:
            written = f"`{option}" if option.startswith("-") else f"`{parameter.make_metavar(click.Context(command))}`"
            assert written.rstrip("…`") in section, f"{page.name} does not describe {option}"
    assert command.help is not None
    assert "Example:" in command.help


@pytest.mark.parametrize(("name", "command"), [*commands()])
def test_docs_describe_no_option_that_is_not_there(name: str, command: click.Command) -> None:
    options = {option for parameter in command.params for option in parameter.opts}
    lines = page_of(name).read_text().splitlines()
    table = " ".join(line.split("|")[1] for line in lines if line.startswith("| `"))
    assert set(re.findall(r"--[a-z-]+", table.replace("\\|", "")) if table else []) <= options


def test_there_is_a_page_for_each_command_and_all_are_listed_as_the_help_lists_them() -> None:
    known = [name for name, _ in commands()]
    assert {page.name for page in (ROOT / "docs" / "commands").iterdir()} == {page_of(name).name for name in known}
    text = (ROOT / "docs" / "commands.md").read_text()
    listed = re.findall(r"^## (.*)$|^\| \[`(.*?)`\]\((commands/.*?)\) \| (.*) \|$", text, re.MULTILINE)
    expected: list[tuple[str, str, str, str]] = []
    for title, group in GROUPS.items():
        expected.append((title, "", "", ""))
        for name, said in group.items():
            below = {"ledger": LEDGER_COMMANDS, "batch": BATCH_COMMANDS}.get(name)
            rows = [(name, said)] if below is None else [(f"{name} {one}", words) for one, words in below.items()]
            expected += [("", called, f"commands/{page_of(called).name}", words) for called, words in rows]
    assert listed[: len(expected)] == expected


@pytest.mark.parametrize(("name", "command"), [*commands(), ("", slotwright)])
def test_examples_in_help_are_commands_with_options_that_exist(name: str, command: click.Command) -> None:
    known = dict(commands())
    example = (command.help or "").split("Example:")[1].replace("\\\n", " ")
    lines = [line.strip().removeprefix("slotwright ") for line in example.splitlines() if "slotwright " in line]
    assert lines
    for line in lines:
        called = next(one for one in sorted(known, key=len, reverse=True) if line.startswith(f"{one} "))
        assert name in ("", called) or line == lines[0], "an example shows its own command, the first may prepare it"
        options = {option for parameter in known[called].params for option in parameter.opts}
        assert set(re.findall(r"(?<!\S)--[a-z-]+", line)) <= options


def test_links_lead_somewhere() -> None:
    for file in [*PAGES, ROOT / "examples" / "README.md", ROOT / "benchmarks" / "README.md"]:
        if not file.exists():
            continue
        for link in re.findall(r"\]\(([^)#:]+)\)", file.read_text()):
            assert (file.parent / link).exists(), f"{file.name} links to {link}"


def test_every_page_is_linked_from_the_readme_or_the_commands() -> None:
    linked = {
        (file.parent / link).resolve()
        for file in (README, ROOT / "docs" / "commands.md")
        for link in re.findall(r"\]\(([^)#:]+)", file.read_text())
    }
    assert [page.name for page in PAGES if page != README and page not in linked] == []


def rewrite(page: Path) -> None:
    """Write what the sessions of a page really print into it."""
    content = page.read_text()
    written = sessions(content)
    with tempfile.TemporaryDirectory() as name:
        real = play([command for command, _ in written], Path(name))
    at = 0
    for (command, shown), output in zip(written, real, strict=True):
        old = f"$ {command}{shown}"
        at = content.index(old, at)
        content = f"{content[:at]}$ {command}{output}{content[at + len(old) :]}"
        at += len(f"$ {command}{output}")
    page.write_text(content)


if __name__ == "__main__":  # python tests/test_docs.py [PAGE…]; without a page, all of them
    for one in map(Path, sys.argv[1:] or PAGES):
        rewrite(one)

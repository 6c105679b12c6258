"""`slotwright` as a process: what is imported, pipes and terminals, full disks, signals, and names of any bytes."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import pty
import random
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import Resource, parameters, practitioner, schedule, service, slot

COMMAND = str(Path(sys.executable).parent / "slotwright")
CLINIC = Path(__file__).resolve().parent.parent / "examples" / "clinic"
TUESDAY = ("--start", "2026-03-10", "--end", "2026-03-10")
NOVAK = ("find", "--calendar", str(CLINIC), "--service", "check-up", "--schedule", "dr-novak", *TUESDAY)
SMALL = ("--service", "checkup", "--schedule", "a", *TUESDAY)
HEAVY = ("pandas", "pyarrow", "numpy", "ortools.sat", "pydantic")
full_disk = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def environment(**more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SLOTWRIGHT_")}
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "PYTHONIOENCODING"):
        kept.pop(name, None)
    return {**kept, "PYTHONUTF8": "1", "TERM": "xterm-256color", **more}


def run(*arguments: str | bytes, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [COMMAND, *arguments], input=stdin, capture_output=True, env=environment(), timeout=60, check=False
    )


def shell(command: str) -> tuple[int, str, str]:
    """Runs a shell command in which `$S` is slotwright; the exit code is that of the first command of a pipe."""
    done = subprocess.run(
        ["/bin/bash", "-c", f"{command}\nexit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        env=environment(S=COMMAND),
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def lines(*resources: Resource) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in resources)


def small() -> bytes:
    """Schedule a, always open, half hours in UTC."""
    return lines(service(), practitioner("a"), schedule("a"))


# What is imported


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_find_without_pools_loads_nothing_heavy(form: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", COMMAND, *NOVAK, *form],
        capture_output=True,
        env=environment(),
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines() if "|" in line}
    assert "slotwright.io.operations.find" in loaded
    assert not [name for name in loaded if any(name == one or name.startswith(f"{one}.") for one in HEAVY)]
    assert not form or "rich.console" not in loaded


# Pipes, files and terminals


def test_results_and_everything_else_are_told_apart() -> None:
    code, out, err = shell(f"$S {' '.join(NOVAK)} --count 1 2>/dev/null")
    assert (code, "08:00 – 08:30 EDT" in out, err) == (0, True, "")
    code, out, err = shell(f"$S {' '.join(NOVAK)} --count abc >/dev/null")
    assert (code, out) == (5, "")
    assert err.startswith("Error: ") and err.count("\n") == 1


@pytest.mark.parametrize(
    ("form", "reader"), [("", "head -1"), ("--ndjson --count 1000", "head -1"), ("--json --count 1000", "true")]
)
def test_a_reader_that_goes_away_is_no_fault(form: str, reader: str) -> None:
    """Whether the writer notices depends on timing; either way it is silent and counts as success."""
    month = " ".join(NOVAK).replace("--end 2026-03-10", "--end 2026-04-09")
    code, _, err = shell(f"$S {month} {form} | {reader}")
    assert (code, err) == (0, "")


@full_disk
@pytest.mark.parametrize("form", ["", "--json", "--ndjson"])
def test_a_full_disk_is_an_error(form: str) -> None:
    code, _, err = shell(f"$S {' '.join(NOVAK)} {form} >/dev/full")
    assert code == 1
    assert err.startswith("Error: No space left on device") and err.count("\n") == 1


@full_disk
def test_a_full_disk_is_an_error_for_op_too() -> None:
    code, _, err = shell(f"$S op 'Appointment/$find' --calendar {CLINIC} --query a=b >/dev/full")
    assert code == 1
    assert err.startswith("Error: No space left on device") and err.count("\n") == 1


@pytest.mark.parametrize("closed", [">&-", "--json >&-"])
def test_a_closed_standard_output_is_an_error_in_one_sentence(closed: str) -> None:
    code, _, err = shell(f"$S {' '.join(NOVAK)} {closed}")
    assert code == 1
    assert err.startswith("Error: ") and "Traceback" not in err


def test_a_closed_standard_input_is_an_empty_one() -> None:
    code, out, err = shell(f"$S find --calendar - {' '.join(SMALL)} <&-")
    assert (code, out) == (5, "")
    assert err.startswith("Error: standard input ")


def test_errors_that_nobody_can_read_keep_their_exit_code() -> None:
    assert shell(f"$S {' '.join(NOVAK)} --count abc 2>&-")[0] == 5


def test_the_calendar_from_standard_input_plain_or_gzip() -> None:
    plain = run("find", "--calendar", "-", *SMALL, "--count", "1", stdin=small())
    assert (plain.returncode, plain.stderr) == (0, b"")
    assert "00:00 – 00:30 UTC" in plain.stdout.decode()
    zipped = run("find", "--calendar", "-", *SMALL, "--count", "1", stdin=gzip.compress(small()))
    assert (zipped.returncode, zipped.stdout, zipped.stderr) == (0, plain.stdout, b"")


def test_a_program_asks_op_over_standard_input() -> None:
    Path("calendar.json").write_bytes(small())
    asked = {
        "start": "2026-03-10T09:00:00Z",
        "end": "2026-03-10T10:00:00Z",
        "service-type-reference": "HealthcareService/checkup",
        "schedule": "Schedule/a",
    }
    body = {"resourceType": "Parameters", "parameter": [{"name": k, "valueString": v} for k, v in asked.items()]}
    done = run("op", "Appointment/$find", "--calendar", "calendar.json", stdin=json.dumps(body).encode())
    assert (done.returncode, done.stderr) == (0, b"")
    starts = [entry["resource"]["start"] for entry in json.loads(done.stdout)["entry"]]
    assert starts == ["2026-03-10T09:00:00.000Z", "2026-03-10T09:30:00.000Z"]


def on_terminal(columns: int, *arguments: str, **more: str) -> str:
    """What a terminal of this width gets on standard output and standard error."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(
        [COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment(**more)
    ) as process:
        os.close(theirs)
        printed = b"".join(_chunks(ours))
    os.close(ours)
    assert process.returncode == 0
    return printed.decode().replace("\r\n", "\n")


def _chunks(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # Linux: the other end is closed
            return
        if not chunk:
            return
        yield chunk


def test_sixty_columns_hold_the_table() -> None:
    surgery = ("find", "--calendar", str(CLINIC), "--service", "bariatric-surgery", "--schedule", "dr-martinez",
               "--schedule", "or-1,or-2,or-3", "--start", "2026-03-10", "--end", "2026-03-14")  # fmt: skip
    printed = on_terminal(60, *surgery, NO_COLOR="1")
    assert "\x1b" not in printed
    table = printed.split("\n\n")[1]
    assert max(map(len, table.splitlines())) <= 60
    for word in ("Tue", "10 Mar", "12:30", "14:30", "EDT", "Martinez", "Operating", "Room 2"):
        assert word in table
    assert printed.endswith(" offers.\n")


def test_a_dumb_terminal_gets_no_escapes() -> None:
    assert "\x1b" not in on_terminal(80, *NOVAK, TERM="dumb")


# Signals


def interrupted(process: subprocess.Popen[bytes]) -> tuple[int, bytes, bytes]:
    process.send_signal(signal.SIGINT)
    # Standard input stays open: closing it would end the wait for a calendar by itself.
    assert process.stdout is not None and process.stderr is not None
    out, err = process.stdout.read(), process.stderr.read()
    return process.wait(timeout=60), out, err


def until_loaded(process: subprocess.Popen[bytes], library: str) -> None:
    """Waits until the process has mapped a library."""
    limit = time.monotonic() + 30
    while time.monotonic() < limit and process.poll() is None:
        if library in Path(f"/proc/{process.pid}/maps").read_text():
            return
        time.sleep(0.01)
    pytest.fail(f"{library} was never loaded")


def start(*arguments: str) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen([COMMAND, *arguments], stdin=pipe, stdout=pipe, stderr=pipe, env=environment())


on_linux = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks into /proc")


@on_linux
def test_an_interrupt_while_waiting_for_a_calendar_exits_with_130() -> None:
    with start("find", "--calendar", "-", *SMALL) as process:
        until_loaded(process, "orjson")
        time.sleep(0.1)
        code, out, err = interrupted(process)
    assert (code, out, err.strip()) == (130, b"", b"Interrupted.")


@on_linux
def test_an_interrupt_while_the_solver_works_exits_with_130() -> None:
    """CP-SAT takes the signal for itself unless it is told not to, and its answer is then no answer."""
    dice = random.Random(1)
    resources = [service(params=parameters(duration=30, alignmentInterval=5))]
    for n in range(100):
        resources += [practitioner(f"p{n}"), schedule(f"p{n}")]
        for day in range(1, 31):
            hour, minute = dice.randrange(20), dice.randrange(60)
            begin, end = (f"2026-03-{day:02}T{hour + k:02}:{minute:02}:00Z" for k in (0, 3))
            resources.append(slot(f"s{n}-{day}", f"p{n}", begin, end))
    Path("calendar.ndjson").write_bytes(lines(*resources))
    pools = (",".join(f"p{n}" for n in range(5 * pool, 5 * pool + 60)) for pool in range(8))
    asked = (argument for pool in pools for argument in ("--schedule", pool))
    with start("find", "--calendar", "calendar.ndjson", "--service", "checkup", *asked, "--start", "2026-03-01",
               "--end", "2026-03-30", "--count", "1000", "--combinations", "100") as process:  # fmt: skip
        until_loaded(process, "cp_model_helper")
        time.sleep(0.7)
        code, out, err = interrupted(process)
    assert (code, out, err.strip()) == (130, b"", b"Interrupted.")


# Names of any bytes


def test_files_named_in_other_bytes_are_read_and_named_in_errors() -> None:
    folder = b"caf\xe9"
    try:
        os.mkdir(folder)
    except OSError:
        pytest.skip("file names must be Unicode here")
    Path(os.fsdecode(folder), "calendar.json").write_bytes(small())
    Path(os.fsdecode(folder), "broken.txt").write_bytes(b"{")
    done = run("find", "--calendar", folder, *SMALL, "--count", "1")
    assert (done.returncode, done.stderr) == (0, b"")
    done = run("find", "--calendar", folder + b"/broken.txt", *SMALL)
    assert (done.returncode, done.stdout) == (5, b"")
    assert done.stderr.startswith(b"Error: caf") and b"broken.txt, line 1: " in done.stderr
    assert done.stderr.count(b"\n") == 1
    done = run("op", "Appointment/$find", "--calendar", folder + b"/broken.txt", "--query", "a=b")
    assert done.returncode == 5
    assert "broken.txt, line 1: " in json.loads(done.stdout)["issue"][0]["details"]["text"]


def test_a_pipe_may_be_a_calendar() -> None:
    os.mkfifo("pipe")
    done = shell(f"cat {CLINIC}/services.json >pipe & $S {' '.join(NOVAK)} --calendar pipe --count 1")
    assert (done[0], done[2]) == (0, "")
    assert "08:00 – 08:30 EDT" in done[1]

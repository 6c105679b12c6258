"""`slotwright serve`: a ledger's calendar over HTTP."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from .options import (
    Amount,
    ledger_option,
    lock_timeout_option,
    login_name,
    now_option,
    open_existing,
    unsafe_option,
    who_option,
)
from .publish import booking_options

if TYPE_CHECKING:
    from ..io.ledger.ledger import Ledger
    from ..io.server.settings import Settings

PORT = 8103
_LIBRARIES = ("httptools", "uvicorn", "uvloop")


@click.command("serve")
@ledger_option(required=True)
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    envvar="SLOTWRIGHT_HOST",
    help="The address to listen on.",
)
@click.option(
    "--port",
    metavar="N",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    envvar="SLOTWRIGHT_PORT",
    help="The port to listen on; 0 takes a free one.",
)
@click.option("--base-url", metavar="URL", help="The base as clients know it, where a proxy stands before the server.")
@click.option(
    "--token-file",
    metavar="PATH",
    envvar="SLOTWRIGHT_TOKEN_FILE",
    help="Bearer tokens with their roles; without it anybody may do anything.",
)
@click.option("--insecure", is_flag=True, help="Listen for other machines without tokens.")
@click.option("--cors-origin", "origins", metavar="ORIGIN", multiple=True, help="Web pages that may ask. Repeatable.")
@click.option(
    "--allowed-host",
    "hosts",
    metavar="NAME",
    multiple=True,
    help="A further name the server is called by. Repeatable.",
)
@click.option(
    "--max-body",
    metavar="BYTES",
    type=click.IntRange(min=1),
    default=10_000_000,
    show_default=True,
    help="The size of a request's body.",
)
@click.option(
    "--max-entries",
    metavar="N",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="The entries of one Bundle.",
)
@click.option(
    "--queue",
    "max_waiting",
    metavar="N",
    type=click.IntRange(min=1),
    default=1024,
    show_default=True,
    help="How many writes, and how many reads, may wait for their turn.",
)
@click.option(
    "--body-timeout",
    "body_s",
    metavar="SECONDS",
    type=Amount(min=0.1, max=3600),
    default=30.0,
    show_default=True,
    help="How long a request may take to arrive.",
)
@click.option(
    "--stop-timeout",
    "stop_s",
    metavar="SECONDS",
    type=Amount(min=0, max=3600),
    default=30.0,
    show_default=True,
    help="How long what has begun is waited for when the server stops.",
)
@booking_options
@click.option("--public-feed", is_flag=True, help="Let everybody read $bulk-publish, also where tokens are required.")
@click.option("--quiet", is_flag=True, help="Log no requests.")
@now_option()
@who_option()
@lock_timeout_option()
@unsafe_option()
def command(
    ledger: str,
    host: str,
    port: int,
    base_url: str | None,
    token_file: str | None,
    insecure: bool,
    origins: tuple[str, ...],
    hosts: tuple[str, ...],
    max_body: int,
    max_entries: int,
    max_waiting: int,
    body_s: float,
    stop_s: float,
    days: int,
    booking_url: str | None,
    booking_phone: str | None,
    public_feed: bool,
    quiet: bool,
    now: str | None,
    who: str | None,
    lock_timeout: float,
    unsafe_filesystem: bool,
) -> None:
    """Serve a ledger over HTTP: the scheduling operations, FHIR's REST interface, and a page for people at /.

    Only programs on this machine can reach it, unless --host names another address; that needs --token-file or
    --insecure. Requests are logged on standard error, without anything about patients. Ctrl-C answers what has begun,
    and ends; a second one ends at once.

    \b
    Example:
      slotwright serve --ledger clinic.ledger --port 8103
    """
    from ..io.publish.feed import Wanted
    from ..io.server.settings import Settings

    opened = open_existing(ledger, now, lock_timeout=lock_timeout, unsafe_filesystem=unsafe_filesystem)
    _check_access(host, base_url, token_file, insecure, origins)
    settings = Settings(
        host,
        port,
        None if base_url is None else base_url.rstrip("/"),
        token_file,
        who or login_name(),
        origins,
        hosts,
        max_body,
        max_entries,
        max_waiting,
        body_s,
        stop_s,
        not quiet,
        Wanted(days, booking_url=booking_url, booking_phone=booking_phone),
        public_feed,
    )
    _serve(opened, settings)


def _check_access(
    host: str, base_url: str | None, token_file: str | None, insecure: bool, origins: tuple[str, ...]
) -> None:
    """Nobody listens for the world by mistake."""
    from ..io.server.guard import check_origin, is_loopback

    for name, value in (*(("--cors-origin", one) for one in origins),):
        if (wrong := check_origin(value)) is not None:
            raise click.UsageError(f"{name} {wrong}.")
    if base_url is not None and not (base_url.startswith(("http://", "https://")) and base_url.isascii()):
        raise click.UsageError(f"--base-url {base_url!r} is no address; write it as https://clinic.example/fhir/R4.")
    if is_loopback(host):
        return
    if token_file is None and not insecure:
        raise click.UsageError(
            f"--host {host} can be reached by other machines: give --token-file, or --insecure if everybody there may "
            "read and book."
        )
    if token_file is None:
        click.echo(f"Warning: everybody who reaches {host} can read and change this ledger, without a token.", err=True)


def _serve(ledger: Ledger, settings: Settings) -> None:
    """Raises UsageError if the libraries are not there, or the address cannot be listened on."""
    try:
        from ..io.server.logs import on_standard_error
        from ..io.server.run import listen, serve
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _LIBRARIES:
            raise
        raise click.UsageError(
            f"serve needs {error.name}, which is not installed: pip install 'slotwright[server]'"
        ) from error
    try:
        listening = listen(settings.host, settings.port)
    except OSError as error:
        raise click.UsageError(
            f"{settings.host}, port {settings.port}, cannot be listened on ({error.strerror or error}). Choose another "
            "with --host or --port."
        ) from error
    port: int = listening.getsockname()[1]
    with listening, on_standard_error(requests=settings.logs):
        serve(ledger, settings, listening, lambda: _announce(ledger, settings, port))


def _announce(ledger: Ledger, settings: Settings, port: int) -> None:
    """Where it is, and something to try."""
    from ..io.server.example import question
    from ..io.server.guard import bracketed
    from ..io.server.settings import BASE

    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, bracketed(settings.host))
    base = f"http://{host}:{port}{BASE}"
    token = "" if settings.token_file is None else ' -H "Authorization: Bearer $TOKEN"'
    mode = "" if ledger.is_writable else ", read-only"
    click.echo(f"Serving {os.path.basename(ledger.path)}{mode} at {base}")
    click.echo(f"Try: curl{token} '{base}/{question(ledger)}'")

"""``flask trust-proxy explain``: the walk of a request, and which values are believed.

What the answers tell was decided by the same rewrite that every request meets.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Optional

import click

from ..core.addresses import UNIX
from ..core.environ import ORIGINAL, before_rewrite, rewrite
from ..core.headers import environ_key
from ..core.peer import read_peer
from ..core.resolution import Resolution
from ..middleware import is_refused
from ..report import words
from ..report.as_json import explanation
from ..report.explained import boxes, sections
from ..report.phrases import node_name, quote
from ..report.picture import page
from ..settings import Given, SettingError, Settings, compile_settings, read_settings
from .loading import Failure, NoAnswer, NoTrustProxy, in_a_line, load
from .terminal import (
    Line,
    example,
    paragraph,
    picture,
    print_json,
    print_text,
    settings_text,
    table,
)


def _read_peer(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    if value in ("unix", UNIX):
        return UNIX
    if read_peer({"REMOTE_ADDR": value}, False) in ("", UNIX):
        raise click.BadParameter("expected an address, or 'unix'")
    return value


# RFC 9110 section 5.6.2: token, without the underscores that servers refuse
_header = re.compile(
    r"(?P<name>[!#$%&'*+.^`|~0-9A-Za-z-]+):[ \t]*(?P<value>[^\r\n]*?)[ \t]*"
).fullmatch
_is_request_line = re.compile(r"[A-Z]+ \S+ HTTP/[0-9.]+").fullmatch


def _read_headers(
    ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> list[tuple[str, str]]:
    headers: list[tuple[str, str]] = []
    for value in values:
        if value == "@-":
            headers += _read_block(sys.stdin.buffer.read().decode("latin-1"))
        else:  # PEP 3333: the bytes of the request read as Latin-1
            text = value.encode("utf-8", "surrogateescape").decode("latin-1")
            headers.append(_read_header(text))
    return headers


def _read_block(text: str) -> list[tuple[str, str]]:
    """Read the headers of a request: a plain block, or what ``curl -v`` shows.

    Of several requests (``curl -L``), the last one counts.
    """
    lines = text.replace("\r", "").split("\n")
    if any(line.startswith("> ") for line in lines):
        lines = [line[2:] for line in lines if line.startswith(">")]
    headers: list[tuple[str, str]] = []
    for line in filter(str.strip, lines):
        if _is_request_line(line.strip(" \t")):
            headers = []
        else:
            headers.append(_read_header(line))
    return headers


def _read_header(text: str) -> tuple[str, str]:
    match = _header(text)
    if match is None:
        raise click.BadParameter(f"expected 'Name: value', got {quote(text)}")
    return match["name"], match["value"]


@click.command(
    "explain",
    epilog=example(
        "flask --app app trust-proxy explain --peer 127.0.0.1 \\",
        "    -H 'X-Forwarded-For: 203.0.113.9' -H 'X-Forwarded-Proto: https'",
    ),
)
@click.option(
    "--peer",
    required=True,
    metavar="ADDRESS|unix",
    callback=_read_peer,
    help="Who connects: your nearest proxy.",
)
@click.option(
    "-H",
    "headers",
    multiple=True,
    metavar="'NAME: VALUE'",
    callback=_read_headers,
    help="A header that it sends; @- reads what curl -v shows.",
)
@click.option("--trust", metavar="VALUE", help="Use this TRUST_PROXY.")
@click.option("--headers", "named", metavar="VALUE", help="Use this TRUST_PROXY_HEADERS.")
@click.option("--max-hops", metavar="N", help="Use this TRUST_PROXY_MAX_HOPS.")
@click.option(
    "--scheme",
    type=click.Choice(["http", "https"]),
    default="http",
    show_default=True,
    help="The scheme of the connection.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--html",
    "page_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the chain to FILE as a web page, too.",
)
@click.pass_context
def explain(
    ctx: click.Context,
    peer: str,
    headers: list[tuple[str, str]],
    trust: Optional[str],
    named: Optional[str],
    max_hops: Optional[str],
    scheme: str,
    as_json: bool,
    page_file: Optional[Path],
) -> None:
    """Show who the client of a request is, hop by hop, and why.

    Nothing is sent. The settings are the app's if no option replaces them;
    with --trust no app is needed.
    """
    options = {
        "TRUST_PROXY": ("--trust", trust),
        "TRUST_PROXY_HEADERS": ("--headers", named),
        "TRUST_PROXY_MAX_HOPS": ("--max-hops", max_hops),
    }
    given = {
        name: Given(value, f"from {option}")
        for name, (option, value) in options.items()
        if value is not None
    }
    try:
        settings = _settings(ctx, given)
    except SettingError as error:
        raise Failure(str(error)) from None
    received = _make_environ(peer, headers, scheme)
    environ = dict(received)
    try:
        resolution = rewrite(environ, settings.policy)
    except Exception as error:  # what a callable raises propagates
        raise NoAnswer(f"TRUST_PROXY does not answer: {in_a_line(error)}") from None
    if page_file is not None:
        _write_page(page_file, settings, resolution, environ)
    if as_json:
        print_json(explanation(resolution, received))
    else:
        print_text(_explain_text(settings, resolution, received, environ))


def _make_environ(peer: str, headers: Iterable[tuple[str, str]], scheme: str) -> dict[str, Any]:
    """The environ that a WSGI server makes of such a request (PEP 3333)."""
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "443" if scheme == "https" else "80",
        "REMOTE_ADDR": peer,
        "wsgi.url_scheme": scheme,
    }
    for name, value in headers:
        key = environ_key(name)
        environ[key] = f"{environ[key]}, {value}" if key in environ else value
    return environ


def _settings(ctx: click.Context, given: Mapping[str, Given]) -> Settings:
    """The settings of the app, with what is given on the command line."""
    try:
        _, trust = load(ctx)
    except NoTrustProxy as error:
        if "TRUST_PROXY" not in given:
            raise NoTrustProxy(f"{error.message} Without an app, give --trust.") from None
        unset = {name: text for name, text in os.environ.items() if name not in given}
        return compile_settings({**read_settings({}, unset).given, **given})
    settings = trust.settings
    return compile_settings({**settings.given, **given}, settings.directory)


def _write_page(
    file: Path, settings: Settings, resolution: Resolution, environ: dict[str, Any]
) -> None:
    refused = is_refused(resolution, settings, environ)
    html = page(
        "The client of this request",
        boxes(resolution, before_rewrite(environ)),
        list(sections(settings, resolution, environ, refused=refused)),
    )
    try:
        file.write_text(html, "utf-8")
    except OSError as error:
        raise NoAnswer(f"The page was not written: {error}") from None


def _explain_text(
    settings: Settings,
    resolution: Resolution,
    received: Mapping[str, Any],
    environ: dict[str, Any],
) -> Iterator[Line]:
    """The lines of ``explain``.

    :param settings: the settings in force.
    :param resolution: what was decided.
    :param received: the environ as it was before the rewrite.
    :param environ: the same after it.
    """
    yield from picture(words.picture(resolution))
    yield ""
    yield from table(
        ("hop", "address", "written down by", "trusted"),
        *(
            (
                str(hop),
                node_name(node),
                node_name(resolution.nodes[hop - 1]) if hop else "the server",
                resolution.rule(hop) or "no",
            )
            for hop, node in enumerate(resolution.nodes)
        ),
    )
    yield ""
    yield from paragraph("", words.why_stopped(resolution))
    if is_refused(resolution, settings, environ):
        yield words.REFUSED
    yield ""
    yield from table(
        *(
            (name, f"{value} ({origin})" if origin else value)
            for name, value, origin in words.outputs(resolution)
        )
    )
    for title, rows in (
        ("Ignored", words.all_ignored(resolution, received)),
        ("Never read (the client may have written it)", words.never_read(resolution, received)),
    ):
        lines = [
            line
            for name, value, *more in rows
            for line in paragraph(
                "  ", f"{name} {quote(value)}{''.join(f': {why}' for why in more)}"
            )
        ]
        if lines:
            yield from ("", title, *lines)
    yield from ("", "In the environ")
    yield from table(*_remaining(resolution, environ), indent="  ")
    gone = environ[ORIGINAL].keys() - environ.keys()
    removed = words.header_names(resolution.policy.headers, gone)
    if removed:
        yield from paragraph("  removed: ", ", ".join(removed))
    yield ""
    yield from settings_text(settings)


def _remaining(resolution: Resolution, environ: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What was written into the environ, and the forwarding headers in it."""
    keys = {"REMOTE_ADDR", "wsgi.url_scheme", "HTTP_HOST", *environ[ORIGINAL]}
    plan = resolution.policy.headers
    keys |= plan.unnamed.union(header.key for header in plan.named)
    for key in sorted(keys.intersection(environ)):
        yield key, quote(environ[key])

"""``flask trust-proxy fetch``: get the list of a provider, and replace a trust file by it."""

from __future__ import annotations

import re
import time
from typing import Optional

import click

from ..core.addresses import Network
from ..core.trust_file import UnreadableFile, read_file
from .download import NothingGot, check_url, get
from .providers import PROVIDERS, Provider, as_text, check_kept, compare, read_lists
from .replacement import find_file, replace_file
from .terminal import example

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_age = re.compile(r"([1-9][0-9]{0,8})([smhd])").fullmatch


class _NothingGot(click.ClickException):
    """The provider's URLs gave nothing."""

    exit_code = 2


def _read_urls(
    ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    for value in values:
        try:
            check_url(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
    return values


def _read_age(
    ctx: click.Context, parameter: click.Parameter, value: Optional[str]
) -> Optional[int]:
    if value is None:
        return None
    match = _age(value)
    if match is None:
        raise click.BadParameter("expected a number and s, m, h or d, such as 36h")
    return int(match[1]) * _SECONDS[match[2]]


@click.command(
    "fetch",
    epilog=example("flask trust-proxy fetch cloudflare --output /etc/cloudflare.txt"),
)
@click.argument("provider", type=click.Choice(sorted(PROVIDERS)), metavar="PROVIDER")
@click.option("--output", metavar="FILE", help="Replace this file, instead of printing.")
@click.option(
    "--url",
    "urls",
    multiple=True,
    metavar="URL",
    callback=_read_urls,
    help="Another source, once for each list of the provider.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if the file differs.")
@click.option(
    "--max-age",
    metavar="AGE",
    callback=_read_age,
    help="With --check: 1 as well if it is older, such as 2d.",
)
@click.option("--force", is_flag=True, help="Replace the file even if the list lost half.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="How long the whole may take.",
)
def fetch(
    provider: str,
    output: Optional[str],
    urls: tuple[str, ...],
    check: bool,
    max_age: Optional[int],
    force: bool,
    timeout: float,
) -> None:
    """Get the networks that a provider publishes, for a trust file.

    PROVIDER is bunny, cloudflare, cloudfront, fastly, gcore or google.
    Exits with 1 if the list is refused, and with 2 if nothing could be got. The
    file is unchanged then.
    """
    if check and output is None:
        raise click.UsageError("--check needs --output.")
    if max_age is not None and not check:
        raise click.UsageError("--max-age needs --check.")
    source = PROVIDERS[provider]
    if urls:
        source = source._replace(urls=urls)
    try:
        if output is None:
            click.echo(as_text(_get_list(source, timeout)), nl=False)
        elif check:
            _check(output, source, timeout, max_age)
        else:
            _replace(output, source, timeout, force)
    except ValueError as error:
        raise click.ClickException(_sentence(f"{provider} is refused", output, error)) from None
    except NothingGot as error:
        raise _NothingGot(_sentence(f"{provider} gave nothing", output, error)) from None


def _sentence(what: str, output: Optional[str], error: Exception) -> str:
    unchanged = f", and {output} is unchanged" if output else ""
    return f"The list of {what}{unchanged}: {error}"


def _get_list(source: Provider, timeout: float) -> list[Network]:
    end = time.monotonic() + timeout
    return read_lists(source.read, [(url, get(url, end)) for url in source.urls])


def _old_list(path: str) -> list[Network]:
    """The networks of the file that is there; none if it holds no list."""
    if find_file(path) is None:
        return []
    try:
        return read_file(path)[0]
    except UnreadableFile:
        raise
    except ValueError:
        return []


def _replace(output: str, source: Provider, timeout: float, force: bool) -> None:
    old = _old_list(output)
    new = _get_list(source, timeout)
    if not force:
        check_kept(old, new)
    replace_file(output, as_text(new).encode())
    click.echo(str(compare(old, new)))


def _check(output: str, source: Provider, timeout: float, max_age: Optional[int]) -> None:
    status = find_file(output)
    if status is None:
        raise click.ClickException(f"There is no file {output}.")
    age = int(time.time() - status.st_mtime)
    if max_age is not None and age > max_age:
        raise click.ClickException(
            f"{output} is {age} seconds old, and at most {max_age} were expected."
        )
    change = compare(_old_list(output), _get_list(source, timeout))
    if change.added or change.removed:
        raise click.ClickException(f"{output} differs from the published list: {change}.")
    click.echo(str(change))

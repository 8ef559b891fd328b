"""The forgeries: what a client may write to be taken for another one.

One set, for the live probe and for the tests of an app. Nothing is sent here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import product
from typing import NamedTuple

from ..core.forwarded import entries
from ..core.headers import KNOWN, NAMES, Header, HeaderPlan

#: Addresses that belong to nobody (RFC 5737, RFC 3849), and words.
CLIENT = "192.0.2.66"
ANOTHER = "192.0.2.67"
IPV6 = "2001:db8::66"
HOST = "canary.example.com"
PORT = "4242"
PREFIX = "/canary"
USER = "canary"
#: As long as a secret has to be.
SECRET = "canary-and-no-secret"

#: What a forgery with underscores is called.
UNDERSCORES = "names with underscores"

#: What an app believes of a request when it believes a forgery; of a forged
#: scheme nothing but the other scheme is to be seen.
CANARIES = frozenset((CLIENT, ANOTHER, IPV6, HOST, PORT, PREFIX, f"{CLIENT}:{PORT}"))


class Forgery(NamedTuple):
    """One request of a client that forges.

    :param title: what it tries, in words.
    :param header: the header that it is about.
    :param lines: the header lines that it adds, in order.
    :param plain: whether it is one plain value of one header, so that it
        tells what the proxies do with that header.
    :param hostless: whether it is sent as HTTP/1.0 without a Host.
    """

    title: str
    header: str
    lines: tuple[tuple[str, str], ...]
    plain: bool = False
    hostless: bool = False

    @property
    def sent(self) -> str:
        """What it wrote into its header, with line ends if it is several."""
        return "\n".join(value for name, value in self.lines if name == self.header)


def forgeries(
    plan: HeaderPlan,
    scheme: str,
    arrived: Mapping[str, str],
    identity: Iterable[str] = (),
    secret: str = "",
) -> Iterator[Forgery]:
    """All forgeries, the plain ones first.

    :param plan: the headers that the app believes.
    :param scheme: the scheme that an honest request has.
    :param arrived: the forwarding headers of an honest request, by name: what
        the proxies write.
    :param identity: the names of the headers that say who the user is.
    :param secret: the name of the header with the edge's secret, ``""`` for none.
    """
    known = {header.name: header for header in (*KNOWN.values(), *plan.named)}
    for name in dict.fromkeys((*known, *NAMES.values())):
        header = known.get(name)
        value = _forged(header, scheme, arrived) if header else _guessed(name, scheme)
        yield Forgery(name, name, ((name, value),), plain=True)
    for name in identity:
        yield Forgery(name, name, ((name, USER),), plain=True)
    if secret:
        yield Forgery(secret, secret, ((secret, SECRET),), plain=True)
    for title, *values in (
        ("on two lines", CLIENT, ANOTHER),
        ("empty", ""),
        ("with a trailing comma", f"{CLIENT},"),
        ("with an open quote", f'"{CLIENT}'),
        ("of 3 KB", ", ".join([CLIENT] * 256)),
        ("with a port", f"[{IPV6}]:{PORT}"),
    ):
        lines = tuple(("X-Forwarded-For", value) for value in values)
        yield Forgery(f"X-Forwarded-For {title}", "X-Forwarded-For", lines)
    yield Forgery(
        "Forwarded with an open quote", "Forwarded", (("Forwarded", f'for="{CLIENT}'),)
    )
    twins = [twin for header in plan.named for twin in _twins(header, scheme, arrived)]
    guessed = [(twin, USER) for name in identity for twin in twin_names(name)]
    spoiled = [(twin, SECRET) for twin in twin_names(secret)] if secret else []
    for what, names_and_values in (
        (UNDERSCORES, twins),
        (f"identity {UNDERSCORES}", guessed),
        (f"the edge's secret among {UNDERSCORES}", spoiled),
    ):
        if len(names_and_values) > 1:
            yield Forgery(what, names_and_values[-1][0], tuple(names_and_values))
    names = ", ".join(
        [*(arrived or (header.name for header in plan.named)), *([secret] if secret else [])]
    )
    yield Forgery(
        "a Connection that names what the proxies write",
        "Connection",
        (("Connection", f"close, {names}"),),
    )
    yield Forgery(
        "HTTP/1.0 without Host",
        "X-Forwarded-Host",
        (("X-Forwarded-Host", HOST),),
        hostless=True,
    )


def _forged(header: Header, scheme: str, arrived: Mapping[str, str]) -> str:
    """A value that the app believes if it reads it, and that is not there already."""
    other = _other(scheme)
    if header.says == "scheme":
        value = header.write(other)
        return value.upper() if value in entries(arrived.get(header.name, "")) else value
    if header.says == "forwarded":
        return f"for={CLIENT};proto={other};host={HOST}"
    value = {"host": HOST, "port": PORT, "prefix": PREFIX}.get(header.says, CLIENT)
    # Some headers hold an address that always has a port.
    return value if header.parse(value) else f"{value}:{PORT}"


def few(tries: Iterable[Forgery], read: Collection[str]) -> list[Forgery]:
    """The forgeries that are worth to be sent a second way.

    :param tries: all forgeries.
    :param read: the names of the headers that the app reads.
    """
    return [
        each
        for each in tries
        if (each.plain and each.header in read) or each.title.endswith(UNDERSCORES)
    ]


#: The value of a header that nobody reads here, by the last word of its name.
_GUESSES = {
    "Host": HOST,
    "Server": HOST,
    "Port": PORT,
    "Prefix": PREFIX,
    "Path": PREFIX,
    "Context": PREFIX,
    "IPv6": IPV6,
}


def _guessed(name: str, scheme: str) -> str:
    """A value of a header that is always removed."""
    last = name.rpartition("-")[2]
    return _other(scheme) if last == "Proto" else _GUESSES.get(last, CLIENT)


def _other(scheme: str) -> str:
    return "http" if scheme == "https" else "https"


def _twins(
    header: Header, scheme: str, arrived: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """The name itself, which makes some proxies write theirs before the twins.

    Then every name that differs in underscores, which WSGI cannot tell from
    it: the one that is all underscores comes last.
    """
    value = _forged(header, scheme, arrived)
    names = list(twin_names(header.name))
    for name in names if len(names) > 1 else ():
        yield name, value if name == header.name else value.replace(CLIENT, ANOTHER)


def twin_names(name: str) -> Iterator[str]:
    """A name, and every one that WSGI cannot tell from it, all underscores last."""
    first, *words = name.split("-")
    for marks in product("-_", repeat=len(words)):
        yield first + "".join(mark + word for mark, word in zip(marks, words))

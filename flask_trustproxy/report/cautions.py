"""What is dangerous or likely a mistake in the settings, and how to fix it.

Here lives each warning about them, for the log and for ``check``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Optional, cast

from ..core.headers import CDN_HEADERS
from ..settings import Secret, Settings
from .phrases import quote, trust_given


class Caution(NamedTuple):
    """What is dangerous or likely a mistake, and how to fix it.

    :param code: names it for programs.
    :param message: what is the matter.
    :param fix: what to do about it.
    """

    code: str
    message: str
    fix: str

    def __str__(self) -> str:
        return f"{self.message}. {self.fix}"


def settings_cautions(
    settings: Settings, trusted_hosts: bool, environment: Mapping[str, str]
) -> list[Caution]:
    """List all that is to be said of settings, for those who ask.

    :param trusted_hosts: whether the app has a list of hosts that it serves.
    :param environment: the environment variables.
    """
    return [
        *setting_warnings(settings, trusted_hosts),
        *condition_warnings(settings),
        *environment_warnings(settings, environment),
    ]


def setting_warnings(settings: Settings, trusted_hosts: bool) -> Iterator[Caution]:
    """Word each danger of the settings."""
    trust, headers = settings.policy.trust, settings.policy.headers
    if trust.trusts_strangers():
        yield Caution(
            "strangers",
            f"{trust_given(settings)} trusts strangers: anyone can forge the client's address",
            "Name the addresses or networks of your proxies",
        )
    if headers.says("host") and not trusted_hosts:
        yield Caution(
            "host_without_trusted_hosts",
            "TRUST_PROXY_HEADERS lets a header say the host, and no list of trusted hosts is "
            "set: where a proxy passes that header on, a client chooses the host of every URL",
            "Set TRUSTED_HOSTS (Flask 3.1) or Request.trusted_hosts",
        )
    if headers.client and headers.client.name in CDN_HEADERS and trust.trusts_local():
        yield Caution(
            "cdn_header",
            f"TRUST_PROXY_HEADERS names {headers.client.name}, which only the CDN overwrites, "
            "while TRUST_PROXY trusts local addresses",
            "Your own proxy must overwrite it on connections that are not the CDN's, or read "
            "X-Forwarded-For with the CDN's networks trusted",
        )


def condition_warnings(settings: Settings) -> Iterator[Caution]:
    """Word what is right on a condition that only the operator can know.

    A log that said so at each start would nag those who know.
    """
    trust, client = settings.policy.trust, settings.policy.headers.client
    if trust.count:
        yield Caution(
            "count",
            f"{trust_given(settings)} counts hops, whoever they are: right only where nobody "
            "can come past the proxies",
            "Name the addresses or networks of your proxies, or close the app to all others",
        )
    if (
        client is not None
        and client.says != "client"  # there only the peer is asked
        and settings.given["TRUST_PROXY_MAX_HOPS"].origin == "the default"
        and trust.trusts_private_range()
    ):
        yield Caution(
            "private_range",
            f"{trust_given(settings)} trusts a private range, and TRUST_PROXY_MAX_HOPS is not "
            "set: a client that appears in that range is taken for one more proxy",
            "Set TRUST_PROXY_MAX_HOPS to the number of your proxies",
        )


def environment_warnings(
    settings: Settings, environment: Mapping[str, str]
) -> Iterator[Caution]:
    """Word which environment variables do not count, though they are set."""
    for name, (value, origin) in settings.given.items():
        in_config = origin == "from app.config"
        secret = isinstance(value, Secret)
        plain = value.value if secret else value
        text = environment.get(name)
        if text and in_config and _items(text) != _items(plain):
            there, here = ("one", "another") if secret else (quote(text), quote(str(value)))
            yield Caution(
                "environment_overridden",
                f"{name} is {there} in the environment, but {here} in app.config, which wins",
                "Set it in one of the two",
            )
        text = environment.get(f"FLASK_{name}")
        if text and not (in_config and plain == _from_prefixed(text)):
            yield Caution(
                "not_loaded",
                f"FLASK_{name} is set in the environment, but its value is not in app.config",
                f"Call app.config.from_prefixed_env() before TrustProxy(app), or name the "
                f"variable {name}",
            )


def _items(value: object) -> set[str]:
    """The items of a setting, however they are written."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return {str(item).strip(" \t").lower() for item in cast("Iterable[object]", value)}
    return _items(str(value).split(","))


def _from_prefixed(text: str) -> object:
    """What ``app.config.from_prefixed_env()`` makes of a value."""
    try:
        return json.loads(text)
    except ValueError:
        return text


#: What follows for TRUST_PROXY_REQUIRED if something may answer before TrustProxy does.
_NOT_COVERED = "TRUST_PROXY_REQUIRED does not cover the requests that {} answers itself"


def lost_middleware(around: Optional[Iterable[str]], required: bool) -> Caution:
    """Word that TrustProxy's middleware is not the outermost.

    :param around: the names of those around it; ``None`` where it is not
        found at all.
    :param required: whether ``TRUST_PROXY_REQUIRED`` is on.
    """
    fix = "Create TrustProxy last, after whatever replaces app.wsgi_app"
    if around is None:
        return Caution(
            "middleware_lost",
            "app.wsgi_app does not lead to TrustProxy's middleware: it was lost, or is behind "
            "a function" + (f". {_NOT_COVERED}".format("such a function") if required else ""),
            fix,
        )
    return Caution(
        "middleware_not_outermost",
        f"{', '.join(around)} is around TrustProxy's middleware, and sees each request as the "
        "server has it" + (f". {_NOT_COVERED}".format("it") if required else ""),
        fix,
    )

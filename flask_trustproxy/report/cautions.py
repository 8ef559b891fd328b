"""Which settings are dangerous or likely a mistake.

The log says these at the start, and ``check`` says them when it is asked. The texts are in
:mod:`~flask_trustproxy.report.messages`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Optional, cast

from ..core.headers import CDN_HEADERS, PASSED_ON_HEADERS
from ..core.spelling import nearest
from ..settings import SETTINGS, Secret, Settings
from .messages import Caution, caution
from .phrases import quote, trust_given

#: What the names of settings begin with, and likely misspelt ones as well.
_PREFIX = "TRUST_PROX"
_DEFAULT = "the default"


def settings_cautions(
    settings: Settings,
    trusted_hosts: bool,
    environment: Mapping[str, str],
    config: Mapping[str, object] = MappingProxyType({}),
) -> list[Caution]:
    """List all that is to be said of settings, for those who ask.

    :param trusted_hosts: whether the app has a list of hosts that it serves.
    :param environment: all variables of the environment.
    :param config: all of ``app.config``.
    """
    start = start_warnings(settings, trusted_hosts, environment, config)
    return [*start, *condition_warnings(settings)]


def start_warnings(
    settings: Settings,
    trusted_hosts: bool,
    environment: Mapping[str, str],
    config: Mapping[str, object] = MappingProxyType({}),
) -> Iterator[Caution]:
    """Word each danger and mistake that the log says at the start.

    :param trusted_hosts: whether the app has a list of hosts that it serves.
    :param environment: all variables of the environment.
    :param config: all of ``app.config``.
    """
    yield from setting_warnings(settings, trusted_hosts)
    yield from unknown_names(environment, config)
    yield from environment_warnings(settings, environment)


def setting_warnings(settings: Settings, trusted_hosts: bool) -> Iterator[Caution]:
    """Word each danger of the settings themselves."""
    trust, headers = settings.policy.trust, settings.policy.headers
    client = headers.client
    if trust.trusts_strangers():
        yield caution("strangers", {"given": trust_given(settings)})
    elif _trusts_any_number(settings) and trust.trusts_public_range():
        yield caution("shared_range", {"given": trust_given(settings)})
    if headers.says("host") and not trusted_hosts:
        yield caution("host_without_trusted_hosts")
    if client is not None and client.name in PASSED_ON_HEADERS:
        yield caution("cdn_header_passed_on", {"header": client.name})
    elif client is not None and client.name in CDN_HEADERS and trust.trusts_local():
        yield caution("cdn_header", {"header": client.name})


def unknown_names(
    environment: Mapping[str, object], config: Mapping[str, object] = MappingProxyType({})
) -> Iterator[Caution]:
    """Word which names look like a setting and are none.

    They are no mistake, since they may be the app's own. Their values are not shown: a
    misspelt name may hold a secret.
    """
    for where, names in (("in the environment", environment), ("in app.config", config)):
        for name, value in names.items():
            if value not in ("", None) and name.startswith(_PREFIX) and name not in SETTINGS:
                # All of them begin alike, so that one edit more is as clear.
                near = nearest(name, SETTINGS, 3)
                hint = f"Did you mean {near[0]}? " if near else ""
                values = {"name": quote(name)[1:-1], "where": where, "hint": hint}
                yield caution("unknown_name", values)


def condition_warnings(settings: Settings) -> Iterator[Caution]:
    """Word what is right on a condition that only the operator can know.

    A log that said so at each start would nag those who know.
    """
    policy = settings.policy
    trust, edge = policy.trust, policy.edge
    if trust.count and edge.secret is None:
        yield caution("count", {"given": trust_given(settings)})
    if _trusts_any_number(settings) and trust.trusts_private_range():
        yield caution("private_range", {"given": trust_given(settings)})
    if (
        settings.required
        and edge.proxies is None
        and edge.secret is None
        and policy.max_hops > 1
        and _reads_list(settings)
        and trust.may_be_several()
    ):
        yield caution("required_nearest")


def _reads_list(settings: Settings) -> bool:
    """Say whether a hop behind the peer may be trusted: one address names the client."""
    client = settings.policy.headers.client
    return client is not None and not client.is_single


def _trusts_any_number(settings: Settings) -> bool:
    """Say whether the number of proxies is left open."""
    max_hops = settings.given["TRUST_PROXY_MAX_HOPS"]
    return _reads_list(settings) and max_hops.origin == _DEFAULT


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
            yield caution(
                "environment_overridden", {"name": name, "there": there, "here": here}
            )
        text = environment.get(f"FLASK_{name}")
        if text and not (in_config and plain == _from_prefixed(text)):
            yield caution("not_loaded", {"name": name})


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


def lost_middleware(around: Optional[Iterable[str]], required: bool) -> Caution:
    """Word that TrustProxy's middleware is not the outermost.

    :param around: the names of those around it; ``None`` where it is not
        found at all.
    :param required: whether ``TRUST_PROXY_REQUIRED`` is on.
    """
    not_covered = ". TRUST_PROXY_REQUIRED does not cover the requests that {} answers itself"
    if not required:
        not_covered = ""
    if around is None:
        return caution("middleware_lost", {"required": not_covered.format("such a function")})
    values = {"names": ", ".join(around), "required": not_covered.format("it")}
    return caution("middleware_not_outermost", values)

"""Config and environment to frozen settings, and where each came from.

The only place that knows what a setting is called. A mistake becomes a
:class:`SettingError`, which names the setting, its origin, its value and what
was expected; the modules below say only the last.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple, Optional, cast

from .core.edge import (
    ANY_EDGE,
    Edge,
    EdgeSecret,
    compile_edge,
    parse_edge_secret,
    parse_identity_headers,
)
from .core.headers import NAMES, HeaderPlan, parse_headers
from .core.policy import Policy
from .core.trust import TrustFile, TrustPolicy, compile_trust

SecureCookies = Literal["session", "all", False]

_ON_OFF = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
_is_number = re.compile(r"[1-9][0-9]{0,8}").fullmatch


class SettingError(ValueError):
    """A setting has a value that cannot be used.

    :param setting: its name.
    :param origin: where the value came from.
    :param value: the value.
    :param expected: what was expected instead, and the fix.
    """

    def __init__(self, setting: str, origin: str, value: object, expected: str) -> None:
        super().__init__(setting, origin, value, expected)
        self.setting = setting
        self.origin = origin
        self.value = value
        self.expected = expected

    def __str__(self) -> str:
        # What was expected may quote a part of the value.
        value, expected = cut(repr(self.value), 200), cut(self.expected, 500)
        return f"{self.setting}={value} ({self.origin}): {expected}"


def cut(text: str, limit: int) -> str:
    """The first characters of a text, and dots where there are more."""
    return text[:limit] + "..." if len(text) > limit else text


class Secret:
    """A value that is never shown: neither in a log nor in an error or a report."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "<secret>"


class Given(NamedTuple):
    """A value of a setting, and where it came from."""

    value: Any
    origin: str


@dataclass(frozen=True)
class Settings:
    """All settings, compiled from one snapshot.

    :param policy: whom to believe, and what: ``TRUST_PROXY``, ``_HEADERS``, ``_MAX_HOPS``,
        ``_CLEAN_HEADERS``, ``_EDGE``, ``_EDGE_SECRET``, ``_IDENTITY_HEADERS`` and
        ``_SCHEME``.
    :param secure_cookies: ``TRUST_PROXY_SECURE_COOKIES``.
    :param required: whether ``TRUST_PROXY_REQUIRED`` is on.
    :param open_paths: the paths that it leaves open.
    :param probe_key: ``TRUST_PROXY_PROBE_KEY``.
    :param given: what each setting was set to, and where.
    :param directory: where the paths of trust files start.
    """

    policy: Policy
    secure_cookies: SecureCookies
    required: bool
    open_paths: frozenset[str]
    probe_key: Optional[bytes] = field(repr=False)
    given: Mapping[str, Given] = field(repr=False)
    directory: str = field(repr=False)

    @property
    def files(self) -> tuple[TrustFile, ...]:
        """All trust files that are named."""
        trust, edge = self.policy.trust, self.policy.edge.proxies
        return trust.files if edge is None else (*trust.files, *edge.files)


def parse_max_hops(value: object) -> int:
    """Read a number of hops, 1 or more."""
    if isinstance(value, str) and _is_number(value.strip(" \t")):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise ValueError("expected a number of hops, 1 or more")


def parse_switch(value: object) -> bool:
    """Read a bool, or one of the words for it in any case."""
    word = str(value).strip(" \t").lower()  # FLASK_...=1 comes as an int
    if isinstance(value, (bool, int, str)) and word in _ON_OFF:
        return _ON_OFF[word]
    raise ValueError("expected True or False")


def parse_secure_cookies(value: object) -> SecureCookies:
    """Read ``"session"``, ``"all"`` or a word for off."""
    word = value.strip(" \t").lower() if isinstance(value, str) else value
    if word == "session":
        return "session"
    if word == "all":
        return "all"
    try:
        if not parse_switch(value):
            return False
    except ValueError:
        pass
    raise ValueError("expected 'session', 'all' or False")


def parse_required(value: object) -> tuple[bool, frozenset[str]]:
    """Read whether the peer must be trusted, and the paths that stay open.

    :returns: the paths as PATH_INFO has them (PEP 3333: UTF-8 read as
        Latin-1).
    """
    try:
        return parse_switch(value), frozenset()
    except ValueError:
        pass
    paths: Iterable[object] = ()
    if isinstance(value, str):
        paths = value.split(",")
    elif isinstance(value, (list, tuple, set, frozenset)):
        paths = cast("Iterable[object]", value)
    texts = [path.strip(" \t") if isinstance(path, str) else "" for path in paths]
    if texts and all(text.startswith("/") for text in texts):
        with suppress(UnicodeEncodeError):  # half a character, which no PATH_INFO has
            return True, frozenset(
                text.encode("utf-8", "surrogateescape").decode("latin-1") for text in texts
            )
    raise ValueError("expected True, False or a list of paths, each with a leading slash")


#: Prints a new key.
MAKE_KEY = "python -c 'import secrets; print(secrets.token_urlsafe(32))'"


def parse_probe_key(value: object) -> Optional[bytes]:
    """Read the key of the live probe, ``None`` for no probe.

    :param value: text of at least 32 characters. A prefixed environment makes
        an int of an all-digit one.
    """
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value.strip()) < 32:
        raise ValueError(
            f"expected a text of at least 32 characters. This makes one: {MAKE_KEY}"
        )
    return value.strip().encode("utf-8", "surrogatepass")


def parse_assumed_scheme(value: object) -> Optional[str]:
    """Read ``"https"``, or ``None`` for no such setting."""
    if value is None:
        return None
    if isinstance(value, str) and value.strip(" \t").lower() == "https":
        return "https"
    raise ValueError(
        "expected 'https', for proxies that end TLS and send no header that says so"
    )


class _Setting(NamedTuple):
    argument: str
    default: object
    parse: Callable[[object], Any]


#: Every setting: its argument for the plain middleware, default and parser.
SETTINGS: Mapping[str, _Setting] = {
    "TRUST_PROXY": _Setting("trust", "loopback", compile_trust),
    "TRUST_PROXY_HEADERS": _Setting(
        "headers", "X-Forwarded-For, X-Forwarded-Proto", parse_headers
    ),
    "TRUST_PROXY_MAX_HOPS": _Setting("max_hops", 16, parse_max_hops),
    "TRUST_PROXY_CLEAN_HEADERS": _Setting("clean_headers", True, parse_switch),
    "TRUST_PROXY_SECURE_COOKIES": _Setting("secure_cookies", "session", parse_secure_cookies),
    "TRUST_PROXY_REQUIRED": _Setting("required", False, parse_required),
    "TRUST_PROXY_PROBE_KEY": _Setting("probe_key", None, parse_probe_key),
    "TRUST_PROXY_EDGE": _Setting("edge", None, compile_edge),
    "TRUST_PROXY_EDGE_SECRET": _Setting("edge_secret", None, parse_edge_secret),
    "TRUST_PROXY_IDENTITY_HEADERS": _Setting("identity_headers", None, parse_identity_headers),
    "TRUST_PROXY_SCHEME": _Setting("scheme", None, parse_assumed_scheme),
}

_COOKIES = "TRUST_PROXY_SECURE_COOKIES"
#: The settings whose values are never shown.
_SECRETS = ("TRUST_PROXY_PROBE_KEY", "TRUST_PROXY_EDGE_SECRET")
#: The settings that may name trust files.
_WITH_FILES = ("TRUST_PROXY", "TRUST_PROXY_EDGE")


def read_settings(
    config: Mapping[str, Any], environment: Mapping[str, str], directory: str = ""
) -> Settings:
    """Compile the settings of an app.

    The first that is set wins: config, environment, default. ``None`` in
    config and an empty environment variable are not set.

    :param directory: where the paths of trust files start.
    :raises SettingError: where a value, or two together, make no sense.
    """
    given: dict[str, Given] = {}
    for name, setting in SETTINGS.items():
        if config.get(name) is not None:
            given[name] = Given(config[name], "from app.config")
        elif environment.get(name):
            given[name] = Given(environment[name], "from the environment")
        else:
            given[name] = Given(setting.default, "the default")
    return compile_settings(given, directory)


def settings_from_arguments(**arguments: object) -> Settings:
    """Compile the arguments of the plain middleware.

    The paths of trust files start in the current directory, and stay there
    where it changes later.

    :raises SettingError: as :func:`read_settings` does, naming the argument.
    """
    return _plain_settings(
        {
            name: Given(arguments[setting.argument], f"from the argument {setting.argument}")
            for name, setting in SETTINGS.items()
        }
    )


def settings_from_environment(environment: Mapping[str, str]) -> Settings:
    """Compile the settings of a plain middleware from environment variables.

    The paths of trust files start in the current directory.

    :param environment: the variables. An empty one is not set.
    :raises SettingError: as :func:`read_settings` does, naming the variable; and if it
        asks for the cookie of a session.
    """
    settings = _plain_settings(
        {
            name: Given(environment[name], "from the environment")
            if environment.get(name)
            else Given(False if name == _COOKIES else setting.default, "the default")
            for name, setting in SETTINGS.items()
        }
    )
    refuse_session_cookie(settings)
    return settings


def _plain_settings(given: Mapping[str, Given]) -> Settings:
    directory = ""
    with suppress(FileNotFoundError):  # it may be gone, and nobody need ask for it
        directory = os.getcwd()
    return compile_settings(given, directory)


def refuse_session_cookie(settings: Settings) -> None:
    """Refuse to mark the cookie of a session that a plain application does not have.

    :raises SettingError: if ``TRUST_PROXY_SECURE_COOKIES`` is ``"session"``.
    """
    if settings.secure_cookies == "session":
        raise _mistake(
            settings.given,
            _COOKIES,
            "expected 'all' or False: a plain WSGI application has no session cookie",
        )


def compile_settings(given: Mapping[str, Given], directory: str = "") -> Settings:
    """Compile values whose origin is known, and read the files that they name.

    :param directory: where the paths of trust files start.
    :raises SettingError: where a value, or two together, make no sense.
    """
    parsed: dict[str, Any] = {}
    given = {name: _hide(name, each) for name, each in given.items()}
    for name, setting in SETTINGS.items():
        parse: Callable[..., Any] = setting.parse
        value = given[name].value
        if name in _WITH_FILES:
            parse = partial(parse, directory=directory)
        try:
            parsed[name] = parse(value.value if isinstance(value, Secret) else value)
        except ValueError as error:
            raise _mistake(given, name, str(error)) from None
    trust: TrustPolicy = parsed["TRUST_PROXY"]
    headers: HeaderPlan = parsed["TRUST_PROXY_HEADERS"]
    required, open_paths = parsed["TRUST_PROXY_REQUIRED"]
    _check_hops(given, trust, headers, parsed["TRUST_PROXY_MAX_HOPS"])
    secret: Optional[EdgeSecret] = parsed["TRUST_PROXY_EDGE_SECRET"]
    edge = Edge(parsed["TRUST_PROXY_EDGE"], secret)
    _check_required(given, trust, required, secret)
    _check_edge(given, trust, headers, edge)
    _check_identity(given, trust, headers, edge, parsed["TRUST_PROXY_IDENTITY_HEADERS"])
    policy = Policy(
        trust,
        headers,
        parsed["TRUST_PROXY_MAX_HOPS"],
        parsed["TRUST_PROXY_CLEAN_HEADERS"],
        edge if edge.proxies or edge.secret else ANY_EDGE,
        parsed["TRUST_PROXY_IDENTITY_HEADERS"],
        parsed["TRUST_PROXY_SCHEME"],
    )
    return Settings(
        policy,
        secure_cookies=parsed["TRUST_PROXY_SECURE_COOKIES"],
        required=required,
        open_paths=open_paths,
        probe_key=parsed["TRUST_PROXY_PROBE_KEY"],
        given=given,
        directory=directory,
    )


def _hide(name: str, given: Given) -> Given:
    if name not in _SECRETS or given.value is None or isinstance(given.value, Secret):
        return given
    return Given(Secret(given.value), given.origin)


def _check_required(
    given: Mapping[str, Given],
    trust: TrustPolicy,
    required: bool,
    secret: Optional[EdgeSecret],
) -> None:
    """Refuse TRUST_PROXY_REQUIRED if it would let in everyone, or no one."""
    if not required:
        return
    lets_in_no_one = trust.kind == "nobody" or trust.count == 0
    lets_in_everyone = trust.kind in ("everybody", "count") and secret is None
    if lets_in_no_one or lets_in_everyone:
        raise _mistake(
            given,
            "TRUST_PROXY_REQUIRED",
            f"expected False while TRUST_PROXY is {given['TRUST_PROXY'].value!r}, which would "
            f"let in {'no one' if lets_in_no_one else 'everyone'}: name the addresses of the "
            f"proxies{'' if lets_in_no_one else ', or set TRUST_PROXY_EDGE_SECRET'}",
        )


def _check_edge(
    given: Mapping[str, Given], trust: TrustPolicy, headers: HeaderPlan, edge: Edge
) -> None:
    """Refuse an edge that a client could write, and a secret that is another header."""
    if edge.proxies is not None and trust.kind in ("everybody", "count", "nobody"):
        raise _mistake(
            given,
            "TRUST_PROXY_EDGE",
            f"expected no edge while TRUST_PROXY is {given['TRUST_PROXY'].value!r}, since a "
            "client could write such an entry: name the addresses of the proxies in "
            "TRUST_PROXY, or set TRUST_PROXY_EDGE_SECRET instead",
        )
    if edge.secret is not None and _is_forwarding(edge.secret.key, headers):
        raise _mistake(
            given,
            "TRUST_PROXY_EDGE_SECRET",
            f"expected a header of its own: {edge.secret.name} is a forwarding header",
        )


def _check_identity(
    given: Mapping[str, Given],
    trust: TrustPolicy,
    headers: HeaderPlan,
    edge: Edge,
    identity: Mapping[str, str],
) -> None:
    """Refuse identity headers that any stranger could forge, or that say something else."""
    setting = "TRUST_PROXY_IDENTITY_HEADERS"
    secret = edge.secret
    for key, name in identity.items():
        if _is_forwarding(key, headers):
            raise _mistake(
                given,
                setting,
                f"expected headers that name the user: {name} is a forwarding header",
            )
        if secret is not None and key == secret.key:
            raise _mistake(
                given, setting, f"expected headers that name the user: {name} holds the secret"
            )
    if identity and secret is None and trust.kind in ("everybody", "count"):
        raise _mistake(
            given,
            setting,
            f"expected none while TRUST_PROXY is {given['TRUST_PROXY'].value!r}, since any "
            "stranger could forge them: name the addresses of the proxies in TRUST_PROXY, or "
            "set TRUST_PROXY_EDGE_SECRET",
        )


def _is_forwarding(key: str, headers: HeaderPlan) -> bool:
    return key in NAMES or any(key == header.key for header in headers.named)


def _is_single(headers: HeaderPlan) -> bool:
    return headers.client is not None and headers.client.is_single


def _check_hops(
    given: Mapping[str, Given], trust: TrustPolicy, headers: HeaderPlan, max_hops: int
) -> None:
    """Refuse counts that no request can reach."""
    reach = max_hops
    if trust.count is not None:
        if trust.count > max_hops:
            raise _mistake(
                given,
                "TRUST_PROXY",
                f"expected a count of at most {max_hops}, which is TRUST_PROXY_MAX_HOPS",
            )
        if trust.count > 1 and _is_single(headers):
            raise _mistake(
                given,
                "TRUST_PROXY",
                "expected a count of at most 1 with a header that holds one address",
            )
        reach = trust.count
    elif headers.client is None or _is_single(headers):
        reach = 1
    for header in headers.values:
        if header.n > max(reach, 1):
            raise _mistake(
                given,
                "TRUST_PROXY_HEADERS",
                f"expected at most ':{max(reach, 1)}' behind {header.name}, since no more hops "
                "are trusted",
            )


def _mistake(given: Mapping[str, Given], name: str, expected: str) -> SettingError:
    return SettingError(name, given[name].origin, given[name].value, expected)

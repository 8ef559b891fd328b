"""The WSGI applications that a request passes, as far as they can be seen.

Here lives how a middleware leads to the application inside it, and what must
not be found on the way: a ProxyFix that counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Optional

from werkzeug.middleware.proxy_fix import ProxyFix

from .log import logger
from .settings import SettingError

#: The attributes in which middlewares keep the application inside.
_LINKS = ("app", "wsgi_app", "application", "wrapped", "__wrapped__")
#: How many are looked at: an object may make a new link each time it is asked.
_MOST = 100
_COUNTS = ("x_for", "x_proto", "x_host", "x_port", "x_prefix")


def links(application: object, but: Iterable[object] = ()) -> Iterator[object]:
    """Follow the usual links from an application inwards, each object once.

    A plain function ends what can be seen, unless it has ``__wrapped__``.

    :param application: the outermost one.
    :param but: objects that are passed over, and so is what only they lead to.
    """
    seen, waiting = list(but), [application]
    while waiting and len(seen) < _MOST:
        link = waiting.pop()
        if link is not None and not any(link is other for other in seen):
            seen.append(link)
            yield link
            waiting += [_read(link, name) for name in reversed(_LINKS)]


def _read(link: object, name: str) -> object:
    try:
        return getattr(link, name, None)
    except Exception:  # a property may raise anything
        return None


def name_of(link: object) -> str:
    """The name of a function, or of the class of any other object."""
    return str(getattr(link, "__qualname__", type(link).__name__))


def around(passed: Iterable[object], inner: object) -> Optional[list[object]]:
    """The objects around an inner one, the outermost first.

    :param passed: what a request passes, as :func:`links` has it.
    :returns: ``None`` if the inner one is not among them.
    """
    found: list[object] = []
    for link in passed:
        if link is inner:
            return found
        found.append(link)
    return None


def find_proxy_fixes(
    application: object, setting: tuple[str, str], replace: bool, call: str
) -> list[ProxyFix]:
    """Find each ProxyFix that counts anything.

    :param application: where the search starts.
    :param setting: what holds the application, and who set it.
    :param replace: whether they may be there, since they will be switched off.
    :param call: the call that switches them off.
    :raises SettingError: if there is one and ``replace`` is off.
    """
    found = [
        link for link in links(application) if isinstance(link, ProxyFix) and _counts(link)
    ]
    if found and not replace:
        raise SettingError(
            *setting,
            found[0],
            "remove ProxyFix: TrustProxy replaces it, and both together can be forged. If a "
            f"package makes it, call {call}. How to convert your numbers: "
            "https://flask-trustproxy.example.com/migrating/#from-proxyfix",
        )
    return found


def switch_off(proxy_fixes: Iterable[ProxyFix]) -> None:
    """Set all counts to 0, so that nothing is read, and say so."""
    for fix in proxy_fixes:
        logger.info(
            "ProxyFix is switched off, since replace_proxy_fix is True: %s are 0 now. "
            "TRUST_PROXY and TRUST_PROXY_HEADERS replace them",
            ", ".join(f"{name}={count}" for name, count in _counts(fix).items()),
        )
        for name in _COUNTS:
            setattr(fix, name, 0)


def _counts(fix: ProxyFix) -> dict[str, int]:
    """The counts of a ProxyFix that are not 0, by name."""
    counts = {name: getattr(fix, name) for name in _COUNTS}
    return {name: count for name, count in counts.items() if count}

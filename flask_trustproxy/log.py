"""The log: the lines at the start, the line of a request, and each warning once.

Here lives what is logged, and how often. The texts are in the modules of
:mod:`~flask_trustproxy.report`. Nothing here lets a stranger write more than
one line per cause into the log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Optional

from .core.addresses import UNIX, parse_network
from .core.environ import ORIGINAL
from .core.headers import NAMES
from .core.resolution import Resolution
from .core.trust import is_local
from .report.messages import Caution, caution
from .report.phrases import in_words, quote, settings_in_words
from .report.repeat import explain_command
from .report.suspicions import is_usual, suspicions
from .settings import Settings

logger: logging.Logger = logging.getLogger("flask_trustproxy")

#: How many networks of each sort a cause that is about one peer is logged for.
_MOST_NETWORKS = 10


class Warned:
    """The causes that one app was warned of.

    Its size has a limit that no client can move: causes are texts of ours, and
    a cause that is about a peer counts for a small number of networks.

    Threads share it without a lock. Each access to the sets is one step of the
    interpreter. Two threads that race can log one cause twice, at worst.
    """

    def __init__(self) -> None:
        self._causes: set[str] = set()
        self._networks: dict[tuple[str, bool], set[str]] = {}

    def warn(
        self,
        name: str,
        values: Mapping[str, object] = MappingProxyType({}),
        peer: Optional[str] = None,
        of: str = "",
    ) -> None:
        """Log a warning, if the app was not warned of this cause before.

        A cause that is about a peer counts for the peer's network: an IPv4 /24 or an IPv6
        /48. Public and other networks are counted apart, ten of each, so that strangers
        cannot use up the warning for a proxy.

        :param name: the name of the message.
        :param values: what it names in braces.
        :param peer: the node that it is about; ``None``: it is about none.
        :param of: what else tells two causes apart, such as a header.
        """
        cause = f"{name} {of}"
        if self._is_new(cause) if peer is None else self._is_new_network(cause, peer):
            logger.warning("%s", caution(name, values))

    def say(self, warning: Caution) -> None:
        """Log a warning about settings, if the app did not have this very one before."""
        if self._is_new(str(warning)):
            logger.warning("%s", warning)

    def _is_new(self, cause: str) -> bool:
        is_new = cause not in self._causes
        self._causes.add(cause)
        return is_new

    def _is_new_network(self, cause: str, node: str) -> bool:
        networks = self._networks.setdefault((cause, is_local(node)), set())
        if len(networks) >= _MOST_NETWORKS:
            return False
        network = node
        if node not in ("", UNIX):
            network = str(parse_network(f"{node}/{48 if ':' in node else 24}"))
        is_new = network not in networks
        networks.add(network)
        return is_new


def announce(settings: Settings, warnings: Iterable[Caution], warned: Warned) -> None:
    """Log the settings in force, and warn of those that are dangerous.

    :param warnings: what to warn of.
    :param warned: knows which warnings the app had before.
    """
    logger.info("%s", ", ".join(settings_in_words(settings, 200)))
    for written, network in settings.policy.trust.rewritten():
        logger.info("TRUST_PROXY: %s read as %s", written, network)
    for file in settings.policy.trust.files:
        logger.info("TRUST_PROXY: %r has %s addresses and networks", file.path, file.count)
    for warning in warnings:
        warned.say(warning)


def log_request(
    resolution: Resolution, environ: Mapping[str, Any], warned: Warned, is_probe: bool = False
) -> None:
    """Log the walk of a request, and warn of a set-up that is likely wrong.

    :param environ: after the rewrite.
    :param warned: knows which warnings the app had before.
    :param is_probe: whether the live probe sent it. What that forges is nobody's set-up.
    """
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug("%s", request_in_words(resolution, environ))
    if not is_probe and not is_usual(resolution, environ):
        for suspicion in suspicions(resolution, environ):
            warned.warn(*suspicion)


def request_in_words(resolution: Resolution, environ: Mapping[str, Any]) -> str:
    """The walk of a request, what was removed from it, and how to ask again, in one line.

    Of a header that says who the user is, only the name is shown.

    :param environ: after the rewrite.
    """
    identity, original = resolution.policy.identity, environ[ORIGINAL]
    parts = [in_words(resolution)]
    for key in sorted(resolution.removed):
        parts.append(f"removed {NAMES[key]} {quote(str(original[key]))}")
    for key, name in identity.items():
        if key in original:
            parts.append(f"removed {name}")
    command = explain_command(resolution, environ)
    if command is not None:
        parts.append(f"to ask again: {command}")
    return "; ".join(parts)

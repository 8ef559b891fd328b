"""The pytest plugin: fixtures over the ``app`` fixture of a project.

pytest loads it wherever the package is installed, so it has no hooks, no
fixture that is used by itself, and imports what it needs when it is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Protocol

import pytest

from .settings import SETTINGS

if TYPE_CHECKING:
    from flask import Flask

    from .testing.client import ProxiedClient


_UNCHANGED = object()


class SetTrust(Protocol):
    """What the fixture ``trust_proxy`` is: changes settings of the app."""

    def __call__(self, trust: object = ..., /, **settings: object) -> None:
        """Change settings, and see that they can be used.

        :param trust: ``TRUST_PROXY``.
        :param settings: others, by the names of the arguments of
            :class:`~flask_trustproxy.TrustProxyMiddleware`; ``None`` is not set.
        :raises SettingError: where a value cannot be used.
        """
        ...


@pytest.fixture
def proxied_client(app: Flask) -> Callable[..., ProxiedClient]:
    """Make test clients of the app, behind proxies.

    It is :func:`flask_trustproxy.testing.proxied_client` without its first
    parameter.
    """
    from .testing.client import proxied_client

    return partial(proxied_client, app)


@pytest.fixture
def trust_proxy(app: Flask) -> Iterator[SetTrust]:
    """Change settings of the app for one test.

    ``trust_proxy("10.0.0.0/8", headers="Forwarded")``: the first is
    ``TRUST_PROXY``, all others have the names of the arguments of
    :class:`~flask_trustproxy.TrustProxyMiddleware`.
    """
    from .testing.client import settings_of

    names = {setting.argument: name for name, setting in SETTINGS.items()}
    with pytest.MonkeyPatch.context() as patch:

        def change(trust: object = _UNCHANGED, /, **settings: object) -> None:
            if trust is not _UNCHANGED:
                settings["trust"] = trust
            for argument, value in settings.items():
                patch.setitem(app.config, names[argument], value)
            settings_of(app)

        yield change

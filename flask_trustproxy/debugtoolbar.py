"""A panel for Flask-DebugToolbar: the chain of a request, drawn.

Here lives the panel alone. What it shows is what ``flask trust-proxy explain`` shows.
Flask-DebugToolbar is no dependency: only who names the panel imports this module.
"""

from __future__ import annotations

import os
from typing import Any, Optional

import flask
from flask_debugtoolbar.panels import DebugPanel
from markupsafe import Markup

from .core.environ import before_rewrite, resolution_of
from .core.resolution import Resolution
from .extension import chain
from .middleware import Middleware
from .report.cautions import settings_cautions
from .report.explained import boxes, sections
from .report.messages import Caution
from .report.picture import picture
from .settings import Settings

#: Styles of the page and of the toolbar end at a shadow root, which needs no script.
_ROOT = Markup('<div class="trustproxy"><template shadowrootmode="open">{}</template></div>')

_NOT_SET_UP = "This app has no TrustProxy: call TrustProxy(app) where it is made."


class TrustProxyPanel(DebugPanel):
    """Shows who the client is, why, and what became of the headers.

    Add ``"flask_trustproxy.debugtoolbar.TrustProxyPanel"`` to ``DEBUG_TB_PANELS``.
    """

    name = "TrustProxy"
    has_content = True

    def process_request(self, request: Any) -> None:
        """Remember the request: the toolbar is drawn when its response is there."""
        self._environ: dict[str, Any] = request.environ

    @property
    def _resolution(self) -> Optional[Resolution]:
        return resolution_of(self._environ)

    def nav_title(self) -> str:
        """Name the panel in the toolbar."""
        return "TrustProxy"

    def nav_subtitle(self) -> str:
        """Tell the client's address and scheme."""
        resolution = self._resolution
        if resolution is None:
            return "not set up"
        return f"{resolution.client_ip or 'no address'}, {resolution.scheme}"

    def title(self) -> str:
        """Name the panel above its content."""
        return "TrustProxy"

    def url(self) -> str:
        """Tell the toolbar that the panel is a part of the page."""
        return ""

    def content(self) -> str:
        """Draw the chain, and tell what became of each value."""
        resolution = self._resolution
        if resolution is None:
            return Markup("<p>{}</p>").format(_NOT_SET_UP)
        settings = _settings_of(resolution)
        cautions: list[Caution] = []
        if settings is not None:
            has_hosts = bool(flask.request.trusted_hosts)
            config: dict[str, object] = dict(flask.current_app.config)
            cautions = settings_cautions(settings, has_hosts, os.environ, config)
        drawn = picture(
            boxes(resolution, before_rewrite(self._environ)),
            list(sections(settings, resolution, self._environ, cautions)),
            level=4,
        )
        return _ROOT.format(drawn)


def _settings_of(resolution: Resolution) -> Optional[Settings]:
    """The settings that decided, ``None`` if they are those of another app around."""
    app: Any = flask.current_app
    for each in (app.extensions.get("trustproxy"), *chain(app)):
        if isinstance(each, Middleware):
            settings = each.settings
            if settings.policy is resolution.policy:
                return settings
    return None

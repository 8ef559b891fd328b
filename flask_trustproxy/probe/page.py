"""The probe's report as a web page, to keep and to attach.

Here lives which parts of a report it shows, and in which order. The layout comes
from :mod:`~flask_trustproxy.report.picture`: no script, and nothing to load.
"""

from __future__ import annotations

import json
import platform
import shlex
from collections.abc import Iterator
from datetime import datetime

from ..report.phrases import node_name
from ..report.picture import Box, Section, page
from .door import own_version
from .report import Report
from .wire import Target
from .words import (
    HEADINGS,
    OVER_HTTP,
    UNKNOWN,
    count_in_words,
    curl_of,
    forged_in_words,
)


def report_page(report: Report, target: Target, http_port: int, now: datetime) -> str:
    """Draw a report as a page that needs nothing else.

    :param report: what the probe has to say.
    :param target: what was probed.
    :param http_port: where http is answered.
    :param now: when it was probed, in UTC.
    """
    url = f"{target.url.scheme}://{target.netloc}{target.path}"
    return page(
        f"{report.verdict}: probe of {url}",
        list(_boxes(report)),
        [
            Section("Verdict", list(_verdict(report))),
            *_forged(report, target, http_port),
            *_what_to_do(report),
            Section(
                "What the proxies do with a header that a client sends",
                (),
                ("Header", "By the proxies", "Read by the app"),
                sorted(_headers(report), key=lambda row: row[2] == "no"),
            ),
            Section(
                "About this probe",
                list(filter(None, (OVER_HTTP[report.over_http], UNKNOWN))),
                ("What", "Value"),
                [
                    ("URL", url),
                    ("Date", f"{now:%Y-%m-%d %H:%M:%S} UTC"),
                    ("Requests", str(report.requests)),
                    (
                        "Probed with",
                        f"Flask-TrustProxy {own_version()}, Python {platform.python_version()}",
                    ),
                    ("The app runs on", report.software or "unknown"),
                ],
            ),
        ],
    )


def _boxes(report: Report) -> Iterator[Box]:
    """The way from this machine to the app."""
    for node in report.chain:
        if node == report.prober:
            yield Box("client", "this machine", node)
        else:
            yield Box("other", "proxy", node_name(node))
    sees = f"client_ip {report.client_ip}" if report.client_ip else "client_ip unknown"
    yield Box("app", "app", sees)


def _verdict(report: Report) -> Iterator[str]:
    yield f"{report.verdict}: {report.headline}"
    told = {report.headline}
    for sentence in (
        *report.reasons,
        *(wrong.in_words(report.over_http) for wrong in report.misconfigured),
    ):
        if sentence not in told:
            yield sentence


def _forged(report: Report, target: Target, http_port: int) -> Iterator[Section]:
    """Each forgery, with the command that sends it again."""
    for forged in report.forged:
        yield Section(
            f"Forged: {forged.output} with {forged.header}",
            [forged_in_words(forged, report)],
            code=curl_of(forged, target, http_port),
        )


def _headers(report: Report) -> Iterator[tuple[str, str, str]]:
    for name, behaviour in report.headers.items():
        yield name, behaviour, "yes" if name in report.read else "no"


def _what_to_do(report: Report) -> Iterator[Section]:
    if report.fixes:
        yield Section("What to do", report.fixes)
    if report.configuration:
        yield Section(
            "Lines for the proxy",
            (),
            ("Proxy", "Where", "Line"),
            [
                (each.proxy, each.place, line)
                for each in report.configuration
                for line in each.lines
            ],
        )
    recommended = report.recommend
    settings = recommended.settings()
    if settings:
        yield Section(
            HEADINGS[recommended.when],
            [count_in_words(recommended.count)] if recommended.count else (),
            ("Setting", "In app.config", "In the environment"),
            [
                (name, json.dumps(value), f"{name}={shlex.quote(str(value))}")
                for name, value in settings.items()
            ],
        )

"""The probe's report in words, for the terminal and for the page.

Here lives what both of them say. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..report.phrases import quote
from .observations import Forged
from .report import OverHttp, Report, When, beside
from .wire import Target, curl, http_beside

#: What no probe can know.
UNKNOWN = (
    "What the probe cannot know: other ways to the app, such as its own port or another load "
    "balancer; other virtual hosts and other URLs of this one."
)

#: What became of http beside https, in words.
OVER_HTTP: Mapping[OverHttp, str] = {
    "probed": "Over http the same app answers. That was probed too.",
    "redirected": "Over http a proxy redirects, before the request reaches the app.",
    "another": "Over http something else answers, which is not this app.",
    "no_answer": "Over http nothing answers.",
    "left_out": "Http was not probed.",
    "itself": "",
}

#: What is printed above the settings to write.
HEADINGS: Mapping[When, str] = {
    "now": "The narrowest settings for this chain",
    "after_proxy_change": "After you have changed the proxy: the narrowest settings",
    "if_direct": "If there really is no proxy: the narrowest settings",
}


def forged_in_words(forged: Forged, report: Report) -> str:
    """Say in a sentence which value of a forgery the app accepted."""
    return (
        f"{forged.output} was {quote(forged.believed)} after {forged.header}: "
        f"{quote(forged.sent, 80)}{beside(forged.over, report.over_http)}"
    )


def curl_of(forged: Forged, target: Target, http_port: int) -> str:
    """The command that sends a forgery again, the way that it went."""
    if forged.over != target.url.scheme:
        target = http_beside(target, http_port)
    return curl(target, forged.forgery)


def count_in_words(count: int) -> str:
    """That a count could be set instead, and when."""
    hops = "one proxy, whatever its address" if count == 1 else f"the {count} nearest hops"
    return (
        f"Instead, TRUST_PROXY = {count} trusts {hops}. Set it only if nobody can reach the "
        "app directly, without going through the proxies."
    )


def header_rows(report: Report) -> Iterator[tuple[str, str, str]]:
    """Each header that is read or written, and the others by what is done with them."""
    others: dict[str, int] = {}
    for name, behaviour in report.headers.items():
        read = name in report.read
        if read or behaviour in ("set", "appended"):
            yield name, behaviour, "yes" if read else "no"
        elif behaviour != "absent":
            others[behaviour] = others.get(behaviour, 0) + 1
    for done, count in others.items():
        yield f"{count} other{'' if count == 1 else 's'}", done, "no"

"""The report of the probe: values, and their form as JSON.

Here lives what the probe has to say. How it comes to say so is in
:mod:`~flask_trustproxy.probe.verdict`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, Optional

from ..report.phrases import quote
from .door import Output
from .fixes import Lines
from .observations import Behaviour, Forged

Verdict = Literal["safe", "forgeable", "misconfigured", "inconclusive"]

#: When the settings may be written: at once, after the proxy was changed, or if there
#: really is no proxy. Before, they would make a fault permanent.
When = Literal["now", "after_proxy_change", "if_direct"]

#: What became of http beside https: the same app answered, a proxy redirects, something
#: else answers, nothing does; it was left out, or the probed URL is http itself.
OverHttp = Literal["probed", "redirected", "another", "no_answer", "left_out", "itself"]


class Wrong(NamedTuple):
    """What the app believes of an honest request, and should not.

    :param output: which of its beliefs.
    :param believed: what it believes, ``""`` for nothing.
    :param expected: what is true, ``None`` if the probe cannot know.
    :param over: the scheme of the request.
    """

    output: Output
    believed: str
    expected: Optional[str]
    over: str

    def in_words(self, over_http: OverHttp) -> str:
        """The same as a sentence.

        :param over_http: what became of http beside https.
        """
        believed = f"{self.output} is {quote(self.believed)}{beside(self.over, over_http)}"
        if self.expected is None:
            return f"{believed}, which is not this machine."
        return f"{believed}, and should be {quote(self.expected)}."


def beside(over: str, over_http: OverHttp) -> str:
    """Words for what was found over http beside https, ``""`` for all else."""
    return " over http" if over == "http" and over_http == "probed" else ""


@dataclass(frozen=True)
class Recommendation:
    """Settings that reach the prober and trust nobody else; ``None``: there are none.

    :param trust: ``TRUST_PROXY``.
    :param headers: ``TRUST_PROXY_HEADERS``.
    :param max_hops: ``TRUST_PROXY_MAX_HOPS``.
    :param count: what ``TRUST_PROXY`` could be instead, as a count.
    :param when: when they may be written.
    """

    trust: Optional[str] = None
    headers: Optional[str] = None
    max_hops: Optional[int] = None
    count: Optional[int] = None
    when: When = "now"

    def settings(self) -> dict[str, object]:
        """The settings to write, by name."""
        settings = {
            "TRUST_PROXY": self.trust,
            "TRUST_PROXY_HEADERS": self.headers,
            "TRUST_PROXY_MAX_HOPS": self.max_hops,
        }
        return {name: value for name, value in settings.items() if value is not None}


@dataclass(frozen=True)
class Report:
    """What the probe has to say.

    :param verdict: in a word.
    :param headline: why, in a sentence.
    :param client_ip: the client that the app believed in an honest request.
    :param chain: the hops from the prober to the app.
    :param prober: the prober's own address there, ``None`` if nobody says it.
    :param headers: what the proxies do with each header.
    :param read: the headers that the app reads.
    :param forged: which values of forgeries the app accepted.
    :param misconfigured: what it got wrong of honest requests.
    :param recommend: the settings to write.
    :param reasons: why it is not safe, if the lists above do not say it.
    :param fixes: what to do, in sentences.
    :param configuration: lines for the proxies.
    :param over_http: what became of http beside https.
    :param software: what serves the app.
    :param requests: how many were sent.
    :param stopped: whether somebody stopped it before the end.
    """

    verdict: Verdict
    headline: str
    client_ip: Optional[str]
    chain: list[str]
    prober: Optional[str]
    headers: dict[str, Behaviour]
    read: list[str]
    forged: list[Forged]
    misconfigured: list[Wrong]
    recommend: Recommendation
    reasons: list[str]
    fixes: list[str]
    configuration: list[Lines]
    over_http: OverHttp
    software: str
    requests: int
    stopped: bool = False

    def as_json(self) -> dict[str, object]:
        """The report as ``probe --json`` has it."""
        return {
            "verdict": self.verdict,
            "headline": self.headline,
            "client_ip": self.client_ip,
            "chain": self.chain,
            "headers": self.headers,
            "over_http": self.over_http,
            "forged": [
                {
                    "output": forged.output,
                    "header": forged.header,
                    "sent": forged.sent,
                    "believed": forged.believed,
                    "over": forged.over,
                }
                for forged in self.forged
            ],
            "misconfigured": [wrong._asdict() for wrong in self.misconfigured],
            "recommend": {
                "TRUST_PROXY": self.recommend.trust,
                "TRUST_PROXY_HEADERS": self.recommend.headers,
                "TRUST_PROXY_MAX_HOPS": self.recommend.max_hops,
                "count": self.recommend.count,
                "when": self.recommend.when,
            },
            "reasons": self.reasons,
            "fixes": self.fixes,
            "configuration": [
                {"proxy": each.proxy, "place": each.place, "lines": list(each.lines)}
                for each in self.configuration
            ],
            "requests": self.requests,
            "stopped": self.stopped,
        }


def unprobed(why: str, requests: int, stopped: bool = False) -> Report:
    """The report if the probe could not be carried through."""
    return Report(
        verdict="inconclusive",
        headline=why,
        client_ip=None,
        chain=[],
        prober=None,
        headers={},
        read=[],
        forged=[],
        misconfigured=[],
        recommend=Recommendation(),
        reasons=[why],
        fixes=[],
        configuration=[],
        over_http="left_out",
        software="",
        requests=requests,
        stopped=stopped,
    )

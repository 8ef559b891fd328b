"""What the probe concludes: a verdict, its reasons, and what to write instead.

Judges what was found, and words it; nothing is sent here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal, Optional

from ..core.addresses import parse_address
from ..core.headers import parse_headers
from .observations import Behaviour, Forged, Observations
from .recommendation import (
    Recommendation,
    Wrong,
    is_loopback,
    left_wrong,
    recommend,
    wrong_url,
)

Verdict = Literal["safe", "forgeable", "misconfigured", "inconclusive"]

#: Each verdict in words.
VERDICTS: Mapping[Verdict, str] = {
    "safe": "Nothing that was forged was believed, and honest requests are seen rightly.",
    "forgeable": "The app believed what a client had made up.",
    "misconfigured": "Nothing forged was believed, but honest requests are seen wrongly.",
    "inconclusive": "From here nobody can tell whether anything is forgeable.",
}

#: What no probe can know.
UNKNOWN = (
    "What the probe cannot know: other ways to the app, such as its own port or another load "
    "balancer; other virtual hosts and other URLs of this one."
)


@dataclass(frozen=True)
class Report:
    """What the probe has to say.

    :param verdict: in a word.
    :param client_ip: the client that the app believed in an honest request.
    :param chain: the hops from the prober to the app.
    :param prober: the prober's own address there, ``None`` where nobody says it.
    :param headers: what the proxies do with each header.
    :param read: the headers that the app reads.
    :param forged: what the app believed of forgeries.
    :param misconfigured: what it got wrong of honest requests.
    :param recommend: the settings to write.
    :param fixes: what to do, in sentences.
    :param requests: how many were sent.
    """

    verdict: Verdict
    client_ip: Optional[str]
    chain: list[str]
    prober: Optional[str]
    headers: dict[str, Behaviour]
    read: list[str]
    forged: list[Forged]
    misconfigured: list[Wrong]
    recommend: Recommendation
    fixes: list[str]
    requests: int

    def as_json(self) -> dict[str, object]:
        """The report as ``probe --json`` has it."""
        return {
            "verdict": self.verdict,
            "client_ip": self.client_ip,
            "chain": self.chain,
            "headers": self.headers,
            "forged": [
                {
                    "output": forged.output,
                    "header": forged.header,
                    "sent": forged.sent,
                    "believed": forged.believed,
                }
                for forged in self.forged
            ],
            "misconfigured": [wrong._asdict() for wrong in self.misconfigured],
            "recommend": {
                "TRUST_PROXY": self.recommend.trust,
                "TRUST_PROXY_HEADERS": self.recommend.headers,
                "TRUST_PROXY_MAX_HOPS": self.recommend.max_hops,
                "count": self.recommend.count,
            },
            "fixes": self.fixes,
            "requests": self.requests,
        }


def unprobed(why: str, requests: int) -> Report:
    """The report where the probe could not be carried through."""
    return Report(
        "inconclusive", None, [], None, {}, [], [], [], Recommendation(), [why], requests
    )


def conclude(seen: Observations) -> Report:
    """Judge what was found."""
    forged = seen.forged
    misconfigured = list(_misconfigured(seen))
    trusted = seen.prober_is_trusted(seen.honest)
    verdict: Verdict = "safe"
    if forged:
        verdict = "forgeable"
    elif misconfigured:
        verdict = "misconfigured"
    elif trusted or seen.refused:
        verdict = "inconclusive"
    recommendation = recommend(seen)
    return Report(
        verdict,
        seen.honest.believed["client_ip"] or None,
        list(seen.chain),
        seen.prober,
        seen.behaviours,
        [header.name for header in seen.honest.plan.named],
        forged,
        misconfigured,
        recommendation,
        list(_fixes(seen, forged, misconfigured, recommendation)),
        len(seen.exchanges),
    )


def _misconfigured(seen: Observations) -> Iterator[Wrong]:
    url, believed = seen.url, seen.honest.believed
    client, prober = believed["client_ip"], seen.prober
    if prober is None or (not seen.is_direct and seen.is_not_the_prober(prober)):
        yield Wrong("client_ip", client, None)
    else:
        # Several where a load balancer has several addresses, and not all are trusted.
        strays = [
            answer.believed["client_ip"]
            for _, answer in seen.exchanges
            if answer and seen.is_stray(answer)
        ]
        for wrong in dict.fromkeys([client, *strays]):
            if wrong != prober:
                yield Wrong("client_ip", wrong, prober)
    yield from wrong_url(url, believed["scheme"], believed["host"], believed["port"])


def _fixes(
    seen: Observations,
    forged: Iterable[Forged],
    misconfigured: Iterable[Wrong],
    recommendation: Recommendation,
) -> Iterator[str]:
    """What to do, in sentences."""
    for header in dict.fromkeys(each.header for each in forged):
        yield _fix_of_forgery(seen, header)
    if any(wrong.output == "client_ip" and wrong.expected is None for wrong in misconfigured):
        yield _fix_of_client(seen)
    yield from map(_fix_of_url, left_wrong(seen, recommendation))
    if parse_headers(recommendation.headers or "none").says("host"):
        yield "Set TRUSTED_HOSTS (Flask 3.1) or Request.trusted_hosts beside these settings."
    if seen.is_direct and seen.prober != seen.here[0]:
        yield (
            f"The app sees no proxy, and {seen.prober} as its client. If that is not this "
            "machine's public address, a proxy is between that writes nothing."
        )
    if seen.prober_is_trusted(seen.honest):
        yield (
            f"{seen.prober} is this machine, and TRUST_PROXY trusts it as a proxy: run the "
            "probe from elsewhere, or trust fewer addresses."
        )
    for forgery in seen.refused:
        yield (
            f"{forgery.header} was refused on the way, so nobody knows what the app would "
            "believe of it: let this machine's requests pass while the probe runs."
        )
    for proxy in (recommendation.trust or "").split(", "):
        if parse_address(proxy) and not is_loopback(proxy):
            yield _which_network(proxy)


def _fix_of_forgery(seen: Observations, name: str) -> str:
    """How to close the hole that a forged header found."""
    header = seen.headers.get(name)
    if name == "Connection":
        return (
            "Connection: a client that names a proxy's header there has it removed again (RFC "
            "9110 section 7.6.1). Have that proxy take such names out of Connection first."
        )
    if header is None:
        return (
            f"{name}: the server takes it for {name.replace('_', '-')}. Have the outermost "
            "proxy remove names with underscores."
        )
    if header not in seen.honest.plan.named:
        return (
            f"{name} is believed though TRUST_PROXY_HEADERS does not name it: the server reads "
            "it, or something between it and TrustProxy. Switch that off."
        )
    if seen.behaviours[name] == "passed":
        return (
            f"{name}: the proxies pass on what a client wrote. Have the outermost one "
            "overwrite it, or leave it out of TRUST_PROXY_HEADERS."
        )
    return f"{name}: TRUST_PROXY trusts what stands left of all that the proxies wrote."


def _fix_of_client(seen: Observations) -> str:
    if seen.prober is None:
        return (
            "No proxy writes down whom it serves, so all clients look like one. Have the "
            "outermost proxy write X-Forwarded-For."
        )
    return (
        f"{seen.prober} is not this machine: a proxy replaced the list that another one "
        "had begun. Have each proxy behind the outermost one append to it."
    )


def _fix_of_url(wrong: Wrong) -> str:
    if wrong.output == "scheme":
        return (
            f"No proxy says for certain that this is {wrong.expected}. Have the outermost one "
            "write X-Forwarded-Proto, and the others pass it on."
        )
    return "Have the proxies pass on the Host header as the client wrote it, with its port."


def _which_network(proxy: str) -> str:
    if ip_address(proxy).is_global:
        return (
            f"{proxy} is a public address: trust it if it is your proxy's. If it is a CDN's, "
            "name the ranges that the CDN publishes, since its address changes."
        )
    return (
        f"{proxy}: which subnet is this in? Name that instead, since load balancers change "
        "their addresses."
    )

"""What the probe concludes: a verdict, its reasons, and what to write instead.

Judges what was found, and words it; nothing is sent here. The settings that it
recommends are the narrowest that reach the prober, with only such headers as no
forgery could change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Literal, NamedTuple, Optional

from ..core.addresses import UNIX, parse_address
from ..core.forwarded import entries, parse_element
from ..core.headers import Says, parse_headers
from ..core.values import DEFAULT_PORTS, parse_scheme
from ..report.phrases import node_name
from .door import Output, split_netloc
from .observations import Behaviour, Client, Forged, Observations, Url

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


class Wrong(NamedTuple):
    """What the app believes of an honest request, and should not.

    :param output: which of its beliefs.
    :param believed: what it believes, ``""`` for nothing.
    :param expected: what is true, ``None`` where the probe cannot know.
    """

    output: Output
    believed: str
    expected: Optional[str]


@dataclass(frozen=True)
class Recommendation:
    """Settings that reach the prober and trust nobody else; ``None``: there are none.

    :param trust: ``TRUST_PROXY``.
    :param headers: ``TRUST_PROXY_HEADERS``.
    :param max_hops: ``TRUST_PROXY_MAX_HOPS``.
    :param count: what ``TRUST_PROXY`` could be instead, as a count.
    """

    trust: Optional[str] = None
    headers: Optional[str] = None
    max_hops: Optional[int] = None
    count: Optional[int] = None

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
    :param client_ip: the client that the app believed in an honest request.
    :param chain: the hops from the prober to the app.
    :param prober: the prober's own address there, ``None`` where nobody says it.
    :param headers: what the proxies do with each header.
    :param read: the headers that the app reads.
    :param forged: what the app believed of forgeries.
    :param misconfigured: what it got wrong of honest requests.
    :param recommend: the settings to write.
    :param reasons: why it is not safe, if the lists above do not say it.
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
    reasons: list[str]
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
            "reasons": self.reasons,
            "fixes": self.fixes,
            "requests": self.requests,
        }


def unprobed(why: str, requests: int) -> Report:
    """The report where the probe could not be carried through."""
    return Report(
        "inconclusive", None, [], None, {}, [], [], [], Recommendation(), [why], [], requests
    )


def conclude(seen: Observations) -> Report:
    """Judge what was found."""
    forged = seen.forged
    misconfigured = list(_misconfigured(seen))
    wrong, unknown = list(_why_wrong(seen)), list(_why_unknown(seen))
    verdict: Verdict = "safe"
    if forged:
        verdict = "forgeable"
    elif misconfigured or wrong:
        verdict = "misconfigured"
    elif unknown:
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
        [*wrong, *unknown],
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
            answer.believed["client_ip"] for answer in seen.answers if seen.is_stray(answer)
        ]
        for wrong in dict.fromkeys([client, *strays]):
            if wrong != prober:
                yield Wrong("client_ip", wrong, prober)
    yield from wrong_url(url, believed["scheme"], believed["host"], believed["port"])
    yield from wrong_prefix(seen, believed["prefix"])


def _why_wrong(seen: Observations) -> Iterator[str]:
    """Why no honest request can be seen rightly, whatever was believed of this one."""
    if any(answer.refused for answer in seen.honest_answers):
        yield "TRUST_PROXY_REQUIRED answers 403 to an honest request that came this way."
    if seen.peer_is_client:
        yield (
            f"The app's peer is {seen.honest.peer}, which is the client. The WSGI server has "
            "replaced the proxy's address, so TrustProxy cannot check who wrote the headers."
        )
    elif seen.trusts_no_proxy:
        yield (
            f"The app trusts no hop, though a proxy is there: it treats its peer, "
            f"{node_name(seen.honest.peer or '')}, as the client of every request."
        )


def _why_unknown(seen: Observations) -> Iterator[str]:
    """Why nobody can tell from here whether anything is forgeable."""
    if seen.prober_is_trusted(seen.honest):
        yield (
            f"{seen.prober} is this machine, and TRUST_PROXY trusts it as a proxy, so the app "
            "accepts what it forges."
        )
    if seen.is_banned:
        yield (
            "Honest requests were answered at first, and then no more: this machine was banned "
            "on the way, or the app went down. What was not answered proves nothing."
        )
    for forgery, _, lost in seen.refused:
        if forgery is not None:
            what = f"was not answered ({lost})" if lost else "was refused on the way"
            yield f"{forgery.header} {what}, so nobody knows what the app would believe of it."


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
    if seen.peer_is_client:
        yield (
            "Have the WSGI server leave the peer's address alone (uvicorn: --no-proxy-headers; "
            "Tornado: no xheaders; waitress: no trusted_proxy; Apache: no mod_remoteip), and "
            "probe again."
        )
    elif seen.trusts_no_proxy and recommendation.trust:
        yield "If these are your proxies, apply the settings below, and probe again."
    if seen.prober_is_trusted(seen.honest):
        yield (
            "Run the probe from another machine, or trust fewer addresses: apply the settings "
            "below, and probe again."
        )
    if seen.refused or seen.is_banned:
        yield "Let this machine's requests pass while the probe runs, and probe again."
    elif seen.lost:
        titles = ", ".join(each.forgery.title for each in seen.lost if each.forgery)
        yield f"Not tried, since nothing came back: {titles}. Probe again."
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
    if "_" in name:
        return (
            f"{name}: the server takes it for {name.replace('_', '-')}. Have the outermost "
            "proxy remove names with underscores."
        )
    if header is None or header not in seen.honest.plan.named:
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
    if wrong.output == "prefix":
        return (
            f"The app does not know that its URLs begin with {wrong.expected or 'no prefix'}. "
            "Have the proxy that changes the path write X-Forwarded-Prefix, and add it to "
            "TRUST_PROXY_HEADERS."
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


def wrong_url(url: Url, scheme: str, host: str, port: str) -> Iterator[Wrong]:
    """What differs from the URL that was probed."""
    if scheme != url.scheme:
        yield Wrong("scheme", scheme, url.scheme)
    if port == DEFAULT_PORTS[url.scheme]:
        port = ""
    if host != url.host:
        yield Wrong("host", host, url.host)
    elif port != url.port:
        yield Wrong("port", port, url.port)


def wrong_prefix(seen: Observations, prefix: str) -> Iterator[Wrong]:
    """What differs from the path that was probed, if the app was asked for a part of it."""
    expected = _expected_prefix(seen)
    if expected is not None and prefix != expected:
        yield Wrong("prefix", prefix, expected)


def _expected_prefix(seen: Observations) -> Optional[str]:
    """The prefix of the probed URL; ``None`` if a proxy rewrote the path."""
    url, path = seen.url.path, seen.honest.path
    if not url.endswith(path) or not (path.startswith("/") or not path):
        return None
    return url[: len(url) - len(path)].rstrip("/")


def recommend(seen: Observations) -> Recommendation:
    """The narrowest settings that reach the prober and say as much as can be said."""
    if seen.peer_is_client:  # the peer would be trusted as a proxy, and it is the client
        return Recommendation()
    if seen.is_direct:
        return Recommendation("false", "none", None, 0)
    recommendations = [
        _recommend(seen, client)
        for client in seen.usable
        if all(node == UNIX or parse_address(node) for node in client.proxies)
    ]
    return min(
        recommendations,
        key=lambda each: len(list(left_wrong(seen, each))),
        default=Recommendation(),
    )


def _recommend(seen: Observations, client: Client) -> Recommendation:
    prober, hops = client.chain[0], len(client.chain) - 1
    single = client.header.says == "client"
    headers = [client.header.item]
    whats: tuple[Says, ...] = ("scheme", "host", "port", "prefix")
    for what in whats:
        if client.header.says != "forwarded" or what in ("port", "prefix"):
            headers += _naming(seen, what, 1 if single else hops)
    trust = dict.fromkeys(_trusting(proxy, prober) for proxy in client.proxies)
    return Recommendation(", ".join(trust), ", ".join(headers), hops, hops)


def left_wrong(seen: Observations, recommendation: Recommendation) -> Iterator[Wrong]:
    """What an honest request's URL would still be seen wrongly with these settings."""
    plan = parse_headers(recommendation.headers or "none")
    said: dict[Says, str] = {}
    for header in plan.values:
        said[header.says] = seen.value(header, header.n) or ""
    if plan.client is not None and plan.client.says == "forwarded":
        *_, outermost = entries(seen.honest.headers["Forwarded"], "forwarded")
        element = parse_element(outermost)
        said["scheme"], said["host"] = parse_scheme(element.proto) or "", element.host
    host, port = split_netloc(said.get("host") or seen.honest.host)
    yield from wrong_url(
        seen.url,
        said.get("scheme") or seen.honest.scheme,
        host,
        said.get("port") or port,
    )
    own = "" if seen.honest.plan.says("prefix") else seen.honest.believed["prefix"]
    yield from wrong_prefix(seen, (said.get("prefix") or own).rstrip("/"))


def _trusting(proxy: str, prober: str) -> str:
    """What ``TRUST_PROXY`` calls a proxy; not by a name that is the prober's too."""
    if proxy == UNIX:
        return "unix"
    if is_loopback(proxy) and not is_loopback(prober):
        return "loopback"
    return proxy


def _naming(seen: Observations, what: Says, reach: int) -> Iterator[str]:
    """The header that says this truly, if one is needed and the prober cannot change it."""
    url, honest = seen.url, seen.honest
    host, port = split_netloc(honest.host)
    prefix = _expected_prefix(seen)
    if (what == "host" and host == url.host) or (what == "port" and port == url.port):
        return
    for header in seen.headers.values():
        for n in range(1, reach + 1) if header.says == what else ():
            value = seen.value(header, n)
            said = split_netloc(value)[0] if value and what == "host" else value
            if said is not None and said == {
                "scheme": url.scheme,
                "host": url.host,
                "port": url.port,
                "prefix": prefix if prefix is not None else said,
            }.get(what, said):
                yield replace(header, n=n).item
                return


def is_loopback(address: str) -> bool:
    """Say whether this is the address of the app's own machine."""
    return parse_address(address) is not None and ip_address(address).is_loopback

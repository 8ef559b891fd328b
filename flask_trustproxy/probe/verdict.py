"""What the probe concludes: a verdict, its reasons, and which settings to write.

Judges what was found; nothing is sent here. The settings that it recommends are the
narrowest that reach the prober, with only such headers as no forgery could change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Optional, TypeVar

from ..core.addresses import UNIX, parse_address
from ..core.forwarded import entries, parse_element
from ..core.headers import Says, parse_headers
from ..core.values import DEFAULT_PORTS, parse_scheme
from ..report.phrases import node_name
from . import fixes
from .door import Output, split_netloc
from .fixes import Lines
from .observations import Client, Forged, Observations, Url
from .report import OverHttp, Recommendation, Report, Verdict, When, Wrong

Found = TypeVar("Found")

SAFE = "Nothing that was forged was accepted, and honest requests are seen correctly."


def conclude(
    ways: Sequence[Observations], over_http: OverHttp = "itself", stopped: str = ""
) -> Report:
    """Judge what was found.

    :param ways: what was found over the probed URL, and then over http beside https.
    :param over_http: what became of that.
    :param stopped: why the probe ended early, ``""`` if it did not.
    """
    seen = ways[0]
    forged = _once((each.output, each.header, each) for way in ways for each in way.forged)
    misconfigured = _once(
        (each.output, each.believed, each) for way in ways for each in _misconfigured(way)
    )
    wrong = _told(ways, _why_wrong)
    unknown = [*([stopped] if stopped else []), *_told(ways, _why_unknown)]
    verdict: Verdict = "safe"
    headline = SAFE
    if forged:
        verdict, headline = "forgeable", _what_is_forged(forged)
    elif wrong or misconfigured:
        verdict = "misconfigured"
        headline = [*wrong, *(each.in_words(over_http) for each in misconfigured)][0]
    elif unknown:
        verdict, headline = "inconclusive", unknown[0]
    recommendation = _when(seen, recommend(seen), forged)
    return Report(
        verdict=verdict,
        headline=headline,
        client_ip=seen.honest.believed["client_ip"] or None,
        chain=list(seen.chain),
        prober=seen.prober,
        headers=seen.behaviours,
        read=seen.read,
        forged=forged,
        misconfigured=misconfigured,
        recommend=recommendation,
        reasons=[*wrong, *unknown],
        fixes=list(dict.fromkeys(_fixes(ways, misconfigured, recommendation))),
        configuration=_configuration(seen, forged),
        over_http=over_http,
        software=seen.honest.software,
        requests=sum(len(way.exchanges) for way in ways),
        stopped=bool(stopped),
    )


def _once(found: Iterable[tuple[str, str, Found]]) -> list[Found]:
    """Each finding once, though it was found over https and over http."""
    once: dict[tuple[str, str], Found] = {}
    for what, which, each in found:
        once.setdefault((what, which), each)
    return list(once.values())


def _told(
    ways: Sequence[Observations], why: Callable[[Observations], Iterator[str]]
) -> list[str]:
    """Reasons; those that hold over http only say so."""
    told = list(why(ways[0]))
    for way in ways[1:]:
        told += [f"Over http: {reason}" for reason in why(way) if reason not in told]
    return told


def _what_is_forged(forged: Iterable[Forged]) -> str:
    by_output: dict[str, list[str]] = {}
    for each in forged:
        by_output.setdefault(each.output, []).append(each.header)
    told = [f"{output} (with {', '.join(names)})" for output, names in by_output.items()]
    return f"A client can forge {', '.join(told)}."


def _misconfigured(seen: Observations) -> Iterator[Wrong]:
    url, believed, over = seen.url, seen.honest.believed, seen.url.scheme
    client, prober = believed["client_ip"], seen.prober
    if prober is None or (not seen.is_direct and seen.is_not_the_prober(prober)):
        yield Wrong("client_ip", client, None, over)
    else:
        # Several if a load balancer has several addresses, and not all are trusted.
        strays = [
            answer.believed["client_ip"] for answer in seen.answers if seen.is_stray(answer)
        ]
        for wrong in dict.fromkeys([client, *strays]):
            if wrong != prober:
                yield Wrong("client_ip", wrong, prober, over)
    yield from wrong_url(url, believed["scheme"], believed["host"], believed["port"])
    yield from wrong_prefix(seen, believed["prefix"])


def _why_wrong(seen: Observations) -> Iterator[str]:
    """Why no honest request can be seen correctly, even if this one looks right."""
    if any(answer.refused for answer in seen.honest_answers):
        yield "TRUST_PROXY_REQUIRED answers 403 to an honest request that came this way."
    if seen.peer_is_client:
        yield (
            f"The app's peer is {seen.honest.peer}, which is the client. The WSGI server has "
            "replaced the proxy's address, so TrustProxy cannot check who wrote the headers."
        )
    elif seen.missed_edge == "no_secret":
        yield (
            f"{seen.honest.secret} did not arrive with the secret of TRUST_PROXY_EDGE_SECRET, "
            "so the app ignores what the proxies say of an honest request."
        )
    elif seen.trusts_no_proxy:
        yield (
            f"The app trusts no hop, though a proxy is there: it treats its peer, "
            f"{node_name(seen.honest.peer or '')}, as the client of every request."
        )
    elif seen.missed_edge == "no_edge_hop":
        yield (
            "An honest request came through no proxy of TRUST_PROXY_EDGE, so the app ignores "
            "its scheme, host, port and prefix."
        )


def _why_unknown(seen: Observations) -> Iterator[str]:
    """Why nobody can tell from here whether anything is forgeable."""
    if seen.prober_is_trusted(seen.honest):
        yield (
            f"The app trusts this machine, {seen.prober}, as a proxy, so it accepts what is "
            "forged from here."
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
    ways: Sequence[Observations],
    misconfigured: Iterable[Wrong],
    recommendation: Recommendation,
) -> Iterator[str]:
    """What to do, in sentences."""
    seen = ways[0]
    for way in ways:
        for each in way.forged:
            yield fixes.of_forgery(way, each.header)
    here = {(each.output, each.header) for each in seen.forged}
    if any((each.output, each.header) not in here for way in ways[1:] for each in way.forged):
        yield fixes.OVER_HTTP
    if any(wrong.output == "client_ip" and wrong.expected is None for wrong in misconfigured):
        yield fixes.of_client(seen.prober)
    for wrong in left_wrong(seen, recommend(seen)):
        header = _says(seen, recommendation, wrong.output)
        yield fixes.of_url(wrong.output, wrong.expected, header)
    if parse_headers(recommendation.headers or "none").says("host"):
        yield "Set TRUSTED_HOSTS (Flask 3.1) or Request.trusted_hosts beside these settings."
    if seen.is_direct and seen.prober != seen.here[0]:
        yield (
            f"The app sees no proxy, and {seen.prober} as its client. If that is not this "
            "machine's public address, a proxy is between that writes nothing."
        )
    if seen.peer_is_client:
        yield fixes.LEAVE_THE_PEER
    elif seen.missed_edge in ("no_secret", "no_edge_hop"):
        yield fixes.THROUGH_THE_EDGE
    elif recommendation.trust and any(
        wrong.output == "client_ip" and wrong.expected is not None for wrong in misconfigured
    ):
        yield fixes.APPLY
    if seen.prober_is_trusted(seen.honest):
        yield fixes.ELSEWHERE
    if any(way.refused or way.is_banned for way in ways):
        yield fixes.LET_PASS
    elif seen.lost:
        titles = ", ".join(each.forgery.title for each in seen.lost if each.forgery)
        yield f"Not tried, since nothing came back: {titles}. Probe again."
    for proxy in (recommendation.trust or "").split(", "):
        if parse_address(proxy) and not is_loopback(proxy):
            yield fixes.which_network(proxy)


def _configuration(seen: Observations, forged: Iterable[Forged]) -> list[Lines]:
    """The lines that keep a client from writing who it is, or another secret."""
    honest = seen.honest
    names = [each.header for each in forged if each.output == "identity"]
    headers = {each.header.replace("_", "-").lower() for each in forged}
    is_spoiled = honest.secret.lower() in headers
    return fixes.lines_that_protect(names, honest.secret if is_spoiled else "")


def _when(
    seen: Observations, recommendation: Recommendation, forged: Iterable[Forged]
) -> Recommendation:
    """Say when settings may be written, and let them read what the proxy has to write."""
    if seen.is_direct:
        when: When = "now" if seen.prober == seen.here[0] else "if_direct"
        return replace(recommendation, when=when) if recommendation.trust else recommendation
    headers = recommendation.headers
    if headers is None:
        return recommendation
    left = list(left_wrong(seen, recommendation))
    for wrong in left:
        headers = _reading(headers, wrong.output)
    read = {header.name for header in parse_headers(headers).named}
    needs_change = bool(left) or any(
        each.output == "identity"
        or each.header == seen.honest.secret
        or (each.over != seen.url.scheme and each.header in read)
        for each in forged
    )
    count = None if seen.honest.identity else recommendation.count  # anyone could write both
    return replace(
        recommendation,
        headers=headers,
        count=count,
        when="after_proxy_change" if needs_change else "now",
    )


#: The header that a proxy is asked to write if none says this.
_USUAL: Mapping[str, str] = {"scheme": "X-Forwarded-Proto", "prefix": "X-Forwarded-Prefix"}


def _reading(headers: str, output: Output) -> str:
    """The headers to read, with the one that a proxy will have to write."""
    name = _USUAL.get(output)
    plan = parse_headers(headers)
    says: Mapping[str, Says] = {"scheme": "scheme", "prefix": "prefix"}
    if name is None or plan.says(says[output]):
        return headers
    return f"{headers}, {name}"


def _says(seen: Observations, recommendation: Recommendation, output: Output) -> str:
    """The header that is to say this."""
    for header in parse_headers(recommendation.headers or "none").named:
        if header.says == output:
            return header.name
        if header.says == "forwarded" and output == "scheme":
            return "the proto of Forwarded"
    return _USUAL.get(output, "")


def wrong_url(url: Url, scheme: str, host: str, port: str) -> Iterator[Wrong]:
    """What differs from the URL that was probed."""
    if scheme != url.scheme:
        yield Wrong("scheme", scheme, url.scheme, url.scheme)
    if port == DEFAULT_PORTS[url.scheme]:
        port = ""
    if host != url.host:
        yield Wrong("host", host, url.host, url.scheme)
    elif port != url.port:
        yield Wrong("port", port, url.port, url.scheme)


def wrong_prefix(seen: Observations, prefix: str) -> Iterator[Wrong]:
    """What differs from the path that was probed, if the app was asked for a part of it."""
    expected = _expected_prefix(seen)
    if expected is not None and prefix != expected:
        yield Wrong("prefix", prefix, expected, seen.url.scheme)


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
        said.get("scheme") or seen.own_scheme,
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

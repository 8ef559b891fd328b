"""What to do about what the probe found: sentences, and lines for the proxies.

Here lives the wording, and the configuration of each proxy program that removes
or overwrites a header. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address
from typing import NamedTuple, Optional

from .forgeries import twin_names
from .observations import Observations


class Lines(NamedTuple):
    """What to write into the configuration of a proxy.

    :param proxy: the name of the program.
    :param place: the part of its configuration where the lines go.
    :param lines: the lines, as they are written there.
    """

    proxy: str
    place: str
    lines: tuple[str, ...]


class _Program(NamedTuple):
    """How a proxy program is told about a header, with its name in braces.

    :param place: where the lines go.
    :param remove: removes what a client wrote.
    :param overwrite: writes a value in the place of what a client wrote.
    :param underscores: removes every name with underscores; ``""``: name each.
    """

    place: str
    remove: str
    overwrite: tuple[str, ...]
    underscores: str = ""


# tests/integration/ puts these lines into the programs themselves.
_PROGRAMS: Mapping[str, _Program] = {
    # https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_set_header
    "nginx": _Program(
        "in the location, beside its other proxy_set_header lines",
        'proxy_set_header {} "";',
        ('proxy_set_header {} "SECRET";',),
        "underscores_in_headers off;",
    ),
    # https://caddyserver.com/docs/caddyfile/directives/reverse_proxy
    "Caddy": _Program("in reverse_proxy", "header_up -{}", ('header_up {} "SECRET"',)),
    # https://docs.haproxy.org/2.6/configuration.html
    "HAProxy": _Program(
        "in the frontend, before its other http-request lines",
        "http-request del-header {}",
        ("http-request set-header {} SECRET",),
        "http-request del-header _ -m sub",
    ),
    # https://httpd.apache.org/docs/2.4/mod/mod_headers.html#requestheader; a client that
    # names the header in Connection would have what `set` writes removed again.
    "Apache": _Program(
        "in the virtual host",
        "RequestHeader unset {} early",
        (
            "RequestHeader edit* Connection (?i){} x early",
            "RequestHeader set {} SECRET",
        ),
    ),
    # https://doc.traefik.io/traefik/middlewares/http/headers/
    "Traefik": _Program(
        "in customRequestHeaders of a headers middleware", '{}: ""', ('{}: "SECRET"',)
    ),
    # https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/http/
    # early_header_mutation/header_mutation/v3/header_mutation.proto: early, before any
    # filter that writes the header itself
    "Envoy": _Program(
        "in the mutations of early_header_mutation_extensions",
        "- {{remove: {}}}",
        (
            "- {{append: {{header: {{key: {}, value: SECRET}}, "
            "append_action: OVERWRITE_IF_EXISTS_OR_ADD}}}}",
        ),
    ),
}


def lines_that_protect(names: Iterable[str], secret: str = "") -> list[Lines]:
    """The lines that let no client write these headers, for each proxy program.

    :param names: headers that are removed, as a client wrote them.
    :param secret: a header that is overwritten, ``""`` for none.
    """
    wanted = list(dict.fromkeys(names))
    return [
        Lines(name, program.place, tuple(dict.fromkeys(_lines(program, wanted, secret))))
        for name, program in _PROGRAMS.items()
        if wanted or secret
    ]


def _lines(program: _Program, names: Iterable[str], secret: str) -> Iterator[str]:
    for name in names:
        if "_" not in name:
            yield program.remove.format(name)
        elif program.underscores:
            yield program.underscores
        else:
            for twin in twin_names(name.replace("_", "-")):
                if "_" in twin:
                    yield program.remove.format(twin)
    if secret:
        yield from (line.format(secret) for line in program.overwrite)


def of_forgery(seen: Observations, name: str) -> str:
    """How to close the hole that a forged header found."""
    header, honest = seen.headers.get(name), seen.honest
    if name == "Connection":
        return (
            "Connection: a client that names a proxy's header there has it removed again (RFC "
            "9110 section 7.6.1). Have that proxy remove such names from Connection first."
        )
    if "_" in name:
        return (
            f"{name}: the server treats it as {name.replace('_', '-')}. Have the outermost "
            "proxy remove names with underscores."
        )
    if name == honest.secret:
        return (
            f"{name}: the proxies pass on a client's own line, and the request loses the "
            "secret. Have the edge overwrite the header, with the lines below."
        )
    if name in honest.identity:
        return (
            f"{name}: the proxies pass on what a client wrote, and the app accepts it as the "
            "user. Have the outermost proxy remove it, with the line below. A proxy that signs "
            "users in must write its own value on every request."
        )
    if header is None or header not in honest.plan.named:
        return (
            f"{name} is believed, but TRUST_PROXY_HEADERS does not name it: the server reads "
            "it, or something between it and TrustProxy. Switch that off."
        )
    if seen.behaviours.get(name) == "passed":
        return (
            f"{name}: the proxies pass on what a client wrote. Have the outermost one "
            "overwrite it, or leave it out of TRUST_PROXY_HEADERS."
        )
    return (
        f"{name}: TRUST_PROXY trusts more than the proxies, so the app accepts an entry that a "
        "client wrote. Trust the addresses of the proxies only."
    )


def of_client(prober: Optional[str]) -> str:
    """How to let the app see who the client is."""
    if prober is None:
        return (
            "No proxy says who its client is, so all clients look like one. Have the "
            "outermost proxy write X-Forwarded-For."
        )
    return (
        f"{prober} is not this machine: a proxy replaced the list that another one "
        "had begun. Have each proxy behind the outermost one append to it."
    )


def of_url(output: str, expected: Optional[str], header: str) -> str:
    """How to let the app see a part of the URL that no setting can tell it.

    :param output: the part.
    :param expected: what it is.
    :param header: the header that should say it.
    """
    if output == "scheme":
        always = ""
        if expected == "https":
            always = (
                " If all your clients use https, TRUST_PROXY_SCHEME = 'https' does it without "
                "a header."
            )
        return (
            f"No proxy says for certain that this is {expected}. Have the outermost one "
            f"write {header}, and the others pass it on.{always}"
        )
    if output == "prefix":
        return (
            f"The app does not know that its URLs begin with {expected or 'no prefix'}. "
            f"Have the proxy that changes the path write {header}, and add it to "
            "TRUST_PROXY_HEADERS."
        )
    return "Have the proxies pass on the Host header as the client wrote it, with its port."


def which_network(proxy: str) -> str:
    """Ask for the network of a proxy, which likely has several addresses."""
    if ip_address(proxy).is_global:
        return (
            f"{proxy} is a public address: trust it if it is your proxy's. If it is a CDN's, "
            "name the ranges that the CDN publishes, since its address changes."
        )
    return (
        f"{proxy}: which subnet is this in? Name that instead, since load balancers change "
        "their addresses."
    )


#: What to do if the server has put the client in the place of the peer.
LEAVE_THE_PEER = (
    "Have the WSGI server leave the peer's address alone (uvicorn: --no-proxy-headers; "
    "Tornado: no xheaders; waitress: no trusted_proxy; Apache: no mod_remoteip), and "
    "probe again."
)
#: What to do if the app trusts no proxy.
APPLY = "If these are your proxies, apply the settings below, and probe again."
#: What to do if the prober is trusted.
ELSEWHERE = (
    "Run the probe from another machine, or trust fewer addresses: apply the settings "
    "below, and probe again."
)
#: What to do if the prober was refused.
LET_PASS = "Let this machine's requests pass while the probe runs, and probe again."
#: What to do if http is treated otherwise than https.
OVER_HTTP = (
    "Have the outermost proxy redirect http to https by itself, or treat the headers over http "
    "as it does over https."
)
#: What to do if an honest request did not come through the edge.
THROUGH_THE_EDGE = (
    "Probe the URL that clients use. If this is it, the edge does not do what "
    "TRUST_PROXY_EDGE or TRUST_PROXY_EDGE_SECRET says: have it write the secret, or name its "
    "addresses."
)

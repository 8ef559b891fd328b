"""Every warning of the package: what was seen, what it means, and what to do.

This is the only place for these texts. The log, ``check`` and the table in the
documentation read it. Nothing here decides when a warning is due.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

#: When a warning is given: at the start and by ``check``, by ``check`` alone, or when a
#: request comes.
When = Literal["start", "check", "request"]


class Caution(NamedTuple):
    """What is dangerous or likely a mistake, and how to fix it.

    :param code: names it for programs.
    :param message: what was seen, and what it means.
    :param fix: what to do about it.
    """

    code: str
    message: str
    fix: str

    def __str__(self) -> str:
        return f"{self.message}. {self.fix}"


class Message(NamedTuple):
    """The texts of a caution, with names in braces for what is known only when it is given.

    :param when: when it is given.
    :param message: what was seen, and what it means.
    :param fix: what to do about it.
    :param code: names it for programs, if its key does not.
    """

    when: When
    message: str
    fix: str
    code: str = ""


#: Every warning, by its name.
MESSAGES: Mapping[str, Message] = {
    "strangers": Message(
        "start",
        "{given} trusts strangers: anyone can forge the client's address",
        "Name the addresses or networks of your proxies",
    ),
    "shared_range": Message(
        "start",
        "{given} trusts a public range, and TRUST_PROXY_MAX_HOPS is not set: other customers "
        "of a CDN send from that range too, are treated as proxies, and can forge an address",
        "Set TRUST_PROXY_MAX_HOPS to the number of your proxies",
    ),
    "host_without_trusted_hosts": Message(
        "start",
        "TRUST_PROXY_HEADERS lets a header say the host, and no list of trusted hosts is set: "
        "if a proxy passes that header on, a client chooses the host of every URL",
        "Set TRUSTED_HOSTS (Flask 3.1) or Request.trusted_hosts",
    ),
    "cdn_header": Message(
        "start",
        "TRUST_PROXY_HEADERS names {header}, which only the CDN overwrites, and TRUST_PROXY "
        "trusts local addresses: a client that reaches your own proxy directly can forge it",
        "Let your own proxy overwrite it on connections that are not the CDN's, or read "
        "X-Forwarded-For and trust the CDN's networks",
    ),
    "cdn_header_passed_on": Message(
        "start",
        "TRUST_PROXY_HEADERS names {header}, and the CDN may pass on the value that a client "
        "wrote, unless you tell it to overwrite that header",
        "Read X-Forwarded-For, and trust the CDN's networks",
        "cdn_header",
    ),
    "unknown_name": Message(
        "start",
        "{name} {where} is no setting, so nothing reads it",
        "{hint}If the app reads {name} itself, all is well",
    ),
    "environment_overridden": Message(
        "start",
        "{name} is {there} in the environment, but {here} in app.config, which wins",
        "Set it in one of the two",
    ),
    "not_loaded": Message(
        "start",
        "FLASK_{name} is set in the environment, but its value is not in app.config",
        "Call app.config.from_prefixed_env() before TrustProxy(app), or name the variable "
        "{name}",
    ),
    "count": Message(
        "check",
        "{given} counts proxies, whatever their addresses: that is right only if nobody can "
        "reach the app without going through them",
        "Name the addresses or networks of your proxies, or set TRUST_PROXY_EDGE_SECRET",
    ),
    "private_range": Message(
        "check",
        "{given} trusts a private range, and TRUST_PROXY_MAX_HOPS is not set: a client with an "
        "address in that range is treated as a proxy, and can forge an address",
        "Set TRUST_PROXY_MAX_HOPS to the number of your proxies",
    ),
    "required_nearest": Message(
        "check",
        "TRUST_PROXY_REQUIRED is on, there may be more than one proxy, and TRUST_PROXY_EDGE is "
        "not set: anyone who reaches the nearest proxy directly is let in",
        "Name the outermost proxies in TRUST_PROXY_EDGE, or set TRUST_PROXY_EDGE_SECRET",
    ),
    "middleware_not_outermost": Message(
        "check",
        "{names} is around TrustProxy's middleware, and sees each request as the server has "
        "it{required}",
        "Create TrustProxy last, after everything that replaces app.wsgi_app",
    ),
    "middleware_lost": Message(
        "check",
        "app.wsgi_app does not lead to TrustProxy's middleware: it was lost, or is behind a "
        "function{required}",
        "Create TrustProxy last, after everything that replaces app.wsgi_app",
    ),
    "file_not_used": Message(
        "request",
        "{error}. The last list that could be read stays in force",
        "Correct the file. It is read again when it changes",
    ),
    "untrusted_peer": Message(
        "request",
        "{peer} sent forwarding headers but is not trusted, so they were ignored",
        "If this is your proxy, set TRUST_PROXY = {trust}",
    ),
    "peer_without_address": Message(
        "request",
        "{peer} sent forwarding headers but is not trusted, so they were ignored. The server "
        "says REMOTE_ADDR = {given}, which is no address",
        "Let the server give the address alone, without a port and brackets",
    ),
    "server_decided": Message(
        "request",
        "REMOTE_ADDR is {peer}, and {header} names the same address as the client: the WSGI "
        "server has already replaced the proxy's address, so TrustProxy cannot check who sent "
        "the headers. They were ignored",
        "Switch off the proxy headers of the server, such as --no-proxy-headers of uvicorn or "
        "xheaders of Tornado. The page 'WSGI servers' has the switch of each",
    ),
    "client_header_not_read": Message(
        "request",
        "{peer}, which is trusted, sent {names}, which is not read, and no {header}: the proxy "
        "itself was treated as the client",
        "If your proxy writes {item} on every request, name it in TRUST_PROXY_HEADERS in place "
        "of {header}. If not, let it write {header}",
    ),
    "client_header_passed_on": Message(
        "request",
        "{peer}, which is trusted, sent {names}, which a client can write, and no {header}: "
        "the proxy itself was treated as the client",
        "Let your proxies and the CDN write {header}",
    ),
    "another_client": Message(
        "request",
        "{peer}, which is trusted, sent {name}: {value}, but the client that was found is "
        "{client}: either that is a proxy of your CDN, or a client wrote {name}",
        "If you use that CDN, name a file of its networks in TRUST_PROXY, beside what is "
        "trusted now, and set TRUST_PROXY_MAX_HOPS to the number of your proxies. To make the "
        "file, run: flask trust-proxy fetch",
    ),
    "another_client_of_platform": Message(
        "request",
        "{peer}, which is trusted, sent {name}: {value}, but the client that was found is "
        "{client}: either that is a proxy of your platform, or a client wrote {name}",
        "If your platform writes {name} on every request, name it in TRUST_PROXY_HEADERS in "
        "place of {header}",
    ),
    "scheme_not_read": Message(
        "request",
        "{peer}, which is trusted, sent no {header}{came}: the scheme is http, a redirect to "
        "https may loop, and a client can write {header} as long as your proxy does not",
        "Let your proxy set {header} on every request{instead}. If it serves https alone and "
        "cannot say so, set TRUST_PROXY_SCHEME = 'https'",
    ),
    "scheme_not_named": Message(
        "request",
        "{peer}, which is trusted, sent the client's address{came}, and TRUST_PROXY_HEADERS "
        "names no header that says the scheme: the scheme is http, and a redirect to https may "
        "loop",
        "Let your proxy set X-Forwarded-Proto on every request, and name it in "
        "TRUST_PROXY_HEADERS. If it serves https alone and cannot say so, set "
        "TRUST_PROXY_SCHEME = 'https'",
    ),
    "count_not_reached": Message(
        "request",
        "TRUST_PROXY = {count} expects that number of proxies, but {header} has fewer valid "
        "addresses: either the request did not come through all of them, or the number is too "
        "high. All forwarding headers of this request were ignored",
        "To see which of the two it is, run: flask trust-proxy probe URL",
    ),
    "count_too_low": Message(
        "request",
        "TRUST_PROXY = {count} found the client {client}, which is a private address, and "
        "{header} has more entries to its left: the request may have come through one proxy "
        "more than the count",
        "To see which proxies it comes through, run: flask trust-proxy probe URL",
    ),
    "client_is_a_proxy": Message(
        "request",
        "The client that was found, {client}, is itself trusted as a proxy ({rule}): {writer} "
        "replaced {header} instead of adding to it, or that proxy sent the request itself",
        "Let {writer} add to the list. For nginx: proxy_set_header X-Forwarded-For "
        "$proxy_add_x_forwarded_for;",
    ),
    "max_hops": Message(
        "request",
        "TRUST_PROXY_MAX_HOPS = {max_hops} ended the walk at {client}, which is trusted as a "
        "proxy ({rule}), and {header} has more entries to its left",
        "If your requests come through more proxies than that, set TRUST_PROXY_MAX_HOPS to "
        "their number",
    ),
    "not_an_address": Message(
        "request",
        "{header}: {writer}, which is trusted, wrote no address, so the walk ended there: "
        "{value}",
        "Let it write the address of its client, and nothing else",
    ),
    "not_understood": Message(
        "request",
        "{header}: {value} came from {peer}, which is trusted, and was not understood, so it "
        "was ignored. Expected {expected}",
        "Let your proxy write such a value, in place of the one that a client sends",
    ),
    "several_values": Message(
        "request",
        "{header} has {number} values, {value}, and {taken} was taken, which is number {n} "
        "from the right: more than one proxy adds to it, or a client wrote the others",
        "Let your outermost proxy set it, and the others pass it on{more}",
    ),
    "unbracketed": Message(
        "request",
        "Forwarded: {writer} wrote the IPv6 address {address} without brackets, so a port "
        "behind it is read as a part of it",
        'Let this proxy write for="[2001:db8::1]", or no port',
    ),
    "removed": Message(
        "request",
        "{header}: {value} was removed, though {peer}, which is trusted, sent it. Your proxy "
        "may have written it, or a client",
        "If your proxy sets it on every request, and your URLs are wrong without it, add it to "
        "TRUST_PROXY_HEADERS. If a client can write it, leave it out",
    ),
    "host_refused": Message(
        "request",
        "{header} says the host {host}, which is not in TRUSTED_HOSTS, so the request was "
        "answered 400",
        "If the app serves that host, add it to TRUSTED_HOSTS. If not, let your proxy write "
        "the host that its client asked for",
    ),
    "proxy_fix": Message(
        "request",
        "ProxyFix runs before TrustProxy and has already replaced the client's address, so "
        "TrustProxy cannot check it",
        "Remove ProxyFix",
    ),
    "mod_wsgi_count": Message(
        "request",
        "TRUST_PROXY = {count} counts proxies, and under mod_wsgi the web server is none of "
        "them: REMOTE_ADDR is already its client",
        "Count only the proxies in front of the web server, or name their addresses",
    ),
    "refused": Message(
        "request",
        "TRUST_PROXY_REQUIRED: a request of {peer} was refused, since {why}",
        "If it came through your proxies, correct TRUST_PROXY or TRUST_PROXY_EDGE. If not, all "
        "is well",
    ),
    "refused_behind_count": Message(
        "request",
        "TRUST_PROXY_REQUIRED: a request was refused, since the TrustProxy around this one "
        "trusts a count or everybody, and so cannot tell a proxy from a stranger",
        "Name the addresses of the proxies there",
    ),
    "around": Message(
        "request",
        "{names} is around TrustProxy in app.wsgi_app: it sees each request first, and "
        "TRUST_PROXY_REQUIRED does not cover the requests that it answers itself",
        "Create TrustProxy last, after everything that replaces app.wsgi_app",
    ),
    "lost_middleware": Message(
        "request",
        "TrustProxy's middleware is not in app.wsgi_app any more, so its work was done late",
        "Create TrustProxy last, after everything that replaces app.wsgi_app",
    ),
}


def caution(name: str, values: Mapping[str, object] = MappingProxyType({})) -> Caution:
    """Fill in the texts of a message.

    :param name: its name in :data:`MESSAGES`.
    :param values: what its texts name in braces.
    """
    message = MESSAGES[name]
    return Caution(
        message.code or name,
        message.message.format_map(values),
        message.fix.format_map(values),
    )

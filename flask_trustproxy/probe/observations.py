"""What the probe found: read off recorded answers, nothing is sent here.

What the proxies do with each header, which hops are between prober and app,
which values of each forgery the app accepted, and what it gets wrong of an honest
request.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address
from typing import Literal, NamedTuple, Optional, cast

from ..core.addresses import parse_address, parse_node
from ..core.forwarded import entries, nth_value, parse_element
from ..core.headers import KNOWN, NAMES, Header
from .door import Answer, Output
from .forgeries import CANARIES, USER, Forgery

Behaviour = Literal["set", "appended", "passed", "dropped", "refused", "unanswered", "absent"]


class Url(NamedTuple):
    """What the probed URL says of itself.

    :param scheme: ``"http"`` or ``"https"``.
    :param host: in lower case, IPv6 in brackets.
    :param port: ``""`` for the scheme's own.
    :param path: decoded as a WSGI server does it (PEP 3333).
    """

    scheme: str
    host: str
    port: str
    path: str = "/"


class Exchange(NamedTuple):
    """What was sent, and what came back.

    :param forgery: ``None`` for an honest request.
    :param answer: ``None`` if the app did not answer.
    :param lost: why there was no response, or a 5xx; ``""`` if it was answered, or
        refused on the way.
    """

    forgery: Optional[Forgery]
    answer: Optional[Answer]
    lost: str = ""


class Forged(NamedTuple):
    """What a forgery made the app believe.

    :param output: which of its beliefs.
    :param header: the header that was forged.
    :param sent: what was written into it.
    :param believed: what the app believed then.
    :param forgery: the whole request.
    :param over: the scheme by which it was sent.
    """

    output: Output
    header: str
    sent: str
    believed: str
    forgery: Forgery
    over: str


class Client(NamedTuple):
    """A header in which the proxies write who the prober is.

    :param header: the header.
    :param chain: its entries and the peer, the prober's first: canonical
        nodes, or text as it is.
    :param proxies: all between prober and app that were seen in any request,
        those nearest to the app first. Large ones have several addresses.
    :param holds: whether the prober cannot change what it is called.
    """

    header: Header
    chain: tuple[str, ...]
    proxies: tuple[str, ...]
    holds: bool


@dataclass(frozen=True)
class Observations:
    """What was recorded, and what can be read off it; each thing is computed once.

    :param url: the probed URL.
    :param here: address and port of the prober's own end of the first
        connection, ``("", 0)`` if it is not known.
    :param there: the address that was connected to.
    :param exchanges: all requests in order, two honest ones first.
    """

    url: Url
    here: tuple[str, int]
    there: str
    exchanges: Sequence[Exchange]

    @property
    def honest(self) -> Answer:
        """The answer to the first honest request."""
        return cast(Answer, self.exchanges[0].answer)

    def _answered(self) -> Iterator[tuple[Forgery, Answer]]:
        """The forgeries that arrived."""
        for exchange in self.exchanges:
            if exchange.forgery is not None and exchange.answer is not None:
                yield exchange.forgery, exchange.answer

    @cached_property
    def answers(self) -> list[Answer]:
        """All answers, in order."""
        return [each.answer for each in self.exchanges if each.answer]

    @cached_property
    def honest_answers(self) -> list[Answer]:
        """The answers to all honest requests."""
        return [each.answer for each in self.exchanges if each.answer and not each.forgery]

    @cached_property
    def is_banned(self) -> bool:
        """Whether an honest request was no longer answered."""
        return any(not each.answer and not each.forgery for each in self.exchanges)

    @cached_property
    def headers(self) -> dict[str, Header]:
        """All headers that can be believed, by name, those that are believed first."""
        named = self.honest.plan.named
        return {header.name: header for header in (*named, *KNOWN.values())}

    @cached_property
    def read(self) -> list[str]:
        """The names of the headers that the app reads, identity headers included."""
        honest = self.honest
        return [
            *(header.name for header in honest.plan.named),
            *honest.identity,
            *([honest.secret] if honest.secret else []),
        ]

    @cached_property
    def behaviours(self) -> dict[str, Behaviour]:
        """What the proxies do with each header, by name.

        ``set``: only their own value arrives; ``appended``: it arrives behind
        the client's; ``passed``: the client's is the last word; ``dropped``:
        nothing arrives; ``refused``: they answer by themselves; ``unanswered``:
        nothing came back; ``absent``: nothing arrives, and nothing was sent.
        """
        behaviours: dict[str, Behaviour] = {}
        for exchange in self.exchanges:
            forgery = exchange.forgery
            if forgery is None or not forgery.plain:
                continue
            if exchange.lost:
                behaviours[forgery.header] = "unanswered"
            elif forgery.header != self.honest.secret:
                header = self.headers.get(forgery.header)
                behaviours[forgery.header] = _behaviour(forgery, header, exchange.answer)
            elif exchange.answer is None:
                behaviours[forgery.header] = "refused"
            elif self.honest.has_secret:  # the app says no more of it than this
                overwritten = exchange.answer.has_secret
                behaviours[forgery.header] = "set" if overwritten else "passed"
        for name in NAMES.values():
            behaviours.setdefault(name, "set" if name in self.honest.headers else "absent")
        return behaviours

    def value(self, header: Header, n: int) -> Optional[str]:
        """The n-th value of a header from the right, as the proxies wrote it.

        ``None`` if there is none, or if the prober could change it.
        """
        honest = nth_value(self.honest.headers.get(header.name, ""), n)
        for forgery, answer in self._answered():
            arrived = nth_value(answer.headers.get(header.name, ""), n)
            # Without a Host the proxies may well name another one, but not the prober's.
            if arrived != honest and (arrived in CANARIES or not forgery.hostless):
                return None
        return None if honest is None else header.parse(honest)

    @cached_property
    def clients(self) -> list[Client]:
        """The headers in which the proxies write who the prober is, the best first.

        If the prober wrote nothing, all that arrives is the proxies': the
        leftmost entry is the prober.
        """
        order = ("client list", "forwarded", "client")
        headers = [header for header in self.headers.values() if header.says in order]
        headers.sort(key=lambda header: order.index(header.says))
        nodes = {header.name: _nodes(header, self.honest) for header in headers}
        return [
            self._client(header, nodes[header.name])
            for header in headers
            if len(nodes[header.name]) == 1 or (nodes[header.name] and header.says != "client")
        ]

    def _client(self, header: Header, nodes: list[str]) -> Client:
        prober = len(nodes) - 1
        # Of a list no more than the prober's entry is read, of a single address all is.
        read = None if header.says == "client" else prober + 1
        chains = [
            (answer.peer or "", *_nodes(header, answer)[:read]) for answer in self.answers
        ]
        return Client(
            header,
            (*reversed(nodes), self.honest.peer or ""),
            tuple(
                dict.fromkeys(
                    chain[hop]
                    for hop in range(prober + 1)
                    for chain in chains
                    if hop < len(chain)
                )
            ),
            all(chain[prober + 1 :] == (nodes[-1],) for chain in chains),
        )

    @cached_property
    def usable(self) -> list[Client]:
        """The headers that reach the prober, and that it cannot change.

        The one that is believed comes first, since there nothing needs to change.
        """
        usable = [
            client
            for client in self.clients
            if client.holds and not self.is_not_the_prober(client.chain[0])
        ]
        return sorted(usable, key=lambda client: client.header != self.honest.plan.client)

    @cached_property
    def client(self) -> Optional[Client]:
        """The header that tells best who the prober is."""
        return next(iter((*self.usable, *self.clients)), None)

    @cached_property
    def is_direct(self) -> bool:
        """Whether nothing is between prober and app, as far as can be seen."""
        peer = self.honest.peer
        if (peer, self.honest.peer_port) == (self.here[0], str(self.here[1])):
            return True
        return (
            self.client is None
            and not self._proxy_shows
            and peer is not None
            and not self.is_not_the_prober(peer)
            and _is_global(peer)
        )

    @cached_property
    def _proxy_shows(self) -> bool:
        """Whether an honest request arrived with what the prober did not write."""
        honest = self.honest
        return bool(honest.headers) or honest.scheme != self.url.scheme

    @cached_property
    def own_scheme(self) -> str:
        """The scheme if no header says one: the connection's, or ``TRUST_PROXY_SCHEME``."""
        honest = self.honest
        arrived = [h for h in honest.plan.named if h.name in honest.headers]
        if any(header.says == "scheme" or header.is_forwarded for header in arrived):
            return honest.scheme
        return honest.believed["scheme"]

    @cached_property
    def shares_machine(self) -> bool:
        """Whether the prober runs on the machine that it connects to."""
        return self.here[0] == self.there or ip_address(self.there).is_loopback

    @cached_property
    def peer_is_client(self) -> bool:
        """Whether the server itself has put the client in the place of the peer.

        Then nobody knows which proxy wrote the headers. On one machine, prober
        and proxy may have one address by right.
        """
        peer = self.honest.peer
        if any(answer.peer in CANARIES for answer in self.answers):
            return True
        if self.is_direct or peer is None or self.is_not_the_prober(peer):
            return False
        if self.client is None:
            return self._proxy_shows and _is_global(peer)
        # Of all the machine's addresses, --source may have chosen one that no proxy has.
        chosen = self.here[0] not in ("127.0.0.1", "::1", self.there)
        return peer == self.client.chain[0] and (chosen or not self.shares_machine)

    @cached_property
    def trusts_no_proxy(self) -> bool:
        """Whether there is a proxy, and the app trusts no hop."""
        return len(self.chain) > 1 and not any(each.hops[0][1] for each in self.honest_answers)

    @cached_property
    def missed_edge(self) -> Optional[str]:
        """Why an honest request through a proxy did not come through the edge."""
        missed = [each.missed for each in self.honest_answers if each.missed]
        return missed[0] if missed and not self.is_direct else None

    @cached_property
    def chain(self) -> tuple[str, ...]:
        """The hops from the prober to the app, its peer last.

        The prober's own is the first, unless no proxy wrote it down.
        """
        best = self.client
        if self.is_direct or best is None:
            return (self.honest.peer or "",)
        # Others may name more of the hops that this one has passed.
        chains = [client.chain for client in self.clients]
        return max((chain for chain in chains if chain[0] == best.chain[0]), key=len)

    @cached_property
    def prober(self) -> Optional[str]:
        """The prober's address as the outermost proxy wrote it down."""
        if self.is_direct or self.client is not None or self.peer_is_client:
            return self.chain[0]
        return None

    def is_not_the_prober(self, node: str) -> bool:
        """Say whether an address is certainly not the prober's.

        An address that came over the internet is a public one, and loopback
        has no translation; and the prober does not connect to itself.
        """
        address = parse_address(node)
        if address is None or (address == self.there and address != self.here[0]):
            return True
        if ip_address(self.there).is_loopback:
            return ip_address(address).is_loopback and address != self.here[0]
        return _is_global(self.there) and not _is_global(address)

    @cached_property
    def _prober_hop(self) -> Optional[int]:
        """As which hop the app finds the prober, ``None`` if it does not."""
        if self.is_direct:
            return 0
        believed = self.honest.plan.client
        chains = [client.chain for client in self.clients if client.header == believed]
        return len(chains[0]) - 1 if chains else None

    def prober_is_trusted(self, answer: Answer) -> bool:
        """Say whether the prober's own address is trusted, as a proxy's is.

        Then nobody can tell what it forged from what a proxy says.
        """
        hop = self._prober_hop
        return (
            answer.trusts in ("addresses", "callable")
            and hop is not None
            and answer.hops[hop : hop + 1] == [(self.prober, True)]
        )

    @cached_property
    def forged(self) -> list[Forged]:
        """Which values of a forgery the app accepted, once for each output and header."""
        found: dict[tuple[Output, str], Forged] = {}
        for hole in (*self._forged_users(), *self._forged_outputs()):
            found.setdefault((hole.output, hole.header), hole)
        return list(found.values())

    def _reached(self) -> Iterator[tuple[Forgery, Answer]]:
        """The forgeries that the app serves; what it answers 403 it does not believe."""
        for forgery, answer in self._answered():
            if not answer.refused:
                yield forgery, answer

    def _forged_users(self) -> Iterator[Forged]:
        """The users that the prober made up, and that the app accepts."""
        names: set[str] = set()
        for forgery, answer in self._reached():
            if self.is_direct and self.prober_is_trusted(answer):
                continue  # it is treated as a proxy, which may say so
            for name, kept in answer.identity.items():
                if USER in (kept or "") and name not in names:
                    names.add(name)
                    header, sent = _line_of(forgery, {name})
                    yield Forged("identity", header, sent, USER, forgery, self.url.scheme)

    def _forged_outputs(self) -> Iterator[Forged]:
        """What the app believes otherwise than of an honest request."""
        honest = [answer.believed for answer in self.honest_answers]
        plainly: set[Output] = set()
        for forgery, answer in self._reached():
            for output, value in answer.believed.items():
                if any(believed[output] == value for believed in honest):
                    continue
                if not forgery.plain and output in plainly:
                    continue
                if self._is_excused(forgery, answer, output, value):
                    continue
                if forgery.plain:
                    plainly.add(output)
                header, sent = _line_of(forgery, self._that_say(output))
                yield Forged(output, header, sent, value, forgery, self.url.scheme)

    def _is_excused(self, forgery: Forgery, answer: Answer, output: Output, value: str) -> bool:
        """Say whether the forgery is not to blame for what was believed."""
        if forgery.hostless and output in ("host", "port"):
            return value not in CANARIES  # a request without a Host has none
        if self.is_stray(answer):
            # Of a peer that is not trusted nothing is believed.
            return output == "client_ip" or not answer.hops[0][1]
        hop = self._prober_hop
        if hop is None or not self.prober_is_trusted(answer) or (value, True) in answer.hops:
            return False
        # The prober is taken for a proxy, which may say what it likes.
        for header in answer.plan.values:
            if header.says == output:
                return header.n > hop
        return len(answer.hops) - 1 > hop

    def is_stray(self, answer: Answer) -> bool:
        """Say whether a request came by a proxy that is not trusted.

        So does one in two if a load balancer has two addresses. One that lost the
        edge's secret came by the same proxy.
        """
        if self.honest.has_secret and not answer.has_secret:
            return False
        hop, (last, trusted) = self._prober_hop, answer.hops[-1]
        return (
            hop is not None
            and len(answer.hops) - 1 < hop
            and not trusted
            and last not in CANARIES
        )

    def _that_say(self, output: Output) -> set[str]:
        """The names of the headers that say this."""
        return {
            header.name
            for header in self.headers.values()
            if header.says == output or (output == "client_ip" and "client" in header.says)
        }

    @cached_property
    def refused(self) -> list[Exchange]:
        """The plain forgeries of headers that the app reads, and that did not reach it."""
        named = set(self.read)
        return [
            exchange
            for exchange in self.exchanges
            if exchange.answer is None
            and exchange.forgery
            and exchange.forgery.plain
            and exchange.forgery.header in named
        ]

    @cached_property
    def lost(self) -> list[Exchange]:
        """All forgeries to which nothing came back."""
        return [each for each in self.exchanges if each.forgery and each.lost]


def _line_of(forgery: Forgery, names: Collection[str]) -> tuple[str, str]:
    """The line of a forgery that arrives as one of these headers, the last one of several."""
    wanted = {name.lower() for name in names}
    for name, value in reversed(forgery.lines):
        if name.lower().replace("_", "-") in wanted:
            return name, forgery.sent if name == forgery.header else value
    return forgery.header, forgery.sent


def _behaviour(
    forgery: Forgery, header: Optional[Header], answer: Optional[Answer]
) -> Behaviour:
    if answer is None:
        return "refused"
    if forgery.header not in answer.headers:
        return "dropped"
    arrived = list(_entries(header, answer.headers[forgery.header]))
    if forgery.sent not in arrived:
        return "set"
    return "passed" if arrived[0] == forgery.sent else "appended"


def _entries(header: Optional[Header], value: str) -> Iterator[str]:
    """A proxy may well append to a header that is to hold one address."""
    is_forwarded = header is not None and header.says == "forwarded"
    return entries(value, "forwarded" if is_forwarded else "client list")


def _nodes(header: Header, answer: Answer) -> list[str]:
    """The nodes that a client header names from the right, text as it is."""
    value = answer.headers.get(header.name, "")
    texts = _entries(header, value)
    if header.says == "forwarded":
        return [parse_element(text).node or text for text in texts]
    return [parse_node(text) or text for text in texts]


def _is_global(address: str) -> bool:
    return ip_address(address).is_global

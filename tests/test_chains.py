"""A model of proxies in a row, and what a client at its far end can forge.

``python tests/test_chains.py`` writes the table of it that the documentation
shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_trustproxy.core.resolution import Resolution
from flask_trustproxy.settings import Settings
from helpers import CLIENT, resolved, settings_of

TABLE = Path(__file__).parent.parent / "docs/forgeable.inc"

XFF, HOST = "X-Forwarded-For", "X-Forwarded-Host"

#: The proxies, the one next to the app first.
ADDRESSES = ("10.0.0.1", "10.0.0.2", "10.0.0.3")
EVIL = "6.6.6.6"

#: A header on the wire: its lines, none where it is not there.
Lines = list[str]


class Does(NamedTuple):
    """What a proxy does to a header, and whether what it writes is empty."""

    does: str
    empty: bool = False

    def to(self, lines: Lines, own: str) -> Lines:
        if self.empty:
            own = ""
        if self.does == "appends":
            return [*lines[:-1], f"{lines[-1]}, {own}"] if lines else [own]
        if self.does == "appends a line":
            return [*lines, own]
        if self.does == "overwrites":
            return [own]
        if self.does == "sets if absent":
            return lines or [own]
        return lines if self.does == "passes on" else []

    @property
    def appends(self) -> bool:
        return self.does in ("appends", "appends a line")

    @property
    def replaces(self) -> bool:
        return self.does in ("overwrites", "drops")


WRITES = ("appends", "appends a line", "overwrites", "sets if absent")
HONEST = [*map(Does, WRITES), Does("passes on"), Does("drops")]
ALL = [*HONEST, *(Does(does, empty=True) for does in WRITES)]

#: What each proxy does, the one next to the app first.
Chain = Sequence[Does]


def chains(kinds: list[Does]) -> Iterator[Chain]:
    for length in (1, 2, 3):
        yield from product(kinds, repeat=length)


def arrives(chain: Chain, written: str | None, own: Sequence[str]) -> str | None:
    """What the app gets of a header that a client wrote.

    :param own: what each proxy writes of its own, in the order of the chain.
    """
    lines = [] if written is None else [written]
    for proxy, text in reversed(list(zip(chain, own))):
        lines = proxy.to(lines, text)
    return ",".join(lines) if lines else None


def addresses_behind(chain: Chain) -> list[str]:
    """Whom each proxy sees at the far end of its connection."""
    return [*ADDRESSES[1 : len(chain)], CLIENT]


def elements_behind(chain: Chain) -> list[str]:
    return [
        f'for="{node}";proto=http;host=own{hop}.example'
        for hop, node in enumerate(addresses_behind(chain))
    ]


OWN = {XFF: addresses_behind, "Forwarded": elements_behind}
PROXIES = ", ".join(ADDRESSES)
#: What a client may write: with the addresses of proxies, to be walked past.
ATTACKS = {
    XFF: [None, "", ",", EVIL, f"{EVIL}, ", f"{EVIL}, {EVIL}, {EVIL}", f"{EVIL}, unix:"]
    + [f"{EVIL}, {', '.join(ADDRESSES[:n])}" for n in (1, 2, 3)],
    "Forwarded": [None, "", ",", f"for={EVIL}", f'for="{EVIL}', f"for={EVIL}\\", f"for={EVIL};"]
    + [
        ", ".join(f"for={node};proto=https;host=evil.example" for node in nodes)
        for nodes in ([EVIL], [EVIL] * 3, [EVIL, *ADDRESSES], [EVIL, *ADDRESSES[:1]])
    ],
}


@cache
def asked(trust: object, headers: str) -> Settings:
    return settings_of(trust, headers)


def by_names(trusted: Sequence[bool]) -> str:
    return ", ".join(a for a, yes in zip(ADDRESSES, trusted) if yes) or "192.0.2.1"


def seen(chain: Chain, trust: object, header: str, written: str | None) -> Resolution:
    """What an app believes of a client header that the client wrote as well."""
    value = arrives(chain, written, OWN[header](chain))
    headers = {} if value is None else {header: value}
    return resolved(asked(trust, header), headers, ADDRESSES[0])


def outcomes(chain: Chain, trust: object, header: str) -> set[object]:
    """All that a client can make an app believe by that header."""
    return {
        (found.client_ip, found.client_ips, found.scheme, found.host, found.trusted_hops > 0)
        for written in ATTACKS[header]
        for found in [seen(chain, trust, header, written)]
    }


def is_forgeable(chain: Chain, trust: object, header: str) -> bool:
    return any(EVIL in ips for _, ips, *_ in outcomes(chain, trust, header))


# The conditions under which nothing that the client wrote is believed. They
# are asked of the trusted hops, from the app to the first that is not trusted.


def is_safe_by_names(hops: Chain) -> bool:
    return not hops or hops[-1].appends or any(hop.replaces for hop in hops)


def is_safe_by_count(hops: Chain) -> bool:
    return all(hop.appends for hop in hops) or any(hop.replaces for hop in hops)


def is_safe_value(hops: Chain, n: int) -> bool:
    return sum(hop.appends for hop in hops) >= n or any(hop.replaces for hop in hops)


@pytest.mark.parametrize("header", [XFF, "Forwarded"])
@pytest.mark.parametrize("trusted", [*product([True, False], repeat=3)], ids=str)
def test_nothing_that_the_client_wrote_is_believed_by_names(header, trusted):
    run = (*trusted, False).index(False)
    for chain in chains(ALL):
        if is_safe_by_names(chain[:run]):
            assert len(outcomes(chain, by_names(trusted[: len(chain)]), header)) == 1, chain


@pytest.mark.parametrize("header", [XFF, "Forwarded"])
@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_nothing_that_the_client_wrote_is_believed_by_count(header, count):
    for chain in chains(ALL):
        if count <= len(chain) and is_safe_by_count(chain[:count]):
            assert len(outcomes(chain, count, header)) == 1, chain


@pytest.mark.parametrize("header", [XFF, "Forwarded"])
def test_the_conditions_are_exact(header):
    """Where every trusted hop has something to say, whatever else is forgeable."""
    for chain in chains(HONEST):
        assert is_forgeable(chain, PROXIES, header) is not is_safe_by_names(chain), chain
        assert is_forgeable(chain, len(chain), header) is not is_safe_by_count(chain), chain


HOST_ATTACKS = [None, "", ","] + [", ".join(["evil.example"] * n) for n in (1, 2, 3)]


def host_seen(
    hosts: Chain, trust: object, n: int, written: str | None, client: str | None
) -> str | None:
    """The host that an app believes where its client wrote a host as well.

    :param client: the client header that arrives.
    """
    host = arrives(hosts, written, [f"own{hop}.example" for hop in range(len(hosts))])
    headers = {XFF: client, HOST: host}
    sent = {name: value for name, value in headers.items() if value is not None}
    return resolved(asked(trust, f"{XFF}, {HOST}:{n}"), sent, ADDRESSES[0]).host


def hosts_seen(hosts: Chain, n: int) -> set[str | None]:
    """All hosts that a client can make an app believe, proxies named."""
    client = arrives([Does("appends")] * len(hosts), None, addresses_behind(hosts))
    return {host_seen(hosts, PROXIES, n, written, client) for written in HOST_ATTACKS}


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_conditions_of_values_are_exact(n):
    for chain in chains(ALL):
        found = hosts_seen(chain, n)
        if n > len(chain):
            assert found == {None}, chain
        elif is_safe_value(chain, n):
            assert len(found) == 1, chain
            assert "evil.example" not in found, chain
        else:
            assert "evil.example" in found, chain


steps = st.lists(st.sampled_from(ALL), min_size=1, max_size=3)


@given(
    hosts=steps,
    clients=steps,
    trusted=st.sampled_from([[True], [True, True], [True, True, True], [True, False, True]]),
    counted=st.booleans(),
    in_clients=st.lists(st.sampled_from([EVIL, *ADDRESSES, "unix:", ""])).map(", ".join),
    in_hosts=st.lists(st.sampled_from(["evil.example", "evil.example:80", ""])).map(", ".join),
)
def test_a_forged_client_makes_no_forged_host(
    hosts, clients, trusted, counted, in_clients, in_hosts
):
    """Even where the client can say how many hops there are."""
    length = min(len(hosts), len(clients), len(trusted))
    hosts, clients, trusted = hosts[:length], clients[:length], trusted[:length]
    run = (*trusted, False).index(False)
    trust = run if counted else by_names(trusted)
    client = arrives(clients, in_clients, addresses_behind(clients))
    for n in range(1, run + 1 if counted else 4):
        if is_safe_value(hosts[:run], n):
            found = host_seen(hosts, trust, n, in_hosts, client)
            assert found is None or found.startswith("own")


# The table of what is forgeable


def table() -> str:
    """The table as the documentation has it.

    Whoever overwrites or drops the header makes it safe, so the rows are those
    of chains in which nobody does.
    """
    heads = ["From the client to the app", "Client, proxies named", "Client, proxies counted"]
    heads += [f"``{HOST}{n}``" for n in ("", ":2", ":3")]
    rows = [heads, *map(row, chains([Does("appends"), Does("passes on")]))]
    lines = [".. list-table::", "    :header-rows: 1", ""]
    for cells in rows:
        lines += [f"    {'*' if i == 0 else ' '} - {cell}" for i, cell in enumerate(cells)]
    return "\n".join(lines) + "\n"


def row(chain: Chain) -> list[str]:
    cells = [is_forgeable(chain, PROXIES, XFF), is_forgeable(chain, len(chain), XFF)]
    cells += ["evil.example" in hosts_seen(chain, n) for n in range(1, len(chain) + 1)]
    words = ["**forgeable**" if forgeable else "safe" for forgeable in cells]
    words += ["not set"] * (3 - len(chain))
    return [", ".join(hop.does for hop in reversed(chain)), *words]


def test_the_table_in_the_documentation_is_what_the_model_prints():
    assert TABLE.read_text("utf-8") == table()


if __name__ == "__main__":
    TABLE.write_text(table(), "utf-8")

"""The walk, compared with the one that Express makes.

Express reads ``X-Forwarded-For`` by proxy-addr, which asks the same question
of the same list. Where the two differ, a row below says how and why; a chain
that is put into Express's terms by these rows must come out the same.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from flask_trustproxy import SettingError
from helpers import CLIENT, PEER, addresses, canonical, resolved, settings_of

from .chains import NAMES, beside, elements, entries, network_of, spaces

HERE = Path(__file__).parent
INSTALL = "npm install --no-package-lock --prefix tests/oracle"


class Asked(NamedTuple):
    """A request as proxy-addr sees one."""

    peer: str
    header: str
    trust: object


def ask_express(asked: list[Asked]) -> list[object]:
    """The addresses that Express walks, the peer first, for each request."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node.js: apt-get install nodejs npm")
    if not (HERE / "node_modules/proxy-addr").is_dir():
        pytest.skip(f"needs Express's proxy-addr: {INSTALL}")
    batch = json.dumps([request._asdict() for request in asked])
    done = subprocess.run(
        [node, HERE / "express.js"], input=batch, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# What we do and why, whom to trust, the header, what Express says, what we say.
TEN = "10.0.0.0/8"
DIFFERENCES = [
    ("text is no client: it would stand in logs and keys", TEN, "<script>", "<script>", PEER),
    ("unknown is text", TEN, f"{CLIENT}, unknown", "unknown", PEER),
    ("a port is no part of an address", TEN, f"{CLIENT}:80", f"{CLIENT}:80", CLIENT),
    ("a proxy has a port too", TEN, f"{CLIENT}, 10.0.0.3:80", "10.0.0.3:80", CLIENT),
    ("nor are brackets", TEN, "[2001:db8::1]", "[2001:db8::1]", "2001:db8::1"),
    ("nor is a zone, known to that proxy alone", TEN, "fe80::1%1", "fe80::1%1", "fe80::1"),
    ("an address has one text", TEN, "2001:DB8:0::1", "2001:DB8:0::1", "2001:db8::1"),
    ("a mapped one that of IPv4", TEN, f"::ffff:{CLIENT}", f"::ffff:{CLIENT}", CLIENT),
    ("a tab is white space", TEN, f"\t{CLIENT}", f"\t{CLIENT}", CLIENT),
    ("leading zeros are octal to some", TEN, f"{CLIENT}, 012.0.0.3", CLIENT, PEER),
    ("a number is no address", TEN, f"{CLIENT}, 167772163", CLIENT, PEER),
    ("nor is a hexadecimal one", TEN, f"{CLIENT}, 0xa000003", CLIENT, PEER),
    ("a proxy that had nothing to say says so", TEN, f"{CLIENT},,10.0.0.3", CLIENT, "10.0.0.3"),
    ("the last one as well", TEN, f"{CLIENT}, ", CLIENT, PEER),
    ("a proxy on a socket is a hop", f"{TEN}, unix", f"{CLIENT}, unix:", "unix:", CLIENT),
    ("a count that is not reached was walked round", 2, CLIENT, CLIENT, PEER),
    ("text reaches no count", 1, "unknown", "unknown", PEER),
    ("16 hops at most", True, f"{CLIENT}, 10.9.9.9{', 10.0.0.3' * 15}", CLIENT, "10.9.9.9"),
    ("all of IPv4 is warned of", "0.0.0.0/0", CLIENT, "TypeError: invalid range", CLIENT),
    ("so is all of IPv6", "::/0", "::2", "TypeError: invalid range", PEER),
    ("a mapped network has 96 bits", "::ffff:10.0.0.0/8", CLIENT, PEER, "SettingError"),
]


def test_every_difference_is_one():
    asked = [
        Asked(PEER, header, trust.replace(", unix", "") if isinstance(trust, str) else trust)
        for _, trust, header, _, _ in DIFFERENCES
    ]
    for (what, trust, header, theirs, ours), walked in zip(DIFFERENCES, ask_express(asked)):
        express = walked[-1] if isinstance(walked, list) else walked
        assert express.partition(" on")[0] == theirs, what
        try:
            found = resolved(settings_of(trust), {"X-Forwarded-For": header}).client_ip
        except SettingError:
            found = "SettingError"
        assert found == ours, what
        assert theirs != ours, what


#: Stands for a socket where Express is asked.
SOCKET = "192.0.2.255"


def in_its_words(element: str) -> list[str]:
    """What an element of ``TRUST_PROXY`` is to Express."""
    if element in NAMES:
        return [element] * (element != "unix") + [SOCKET] * (element in ("unix", "loopback"))
    network = network_of(element)
    return list(map(str, [network] if network.prefixlen else network.subnets()))


class Case(NamedTuple):
    """A request to us, and the same in Express's terms."""

    peer: str
    header: str
    trust: object
    max_hops: int
    express: Asked


@st.composite
def families(draw: st.DrawFn) -> list[Case]:
    """Chains that grow by one hop, each asked about by several settings."""
    hops = [
        (f"{draw(spaces)}{text}{draw(spaces)}", SOCKET if node == "unix:" else node)
        for text, node in draw(st.lists(entries, min_size=3, max_size=8))
    ]
    some = st.lists(elements(), min_size=1, max_size=4)
    policies = [(draw(st.booleans()),) * 2, (draw(st.integers(0, 4)),) * 2]
    policies += [
        (trust, [words for element in trust for words in in_its_words(element)])
        for trust in draw(st.lists(some, min_size=1, max_size=3))
    ]
    peer = draw(st.one_of(beside, addresses.map(canonical), st.just("unix:")))
    max_hops = draw(st.sampled_from([4, 16]))
    return [
        Case(peer, ",".join(text for text, _ in hops[start:]), ours, max_hops, theirs)
        for start in range(len(hops) + 1)
        for read in [in_their_terms([node for _, node in hops[start:]], max_hops)]
        for ours, trust in policies
        for theirs in [Asked(SOCKET if peer == "unix:" else peer, read, trust)]
    ]


def in_their_terms(nodes: list[str], max_hops: int) -> str:
    """The header that Express walks as far as we walk ours."""
    nodes = nodes[-max_hops:]
    while "" in nodes:  # text ends the walk, and so does an empty entry
        nodes = nodes[nodes.index("") + 1 :]
    return ", ".join(nodes)


def expected(case: Case, walked: list[str]) -> tuple[str | None, tuple[str, ...]]:
    """What Express's answer makes the client and the addresses to us."""
    if type(case.trust) is int and len(walked) <= case.trust:
        walked = walked[:1]
    client_ips = tuple(address for address in walked[:0:-1] if address != SOCKET)
    peer = None if case.peer == "unix:" else case.peer
    return (client_ips[0] if client_ips else peer), client_ips


def test_thousands_of_chains_end_where_those_of_express_do():
    gathered: list[Case] = []

    @settings(max_examples=150, phases=[Phase.generate], database=None)
    @given(families())
    def gather(family: list[Case]) -> None:
        gathered.extend(family)

    gather()
    assert len(gathered) > 2000
    differing = []
    for case, walked in zip(gathered, ask_express([case.express for case in gathered])):
        chosen = settings_of(case.trust, max_hops=case.max_hops)
        found = resolved(chosen, {"X-Forwarded-For": case.header}, case.peer)
        ours = found.client_ip, found.client_ips
        if not isinstance(walked, list) or ours != expected(case, walked):
            differing.append((case, walked, ours))
    # The shortest says most.
    assert min(differing, key=lambda found: len(str(found)), default=None) is None

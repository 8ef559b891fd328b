"""The walk, compared with the one that nginx's realip module makes.

With ``real_ip_recursive on`` it asks the same question of the same list. A
header goes to nginx as it stands, but for the entries of which a row below says
that nginx reads them otherwise, and why we do not: they go to it as we read
them. What nginx then answers must be our client.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from random import Random
from typing import NamedTuple, Optional

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from helpers import CLIENT, canonical, resolved, settings_of

from .chains import elements, entries, network_of
from .realip import PEERS, Asked, ask_nginx


class Difference(NamedTuple):
    """What nginx reads otherwise, and why we do not.

    `entry` is what all entries that differ so look like, and `read` what says
    to nginx what they say to us.
    """

    why: str
    header: str
    theirs: str
    ours: str
    entry: str = r"(?!)"
    read: str = "-"
    trust: str = "127.0.0.0/8, 10.0.0.0/8, unix"


PEER = "127.0.0.2"
#: In this order they are put into nginx's terms. ``-`` is text to both.
DIFFERENCES = [
    Difference(
        "white space around an element is spaces and tabs (RFC 9110 section 5.6.3)",
        f"{CLIENT},\t10.0.0.3",
        PEER,
        CLIENT,
        r"[ \t]*(.*?)[ \t]*",
        r"\1",
    ),
    Difference(
        "a comma alone parts two elements (RFC 9110 section 5.6.1)",
        f"{CLIENT} 10.0.0.3",
        CLIENT,
        PEER,
        r".* .*",
    ),
    Difference(
        "an empty entry is of a proxy that had nothing to say (not RFC 9110 section 5.6.1.2)",
        f"{CLIENT},,10.0.0.3",
        CLIENT,
        "10.0.0.3",
        r"",
    ),
    Difference(
        "an empty first entry is an entry, and no part of the next",
        ",10.0.0.3",
        PEER,
        "10.0.0.3",
    ),
    Difference(
        "the zone is known to that proxy alone, the address is one (RFC 4007 section 6)",
        "fe80::1%eth0",
        PEER,
        "fe80::1",
        r"(?![0-9]+\.)(\[?[0-9a-f]*:[0-9a-f:.]+)%[0-9a-z._~%-]+(\].*)?",
        r"\1\2",
    ),
    Difference(
        "port 0 is a port (RFC 7239 section 6: 1*5DIGIT)",
        f"{CLIENT}:0",
        PEER,
        CLIENT,
        r"([0-9.]+|\[.*\]):0{1,5}",
        r"\1",
    ),
    Difference(
        "a port of six digits is none (RFC 7239 section 6: 1*5DIGIT)",
        f"{CLIENT}:000080",
        CLIENT,
        PEER,
        r"([0-9.]+|\[.*\]):[0-9]{6,}",
    ),
    Difference(
        "leading zeros are octal to some (RFC 3986 section 3.2.2: dec-octet)",
        f"{CLIENT}, 010.0.0.3",
        CLIENT,
        PEER,
        r"(.*[:\[])?0[0-9]+\..*|.*\.0[0-9]+.*",
    ),
    Difference(
        "a part without digits is none (RFC 3986 section 3.2.2: dec-octet)",
        f"{CLIENT}, 10...3",
        CLIENT,
        PEER,
        r"(.*[:\[])?\..*|.*\.(\.|:|\]|\Z).*",
    ),
    Difference(
        "a single colon before the first group is none (RFC 4291 section 2.2)",
        ":2001:db8:0:0:0:0:0:1",
        "2001:db8::1",
        PEER,
        r"\[?:[0-9a-f].*",
    ),
    Difference(
        "nor is one behind the last",
        "2001:db8::1:",
        "2001:db8::1:0",
        PEER,
        r"\[?[0-9a-f:]*::[0-9a-f:]*[0-9a-f]:(\].*)?",
    ),
    Difference(
        "'::' may stand for a last group of zeros (RFC 4291 section 2.2)",
        "2001:db8:0:0:0:0:1::",
        PEER,
        "2001:db8::1:0",
        r"(\[?([0-9a-f]{1,4}:){7}):(\].*)?",
        r"\g<1>0\3",
    ),
    Difference(
        "the last IPv4 address is an address (RFC 3986 section 3.2.2: IPv4address)",
        "255.255.255.255",
        PEER,
        "255.255.255.255",
        r"255\.255\.255\.255(:[0-9]+)?",
        r"[::ffff:ffff:ffff]\1",
    ),
    Difference(
        "within an IPv6 one as well",
        "2001:db8::255.255.255.255",
        PEER,
        "2001:db8::ffff:ffff",
        r"(.*:)255\.255\.255\.255(\].*)?",
        r"\1ffff:ffff\2",
    ),
    Difference(
        "an IPv4-mapped address is its IPv4 address (RFC 4291 section 2.5.5.2)",
        f"::ffff:{CLIENT}",
        f"::ffff:{CLIENT}",
        CLIENT,
    ),
    Difference(
        "::1.2.3.4 is deprecated (RFC 4291 section 2.5.5.1), and has no dots",
        "::1.2.3.4",
        "::1.2.3.4",
        "::102:304",
    ),
    Difference(
        "an IPv4-mapped network is its IPv4 network (RFC 4291 section 2.5.5.2)",
        f"{CLIENT}, 10.0.0.3",
        "10.0.0.3",
        CLIENT,
        trust="127.0.0.0/8, ::ffff:10.0.0.0/104",
    ),
    Difference(
        "a proxy on a socket is a hop that nginx itself calls unix:",
        f"{CLIENT}, unix:",
        PEER,
        CLIENT,
    ),
    Difference(
        "16 hops at most (TRUST_PROXY_MAX_HOPS)",
        f"{CLIENT}, 10.9.9.9{', 10.0.0.3' * 15}",
        CLIENT,
        "10.9.9.9",
    ),
]
READINGS = [(re.compile(row.entry, re.I).fullmatch, row.read) for row in DIFFERENCES]


def in_its_words(entry: str) -> str:
    """What says to nginx what an entry says to us."""
    text = read = entry.strip(" ")
    for matches, words in READINGS:
        match = matches(read)
        if match:
            read = match.expand(words)
    return entry if read == text else read


def in_its_terms(lines: tuple[str, ...], trusts_unix: bool, max_hops: int) -> tuple[str, ...]:
    """The header that nginx walks as far as we walk ours."""
    kept: list[str] = []
    for line in reversed(lines):
        texts = line.split(",")[-max_hops:] if max_hops else []
        max_hops -= len(texts)
        if line.strip(" \t"):  # a blank line is text to both
            texts = list(map(in_its_words, texts))
        if trusts_unix:  # a hop that has no address is passed over
            texts = [text for text in texts if text.strip(" ") != "unix:"]
        if texts:
            kept.insert(0, ",".join(texts))
    return tuple(kept)


#: What names are to nginx.
SOURCES = {
    "true": ["0.0.0.0/0", "::/0", "unix:"],
    "loopback": ["127.0.0.0/8", "::1", "unix:"],
    "linklocal": ["169.254.0.0/16", "fe80::/10"],
    "uniquelocal": ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
    "unix": ["unix:"],
}
# It knows no masks, and finds no IPv4-mapped address in an IPv6 network.
is_source = re.compile(
    r"(?!255\.255\.255\.255/)[0-9.]+(/[0-9]+)?|(?!::ffff:)[0-9a-f:]+(/[0-9]+)?"
).fullmatch


def sources_of(element: str) -> list[str]:
    """What ``set_real_ip_from`` is given for an element of ``TRUST_PROXY``."""
    if element in SOURCES:
        return SOURCES[element]
    if is_source(element):
        return [element]
    # It reads the last IPv4 address as a host name only.
    return [str(network_of(element)).removesuffix("/32")]


def client_of(remote_addr: str) -> Optional[str]:
    """The client, as we write it."""
    return None if remote_addr == "unix:" else canonical(ip_address(remote_addr))


class Case(NamedTuple):
    """A request: from whom, the header's lines, and whom to trust."""

    peer: str
    lines: tuple[str, ...]
    trust: str
    max_hops: int = 16

    def to_us(self) -> Optional[str]:
        chosen = settings_of(self.trust, max_hops=self.max_hops)
        headers = {"X-Forwarded-For": ",".join(self.lines)} if self.lines else {}
        return resolved(chosen, headers, self.peer).client_ip

    def to_nginx(self) -> Asked:
        elements = self.trust.split(", ")
        sources = tuple(source for element in elements for source in sources_of(element))
        lines = in_its_terms(self.lines, "unix:" in sources, self.max_hops)
        return Asked(self.peer, lines, sources)

    def to_nginx_as_it_stands(self) -> Asked:
        elements = self.trust.replace("unix", "unix:").split(", ")
        return Asked(self.peer, self.lines, tuple(elements))


def test_every_difference_is_one():
    cases = [Case(PEER, (row.header,), row.trust) for row in DIFFERENCES]
    answers = ask_nginx(case.to_nginx_as_it_stands() for case in cases)
    answers_in_terms = ask_nginx(case.to_nginx() for case in cases)
    for row, case, theirs, put in zip(DIFFERENCES, cases, answers, answers_in_terms):
        assert theirs == row.theirs, row.why
        assert case.to_us() == row.ours, row.why
        assert theirs != row.ours, row.why
        assert client_of(put) == row.ours, row.why


#: The entries of the differences, and what slips in where a character was.
DIFFERING = sorted({text.strip() for row in DIFFERENCES for text in row.header.split(",")})
SLIPS = ["", *"0159af:.[]%/- \t\x0b\x7f\xa0", "::", "00", "255", "unix:"]


def misspelled(text: str, random: Random) -> str:
    start = random.randint(0, len(text))
    return text[:start] + random.choice(SLIPS) + text[start + random.randrange(3) :]


def network_around(node: str, random: Random) -> str:
    if ":" in node:
        return f"{node}/{random.randint(0, 128)}"
    prefix = random.randint(0, 32)
    return random.choice([f"{node}/{prefix}", f"::ffff:{node}/{prefix + 96}"])


@st.composite
def families(draw: st.DrawFn) -> list[Case]:
    """Chains of the same few texts, asked about by settings of the same few elements."""
    known = draw(st.lists(entries, min_size=6, max_size=6, unique=True))
    trusted = draw(st.lists(elements(), min_size=3, max_size=3, unique=True))
    random = draw(st.randoms(use_true_random=True))
    texts = [text.encode().decode("latin-1") for text, _ in known] + random.sample(DIFFERING, 4)
    texts += [misspelled(text, random) for text in random.sample(texts, 4)]
    trusted += [network_around(node, random) for _, node in known if node not in ("", "unix:")]

    def hop() -> str:
        line = random.choices(["", "\n"], [8, 1])[0]
        before, after = random.choices(["", " ", "\t", "\x0b", "\xa0"], [30, 30, 3, 1, 1], k=2)
        return f"{line}{before}{random.choice(texts)}{after}"

    def case(trust: str) -> Case:
        hops = [hop() for _ in range(random.randrange(8))]
        if random.random() < 0.01:  # a list of many kilobytes
            hops[1:1] = [hop()] * 800
        lines = ",".join(hops).split("\n") if hops else ()
        return Case(
            random.choice(PEERS), tuple(lines), trust, random.choice([1, 2, 16, 16, 10_000])
        )

    sizes = range(min(6, len(trusted)))
    trusts = [", ".join([*random.sample(trusted, size), "loopback"]) for size in sizes]
    return [case(trust) for trust in ["true", ", ".join(trusted), *trusts] for _ in range(7)]


def test_thousands_of_chains_end_where_those_of_nginx_do():
    cases: list[Case] = []

    @settings(max_examples=100, phases=[Phase.generate], database=None)
    @given(families())
    def gather(family: list[Case]) -> None:
        cases.extend(family)

    gather()
    answers = ask_nginx(case.to_nginx() for case in cases)
    assert len(cases) > 4000
    assert sum(case.peer != theirs for case, theirs in zip(cases, answers)) > 1000
    differing = [
        (case, theirs, ours)
        for case, theirs in zip(cases, answers)
        for ours in [case.to_us()]
        if client_of(theirs) != ours
    ]
    # The shortest says most.
    assert min(differing, key=lambda found: len(str(found)), default=None) is None

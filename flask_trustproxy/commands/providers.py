"""Providers that publish their networks, and what makes a list of them acceptable.

Here lives where each list is, how it is read, and when it may replace an older
one. Nothing here opens a connection or a file: a list that is refused is a
:class:`ValueError` that says what was expected.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, cast

from ..core.addresses import Network, NetworkSet
from ..core.trust import holds_strangers
from ..core.trust_file import MOST_LINES, parse_entry, parse_list

#: Reads what a URL gave; the second argument is the URL, for messages.
Reader = Callable[[bytes, str], list[Network]]


class Provider(NamedTuple):
    """A provider with a list at a documented place.

    :param urls: where it publishes its networks; all of them make the list.
    :param read: reads what one of these URLs gives.
    """

    urls: tuple[str, ...]
    read: Reader


def read_lists(read: Reader, answers: Iterable[tuple[str, bytes]]) -> list[Network]:
    """Read all that a provider gave, and refuse what no file should hold.

    :param read: the provider's reader.
    :param answers: each URL and what it gave.
    :returns: each network once, in the provider's order.
    :raises ValueError: what was expected, if anything else is among it, a list
        is empty, or the whole holds strangers or is too long.
    """
    networks = list(dict.fromkeys(each for url, body in answers for each in read(body, url)))
    if len(networks) > MOST_LINES:
        raise ValueError(f"expected at most {MOST_LINES:,} networks, got {len(networks):,}")
    if holds_strangers(networks):
        raise ValueError(
            "expected the networks of one provider, got a large part of the internet "
            "(more than an IPv4 /8, or more than an IPv6 /16)"
        )
    return networks


def as_text(networks: Iterable[Network]) -> str:
    """The content of a trust file with these networks."""
    return "".join(f"{network}\n" for network in networks)


class Change(NamedTuple):
    """How a list differs from the one before it.

    :param added: how many networks are new.
    :param removed: how many are gone.
    :param total: how many there are now.
    """

    added: int
    removed: int
    total: int

    def __str__(self) -> str:
        return f"+{self.added} -{self.removed} networks, {self.total} in all"


def compare(old: Iterable[Network], new: Sequence[Network]) -> Change:
    """Count the networks that a new list adds and removes."""
    before, after = set(old), set(new)
    return Change(len(after - before), len(before - after), len(after))


def check_kept(old: Iterable[Network], new: Iterable[Network]) -> None:
    """Refuse a list that has lost half of an older one.

    IPv4 and IPv6 are judged each by itself. One IPv6 network has more addresses
    than all of IPv4, so a list without any IPv4 would pass otherwise.

    :raises ValueError: how much is left, if the new list does not cover more
        than half of the addresses of the old one.
    """
    before, after = NetworkSet(old), NetworkSet(new)
    both = NetworkSet([*before.ranges(), *after.ranges()])
    for width, name in ((32, "IPv4"), (128, "IPv6")):
        size, new_size, union = (_size(each, width) for each in (before, after, both))
        kept = size + new_size - union
        if size and 2 * kept <= size:
            raise ValueError(
                f"expected more than half of the {name} addresses of the old list, "
                f"got {100 * kept // size} % (--force replaces it anyway)"
            )


def _size(networks: NetworkSet, width: int) -> int:
    """How many addresses of one family are in a set."""
    return sum(each.last - each.first + 1 for each in networks.ranges() if each.width == width)


def _read_json(body: bytes, url: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError(
            f"expected JSON in {url!r}, got {body[:50].decode('latin-1')!a}"
        ) from None


def _parse_entries(entries: Iterable[object], url: str) -> list[Network]:
    networks: list[Network] = []
    for entry in entries:
        try:
            if not isinstance(entry, str):
                raise ValueError("expected an address or a network as text")
            networks.append(parse_entry(entry))
        except ValueError as error:
            raise ValueError(f"{error} in {url!r}, got {str(entry)[:50]!a}") from None
    if not networks:
        raise ValueError(f"expected at least one address or network in {url!r}")
    return networks


def _member(value: Any, name: str) -> Any:
    """A member of a JSON object, ``None`` if it or the object is missing."""
    return cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else None


def _lists(document: Any, names: Iterable[str], url: str) -> Iterator[list[Any]]:
    """The lists that a JSON object must have."""
    for name in names:
        found: Any = _member(document, name)
        if type(found) is not list:
            raise ValueError(f"expected a list {name!r} in the JSON of {url!r}")
        yield found


def _json_lists(*names: str) -> Reader:
    """Read a JSON object that has its networks in lists of these names."""

    def read(body: bytes, url: str) -> list[Network]:
        found = _lists(_read_json(body, url), names, url)
        return _parse_entries((entry for each in found for entry in each), url)

    return read


_AWS_KEYS = {"prefixes": "ip_prefix", "ipv6_prefixes": "ipv6_prefix"}


def _amazon(service: str) -> Reader:
    """Read AWS's list of all its networks, and take those of one service.

    The others are AWS's customers: anyone who rents a server there.
    """

    def read(body: bytes, url: str) -> list[Network]:
        found = _lists(_read_json(body, url), _AWS_KEYS, url)
        return _parse_entries(
            (
                _member(item, key)
                for key, items in zip(_AWS_KEYS.values(), found)
                for item in items
                if _member(item, "service") == service
            ),
            url,
        )

    return read


_TXT = 16
# RFC 1035 section 3.3.14: a TXT record is one or more strings, which a reader joins.
_join_strings = re.compile(r'"\s*"').sub
# RFC 7208 section 5: what names addresses itself, and the version and end of a record.
_is_network = re.compile(r"ip[46]:(.+)").fullmatch
_is_frame = re.compile(r"v=spf1|[-+~?]?all").fullmatch


def _read_spf(body: bytes, url: str) -> list[Network]:
    """Read the answer to a question for an SPF record (RFC 7208), as JSON.

    Anything in the record that leads elsewhere is refused, because half of a
    list must not look like the whole.
    """
    document = _read_json(body, url)
    [answers] = _lists(document, ["Answer"], url)
    records = [_member(each, "data") for each in answers if _member(each, "type") == _TXT]
    if _member(document, "Status") != 0 or len(records) != 1 or not isinstance(records[0], str):
        raise ValueError(f"expected one TXT record in the JSON of {url!r}")
    terms = _join_strings("", records[0]).strip('"').split(" ")
    terms = [term for term in terms if term and not _is_frame(term)]
    named = map(_is_network, terms)
    return _parse_entries(
        (match[1] if match else term for match, term in zip(named, terms)), url
    )


#: Each provider by its name on the command line. The page that documents its URLs is beside it.
PROVIDERS = {
    # https://docs.bunny.net/cdn/troubleshooting/run-traceroute#detect-cdn-requests-on-your-origin
    # https://support.bunny.net/hc/en-us/articles/24155254055964-Do-you-have-an-IP-whitelist
    "bunny": Provider(
        (
            "https://bunnycdn.com/api/system/edgeserverlist/plain",
            "https://bunnycdn.com/api/system/edgeserverlist/IPv6/plain",
        ),
        parse_list,
    ),
    # https://www.cloudflare.com/ips/
    # https://developers.cloudflare.com/fundamentals/concepts/cloudflare-ip-addresses/
    "cloudflare": Provider(
        ("https://www.cloudflare.com/ips-v4", "https://www.cloudflare.com/ips-v6"), parse_list
    ),
    # https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-syntax.html
    "cloudfront": Provider(
        ("https://ip-ranges.amazonaws.com/ip-ranges.json",), _amazon("CLOUDFRONT_ORIGIN_FACING")
    ),
    # https://www.fastly.com/documentation/reference/api/utils/public-ip-list/
    "fastly": Provider(
        ("https://api.fastly.com/public-ip-list",), _json_lists("addresses", "ipv6_addresses")
    ),
    # https://gcore.com/docs/cdn/getting-started/configure-an-origin/add-cdn-servers-to-the-origin-acl-whitelist
    # https://gcore.com/docs/api-reference/cdn/ip-addresses-list/get-cdn-servers-ip-addresses
    "gcore": Provider(
        ("https://api.gcore.com/cdn/public-ip-list",), _json_lists("addresses", "addresses_v6")
    ),
    # https://cloud.google.com/load-balancing/docs/firewall-rules (the record)
    # https://developers.google.com/speed/public-dns/docs/doh/json (how to ask for it)
    "google": Provider(
        ("https://dns.google/resolve?name=_cloud-eoips.googleusercontent.com&type=TXT",),
        _read_spf,
    ),
}

"""What is asked: requests as a server makes them, some of them hostile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from random import Random
from typing import Any

#: An environ of the size that gunicorn's has.
BASE = {
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.input": None,
    "wsgi.input_terminated": True,
    "wsgi.errors": None,
    "wsgi.multithread": False,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
    "wsgi.file_wrapper": None,
    "SERVER_SOFTWARE": "server",
    "SERVER_NAME": "127.0.0.1",
    "SERVER_PORT": "8000",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/",
    "QUERY_STRING": "",
    "RAW_URI": "/",
    "REMOTE_ADDR": "127.0.0.1",
    "REMOTE_PORT": "4711",
    "HTTP_HOST": "www.example.com",
    "HTTP_USER_AGENT": "Mozilla/5.0",
    "HTTP_ACCEPT": "text/html",
    "HTTP_ACCEPT_LANGUAGE": "en",
    "HTTP_ACCEPT_ENCODING": "gzip",
    "HTTP_COOKIE": "session=0123456789abcdef",
    "HTTP_CONNECTION": "close",
}

PRIVATE = ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "fc00::/7")
DEFAULT = "X-Forwarded-For, X-Forwarded-Proto"
EVERYTHING = f"{DEFAULT}, X-Forwarded-Host, X-Forwarded-Port, X-Forwarded-Prefix"


@dataclass(frozen=True)
class Workload:
    """Requests of one kind.

    :param name: a letter, and what makes it special.
    :param title: in words.
    :param environs: makes the environs of one round.
    :param trust: the networks that are trusted.
    :param headers: the headers that the proxies write.
    :param hops: how many hops are trusted, for those that count.
    """

    name: str
    title: str
    environs: Callable[[], list[dict[str, Any]]]
    trust: tuple[str, ...] = PRIVATE
    headers: str = DEFAULT
    hops: int = 1


def request(peer: str = "127.0.0.1", **headers: str) -> dict[str, Any]:
    """An environ with these headers: ``X_FORWARDED_FOR="..."``."""
    named = {f"HTTP_{name}": value for name, value in headers.items()}
    return {**BASE, "REMOTE_ADDR": peer, **named}


def listed(*entries: str, peer: str = "127.0.0.1") -> dict[str, Any]:
    """An environ of an https request with these entries in X-Forwarded-For."""
    return request(peer, X_FORWARDED_FOR=", ".join(entries), X_FORWARDED_PROTO="https")


def repeated(count: int, *environs: dict[str, Any]) -> Callable[[], list[dict[str, Any]]]:
    """The same environs in each round."""
    return lambda: [*environs] * count


def some_networks(count: int) -> tuple[str, ...]:
    """Networks that lie apart, 10.0.0.0/24 and 127.0.0.0/8 among them."""
    apart = (f"{IPv4Address((10 << 24) + (number << 9))}/24" for number in range(count - 1))
    return ("127.0.0.0/8", *apart)


def _clients() -> Callable[[], list[dict[str, Any]]]:
    """Clients that were never seen before, in each round."""
    numbers = iter(range(1 << 26))

    def environs() -> list[dict[str, Any]]:
        texts = (str(IPv4Address((203 << 24) + next(numbers))) for _ in range(1000))
        return [listed(text) for text in texts]

    return environs


def _hops_that_were_never_seen(networks: int) -> Callable[[], list[dict[str, Any]]]:
    random = Random(networks)

    def hop() -> str:
        network = random.randrange(networks - 1)
        return str(IPv4Address((10 << 24) + (network << 9) + random.randrange(1, 255)))

    return lambda: [listed("203.0.113.9", hop(), hop()) for _ in range(500)]


def _of_size(text: str, size: int) -> list[str]:
    return [text] * (size // (len(text) + 2))


def workloads() -> Iterator[Workload]:
    """Make each workload of the table."""
    one = listed("203.0.113.9")
    three = listed("203.0.113.9", "10.0.0.5", "10.0.0.6")
    yield Workload("a", "no header", repeated(1000, request()))
    yield Workload("b", "one entry and a scheme", repeated(1000, one))
    yield Workload("c", "three entries", repeated(1000, three), hops=3)
    for count in (10, 1000, 100_000):
        trust = some_networks(count)
        yield Workload(
            f"d{count} warm", f"{count:,} networks", repeated(500, three), trust, hops=3
        )
        yield Workload(
            f"d{count} cold",
            f"{count:,} networks, new hops",
            _hops_that_were_never_seen(count),
            trust,
            hops=3,
        )
    forged, junk = _of_size("198.51.100.7", 8192), _of_size("nonsense", 8192)
    proxies = _of_size("10.0.0.5", 8192)
    yield Workload(
        "e short", "one forged entry", repeated(500, listed(forged[0], "203.0.113.9"))
    )
    yield Workload("e forged", "8 KB forged", repeated(20, listed(*forged, "203.0.113.9")))
    yield Workload(
        "e stranger",
        "8 KB from an untrusted peer",
        repeated(20, listed(*forged, peer="203.0.113.9")),
    )
    yield Workload("e trusted", "8 KB of trusted hops", repeated(3, listed(*proxies)))
    yield Workload("e trusted 16", "16 KB of trusted hops", repeated(2, listed(*proxies * 2)))
    yield Workload("e junk", "8 KB of junk", repeated(20, listed(*junk)))
    yield Workload("e junk 16", "16 KB of junk", repeated(20, listed(*junk * 2)))
    yield Workload(
        "f",
        "IPv6",
        repeated(1000, listed("2001:db8::9", "fd00::1", peer="::1")),
        hops=2,
    )
    element = "for=203.0.113.9;proto=https"
    yield Workload(
        "g one", "Forwarded", repeated(500, request(FORWARDED=element)), headers="Forwarded"
    )
    yield Workload(
        "g three",
        "Forwarded, three elements, IPv6",
        repeated(
            500,
            request(FORWARDED='for="[2001:db8::9]";proto=https, for=10.0.0.5, for=10.0.0.6'),
        ),
        headers="Forwarded",
        hops=3,
    )
    yield Workload("h", "clients never seen before", _clients())
    yield Workload(
        "i",
        "everything on",
        repeated(
            500,
            {
                **three,
                "HTTP_X_FORWARDED_HOST": "shop.example.com",
                "HTTP_X_FORWARDED_PORT": "8443",
                "HTTP_X_FORWARDED_PREFIX": "/shop",
                "HTTP_X_REAL_IP": "198.51.100.7",
            },
        ),
        headers=EVERYTHING,
        hops=3,
    )


def curves() -> dict[str, list[tuple[int, Workload]]]:
    """The workloads of the plot: how cost grows."""
    three = listed("203.0.113.9", "10.0.0.5", "10.0.0.6")
    return {
        "networks": [
            (n, Workload(f"{n}", "", repeated(200, three), some_networks(n), hops=3))
            for n in (2, 10, 100, 1000, 10_000, 100_000)
        ],
        "trusted hops": [
            (n, Workload(f"{n}", "", repeated(100, listed("203.0.113.9", *hops)), hops=n + 1))
            for n in (1, 2, 4, 8, 16, 32)
            for hops in [["10.0.0.5"] * n]
        ],
        "bytes of the header": [
            (n, Workload(f"{n}", "", repeated(50, listed(*hops, "203.0.113.9"))))
            for n in (16, 64, 256, 1024, 4096, 16_384)
            for hops in [_of_size("198.51.100.7", n)]
        ],
    }

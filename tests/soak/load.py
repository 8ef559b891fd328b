"""How long a trust file of 100,000 networks takes to be read, and what is kept of it.

Beside it, in the same run, what ipaddress takes for the same lines.
"""

from __future__ import annotations

import gc
import tempfile
import tracemalloc
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from time import perf_counter

from flask_trustproxy.settings import read_settings

NETWORKS = 100_000


def texts(kind: str) -> list[str]:
    """Networks of which none touches another, so that all of them are kept."""
    if kind == "IPv4 /24":
        return [str(IPv4Network(((16 << 24) + (i << 9), 24))) for i in range(NETWORKS)]
    if kind == "IPv4 addresses":
        return [str(IPv4Network((16 << 24) + 2 * i)).partition("/")[0] for i in range(NETWORKS)]
    return [str(IPv6Network(((0x2001 << 112) + (i << 81), 48))) for i in range(NETWORKS)]


def measure(lines: list[str], folder: str) -> None:
    """Print what a file of these lines costs."""
    path = Path(folder, "list.txt")
    path.write_text("\n".join(lines))
    config = {"TRUST_PROXY": f"loopback, file:{path}"}
    ours, theirs = [], []
    for _ in range(5):
        gc.collect()
        start = perf_counter()
        settings = read_settings(config, {})
        middle = perf_counter()
        kept = list(map(ip_network, lines))
        theirs.append(perf_counter() - middle)
        ours.append(middle - start)
        assert settings.policy.trust.files[0].count == len(kept) == NETWORKS
        del settings, kept
    tracemalloc.start()
    settings = read_settings(config, {})
    size, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert settings.policy.trusts("127.0.0.1", 0)
    print(
        f"{min(ours):.2f} s at best, {max(ours):.2f} s at worst, "
        f"{min(ours) / min(theirs):.1f} times a list of ip_network; "
        f"{size / 2**20:.1f} MB kept, {peak / 2**20:.1f} MB while it is read"
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("IPv4 /24", "IPv4 addresses", "IPv6 /48"):
            print(f"{NETWORKS} lines, {kind}: ", end="", flush=True)
            measure(texts(kind), folder)

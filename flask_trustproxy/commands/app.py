"""``flask trust-proxy``: the group of the commands."""

from __future__ import annotations

from flask.cli import AppGroup

from .check import check
from .explain import explain
from .fetch import fetch
from .probe import probe
from .terminal import example

trust_proxy: AppGroup = AppGroup(
    "trust-proxy",
    help="Check and debug which proxies this app trusts.",
    epilog=example("flask --app app trust-proxy check"),
)

for _command in (check, explain, fetch, probe):
    trust_proxy.add_command(_command)

"""``flask trust-proxy``: the group of the commands."""

from __future__ import annotations

from flask.cli import AppGroup

from .check import check
from .explain import explain
from .fetch import fetch
from .probe import probe

trust_proxy: AppGroup = AppGroup(
    "trust-proxy", help="Whom this app trusts, what it believes, and why."
)

for command in (check, explain, fetch, probe):
    trust_proxy.add_command(command)

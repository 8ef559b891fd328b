"""For the tests of an app: requests that come through proxies, and forgeries."""

from .client import ProxiedClient, proxied_client
from .unforgeable import assert_unforgeable

__all__ = ["ProxiedClient", "assert_unforgeable", "proxied_client"]

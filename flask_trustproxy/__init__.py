"""Tell a Flask app who its client really is behind reverse proxies."""

from .core.policy import Policy
from .core.resolution import Hop, Ignored, Resolution
from .extension import TrustProxy
from .middleware import TrustProxyMiddleware
from .request import (
    ProxiedRequest,
    get_client_ip,
    get_client_ips,
    get_client_network,
    get_resolution,
    request,
)
from .settings import SettingError, Settings

__all__ = [
    "Hop",
    "Ignored",
    "Policy",
    "ProxiedRequest",
    "Resolution",
    "SettingError",
    "Settings",
    "TrustProxy",
    "TrustProxyMiddleware",
    "get_client_ip",
    "get_client_ips",
    "get_client_network",
    "get_resolution",
    "request",
]

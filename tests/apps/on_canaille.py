"""canaille, an OpenID provider. hypercorn serves it, by its own command.

Behind a proxy its manual says CANAILLE_HYPERCORN__PROXY_MODE, which makes a ProxyFix with 1
for each of its numbers. With TrustProxy that is left out.
"""

from __future__ import annotations

from integration.client import HOST

from .sites import EVIL, OWNER, Application, Attack, Site, Start

OWN = {"SECRET_KEY": "a secret of these tests", "CANAILLE_DATABASE": "memory"}
PROXY_MODE = {"CANAILLE_HYPERCORN__PROXY_MODE": "legacy"}


def issuer(site: Site) -> str:
    """Who the provider says that it is, to an application that asks with a header."""
    visitor = site.visitor(OWNER, {"X-Forwarded-Host": EVIL})
    said: str = visitor.get("/.well-known/openid-configuration").json()["issuer"]
    return f"the issuer is ``{said.rstrip('/')}``"


def honest(site: Site) -> None:
    visitor = site.visitor(OWNER)
    configuration = visitor.get("/.well-known/openid-configuration").json()
    assert configuration["issuer"].rstrip("/") == f"https://{HOST}"
    assert "; Secure" in visitor.get("/login").headers["Set-Cookie"]


APPLICATION = Application(
    "canaille",
    "canaille",
    usual=Start("@bin@/canaille run --bind 127.0.0.1:@port@", {**OWN, **PROXY_MODE}),
    trusting=Start(
        "@bin@/hypercorn --bind 127.0.0.1:@port@ canaille_trusting:app",
        {**OWN, "PYTHONPATH": "@here@/not_yours"},
    ),
    honest=honest,
    attacks=(Attack(f"asks for the configuration with ``X-Forwarded-Host: {EVIL}``", issuer),),
    path="/.well-known/openid-configuration",
    made="canaille_trusting:flask_app",
)

"""Starts an application behind nginx, as it comes and with TrustProxy put in."""

from __future__ import annotations

import os
import ssl
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from integration.client import HOST, Tcp, ask
from integration.process import Process, free_port
from integration.proxies import NGINX
from integration.stack import Proxy, replace, running_proxy, temporary

from .environments import HERE, environment, version

# nginx speaks to the application from here, as if it were on another machine: no client
# and no prober has this address.
PROXY = "127.0.0.2"
#: The owner of a session, a thief, and someone else.
OWNER, THIEF, OTHER = "127.7.7.77", "127.7.8.78", "127.7.9.79"
FORGED = "198.51.100.66"
EVIL = "evil.example.com"
KEY = "a key of these tests, of 32 characters and more"

#: Seconds; the first start of some makes their database.
STARTS_WITHIN = 90.0
NGINX_CONF = (HERE / "nginx.conf").read_text()


@dataclass(frozen=True)
class Start:
    """How an application is started: its command line and its environment variables.

    `@bin@` is where its programs are, `@packages@` its packages, `@here@` the folder of
    these tests, `@folder@` its own folder, and `@port@` its port on 127.0.0.1.
    """

    command: str
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Attack:
    """One row of the table.

    `attempt` does it on a site and returns what happened, in the words of the table.
    """

    what: str
    attempt: Callable[[Site], str]


@dataclass(frozen=True, eq=False)
class Application:
    """An application, how it is started, and what attackers do to it.

    `name` names its locked file. `title` is in the table, before the version. `usual`
    starts it as it comes, with the proxy settings of its own manual, and `trusting` with
    TrustProxy put in. `honest` asserts what an honest client gets then. `path` is answered
    alike each time, without a login, and `made` says where the app is found that
    `assert_unforgeable` is asked about.
    """

    name: str
    title: str
    usual: Start
    trusting: Start
    honest: Callable[[Site], None]
    attacks: tuple[Attack, ...]
    path: str
    made: str
    # What its manual adds to the usual lines for nginx.
    nginx: str = ""

    @property
    def called(self) -> str:
        """Its title and its version."""
        return f"{self.title} {version(self.name)}"


@dataclass(frozen=True)
class Site:
    """A running application behind nginx."""

    proxy: Proxy
    app: Process
    port: int
    folder: Path
    clients: ExitStack

    def visitor(
        self, source: str, headers: Mapping[str, str] = {}, *, directly: bool = False
    ) -> httpx.Client:
        """A browser at an address, which adds headers to each request.

        It speaks https with nginx or, `directly`, http with the application.
        """
        # The certificate is made for the test: nobody vouches for it.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        transport = httpx.HTTPTransport(verify=context, local_address=source)
        client = httpx.Client(
            transport=transport,
            base_url=f"http://127.0.0.1:{self.port}"
            if directly
            else f"https://{self.proxy.https}",
            headers={"Host": HOST, "Referer": f"https://{HOST}/", **headers},
            timeout=20,
        )
        return self.clients.enter_context(client)


def values(application: Application, folder: Path, port: int) -> dict[str, str]:
    """What the words of a `Start` stand for."""
    home = environment(application.name)
    (packages,) = home.glob("lib/python3.*/site-packages")
    return {
        "@bin@": str(home / "bin"),
        "@packages@": str(packages),
        "@here@": str(HERE),
        "@folder@": str(folder),
        "@port@": str(port),
    }


def surroundings(application: Application, by: Mapping[str, str], ours: str) -> dict[str, str]:
    """The environment variables of an application, with `ours` if TrustProxy is put in."""
    start = application.trusting if ours else application.usual
    own = {name: replace(value, by) for name, value in start.environ.items()}
    paths = [ours, own.pop("PYTHONPATH", "")]
    if ours:
        own.update(TRUST_PROXY=PROXY, TRUST_PROXY_PROBE_KEY=KEY)
    return {"HOME": by["@folder@"], "PYTHONPATH": os.pathsep.join(filter(None, paths)), **own}


@contextmanager
def running(application: Application, pem: Path, ours: str = "") -> Iterator[Site]:
    """Run an application behind nginx; with TrustProxy if `ours` is where the package is."""
    port = free_port()
    with temporary() as folder, ExitStack() as stack:
        by = values(application, folder, port)
        environ = surroundings(application, by, ours)
        start = application.trusting if ours else application.usual
        command = [replace(each, by) for each in start.command.split()]
        process = Process(command, folder, environ)
        stack.callback(process.stop)
        at = Tcp("127.0.0.1", port)
        process.wait_until(lambda: ask(at, target=application.path), within=STARTS_WITHIN)
        nginx = NGINX_CONF.replace("proxy_set", f"{application.nginx}proxy_set", 1)
        proxy = stack.enter_context(running_proxy(NGINX, nginx, at, PROXY, pem))
        yield Site(proxy, process, port, folder, stack)


def theft(site: Site, log_in: Callable[[httpx.Client], object], page: str) -> str:
    """What becomes of a thief who has a session's cookie and claims its owner's address.

    The cookie alone must not be enough: then the address is what protects the session.
    """

    def status(headers: Mapping[str, str]) -> int:
        owner, thief = site.visitor(OWNER), site.visitor(THIEF, headers)
        log_in(owner)
        assert owner.get(page).status_code == 200
        thief.cookies.update(owner.cookies)
        return thief.get(page).status_code

    assert status({}) != 200
    return "is that user" if status({"X-Forwarded-For": OWNER}) == 200 else "has to log in"


def unforgeable(application: Application, folder: Path, ours: str) -> str:
    """Have `assert_unforgeable` say what it finds, in the application's own environment.

    Returns "" if it finds nothing.
    """
    by = values(application, folder, 1)
    environ = surroundings(application, by, ours)
    folders = [HERE, HERE / "usual", HERE / "not_yours"]
    environ["PYTHONPATH"] = os.pathsep.join([environ["PYTHONPATH"], *map(str, folders)])
    script = [f"{by['@bin@']}/python", str(HERE / "unforgeable.py")]
    done = subprocess.run(
        [*script, application.made, application.path],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
    )
    return f"{done.returncode}: {done.stderr}" if done.returncode else ""

"""Puts proxies in front of servers, started from the files that readers copy."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Union

import pytest

from .client import HOST, Endpoint, Tcp, Unix, ask
from .process import Process, free_port
from .proxies import Family
from .servers import GUNICORN, Server

DEPLOY = Path(__file__).parents[2] / "examples" / "deploy"
MAIN = Path(__file__).parent / "main"

# What a documented file names, and what a test can only know when it runs.
REPLACED = {
    "unix:/run/app/app.sock": "@app@",
    "127.0.0.1:8000": "@app@",
    "localhost:PORT": "localhost:@port@",
    "/etc/ssl/private/www.example.com.pem": "@pem@",
}


def replace(text: str, by: Mapping[str, str]) -> str:
    """Replace all keys in one go, so that no value is taken for a key."""
    return re.sub("|".join(map(re.escape, by)), lambda found: by[found[0]], text)


@contextmanager
def temporary() -> Iterator[Path]:
    """A temporary folder, its path short enough for a unix-domain socket.

    Servers that give up root can enter it too.
    """
    with tempfile.TemporaryDirectory(prefix="tp-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


def found(family: Union[Family, Server]) -> str:
    """Where the program is; skips the test if it is not here.

    tox installs what pip has. If that is missing there, the test fails.
    """
    binary = family.binary()
    if binary is None:
        installs = "TOX_ENV_NAME" in os.environ and family.install.startswith("pip install")
        (pytest.fail if installs else pytest.skip)(
            f"{family.name} is not here: {family.install}"
        )
    return binary


@dataclass(frozen=True)
class App:
    """A served application: where it listens, and the server that serves it."""

    endpoint: Endpoint
    process: Process


@dataclass(frozen=True)
class Proxy:
    """A running proxy: where clients reach it, as far as its file listens there."""

    http: Tcp
    http_ipv6: Tcp
    https: Tcp
    https_ipv6: Tcp
    unix: Unix
    process: Process


def reach(front: Endpoint, target: str) -> None:
    """A ConnectionError as long as a proxy answers, but does not know its way yet."""
    status = ask(front, target=target).status
    if status == 404 or status >= 500:
        raise ConnectionError(f"the proxy answers {status}")


def is_ready(proxy: Proxy, target: str) -> None:
    """An OSError as long as the proxy does not serve all that its file says."""
    reach(proxy.http, target)
    # Where it listens for TLS, it may still be making its certificate.
    with suppress(ConnectionRefusedError):
        reach(proxy.https, target)


@contextmanager
def running_app(settings: Mapping[str, str], at: str, server: Server) -> Iterator[App]:
    """Serve app.py with these settings, at an IP address or at "unix"."""
    program = found(server)
    with temporary() as folder:
        endpoint = Unix(folder / "app.sock") if at == "unix" else Tcp(at, free_port())
        process = Process(server.command(program, endpoint), folder, settings)
        try:
            process.wait_until(lambda: server.ready(endpoint))
            yield App(endpoint, process)
        finally:
            process.stop()


@contextmanager
def running_proxy(
    family: Family, documented: str, app: Endpoint, source: str, pem: Path, target: str = "/"
) -> Iterator[Proxy]:
    """Run a proxy with the documented text in front of `app`.

    It speaks to `app` from `source`, where that is not ''. It is ready when it answers
    for `target`.
    """
    binary = found(family)
    http, https = free_port(), free_port()
    with temporary() as folder:
        values = {
            "@binary@": binary,
            "@folder@": str(folder),
            "@http@": str(http),
            "@https@": str(https),
            "@app@": str(app),
            "@port@": str(app.port) if isinstance(app, Tcp) else "",
            "@pem@": str(pem),
            "@source@": family.source.replace("@address@", source) if source else "",
        }
        text = replace(documented, {**REPLACED, **family.replaced})
        values["@documented@"] = replace(text, values)
        main = (MAIN / family.main).read_text()
        (folder / family.main).write_text(replace(main, values))
        command = [replace(word, values) for word in family.command.split()]
        process = Process(command, folder)
        proxy = Proxy(
            Tcp("127.0.0.1", http),
            Tcp("::1", http),
            Tcp("127.0.0.1", https, tls=True),
            Tcp("::1", https, tls=True),
            Unix(folder / "www.sock"),
            process,
        )
        try:
            process.wait_until(lambda: is_ready(proxy, target))
            yield proxy
        finally:
            process.stop()


class Stack:
    """Everything that runs for one session: started when first asked for, then kept."""

    def __init__(self) -> None:
        self._apps: dict[object, App] = {}
        self._proxies: dict[object, Proxy] = {}
        self._folders: dict[str, Path] = {}
        self._cleanup = ExitStack()
        # Key and certificate in one file, which every proxy here can read.
        self.pem = self._cleanup.enter_context(temporary()) / "www.example.com.pem"
        command = (
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
            f" -days 2 -subj /CN={HOST} -addext subjectAltName=DNS:{HOST} -keyout {self.pem}"
        )
        made = subprocess.run(command.split(), check=True, capture_output=True)
        with self.pem.open("ab") as pem:
            pem.write(made.stdout)

    def close(self) -> None:
        """Stop all that runs."""
        # All at once, since the one takes as long as the other.
        running: list[Union[App, Proxy]] = [*self._apps.values(), *self._proxies.values()]
        for each in running:
            each.process.terminate()
        self._cleanup.close()

    @property
    def apps(self) -> list[App]:
        """The applications that run."""
        return [*self._apps.values()]

    def folder(self, name: str) -> Path:
        """A folder of that name, which is kept as long as the programs."""
        if name not in self._folders:
            self._folders[name] = self._cleanup.enter_context(temporary())
        return self._folders[name]

    def app(
        self, settings: Mapping[str, str], *, at: str = "127.0.0.1", server: Server = GUNICORN
    ) -> App:
        """The application with these settings, at an IP address or at "unix"."""
        key = (tuple(settings.items()), at, server)
        if key not in self._apps:
            running = running_app(settings, at, server)
            self._apps[key] = self._cleanup.enter_context(running)
        return self._apps[key]

    def proxy(
        self,
        family: Family,
        documented: str,
        app: Endpoint,
        *,
        source: str = "",
        target: str = "/",
    ) -> Proxy:
        """A proxy that runs the documented text in front of `app`."""
        key = (family, documented, app, source)
        if key not in self._proxies:
            running = running_proxy(family, documented, app, source, self.pem, target)
            self._proxies[key] = self._cleanup.enter_context(running)
        return self._proxies[key]

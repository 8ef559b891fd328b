"""Apache with examples/servers/mod_wsgi.conf, on the distribution's own Python.

mod_wsgi is built for that one, and Apache's children are a user who may read little: so
the packages under test, which are pure Python, go into a virtual environment of its own.
"""

from __future__ import annotations

import atexit
import shutil
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Optional

from .client import Endpoint, Tcp
from .servers import HERE

DOCUMENTED = HERE.parents[1] / "examples" / "servers" / "mod_wsgi.conf"
PYTHON, APACHE = "/usr/bin/python3", "/usr/sbin/apache2"
MODULES = Path("/usr/lib/apache2/modules")
# What is tested, and what Flask needs.
PACKAGES = "flask_trustproxy blinker click flask itsdangerous jinja2 markupsafe werkzeug"

# What a distribution's apache2.conf holds around the documented file.
MAIN = """\
ServerRoot @folder@
PidFile apache2.pid
DefaultRuntimeDir @folder@
Mutex file:@folder@ default
ErrorLog /dev/stderr
CustomLog /dev/stdout "%a %r"
ServerName www.example.com
User www-data
Group www-data
LoadModule mpm_event_module @modules@/mod_mpm_event.so
LoadModule authz_core_module @modules@/mod_authz_core.so
LoadModule remoteip_module @modules@/mod_remoteip.so
LoadModule wsgi_module @modules@/mod_wsgi.so
Listen 127.0.0.1:@port@
Listen [::1]:@port@
StartServers 1
"""


def binary() -> Optional[str]:
    """Apache, where mod_wsgi and its Python are there as well."""
    needed = (Path(PYTHON), Path(APACHE), MODULES / "mod_wsgi.so")
    return APACHE if all(path.exists() for path in needed) else None


@cache
def _site() -> Path:
    """What the documented file calls /srv/app, removed when the session has ended."""
    made = TemporaryDirectory(prefix="tp-")
    atexit.register(made.cleanup)
    site = Path(made.name)
    site.chmod(0o755)
    shutil.copy(HERE / "app.py", site)
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", site / "venv"], check=True)
    (packages,) = site.glob("venv/lib/python*/site-packages")
    for name in PACKAGES.split():
        spec = find_spec(name)
        assert spec is not None, name
        assert spec.submodule_search_locations, name
        shutil.copytree(
            spec.submodule_search_locations[0],
            packages / name,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    # Compiled once, and not at each start.
    subprocess.run([PYTHON, "-m", "compileall", "-q", packages], check=True)
    return site


def command(at: Endpoint, directives: str) -> list[str]:
    """The command line for a port, with more directives after the documented ones."""
    assert isinstance(at, Tcp)
    site = _site()
    folder = site / str(at.port)
    folder.mkdir()
    text = MAIN.replace("@folder@", str(folder)).replace("@modules@", str(MODULES))
    text = text.replace("@port@", str(at.port))
    documented = DOCUMENTED.read_text().replace("/srv/app", str(site))
    file = folder / "apache2.conf"
    file.write_text(f"{text}{documented}{directives}\n")
    return [APACHE, "-DFOREGROUND", "-f", str(file)]

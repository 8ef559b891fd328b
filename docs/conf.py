"""How the documentation is built: ``tox run -e docs``."""

from __future__ import annotations

import sys
from importlib.metadata import version as installed
from importlib.util import find_spec
from pathlib import Path

from pallets_sphinx_themes import ProjectLink

project = "Flask-TrustProxy"
copyright = "2026 The Flask-TrustProxy authors"
author = "The Flask-TrustProxy authors"
release = version = installed("Flask-TrustProxy")

extensions = ["sphinx.ext.autodoc", "sphinx.ext.doctest", "pallets_sphinx_themes"]
sys.path.append(str(Path(__file__).parent / "_ext"))
extensions.append("messages")
# The builder that reads the words needs more than the pages themselves.
if find_spec("proselint") and find_spec("textstat"):
    extensions.append("prose")
exclude_patterns = ["_build"]

default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
nitpicky = True
# What other projects document, since nothing is fetched to build these pages, and
# the compiled values that Settings holds.
nitpick_ignore_regex = [
    ("py:.*", r"(flask|werkzeug|markupsafe|ipaddress|collections|typing)(\..*)?"),
    ("py:class", r"flask_trustproxy\.(core\.headers\.HeaderPlan|settings\.Given)"),
    ("py:class", r"flask_trustproxy\.core\.(trust\.TrustPolicy|edge\.Edge)"),
    ("py:class", r"WSGI(Application|Environment)|StartResponse|TestResponse"),
]

# The examples are modules of their own, as they are for those who copy them.
doctest_global_setup = "__name__ = '__main__'"

html_theme = "accessible"
html_theme_path = ["_themes"]
html_title = f"Flask-TrustProxy {version}"
html_show_sourcelink = False
html_context = {
    "project_links": [
        ProjectLink("Source", "https://git.example.com/flask-trustproxy"),
        ProjectLink("Issues", "https://git.example.com/flask-trustproxy/issues"),
    ]
}
html_sidebars = {"**": ["project.html", "localtoc.html", "relations.html", "searchbox.html"]}

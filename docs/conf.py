"""How the documentation is built: ``tox run -e docs``."""

from __future__ import annotations

from importlib.metadata import version as installed

project = "Flask-TrustProxy"
copyright = "2026 The Flask-TrustProxy authors"
author = "The Flask-TrustProxy authors"
release = version = installed("Flask-TrustProxy")

extensions = ["sphinx.ext.autodoc", "sphinx.ext.doctest", "pallets_sphinx_themes"]
exclude_patterns = ["_build"]

default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
nitpicky = True
# What other projects document, since nothing is fetched to build these pages, and
# the compiled values that Settings holds.
nitpick_ignore_regex = [
    ("py:.*", r"(flask|werkzeug|ipaddress|collections|typing)(\..*)?"),
    ("py:class", r"flask_trustproxy\.(core\.headers\.HeaderPlan|settings\.Given)"),
    ("py:class", r"flask_trustproxy\.core\.(trust\.TrustPolicy|edge\.Edge)"),
    ("py:class", r"WSGI(Application|Environment)|StartResponse"),
]

# The examples are modules of their own, as they are for those who copy them.
doctest_global_setup = "__name__ = '__main__'"

html_theme = "accessible"
html_theme_path = ["_themes"]
html_title = f"Flask-TrustProxy {version}"
html_show_sourcelink = False

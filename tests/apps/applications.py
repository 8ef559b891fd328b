"""All the applications of these tests."""

from __future__ import annotations

from . import (
    on_calibreweb,
    on_canaille,
    on_changedetection_io,
    on_dash,
    on_flask_appbuilder,
    on_httpbin,
    on_isso,
    on_locust,
    on_pgadmin4,
)

APPLICATIONS = [
    each.APPLICATION
    for each in (
        on_calibreweb,
        on_pgadmin4,
        on_locust,
        on_changedetection_io,
        on_flask_appbuilder,
        on_canaille,
        on_isso,
        on_httpbin,
        on_dash,
    )
]

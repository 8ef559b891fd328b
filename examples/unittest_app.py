"""Tests of app.py with unittest, by functions: ``python -m unittest unittest_app``."""

from __future__ import annotations

from unittest import TestCase
from unittest.mock import patch

from app import app
from flask_trustproxy.testing import assert_unforgeable, proxied_client


@patch.dict(app.config, TRUST_PROXY="10.0.0.0/8")
class AppTests(TestCase):
    def test_the_client_is_seen(self) -> None:
        client = proxied_client(app, client="203.0.113.9", forged="198.51.100.66")
        answer = {"ip": "203.0.113.9", "ips": ["203.0.113.9"], "secure": True}
        self.assertEqual(answer, client.get("/").json)  # noqa: PT009  # unittest's own

    def test_nothing_can_be_forged(self) -> None:
        assert_unforgeable(app)

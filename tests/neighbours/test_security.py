"""Flask-Security: where a user signed in from, and what its mails link to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask_security.mail_util import MailUtil
from flask_security.utils import hash_password

from .visitor import CLIENT, FORGERY, OTHER, PROXY, Visitor, recipe

EMAIL = "alice@example.com"
PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SECRET_KEY": "secret",
        "SQLALCHEMY_ENGINES": '{"default": "sqlite://"}',
        "WTF_CSRF_ENABLED": "false",
        # A hash that is meant to be slow tells nothing here, and a validator
        # that asks the DNS about example.com neither.
        "SECURITY_PASSWORD_HASH": "plaintext",
        "SECURITY_PASSWORD_SALT": "salt",
        "SECURITY_EMAIL_VALIDATOR_ARGS": '{"check_deliverability": false}',
    }.items():
        monkeypatch.setenv(f"FLASK_{name}", value)


@contextmanager
def deployed(*, fixed: bool) -> Iterator[Any]:
    module = recipe("security", fixed=fixed)
    with module.app.app_context():
        module.Base.metadata.create_all(module.db.engine)
        module.users.create_user(email=EMAIL, password=hash_password(PASSWORD))
        module.db.session.commit()
    yield module
    with module.app.app_context():
        module.db.engine.dispose()


@pytest.mark.parametrize(
    ("how", "without", "expected"),
    [
        pytest.param({}, PROXY, CLIENT, id="through the proxy"),
        pytest.param({"headers": FORGERY}, PROXY, CLIENT, id="with forged headers"),
        pytest.param(
            {"headers": FORGERY, "proxy": None, "address": OTHER},
            OTHER,
            OTHER,
            id="past the proxy, with forged headers",
        ),
    ],
)
def test_a_login_is_from_the_client(how: dict[str, Any], without: str, expected: str):
    def login_ip(fixed: bool) -> str:
        with deployed(fixed=fixed) as module:
            form = {"email": EMAIL, "password": PASSWORD}
            assert Visitor(module.app, **how).post("/login", data=form).status_code == 302
            with module.app.app_context():
                return module.users.find_user(email=EMAIL).current_login_ip

    assert login_ip(fixed=False) == without
    assert login_ip(fixed=True) == expected


def test_a_mail_links_to_where_the_user_asked(monkeypatch: pytest.MonkeyPatch):
    mails: list[str] = []

    def keep(self: object, *args: Any, **kwargs: Any) -> None:
        mails.append(args[4])

    monkeypatch.setattr(MailUtil, "send_mail", keep)

    def link(fixed: bool, **how: Any) -> str:
        with deployed(fixed=fixed) as module:
            response = Visitor(module.app, **how).post("/reset", data={"email": EMAIL})
        assert response.status_code == 200
        (link,) = re.findall(r"(https?://[^/]+/reset)/", mails.pop())
        return link

    assert link(fixed=False) == "http://www.example.com/reset"
    assert link(fixed=True) == "https://www.example.com/reset"
    assert link(fixed=True, headers=FORGERY) == "https://www.example.com/reset"

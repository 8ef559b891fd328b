"""The table of warnings: each has a cause, a text and a fix, and the documentation has it."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

import flask_trustproxy
from flask_trustproxy.report.messages import MESSAGES, caution

ROOT = Path(__file__).parents[2]
PACKAGE = Path(flask_trustproxy.__file__).parent
SOURCE = "".join(
    path.read_text("utf-8") for path in PACKAGE.rglob("*.py") if path.name != "messages.py"
)

each_message = pytest.mark.parametrize("name", MESSAGES)


def fields(text):
    return {field for _, field, _, _ in Formatter().parse(text) if field is not None}


@each_message
def test_a_message_is_used(name):
    assert f'"{name}"' in SOURCE


@each_message
def test_a_message_says_what_it_means_and_what_to_do(name):
    message = MESSAGES[name]
    # A period is put between the two, and at the end where there is room for one.
    for text in (message.message, message.fix):
        assert text[-1] not in ".!?"
        assert re.match(r"[A-Z{]|app\.wsgi_app ", text)
    assert len(message.message) < 300
    assert len(message.fix) < 300


@each_message
def test_a_message_is_filled_in(name):
    values = {field: f"<{field}>" for field in fields("".join(MESSAGES[name][1:3]))}
    filled = caution(name, values)
    assert filled.code == (MESSAGES[name].code or name)
    assert "{" not in str(filled)
    assert all(value in str(filled) for value in values.values())


def test_a_value_is_not_read_as_a_text_with_names():
    filled = caution(
        "not_an_address", {"header": "{writer}", "writer": "{0}", "value": "{x!r}"}
    )
    assert filled.message.startswith("{writer}: {0}, which is trusted")
    assert filled.message.endswith("{x!r}")


def test_the_documentation_has_a_table_for_each_time():
    page = (ROOT / "docs/messages.rst").read_text("utf-8")
    times = re.findall(r"^\.\. messages:: (.+)$", page, re.M)
    assert times == ["start", "check", "request"]
    assert {message.when for message in MESSAGES.values()} == set(times)

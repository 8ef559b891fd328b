"""What a client may write: every header, in every shape."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_trustproxy.core.headers import KNOWN, NAMES, parse_headers
from flask_trustproxy.probe.forgeries import CANARIES, forgeries

SAYS = "X-Forwarded-Proto, X-Forwarded-Host, X-Forwarded-Port, X-Forwarded-Prefix".split(", ")
PLANS = st.one_of(
    st.just(["Forwarded"]),
    st.tuples(
        st.sampled_from(["X-Forwarded-For", "X-Real-IP", "X-Acme-Client=address", ""]),
        *(st.sampled_from([name, ""]) for name in SAYS),
    ),
).map(lambda names: parse_headers(", ".join(filter(None, names)) or "none"))


class TestForgeries:
    @given(
        PLANS,
        st.sampled_from(["http", "https"]),
        st.dictionaries(st.sampled_from([h.name for h in KNOWN.values()]), st.just("https")),
    )
    def test_three_honest_requests_and_these_are_no_more_than_65(self, plan, scheme, arrived):
        assert 3 + len(list(forgeries(plan, scheme, arrived))) <= 65

    def test_each_header_has_one_plain_value(self):
        plan = parse_headers("X-Acme-Client=address")
        plain = [each for each in forgeries(plan, "http", {}) if each.plain]
        names = {*NAMES.values(), "X-Acme-Client"}
        assert {each.header for each in plain} == names
        assert len(plain) == len(names)
        assert all(len(each.lines) == 1 and each.sent for each in plain)

    @pytest.mark.parametrize(
        ("scheme", "arrived", "sent"),
        [
            pytest.param("http", {}, ("https", "on"), id="http, and no header says so"),
            pytest.param("https", {}, ("http", "off"), id="https, and no header says so"),
            pytest.param(
                "http",
                {"X-Forwarded-Proto": "https, http", "X-Forwarded-Ssl": "on"},
                ("HTTPS", "ON"),
                id="a header says so that is not believed",
            ),
        ],
    )
    def test_a_forged_scheme_is_not_what_stands_there(self, scheme, arrived, sent):
        tries = forgeries(parse_headers("X-Forwarded-For"), scheme, arrived)
        by_name = {each.header: each.sent for each in tries if each.plain}
        assert (by_name["X-Forwarded-Proto"], by_name["X-Forwarded-Ssl"]) == sent

    def test_every_twin_of_every_believed_header_follows_its_name(self):
        plan = parse_headers("X-Forwarded-For, X-Forwarded-Proto")
        (twins,) = [each for each in forgeries(plan, "http", {}) if "underscores" in each.title]
        assert [name for name, _ in twins.lines] == [
            "X-Forwarded-For",
            "X-Forwarded_For",
            "X_Forwarded-For",
            "X_Forwarded_For",
            "X-Forwarded-Proto",
            "X-Forwarded_Proto",
            "X_Forwarded-Proto",
            "X_Forwarded_Proto",
        ]

    def test_where_no_name_has_a_hyphen_there_are_no_twins(self):
        tries = forgeries(parse_headers("Forwarded"), "http", {})
        assert not any("underscores" in each.title for each in tries)

    @pytest.mark.parametrize(
        ("arrived", "names"),
        [
            pytest.param({"X-Real-IP": "7.7.7.7"}, "X-Real-IP", id="those that arrive"),
            pytest.param({}, "X-Forwarded-For, X-Forwarded-Proto", id="else those believed"),
        ],
    )
    def test_connection_names_what_the_proxies_write(self, arrived, names):
        plan = parse_headers("X-Forwarded-For, X-Forwarded-Proto")
        (each,) = [
            each for each in forgeries(plan, "http", arrived) if each.header == "Connection"
        ]
        assert each.lines == (("Connection", f"close, {names}"),)

    def test_every_address_and_word_is_a_canary(self):
        tries = forgeries(parse_headers("X-Forwarded-For"), "http", {})
        schemes = {"http", "https", "on", "off", '{"scheme":"https"}'}
        for each in tries:
            if each.plain and each.header != "Forwarded" and each.sent not in schemes:
                assert each.sent in CANARIES

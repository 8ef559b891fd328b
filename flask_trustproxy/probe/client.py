"""The live probe's command: what it sends, and in which order.

It asks one question at a time, and forges nothing before two honest requests
were answered. A forgery that is not answered costs only that forgery. An honest
request at the end tells whether this machine was banned meanwhile.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from http.client import HTTPException
from typing import Optional

from .door import (
    FORMAT,
    make_token,
    read_answer,
    read_content,
)
from .forgeries import Forgery, few, forgeries
from .observations import Exchange, Observations
from .report import OverHttp, Report
from .verdict import conclude
from .wire import (
    TLS_THERE,
    Target,
    http_beside,
    is_refusal,
    make_request,
    send,
    speaks_tls,
    why_no_response,
    why_unsigned,
)

#: Told before each request: its number, how many there will be (0: not known
#: yet), and what it tries.
Progress = Callable[[int, int, str], None]

#: After so many forgeries in a row without an answer, an honest request is sent.
_MANY = 3


class Unanswered(Exception):
    """The probe could not be carried through.

    :param why: what happened, and what to do.
    :param requests: how many requests were sent.
    :param status: the status of what came back, 0 for nothing.
    :param stopped: whether somebody stopped it.
    """

    def __init__(self, why: str, requests: int, status: int = 0, stopped: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.requests = requests
        self.status = status
        self.stopped = stopped


def probe(
    target: Target, key: bytes, progress: Progress, http_port: Optional[int] = None
) -> Report:
    """Probe an app through its proxies.

    If it is interrupted (Ctrl-C), it tells what was found so far.

    :param key: its ``TRUST_PROXY_PROBE_KEY``.
    :param progress: is told before each request.
    :param http_port: the port of the http requests at the end of an https run; ``None``:
        there are none.
    :raises Unanswered: if that did not succeed.
    """
    prober = _Prober(key, progress)
    stopped = ""
    try:
        prober.run(target, http_port)
    except KeyboardInterrupt:
        stopped = f"The probe was stopped after request {prober.sent}."
        if not prober.ways:
            raise Unanswered(stopped, prober.sent, stopped=True) from None
    return replace(conclude(prober.ways, prober.over_http, stopped), requests=prober.sent)


class _Prober:
    """One run of the probe: the ways that it went, and what came back."""

    def __init__(self, key: bytes, progress: Progress) -> None:
        self._key = key
        self._progress = progress
        self.ways: list[Observations] = []
        self.over_http: OverHttp = "left_out"
        self.sent = 0
        self._total = 0

    def run(self, target: Target, http_port: Optional[int]) -> None:
        """Probe the URL, and then a little over http, if that is another way."""
        if target.url.scheme == "http":
            self.over_http, http_port = "itself", None
        target, exchanges = self._enter(target)
        exchanges.append(self._ask(target, None))
        tries = self._tries(self.ways[0])
        chosen = [] if http_port is None else few(tries, self.ways[0].read)
        beside = 0 if http_port is None else len(chosen) + 2
        self._total = len(exchanges) + len(tries) + 1 + beside
        for exchange in self._forge(target, tries):
            exchanges.append(exchange)
        if http_port is not None and not self.ways[0].is_banned:
            self._probe_beside(http_beside(target, http_port))

    def _probe_beside(self, target: Target) -> None:
        """Try over http what tells most, if the same app answers there."""
        self.over_http = "no_answer"
        try:
            target, exchanges = self._enter(target)
        except Unanswered as error:
            if error.status:
                self.over_http = "redirected" if 300 <= error.status < 400 else "another"
            return
        self.over_http = "probed"
        way = self.ways[-1]
        for exchange in self._forge(target, few(self._tries(way), way.read)):
            exchanges.append(exchange)

    def _enter(self, target: Target) -> tuple[Target, list[Exchange]]:
        """Send an honest request; every further one goes to the address that answered it.

        :returns: the target at that address, and the list to record exchanges in.
        """
        exchanges = [self._ask(target, None)]
        here, there = self._ends.here, self._ends.there
        self.ways.append(Observations(target.url, here, there[0], exchanges))
        return target._replace(dial=there), exchanges

    def _tries(self, way: Observations) -> list[Forgery]:
        honest = way.honest
        return list(
            forgeries(
                honest.plan,
                honest.believed["scheme"],
                honest.headers,
                honest.identity,
                honest.secret,
            )
        )

    def _forge(self, target: Target, tries: Iterable[Forgery]) -> Iterator[Exchange]:
        """Send forgeries, and honest requests when it looks as if nothing passes any more."""
        unanswered = 0
        for forgery in tries:
            exchange = self._try(target, forgery)
            yield exchange
            unanswered = 0 if exchange.answer else unanswered + 1
            if unanswered == _MANY:
                honest = self._try(target, None)
                yield honest
                if honest.answer is None:
                    return
                unanswered = 0
        yield self._try(target, None)

    def _try(self, target: Target, forgery: Optional[Forgery]) -> Exchange:
        """Send a request that need not be answered; twice, if nothing comes back."""
        with suppress(Unanswered):  # one connection may break by chance
            return self._ask(target, forgery)
        self._total += 1
        try:
            return self._ask(target, forgery)
        except Unanswered as error:
            return Exchange(forgery, None, error.why)

    def _ask(self, target: Target, forgery: Optional[Forgery]) -> Exchange:
        """Send one request, and find out what it was answered."""
        self.sent += 1
        title = forgery.title if forgery else "an honest request"
        over = " over http" if self.over_http in ("no_answer", "probed") else ""
        self._progress(self.sent, self._total, f"{title}{over}")
        nonce, parameter = secrets.token_hex(8), secrets.token_hex(8)
        token = make_token(self._key, nonce, "GET", parameter)
        try:
            response = send(target, make_request(target, token, parameter, forgery))
        except (OSError, HTTPException, ValueError) as error:
            why = why_no_response(error, target, is_first=self.sent == 1)
            raise self._unanswered(title, why) from error
        self._ends = response
        content = read_answer(self._key, response.body, response.signature)
        if content is not None and content["nonce"] != nonce:
            raise self._unanswered(
                title,
                "a cache answered what was asked before. Have it heed Cache-Control: no-store, "
                "and tell URLs apart by their query",
            )
        if content is not None and content["format"] != FORMAT:
            raise self._unanswered(title, "the app has another version of Flask-TrustProxy")
        if content is not None:
            return Exchange(forgery, read_content(content))
        if forgery is not None and is_refusal(response, forgery):
            return Exchange(forgery, None)
        why = why_unsigned(response, target)
        if self.sent == 1 and response.status == 400 and speaks_tls(target):
            why = TLS_THERE
        raise self._unanswered(title, why, response.status)

    def _unanswered(self, title: str, why: str, status: int = 0) -> Unanswered:
        return Unanswered(f"Request {self.sent} ({title}): {why}.", self.sent, status)

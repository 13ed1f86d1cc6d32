"""What all pages share: who asks, in which language, the outbox, and the frame around every page."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import Depends, Form, HTTPException, Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.datastructures import URL
from starlette.responses import HTMLResponse, Response

from nhicard import web
from nhicard.institution.agent.deadlines import Urgency, open_visits
from nhicard.institution.console import audit, display
from nhicard.institution.console.display import LANGUAGES, Language
from nhicard.institution.console.secrets import Secrets
from nhicard.institution.console.sessions import COOKIE, LIFETIME, Patience, Session, Sessions
from nhicard.institution.console.texts import text
from nhicard.institution.outbox import Outbox

_LANGUAGE: Final = "nhicard_language"
_YEAR: Final = 365 * 86400
#: The 24 hours are counted anew after so long: with months of a hospital's visits that takes half a second.
_DEADLINES_HOLD: Final = timedelta(minutes=1)


class SignInFirst(Exception):
    """Nobody is signed in."""


@dataclass
class Site:
    """One console."""

    outbox: Path
    secret: Secrets
    now: Callable[[], datetime]
    sessions: Sessions
    patience: Patience = field(default_factory=Patience)
    _urgent: tuple[datetime, dict[str, int]] | None = None
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def audit(self, action: str, **facts: int | str) -> None:
        """Write down who was shown or what was decided, before it is done."""
        audit.record(self.outbox.parent, self.now(), action, **facts)

    def urgent(self, outbox: Outbox) -> dict[str, int]:
        """How many visits are near or beyond their 24 hours, by urgency."""
        now = self.now()
        with self._counting:
            if self._urgent is None or abs(now - self._urgent[0]) >= _DEADLINES_HOLD:
                found = open_visits(outbox, now)["urgency"].to_list()
                self._urgent = (now, {each.value: found.count(each.value) for each in Urgency})
            return self._urgent[1]


@dataclass
class Visitor:
    """Whoever asks: a browser with its session and language."""

    request: Request
    site: Site
    session: Session
    language: Language
    is_new: bool

    def t(self, name: str, **facts: object) -> str:
        """The text of this name in the visitor's language."""
        return text(name, self.language, **facts)

    def page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page, with the cookies that go with it."""
        language = self.language
        other: Language = "en" if language == "zh" else "zh"
        url = self.request.url if self.request.method == "GET" else self.request.url.replace(path="/", query="")
        shared: dict[str, Any] = {
            "t": self.t,
            "language": language,
            "other": other,
            "other_url": _relative(url.include_query_params(lang=other)),
            "here": _relative(url),
            "path": self.request.url.path,
            "form_token": self.site.sessions.form_token(self.session),
            "now": self.site.now(),
            "day": partial(display.day, language=language),
            "moment": partial(display.moment, language=language),
            "category": partial(display.category, language=language),
            "signed_in": self.session.signed_in,
            "keep": partial(_query, url),
            "institution": "",
            "urgent": {},
        }
        response = HTMLResponse(_environment().get_template(template).render(shared | values), status)
        if self.is_new:
            self.keep(response, self.session)
        if self.request.query_params.get("lang") == language:
            response.set_cookie(_LANGUAGE, language, max_age=_YEAR, httponly=True, samesite="strict")
        return response

    def keep(self, response: Response, session: Session) -> None:
        """Give the browser the session's cookie."""
        cookie = self.site.sessions.cookie(session)
        seconds = int(LIFETIME.total_seconds())
        response.set_cookie(COOKIE, cookie, max_age=seconds, httponly=True, samesite="strict")


@dataclass
class Clerk(Visitor):
    """A visitor who has signed in, with the outbox open for this request."""

    outbox: Outbox

    @property
    def now(self) -> datetime:
        """The moment of the request."""
        return self.site.now()

    def page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page with the institution's name and the deadlines that press."""
        frame = {"institution": _institution(self.outbox), "urgent": self.site.urgent(self.outbox)}
        return super().page(template, status, **frame, **values)


def visitor(request: Request) -> Visitor:
    """Anybody."""
    site: Site = request.app.state.site
    now = site.now()
    session = site.sessions.of_cookie(request.cookies.get(COOKIE), now)
    asked = (request.query_params.get("lang"), request.cookies.get(_LANGUAGE))
    language = next((known for each in asked for known in LANGUAGES if each == known), LANGUAGES[0])
    return Visitor(request, site, session or site.sessions.begin(now, signed_in=False), language, session is None)


def clerk(anybody: Annotated[Visitor, Depends(visitor)]) -> Iterator[Clerk]:
    """Somebody who has signed in. Raises SignInFirst."""
    if not anybody.session.signed_in:
        raise SignInFirst
    with Outbox(anybody.site.outbox) as outbox:
        yield Clerk(anybody.request, anybody.site, anybody.session, anybody.language, anybody.is_new, outbox)


def posting_visitor(anybody: Annotated[Visitor, Depends(visitor)], token: Annotated[str, Form()] = "") -> Visitor:
    """Anybody who sends a form of our own pages; 403 for others."""
    if anybody.is_new or not anybody.site.sessions.form_token_fits(anybody.session, token):
        raise HTTPException(403)
    return anybody


def posting_clerk(somebody: Annotated[Clerk, Depends(clerk)], token: Annotated[str, Form()] = "") -> Clerk:
    """A clerk who sends a form of our own pages; 403 for others."""
    posting_visitor(somebody, token)
    return somebody


Anybody = Annotated[Visitor, Depends(visitor)]
AnybodyPosting = Annotated[Visitor, Depends(posting_visitor)]
SignedIn = Annotated[Clerk, Depends(clerk)]
SignedInPosting = Annotated[Clerk, Depends(posting_clerk)]


def _relative(url: URL) -> str:
    return str(url.path) + (f"?{url.query}" if url.query else "")


def _query(url: URL, **changes: object) -> str:
    """The query of this address with changes; another choice begins at its first page."""
    return str(url.remove_query_params(["page", "lang"]).include_query_params(**changes).query)


def _institution(outbox: Outbox) -> str:
    """The institution that the latest visit names."""
    found = outbox.rows("SELECT json_extract(content, '$.institution') FROM visit ORDER BY id DESC LIMIT 1")
    return str(found[0][0] or "") if found else ""


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.globals.update(static=_static, hours=display.hours)
    return environment


@cache
def _static(name: str) -> str:
    """The address of a static file, another one when the file changes."""
    content = (web.STATIC / name).read_bytes()
    return f"/static/{name}?{hashlib.sha256(content).hexdigest()[:12]}"

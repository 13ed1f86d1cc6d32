"""Signing in and out, and a new password."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import HTMLResponse, RedirectResponse, Response

from nhicard.institution.console.secrets import WeakPassword, require_strong
from nhicard.institution.console.sessions import COOKIE
from nhicard.institution.console.site import Anybody, AnybodyPosting, SignedInPosting, Visitor

router = APIRouter()


@router.get("/login")
def sign_in_page(visitor: Anybody, next: str = "/") -> HTMLResponse:
    """The page that asks for the password."""
    return _page(visitor, next, "")


@router.post("/login")
def sign_in(
    visitor: AnybodyPosting, password: Annotated[str, Form()] = "", next: Annotated[str, Form()] = "/"
) -> Response:
    """In with the right password; else the page again."""
    site, now = visitor.site, visitor.site.now()
    if site.patience.try_password(site.secret, password, now):
        site.audit("signed in")
        response = RedirectResponse(_own_page(next), 303)
        visitor.keep(response, site.sessions.begin(now, signed_in=True))
        return response
    site.audit("wrong password")
    if until := site.patience.locked_until(now):
        return _page(visitor, next, visitor.t("login.locked", until=f"{until:%H:%M}"), 429)
    return _page(visitor, next, visitor.t("login.wrong"), 401)


@router.post("/logout")
def sign_out(clerk: SignedInPosting) -> Response:
    """Out; the cookie is worth nothing any more."""
    clerk.site.sessions.end(clerk.session, clerk.now)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response


@router.post("/password")
def new_password(
    clerk: SignedInPosting,
    present: Annotated[str, Form()] = "",
    wanted: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    """Another password; whoever was signed in with the old one is signed out."""
    site = clerk.site
    if wanted != again:
        return RedirectResponse("/status?notice=passwords_differ#password", 303)
    if not site.patience.try_password(site.secret, present, clerk.now):
        return RedirectResponse("/status?notice=password_wrong#password", 303)
    try:
        require_strong(wanted)
    except WeakPassword:
        return RedirectResponse("/status?notice=password_weak#password", 303)
    site.audit("new password")
    site.secret.set_password(wanted)
    response = RedirectResponse("/status?notice=password_set", 303)
    clerk.keep(response, site.sessions.begin(clerk.now, signed_in=True))
    return response


def _page(visitor: Visitor, next: str, trouble: str, status: int = 200) -> HTMLResponse:
    return visitor.page(
        "login.html",
        status,
        next=_own_page(next),
        trouble=trouble,
        has_password=visitor.site.secret.has_password,
    )


def _own_page(path: str) -> str:
    """The path if it is one of this console, else the first page."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() else "/"

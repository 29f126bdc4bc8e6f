"""The authorize page of partner-initiated linking: sign in, consent, and back with a code (OAuth 2.0, PKCE S256)."""

from dataclasses import dataclass
from html import escape
from http import HTTPStatus
import re

from aiohttp import hdrs, web
from multidict import MultiMapping
from yarl import URL

from .gateway import WORLD, check_sender, read_form
from .grants import SCOPE
from .model import Account, App
from .values import CloudError, ConflictError
from .world import World

PATH = "/account/integrations/partner-link/authorize"
SIGN_IN = "/account/integrations/partner-link/sign-in"

# RFC 7636: the challenge of S256 is 43 characters; anything from 43 to 128 is well-formed.
_SHORTEST_CHALLENGE = 43
_CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_HEADERS = {
    hdrs.CACHE_CONTROL: "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "strict-origin",
}
_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: Canvas }
main { width: min(26rem, calc(100vw - 3rem)); padding: 1.5rem 0 }
h1 { font-size: 1.4rem; line-height: 1.25 }
label { display: flex; gap: .75rem; align-items: center; padding: .75rem 1rem; margin: .5rem 0;
  border: 1px solid color-mix(in srgb, CanvasText 20%, Canvas); border-radius: .75rem }
label:has(:checked) { border-color: CanvasText }
small { display: block; opacity: .75 }
.row { display: flex; gap: .75rem; margin-top: 1.25rem }
button { flex: 1; min-height: 2.75rem; font: inherit; border-radius: .75rem; border: 1px solid CanvasText;
  background: none; color: CanvasText; cursor: pointer }
button.go { background: CanvasText; color: Canvas }
"""


class AuthorizeError(CloudError):
    """The request ends on a page: nothing in it can be trusted to send the browser back to."""


@dataclass(frozen=True, slots=True)
class Authorization:
    """A request that may be put before the user."""

    app: App
    redirect_uri: str
    state: str | None
    challenge: str

    def back(self, **parameters: str) -> str:
        """Return the partner's address, with the answer."""
        state = {} if self.state is None else {"state": self.state}
        return str(URL(self.redirect_uri).update_query({**parameters, **state}))


class RejectedError(Exception):
    """The request is wrong in a way that the partner is told about."""

    def __init__(self, location: str) -> None:
        super().__init__("rejected")
        self.location = location


def parse(world: World, query: MultiMapping[str]) -> Authorization:
    """Check an authorize request; redirect back only to an address that the app registered."""
    if len(set(query)) != len(query):
        raise AuthorizeError("a parameter is given more than once")
    challenge = query.get("code_challenge", "")
    if query.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise AuthorizeError("code_challenge is invalid")
    app = world.apps.get(query.get("client_id", ""))
    redirect_uri = query.get("redirect_uri", "")
    if app is None or not app.partner_allowlisted or redirect_uri not in app.redirect_uris:
        raise AuthorizeError("Something went wrong")
    authorization = Authorization(app, redirect_uri, query.get("state"), challenge)
    if query.get("response_type") != "code":
        raise RejectedError(authorization.back(error="unsupported_response_type"))
    if query.get("scope") != SCOPE:
        raise RejectedError(authorization.back(error="invalid_scope"))
    return authorization


def allow(world: World, authorization: Authorization, account: Account) -> str:
    """Consent for an account: return where the browser goes, with a code."""
    code = world.links.open_partner(account, authorization.app, authorization.challenge)
    return authorization.back(code=code)


def authorize(world: World, account: Account, url: str) -> str:
    """Do what a user who allows it does on the page."""
    try:
        return allow(world, parse(world, URL(url).query), account)
    except RejectedError as error:
        return error.location


async def show(request: web.Request) -> web.Response:
    """Answer GET like Ring, which asks who it is before it looks: only a challenge that is too short is refused."""
    if len(request.query.get("code_challenge", "")) < _SHORTEST_CHALLENGE:
        return _error_page(AuthorizeError("code_challenge is invalid"))
    return _redirect(f"{SIGN_IN}?{request.rel_url.raw_query_string}")


async def show_sign_in(request: web.Request) -> web.Response:
    """Answer GET of the sign-in page: ask who signs in, and whether to let the app in."""
    world = request.app[WORLD]
    try:
        check_sender(request)
        authorization = parse(world, request.query)
    except RejectedError as error:
        return _redirect(error.location)
    except CloudError as error:
        return _error_page(error)
    return _page(authorization.app, _form(authorization, list(world.accounts.values())))


async def decide(request: web.Request) -> web.Response:
    """Answer POST: the user's decision. The query is checked again, as nothing is remembered."""
    world = request.app[WORLD]
    try:
        check_sender(request)
        authorization = parse(world, request.query)
        form = await read_form(request)
        if form.get("decision") != "allow":
            return _redirect(authorization.back(error="access_denied", error_description="The user denied access"))
        account = world.accounts.get(form.get("account", ""))
        if account is None:
            raise ConflictError("Choose an account to sign in with")
        return _redirect(allow(world, authorization, account))
    except CloudError as error:
        return _error_page(error)
    except RejectedError as error:
        return _redirect(error.location)


def _redirect(location: str) -> web.Response:
    headers = {hdrs.LOCATION: location, hdrs.CACHE_CONTROL: "no-store", "Referrer-Policy": "strict-origin"}
    return web.Response(status=HTTPStatus.FOUND, headers=headers)


def _error_page(error: CloudError) -> web.Response:
    text = f"<h1>We could not continue</h1><p>{escape(str(error))}.</p>"
    return _document("Something went wrong", text, HTTPStatus.BAD_REQUEST)


def _page(app: App, form: str) -> web.Response:
    return _document(f"Allow {app.name}?", form, HTTPStatus.OK)


def _form(authorization: Authorization, accounts: list[Account]) -> str:
    name = escape(authorization.app.name)
    choices = "".join(
        f'<label><input type="radio" name="account" required value="{escape(account.id)}"{" checked" * (index == 0)}>'
        f"<span>{escape(account.first_name)} {escape(account.last_name)}"
        f"<small>{escape(account.email)} · {len(account.devices)} devices</small></span></label>"
        for index, account in enumerate(accounts)
    )
    return (
        f"<h1>Allow {name} to use your Ring account?</h1>"
        f"<p>{name} will be able to see your devices, their state and their events. Sign in as:</p>"
        f'<form method="post">{choices or "<p>There is no account yet.</p>"}'
        '<div class="row"><button name="decision" value="deny" formnovalidate>Deny</button>'
        '<button class="go" name="decision" value="allow">Allow</button></div></form>'
    )


def _document(title: str, body: str, status: HTTPStatus) -> web.Response:
    text = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>{body}</main></body></html>"
    )
    return web.Response(text=text, status=status, content_type="text/html", headers=_HEADERS)

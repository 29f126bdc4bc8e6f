"""The pages that Ring opens in a phone's browser, and the page by which a user tries whether Ring can."""

from collections.abc import Mapping
from dataclasses import dataclass
import html
from http import HTTPStatus
from typing import Final

from aiohttp.web import Request, Response

from homeassistant.core import HomeAssistant
from homeassistant.helpers.network import is_hass_url
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util.aiohttp import MockRequest

from .const import DOMAIN

INTEGRATION_PATH: Final = f"/config/integrations/integration/{DOMAIN}"
# Opens the integration's page in the Home Assistant that this browser knows.
MY_INTEGRATION_URL: Final = f"https://my.home-assistant.io/redirect/integration/?domain={DOMAIN}"

_PREFIX: Final = f"component.{DOMAIN}.common."

_PAGE: Final = """<!doctype html><html lang="{language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="strict-origin">
<title>{title} · Home Assistant</title><style>
:root{{color-scheme:light dark;--link:#0277a8;--button:#fff}}
@media (prefers-color-scheme:dark){{:root{{--link:#5cc8f5;--button:#111}}}}
body{{font:1rem/1.5 system-ui,sans-serif;margin:0;min-height:100vh;display:grid;place-items:center;background:Canvas;
color:CanvasText}}main{{box-sizing:border-box;width:100%;max-width:28rem;padding:1.5rem;overflow-wrap:anywhere}}
header{{font-weight:600;color:var(--link)}}h1{{font-size:1.5rem;line-height:1.25;margin:.5rem 0 1rem}}
a{{display:inline-block;margin-top:.5rem;padding:.75rem 1.25rem;border-radius:1.5rem;background:var(--link);
color:var(--button);font-weight:600;text-decoration:none}}
</style></head><body><main><header>Home Assistant</header><h1>{title}</h1>{paragraphs}
<a href="{href}" rel="noreferrer">{link}</a></main></body></html>"""


@dataclass(frozen=True, slots=True)
class PageTexts:
    """The texts in one language, whose tag is the text `page_language`."""

    words: Mapping[str, str]

    def __getitem__(self, key: str) -> str:
        """Return a text."""
        return self.words[key]


async def async_page_texts(hass: HomeAssistant) -> PageTexts:
    """Return the texts in Home Assistant's language, or in English: a visitor of these pages is not signed in."""
    found = await async_get_translations(hass, hass.config.language, "common", {DOMAIN})
    return PageTexts({key.removeprefix(_PREFIX): text for key, text in found.items()})


async def async_page(
    hass: HomeAssistant, request: Request, page: str, *paragraphs: str, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    """Return a page: `page` names its title, `paragraphs` what it says, both as keys of texts.

    It has no script and no form and shows nothing that the visitor has sent. Home Assistant's server sends the referrer
    policy "no-referrer" with every response; the page's own "strict-origin" wins, because with "no-referrer" a browser
    would send `Origin: null` with what the page posts.
    """
    texts = await async_page_texts(hass)
    return Response(
        status=status,
        text=_PAGE.format(
            language=html.escape(texts["page_language"]),
            title=html.escape(texts[f"page_{page}"]),
            paragraphs="".join(f"<p>{html.escape(texts[f'page_{key}'])}</p>" for key in paragraphs),
            href=html.escape(_home(hass, request)),
            link=html.escape(texts["page_open"]),
        ),
        content_type="text/html",
        headers={
            "Cache-Control": "no-store",
            "Referrer-Policy": "strict-origin",
            "Content-Security-Policy": (
                "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
                "frame-ancestors 'none'"
            ),
        },
    )


def _home(hass: HomeAssistant, request: Request | MockRequest) -> str:
    """Return where this browser finds the integration in Home Assistant.

    Only at Home Assistant's own URLs its frontend is sure to be there too: a cloudhook or a tunnel may serve webhooks
    only.
    """
    try:
        is_own = isinstance(request, Request) and is_hass_url(hass, f"{request.scheme}://{request.host}")
    except ValueError:
        # The Host header is the visitor's.
        is_own = False
    return INTEGRATION_PATH if is_own else MY_INTEGRATION_URL

"""What strangers and Ring may send to the addresses that need no login: quiet answers, and no error in the log."""

import asyncio
from collections.abc import Coroutine
import json
import logging
import re
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from hypothesis import HealthCheck, given, settings, strategies as st
import pytest
from yarl import URL

from custom_components.ring_partner import linking
from custom_components.ring_partner.endpoints import Endpoint, endpoint_id
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from ring_cloud import Account, App, RingCloud
from tests.api.damage import ANYTHING, damaged, places

from .conftest import SIGNING_KEY
from .home import Home, home, pushed

__all__ = ["home", "pushed"]

FUZZ = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
# What is no HTTP at all, aiohttp itself refuses and logs.
OURS = ("custom_components", "homeassistant")
BYTES = st.binary(max_size=60)
ASCII = st.characters(codec="ascii")
TEXTS = st.text(st.characters(codec=None), max_size=50)


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What has been logged as an error since the last look."""
    found = [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR and one.name.startswith(OURS)]
    caplog.clear()
    return found


# --- Linking ---------------------------------------------------------------------------------------------------------


@pytest.fixture
async def addresses(
    hass: HomeAssistant, address: str, linked: ConfigEntry, cloud: RingCloud, app: App, monkeypatch: pytest.MonkeyPatch
) -> dict[Endpoint, str]:
    """Where linking listens; a second account has enabled the app, and its browser has not come yet."""
    monkeypatch.setattr(linking, "RETRY_SECONDS", ())
    urls = {one: f"{address}/api/webhook/{endpoint_id(SIGNING_KEY, one)}" for one in Endpoint}
    cloud.add_app(app.client_id, token_exchange_url=urls[Endpoint.TOKEN_EXCHANGE])
    assert await cloud.enable_app(cloud.add_account("John", "Doe", "john.doe@example.com"), app) == 200
    await hass.async_block_till_done(wait_background_tasks=True)
    return urls


CODES = (
    BYTES
    | TEXTS.map(lambda text: f"code={quote(text, errors='replace')}".encode())
    | st.dictionaries(st.just("code") | TEXTS, ANYTHING, max_size=3).map(lambda fields: json.dumps(fields).encode())
    | st.sampled_from([b'{"code":' * 1000, b'{"code":' + b"[" * 8000, b'{"code": "\\ud800"}', b"code=" + b"%" * 3000])
)


@FUZZ
@given(
    body=CODES, content_type=st.sampled_from(["application/json", "text/plain; charset=utf-7", "multipart/form-data"])
)
def test_whatever_is_posted_as_a_code_is_answered_with_nothing(
    hass: HomeAssistant,
    addresses: dict[Endpoint, str],
    browser: aiohttp.ClientSession,
    caplog: pytest.LogCaptureFixture,
    body: bytes,
    content_type: str,
) -> None:
    async def post() -> tuple[int, str]:
        named = {"Content-Type": content_type}
        async with browser.post(addresses[Endpoint.TOKEN_EXCHANGE], data=body, headers=named) as answer:
            got = answer.status, await answer.text()
        await hass.async_block_till_done(wait_background_tasks=True)
        return got

    errors(caplog)
    status, text = hass.loop.run_until_complete(post())
    assert status in (200, 400)
    assert text == ""
    assert errors(caplog) == []


QUERIES = st.dictionaries(
    st.sampled_from(["nonce", "time", "code", "nonce[]"]) | st.from_regex(r"\w{1,5}", fullmatch=True),
    TEXTS | st.sampled_from(["x" * 43, "ü" * 43, "0", "9" * 400, "{now}", "٣"]),
    max_size=4,
).map(lambda fields: urlencode(fields, errors="replace")) | st.from_regex(
    r"[\w%&=+.;:@/?!*,-]{0,40}", fullmatch=True, alphabet=ASCII
)


@FUZZ
@given(query=QUERIES)
def test_whatever_a_browser_brings_it_is_shown_one_of_our_own_pages(
    hass: HomeAssistant,
    addresses: dict[Endpoint, str],
    browser: aiohttp.ClientSession,
    cloud: RingCloud,
    caplog: pytest.LogCaptureFixture,
    query: str,
) -> None:
    now = str(int(cloud.clock.time() * 1000))
    url = URL(f"{addresses[Endpoint.ACCOUNT_LINK]}?{query.replace(quote('{now}'), now)}", encoded=True)

    async def look() -> tuple[int, str]:
        async with browser.get(url) as page:
            return page.status, await page.text()

    errors(caplog)
    status, page = hass.loop.run_until_complete(look())
    title = re.search(r"<h1>(.*)</h1>", page)
    assert title is not None
    assert (status, title[1]) in [(200, "This address works"), (400, "This link is not valid")]
    assert hass.config_entries.flow.async_progress() == []
    assert errors(caplog) == []


# --- Events ----------------------------------------------------------------------------------------------------------

VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40).map(
    lambda text: text.encode("latin-1")
)
SIGNATURES = VALUES | VALUES.map(lambda value: b"sha256=" + value) | st.just(b"sha256=" + b"0" * 64)
ODD_NAMES = st.from_regex(r"x-[a-z0-9-]{1,15}", fullmatch=True, alphabet=ASCII).map(str.encode)
WELL_FORMED = st.dictionaries(st.sampled_from([b"x-signature", b"content-type"]) | ODD_NAMES, SIGNATURES, max_size=4)
MALFORMED = st.binary(max_size=60).filter(lambda line: not re.search(rb"[\r\n]|(?i:transfer-encoding)", line))


async def async_send(url: URL, lines: list[bytes], body: bytes) -> int:
    """Send a request byte for byte; return the status of the answer."""
    reader, writer = await asyncio.open_connection(url.host, url.port)
    head = [b"POST %s HTTP/1.1" % url.raw_path.encode(), b"Host: home", b"Content-Length: %d" % len(body), *lines]
    writer.write(b"\r\n".join([*head, b"Connection: close", b"", body]))
    try:
        return int((await reader.readline()).split()[1])
    finally:
        writer.close()


@FUZZ
@given(named=WELL_FORMED, odd=st.none() | MALFORMED, body=BYTES | st.just(b"{}"))
def test_whatever_comes_without_a_signature_is_refused(
    hass: HomeAssistant,
    home: Home,
    pushed: ConfigEntry,
    caplog: pytest.LogCaptureFixture,
    named: dict[bytes, bytes],
    odd: bytes | None,
    body: bytes,
) -> None:
    lines = [*map(b": ".join, named.items()), *([] if odd is None else [odd])]
    errors(caplog)
    accepted = pushed.runtime_data.coordinator.data.account.delivery.accepted
    status = hass.loop.run_until_complete(async_send(URL(home.url), lines, body))
    # A head that is none never gets as far as to us.
    assert status == 401 or (odd is not None and status == 400)
    assert pushed.runtime_data.coordinator.data.account.delivery.accepted == accepted
    assert errors(caplog) == []


# Every kind of thing a webhook can lead to, but the end of the link: nothing would be tested after it.
TYPES = st.sampled_from(
    [
        *("button_press", "motion_detected", "device_online", "flood_detected", "device_added", "device_removed"),
        *("subscription_activated", "app_integration_added", "something_new"),
    ]
)


@st.composite
def events(draw: st.DrawFn, whole: Any) -> bytes:
    """Return an event with some damage, or what is none."""
    document = damaged(whole, ("data", "type"), draw(TYPES), drop=False)
    for _ in range(draw(st.integers(1, 3))):
        where = draw(st.sampled_from(places(document)))
        document = damaged(document, where, draw(ANYTHING), drop=bool(where) and draw(st.booleans()))
    return draw(st.just(json.dumps(document).encode()) | BYTES)


@FUZZ
@given(data=st.data())
def test_whatever_is_signed_is_taken_and_harms_nothing(
    hass: HomeAssistant,
    home: Home,
    pushed: ConfigEntry,
    account: Account,
    caplog: pytest.LogCaptureFixture,
    data: st.DataObject,
) -> None:
    def run[T](what: Coroutine[Any, Any, T]) -> T:
        return hass.loop.run_until_complete(what)

    delivery = run(home.happen(account.device("Front Door"), "motion_detected", sub_type="human", component_ids=("1",)))
    errors(caplog)
    assert run(home.post(data.draw(events(json.loads(delivery.body))))) == 200
    assert errors(caplog) == []

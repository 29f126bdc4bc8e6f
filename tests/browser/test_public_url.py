"""A home without a public URL is linked on a phone, through a tunnel; the pages that Ring and the user open."""

from collections.abc import AsyncIterator
import re

from playwright.async_api import Locator, expect
import pytest
import pytest_asyncio

from demo.clients import until
from demo.linking import CLIENT_ID, DOMAIN, EMAIL, SIGNING_KEY, URL_FIELDS, find_entry, loaded_entry, register_app
from demo.rig import Ports, Rig
from demo.seed import PROXY
from tests.ring_partner.relays import Tunnel, open_tunnel

from .conftest import OpenWindow, allow_loopback
from .dialogs import look
from .window import PATIENCE_MS, Window

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]
expect.set_options(timeout=PATIENCE_MS)

PHONE = (390, 844)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    """A Home Assistant that has no URL which Ring could call, and knows the private app."""
    allow_loopback()
    async with Rig(tmp_path_factory.mktemp("behind"), Ports(0, 0)) as rig:
        await register_app(rig.cloud, rig.home)
        yield rig


@pytest_asyncio.fixture(loop_scope="session")
async def tunnel(home: Rig) -> AsyncIterator[Tunnel]:
    """A tunnel, and no other way from the internet."""
    await home.home.command("config/core/update", external_url=None, internal_url=None)
    async with open_tunnel(home.home.url, PROXY) as tunnel:
        yield tunnel
    await home.home.command("config/core/update", external_url=home.home.url, internal_url=home.home.url)
    while (entry := await find_entry(home.home)) is not None:
        await home.home.delete(f"config/config_entries/entry/{entry['entry_id']}")


async def test_home_without_public_url_is_linked_through_a_tunnel(
    home: Rig, tunnel: Tunnel, open_window: OpenWindow
) -> None:
    window, phone = await open_window(*PHONE), await open_window(*PHONE)
    dialog = await _choose_ring_app(window, home)
    await _enter_tunnel(window, dialog, tunnel)
    await dialog.locator("input[type=password]").fill(SIGNING_KEY)
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.get_by_text("Token Exchange URL", exact=True)).to_be_visible()
    await look(window, dialog, "tunnel-3-urls")
    urls = await _urls_of(window)
    assert all(urls[name].startswith(f"{tunnel.url}/api/webhook/") for name in URL_FIELDS[:3])
    await home.cloud.post("apps", client_id=CLIENT_ID, **urls)
    await dialog.get_by_role("button", name="Submit").click()

    await expect(dialog.get_by_text("This dialog continues automatically.")).to_be_visible()
    phone.overlook("/favicon.ico")
    await phone.page.goto(urls["account_link_url"])
    await expect(phone.page.get_by_role("heading", name="This address works")).to_be_visible()
    await _look_at_page(phone, "page-1-test")
    await expect(dialog.get_by_text("quick-tunnel.example.net")).to_be_visible()
    await look(window, dialog, "tunnel-4-reached")
    await _confirm(home, phone)
    await expect(dialog.get_by_text("John Doe")).to_be_visible()
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.get_by_role("button", name=re.compile("finish", re.IGNORECASE))).to_be_visible()
    await loaded_entry(home.home)

    await window.page.goto(f"{home.home.url}/config/repairs")
    await expect(window.page.get_by_text("There are currently no repairs pending")).to_be_visible()
    assert {path for path in tunnel.refused if path != "/favicon.ico"} == set()
    await _look_at_repair(home, window)


async def _enter_tunnel(window: Window, dialog: Locator, tunnel: Tunnel) -> None:
    """Enter a URL that cannot be used, then the tunnel's."""
    await expect(dialog.get_by_text("Public URL", exact=True)).to_be_visible()
    await look(window, dialog, "tunnel-1-public-url")
    url = dialog.locator("input[type=url]")
    await url.fill(f"{tunnel.url}/home")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.get_by_text("Enter the URL without a path")).to_be_visible()
    await look(window, dialog, "tunnel-2-error")
    await url.fill(tunnel.url)
    await dialog.get_by_role("button", name="Submit").click()


async def _confirm(home: Rig, phone: Window) -> None:
    """Enable the app for John, and let the Ring app open the phone's browser."""
    account = f"accounts/{(await home.cloud.account(EMAIL))['id']}"
    await home.cloud.post(f"{account}/enable", client_id=CLIENT_ID)
    location = (await home.cloud.post(f"{account}/confirm", client_id=CLIENT_ID))["location"]
    await phone.page.goto(location)
    await expect(phone.page.get_by_role("heading", name="One more step")).to_be_visible()
    await _look_at_page(phone, "page-2-confirm")


async def _look_at_repair(home: Rig, window: Window) -> None:
    """A public URL comes, and the URLs are offered."""
    await home.home.command("config/core/update", external_url=home.home.url)
    await window.page.get_by_text("Replace the URLs at Ring").click()
    repair = window.page.locator("dialog-data-entry-flow")
    await expect(repair.get_by_text("App Homepage URL")).to_be_visible()
    await look(window, repair, "tunnel-5-repair")


async def test_pages_of_a_link_that_is_not_in_progress_say_what_to_do(home: Rig, open_window: OpenWindow) -> None:
    window, phone = await open_window(*PHONE), await open_window(*PHONE, language="de-DE")
    phone.overlook("400 (Bad Request)")
    dialog = await _choose_ring_app(window, home)
    await dialog.locator("input[type=password]").fill(SIGNING_KEY)
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.get_by_text("Token Exchange URL", exact=True)).to_be_visible()
    urls = await _urls_of(window)
    await phone.page.goto(f"{urls['account_link_url']}?nonce=fake-nonce&time=1")
    await expect(phone.page.get_by_role("heading", name="This link is not valid")).to_be_visible()
    await _look_at_page(phone, "page-3-invalid")
    await phone.page.goto(urls["account_link_url"])
    await expect(phone.page.get_by_text("from your own network")).to_be_visible()
    await _look_at_page(phone, "page-4-own-network")

    await dialog.get_by_role("button", name="Close").click()

    async def is_closed() -> bool:
        await phone.page.goto(urls["account_link_url"])
        return "Linking is not in progress" in await phone.text()

    await until(is_closed, PATIENCE_MS / 1000, "the page says that no dialog is open")
    await _look_at_page(phone, "page-5-closed")
    # The way back, and what Ring opens as the app's homepage.
    await phone.page.get_by_role("link", name="Open Home Assistant").click()
    await expect(phone.page.get_by_text("Ring Partner").first).to_be_visible()
    await phone.picture("page-6-homepage")
    assert urls["homepage_url"] == phone.page.url.partition("?")[0]


async def _choose_ring_app(window: Window, rig: Rig) -> Locator:
    page = window.page
    await page.goto(f"{rig.home.url}/_my_redirect/config_flow_start?domain={DOMAIN}")
    await page.get_by_role("button", name=re.compile("^(OK|Yes)$", re.IGNORECASE)).click()
    dialog = page.locator("dialog-data-entry-flow")
    await dialog.get_by_text("From the Ring app", exact=True).click()
    return dialog


async def _urls_of(window: Window) -> dict[str, str]:
    """Read the URLs that a dialog shows, in the order of the fields in Ring's developer console."""
    found = re.findall(r"https?://\S+", await window.text(window.page.locator("dialog-data-entry-flow")))
    assert len(found) == len(URL_FIELDS)
    return dict(zip(URL_FIELDS, found, strict=True))


async def _look_at_page(phone: Window, name: str) -> None:
    """By day and by night, all can be read, and there is a way back."""
    await expect(phone.page.get_by_role("link", name="Open Home Assistant")).to_be_visible()
    for scheme in ("light", "dark"):
        await phone.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        await phone.picture(f"{name}-{scheme}")
        assert await phone.clipped() == []
    assert await phone.raw_keys() == []

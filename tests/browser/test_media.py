"""Somebody looks through the recordings in Home Assistant's media browser."""

from playwright.async_api import Locator, Page, expect
import pytest

from demo.rig import Rig

from .conftest import OpenWindow
from .dialogs import look
from .window import HAS_PICTURE, PATIENCE_MS, Window

pytestmark = pytest.mark.asyncio(loop_scope="session")
expect.set_options(timeout=PATIENCE_MS)

EVENTS_PER_DAY = 6
# Home Assistant's cards are as wide as some sixteen letters on a phone: the length of a recording is cut there, and the
# camera of one that was found.
NO_ROOM = r"\d\d:\d\d · Motion · 21 s|\d\d-\d\d 12:57 · Ring · Front Door"


def browser(page: Page) -> Locator:
    return page.locator("ha-media-player-browse")


def items(page: Page) -> Locator:
    return page.locator("ha-media-player-browse .child")


async def open_folder(page: Page, *titles: str) -> None:
    for title in titles:
        await items(page).filter(has_text=title).first.click()


async def open_front_door(window: Window, demo: Rig) -> Page:
    """Click from the media panel to the camera."""
    await window.page.goto(f"{demo.home.url}/media-browser/browser")
    await open_folder(window.page, "Ring Partner", "John Doe")
    await expect(items(window.page)).to_have_count(5)
    await look(window, browser(window.page), "media-1-cameras")
    await open_folder(window.page, "Front Door")
    await expect(items(window.page).filter(has_text="Yesterday")).to_be_visible()
    return window.page


async def all_have_pictures(page: Page) -> None:
    for card in await items(page).all():
        await page.wait_for_function(HAS_PICTURE, arg=await card.element_handle())


async def test_a_recording_of_yesterday_is_found_played_and_wound(demo: Rig, open_window: OpenWindow) -> None:
    window = await open_window()
    page = await open_front_door(window, demo)
    await look(window, browser(page), "media-2-camera")
    await open_folder(page, "Yesterday")
    await expect(items(page)).to_have_count(EVENTS_PER_DAY)
    await page.mouse.move(0, 0)
    await all_have_pictures(page)
    await window.picture("media-3-day", docs="media", part=items(page).or_(page.get_by_text("Front Door · Yesterday")))
    await look(window, browser(page), "media-3-day", cut=NO_ROOM)

    await items(page).filter(has_text="12:57 · Ring").click()
    video = page.locator("video")
    assert await video.evaluate("(video) => video.currentTime") < 5
    await page.wait_for_function(
        "(video) => video.videoWidth && video.currentTime > 0.5", arg=await video.element_handle()
    )
    await window.picture("media-4-plays")
    await video.evaluate("(video) => { video.currentTime = 15 }")
    await page.wait_for_function(
        "(video) => !video.seeking && video.currentTime > 15.3", arg=await video.element_handle()
    )
    await look(window, page.locator("body"), "media-5-wound", cut=NO_ROOM)
    # Ring sends a little less than was asked for.
    assert 18 < await video.evaluate("(video) => video.duration") < 25


async def test_a_search_finds_the_rings_of_a_day(demo: Rig, open_window: OpenWindow) -> None:
    window = await open_window(360, 780, scheme="dark")
    page = await open_front_door(window, demo)
    await look(window, browser(page), "media-6-camera")
    await page.get_by_placeholder("Search Front Door").fill("ring yesterday")
    await page.get_by_placeholder("Search Front Door").press("Enter")
    await expect(items(page)).to_have_count(1)
    await expect(items(page)).to_contain_text("12:57")
    await all_have_pictures(page)
    await look(window, browser(page), "media-7-found", cut=NO_ROOM)

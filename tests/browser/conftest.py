"""One demo for all journeys, and browser windows to look at it."""

from collections.abc import AsyncIterator, Awaitable, Callable
import shutil

from playwright.async_api import Browser, async_playwright
import pytest
import pytest_asyncio
import pytest_socket

from demo.rig import Ports, Rig

from .window import Window

# Nothing of Chromium's own goes to the internet, and no name outside this machine can be resolved.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)

DOCS_IMAGES = "--docs-images"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer to renew the pictures in the documentation: `scripts/test tests/browser --docs-images`."""
    parser.addoption(DOCS_IMAGES, action="store_true", help="renew docs/images")


def pytest_configure(config: pytest.Config) -> None:
    """A run of all tests reads this file too late to know the option."""
    Window.makes_docs = bool(config.getoption(DOCS_IMAGES, default=False))


type OpenWindow = Callable[..., Awaitable[Window]]


@pytest.fixture(autouse=True)
def verify_cleanup() -> None:
    """Home Assistant's harness looks for what a test left running; here one demo and one browser serve all of them."""


def allow_loopback() -> None:
    """Let a fixture that is older than its first test talk to this machine."""
    pytest_socket.enable_socket()
    pytest_socket.socket_allow_hosts(["127.0.0.1", "localhost", "::1"], allow_unix_socket=True)


@pytest.fixture(autouse=True)
def _loopback_only() -> None:
    allow_loopback()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    """The demo, with John's account linked, and somebody at his door."""
    allow_loopback()
    async with Rig(tmp_path_factory.mktemp("demo"), Ports(0, 0)) as rig:
        await rig.link(visitors=True)
        yield rig


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The browser."""
    path = shutil.which("chromium")
    assert path is not None, "the browser tests need Chromium: run scripts/setup"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def open_window(chromium: Browser) -> AsyncIterator[OpenWindow]:
    """Open windows; whatever went wrong in one of them fails the test."""
    windows: list[Window] = []

    async def open_one(
        width: int = 1280, height: int = 900, *, scheme: str = "light", language: str = "en-US"
    ) -> Window:
        window = await Window.open(chromium, width, height, scheme, language)
        windows.append(window)
        return window

    yield open_one
    for window in windows:
        await window.close()
    troubles = [trouble for window in windows for trouble in window.troubles]
    assert not troubles, "\n".join(troubles)

"""Open a camera in Home Assistant's frontend again and again, and measure how long its first frame takes.

    python -m bench.first_frame --views 20

The demo with Chromium, and a STUN server as far away as one on the internet. The clock runs from the browser's offer.
"""

import argparse
import asyncio
from pathlib import Path
import shutil
import statistics

from playwright.async_api import Browser, async_playwright

from demo.rig import Ports, Rig

from .home import scratch

STUN_S = 0.15
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
# Notes when the browser offers, gets an answer, and shows the first frame of any video.
_WATCH = """(() => {
  const times = window.times = {}, seen = new WeakSet();
  for (const [method, name] of [["setLocalDescription", "offer"], ["setRemoteDescription", "answer"]]) {
    const original = RTCPeerConnection.prototype[method];
    RTCPeerConnection.prototype[method] = function (...given) {
      times[name] = performance.now();
      return original.apply(this, given);
    };
  }
  const look = (node) => {
    for (const child of node.querySelectorAll("*")) {
      if (child.shadowRoot) look(child.shadowRoot);
      if (child.tagName === "VIDEO" && !seen.has(child)) {
        seen.add(child);
        child.requestVideoFrameCallback(() => { times.frame ??= performance.now(); });
      }
    }
  };
  setInterval(() => look(document), 5);
})()"""


async def view(browser: Browser, rig: Rig) -> tuple[float, float]:
    """Open a camera; return milliseconds from the offer to Ring's answer, and to the first frame."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    await page.goto(rig.home.url)
    await page.wait_for_url("**/ring-demo/**")
    await page.add_init_script(_WATCH)
    await page.goto(f"{rig.home.url}/?more-info-entity-id=camera.front_door")
    await page.wait_for_function("window.times?.frame", timeout=20_000, polling=50)
    times = await page.evaluate("window.times")
    await context.close()
    return times["answer"] - times["offer"], times["frame"] - times["offer"]


async def run(views: int) -> None:
    """Open the camera so often, and print what it took."""
    path = shutil.which("chromium")
    folder = scratch("first-frame")
    async with Rig(folder, Ports(0, 0), stun_delay=STUN_S) as rig, async_playwright() as playwright:
        await rig.link()
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        answers, frames = zip(*[await view(browser, rig) for _ in range(views)], strict=True)
        await browser.close()
    shutil.rmtree(Path(folder), ignore_errors=True)
    print(f"{views} views, STUN {STUN_S * 1000:.0f} ms away, milliseconds from the offer:")
    for what, values in (("answer", answers), ("first frame", frames)):
        print(
            f"{what:12} median {statistics.median(values):4.0f}, fastest {min(values):4.0f}, slowest {max(values):4.0f}"
        )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=int, default=20)
    asyncio.run(run(parser.parse_args().views))


if __name__ == "__main__":
    main()

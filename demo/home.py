"""Start Home Assistant with less than it starts by itself: `python -m demo.home --config FOLDER`.

Its default set holds analytics, backups, and every base platform whether or not something uses it: voice, streams and
the like, which want packages and libraries that this demo has no use for. What an integration needs comes all the same.
"""

import asyncio
import signal
import sys

from homeassistant import __main__, bootstrap
from homeassistant.components import brands
from homeassistant.setup import BASE_PLATFORMS

bootstrap.DEFAULT_INTEGRATIONS.difference_update({"analytics", "backup", *BASE_PLATFORMS})

# The logos of other integrations stand on the internet; nothing of the demo leaves this machine. Port 9 discards.
vars(brands)["BRANDS_CDN_URL"] = "http://127.0.0.1:9"

MINUTE = 60


def skip_a_minute(*_: object) -> None:
    """Let a minute pass at once: all that Home Assistant wanted to do in it, it does now."""
    loop = asyncio.get_running_loop()
    now = loop.time
    vars(loop)["time"] = lambda: now() + MINUTE
    # It sleeps until its next timer by the clock of before.
    loop.call_soon_threadsafe(lambda: None)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, skip_a_minute)
    sys.exit(__main__.main())

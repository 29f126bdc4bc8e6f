"""Start Home Assistant with less than it starts by itself: `python -m demo.home --config FOLDER`.

Its default set holds analytics, backups, and every base platform whether or not something uses it: voice, streams and
the like, which want packages and libraries that this demo has no use for. What an integration needs comes all the same.
"""

import sys

from homeassistant import __main__, bootstrap
from homeassistant.components import brands
from homeassistant.setup import BASE_PLATFORMS

bootstrap.DEFAULT_INTEGRATIONS.difference_update({"analytics", "backup", *BASE_PLATFORMS})

# The logos of other integrations stand on the internet; nothing of the demo leaves this machine. Port 9 discards.
vars(brands)["BRANDS_CDN_URL"] = "http://127.0.0.1:9"

if __name__ == "__main__":
    sys.exit(__main__.main())

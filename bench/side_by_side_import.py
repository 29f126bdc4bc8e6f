"""What it takes to import an integration as Home Assistant does: a process that has nothing else in it, run for each.

Prints the new modules and the milliseconds of CPU, as JSON. The folder is a Home Assistant configuration.
"""

import asyncio
import json
from pathlib import Path
import sys
import time

from homeassistant import bootstrap, loader
from homeassistant.core import HomeAssistant

PRELOADED = (bootstrap,)
# Loaded beforehand, too: what every Home Assistant has, and all that either of the two stands upon.
SHARED = (
    "application_credentials", "auth", "automation", "backup", "binary_sensor", "button", "camera", "config",
    "diagnostics", "event", "ffmpeg", "hardware", "homeassistant", "http", "image", "light", "logbook", "media_player",
    "media_source", "network", "number", "recorder", "repairs", "script", "sensor", "siren", "switch", "system_health",
    "trace", "web_rtc", "webhook", "websocket_api", "zeroconf",
)  # fmt: skip
PLATFORMS = {
    "ring": ("binary_sensor", "button", "camera", "event", "light", "number", "sensor", "siren", "switch"),
    "ring_partner": ("binary_sensor", "button", "camera", "event", "image", "sensor"),
}


async def _import(folder: Path, domain: str) -> dict[str, float]:
    hass = HomeAssistant(str(folder))
    hass.config.skip_pip = True
    loader.async_setup(hass)
    for shared in SHARED:
        await (await loader.async_get_integration(hass, shared)).async_get_component()
    known, began = set(sys.modules), time.process_time()
    integration = await loader.async_get_integration(hass, domain)
    await integration.async_get_component()
    await integration.async_get_platforms(PLATFORMS[domain])
    took = time.process_time() - began
    await hass.async_stop(force=True)
    return {"modules": len(set(sys.modules) - known), "milliseconds": 1000 * took}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_import(Path(sys.argv[1]), sys.argv[2]))))

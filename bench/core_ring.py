"""The cloud that core `ring` talks to, on loopback: what `ring-doorbell` as released asks for, and no more.

Nothing of Home Assistant's integration or of the library is replaced but the addresses, and Google's push service,
which here is always there and costs nothing.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
import json
import os
import time
from typing import Final
from unittest.mock import patch

from aiohttp import web
from ring_doorbell import Ring
from ring_doorbell.const import OAuth
from ring_doorbell.listen import eventlistener

type Json = dict[str, Json] | list[Json] | str | float | bool | None

HARDWARE_ID: Final = "fake-hardware-id"
LOCATION: Final = "fake-location"
# As long as the tokens of the other side.
TOKEN_LIVES_S: Final = 4 * 3600
HISTORY_ROWS: Final = 10
# As `ring_doorbell` tells them apart: the list they are in, and their kind.
KINDS: Final = (
    ("doorbots", "lpd_v2"),
    ("stickup_cams", "cocoa_camera"),
    ("stickup_cams", "floodlight_v2"),
    ("doorbots", "cocoa_doorbell_v2"),
    ("stickup_cams", "stickup_cam_mini_v2"),
    ("chimes", "chime_pro_v2"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    at: float
    method: str
    path: str


class CoreCloud:
    """One account, and what goes wrong with it."""

    def __init__(self, devices: int) -> None:
        """Give the account so many devices: doorbells, cameras and chimes in turn."""
        self.devices = [_device(number, *KINDS[number % len(KINDS)]) for number in range(devices)]
        self.requests: list[Asked] = []
        self.failing: set[int] = set()
        """Devices of which neither health nor history can be had."""
        self.retry_after: int | None = None
        """What the next request is told; that one only."""
        self.battery = 80
        self.url = ""
        self._tokens = 0

    @property
    def doorbell(self) -> int:
        """The first device, at which somebody can ring."""
        return 1

    def token(self) -> dict[str, Json]:
        """Return a new pair; those before it go on working, which is kind."""
        self._tokens += 1
        return {
            "access_token": f"fake-access-token-{self._tokens}",
            "refresh_token": f"fake-refresh-token-{self._tokens}",
            "scope": "client",
            "token_type": "Bearer",
            "expires_in": TOKEN_LIVES_S,
        }

    def count(self, end: str) -> int:
        """Count the requests whose path ends so."""
        return sum(asked.path.endswith(end) for asked in self.requests)

    def _listed(self) -> Json:
        lists: dict[str, Json] = {name: [] for name in ("doorbots", "authorized_doorbots", "chimes", "other")}
        lists["stickup_cams"] = []
        for family, document in self.devices:
            document["battery_life"] = str(self.battery)
            members = lists[family]
            if isinstance(members, list):
                members.append(document)
        return lists

    def _history(self, device: int) -> Json:
        # The same rows each time: nothing happens.
        made = datetime.fromtimestamp(1_600_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        kinds = ("ding", "motion", "motion", "on_demand")
        return [
            {
                "id": 1_000_000 * device + row,
                "created_at": made,
                "answered": False,
                "kind": kinds[row % len(kinds)],
                "recording": {"status": "ready"},
                "doorbot": {"id": device, "description": f"Device {device}"},
                "events": [],
                "favorite": False,
                "snapshot_url": "",
            }
            for row in range(HISTORY_ROWS)
        ]

    def _health(self, device: int) -> Json:
        health: dict[str, Json] = {
            "id": device,
            "wifi_name": "fake-network",
            "battery_percentage": str(self.battery),
            "latest_signal_strength": -58,
            "latest_signal_category": "good",
            "average_signal_strength": -57,
            "firmware": "Up to Date",
        }
        return {"device_health": health}

    async def _answer(self, request: web.Request) -> web.Response:
        self.requests.append(Asked(time.time(), request.method, request.path))
        if self.retry_after is not None:
            headers = {"Retry-After": str(self.retry_after)}
            self.retry_after = None
            return web.Response(status=429, headers=headers)
        parts = request.path.strip("/").split("/")
        if parts[-1] in {"health", "history"}:
            device = int(parts[-2])
            if device in self.failing:
                return web.Response(status=503)
            return _json(self._health(device) if parts[-1] == "health" else self._history(device))
        answers: Mapping[tuple[str, str], Callable[[], Json]] = {
            ("POST", "token"): self.token,
            ("POST", "session"): lambda: {"profile": {"id": 1}},
            ("GET", "ring_devices"): self._listed,
            ("GET", "active"): list,
            ("GET", "groups"): lambda: {"device_groups": []},
        }
        if (request.method, parts[-1]) == ("PATCH", "device"):
            return web.Response(status=204)
        answer = answers.get((request.method, parts[-1]))
        return web.Response(status=404) if answer is None else _json(answer())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve on loopback."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield
        finally:
            await runner.cleanup()


def _json(document: Json) -> web.Response:
    return web.Response(body=json.dumps(document).encode(), content_type="application/json")


def _device(number: int, family: str, kind: str) -> tuple[str, dict[str, Json]]:
    settings: dict[str, Json] = {
        "doorbell_volume": 5,
        "volume": 5,
        "motion_detection_enabled": True,
        "chime_settings": {"type": 1, "enable": True, "duration": 5},
        "live_view_disabled": False,
        "enable_vod": True,
        "motion_announcement": False,
        "motion_zones": {"enable_audio": False, "active_motion_filter": 1, "sensitivity": 5},
        "power_mode": "wired",
    }
    return family, {
        "id": number + 1,
        "kind": kind,
        "description": f"Device {number + 1}",
        "device_id": f"02000000{number:04x}",
        "location_id": LOCATION,
        "time_zone": "America/New_York",
        "firmware_version": "Up to Date",
        "led_status": "off",
        "siren_status": {"seconds_remaining": 0},
        "battery_life": "80",
        "external_connection": False,
        "subscribed": True,
        "subscribed_motions": True,
        "features": {"motions_enabled": True, "show_recordings": False, "show_vod_settings": True},
        "settings": settings,
        "alerts": {"connection": "online"},
        "owned": True,
    }


class PushService:
    """Stands in for the library's client of Google's push service."""

    def __init__(self, callback: Callable[[dict[str, dict[str, str]], str], None], *_: object, **__: object) -> None:
        """Deliver to the library."""
        self._callback = callback

    async def checkin_or_register(self) -> str:
        return "fake-push-token"

    async def start(self) -> None:
        """Be connected at once."""

    async def stop(self) -> None:
        """Have nothing to end."""

    def deliver(self, device: int, event: int, kind: str, at: float) -> None:
        """Deliver what Ring sends to phones: `ding` or `motion`."""
        made = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        ding = {"id": str(event), "created_at": made, "subtype": kind}
        named = {"id": device, "name": f"Device {device}", "kind": "lpd_v2"}
        self._callback(
            {
                "data": {
                    "android_config": json.dumps({"category": f"com.ring.pn.live-event.{kind}"}),
                    "data": json.dumps({"device": named, "event": {"ding": ding}}),
                }
            },
            f"fake-{event}",
        )


@contextmanager
def led_to(url: str) -> Iterator[None]:
    """Lead the library to another address, over plain HTTP, for as long as this is open."""
    with (
        patch.dict(os.environ, {"OAUTHLIB_INSECURE_TRANSPORT": "1"}),
        patch.object(OAuth, "ENDPOINT", f"{url}/oauth/token"),
        patch.object(eventlistener, "API_URI", url),
        patch.object(eventlistener, "FcmPushClient", PushService),
        # Where to ask is the last default of these two.
        patch.object(Ring.async_query, "__defaults__", (*(Ring.async_query.__defaults__ or ())[:-1], url)),
        patch.object(Ring._async_query, "__defaults__", (*(Ring._async_query.__defaults__ or ())[:-1], url)),  # noqa: SLF001
    ):
        yield

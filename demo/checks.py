"""What is checked while both programs run. Each check returns what it saw, or raises a DemoError."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from itertools import pairwise
import re
import time
from typing import Never

import aiohttp

from .clients import Document, until
from .families import ACCOUNT, ENTITIES, faults, is_event, key_of
from .linking import CLIENT_ID, DOMAIN, EMAIL, loaded_entry
from .processes import DemoError
from .rig import Rig
from .seed import CONFIG

_PATIENCE = 120
# Mostly a tenth of a second, which is shown; a machine that is busy with something else takes longer.
_AT_ONCE = 60
# What comes twice comes within this time.
_TWICE = 2


def fail(text: str) -> Never:
    """End a check."""
    raise DemoError(text)


class Checks:
    """The checks of a linked account."""

    def __init__(self, rig: Rig) -> None:
        """Check this rig; `watch` comes around all of it."""
        self._rig = rig
        self._lost: set[str] = set()

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[None]:
        """Note every entity that becomes unavailable meanwhile."""
        async with self._rig.home.connection() as socket:
            await socket.send_json({"id": 1, "type": "subscribe_events", "event_type": "state_changed"})
            watching = asyncio.ensure_future(self._note_lost(socket))
            try:
                yield
            finally:
                watching.cancel()

    async def _note_lost(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            message: Document = await socket.receive_json()
            data = message.get("event", {}).get("data", {})
            if (data.get("new_state") or {}).get("state") == "unavailable":
                self._lost.add(data["entity_id"])

    async def linked(self) -> str:
        """The entry is loaded, and the link is complete at Ring."""
        entry = await loaded_entry(self._rig.home)
        link = await self._link()
        if link["status"] != "completed":
            fail(f"At Ring the link is {link['status']}.")
        return f"{entry['title']}, at Ring {link['status']} by {link['account_identifier']}"

    async def account(self) -> str:
        """The account's own entities have values."""
        account = await self._rig.cloud.account(EMAIL)
        states = await self._states_of(account["id"])

        async def complete() -> bool:
            # The link's status and the subscription come a moment after the devices.
            states.update(await self._states_of(account["id"]))
            return not ({"unknown", "unavailable"} & {states.get(key, "unknown") for key in ACCOUNT})

        await until(complete, _PATIENCE, f"all of {', '.join(ACCOUNT)} have a value")
        return f"link {states['link_status']}, subscription {states['subscription']}"

    async def family(self, family: str) -> str:
        """Every device of a family has its entities, and they say what Ring says."""
        devices = [device for device in await self._devices() if device["family"] == family]
        found = 0
        for device in devices:
            states = await self._states_of(device["id"])
            found += len(states)
            if wrong := "; ".join(faults(device, states)):
                fail(f"{device['name']}: {wrong}")
        if not devices:
            fail("There is no such device.")
        return f"{', '.join(device['name'] for device in devices)}: {found} entities"

    async def complete(self) -> str:
        """No family of the cloud is left out of the table."""
        families = {family["key"] for family in (await self._rig.cloud.state())["families"]}
        if missing := families ^ ENTITIES.keys():
            fail(f"Only one side knows {', '.join(sorted(missing))}.")
        return f"{len(families)} families"

    async def dashboard(self) -> str:
        """Everything on the dashboard exists and has a value."""
        states = await self._rig.home.states()
        shown = set(re.findall(r"\b(?:(?:binary_)?sensor|event)\.\w+", (CONFIG / "dashboard.yaml").read_text()))
        early = {entity_id for key, entity_id in (await self._entity_ids()).items() if is_event(key)}
        for entity_id in sorted(shown):
            state = states.get(entity_id, {}).get("state", "missing")
            if state in {"missing", "unavailable"} or (state == "unknown" and entity_id not in early):
                fail(f"{entity_id} is {state}.")
        return f"{len(shown)} entities"

    async def change(self, *changes: tuple[str, str, bool, str, str]) -> str:
        """Change devices in the Ring cloud, and see it in Home Assistant.

        A change is a family, what is set and to what, the entity that shows it, and its state then.
        """
        started = time.monotonic()
        waited: dict[str, str] = {}
        devices = {device["family"]: device for device in await self._devices()}
        entities = await self._entity_ids()
        for family, field, value, key, state in changes:
            await self._rig.cloud.post(f"devices/{devices[family]['id']}", **{field: value})
            waited[entities[f"{devices[family]['id']}_{key}"]] = state
        await self._rig.home.post("services/homeassistant/update_entity", entity_id=next(iter(waited)))

        async def arrived() -> bool:
            states = await self._rig.home.states()
            return all(states[entity_id]["state"] == state for entity_id, state in waited.items())

        seen = ", ".join(f"{entity_id.split('.')[1]} is {state}" for entity_id, state in waited.items())
        await until(arrived, _PATIENCE, seen)
        return f"{seen} after {time.monotonic() - started:.1f} s"

    async def pushed(self) -> str:
        """Somebody comes to the door and rings, and Ring tells it twice: it shows at once, and it happens once."""
        account = await self._rig.cloud.account(EMAIL)
        door = next(device["id"] for device in account["devices"] if device["family"] == "doorbell")
        entities = await self._entity_ids()
        waited = [entities[f"{door}_{key}"] for key in ("motion_event", "last_motion", "doorbell_event", "last_ring")]
        async with self._rig.home.connection() as socket:
            await socket.send_json({"id": 1, "type": "subscribe_events", "event_type": "state_changed"})
            await self._rig.cloud.post("mischief", kind="duplicate", count=2)
            started = time.monotonic()
            await self._rig.cloud.post(f"devices/{door}/happen", type="motion_detected", sub_type="human")
            await self._rig.cloud.post(f"devices/{door}/happen", type="button_press")
            changes: Counter[str] = Counter()
            with suppress(TimeoutError):
                await _count(socket, changes, _AT_ONCE, until_all=waited)
            took = time.monotonic() - started
            with suppress(TimeoutError):
                await _count(socket, changes, _TWICE)
        if wrong := {entity_id: changes[entity_id] for entity_id in waited if changes[entity_id] != 1}:
            fail(f"These changed so many times, not once: {wrong}")
        mode = (await self._states_of(account["id"]))["delivery"]
        if mode != "pushed":
            fail(f"Events are {mode}.")
        return f"a person, a ring: once each, after {took:.2f} s; events are {mode}"

    async def pictured(self) -> str:
        """Who rang is seen on a picture, and on a recording in the media browser."""
        account = await self._rig.cloud.account(EMAIL)
        door = next(device["id"] for device in account["devices"] if device["family"] == "doorbell")
        entities = await self._entity_ids()
        picture, rang = entities[f"{door}_last_event"], entities[f"{door}_doorbell_event"]

        async def is_there() -> bool:
            states = await self._rig.home.states()
            # The doorbell's state is when it fired here, the picture's when it rang there: a moment before.
            seen = states[picture]["attributes"].get("event_type")
            return bool(seen == "ring" and states[rang]["state"] != "unknown")

        await until(is_there, _PATIENCE, "the picture of who rang is there")
        kind, still = await self._rig.home.fetch(f"/api/image_proxy/{picture}")
        path = "media-source://ring_partner"
        # An account, its door, the newest day of that, and the newest recording of the day.
        for title in (None, "Front Door", None, None):
            (folder,) = await self._rig.home.command("media_source/browse_media", media_content_id=path)
            path = next(item["media_content_id"] for item in folder["children"] if title in (None, item["title"]))
        (clip,) = await self._rig.home.command("media_source/resolve_media", media_content_id=path)
        form, film = await self._rig.home.fetch(clip["url"])
        if kind != "image/jpeg" or form != "video/mp4" or film[4:8] != b"ftyp":
            fail(f"The picture is {kind}, the recording {form}.")
        return f"a picture of {len(still) // 1000} kB, a recording of {len(film) // 1000} kB"

    async def refreshed(self, short_life: int, long_life: int) -> str:
        """The token is refreshed before it ends, and nobody notices."""
        account = await self._rig.cloud.account(EMAIL)

        async def again() -> bool:
            return bool((await self._link())["refreshes"])

        await until(again, _PATIENCE, f"a token of {short_life} s is refreshed")
        tokens = f"accounts/{account['id']}/tokens"
        await self._rig.cloud.post(tokens, client_id=CLIENT_ID, action="lifetime", seconds=long_life)
        requests = (await self._rig.cloud.state())["requests"]
        if any(request["status"] == HTTPStatus.UNAUTHORIZED for request in requests):
            fail("A request was made with a token that had ended.")
        given_out = sorted(request["time"] for request in requests if request["path"] == "/oauth/token")
        ages = [round(later - earlier) for earlier, later in pairwise(given_out)]
        if max(ages) >= short_life:
            fail(f"Tokens of {short_life} s were refreshed at the age of {ages} s.")
        return f"tokens of {short_life} s, at the age of {ages[0]} s; no request refused"

    async def uninterrupted(self, except_family: str) -> str:
        """Nothing became unavailable but the device that was taken offline."""
        entities = await self._entity_ids()
        offline = {
            entities[unique_id]
            for device in await self._devices()
            for unique_id in entities
            if device["family"] == except_family and unique_id.startswith(device["id"])
        }
        if lost := self._lost - offline:
            fail(f"Became unavailable: {', '.join(sorted(lost))}")
        return f"{len(self._lost)} entities went with the device that was offline, no other"

    async def _devices(self) -> list[Document]:
        devices: list[Document] = (await self._rig.cloud.account(EMAIL))["devices"]
        return devices

    async def _link(self) -> Document:
        links: list[Document] = (await self._rig.cloud.account(EMAIL))["links"]
        return next(link for link in links if link["client_id"] == CLIENT_ID)

    async def _entity_ids(self) -> dict[str, str]:
        """Return the entities that are switched on, by the ids of their devices (or of the account) and their keys."""
        listed = await self._rig.home.command("config/entity_registry/list")
        return {
            key_of(item): item["entity_id"]
            for item in listed
            if item["platform"] == DOMAIN and item["disabled_by"] is None
        }

    async def _states_of(self, identifier: str) -> dict[str, str]:
        """Return the states of a device or of the account, by the last part of the unique ids."""
        states = await self._rig.home.states()
        return {
            unique_id.removeprefix(f"{identifier}_"): states[entity_id]["state"]
            for unique_id, entity_id in (await self._entity_ids()).items()
            if unique_id.startswith(f"{identifier}_")
        }


async def _count(
    socket: aiohttp.ClientWebSocketResponse, changes: Counter[str], seconds: float, until_all: Collection[str] = ()
) -> None:
    """Count the changes of every entity, until these have changed or the time is up."""
    async with asyncio.timeout(seconds):
        while not until_all or not changes.keys() >= set(until_all):
            message: Document = await socket.receive_json()
            if message["type"] == "event":
                changes[message["event"]["data"]["entity_id"]] += 1

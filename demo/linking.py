"""Link the demo's Ring account as a person does: through the real dialog, with the Ring app beside."""

import time

import aiohttp

from .clients import Document, HomeAssistantClient, RingCloudClient, until
from .processes import DemoError

DOMAIN = "ring_partner"
EMAIL = "johndoe@example.com"
APP_NAME = "Home Assistant demo"
CLIENT_ID = "fake-demo-client"
CLIENT_SECRET = "fake-demo-secret"
SIGNING_KEY = "fake-demo-signing-key"
POLLING_SECONDS = 30

URL_FIELDS = ("token_exchange_url", "account_link_url", "webhook_url", "homepage_url")
_FLOW = "config/config_entries/flow"
_PATIENCE = 120
VISITORS: tuple[tuple[str, dict[str, str]], ...] = (
    ("multi_camera", {"type": "motion_detected", "sub_type": "animal"}),
    ("camera", {"type": "motion_detected", "sub_type": "vehicle"}),
    ("doorbell", {"type": "motion_detected", "sub_type": "human"}),
    ("doorbell", {"type": "button_press"}),
)
_DAY = 86_400
_WEEK = 7
# What happens at the door on each of the last days, by the hour, for the media browser.
_EVERY_DAY: tuple[tuple[float, str, str | None], ...] = (
    (7.6, "motion_detected", "human"),
    (8.2, "motion_detected", "vehicle"),
    (12.9, "motion_detected", "human"),
    (12.95, "button_press", None),
    (15.4, "motion_detected", "animal"),
    (19.1, "on_demand", None),
    (21.7, "motion_detected", "motion"),
)
VISITED = (
    "event.garage_motion",
    "event.driveway_motion",
    "event.front_door_motion",
    "event.front_door_doorbell",
    "image.garage_camera_1_last_event",
    "image.driveway_last_event",
    "image.front_door_last_event",
)


async def register_app(cloud: RingCloudClient, home: HomeAssistantClient) -> None:
    """Register the app in the developer portal, and give its credentials to Home Assistant."""
    await cloud.post("apps", client_id=CLIENT_ID, name=APP_NAME, client_secret=CLIENT_SECRET, signing_key=SIGNING_KEY)
    known = await home.command("application_credentials/list")
    if not any(item["client_id"] == CLIENT_ID for item in known):
        await home.command(
            "application_credentials/create",
            domain=DOMAIN,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            name=APP_NAME,
        )


async def find_entry(home: HomeAssistantClient) -> Document | None:
    """Return the config entry of a linked account."""
    entries = await home.get_list(f"config/config_entries/entry?domain={DOMAIN}")
    return entries[0] if entries else None


async def loaded_entry(home: HomeAssistantClient) -> Document:
    """Return the entry once it is loaded."""
    entry = await find_entry(home)

    async def loaded() -> bool:
        nonlocal entry
        entry = await find_entry(home)
        return entry is not None and bool(entry["state"] == "loaded")

    await until(loaded, _PATIENCE, "the account is loaded")
    if entry is None:
        raise DemoError("Home Assistant has no linked account.")
    return entry


async def link(session: aiohttp.ClientSession, cloud: RingCloudClient, home: HomeAssistantClient) -> None:
    """Link John's account from the Ring app."""
    account = f"accounts/{(await cloud.account(EMAIL))['id']}"
    flow = await home.post(_FLOW, handler=DOMAIN, show_advanced_options=False)
    path = f"{_FLOW}/{flow['flow_id']}"
    await home.post(path, next_step_id="ring_app")
    addresses = _expect(await home.post(path, signing_key=SIGNING_KEY), "portal")["description_placeholders"]
    await cloud.post("apps", client_id=CLIENT_ID, **{name: addresses[name] for name in URL_FIELDS})
    _expect(await home.post(path), "wait")

    await cloud.post(f"{account}/enable", client_id=CLIENT_ID)
    await _until_flow(home, path, "progress_action", "confirm_in_ring_app")
    location = (await cloud.post(f"{account}/confirm", client_id=CLIENT_ID))["location"]
    async with session.get(location) as page:
        page.raise_for_status()
    await _until_flow(home, path, "step_id", "confirm")
    result = await home.post(path)
    if result["type"] != "create_entry":
        raise DemoError(f"Linking ended with {result.get('reason') or result.get('errors')}.")
    await loaded_entry(home)


async def receive_visitors(cloud: RingCloudClient, home: HomeAssistantClient) -> None:
    """Let something have happened already: a dashboard of which everything is unknown says little."""

    async def completed() -> bool:
        # Before that Ring tells Home Assistant of nothing.
        links = (await cloud.account(EMAIL))["links"]
        return any(link["client_id"] == CLIENT_ID and link["status"] == "completed" for link in links)

    await until(completed, _PATIENCE, "the link is complete")
    account = await cloud.account(EMAIL)
    devices = {device["family"]: device for device in account["devices"]}
    await _remember_week(cloud, account["id"], devices["doorbell"]["id"])
    for family, happening in VISITORS:
        await cloud.post(f"devices/{devices[family]['id']}/happen", **happening)

    async def seen() -> bool:
        # A picture is fetched a moment after its event.
        states = await home.states()
        return all(states[entity_id]["state"] != "unknown" for entity_id in VISITED)

    await until(seen, _PATIENCE, "Home Assistant has seen the visitors")


async def _remember_week(cloud: RingCloudClient, account_id: str, device_id: str) -> None:
    """Let the account be a week old: a media browser with one day in it shows little."""
    await cloud.post(f"accounts/{account_id}/consent", client_id=CLIENT_ID, seconds_ago=(_WEEK + 1) * _DAY)
    today = time.time() % _DAY
    events = [
        {"type": event_type, "seconds_ago": today + day * _DAY - hour * 3600, "duration": 20 + day}
        | ({} if sub_type is None else {"sub_type": sub_type})
        for day in range(1, _WEEK + 1)
        for hour, event_type, sub_type in _EVERY_DAY
    ]
    await cloud.post(f"devices/{device_id}/past", events=events)


async def set_polling(home: HomeAssistantClient, entry_id: str) -> None:
    """Poll as often as is allowed: somebody who plays with the Ring cloud waits for the result."""
    options = "config/config_entries/options/flow"
    flow = await home.post(options, handler=entry_id)
    await home.post(f"{options}/{flow['flow_id']}", polling_interval=POLLING_SECONDS)


async def move_addresses(cloud: RingCloudClient, home: HomeAssistantClient) -> None:
    """Tell the developer portal when Home Assistant answers on another port than at the last start."""
    apps: list[Document] = (await cloud.state())["apps"]
    for app in apps:
        moved = {name: home.url + _path(app[name]) for name in URL_FIELDS if app[name]}
        if any(app[name] != url for name, url in moved.items()):
            await cloud.post("apps", client_id=app["client_id"], **moved)


def _path(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def _expect(step: Document, step_id: str) -> Document:
    if step.get("step_id") != step_id:
        raise DemoError(f"Linking should have come to {step_id!r}, but is at {step}.")
    return step


async def _until_flow(home: HomeAssistantClient, path: str, key: str, value: str) -> None:
    async def arrived() -> bool:
        step = await home.get(path)
        return bool(step.get(key) == value)

    await until(arrived, _PATIENCE, f"the dialog comes to {value}")

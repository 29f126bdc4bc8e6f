"""Start Home Assistant 2026.11.0 with a linked account, in an environment of its own, and use it.

Set-up, set-up again after an outage, one webhook, one live view, a reload, and an unload, each with a time.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
import json
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
import time

import aiohttp

from custom_components.ring_partner.const import DOMAIN
from ring_cloud import RingCloud

from .home import ENTRY_ID, ROOT, Home, scratch
from .offers import CANDIDATES, OFFER

VERSION = "2026.11.0"
ENVIRONMENT = ROOT / ".cache" / f"home-assistant-{VERSION}"
PYTHON = ENVIRONMENT / "bin" / "python"
# What Home Assistant would install for what it starts without any configuration. It names the versions itself.
PACKAGES = (
    "home-assistant-frontend",
    "Pillow",
    "PyTurboJPEG",
    "file-read-backwards",
    "ifaddr",
    "psutil-home-assistant",
)
START_S = 120.0
# Home Assistant tries again after 5 s; what is more has been asked for by us.
RETRY_S = 8.0
DOORBELL = "event.front_door_doorbell"
CAMERA = "camera.front_door"
DEVICES = "/v1/devices*"

# Part of the configuration: writes a token of an administrator to a file once everything has started.
REPORTER = """
import json
from pathlib import Path
from homeassistant.auth.const import GROUP_ID_ADMIN
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED

async def async_setup(hass, config):
    def write(document):
        path = Path(hass.config.path("token.json"))
        path.with_suffix(".new").write_text(document, encoding="utf-8")
        path.with_suffix(".new").rename(path)

    async def started(event):
        user = await hass.auth.async_create_user("Bench", group_ids=[GROUP_ID_ADMIN])
        refresh = await hass.auth.async_create_refresh_token(user, "http://127.0.0.1/")
        token = hass.auth.async_create_access_token(refresh)
        await hass.async_add_executor_job(write, json.dumps(token))

    hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STARTED, started)
    return True
"""
# Every custom integration is greeted so.
GREETING = "We found a custom integration"
# What this bench brings about.
EXPECTED = ("not ready yet", "Error fetching ring_partner data")
COMPLAINT = re.compile(r" (WARNING|ERROR|CRITICAL) \(")


class Started:
    """Home Assistant in a process of its own, over its HTTP and WebSocket APIs."""

    def __init__(self, home: Home, session: aiohttp.ClientSession, process: asyncio.subprocess.Process) -> None:
        """Take a process that is starting."""
        self.home = home
        self.process = process
        self._url = f"http://127.0.0.1:{home.port}"
        self._session = session
        self._token = ""

    async def log_in(self) -> None:
        """Wait for the token that the reporter writes."""
        report = self.home.folder / "token.json"
        await until("Home Assistant has started", lambda: report.exists() or self.process.returncode is not None)
        self._token = json.loads(report.read_text(encoding="utf-8"))

    async def states(self) -> dict[str, str]:
        """Return all states by entity id."""
        async with self._session.get(f"{self._url}/api/states", headers=self._headers) as answer:
            return {state["entity_id"]: state["state"] for state in await answer.json()}

    async def reload(self) -> None:
        """Reload the account, as the user interface does."""
        path = f"{self._url}/api/config/config_entries/entry/{ENTRY_ID}/reload"
        async with self._session.post(path, headers=self._headers) as answer:
            answer.raise_for_status()

    @asynccontextmanager
    async def socket(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Open a WebSocket connection that is logged in."""
        async with self._session.ws_connect(f"{self._url}/api/websocket") as socket:
            await socket.receive_json()
            await socket.send_json({"type": "auth", "access_token": self._token})
            await socket.receive_json()
            yield socket

    async def stop(self) -> int:
        """Stop in order; return the exit code."""
        if self.process.returncode is None:
            self.process.terminate()
        return await self.process.wait()

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}


async def until(what: str, condition: Callable[[], bool | Awaitable[bool]]) -> float:
    """Wait for something; return the seconds that it took. Raises TimeoutError."""
    began = time.monotonic()
    while True:
        met = condition()
        if met if isinstance(met, bool) else await met:
            return time.monotonic() - began
        if time.monotonic() - began > START_S:
            raise TimeoutError(f"waited in vain: {what}")
        await asyncio.sleep(0.02)


def install() -> None:
    """Make the environment, once."""
    if (ENVIRONMENT / "complete").exists():
        return
    uv = str(Path(sys.executable).with_name("uv"))
    site_packages = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    constraints = ENVIRONMENT / site_packages / "homeassistant" / "package_constraints.txt"
    print(f"installing Home Assistant {VERSION} into {ENVIRONMENT.relative_to(ROOT)}", flush=True)
    pip = [uv, "pip", "install", "--quiet", "--python", str(PYTHON)]
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(ENVIRONMENT)], check=True)
    subprocess.run([*pip, f"homeassistant=={VERSION}"], check=True)
    subprocess.run([*pip, "--constraint", str(constraints), *PACKAGES], check=True)
    (ENVIRONMENT / "complete").touch()


def prepare(home: Home) -> None:
    """Write the configuration."""
    home.link(can_be_pushed=True)
    home.cloud.add_app(home.app.client_id, webhook_url=home.webhook_url)
    (home.folder / "configuration.yaml").write_text("logger:\n  default: info\nreporter:\n", encoding="utf-8")
    reporter = home.folder / "custom_components" / "reporter"
    reporter.mkdir(parents=True)
    (reporter / "__init__.py").write_text(REPORTER, encoding="utf-8")
    manifest = {"domain": "reporter", "name": "Reporter", "version": "1", "requirements": [], "codeowners": []}
    (reporter / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


async def launch(home: Home, session: aiohttp.ClientSession) -> Started:
    """Start Home Assistant."""
    command = [str(PYTHON), "-m", "homeassistant", "--skip-pip", "-c", str(home.folder)]
    environment = os.environ | {"RING_PARTNER_CLOUD": home.cloud.url, "NO_COLOR": "1"}
    with (home.folder / "output.log").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, cwd=home.folder, stdout=output, stderr=output
        )
    return Started(home, session, process)


# The steps: each says how it went, or raises


async def set_up(started: Started) -> str:
    """Start, and wait for the entities."""
    began = time.monotonic()
    await started.log_in()
    await until("the account is set up", lambda: _is_up(started))
    requested = time.time() - started.home.cloud.requests[0].time
    return f"{time.monotonic() - began:.1f} s after the start of the process, {requested:.1f} s after its first request"


async def retry(started: Started) -> str:
    """Reload in an outage; measure from the failed set-up to the next."""
    cloud = started.home.cloud
    fault = cloud.faults.add(DEVICES, status=503, count=None)
    await started.reload()
    await until("set-up has failed", lambda: _is_up(started, up=False))
    failed = cloud.requests[-1].time
    cloud.faults.remove(fault.id)
    await until("the account is set up again", lambda: _is_up(started))
    again = next(item.time for item in cloud.requests if item.time > failed and item.path.startswith("/v1/devices"))
    if again - failed > RETRY_S:
        raise ValueError(f"set-up was tried again only after {again - failed:.1f} s")
    return f"tried again after {again - failed:.1f} s"


async def webhook(started: Started) -> str:
    """Ring the bell."""
    cloud = started.home.cloud
    before = (await started.states())[DOORBELL]
    cloud.happen(started.home.account.device("Front Door"), "button_press")

    async def has_fired() -> bool:
        return (await started.states())[DOORBELL] != before

    seconds = await until("the event entity fires", has_fired)
    return f"from the press to the state {seconds * 1000:.0f} ms, answered with {cloud.deliveries[-1].status}"


async def live_view(started: Started) -> str:
    """Open a camera and end the view."""
    live = started.home.cloud.live
    async with started.socket() as socket:
        began = time.monotonic()
        await socket.send_json({"id": 1, "type": "camera/webrtc/offer", "entity_id": CAMERA, "offer": OFFER})
        number = 1
        while True:
            message = await socket.receive_json(timeout=START_S)
            event = message.get("event", {})
            if event.get("type") == "answer":
                break
            if event.get("type") == "error" or not message.get("success", True):
                raise ValueError(f"the live view was refused: {message}")
            for candidate in CANDIDATES if event.get("type") == "session" else ():
                number += 1
                request = {"type": "camera/webrtc/candidate", "entity_id": CAMERA, "candidate": candidate}
                await socket.send_json({"id": number, "session_id": event["session_id"], **request})
        seconds = time.monotonic() - began
        await socket.send_json({"id": number + 1, "type": "unsubscribe_events", "subscription": 1})
        await until("the live view has ended", lambda: not live.open_sessions)
    return f"answered after {seconds * 1000:.0f} ms; opened {live.opened}, ended {live.closed}"


async def reload(started: Started) -> str:
    """Reload the account."""
    began = time.monotonic()
    await started.reload()
    await until("the account is set up again", lambda: _is_up(started))
    return f"{time.monotonic() - began:.1f} s"


async def unload(started: Started) -> str:
    """Disable the account."""
    began = time.monotonic()
    async with started.socket() as socket:
        request = {"type": "config_entries/disable", "entry_id": ENTRY_ID, "disabled_by": "user"}
        await socket.send_json({"id": 1, **request})
        answer = await socket.receive_json(timeout=START_S)
    if not answer["success"] or answer["result"]["require_restart"]:
        raise ValueError(f"the account was not unloaded: {answer}")
    left = [key for key in await started.states() if key in (DOORBELL, CAMERA)]
    if left:
        raise ValueError(f"entities are left: {left}")
    return f"{time.monotonic() - began:.1f} s"


STEPS: tuple[tuple[str, Callable[[Started], Awaitable[str]]], ...] = (
    ("set-up", set_up),
    ("set-up after an outage", retry),
    ("webhook", webhook),
    ("live view", live_view),
    ("reload", reload),
    ("unload", unload),
)


async def _is_up(started: Started, *, up: bool = True) -> bool:
    state = (await started.states()).get(DOORBELL, "unavailable")
    return (state != "unavailable") is up


def complaints(log: str) -> list[str]:
    """Return what the log says against the integration: warnings, errors, deprecations, tracebacks."""
    lines = re.sub(r"\x1b\[[0-9;]*m", "", log).splitlines()
    named = [
        line
        for line in lines
        if "ring_partner" in line and GREETING not in line and not any(words in line for words in EXPECTED)
    ]
    return [line for line in named if COMPLAINT.search(line) or 'File "' in line or "deprecated" in line]


def registered(folder: Path) -> list[str]:
    """Return the integration's entities, as Home Assistant wrote them down when it stopped."""
    path = folder / ".storage" / "core.entity_registry"
    registry = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"data": {"entities": []}}
    return [item["entity_id"] for item in registry["data"]["entities"] if item["platform"] == DOMAIN]


async def run(home: Home) -> tuple[bool, int]:
    """Take every step; return whether all went well, and the exit code."""
    async with aiohttp.ClientSession() as session:
        started = await launch(home, session)
        for name, step in STEPS:
            try:
                print(f"  {name}: {await step(started)}", flush=True)
            except (TimeoutError, ValueError, OSError, KeyError, aiohttp.ClientError) as error:
                print(f"  {name}: FAILED, {error!r}")
                return False, await started.stop()
        return True, await started.stop()


async def smoke() -> bool:
    """Return whether all is well, and say what is not."""
    folder = scratch("smoke")
    print(f"Home Assistant {VERSION}")
    async with RingCloud() as cloud:
        cloud.switches.whep_media = "none"
        home = Home(folder, cloud, cloud.add_account())
        prepare(home)
        went_well, code = await run(home)
    said = complaints((folder / "output.log").read_text(encoding="utf-8"))
    print(f"  entities: {len(registered(folder))}; exit code: {code}; complaints in the log: {len(said)}")
    for line in said:
        print(f"  {line}")
    passed = went_well and bool(registered(folder)) and not said and code == 0
    if passed:
        shutil.rmtree(folder)
    else:
        print(f"  see {folder.relative_to(ROOT)}")
    return passed


def main(arguments: Sequence[str] | None = None) -> None:
    """Exit 0 if the integration works there and nothing is said against it."""
    argparse.ArgumentParser(prog="python -m bench.ha_2026_11", description=__doc__).parse_args(arguments)
    install()
    raise SystemExit(0 if asyncio.run(smoke()) else 1)


if __name__ == "__main__":
    main()

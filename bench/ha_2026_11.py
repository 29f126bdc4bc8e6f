"""Start Home Assistant 2026.11.0 with the integration and a linked account, in an environment of its own."""

import argparse
import asyncio
from collections import Counter
from collections.abc import Sequence
import json
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
import time

from custom_components.ring_partner.const import DOMAIN
from ring_cloud import RingCloud

from .home import ROOT, Home, scratch

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

# Part of the configuration: writes all states to a file once everything has started.
REPORTER = """
import json
from pathlib import Path
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED

async def async_setup(hass, config):
    def write(document):
        path = Path(hass.config.path("states.json"))
        path.with_suffix(".new").write_text(document, encoding="utf-8")
        path.with_suffix(".new").rename(path)

    async def started(event):
        document = json.dumps({state.entity_id: state.state for state in hass.states.async_all()})
        await hass.async_add_executor_job(write, document)

    hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STARTED, started)
    return True
"""
# Every custom integration is greeted so.
GREETING = "We found a custom integration"
COMPLAINT = re.compile(r" (WARNING|ERROR|CRITICAL) \(")


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
    home.link()
    (home.folder / "configuration.yaml").write_text("logger:\n  default: info\nreporter:\n", encoding="utf-8")
    reporter = home.folder / "custom_components" / "reporter"
    reporter.mkdir(parents=True)
    (reporter / "__init__.py").write_text(REPORTER, encoding="utf-8")
    manifest = {"domain": "reporter", "name": "Reporter", "version": "1", "requirements": [], "codeowners": []}
    (reporter / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


async def run(home: Home) -> tuple[dict[str, str], str, int]:
    """Start, wait for the states, stop in order; return states, log and exit code."""
    command = [str(PYTHON), "-m", "homeassistant", "--skip-pip", "-c", str(home.folder)]
    environment = os.environ | {"RING_PARTNER_CLOUD": home.cloud.url, "NO_COLOR": "1"}
    log = home.folder / "output.log"
    report = home.folder / "states.json"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, cwd=home.folder, stdout=output, stderr=output
        )
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if report.exists() or process.returncode is not None:
            break
        await asyncio.sleep(0.1)
    if process.returncode is None:
        process.terminate()
    code = await process.wait()
    states: dict[str, str] = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}
    return states, log.read_text(encoding="utf-8"), code


def complaints(log: str) -> list[str]:
    """Return what the log says against the integration: warnings, errors, deprecations, tracebacks."""
    lines = re.sub(r"\x1b\[[0-9;]*m", "", log).splitlines()
    named = [line for line in lines if "ring_partner" in line and GREETING not in line]
    return [line for line in named if COMPLAINT.search(line) or 'File "' in line or "deprecated" in line]


def registered(folder: Path) -> list[str]:
    """Return the integration's entities, as Home Assistant wrote them down when it stopped."""
    path = folder / ".storage" / "core.entity_registry"
    registry = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"data": {"entities": []}}
    return [item["entity_id"] for item in registry["data"]["entities"] if item["platform"] == DOMAIN]


async def smoke() -> bool:
    """Return whether all is well, and say what is not."""
    folder = scratch("smoke")
    async with RingCloud() as cloud:
        home = Home(folder, cloud, cloud.add_account())
        prepare(home)
        began = time.monotonic()
        states, log, code = await run(home)
        served = cloud.count("GET", "/v1/devices", 200)
    shown = {entity: states[entity] for entity in registered(folder) if entity in states}
    unavailable = [entity for entity, state in shown.items() if state == "unavailable"]
    said = complaints(log)
    print(f"Home Assistant {VERSION}, {time.monotonic() - began:.0f} s")
    print(f"  entities with a state: {len(shown)} ({dict(Counter(entity.partition('.')[0] for entity in shown))})")
    print(f"  of these unavailable: {len(unavailable)}; answered polls: {served}; exit code: {code}")
    for line in said:
        print(f"  {line}")
    passed = bool(shown) and not said and code == 0 and len(unavailable) < len(shown) and bool(served)
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

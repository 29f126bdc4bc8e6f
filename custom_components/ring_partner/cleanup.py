"""Files that belong to nothing any more, because what would have deleted them was not there: deleted at start.

Home Assistant sets up an integration when it has an entry, or gets one. Without an entry the first dialog cleans up.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
import json
import logging
from pathlib import Path
import re
import shutil
import time

from homeassistant.const import CONF_TOKEN
from homeassistant.core import HassJob, HomeAssistant
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.util.hass_dict import HassKey

from .api import RingAuthError, RingError, Token
from .claim import UNCLAIMED_SECONDS
from .const import CONF_IMPLEMENTATION, CONF_SIGNING_KEY, DOMAIN
from .journal import TokenJournal
from .linking import file_id, open_listener_files
from .pasted import PASTED_PREFIX
from .unlink import async_find_implementation, async_unlink

_LOGGER = logging.getLogger(__name__)

# Ring's refresh tokens end after 30 days without use.
PASTED_SECONDS = 30 * 86_400

_ENTRY_ID = re.compile(r"[0-9A-Z]{26}|[0-9a-f]{32}")
_FILE = re.compile(rf"{DOMAIN}\.(?P<owner>[^.]+)\.(?P<what>[^.]+)(?P<copy>\..+)?")

_CLEANED: HassKey[bool] = HassKey(f"{DOMAIN}_cleaned")


@dataclass(frozen=True, slots=True)
class Leftover:
    """A file or folder of an owner (an entry, a listener, a pasted token) that does not exist any more."""

    path: Path
    owner: str
    what: str


def clean_up_once(hass: HomeAssistant) -> None:
    """Clean up in the background, once in the life of this Home Assistant."""
    if hass.data.get(_CLEANED):
        return
    hass.data[_CLEANED] = True

    async def clean_up(_now: datetime | None = None) -> None:
        await async_clean_up(hass)

    hass.async_create_background_task(clean_up(), "ring_partner clean-up")
    # What could still be claimed when Home Assistant started can no longer.
    job = HassJob(clean_up, "ring_partner clean-up", cancel_on_shutdown=True)
    async_call_later(hass, UNCLAIMED_SECONDS + 60, job)


async def async_clean_up(hass: HomeAssistant, *, is_last: bool = False) -> None:
    """Delete what belongs to no entry and no dialog; `is_last` says that nothing is linked any more."""
    entries = hass.config_entries.async_entries(DOMAIN)
    keys = (entry.data.get(CONF_SIGNING_KEY) for entry in entries if entry.disabled_by is None)
    kept = {entry.entry_id for entry in entries} | open_listener_files(hass) | {file_id(key) for key in keys if key}
    for item in await hass.async_add_executor_job(_find, hass, kept, is_last):
        tokens = await _async_tokens(hass, item)
        await hass.async_add_executor_job(_delete, item.path)
        for token, implementation_id, account_id in tokens:
            await async_unlink(hass, token, await async_find_implementation(hass, implementation_id), account_id)


def _find(hass: HomeAssistant, kept: set[str], is_last: bool) -> list[Leftover]:
    """Return what is left behind, of every kind."""
    return [*_files(Path(hass.config.path(STORAGE_DIR)), kept, is_last), *_folders(hass, kept)]


def _files(storage: Path, kept: set[str], is_last: bool) -> Iterable[Leftover]:
    for path in storage.glob(f"{DOMAIN}.*"):
        if (name := _FILE.fullmatch(path.name)) is None or name["owner"] in kept:
            continue
        age = time.time() - path.stat().st_mtime
        if name["what"] == "unclaimed":
            is_left = is_last or age > UNCLAIMED_SECONDS
        elif name["owner"].startswith(PASTED_PREFIX):
            is_left = is_last or age > PASTED_SECONDS
        else:
            is_left = _ENTRY_ID.fullmatch(name["owner"]) is not None
        if is_left:
            yield Leftover(path, name["owner"], name["what"] if name["copy"] is None else "copy")


def _folders(hass: HomeAssistant, kept: set[str]) -> Iterable[Leftover]:
    cache = Path(hass.config.cache_path(DOMAIN))
    for path in cache.iterdir() if cache.is_dir() else ():
        if path.name not in kept and _ENTRY_ID.fullmatch(path.name):
            yield Leftover(path, path.name, "cache")


async def _async_tokens(hass: HomeAssistant, item: Leftover) -> list[tuple[Token, str | None, str | None]]:
    """Return the tokens in a file, with the ids of their credentials and accounts as far as they are known."""
    if item.what == "unclaimed":
        return await hass.async_add_executor_job(_unclaimed_tokens, item.path)
    if item.what != "token":
        return []
    try:
        record = await TokenJournal(hass, item.owner).async_read_newest()
    except OSError, ValueError, KeyError, TypeError, AttributeError, RingError:
        record = None
    return [] if record is None else [(record.token, record.stored.get(CONF_IMPLEMENTATION), None)]


def _unclaimed_tokens(path: Path) -> list[tuple[Token, str | None, str | None]]:
    found: list[tuple[Token, str | None, str | None]] = []
    # A file of another release, or a damaged one: then there is nothing to be read, and it is deleted.
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        for account_id, item in json.loads(path.read_bytes())["data"].items():
            with suppress(KeyError, TypeError, AttributeError, RingAuthError):
                found.append((Token.from_dict(item[CONF_TOKEN]), item.get(CONF_IMPLEMENTATION), account_id))
    return found


def _delete(path: Path) -> None:
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as err:
        _LOGGER.warning("Could not delete what was left behind: %s", err.strerror)

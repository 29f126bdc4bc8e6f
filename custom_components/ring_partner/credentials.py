"""The client id, client secret and signing key of a private app: read from Ring's CSV file, checked, and stored."""

import csv
from dataclasses import dataclass, field
import io
from pathlib import Path
import re
from typing import Final

from homeassistant.components.application_credentials import CONF_AUTH_DOMAIN, DATA_COMPONENT
from homeassistant.components.file_upload import process_uploaded_file
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_CLIENT_ID, CONF_CLIENT_SECRET, CONF_DOMAIN, CONF_ID, CONF_NAME
from homeassistant.core import HomeAssistant

from .const import CONF_IMPLEMENTATION, CONF_SIGNING_KEY, DOMAIN

MAX_FILE_BYTES: Final = 65_536

# Ring's column names are known from one report only: what they contain decides, without case, spaces and punctuation.
_COLUMNS: Final = (
    (CONF_CLIENT_ID, ("clientid",)),
    (CONF_CLIENT_SECRET, ("clientsecret",)),
    (CONF_SIGNING_KEY, ("hmac", "signingkey", "signaturekey")),
)


class CredentialsFileError(Exception):
    """A file or text holds no client id and secret; the message is the key of the text for the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppCredentials:
    """The three values that Ring shows once for a private app; empty where not given."""

    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    signing_key: str = field(default="", repr=False)

    def or_else(self, other: AppCredentials) -> AppCredentials:
        """Return these values, completed by another's where they are empty."""
        return AppCredentials(
            client_id=self.client_id or other.client_id,
            client_secret=self.client_secret or other.client_secret,
            signing_key=self.signing_key or other.signing_key,
        )


def parse_csv(text: str) -> AppCredentials:
    """Read the CSV of Ring's credentials screen: one row below its header, or one name and value per row.

    Raises CredentialsFileError without a client id and a client secret.
    """
    rows = _rows(text.lstrip("\ufeff").strip().replace("\r\n", "\n").replace("\r", "\n"))
    found = _by_column(rows) or _by_row(rows)
    if CONF_CLIENT_ID not in found or CONF_CLIENT_SECRET not in found:
        raise CredentialsFileError("csv_without_credentials")
    return AppCredentials(**found)


def _rows(text: str) -> list[list[str]]:
    header = text.partition("\n")[0]
    # A colon separates what was copied from a page instead of a file.
    delimiter = max(",;\t:", key=header.count)
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True))
    except csv.Error as err:
        raise CredentialsFileError("csv_unreadable") from err
    return [[cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)]


def _column(name: str) -> str | None:
    """Return which of the three values a column holds."""
    plain = re.sub(r"[^a-z]", "", name.lower())
    return next((column for column, words in _COLUMNS if any(word in plain for word in words)), None)


def _by_column(rows: list[list[str]]) -> dict[str, str]:
    if len(rows) < 2:
        return {}
    columns = [_column(name) for name in rows[0]]
    if CONF_CLIENT_ID not in columns or CONF_CLIENT_SECRET not in columns:
        return {}
    return {column: cell for column, cell in zip(columns, rows[1], strict=False) if column is not None and cell}


def _by_row(rows: list[list[str]]) -> dict[str, str]:
    pairs = ((_column(row[0]), row[1]) for row in rows if len(row) > 1)
    return {column: cell for column, cell in pairs if column is not None and cell}


async def async_read_upload(hass: HomeAssistant, file_id: str) -> AppCredentials:
    """Read an uploaded CSV file, which is deleted by that. Raises CredentialsFileError."""
    return parse_csv(await hass.async_add_executor_job(_read_upload, hass, file_id))


def _read_upload(hass: HomeAssistant, file_id: str) -> str:
    try:
        with process_uploaded_file(hass, file_id) as path:
            return _decode(path)
    except ValueError as err:
        # The upload is gone: Home Assistant was restarted, or the file was read before.
        raise CredentialsFileError("csv_unreadable") from err


def _decode(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise CredentialsFileError("csv_unreadable")
    # A spreadsheet that saved the file again may have made UTF-16 of it.
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return data.decode(encoding)


async def async_store_credentials(hass: HomeAssistant, app: AppCredentials) -> str:
    """Store a client id and secret with Home Assistant's application credentials; return the id entries use.

    A stored pair is used again. Home Assistant cannot change a stored secret: a pair that no entry uses is replaced
    under the id it had, and beside one that is in use the corrected pair gets an id of its own.
    """
    store = hass.data[DATA_COMPONENT]
    same = [item for item in store.async_items() if _is_of(item, app.client_id)]
    for item in same:
        if item[CONF_CLIENT_SECRET] == app.client_secret:
            return _implementation_id(item)
    data = {CONF_DOMAIN: DOMAIN, CONF_CLIENT_ID: app.client_id, CONF_CLIENT_SECRET: app.client_secret}
    if same and CONF_NAME in same[0]:
        data[CONF_NAME] = same[0][CONF_NAME]
    if (unused := next((item for item in same if not _is_used(hass, item)), None)) is not None:
        data[CONF_AUTH_DOMAIN] = _implementation_id(unused)
        await store.async_delete_item(unused[CONF_ID])
    return _implementation_id(await store.async_create_item(data))


async def async_delete_replaced(hass: HomeAssistant, implementation_id: str | None) -> None:
    """Delete the stored secrets that those of `implementation_id` have replaced and no entry uses any more."""
    store = hass.data[DATA_COMPONENT]
    items = {_implementation_id(item): item for item in store.async_items() if item[CONF_DOMAIN] == DOMAIN}
    if implementation_id is None or (current := items.pop(implementation_id, None)) is None:
        return
    for item in items.values():
        if _is_of(item, current[CONF_CLIENT_ID]) and not _is_used(hass, item):
            await store.async_delete_item(item[CONF_ID])


def has_stored_credentials(hass: HomeAssistant) -> bool:
    """Return whether the client id and secret of any private app are stored."""
    return any(item[CONF_DOMAIN] == DOMAIN for item in hass.data[DATA_COMPONENT].async_items())


def find_signing_key(hass: HomeAssistant, client_id: str, first: ConfigEntry | None = None) -> str | None:
    """Return the signing key of a private app that an account is linked with, `first` before the others."""
    items = hass.data[DATA_COMPONENT].async_items()
    ids = {_implementation_id(item) for item in items if _is_of(item, client_id)}
    entries = [*([] if first is None else [first]), *hass.config_entries.async_entries(DOMAIN)]
    keys = (entry.data.get(CONF_SIGNING_KEY) for entry in entries if entry.data.get(CONF_IMPLEMENTATION) in ids)
    return next((key for key in keys if key), None)


def _is_of(item: dict[str, str], client_id: str) -> bool:
    return item[CONF_DOMAIN] == DOMAIN and item[CONF_CLIENT_ID] == client_id


def _implementation_id(item: dict[str, str]) -> str:
    return item.get(CONF_AUTH_DOMAIN, item[CONF_ID])


def _is_used(hass: HomeAssistant, item: dict[str, str]) -> bool:
    entries = hass.config_entries.async_entries(DOMAIN)
    return any(entry.data.get(CONF_IMPLEMENTATION) == _implementation_id(item) for entry in entries)

"""A Home Assistant configuration with a linked account in it, as the disk holds it."""

from datetime import UTC, datetime
import json
from pathlib import Path
import secrets
import socket
import time
from typing import Any

from custom_components.ring_partner.api import Token
from custom_components.ring_partner.const import CONF_SIGNING_KEY, DOMAIN
from custom_components.ring_partner.endpoints import Endpoint, endpoint_id
from custom_components.ring_partner.session import new_link
from ring_cloud import Account, App, RingCloud

ROOT = Path(__file__).parents[1]
ENTRY_ID = "0123456789abcdef0123456789abcdef"
CLIENT_ID = "fake-client-id"
CLIENT_SECRET = "fake-client-secret"
CREDENTIALS = "bench"
SIGNING_KEY = "fake-signing-key"


class Home:
    """One account of a local Ring cloud, linked with one Home Assistant."""

    def __init__(self, folder: Path, cloud: RingCloud, account: Account) -> None:
        """Take a folder that may be overwritten."""
        self.folder = folder
        self.cloud = cloud
        self.account = account
        self.port = free_port()
        self.app: App = cloud.add_app(CLIENT_ID, name="Bench", client_secret=CLIENT_SECRET, signing_key=SIGNING_KEY)

    @property
    def entries(self) -> Path:
        """Where Home Assistant keeps config entries."""
        return self.folder / ".storage" / "core.config_entries"

    @property
    def journal(self) -> Path:
        """Where the integration keeps the newest token."""
        return self.folder / ".storage" / f"{DOMAIN}.{ENTRY_ID}.token"

    @property
    def webhook_url(self) -> str:
        """Where Home Assistant hears of events, once it is up."""
        return f"http://127.0.0.1:{self.port}/api/webhook/{endpoint_id(SIGNING_KEY, Endpoint.EVENTS)}"

    def link(self, *, polling: bool = True, can_be_pushed: bool = False) -> None:
        """Write a configuration with a new link."""
        (self.folder / ".storage").mkdir(parents=True, exist_ok=True)
        (self.folder / "custom_components").mkdir(exist_ok=True)
        link = self.folder / "custom_components" / DOMAIN
        link.unlink(missing_ok=True)
        link.symlink_to(ROOT / "custom_components" / DOMAIN)
        self.journal.unlink(missing_ok=True)
        # Home Assistant's application, without what a bench has no use for.
        (self.folder / "configuration.yaml").write_text("logger:\n  default: warning\n", encoding="utf-8")
        response = json.dumps(self.cloud.link_directly(self.account, self.app))
        token = new_link(Token.from_response(json.loads(response), time.time()))
        entry = self._entry(token, polling=polling)
        if can_be_pushed:
            entry["data"] |= {CONF_SIGNING_KEY: SIGNING_KEY}
        self._store("core.config_entries", 1, 5, {"entries": [entry]})
        credential = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "domain": DOMAIN, "name": "Bench"}
        items = [credential | {"id": CREDENTIALS, "auth_domain": CREDENTIALS}]
        self._store("application_credentials", 1, 1, {"items": items})
        self._store("http", 1, 1, {"server_host": ["127.0.0.1"], "server_port": self.port})

    def _entry(self, token: dict[str, object], *, polling: bool) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat()
        return {
            "created_at": now,
            "data": {"auth_implementation": CREDENTIALS, "link_method": "tokens", "token": token},
            "discovery_keys": {},
            "disabled_by": None,
            "domain": DOMAIN,
            "entry_id": ENTRY_ID,
            "minor_version": 1,
            "modified_at": now,
            "options": {},
            "pref_disable_new_entities": False,
            "pref_disable_polling": not polling,
            "source": "user",
            "subentries": [],
            "title": "Bench",
            "unique_id": self.account.id,
            "version": 1,
        }

    def _store(self, key: str, version: int, minor_version: int, data: object) -> None:
        document = {"version": version, "minor_version": minor_version, "key": key, "data": data}
        path = self.folder / ".storage" / key
        path.write_text(json.dumps(document), encoding="utf-8")
        path.chmod(0o600)


def scratch(name: str) -> Path:
    """Return a new folder for one run."""
    folder = ROOT / ".cache" / "bench" / f"{name}-{secrets.token_hex(4)}"
    folder.mkdir(parents=True)
    return folder


def free_port() -> int:
    """Return a port of the loopback interface that nobody uses now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])

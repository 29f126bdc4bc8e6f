"""Home Assistant's folder, as it is before the first start."""

import json
from pathlib import Path
import shutil
import uuid

ROOT = Path(__file__).parents[1]
CONFIG = Path(__file__).parent / "config"

# Whose word Home Assistant takes for where a request comes from. Not 127.0.0.1: nobody is logged in through a proxy.
PROXY = "127.0.0.2"

_USER_EDITED = ("automations.yaml", "scenes.yaml", "scripts.yaml")


def prepare(folder: Path, port: int) -> None:
    """Write what this start needs, and what only the first one does."""
    storage = folder / ".storage"
    storage.mkdir(parents=True, exist_ok=True)
    for source in CONFIG.iterdir():
        shutil.copyfile(source, folder / source.name)
    for name in _USER_EDITED:
        (folder / name).touch()
    link = folder / "custom_components" / "ring_partner"
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(ROOT / "custom_components" / "ring_partner")
    # An `http:` block in the configuration is on trial for five minutes and is then taken back; this is not.
    # In its first form, which Home Assistant completes with the defaults of its version.
    # The proxy stands for a tunnel, which a test opens.
    http = {"server_host": ["127.0.0.1"], "server_port": port}
    _store(storage, "http", 1, http | {"use_x_forwarded_for": True, "trusted_proxies": [PROXY]})
    if not (storage / "auth").exists():
        _seed_user(storage)


def _seed_user(storage: Path) -> None:
    """One person who owns this Home Assistant, and nothing left to ask on the first visit."""
    user_id = uuid.uuid4().hex
    user = {
        "id": user_id,
        "group_ids": ["system-admin"],
        "is_owner": True,
        "is_active": True,
        "name": "Demo",
        "system_generated": False,
        "local_only": True,
    }
    nothing: list[object] = []
    _store(storage, "auth", 1, {"users": [user], "groups": nothing, "credentials": nothing, "refresh_tokens": nothing})
    _store(storage, "onboarding", 4, {"done": ["user", "core_config", "analytics", "integration"]})
    _store(storage, "frontend.system_data", 1, {"core": {"default_panel": "ring-demo"}})


def _store(storage: Path, key: str, version: int, data: object) -> None:
    path = storage / key
    path.write_text(json.dumps({"version": version, "minor_version": 1, "key": key, "data": data}, indent=2))
    path.chmod(0o600)

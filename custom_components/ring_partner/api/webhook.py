"""Signed webhooks (Ring's "Webhooks" page)."""

import hashlib
import hmac
from typing import Final

_PREFIX: Final = "sha256="


def verify_signature(key: str, body: bytes, header: str | None) -> bool:
    """Return whether `header` (`X-Signature: sha256=<lowercase hex>`) signs the raw `body`; never raises.

    `key` is the app's HMAC signing key, used as text although it looks like Base64. Compares in constant time.
    """
    if not key or not header or not header.startswith(_PREFIX):
        return False
    expected = hmac.new(key.encode("utf-8", "surrogatepass"), body, hashlib.sha256).hexdigest()
    given = header.removeprefix(_PREFIX).encode("utf-8", "surrogatepass")
    return hmac.compare_digest(given, expected.encode())

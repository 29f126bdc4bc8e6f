"""The arithmetic of one-way account linking (Ring's "Account linking" page)."""

import base64
import hashlib
import hmac
import re
from typing import Final

FRESH_S: Final = 600.0
CLOCK_SKEW_S: Final = 60.0


def compute_nonce(key: str, time_ms: str | int, account_id: str) -> str:
    """Return the nonce Ring gives the browser: base64url(HMAC-SHA256(key, "<time>:<account id>")), unpadded.

    `key` is the app's HMAC signing key, used as text although it looks like Base64; `time_ms` is the `time` parameter
    exactly as it arrived (epoch milliseconds); `account_id` is the id of `/v1/users/me`.
    """
    mac = hmac.digest(_utf8(key), _utf8(f"{time_ms}:{account_id}"), hashlib.sha256)
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def nonce_matches(nonce: str, key: str, time_ms: str | int, account_id: str) -> bool:
    """Return whether `nonce` is the one of this account and time, in constant time; never raises."""
    return bool(key) and hmac.compare_digest(_utf8(nonce), _utf8(compute_nonce(key, time_ms, account_id)))


def is_fresh(time_ms: str | int, now: float) -> bool:
    """Return whether the `time` of a link (epoch milliseconds) is at most 600 s before `now` (epoch seconds).

    Ring's page refuses any time in the future; clocks differ, so up to 60 s are let pass.
    """
    text = str(time_ms)
    if not re.fullmatch(r"[0-9]{1,16}", text):
        return False
    return -CLOCK_SKEW_S <= now - int(text) / 1000 <= FRESH_S


def mask_identifier(identifier: str) -> str:
    """Return an e-mail address or name as Ring may show it to the user: `j***e@example.com`."""
    local, at, domain = identifier.strip().rpartition("@")
    if not at:
        local, domain = domain, ""
    last = local[-1] if len(local) > 2 else ""
    return f"{local[:1] if len(local) > 1 else ''}***{last}{at}{domain}"


def _utf8(text: str) -> bytes:
    # What a stranger sends may hold lone surrogates; they must compare as unequal, not raise.
    return text.encode("utf-8", "surrogatepass")

"""Opaque identifiers: long, base32-like, and never derivable from each other."""

import base64
import secrets


def resource_id(kind: str) -> str:
    """Return a new id such as `ava1.ring.device.DCT27…`."""
    return f"ava1.ring.{kind}.{base64.b32encode(secrets.token_bytes(50)).decode()}"


def secret_text() -> str:
    """Return a new unguessable token or code."""
    return secrets.token_urlsafe(48)


def base64url(data: bytes) -> str:
    """Encode as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

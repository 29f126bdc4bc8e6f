"""Where Ring is."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
import os
import re
from typing import Final, Self

from yarl import URL

ENVIRONMENT_VARIABLE: Final = "RING_PARTNER_CLOUD"
_API: Final = URL("https://api.amazonvision.com")
_OAUTH: Final = URL("https://oauth.ring.com")
_ACCOUNT: Final = URL("https://account.ring.com")
# Ring documents the second and answers with the first.
_MEDIA_HOST: Final = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*(\.prod\.phoenix\.devices\.amazon\.dev|\.amazonvision\.com)")


@dataclass(frozen=True, slots=True)
class RingHosts:
    """The origins of Ring's API, token endpoint and account pages."""

    api: URL = _API
    oauth: URL = _OAUTH
    account: URL = _ACCOUNT

    @property
    def token_url(self) -> URL:
        """Where codes and refresh tokens are exchanged."""
        return self.oauth / "oauth/token"

    @property
    def authorize_url(self) -> URL:
        """Where a partner-initiated link begins in the user's browser."""
        return self.account / "account/integrations/partner-link/authorize"

    @property
    def is_local(self) -> bool:
        """Whether this is a Ring cloud on this machine."""
        return _is_loopback(self.api.host)

    def media_url(self, location: str) -> URL | None:
        """Return where a picture or clip can be fetched, or None for what is no media host of Ring's.

        A redirect must not lead into the home's own network, to a file, or back to plain http.
        """
        # What is not written as a URL has to be is no address that Ring signed.
        if not re.fullmatch(r"[!-\[\]-~]+", location):
            return None
        try:
            url = self.api.join(URL(location, encoded=True))
            host, port = url.host or "", url.port
        except ValueError:
            return None
        if not host or "@" in url.raw_authority:
            return None
        if self.is_local:
            return url if url.scheme in ("http", "https") and _is_loopback(host) else None
        is_ring = url.scheme == "https" and port == 443 and _MEDIA_HOST.fullmatch(host)
        return url if is_ring else None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Ring's own hosts, or the one origin that RING_PARTNER_CLOUD puts in place of all of them.

        Raises ValueError when that is not an origin, or is plain http to anything but a loopback address: tokens
        would travel readable.
        """
        text = environ.get(ENVIRONMENT_VARIABLE, "").strip()
        if not text:
            return cls()
        url = URL(text)
        if url.scheme not in ("http", "https") or not url.host or url != url.origin():
            raise ValueError(f"{ENVIRONMENT_VARIABLE} has to be an origin such as http://127.0.0.1:8080")
        if url.scheme == "http" and not _is_loopback(url.host):
            raise ValueError(f"{ENVIRONMENT_VARIABLE} may be plain http for a loopback address only")
        origin = url.origin()
        return cls(api=origin, oauth=origin, account=origin)


RING: Final = RingHosts()


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False

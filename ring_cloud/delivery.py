"""What the cloud sends to partners by itself."""

import aiohttp
from aiohttp import hdrs

from .values import ConflictError

_TIMEOUT = aiohttp.ClientTimeout(total=10)
_HEADERS = {hdrs.USER_AGENT: "RingCloud/1"}


def is_success(status: int) -> bool:
    """Say whether a partner took what was sent."""
    return 200 <= status < 300


class DeliveryError(ConflictError):
    """The partner gave no answer."""


class Delivery:
    """Ring's backend as a client of the partner."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def post_code(self, url: str, code: str) -> int:
        """Post an authorization code to a Token Exchange URL and return the HTTP status."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT, headers=_HEADERS)
        try:
            async with self._session.post(url, data={"code": code}, allow_redirects=False) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise DeliveryError("the Token Exchange URL did not answer") from error

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
        self._session = None

"""Ring's backend as a client of the partners: what the cloud sends by itself."""

from collections.abc import Mapping

import aiohttp
from aiohttp import hdrs

from .values import ConflictError

NO_ANSWER = 0
_CODE_TIMEOUT_S = 10
_HEADERS = {hdrs.USER_AGENT: "RingCloud/1"}


def is_success(status: int) -> bool:
    """Say whether a partner took what was sent."""
    return 200 <= status < 300


class DeliveryError(ConflictError):
    """The partner gave no answer."""


class Sender:
    """Connections to partners; as many as are wanted, whoever uses them sets the bound."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def post_code(self, url: str, code: str) -> int:
        """Post an authorization code to a Token Exchange URL and return the HTTP status."""
        form = aiohttp.FormData({"code": code})
        try:
            return await self._post(url, form, {}, _CODE_TIMEOUT_S)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise DeliveryError("the Token Exchange URL did not answer") from error

    async def post_event(self, url: str, body: bytes, signature: str, within: float) -> int:
        """Post a webhook and return the HTTP status, or NO_ANSWER."""
        headers = {hdrs.CONTENT_TYPE: "application/json", "X-Signature": signature}
        try:
            return await self._post(url, body, headers, within)
        except aiohttp.ClientError, TimeoutError:
            return NO_ANSWER

    async def _post(self, url: str, data: aiohttp.FormData | bytes, headers: Mapping[str, str], within: float) -> int:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0)
            jar = aiohttp.DummyCookieJar()
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=jar, headers=_HEADERS)
        timeout = aiohttp.ClientTimeout(total=within)
        async with self._session.post(
            url, data=data, headers=headers, timeout=timeout, allow_redirects=False
        ) as response:
            return response.status

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
        self._session = None

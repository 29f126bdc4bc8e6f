"""A partner that asks for what a camera stored: first with its token, then at the other origin without it."""

from collections.abc import Mapping
from dataclasses import dataclass

from .conftest import Answer, Partner


@dataclass
class Camera:
    partner: Partner
    token: Mapping | str
    device_id: str

    async def ask(self, what: str, body: object = None, **options) -> Answer:
        path = f"/v1/devices/{self.device_id}/media/{what}/download"
        options = options or {"json": body}
        return await self.partner.call(self.token, path, "POST", **options)

    async def get(self, url: str, **headers: str) -> Answer:
        async with self.partner.session.get(url, headers=headers, allow_redirects=False) as response:
            return Answer(response.status, response.headers, await response.read())

    async def picture(self, at_ms: int, **options) -> Answer:
        """What the link of a picture leads to."""
        return await self._fetch("image", {"type": "at_timestamp", "timestamp": at_ms, **options})

    async def latest(self, start_ms: int, **options) -> Answer:
        return await self._fetch("image", {"type": "latest_in_range", "start_timestamp": start_ms, **options})

    async def clip(self, at_ms: int, duration_ms: int, **options) -> Answer:
        return await self._fetch("video", {"timestamp": at_ms, "duration": duration_ms, **options})

    async def link(self, at_ms: int) -> str:
        answer = await self.ask("image", {"type": "at_timestamp", "timestamp": at_ms})
        return answer.headers["Location"]

    async def _fetch(self, what: str, body: object) -> Answer:
        answer = await self.ask(what, body)
        assert answer.status == 303, answer.body
        return await self.get(answer.headers["Location"])


def error(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["errors"][0]["code"]

"""Addresses of clips, as browsers use them: who may see them, ranges, and what is said when there is nothing to see."""

import asyncio
from datetime import timedelta
import math

import aiohttp
from hypothesis import HealthCheck, given, settings, strategies as st
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.ring_partner.views import wanted_range
from homeassistant.components.http.auth import async_sign_path
from homeassistant.core import HomeAssistant
from ring_cloud.media_time import read_time, read_times

from .clip_home import AT, LENGTH, NOW, POST, ClipHome, _at_once, house

__all__ = ["_at_once", "house"]


class TestWhoMaySee:
    async def test_nobody_without_a_login(self, house: ClipHome, hass_client_no_auth: ClientSessionGenerator) -> None:
        stranger = await hass_client_no_auth()
        async with stranger.get(house.url()) as answer:
            assert answer.status == 401
        assert house.downloads == 0

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    async def test_who_holds_a_signed_path(
        self, house: ClipHome, hass_client_no_auth: ClientSessionGenerator, method: str
    ) -> None:
        stranger = await hass_client_no_auth()
        path = async_sign_path(house.hass, house.url(), timedelta(minutes=5))
        async with stranger.request(method, path) as answer:
            assert answer.status == 200
        async with stranger.request(method, path.replace(f"-{LENGTH // timedelta(milliseconds=1)}", "-2000")) as answer:
            assert answer.status == 401, "it is signed for this clip only"

    async def test_no_token_travels_to_the_media_host(self, house: ClipHome) -> None:
        await house.get()
        requests = list(house.cloud.media_requests)
        assert requests
        assert house.cloud.media_requests.with_bearer == 0


class TestWhatIsSent:
    async def test_the_clip_of_the_asked_time(self, house: ClipHome) -> None:
        got = await house.get()
        assert got.status == 200
        assert got.start == AT
        assert len(read_times(got.body)) == 15
        assert got.headers["Content-Type"] == "video/mp4"
        assert got.headers["Content-Length"] == str(len(got.body))
        assert got.headers["Accept-Ranges"] == "bytes"
        assert got.headers["Cache-Control"] == "private"
        assert got.headers["X-Content-Type-Options"] == "nosniff"
        assert got.headers["Content-Disposition"] == 'inline; filename="front_door_2026-01-15_03-00-00.mp4"'

    @pytest.mark.parametrize(
        ("header", "first", "last"),
        [
            ("bytes=0-", 0, -1),
            ("bytes=100-199", 100, 199),
            ("bytes=500-", 500, -1),
            ("bytes=-300", -300, -1),
            ("bytes=0-0", 0, 0),
            ("bytes=10-999999999", 10, -1),
            ("bytes=-999999999", 0, -1),
            ("Bytes=7-9", 7, 9),
        ],
    )
    async def test_a_range(self, house: ClipHome, header: str, first: int, last: int) -> None:
        whole = await house.whole()
        size = len(whole)
        first, last = (place % size for place in (first, last))
        got = await house.get(Range=header)
        assert got.status == 206
        assert got.body == whole[first : last + 1]
        assert got.headers["Content-Range"] == f"bytes {first}-{last}/{size}"
        assert house.downloads == 1

    @pytest.mark.parametrize("header", ["bytes=99999999-", "bytes=-0"])
    async def test_a_range_that_does_not_exist(self, house: ClipHome, header: str) -> None:
        size = len(await house.whole())
        got = await house.get(Range=header)
        assert got.status == 416
        assert got.headers["Content-Range"] == f"bytes */{size}"

    @pytest.mark.parametrize(
        "header", ["bytes=9-5", "bytes=-", "bytes=0-1,5-6", "lines=1-2", "bytes=a-b", "bytes=٣-", ""]
    )
    async def test_a_header_without_sense_is_ignored(self, house: ClipHome, header: str) -> None:
        whole = await house.whole()
        got = await house.get(Range=header)
        assert (got.status, got.body) == (200, whole)

    async def test_a_browser_that_has_it_gets_it_not_again(self, house: ClipHome) -> None:
        tag = (await house.get()).headers["ETag"]
        assert (await house.get(If_None_Match=tag)).status == 304
        assert (await house.get(If_None_Match=f'"other", W/{tag}')).status == 304
        assert (await house.get(If_None_Match='"other"')).status == 200

    async def test_a_range_of_other_bytes_is_not_mixed_in(self, house: ClipHome) -> None:
        tag = (await house.get()).headers["ETag"]
        assert (await house.get(Range="bytes=5-9", If_Range=tag)).status == 206
        assert (await house.get(Range="bytes=5-9", If_Range='"other"')).status == 200

    async def test_the_tag_outlives_a_restart(self, house: ClipHome) -> None:
        tag = (await house.get()).headers["ETag"]
        await house.hass.async_block_till_done(wait_background_tasks=True)
        house.freezer.tick(600)
        assert await house.hass.config_entries.async_reload(house.entry.entry_id)
        assert (await house.get()).headers["ETag"] == tag
        assert house.downloads == 1

    async def test_head_tells_what_get_would(self, house: ClipHome) -> None:
        got, head = await house.get(), await house.get(method="HEAD")
        assert (head.status, head.body) == (200, b"")
        same = ("Content-Length", "Content-Type", "ETag", "Accept-Ranges", "Content-Disposition")
        assert [head.headers[name] for name in same] == [got.headers[name] for name in same]

    async def test_a_component_of_a_device_with_several(self, house: ClipHome) -> None:
        url = house.url().replace(house.bell.id, f"{house.bell.id}~1")
        assert (await house.get(url)).status == 404, "this doorbell has one camera only"


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("span", "status"),
        [
            ("0-0", 400),
            ("1-900001", 400),
            ("x", 400),
            ("-1-5", 400),
            ("1-", 400),
            ("999999999999999-1000", 400),
            ("99999999999999-1000", 404),
        ],
    )
    async def test_a_span_that_is_none(self, house: ClipHome, span: str, status: int) -> None:
        url = house.url().rpartition("/")[0]
        assert (await house.get(f"{url}/{span}")).status == status
        assert house.downloads == 0

    @pytest.mark.parametrize("camera", ["nobody", "a~b~c", "~", "..%2F..%2Fsecrets.yaml"])
    async def test_a_camera_that_nobody_has(self, house: ClipHome, camera: str) -> None:
        url = house.url().replace(house.bell.id, camera)
        assert (await house.get(url)).status in (400, 404)
        assert house.downloads == 0

    async def test_an_account_that_nobody_has(self, house: ClipHome) -> None:
        assert (await house.get(house.url().replace(house.entry.entry_id, "nobody"))).status == 404
        await house.hass.config_entries.async_unload(house.entry.entry_id)
        assert (await house.get()).status == 404

    async def test_a_sensor_has_no_clips(self, house: ClipHome) -> None:
        account, _ = house.cloud.find_device(house.bell.id)
        sensor = next(device for device in account.devices if device.family.key == "contact")
        assert (await house.get(house.url().replace(house.bell.id, sensor.id))).status == 404

    async def test_a_time_at_which_nothing_was_recorded(self, house: ClipHome) -> None:
        got = await house.get(house.url(AT - timedelta(hours=2)))
        assert (got.status, got.body) == (404, b"Nothing was recorded at that time")
        assert house.downloads == 1

    async def test_a_time_before_the_consent(self, house: ClipHome) -> None:
        assert (await house.get(house.url(NOW - timedelta(days=3)))).status == 403

    async def test_what_is_encrypted(self, house: ClipHome) -> None:
        house.cloud.media.take(house.bell)
        got = await house.get()
        assert got.status == 409
        assert b"encrypts it" in got.body

    async def test_what_is_damaged(self, house: ClipHome) -> None:
        house.cloud.media.unreadable(house.bell, None)
        assert (await house.get()).status == 409

    async def test_a_ring_that_asks_to_wait_is_left_alone(self, house: ClipHome) -> None:
        house.cloud.faults.add("/v1/devices*", status=429, headers={"Retry-After": "120"})
        got = await house.get()
        assert (got.status, got.headers["Retry-After"]) == (503, "120")
        house.freezer.tick(20)
        got = await house.get()
        assert (got.status, got.headers["Retry-After"]) == (503, "100")
        assert house.downloads == 1

    async def test_a_ring_that_is_down(self, house: ClipHome) -> None:
        house.cloud.faults.add("/v1/devices*", status=503, count=None)
        got = await house.get()
        assert (got.status, got.headers["Retry-After"]) == (503, "10")

    async def test_a_ring_that_takes_too_long_is_named_before_a_proxy_gives_up(self, house: ClipHome) -> None:
        held = house.cloud.faults.add(POST, delay=math.inf)
        waiting = asyncio.create_task(house.get())
        await held.reached()
        house.freezer.tick(51)
        got = await waiting
        assert (got.status, got.body) == (503, b"Ring has not sent it yet. Try again.")
        assert got.headers["Retry-After"] == "10"
        held.release()

    async def test_a_redirect_to_where_no_media_are(self, house: ClipHome) -> None:
        for location in ("http://192.168.1.1/clip.mp4", "file:///etc/passwd", "https://example.com/v1/download"):
            house.cloud.media.redirect_to = location
            assert (await house.get()).status == 502


class TestThumbnails:
    def url(self, house: ClipHome, at: object) -> str:
        return f"/api/ring_partner/thumbnail/{house.entry.entry_id}/{house.bell.id}/{at}"

    async def test_the_picture_of_the_asked_time(self, house: ClipHome) -> None:
        at_ms = round(AT.timestamp() * 1000)
        got = await house.get(self.url(house, at_ms))
        assert (got.status, got.headers["Content-Type"]) == (200, "image/jpeg")
        assert read_time(got.body) == at_ms
        assert got.headers["Cache-Control"] == "private, max-age=86400"
        assert (await house.get(self.url(house, at_ms), If_None_Match=got.headers["ETag"])).status == 304
        head = await house.get(self.url(house, at_ms), method="HEAD")
        assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(got.body)))
        assert house.cloud.count("POST", "/v1/devices/*/media/image/download") == 1

    @pytest.mark.parametrize(
        ("at", "status"), [("x", 400), ("-1", 400), ("1.5", 400), ("9" * 15, 400), ("99999999999999", 404)]
    )
    async def test_a_time_that_is_none(self, house: ClipHome, at: str, status: int) -> None:
        assert (await house.get(self.url(house, at))).status == status

    async def test_a_time_without_a_picture(self, house: ClipHome) -> None:
        at = AT - timedelta(hours=3)
        assert (await house.get(self.url(house, round(at.timestamp() * 1000)))).status == 404

    async def test_nobody_without_a_login(self, house: ClipHome, hass_client_no_auth: ClientSessionGenerator) -> None:
        stranger = await hass_client_no_auth()
        async with stranger.get(self.url(house, 1)) as answer:
            assert answer.status == 401


@given(header=st.text(st.characters(codec="latin-1"), max_size=40) | st.from_regex(r"bytes=[0-9]{0,20}-[0-9]{0,20}"))
def test_any_range_header_has_an_answer(header: str) -> None:
    for size in (1, 1000):
        asked = wanted_range(header, size)
        assert asked is None or (asked.step == 1 and asked.stop <= size and (not asked or 0 <= asked.start < size))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_path_is_an_error_or_leads_to_a_file(hass: HomeAssistant, house: ClipHome, data: st.DataObject) -> None:
    """Whatever stands in the address: never a 500, and nothing but this account's clips."""
    odd = st.text(max_size=30) | st.sampled_from(["..", ".", "%2e%2e", "..%2f..%2fsecrets.yaml", "\x00", "~", "0-0"])
    entry_id = data.draw(st.just(house.entry.entry_id) | odd)
    camera = data.draw(st.just(house.bell.id) | odd)
    span = data.draw(odd | st.from_regex(r"[0-9]{1,16}-[0-9]{1,10}", fullmatch=True))
    kind = data.draw(st.sampled_from(["clip", "picture", "thumbnail"]))
    header = data.draw(st.from_regex(r"[ -~]{0,30}", fullmatch=True))
    path = "/".join(aiohttp.helpers.quote(part, safe="%") if part else "" for part in (entry_id, camera, span))

    async def ask() -> int:
        async with house.browser.get(f"/api/ring_partner/{kind}/{path}", headers={"Range": header}) as answer:
            return answer.status

    assert hass.loop.run_until_complete(ask()) in (400, 403, 404)

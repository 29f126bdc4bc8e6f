"""Live video over WHEP: an SDP offer in, an SDP answer out, and a `Location` to end it by."""

from http import HTTPStatus

from aiohttp import hdrs, web
from multidict import CIMultiDict
from yarl import URL

from .api import shared_device
from .families import Permission
from .gateway import ApiHandler
from .grants import Grant
from .model import Device
from .refusals import ApiError
from .sdp import read_offer
from .switches import TrimmedOffers
from .world import World

SDP = "application/sdp"
PLACE = "location"
_SESSIONS = "/v1/devices/{device_id}/media/streaming/whep/sessions"


async def open_session(world: World, grant: Grant, request: web.Request) -> web.Response:
    """Start a live view: 201, an answer, and where to end it."""
    device = shared_device(world, grant, request)
    component_id = _lens(device, request)
    if world.switches.whep_needs_plan:
        raise ApiError(HTTPStatus.FORBIDDEN, "The account has no plan that includes live video")
    if request.content_type != SDP:
        raise ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"The body must be {SDP}", "Unsupported Media Type")
    offer = read_offer(await request.read(), world.switches)
    if not device.online:
        raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "Device is currently offline")
    undecodable = TrimmedOffers(world.switches.whep_trimmed_offers) is TrimmedOffers.UNDECODABLE
    encrypted = world.media.is_encrypted(device) or (offer.is_baseline_only and undecodable)
    session, answer = await world.live.open(grant, device, component_id, offer, encrypted=encrypted)
    row = world.history.live_view(device.id, int(session.opened_at * 1000))
    if row is not None:
        world.live.tell(session, row)
    place = URL(f"{world.url}{request.path}/{session.id}").with_query({PLACE: session.place})
    headers = CIMultiDict({hdrs.LOCATION: str(place)})
    for link in world.switches.whep_link.splitlines():
        headers.add(hdrs.LINK, link)
    return web.Response(body=answer.encode(), status=HTTPStatus.CREATED, content_type=SDP, headers=headers)


def _lens(device: Device, request: web.Request) -> str | None:
    if device.family.permission is not Permission.CAMERAS:
        raise ApiError(HTTPStatus.NOT_FOUND, "The device has no live video")
    component_id = request.query.get("component_id")
    if component_id == "0" and "components" not in device.family.capabilities:
        # How the one lens of a camera that has no others was called.
        return None
    if component_id is not None and device.component("capabilities", component_id) is None:
        raise ApiError(HTTPStatus.NOT_FOUND, "The device has no such component")
    return component_id


async def close_session(world: World, grant: Grant, request: web.Request) -> web.Response:
    """End a live view."""
    wanted = request.match_info
    world.live.close(world.live.find(grant, wanted["device_id"], wanted["session_id"], request.query.get(PLACE)))
    return web.Response(status=world.switches.whep_delete_status)


ROUTES: tuple[tuple[str, str, ApiHandler], ...] = (
    ("POST", _SESSIONS, open_session),
    ("DELETE", f"{_SESSIONS}/{{session_id}}", close_session),
)

"""Recordings in the media browser: account, camera, then a day or a kind, then what was recorded."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Final, override

from homeassistant.components.media_player import (
    BrowseError,
    MediaClass,
    MediaType,
    SearchMedia,
    SearchMediaQuery,
)
from homeassistant.components.media_source import (
    BrowseMediaSource,
    MediaSource,
    MediaSourceItem,
    PlayMedia,
    Unresolvable,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util

from .api import MAX_CLIP, RingError
from .const import DOMAIN, OPTION_DOORBELLS
from .devices import device_identifier
from .errors import account_error
from .history_index import KEPT_FOR
from .identifiers import CameraId, EventId, FolderId, Shelf, parse_media_id
from .kinds import cameras_of, is_doorbell
from .media_search import Search, understand
from .media_texts import MediaTexts, async_texts
from .models import RingConfigEntry
from .recordings import Recording

# Days that a camera's folder lists, and that a shelf shows at once: a history is read from the newest downwards, and
# every day more has its price.
DAYS: Final = 7
# More than anybody scrolls through.
MAX_FOUND: Final = 200
_DAY: Final = timedelta(days=1)
_SHELVES: Final = tuple(shelf for shelf in Shelf if shelf not in (Shelf.DAY, Shelf.EARLIER))
# Shelves of what only Ring can tell apart.
_SUB_TYPES: Final = (Shelf.PEOPLE, Shelf.VEHICLES, Shelf.ANIMALS)


async def async_get_media_source(hass: HomeAssistant) -> MediaSource:
    """Set up the media source."""
    return RingMediaSource(hass)


class RingMediaSource(MediaSource):
    """The recordings of all accounts."""

    name = "Ring Partner"

    def __init__(self, hass: HomeAssistant) -> None:
        """Serve all accounts."""
        super().__init__(DOMAIN)
        self._hass = hass

    @override
    async def async_resolve_media(self, item: MediaSourceItem) -> PlayMedia:
        """Return where a recording can be watched; Home Assistant signs the path."""
        try:
            found = _parse(item.identifier)
            if not isinstance(found, EventId) or not timedelta(0) < found.clip.duration <= MAX_CLIP:
                raise _refusal("media_unknown")
            _camera_name(self._hass, self._entry(found.entry_id), found.clip.camera)
        except BrowseError as err:
            raise Unresolvable(
                translation_domain=DOMAIN,
                translation_key=err.translation_key,
                translation_placeholders=err.translation_placeholders,
            ) from err
        return PlayMedia(f"/api/{DOMAIN}/clip/{found}", "video/mp4")

    @override
    async def async_browse_media(self, item: MediaSourceItem) -> BrowseMediaSource:
        """Return a folder with what is in it."""
        texts = await async_texts(self._hass)
        if not item.identifier:
            accounts = self._hass.config_entries.async_entries(DOMAIN, include_ignore=False, include_disabled=False)
            return _folder(None, self.name, [_folder(FolderId(entry.entry_id), entry.title) for entry in accounts])
        place = _parse(item.identifier)
        if isinstance(place, EventId):
            raise _refusal("media_unknown")
        entry = self._entry(place.entry_id)
        if place.camera is None:
            return _folder(place, entry.title, _cameras(self._hass, entry))
        browser = _CameraBrowser(entry, place.camera, _camera_name(self._hass, entry, place.camera), texts)
        with _said(entry):
            return await browser.async_open(place)

    @override
    async def async_search_media(self, item: MediaSourceItem, query: SearchMediaQuery) -> SearchMedia:
        """Return the cameras, or the recordings, that the words mean."""
        texts = await async_texts(self._hass)
        place = _parse(item.identifier) if item.identifier else None
        scope = place if isinstance(place, FolderId) else None
        if place is not None and scope is None:
            raise _refusal("media_unknown")
        search = understand(query.search_query, texts.words, dt_util.now().date())
        wanted = query.media_filter_classes
        if not search.names and not search.is_of_events:
            return SearchMedia(result=[])
        if search.is_of_events:
            found = [] if wanted and MediaClass.VIDEO not in wanted else await self._async_find(scope, search, texts)
        else:
            found = [] if wanted and MediaClass.DIRECTORY not in wanted else self._meant(scope, search)
        return SearchMedia(result=found)

    def _meant(self, scope: FolderId | None, search: Search) -> list[BrowseMediaSource]:
        return [
            _camera_folder(entry, camera, name)
            for entry in self._accounts(scope)
            for camera, name in camera_names(self._hass, entry).items()
            if search.fits(name) and _is_in(camera, scope)
        ]

    async def _async_find(self, scope: FolderId | None, search: Search, texts: MediaTexts) -> list[BrowseMediaSource]:
        """Look through one camera after the other; one that cannot be read hides nothing of the others."""
        found: list[tuple[datetime, BrowseMediaSource]] = []
        failure: BrowseError | None = None
        cameras = [
            _CameraBrowser(entry, camera, name, texts)
            for entry in self._accounts(scope)
            for camera, name in camera_names(self._hass, entry).items()
            if search.fits(name) and _is_in(camera, scope)
        ]
        for browser in cameras:
            try:
                with _said(browser.entry):
                    found += await browser.async_find(search)
            except BrowseError as err:
                failure = err
        if failure is not None and not found:
            raise failure
        found.sort(key=lambda item: item[0], reverse=True)
        return [item for _, item in found[:MAX_FOUND]]

    def _accounts(self, scope: FolderId | None) -> list[RingConfigEntry]:
        if scope is not None:
            return [self._entry(scope.entry_id)]
        entries: list[RingConfigEntry] = self._hass.config_entries.async_loaded_entries(DOMAIN)
        return entries

    def _entry(self, entry_id: str) -> RingConfigEntry:
        entry: RingConfigEntry | None = self._hass.config_entries.async_get_entry(entry_id)
        if entry is None or entry.domain != DOMAIN:
            raise _refusal("account_unknown")
        if entry.state is not ConfigEntryState.LOADED:
            raise _refusal("account_not_loaded", name=entry.title)
        return entry


class _CameraBrowser:
    """The folders of one camera."""

    def __init__(self, entry: RingConfigEntry, camera: CameraId, name: str, texts: MediaTexts) -> None:
        self.entry = entry
        self._camera = camera
        self._name = name
        self._texts = texts
        # The account may be unloaded while Ring is asked.
        self._coordinator = entry.runtime_data.coordinator
        self._recordings = entry.runtime_data.recordings
        self._today = dt_util.now().date()

    async def async_open(self, place: FolderId) -> BrowseMediaSource:
        """Return a folder with what is in it. Raises RingError."""
        if place.shelf is None:
            return self._named(place, self._name, [*self._days(self._today + _DAY), *self._shelves()])
        if place.shelf is Shelf.EARLIER and place.day is not None:
            return self._named(place, self._texts["earlier"], self._days(place.day))
        if place.shelf is Shelf.DAY and place.day is not None:
            items = await self._async_day(place.day)
            return self._named(place, self._texts.day(place.day, self._today), items, MediaClass.VIDEO)
        items = await self._async_shelf(place.shelf, place.day or self._today + _DAY)
        return self._named(place, self._texts[f"shelf_{place.shelf}"], items, MediaClass.VIDEO)

    async def async_find(self, search: Search) -> list[tuple[datetime, BrowseMediaSource]]:
        """Return what is looked for, on one day or in the last days. Raises RingError."""
        first = search.day or self._today - (DAYS - 1) * _DAY
        start, end = _span(first, (search.day or self._today) + _DAY)
        if search.shelf is None:
            found = [item for item in await self._recordings.async_between(self._camera, start, end) if item.kind]
        else:
            found = await self._recordings.async_on(search.shelf, self._camera, start, end)
        return [(item.at, self._item(item, f"{self._texts.moment(item)} · {self._name}")) for item in found[:MAX_FOUND]]

    async def _async_day(self, day: date) -> list[BrowseMediaSource]:
        """Return what happened on a day; live views are on a shelf of their own."""
        found = await self._recordings.async_between(self._camera, *_span(day, day + _DAY))
        return [self._item(item, self._texts.event(item)) for item in found if item.kind is not None]

    async def _async_shelf(self, shelf: Shelf, before: date) -> list[BrowseMediaSource]:
        """Return the last days before one, and the way to what was earlier."""
        first = before - DAYS * _DAY
        found = await self._recordings.async_on(shelf, self._camera, *_span(first, before))
        if not found and shelf in _SUB_TYPES and not self._recordings.tells_apart(self._camera.device_id):
            raise _refusal("sub_types_unknown")
        items = [self._item(item, self._texts.moment(item)) for item in found]
        return [*items, *self._earlier(shelf, first)]

    def _days(self, before: date) -> list[BrowseMediaSource]:
        """Return the days before one, without asking Ring for anything, and the way to what was earlier."""
        days = [before - back * _DAY for back in range(1, DAYS + 1)]
        known = [day for day in days if self._may_have(day)]
        folders = [self._sub_folder(Shelf.DAY, day, self._texts.day(day, self._today)) for day in known]
        return [*folders, *self._earlier(Shelf.EARLIER, days[-1])]

    def _earlier(self, shelf: Shelf, before: date) -> list[BrowseMediaSource]:
        if not self._may_have(before - _DAY):
            return []
        return [self._sub_folder(shelf, before, self._texts["earlier"])]

    def _may_have(self, day: date) -> bool:
        """Whether there may be something of a day, or of one before it."""
        end = _span(day, day + _DAY)[1]
        begin = self._recordings.begin(self._camera.device_id) or dt_util.utcnow() - KEPT_FOR
        return end > begin

    def _shelves(self) -> list[BrowseMediaSource]:
        device = self._coordinator.data.devices[self._camera.device_id]
        rings = is_doorbell(device, self.entry.options.get(OPTION_DOORBELLS, ()))
        shelves = [shelf for shelf in _SHELVES if rings or shelf is not Shelf.RINGS]
        return [self._sub_folder(shelf, None, self._texts[f"shelf_{shelf}"]) for shelf in shelves]

    def _sub_folder(self, shelf: Shelf, day: date | None, title: str) -> BrowseMediaSource:
        return _folder(FolderId(self.entry.entry_id, self._camera, shelf, day), title)

    def _named(
        self,
        place: FolderId,
        title: str,
        children: list[BrowseMediaSource],
        children_class: MediaClass = MediaClass.DIRECTORY,
    ) -> BrowseMediaSource:
        folder = _folder(place, title if place.shelf is None else f"{self._name} · {title}", children)
        folder.children_media_class = children_class
        return folder

    def _item(self, recording: Recording, title: str) -> BrowseMediaSource:
        return BrowseMediaSource(
            domain=DOMAIN,
            identifier=str(EventId(self.entry.entry_id, recording.clip)),
            media_class=MediaClass.VIDEO,
            media_content_type=MediaType.VIDEO,
            title=title,
            can_play=True,
            can_expand=False,
            thumbnail=_thumbnail(self.entry, recording.camera, recording.at),
        )


def _folder(
    place: FolderId | None, title: str, children: list[BrowseMediaSource] | None = None, thumbnail: str | None = None
) -> BrowseMediaSource:
    return BrowseMediaSource(
        domain=DOMAIN,
        identifier=None if place is None else str(place),
        media_class=MediaClass.DIRECTORY,
        media_content_type=MediaType.VIDEO,
        title=title,
        can_play=False,
        can_expand=True,
        children=children,
        children_media_class=MediaClass.DIRECTORY,
        thumbnail=thumbnail,
        can_search=place is None or place.shelf is None,
    )


def camera_names(hass: HomeAssistant, entry: RingConfigEntry) -> dict[CameraId, str]:
    """Return the cameras of an account, under the names that the user gave their devices."""
    devices = entry.runtime_data.coordinator.data.devices.values()
    return {camera: _device_name(hass, entry, camera) for device in devices for camera in cameras_of(device)}


def _device_name(hass: HomeAssistant, entry: RingConfigEntry, camera: CameraId) -> str:
    registry = dr.async_get(hass)
    identifier = (DOMAIN, device_identifier(entry, camera.device_id))
    device = registry.async_get_device_by_identifier(identifier, entry.entry_id)
    name = "Ring" if device is None else device.name_by_user or device.name or "Ring"
    if camera.component_id is None:
        return name
    identifier = (DOMAIN, device_identifier(entry, camera.device_id, camera.component_id))
    lens = registry.async_get_child_device_by_identifier(identifier, entry.entry_id)
    return f"{name} · {camera.component_id if lens is None else lens.name_by_user or lens.name}"


def _cameras(hass: HomeAssistant, entry: RingConfigEntry) -> list[BrowseMediaSource]:
    named = sorted(camera_names(hass, entry).items(), key=lambda item: item[1].casefold())
    return [_camera_folder(entry, camera, name) for camera, name in named]


def _camera_folder(entry: RingConfigEntry, camera: CameraId, name: str) -> BrowseMediaSource:
    """Return a camera, with the picture of the last event there."""
    kept = entry.runtime_data.pictures.last(camera)
    activity = entry.runtime_data.coordinator.data.activity.get(camera.device_id)
    # Of a device with several lenses, only the picture tells which of them saw the last event.
    last = kept.at if kept is not None else None if activity is None else activity.last
    thumbnail = None if last is None else _thumbnail(entry, camera, last)
    return _folder(FolderId(entry.entry_id, camera), name, thumbnail=thumbnail)


def _camera_name(hass: HomeAssistant, entry: RingConfigEntry, camera: CameraId) -> str:
    if (name := camera_names(hass, entry).get(camera)) is None:
        raise _refusal("camera_unknown", name=entry.title)
    return name


def _thumbnail(entry: RingConfigEntry, camera: CameraId, at: datetime) -> str:
    return f"/api/{DOMAIN}/thumbnail/{entry.entry_id}/{camera}/{round(at.timestamp() * 1000)}"


def _span(first: date, after: date) -> tuple[datetime, datetime]:
    """Return the span of days, as they are in Home Assistant's time zone: some have 23 hours, some 25."""
    return (
        dt_util.as_utc(dt_util.start_of_local_day(first)),
        dt_util.as_utc(dt_util.start_of_local_day(after)),
    )


def _is_in(camera: CameraId, scope: FolderId | None) -> bool:
    return scope is None or scope.camera in (None, camera)


def _parse(identifier: str) -> FolderId | EventId:
    try:
        return parse_media_id(identifier)
    except ValueError as err:
        raise _refusal("media_unknown") from err


def _refusal(key: str, **placeholders: str) -> BrowseError:
    return BrowseError(translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders)


@contextmanager
def _said(entry: RingConfigEntry) -> Iterator[None]:
    """Say what goes wrong at Ring in words."""
    try:
        yield
    except RingError as err:
        error = account_error(entry, err)
        raise _refusal(error.translation_key or "unexpected", **(error.translation_placeholders or {})) from err

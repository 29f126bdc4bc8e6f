"""Where Ring was seen to behave in more than one way, or is not known: what a test or a person can choose."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Envelope(StrEnum):
    """The version of a webhook's envelope; the older one does not name the account."""

    V1_1 = "1.1"
    V1_0 = "1.0"


class SubTypePlace(StrEnum):
    """Where the sub-type of a motion stands: `data.subType`, `data.attributes.sub_type`, in both, or nowhere."""

    DATA = "data"
    ATTRIBUTES = "attributes"
    BOTH = "both"
    NONE = "none"


class RequestIds(StrEnum):
    """What the request id of a sensor's webhook is: no UUID, cut so that several events share it, or a UUID."""

    RECORDED = "recorded"
    CUT = "cut"
    UUID = "uuid"


class ThresholdReading(StrEnum):
    """How a webhook of a threshold tells the reading: not at all, as a number, or as a block with a unit."""

    NONE = "none"
    NUMBER = "number"
    BLOCK = "block"


class DeviceAdded(StrEnum):
    """When `device_added` is sent: before the link is claimed, or after `app_integration_added`."""

    BEFORE = "before"
    AFTER = "after"


class WebhookLag(StrEnum):
    """How late a webhook leaves, beyond `webhook_lag`: not at all, or as was recorded of its type."""

    NONE = "none"
    RECORDED = "recorded"


class AbsentCapabilities(StrEnum):
    """How a capability that a device lacks is written.

    A block whose members are all null (of cameras null), such a block of every device, null, or nothing.
    """

    BLOCKS = "blocks"
    ALL_BLOCKS = "all_blocks"
    NULL = "null"
    MISSING = "missing"


class ChimeSlots(StrEnum):
    """What is in the slots of a chime: nothing until sounds are provisioned, or a sound in each."""

    EMPTY = "empty"
    FILLED = "filled"


class EncryptedDevices(StrEnum):
    """What becomes of a device that is encrypted end to end: it stays listed, or vanishes."""

    LISTED = "listed"
    HIDDEN = "hidden"


class EncryptedMedia(StrEnum):
    """What the files of a listed device that is encrypted end to end are: bytes without a meaning, or a 422."""

    BYTES = "bytes"
    NO_KEY = "no_key"


class NextLink(StrEnum):
    """What `links.next` of the history does: keep the filter, lose it, stay when nothing follows, or never exist."""

    KEEPS = "keeps"
    DROPS = "drops"
    TRAILING = "trailing"
    NEVER = "never"


class ClipAnswer(StrEnum):
    """What a download of a clip answers: a redirect of some kind, or the file itself."""

    SEE_OTHER = "see_other"
    MOVED = "moved"
    FOUND = "found"
    TEMPORARY = "temporary"
    PERMANENT = "permanent"
    DIRECT = "direct"


class EarlyAnswer(StrEnum):
    """What is answered of a recording that is not ready yet: 425, 416, 422 with a code or without a body.

    Or, of a picture, the newest one from before that event.
    """

    OLDER = "older"
    NOT_READY = "not_ready"
    NOT_FOUND = "not_found"
    NO_KEY = "no_key"
    EMPTY = "empty"


class PlanlessHistory(StrEnum):
    """What the history answers where nobody pays for recordings: nothing that happened, or a refusal."""

    EMPTY = "empty"
    FORBIDDEN = "forbidden"


class Direction(StrEnum):
    """What an answer of a live view says of its direction."""

    SENDONLY = "sendonly"
    SENDRECV = "sendrecv"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"


class OneSession(StrEnum):
    """What a second viewer of a device gets: an answer and no frames, a refusal, or frames as well."""

    SILENT = "silent"
    REFUSED = "refused"
    MANY = "many"


class LiveEnd(StrEnum):
    """How a live view ends from Ring's side: the media stops and the connection stays, or it is closed."""

    SILENT = "silent"
    CLOSE = "close"


class TrimmedOffers(StrEnum):
    """What an offer of baseline H264 alone gets: 500, or an answer and frames that no decoder shows."""

    REFUSED = "refused"
    UNDECODABLE = "undecodable"
    TAKEN = "taken"


class RefusedSection(StrEnum):
    """Which section of an offer is answered with port 0."""

    NONE = "none"
    AUDIO = "audio"
    VIDEO = "video"


class WhepMedia(StrEnum):
    """What is behind an answer: a real connection, or nobody (quick, for tests of who opens and closes)."""

    REAL = "real"
    NONE = "none"


class TokenRefusal(StrEnum):
    """What the token endpoint refuses with: OAuth's own words (RFC 6749), the API's `errors[]`, or an empty 401."""

    OAUTH = "oauth"
    JSONAPI = "jsonapi"
    EMPTY = "empty"


class RefreshLifetime(StrEnum):
    """When a refresh token ends: 30 days after it was made, or 30 days after the user allowed the app."""

    SLIDING = "sliding"
    ABSOLUTE = "absolute"


class SubscriptionAnswer(StrEnum):
    """What the subscriptions answer: those there are, none, or a refusal, as a private app may expect."""

    LIST = "list"
    EMPTY = "empty"
    NOT_FOUND = "404"
    UNPROCESSABLE = "422"


@dataclass(slots=True, kw_only=True)
class Switches:
    """How this cloud behaves where Ring may behave otherwise; plain texts will do for the choices."""

    envelope: Envelope | str = Envelope.V1_1
    sub_type_place: SubTypePlace | str = SubTypePlace.ATTRIBUTES
    request_ids: RequestIds | str = RequestIds.RECORDED
    threshold_reading: ThresholdReading | str = ThresholdReading.NONE
    device_added: DeviceAdded | str = DeviceAdded.BEFORE
    codes_posted: int = 1
    disables_endpoints: bool = True
    absent_capabilities: AbsentCapabilities | str = AbsentCapabilities.BLOCKS
    chime_slots: ChimeSlots | str = ChimeSlots.EMPTY
    e2ee_devices: EncryptedDevices | str = EncryptedDevices.LISTED
    e2ee_media: EncryptedMedia | str = EncryptedMedia.BYTES
    history_page_size: int = 25
    history_filters: bool = False
    history_next: NextLink | str = NextLink.KEEPS
    history_times_as_text: bool = False
    history_repeats_cursor: bool = False
    history_empty_pages: int = 0
    history_early_ms: int = 0
    consent_margin_ms: int = 0
    clip_answer: ClipAnswer | str = ClipAnswer.SEE_OTHER
    history_lag: int = 0
    webhook_lag: int = 0
    webhook_lags: WebhookLag | str = WebhookLag.NONE
    ring_plan: bool = True
    planless_history: PlanlessHistory | str = PlanlessHistory.EMPTY
    recording_ready_after: int = 0
    recording_ready_requests: int = 0
    recording_early_answer: EarlyAnswer | str = EarlyAnswer.NOT_READY
    media_link_lifetime: int = 300
    media_regions: int = 2
    clip_shortfall_ms: int = 1500
    media_bytes_per_second: int = 0
    clip_padding: int = 0
    whep_direction: Direction | str = Direction.SENDONLY
    whep_one_session: OneSession | str = OneSession.SILENT
    whep_end: LiveEnd | str = LiveEnd.SILENT
    whep_stalls_after: int = 0
    whep_media: WhepMedia | str = WhepMedia.REAL
    whep_bare_offers: bool = False
    whep_trimmed_offers: TrimmedOffers | str = TrimmedOffers.REFUSED
    whep_refused_section: RefusedSection | str = RefusedSection.NONE
    whep_msid: bool = True
    whep_needs_plan: bool = False
    whep_take: bool = False
    whep_delete_status: int = 200
    whep_link: str = ""
    token_refusal: TokenRefusal | str = TokenRefusal.OAUTH
    refresh_lifetime: RefreshLifetime | str = RefreshLifetime.SLIDING
    refresh_ends_access: bool = False
    subscriptions: SubscriptionAnswer | str = SubscriptionAnswer.LIST
    users_me_unauthorized: int = 401
    chime_status: int = 202


CHOICES: Mapping[str, type[StrEnum]] = {
    "envelope": Envelope,
    "sub_type_place": SubTypePlace,
    "request_ids": RequestIds,
    "threshold_reading": ThresholdReading,
    "device_added": DeviceAdded,
    "webhook_lags": WebhookLag,
    "absent_capabilities": AbsentCapabilities,
    "chime_slots": ChimeSlots,
    "e2ee_devices": EncryptedDevices,
    "e2ee_media": EncryptedMedia,
    "history_next": NextLink,
    "planless_history": PlanlessHistory,
    "recording_early_answer": EarlyAnswer,
    "clip_answer": ClipAnswer,
    "whep_direction": Direction,
    "whep_one_session": OneSession,
    "whep_end": LiveEnd,
    "whep_trimmed_offers": TrimmedOffers,
    "whep_refused_section": RefusedSection,
    "whep_media": WhepMedia,
    "token_refusal": TokenRefusal,
    "refresh_lifetime": RefreshLifetime,
    "subscriptions": SubscriptionAnswer,
}
BOUNDS: Mapping[str, tuple[int, int]] = {
    "history_page_size": (1, 100),
    "history_lag": (0, 3600),
    "history_empty_pages": (0, 10),
    "history_early_ms": (0, 30_000),
    "consent_margin_ms": (0, 10_000),
    "webhook_lag": (0, 3600),
    "recording_ready_after": (0, 3600),
    "recording_ready_requests": (0, 1000),
    "media_link_lifetime": (1, 86_400),
    "media_bytes_per_second": (0, 1_000_000_000),
    "media_regions": (1, 2),
    "clip_shortfall_ms": (0, 900_000),
    "whep_stalls_after": (0, 60),
    "clip_padding": (0, 1_000_000_000),
}
NUMBERS: Mapping[str, tuple[int, ...]] = {
    "codes_posted": (1, 2),
    "whep_delete_status": (200, 202, 204),
    "users_me_unauthorized": (401, 403),
    "chime_status": (200, 202, 204),
}

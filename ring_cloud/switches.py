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


class NextLink(StrEnum):
    """What `links.next` of the history does: keep the filter, lose it, or stay when nothing follows."""

    KEEPS = "keeps"
    DROPS = "drops"
    TRAILING = "trailing"


@dataclass(slots=True, kw_only=True)
class Switches:
    """How this cloud behaves where Ring may behave otherwise; plain texts will do for the choices."""

    envelope: Envelope | str = Envelope.V1_1
    sub_type_place: SubTypePlace | str = SubTypePlace.DATA
    disables_endpoints: bool = True
    history_page_size: int = 25
    history_filters: bool = False
    history_next: NextLink | str = NextLink.KEEPS
    history_times_as_text: bool = False
    history_repeats_cursor: bool = False


CHOICES: Mapping[str, type[StrEnum]] = {
    "envelope": Envelope,
    "sub_type_place": SubTypePlace,
    "history_next": NextLink,
}

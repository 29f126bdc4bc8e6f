"""Whatever Ring says no with, the user reads a sentence that tells what to do."""

from inspect import isclass
import re

import pytest

from custom_components.ring_partner.api import (
    RingAuthError,
    RingClientCredentialsError,
    RingError,
    RingForbiddenError,
    RingMediaError,
    RingMediaNotFoundError,
    RingMediaNotReadyError,
    RingMediaTooEarlyError,
    RingMediaUnreadableError,
    RingNotFoundError,
    RingRateLimitError,
    RingRequestError,
    RingUnavailableError,
    errors,
)
from custom_components.ring_partner.const import PermissionGroup
from custom_components.ring_partner.errors import as_home_assistant_error
from custom_components.ring_partner.history_index import TooFarBackError
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError

WORDS = {
    RingAuthError("no"): "Ring no longer accepts this link",
    RingClientCredentialsError("no"): "Ring no longer accepts this link",
    RingRateLimitError("no", status=429, retry_after=12.3): "Ring asks to wait 13 s",
    RingUnavailableError("no", status=503, retry_after=60): "Ring asks to wait 60 s",
    RingUnavailableError("no", status=503): "Ring is busy, or the device is offline",
    RingUnavailableError("GET clip: garbage", status=500): "Ring cannot be reached: GET clip: garbage",
    RingForbiddenError("no", status=403): "may lack the permission group Sensors",
    RingForbiddenError("no", status=403, out_of_scope=True): "lacks the permission group Sensors. Add it",
    RingNotFoundError("no", status=404): "Ring does not know this device any more",
    RingRequestError("GET clip: 400", status=400, detail="fake-detail"): "Ring refuses the request: GET clip: 400",
    RingMediaTooEarlyError("no", status=403): "nothing from before you allowed the app",
    RingMediaNotReadyError("no", status=425): "not ready yet. Try again in a few seconds",
    RingMediaNotFoundError("no", status=416): "Nothing was recorded at that time",
    RingMediaUnreadableError("no", status=422): "the camera encrypts it, or it is damaged",
    RingMediaError("a host that is not Ring's"): "did not answer as expected: a host that is not Ring's",
    TooFarBackError("no"): "Too much has happened since then",
    RingError("odd"): "Ring did not answer as expected: odd",
}


@pytest.mark.parametrize(("err", "words"), WORDS.items(), ids=lambda value: type(value).__name__)
async def test_every_error_has_words(hass: HomeAssistant, linked: ConfigEntry, err: RingError, words: str) -> None:
    shown = as_home_assistant_error(err, PermissionGroup.SENSORS)

    assert words in str(shown)
    assert not re.search(r"[{}]|fake-detail", str(shown))
    assert isinstance(shown, ServiceValidationError) is isinstance(err, RingMediaTooEarlyError)


def test_no_error_is_left_out() -> None:
    ours = {item for item in vars(errors).values() if isclass(item) and issubclass(item, RingError)}

    assert ours | {TooFarBackError} == {type(err) for err in WORDS}

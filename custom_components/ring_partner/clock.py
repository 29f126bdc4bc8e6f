"""The clock of this computer: it may be wrong, and it may be set right while Home Assistant runs."""

from collections import deque
from datetime import datetime, timedelta
import logging
from time import monotonic
from typing import Final, NamedTuple

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN

_LOGGER = logging.getLogger(__name__)

# Ring pushes within seconds.
ALARMING: Final = timedelta(minutes=1)
# After an outage Ring repeats many deliveries of one moment, all of the same age.
APART: Final = timedelta(minutes=5)
SAMPLES: Final = 5


class _Start(NamedTuple):
    at: datetime
    monotonic: float


_STARTED: HassKey[_Start] = HassKey(f"{DOMAIN}_started")


def started(hass: HomeAssistant) -> datetime:
    """Return since when this Home Assistant listens, by the clock as it goes now.

    A reload does not count. A computer may start with its clock ahead; what happens after the clock was set right seems
    to be from before the start, unless the start is dated anew.
    """
    now, passed = dt_util.utcnow(), monotonic()
    start = hass.data.setdefault(_STARTED, _Start(now, passed))
    return min(start.at, now - timedelta(seconds=passed - start.monotonic))


class _Sample(NamedTuple):
    sent_at: datetime
    age: timedelta


class ClockWatch:
    """Compares when Ring sent its webhooks with when they came: a clock that is ahead makes them all seem old."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._samples: deque[_Sample] = deque(maxlen=SAMPLES)
        self.is_suspect = False
        """Whether the newest webhooks were all off by the same time, and it was said."""

    def note(self, sent_at: datetime | None, received: datetime) -> None:
        """Take a webhook into account; one that is repeated is as old as it says."""
        if sent_at is None:
            return
        age = received - sent_at
        if abs(age) < ALARMING:
            self._samples.clear()
            self.is_suspect = False
            return
        if all(abs(sent_at - sample.sent_at) >= APART for sample in self._samples):
            self._samples.append(_Sample(sent_at, age))
        ages = [sample.age for sample in self._samples]
        if len(ages) == SAMPLES and max(ages) - min(ages) < ALARMING and not self.is_suspect:
            self.is_suspect = True
            _LOGGER.warning(
                "Ring's webhooks seem to come %d seconds after they were sent; "
                "is the clock of this computer right? What seems to be old is not announced",
                age.total_seconds(),
            )

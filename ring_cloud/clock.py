"""The cloud's time."""

from collections.abc import Callable
from datetime import UTC, datetime
import time

from .values import InputError

_END = 4_102_444_800


def _real_time() -> float:
    # Not time.time(): test harnesses that freeze time replace that one, and Ring's clock is not theirs to stop.
    return time.clock_gettime(time.CLOCK_REALTIME)


class Clock:
    """Epoch seconds: real time plus an offset, or frozen where `start` puts it.

    `Clock(source=time.time)` follows whatever a test harness does to the time of this process.
    """

    def __init__(self, start: float | None = None, *, source: Callable[[], float] = _real_time) -> None:
        self._start = start
        self._source = source
        self._offset = 0.0

    def time(self) -> float:
        """Return epoch seconds."""
        return (self._source() if self._start is None else self._start) + self._offset

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass; time never runs backwards, nor beyond this century."""
        if not 0 <= seconds <= _END - self.time():
            raise InputError("a clock only moves forward, and not beyond this century")
        self._offset += seconds


def iso_time(epoch: float, *, milliseconds: bool = False) -> str:
    """Format epoch seconds the way Ring does: UTC with a Z."""
    moment = datetime.fromtimestamp(epoch, UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="milliseconds" if milliseconds else "seconds") + "Z"

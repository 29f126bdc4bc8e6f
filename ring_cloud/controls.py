"""What can change on a device, and where in Ring's documents the value stands."""

from collections.abc import Mapping
from dataclasses import dataclass

from .values import InputError, Json, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One changeable value: for people a labelled control, for the API a place in a document.

    `path` is document.block.member; a boolean is written as one of `words` where Ring uses words.
    """

    key: str
    label: str
    path: tuple[str, ...]
    default: Value
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    unit: str | None = None
    choices: tuple[str, ...] = ()
    words: tuple[str, str] | None = None

    @property
    def type(self) -> str:
        """Return `boolean`, `choice` or `number`."""
        if isinstance(self.default, bool):
            return "boolean"
        return "choice" if self.choices else "number"

    def parse(self, value: object) -> Value:
        """Return `value` if this control can take it."""
        match self.type:
            case "boolean" if isinstance(value, bool):
                return value
            case "choice" if isinstance(value, str) and value in self.choices:
                return value
            case "number" if isinstance(value, int | float) and not isinstance(value, bool):
                if (self.minimum or 0) <= value <= (self.maximum or 0):
                    return value
        raise InputError(f"{self.key} must be {self._expectation}")

    @property
    def _expectation(self) -> str:
        return {
            "boolean": "true or false",
            "choice": "one of " + ", ".join(self.choices),
            "number": f"a number from {self.minimum} to {self.maximum}",
        }[self.type]

    def encode(self, value: Value) -> Json:
        """Return `value` as Ring writes it."""
        return self.words[bool(value)] if self.words else value

    def describe(self, value: Value) -> dict[str, Json]:
        """Return the control for the page."""
        shown: Mapping[str, Json] = {
            "min": self.minimum,
            "max": self.maximum,
            "step": self.step,
            "unit": self.unit,
            "choices": self.choices or None,
        }
        facts: dict[str, Json] = {"key": self.key, "label": self.label, "type": self.type, "value": value}
        return facts | {key: fact for key, fact in shown.items() if fact is not None}


def _flag(key: str, label: str, path: str) -> Control:
    return Control(key=key, label=label, path=tuple(path.split(".")), default=False)


def _on_off(key: str, label: str, path: str) -> Control:
    return Control(key=key, label=label, path=tuple(path.split(".")), default=False, words=("off", "on"))


def _number(key: str, label: str, path: str, default: float, span: tuple[float, float, float, str]) -> Control:
    low, high, step, unit = span
    place = tuple(path.split("."))
    return Control(
        key=key, label=label, path=place, default=default, minimum=low, maximum=high, step=step, unit=unit or None
    )


def _choice(key: str, label: str, path: str, *choices: str) -> Control:
    return Control(key=key, label=label, path=tuple(path.split(".")), default=choices[0], choices=choices)


_ENHANCEMENTS = "configurations.image_enhancements"

# Battery goes to 255 because Ring does: that is what a mains-powered sensor reports.
CONTROLS: Mapping[str, Control] = {
    control.key: control
    for control in (
        _flag("contact", "Contact open", "status.contact_detection.faulted"),
        _flag("tamper", "Tampered with", "status.tamper_detection.detected"),
        _flag("flood", "Water detected", "status.flood_detection.faulted"),
        _flag("freeze", "Freezing", "status.freeze_detection.faulted"),
        _flag("smoke", "Smoke alarm heard", "status.smoke_detection.detected"),
        _flag("co", "CO alarm heard", "status.co_detection_listener.detected"),
        _flag("glass_break", "Glass break heard", "status.glass_break_detection.detected"),
        _number("temperature", "Temperature", "status.temperature.value", 20.5, (-40, 60, 0.1, "°C")),
        _number("humidity", "Humidity", "status.humidity.value", 45, (0, 100, 1, "%")),
        _number("pm25", "PM2.5", "status.pm25.value", 8, (0, 1000, 1, "µg/m³")),
        _number("co_concentration", "CO concentration", "status.co_concentration.value", 0, (0, 1000, 1, "ppm")),
        _number("battery", "Battery", "status.battery_status.percentage", 90, (0, 255, 1, "%")),
        _choice("signal_strength", "Signal", "status.signal_strength.value", "good", "fair", "poor"),
        _choice("reporting_state", "Reporting", "status.sensor_reporting_state.value", "active", "inactive"),
        _on_off("motion_detection", "Motion detection", "configurations.motion_detection.enabled"),
        _number("volume", "Volume", "configurations.audio.volume", 7, (0, 11, 1, "")),
        _on_off("color_night_vision", "Colour night vision", f"{_ENHANCEMENTS}.color_night_vision"),
        _on_off("hdr", "HDR", f"{_ENHANCEMENTS}.hdr"),
        _on_off("ir_led_night_vision", "Infrared night vision", f"{_ENHANCEMENTS}.ir_led_night_vision"),
        _on_off("auto_zoom_track", "Auto zoom and track", f"{_ENHANCEMENTS}.auto_zoom_track"),
    )
}

"""A faithful local simulator of Ring's Partner API."""

from .clock import Clock
from .deliveries import Delivery, DeliveryState, sign
from .events import Event
from .families import FAMILIES, Permission
from .faults import Cut, Garbage
from .grants import Rotation
from .linking import compute_nonce
from .media_time import read_time, read_times
from .mischief import Mischief
from .model import Account, App, Device, LinkStatus
from .sender import DeliveryError
from .server import RingCloud
from .switches import Direction, Envelope, LiveEnd, NextLink, OneSession, SubTypePlace, Switches, WhepMedia
from .values import CloudError, ConflictError, InputError, UnknownError

__all__ = [
    "FAMILIES",
    "Account",
    "App",
    "Clock",
    "CloudError",
    "ConflictError",
    "Cut",
    "Delivery",
    "DeliveryError",
    "DeliveryState",
    "Device",
    "Direction",
    "Envelope",
    "Event",
    "Garbage",
    "InputError",
    "LinkStatus",
    "LiveEnd",
    "Mischief",
    "NextLink",
    "OneSession",
    "Permission",
    "RingCloud",
    "Rotation",
    "SubTypePlace",
    "Switches",
    "UnknownError",
    "WhepMedia",
    "compute_nonce",
    "read_time",
    "read_times",
    "sign",
]

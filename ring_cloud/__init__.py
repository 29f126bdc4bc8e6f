"""A faithful local simulator of Ring's Partner API."""

from .clock import Clock
from .delivery import DeliveryError
from .families import FAMILIES, Permission
from .faults import Cut, Garbage
from .grants import Rotation
from .linking import compute_nonce
from .model import Account, App, Device, LinkStatus
from .server import RingCloud
from .values import CloudError, ConflictError, InputError, UnknownError

__all__ = [
    "FAMILIES",
    "Account",
    "App",
    "Clock",
    "CloudError",
    "ConflictError",
    "Cut",
    "DeliveryError",
    "Device",
    "Garbage",
    "InputError",
    "LinkStatus",
    "Permission",
    "RingCloud",
    "Rotation",
    "UnknownError",
    "compute_nonce",
]

"""Webhooks on their way: signed, sent, repeated on Ring's schedule, given up, replayed."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
import hashlib
import hmac
import time

from .events import Event, compose
from .ids import resource_id
from .mischief import Mischief, Prank, Pranks
from .model import App
from .sender import NO_ANSWER, Sender, is_success
from .switches import Switches

RETRY_AFTER = (1, 5, 30, 120, 600, 3600)
ANSWER_WITHIN = 5.0
DEAD_LETTERS_KEPT = 72 * 3600
# So many refusals in a row within a day, and the endpoint is disabled.
REFUSALS = 10
REFUSALS_WITHIN = 86400
_KEPT = 10_000
_AT_ONCE = 64


def sign(key: str, body: bytes) -> str:
    """Return the value of `X-Signature`."""
    return "sha256=" + hmac.digest(key.encode(), body, hashlib.sha256).hex()


class DeliveryState(StrEnum):
    """What has become of a webhook."""

    WAITING = "waiting"
    HELD = "held"
    DELIVERED = "delivered"
    REFUSED = "refused"
    DEAD = "dead"
    DROPPED = "dropped"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try; a status of 0 means that there was no answer in time."""

    time: float
    status: int
    milliseconds: float


@dataclass(slots=True, kw_only=True, eq=False)
class Delivery:
    """One webhook for one app; every attempt sends the same bytes."""

    id: int
    event: Event
    app: App
    created: float
    request_id: str
    body: bytes = field(repr=False)
    due_at: float
    state: DeliveryState = DeliveryState.WAITING
    mischief: frozenset[Mischief] = frozenset()
    attempts: list[Attempt] = field(default_factory=list)
    tries: int = 0

    @property
    def status(self) -> int | None:
        """Return what the app answered last; None before the first attempt."""
        return self.attempts[-1].status if self.attempts else None

    @property
    def next_retry(self) -> float | None:
        """Return when it is sent next."""
        return self.due_at if self.state is DeliveryState.WAITING else None

    @property
    def signature(self) -> str:
        """Return the signature with the app's key, or with one that is not its."""
        wrong = Mischief.WRONG_SIGNATURE in self.mischief
        return sign(f"not {self.app.signing_key}" if wrong else self.app.signing_key, self.body)


class Deliveries:
    """The webhooks of one cloud, oldest first."""

    def __init__(
        self, now: Callable[[], float], sender: Sender, switches: Switches, come_due: Callable[[], float | None]
    ) -> None:
        self.answer_within = ANSWER_WITHIN
        self.pranks = Pranks()
        self._now = now
        self._sender = sender
        self._switches = switches
        self._come_due = come_due
        self._journal: deque[Delivery] = deque(maxlen=_KEPT)
        self._last_id = 0
        self._waiting: list[Delivery] = []
        self._held: list[Delivery] = []
        self._dead: deque[Delivery] = deque(maxlen=_KEPT)
        self._refusals: dict[str, deque[float]] = {}
        self._disabled: set[str] = set()
        self._in_flight: dict[asyncio.Task[None], Delivery] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._news = asyncio.Event()
        self._scheduler: asyncio.Task[None] | None = None

    def __iter__(self) -> Iterator[Delivery]:
        return iter(self._journal)

    def __reversed__(self) -> Iterator[Delivery]:
        return reversed(self._journal)

    def __len__(self) -> int:
        return len(self._journal)

    def __getitem__(self, index: int) -> Delivery:
        return self._journal[index]

    @property
    def held(self) -> Sequence[Delivery]:
        """Return what waits for `release`, oldest first."""
        return tuple(self._held)

    @property
    def dead_letters(self) -> Sequence[Delivery]:
        """Return what was given up in the last 72 hours, oldest first."""
        oldest = self._now() - DEAD_LETTERS_KEPT
        return tuple(letter for letter in self._dead if letter.attempts[-1].time >= oldest)

    def mischief(
        self, kind: str, *, types: str = "*", count: int | None = 1, copies: int = 2, seconds: float = 30
    ) -> Prank:
        """Let something go wrong with the next `count` webhooks (None: all) whose type matches the pattern `types`.

        `duplicate` sends `copies` of it, `delay` holds it for `seconds` of the cloud's clock, `hold` until `release`;
        `drop`, `wrong_signature` and `foreign_account` are what they say.
        """
        return self.pranks.add(kind, types, count, copies, seconds)

    # On the way

    def send(self, event: Event, app: App, *, lag: float = 0) -> None:
        """Put a webhook on its way, after `lag` seconds; with the cloud running it leaves by itself."""
        if not app.webhook_url:
            return
        pranks = self.pranks.strike(event.type)
        mischief = frozenset(prank.kind for prank in pranks)
        now = self._now()
        foreign = Mischief.FOREIGN_ACCOUNT in mischief
        account_id = resource_id("account") if foreign else event.account.id
        request_id, body = compose(event, self._switches, now + lag, account_id, app.client_id)
        copies = max((prank.copies for prank in pranks if prank.kind is Mischief.DUPLICATE), default=1)
        for _ in range(copies):
            self._last_id += 1
            delivery = Delivery(
                id=self._last_id,
                event=event,
                app=app,
                created=now,
                request_id=request_id,
                body=body,
                due_at=now + lag + sum(prank.seconds for prank in pranks if prank.kind is Mischief.DELAY),
                mischief=mischief,
            )
            self._journal.append(delivery)
            self._dispatch(delivery)

    def _dispatch(self, delivery: Delivery) -> None:
        if self.is_disabled(delivery.app):
            delivery.state = DeliveryState.DISABLED
        elif Mischief.DROP in delivery.mischief:
            delivery.state = DeliveryState.DROPPED
        elif Mischief.HOLD in delivery.mischief:
            delivery.state = DeliveryState.HELD
            self._held.append(delivery)
        else:
            self._queue(delivery, delivery.due_at)

    def _queue(self, delivery: Delivery, due_at: float) -> None:
        delivery.state, delivery.due_at = DeliveryState.WAITING, due_at
        self._waiting.append(delivery)
        self.wake()

    async def release(self, *, reverse: bool = True) -> int:
        """Send what was held, one after the other, by default in the other order; return how many."""
        released = 0
        while self._held:
            await self._launch(self._held.pop(-1 if reverse else 0))
            released += 1
        return released

    async def replay(self) -> int:
        """Do as Ring does on request: send the dead letters of the last 72 hours again; return how many."""
        letters = self.dead_letters
        self._dead.clear()
        for delivery in letters:
            delivery.tries = 0
            self._queue(delivery, self._now())
        await self.settle()
        return len(letters)

    async def run_due(self) -> None:
        """Send what is due by the cloud's clock, and wait for the answers."""
        self._start_due()
        if self._in_flight:
            await asyncio.wait(self._in_flight)

    async def settle(self) -> None:
        """Wait until nothing is due now and everything sent was answered."""
        await self.run_due()
        while self._in_flight or any(delivery.due_at <= self._now() for delivery in self._waiting):
            await self.run_due()

    def _start_due(self) -> float | None:
        """Send what is due; return when something happens by itself that has to be told next."""
        next_event = self._come_due()
        now = self._now()
        due = [delivery for delivery in self._waiting if delivery.due_at <= now]
        self._waiting = [delivery for delivery in self._waiting if delivery.due_at > now]
        for delivery in due:
            self._launch(delivery)
        return next_event

    def _launch(self, delivery: Delivery) -> asyncio.Task[None]:
        task = asyncio.create_task(self._attempt(delivery))
        self._in_flight[task] = delivery
        task.add_done_callback(self._land)
        return task

    def _land(self, task: asyncio.Task[None]) -> None:
        delivery = self._in_flight.pop(task)
        if task.cancelled():
            # The cloud stops: when it starts again it has forgotten nothing.
            self._queue(delivery, delivery.due_at)

    async def _attempt(self, delivery: Delivery) -> None:
        url, signature = delivery.app.webhook_url, delivery.signature
        async with self._slots:
            if self.is_disabled(delivery.app):
                delivery.state = DeliveryState.DISABLED
                return
            at, began = self._now(), time.clock_gettime(time.CLOCK_MONOTONIC)
            status = await self._sender.post_event(url, delivery.body, signature, self.answer_within)
        elapsed = time.clock_gettime(time.CLOCK_MONOTONIC) - began
        delivery.attempts.append(Attempt(at, status, round(elapsed * 1000, 2)))
        delivery.tries += 1
        self._conclude(delivery, status)

    def _conclude(self, delivery: Delivery, status: int) -> None:
        if status == NO_ANSWER or status >= 500:
            self._refusals.pop(delivery.app.client_id, None)
            self._retry(delivery)
        elif is_success(status):
            self._refusals.pop(delivery.app.client_id, None)
            delivery.state = DeliveryState.DELIVERED
        else:
            delivery.state = DeliveryState.REFUSED
            self._count_refusal(delivery.app)

    def _retry(self, delivery: Delivery) -> None:
        if delivery.tries <= len(RETRY_AFTER):
            self._queue(delivery, self._now() + RETRY_AFTER[delivery.tries - 1])
        else:
            delivery.state = DeliveryState.DEAD
            self._dead.append(delivery)

    # Endpoints

    def is_disabled(self, app: App) -> bool:
        """Say whether Ring has given up on the app's webhook URL."""
        return self._switches.disables_endpoints and app.client_id in self._disabled

    def enable_endpoint(self, app: App) -> None:
        """Forgive: what saving the webhook URL in the developer portal does."""
        self._disabled.discard(app.client_id)
        self._refusals.pop(app.client_id, None)

    def _count_refusal(self, app: App) -> None:
        now = self._now()
        refusals = self._refusals.setdefault(app.client_id, deque(maxlen=REFUSALS))
        refusals.append(now)
        if len(refusals) == REFUSALS and now - refusals[0] <= REFUSALS_WITHIN:
            self._disabled.add(app.client_id)

    # By itself

    def start(self) -> None:
        """Send what is due by itself from now on."""
        if self._scheduler is None:
            self._scheduler = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Send nothing more; what was not answered waits for the next start."""
        tasks = {*self._in_flight, *({self._scheduler} if self._scheduler else set())}
        self._scheduler = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def wake(self) -> None:
        """Look again what is due: there is something new, or the clock has moved."""
        self._news.set()

    async def _run(self) -> None:
        while True:
            next_event = self._start_due()
            self._news.clear()
            due = [delivery.due_at for delivery in self._waiting]
            next_due = min(due if next_event is None else [*due, next_event], default=None)
            with suppress(TimeoutError):
                async with asyncio.timeout(None if next_due is None else next_due - self._now()):
                    await self._news.wait()

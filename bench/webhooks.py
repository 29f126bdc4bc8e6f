"""How soon a signed webhook shows in Home Assistant, and what a flood of good and bad ones does to it.

Home Assistant runs in a process of its own; the sender, and the local Ring cloud, in this one. Both read the machine's
one monotonic clock. `pace` sends good events only; `flood` adds wrong signatures, bodies at and beyond the limit,
repetitions, and senders that dribble.
"""

import argparse
import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
import json
import random
import shutil
from statistics import quantiles
import time

import aiohttp
from yarl import URL

from custom_components.ring_partner.activity import SAVE_DELAY_SECONDS
from custom_components.ring_partner.webhook import MAX_BODY_BYTES
from ring_cloud import FAMILIES, Account, Device, Event as Happening, RingCloud, Switches, sign
from ring_cloud.events import compose

from .home import SIGNING_KEY, Home, scratch
from .observer import NUMBER, HomeAssistantProcess, Record

# Ring counts a slower answer as a failure.
ANSWER_WITHIN_S = 5.0
DRIBBLERS = 36
SEED = 3
NO_ANSWER = 0


class Shot(StrEnum):
    """What is sent."""

    GOOD = "good"
    AT_LIMIT = "good, at the limit"
    REPEATED = "repeated"
    BAD_SIGNATURE = "wrong signature"
    BEYOND_LIMIT = "beyond the limit"


FIRING = frozenset({Shot.GOOD, Shot.AT_LIMIT})
# Of a flood, in thousandths; the rest is good.
FLOOD = {Shot.BAD_SIGNATURE: 100, Shot.AT_LIMIT: 80, Shot.REPEATED: 20, Shot.BEYOND_LIMIT: 20}


@dataclass(slots=True)
class Sent:
    """What the sender saw."""

    shots: list[Shot]
    at: list[float]
    taken: list[float]
    statuses: dict[Shot, Counter[int]] = field(default_factory=lambda: {shot: Counter() for shot in Shot})
    dribbled: list[float] = field(default_factory=list)
    """How long each dribbling sender was listened to, of those that got an answer."""
    held: int = 0
    """Dribbling senders without an answer at the end."""
    megabytes: list[float] = field(default_factory=list)


class Sender:
    """Ring, and everybody else who knows the address."""

    def __init__(self, account: Account, url: URL, process: HomeAssistantProcess) -> None:
        """Send to one webhook."""
        self._account = account
        self._url = url
        self.process = process
        self._chance = random.Random(SEED)
        self._happenings = list(_happenings(account))
        self._sends = 0
        self._last_ms = 0
        self._last_good = b""

    async def send(self, shots: list[Shot], per_second: float, dribblers: int) -> Sent:
        """Send at random moments, so many a second on average, whether or not the last was answered."""
        # The same event never comes twice, not in another part either.
        self._sends += 1
        sent = Sent(shots, [0.0] * len(shots), [0.0] * len(shots))
        stop = asyncio.Event()
        connector = aiohttp.TCPConnector(limit=0)
        async with asyncio.TaskGroup() as others, aiohttp.ClientSession(connector=connector) as session:
            others.create_task(self._weigh(sent, stop))
            for number in range(dribblers):
                others.create_task(self._dribble(sent, stop, in_headers=bool(number % 2)))
            due = time.perf_counter()
            async with asyncio.TaskGroup() as group:
                for number, shot in enumerate(shots):
                    await asyncio.sleep(due - time.perf_counter())
                    group.create_task(self._post(session, sent, number, self._body(shot, number)))
                    due += self._chance.expovariate(per_second)
            # What happened is written down a little later, which takes its time, too.
            await asyncio.sleep(SAVE_DELAY_SECONDS + 1)
            stop.set()
        return sent

    async def _post(self, session: aiohttp.ClientSession, sent: Sent, number: int, body: bytes) -> None:
        shot = sent.shots[number]
        signature = sign("another-fake-key" if shot is Shot.BAD_SIGNATURE else SIGNING_KEY, body)
        headers = {"Content-Type": "application/json", "X-Signature": signature, NUMBER: str(number)}
        status = NO_ANSWER
        sent.at[number] = time.perf_counter()
        with suppress(aiohttp.ClientError):
            async with session.post(self._url, data=body, headers=headers) as response:
                status = response.status
        sent.taken[number] = time.perf_counter() - sent.at[number]
        sent.statuses[shot][status] += 1

    def _body(self, shot: Shot, number: int) -> bytes:
        if shot is Shot.REPEATED and self._last_good:
            return self._last_good
        # Of one device, no two events happen in the same millisecond.
        self._last_ms = max(self._last_ms + 1, int(1000 * time.time()))
        device, event_type, sub_type = self._chance.choice(self._happenings)
        happening = Happening(
            type=event_type, account=self._account, timestamp_ms=self._last_ms, device=device, sub_type=sub_type
        )
        document = json.loads(compose(happening, Switches(), time.time(), self._account.id)[1])
        document["data"] |= {"id": f"{self._sends}-{number}", "padding": ""}
        body = json.dumps(document).encode()
        size = {Shot.AT_LIMIT: MAX_BODY_BYTES, Shot.BEYOND_LIMIT: self._chance.randint(MAX_BODY_BYTES + 1, 2**20)}
        if (missing := size.get(shot, 0) - len(body)) > 0:
            document["data"]["padding"] = "x" * missing
            body = json.dumps(document).encode()
        if shot in FIRING:
            self._last_good = body
        return body

    async def _dribble(self, sent: Sent, stop: asyncio.Event, *, in_headers: bool) -> None:
        """Send a request a little at a time, again and again, as long as anybody listens."""
        host, port = self._url.host or "", self._url.port or 0
        head = f"POST {self._url.path} HTTP/1.1\r\nHost: {host}\r\n"
        piece = b"X-Slow: 1\r\n" if in_headers else b"{"
        begin = head if in_headers else f"{head}Content-Length: {MAX_BODY_BYTES}\r\n\r\n"
        while not stop.is_set():
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(begin.encode())
            began, answer = time.perf_counter(), asyncio.create_task(reader.read(64))
            while not answer.done() and not stop.is_set():
                writer.write(piece)
                await asyncio.wait([answer], timeout=0.5)
            if answer.done():
                sent.dribbled.append(time.perf_counter() - began)
            else:
                sent.held += 1
                answer.cancel()
            writer.close()

    async def _weigh(self, sent: Sent, stop: asyncio.Event) -> None:
        while not stop.is_set():
            sent.megabytes.append(self.process.megabytes())
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1)


def _happenings(account: Account) -> Iterator[tuple[Device, str, str | None]]:
    """Yield what can happen at the account's cameras."""
    for device in account.devices:
        if device.family.key == "doorbell":
            yield device, "button_press", None
        if device.family.key in {"doorbell", "camera", "multi_camera"}:
            for sub_type in ("human", "vehicle", "animal"):
                yield device, "motion_detected", sub_type


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the bench."""

    name: str
    per_second: float
    seconds: float
    flood: bool

    def shots(self) -> list[Shot]:
        """Return what to send, in order."""
        count = round(self.per_second * self.seconds)
        if not self.flood:
            return [Shot.GOOD] * count
        shots = [shot for shot, share in FLOOD.items() for _ in range(count * share // 1000)]
        shots += [Shot.GOOD] * (count - len(shots))
        random.Random(SEED).shuffle(shots)
        # Something to repeat.
        return [Shot.GOOD, *shots[1:]]


@dataclass(frozen=True, slots=True)
class Result:
    """What one part showed."""

    part: Part
    sent: Sent
    record: Record

    def milliseconds(self, since: Sequence[float], until: Sequence[float]) -> list[float]:
        """Return the times of the good events between two moments."""
        good = [number for number, shot in enumerate(self.sent.shots) if shot in FIRING and until[number]]
        return [1000 * (until[number] - since[number]) for number in good]

    def show(self) -> None:
        """Print a table."""
        sent, record = self.sent, self.record
        print(f"\n{self.part.name}: {len(sent.shots)} webhooks in {sent.at[-1] - sent.at[0]:.0f} s")
        print(f"{'milliseconds':<42}{'p50':>9}{'p99':>9}{'p99.9':>9}{'max':>9}")
        answers = [1000 * taken for taken in sent.taken]
        handled = [1000 * (end - begin) for begin, end in zip(record.called, record.answered, strict=True) if end]
        _row("handler called -> event entity changed", self.milliseconds(record.called, record.changed))
        _row("request sent -> event entity changed", self.milliseconds(sent.at, record.changed))
        _row("handler called -> handler answers", handled)
        _row("request sent -> answer read", answers)
        _row("event loop late (probe every 1 ms)", [1000 * lag for lag in record.lags[: record.probes]])
        for word, item in (("longest", record.longest), ("busiest", record.busiest)):
            print(f"{word} callback {1000 * item.wall:.1f} ms, {1000 * item.cpu:.1f} ms of CPU, {item.what}")
        print(f"callbacks over 10 ms: {dict(record.blocked) or 'none'}; ", end="")
        print(f"longest garbage collection {1000 * record.collecting:.1f} ms")
        self._show_counts()

    def _show_counts(self) -> None:
        sent, firings = self.sent, self.record.firings
        good = [count for shot, count in zip(sent.shots, firings, strict=True) if shot in FIRING]
        print(
            f"good events {len(good)}: lost {good.count(0)}, fired twice {sum(count > 1 for count in good)}, ", end=""
        )
        print(f"others that fired {sum(firings) - sum(good)}")
        for shot, statuses in sent.statuses.items():
            if statuses:
                print(f"  {shot:<22}" + ", ".join(f"{count} x {status or 'cut'}" for status, count in statuses.items()))
        late = sum(taken > ANSWER_WITHIN_S for taken in sent.taken)
        print(f"answers later than {ANSWER_WITHIN_S:.0f} s: {late}")
        memory = sent.megabytes
        print(f"memory (RSS, MB): before {memory[0]:.1f}, most {max(memory):.1f}, after {memory[-1]:.1f}")
        if sent.dribbled or sent.held:
            slowest = max(sent.dribbled, default=0.0)
            print(
                f"dribbling senders: {len(sent.dribbled)} ended, after {slowest:.2f} s at most; {sent.held} held open"
            )


def _row(label: str, values: Sequence[float]) -> None:
    cuts = quantiles(values, n=1000)
    print(f"{label:<42}" + "".join(f"{value:>9.2f}" for value in (cuts[499], cuts[989], cuts[998], max(values))))


@asynccontextmanager
async def running(devices: int) -> AsyncIterator[Sender]:
    """Start a Home Assistant with a linked account that Ring can push to."""
    folder = scratch("webhooks")
    async with RingCloud() as cloud:
        home = Home(folder, cloud, cloud.add_account(devices=devices))
        home.link(can_be_pushed=True)
        process = HomeAssistantProcess(home)
        try:
            await process.ready()
            yield Sender(home.account, URL(home.webhook_url), process)
        finally:
            process.kill()
    shutil.rmtree(folder)


async def measure(parts: Sequence[Part], devices: int, *, profiled: bool) -> None:
    """Run the parts one after the other, in the same Home Assistant."""
    async with running(devices) as sender:
        # What is made on the first webhook is not what is measured.
        await sender.send([Shot.GOOD] * 50, 50, 0)
        for part in parts:
            shots = part.shots()
            await sender.process.begin(len(shots), part.seconds, profiled=profiled)
            sent = await sender.send(shots, part.per_second, DRIBBLERS if part.flood else 0)
            Result(part, sent, await sender.process.end()).show()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.webhooks", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60, help="how long each part takes")
    parser.add_argument("--devices", type=int, default=len(FAMILIES), help="of the account")
    parser.add_argument("--parts", nargs="+", choices=("pace", "flood"), default=("pace", "flood", "flood"))
    parser.add_argument("--profile", action="store_true", help="print where Home Assistant's time goes; slows it down")
    options = parser.parse_args(arguments)
    seconds: float = options.seconds
    parts = {"pace": Part("pace", 50, seconds, flood=False), "flood": Part("flood", 5000 / 60, seconds, flood=True)}
    asyncio.run(measure([parts[name] for name in options.parts], options.devices, profiled=options.profile))


if __name__ == "__main__":
    main()

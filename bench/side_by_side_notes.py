"""What stands below the table beside core `ring`: how it was measured, and why some of it is no better than core's."""

from collections.abc import Sequence

from .table import Row

NOTES = """\
How it was measured:

- Both run in the same Home Assistant core, with nothing else in it, against a cloud on loopback over plain HTTP: core
  `ring` against what `ring-doorbell` asks of its cloud, this integration against `ring_cloud`. Both have the same
  devices: two doorbells, three cameras and a chime, and so on.
- Core `ring` and `ring-doorbell` are as released; only the addresses were led to loopback. To be fair to it: Google's
  push service is always there, at once, and costs nothing (its client is replaced); the account has no plan, which
  spares it a request for each camera every three minutes; its cloud answers without any work; old tokens go on working.
- Counts come from a clock that is moved from one timer to the next; they are the same in each run. An idle hour begins
  five minutes after the start. "Pushes proven" has no counterpart in core, which polls the same way in any case.
- The failing device answers neither health nor history (core), or answers every request that names it with 503 and has
  nonsense in the list of devices (here).
- Times are milliseconds of CPU of the process that runs Home Assistant (the cloud is in another one), medians of
  {repeats} starts of each side in turn. A slice is the CPU of one callback of the event loop, with the garbage that is
  collected in it. That of a poll is the longest of all polls, of changed devices, too.
- An import is measured in a process of its own, through Home Assistant's loader, with what every Home Assistant has and
  all that either stands upon (`ffmpeg`, too) loaded before, and with bytecode on the disk; median of {imports}.
- From push to state: from the call of our webhook's handler, which still verifies the signature, until the event has
  changed; for core from the library being told by the push service, which has verified nothing.
- Memory is what Python holds (tracemalloc), the difference between 100 and 20 devices; medians of {repeats} starts.
- In parentheses: how much of core's cost it takes here. Live sessions and clips have no counterpart in core; these rows
  are those of `python -m bench.live` and `python -m bench.clips`. A live view ends by being closed, by a killed tab, a
  reload or a stop, before, while and after Ring answers. A viewer's memory is that of {viewers} who stop reading, while
  the clip arrives or once it is kept, whichever is more; Ring sends 15 MB a second.

Where a goal is missed, or core is better, and why:

"""
# By how the row begins.
REASONS = {
    "import, Home Assistant loaded": """\
what Ring says is parsed once, into frozen dataclasses, and about half of the time is what Python takes to make these
  classes, of which there are several times as many as in core's. It is spent once, in Home Assistant's import
  thread.""",
    "modules imported": """\
all of them are the integration's own files, each with one job; it needs no library. Home Assistant itself imports media
  source, diagnostics, repairs and so on at the start of each integration that has them.""",
    "set-up": """\
more than twice as many entities are registered, most of them off until somebody wants them; an entity takes less than
  core's. It is spent once, at the start, in slices.""",
    "a poll": "the machine had other things to do, or something has become slower: it was a fraction of core's.",
    "how that grows": """\
most of a poll of core's is what each of its requests costs, always the same. Here it is one long list, of which a
  thousand devices are probably too many for the processor's caches (with the garbage collector off it is no
  different). In all it still takes less.""",
    "longest event-loop slice": """\
the one answer about all devices is parsed at once. Where it is too long, the machine had other things to do.""",
    "push → state": """\
before anything changes, the signature is verified, the body parsed, and the event compared with those that were there;
  core is handed what its library has parsed, and verifies nothing.""",
    "memory of a device": "it has more entities; an entity takes what one of core's takes.",
    "memory of an entity": "each keeps what makes it translatable and what it last showed.",
}
UNKNOWN = "nobody knows yet."


def reason(row: Row) -> str:
    """Return why a row is not better."""
    return next((text for begin, text in REASONS.items() if row.what.startswith(begin)), UNKNOWN)


def reasons(rows: Sequence[Row]) -> str:
    """Return the rows somebody will ask about, each reason once."""
    asked: dict[str, list[str]] = {}
    for row in rows:
        if row.needs_reason:
            asked.setdefault(reason(row), []).append(row.what.partition(":")[0])
    lines = [f"- {'; '.join(dict.fromkeys(names))}: {text}\n" for text, names in asked.items()]
    return "".join(lines) or "- Nowhere.\n"

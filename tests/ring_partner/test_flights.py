"""Turns to ask Ring are neither lost nor given twice, however somebody gives up."""

import asyncio

from custom_components.ring_partner.flights import Flight, Turns


async def test_a_turn_that_came_as_somebody_gave_up_goes_to_the_next() -> None:
    turns, end = Turns(1), asyncio.Event()

    async def take() -> None:
        async with turns.async_taken(Flight()):
            pass

    async def hold() -> None:
        async with turns.async_taken(Flight()):
            await end.wait()
        # It has the turn by now, and has not noticed yet.
        waiting.cancel()

    holding, waiting = asyncio.create_task(hold()), asyncio.create_task(take())
    while not turns._waiting:
        await asyncio.sleep(0)
    end.set()
    await asyncio.wait((holding, waiting))
    assert waiting.cancelled()
    async with asyncio.timeout(120):
        await take()


async def test_a_turn_passes_over_who_has_just_given_up() -> None:
    turns, end = Turns(1), asyncio.Event()
    inside = 0

    async def take() -> None:
        nonlocal inside
        async with turns.async_taken(Flight()):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            inside -= 1

    async def hold() -> None:
        async with turns.async_taken(Flight()):
            await end.wait()
            for task in tasks[::2]:
                task.cancel()

    holding = asyncio.create_task(hold())
    tasks = [asyncio.create_task(take()) for _ in range(6)]
    while len(turns._waiting) < len(tasks):
        await asyncio.sleep(0)
    end.set()
    async with asyncio.timeout(120):
        await asyncio.wait((holding, *tasks))
    assert [task.cancelled() for task in tasks] == [True, False] * 3
    assert not any(task.exception() for task in tasks[1::2])

"""Long work is off the event loop, and large work out of the way of the rest."""

import asyncio
import threading

from tfpose.serving.requests import off_loop

MIB = 1 << 20


def test_the_work_of_a_usual_body_does_not_wait_for_large_ones() -> None:
    """Three of 31 MiB are held, more than there are threads."""
    free = threading.Event()

    async def main() -> str:
        large = [asyncio.create_task(off_loop.run(31 * MIB, lambda: free.wait(20))) for _ in "123"]
        await asyncio.sleep(0)
        name = await asyncio.wait_for(
            off_loop.run(2 * MIB, lambda: threading.current_thread().name), 15
        )
        free.set()
        assert await asyncio.gather(*large) == [True] * 3
        return name

    assert asyncio.run(main()).startswith("bodies")


def test_short_work_is_done_at_once() -> None:
    here = threading.current_thread().name
    assert asyncio.run(off_loop.run(1000, lambda: threading.current_thread().name)) == here

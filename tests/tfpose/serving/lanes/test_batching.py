import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tfpose.serving.errors import ServiceError
from tfpose.serving.lanes.batching import Batcher, Done, Job
from tfpose.serving.metrics import Metrics
from tfpose.serving.settings import Limits, Settings

LANES = [{"pose": "lane 0"}, {"pose": "lane 1"}]
WIDE = {"pose": "wide"}


def use(
    work: Callable[[Batcher], Awaitable[Any]], *, limits: Limits | None = None, **settings: object
) -> Any:
    """Runs a coroutine with a batcher whose networks are their names, and closes it."""

    async def main() -> Any:
        told = Settings(models={"pose": "-"}, limits=limits or Limits(), **settings)
        batcher = Batcher(LANES, WIDE, told, Metrics())
        try:
            return await asyncio.wait_for(work(batcher), 20)
        finally:
            await batcher.close()

    return asyncio.run(main())


def job(work: Callable[[str], Any], size: int = 0) -> Job:
    return Job(model="pose", work=work, size=(size, size))


def values(done: list[Done]) -> list[Any]:
    return [one.value for one in done]


def test_no_jobs_are_done_at_once() -> None:
    assert use(lambda batcher: batcher.run([])) == []


def test_answers_come_in_the_order_of_the_jobs() -> None:
    jobs = [job(lambda _, n=n: n, size=n % 3) for n in range(20)]
    assert values(use(lambda batcher: batcher.run(jobs))) == list(range(20))


def test_a_picture_alone_gets_all_cores() -> None:
    assert values(use(lambda batcher: batcher.run([job(lambda name: name)]))) == ["wide"]


def test_pictures_together_are_shared_among_the_lanes() -> None:
    both = threading.Barrier(2)

    def work(name: str) -> str:
        both.wait(10)  # two lanes are here at once
        return name

    found = values(use(lambda batcher: batcher.run([job(work), job(work)])))
    assert set(found) <= {"lane 0", "lane 1", "wide"}
    assert len(set(found)) == 2


async def hold_both_lanes(batcher: Batcher, free: threading.Event) -> list[asyncio.Task]:
    """Requests of one picture each that end with `free`; both are in a lane on return."""
    begun = threading.Semaphore(0)

    def work(_: str) -> bool:
        begun.release()
        return free.wait(20)

    tasks = [asyncio.create_task(batcher.run([job(work)])) for _ in range(2)]
    for _ in tasks:
        assert await asyncio.to_thread(begun.acquire, timeout=10)
    return tasks


def test_a_lane_takes_the_oldest_and_others_of_its_size() -> None:
    """Both lanes are held up while six of two sizes come in; then a share is three."""
    ran, free = [], threading.Event()

    async def work(batcher: Batcher) -> None:
        held = await hold_both_lanes(batcher, free)
        jobs = [
            job(lambda _, s=size: ran.append((threading.get_ident(), s)), size)
            for size in (1, 2, 1, 2, 1, 2)
        ]
        rest = asyncio.create_task(batcher.run(jobs))
        await asyncio.sleep(0)  # the request enters the queue
        free.set()
        await asyncio.gather(*held, rest)

    use(work)
    lanes = {lane: [size for one, size in ran if one == lane] for lane, _ in ran}
    assert sorted(size for _, size in ran) == [1, 1, 1, 2, 2, 2]
    assert [1, 1, 1] in [sizes[:3] for sizes in lanes.values()]


def order_of_work(*jobs: tuple[str, float], pause: float = 0.0) -> str:
    """The names of jobs, each with the seconds of its decoding, as they are worked on.

    They come one after the other while one lane is held for good and the other one until all wait.
    """
    ran: list[str] = []
    ends = threading.Event(), threading.Event()

    async def work(batcher: Batcher) -> None:
        begun = threading.Semaphore(0)

        def hold(end: threading.Event) -> bool:
            begun.release()
            return end.wait(20)

        held = [asyncio.create_task(batcher.run([job(lambda _, e=end: hold(e))])) for end in ends]
        for _ in held:
            assert await asyncio.to_thread(begun.acquire, timeout=10)
        waits = []
        for name, seconds in jobs:
            one = Job(model="pose", work=lambda _, n=name: ran.append(n), seconds=seconds)
            waits.append(asyncio.create_task(batcher.run([one])))
            await asyncio.sleep(pause)  # the request enters the queue
        ends[0].set()
        await asyncio.gather(*waits)
        ends[1].set()
        await asyncio.gather(*held)

    use(work, batch_pictures=1)
    return "".join(ran)


def test_pictures_that_take_long_to_decode_let_others_go_first() -> None:
    assert order_of_work(("A", 100.0), ("b", 0.0), ("C", 50.0), ("d", 0.0)) == "bdCA"


def test_a_picture_that_takes_long_waits_for_its_turn_and_no_longer() -> None:
    """It stands back by 0.01 s, and the next ones come 0.05 s later or more."""
    assert order_of_work(("A", 0.001), ("b", 0.0), ("c", 0.0), pause=0.05) == "Abc"


def test_a_full_queue_refuses_and_says_when_to_come_again() -> None:
    free = threading.Event()

    async def work(batcher: Batcher) -> ServiceError:
        held = await hold_both_lanes(batcher, free)
        waits = asyncio.create_task(batcher.run([job(lambda _: 1)] * 2))
        await asyncio.sleep(0)  # the request enters the queue
        with pytest.raises(ServiceError) as refused:
            await batcher.run([job(lambda _: 2)])
        free.set()
        await asyncio.gather(*held, waits)
        assert values(await batcher.run([job(lambda _: 3)])) == [3]
        return refused.value

    error = use(work, limits=Limits(queued_pictures=2))
    assert error.status == 503
    assert int(error.headers["Retry-After"]) >= 1


def test_what_is_late_is_given_up() -> None:
    free, ran = threading.Event(), []

    async def work(batcher: Batcher) -> None:
        held = await hold_both_lanes(batcher, free)
        with pytest.raises(ServiceError, match="not done in time"):
            await batcher.run([job(ran.append)])
        free.set()
        await asyncio.gather(*held, return_exceptions=True)

    use(work, limits=Limits(answer_seconds=0.4))
    assert ran == []


def test_one_that_fails_fails_its_request_alone() -> None:
    def broken(_: str) -> None:
        raise KeyError("broken")

    async def work(batcher: Batcher) -> list[Any]:
        requests = [[job(broken), job(lambda _: 1)], [job(lambda _: 2)]]
        return await asyncio.gather(*map(batcher.run, requests), return_exceptions=True)

    failed, fine = use(work)
    assert isinstance(failed, KeyError)
    assert values(fine) == [2]


def test_closing_finishes_what_waits_and_takes_no_more() -> None:
    async def main() -> None:
        batcher = Batcher(LANES, WIDE, Settings(models={"pose": "-"}), Metrics())
        waits = asyncio.create_task(batcher.run([job(lambda _: threading.Event().wait(0.05))] * 8))
        await asyncio.sleep(0)  # the request enters the queue
        await batcher.close()
        assert len(await waits) == 8
        assert not batcher.alive
        with pytest.raises(ServiceError, match="shutting down"):
            await batcher.run([job(lambda _: 1)])

    asyncio.run(main())

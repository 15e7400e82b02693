"""Pictures wait in one queue; threads, a lane a core, take a few at a time.

A lane has networks of one thread each: two pictures on two cores are done sooner than one picture
after the other on both. Where one picture is all there is, a `wide` network takes every core for
it. A lane takes the picture whose turn it is and others of the same size of input with it, because
the network's memory is laid out anew for every other size. They are not one tensor: on a CPU that
was measured to cost more a picture (docs/serving.md).

A picture's turn comes with its age; one that takes long to decode stands behind those that came a
while later, so that a few large ones do not keep many small ones waiting, nor wait for ever.
"""

import asyncio
import itertools
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from estimator import PoseEstimator

from ..errors import busy
from ..metrics import Metrics
from ..settings import Settings

_HANDICAP = 10.0  # seconds that a picture stands back for each second that it takes to decode
T = TypeVar("T")
Networks = Mapping[str, PoseEstimator]  # by the model's name


@dataclass(frozen=True, kw_only=True)
class Done(Generic[T]):
    """What a job gave, and the seconds that it waited and took."""

    value: T
    waited: float
    took: float


@dataclass(kw_only=True, eq=False)
class Job(Generic[T]):
    """Work for one picture.

    Attributes:
      model: whose network it needs.
      work: called in a lane's thread.
      size: of the network's input, height and width; jobs of one size are taken together.
      seconds: that decoding takes, about.
    """

    model: str
    work: Callable[[PoseEstimator], T]
    size: tuple[int, int] = (0, 0)
    seconds: float = 0.0


@dataclass(kw_only=True, eq=False)
class _Waiting:
    job: Job[Any]
    answer: "asyncio.Future[Done[Any]]"
    loop: asyncio.AbstractEventLoop
    since: float
    until: float

    @property
    def turn(self) -> float:
        """The smallest is next."""
        return self.since + _HANDICAP * self.job.seconds


class Batcher:
    """The queue and its lanes.

    Args:
      lanes: the networks of each thread.
      wide: networks that take all cores; None where there is one core.
      settings: how long the queue is, and how much a lane takes.
      metrics: are kept up to date.
    """

    def __init__(
        self, lanes: Sequence[Networks], wide: Networks | None, settings: Settings, metrics: Metrics
    ) -> None:
        self._settings, self._metrics = settings, metrics
        self._wide = wide
        self._news = threading.Condition()
        self._queue: deque[_Waiting] = deque()
        self._working = 0  # lanes that are at work
        self._closed = False
        self._since: dict[int, float] = {}  # by lane, when the picture at work was begun
        self._pace = 0.1  # seconds a picture, averaged; for Retry-After
        self._threads = [
            threading.Thread(
                target=self._live, args=(networks, index), name=f"lane {index}", daemon=True
            )
            for index, networks in enumerate(lanes)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def alive(self) -> bool:
        """Every lane is there, takes work, and is not held by one picture."""
        longest = time.monotonic() - min(self._since.copy().values(), default=math.inf)
        return (
            not self._closed
            and longest < self._settings.limits.lane_seconds
            and all(thread.is_alive() for thread in self._threads)
        )

    @property
    def busy(self) -> bool:
        """Pictures are at work, or wait."""
        return self._working > 0 or bool(self._queue)

    async def run(self, jobs: Sequence[Job[T]]) -> list[Done[T]]:
        """Runs all jobs of a request.

        Raises:
          ServiceError: 503, the queue is full or the jobs were not done in time.
          Exception: what the first job that failed raised; the rest are given up.
        """
        waiting = self._enter(jobs)
        together = asyncio.gather(*(one.answer for one in waiting))
        try:
            return await asyncio.wait_for(together, self._settings.limits.answer_seconds)
        except (TimeoutError, asyncio.TimeoutError) as error:
            self._metrics.refused.labels("late").inc()
            raise busy("there is too much to do: not done in time", self._delay()) from error
        finally:
            for one in waiting:
                one.answer.cancel()  # of the others, where one failed
            if together.done() and not together.cancelled():
                together.exception()  # of a request that was given up: asyncio would log it

    async def close(self) -> None:
        """Finishes what is in the queue, then ends the threads; waits no longer than an answer may.

        A lane that a picture holds is given up: its thread ends with the process.
        """
        with self._news:
            self._closed = True
            self._news.notify_all()
        until = time.monotonic() + self._settings.limits.answer_seconds
        while any(thread.is_alive() for thread in self._threads) and time.monotonic() < until:
            await asyncio.sleep(0.01)

    def _enter(self, jobs: Sequence[Job[T]]) -> list[_Waiting]:
        loop, now = asyncio.get_running_loop(), time.monotonic()
        until = now + self._settings.limits.answer_seconds
        waiting = [
            _Waiting(job=job, answer=loop.create_future(), loop=loop, since=now, until=until)
            for job in jobs
        ]
        room = self._settings.limits.queued_pictures
        with self._news:
            if self._closed:
                raise busy("the service is shutting down")
            if len(self._queue) + len(jobs) > room:
                self._metrics.refused.labels("queue").inc()
                raise busy(f"{len(self._queue)} pictures wait already", self._delay())
            self._queue.extend(waiting)
            self._metrics.queued.set(len(self._queue))
            self._news.notify(len(jobs))
        return waiting

    def _delay(self) -> int:
        """Seconds until half of the queue should be done."""
        return round(self._pace * len(self._queue) / len(self._threads) / 2)

    def _live(self, networks: Networks, lane: int) -> None:
        while batch := self._take():
            alone = len(batch) == 1 and self._working == 1 and not self._queue
            for one in batch:
                self._since[lane] = time.monotonic()
                self._do(one, self._wide if alone and self._wide else networks)
                del self._since[lane]
            with self._news:
                self._working -= 1

    def _take(self) -> list[_Waiting]:
        """Whose turn it is and, up to this lane's share, others like it; empty at the end."""
        lanes = len(self._threads)
        with self._news:
            while not self._queue:
                if self._closed:
                    return []
                self._news.wait()
                if self._working and 0 < len(self._queue) < lanes and not self._closed:
                    self._news.wait(self._settings.batch_milliseconds / 1000)
            share = -(-len(self._queue) // lanes)
            count = min(share, self._settings.batch_pictures)
            in_turn = sorted(self._queue, key=lambda one: one.turn)
            first = in_turn[0].job
            alike = (
                one for one in in_turn if (one.job.model, one.job.size) == (first.model, first.size)
            )
            batch = list(itertools.islice(alike, count))
            for one in batch:
                self._queue.remove(one)
            self._working += 1
            self._metrics.queued.set(len(self._queue))
        self._metrics.batch.observe(len(batch))
        return batch

    def _do(self, one: _Waiting, networks: Networks) -> None:
        start = time.monotonic()
        if one.answer.cancelled() or start > one.until:
            return
        value: Any = None
        failure: BaseException | None = None
        try:
            value = one.job.work(networks[one.job.model])
        except Exception as error:  # a lane must outlive whatever a picture does
            failure = error
        took = time.monotonic() - start
        self._pace += 0.1 * (took - self._pace)
        self._metrics.queue_seconds.observe(start - one.since)
        self._metrics.work_seconds.labels(one.job.model).observe(took)
        self._metrics.pictures.labels(one.job.model).inc()
        done = Done(value=value, waited=start - one.since, took=took)
        one.loop.call_soon_threadsafe(_settle, one.answer, done, failure)


def _settle(
    answer: "asyncio.Future[Done[Any]]", done: Done[Any], failure: BaseException | None
) -> None:
    if answer.done():  # given up meanwhile
        return
    if failure is not None:
        answer.set_exception(failure)
    else:
        answer.set_result(done)

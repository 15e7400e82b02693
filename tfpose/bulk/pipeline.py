"""The Beam pipeline: numbers of shards in, finished shards and counters out.

An element is a shard, not a picture, and it is done when its file is there. With Beam's
RunInference an element would be a picture, and the engine would keep all people until every picture
is done, before a single file were written: killed late, such a run loses everything. Our networks
gain nothing by batches, which is what else RunInference has. The networks are opened once a process
(`Shared`).
"""

import hashlib
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.utils.shared import Shared

from ..data.beam_runner import BeamOptions, watched
from . import storage

NAMESPACE = "tfpose.bulk"
Doing: TypeAlias = Callable[[Any], Mapping[str, int]]  # an element to counters


class Task(Protocol):
    """What is done with every element; workers get it with the pipeline."""

    def open(self) -> Doing:
        """Opens networks, once a process; returns what does one element, and may do it again."""


@dataclass(frozen=True)
class Sent:
    """A task too large for a pipeline's graph: workers read it from a file.

    Attributes:
      path: of the file, which all workers see.
      sha256: of its bytes, so that no worker takes another file for it.
    """

    path: str
    sha256: str

    def open(self) -> Doing:
        """Reads the task and opens it.

        Raises:
          OSError: the file is missing, or another.
        """
        data = storage.patiently(lambda: storage.read(self.path))
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise OSError(f"{self.path} is not what this run wrote: does another run use it?")
        task: Task = pickle.loads(data)
        return task.open()


def send(task: Task, path: str) -> Sent:
    """Writes a task into a file.

    Raises:
      OSError: it cannot be written.
    """
    data = pickle.dumps(task)
    storage.write(path, data)
    return Sent(path, hashlib.sha256(data).hexdigest())


class _Opened:
    """What does an element, so that it can be shared: `Shared` keeps it by a weak reference."""

    def __init__(self, do: Doing) -> None:
        self.do = do


class DoElement(beam.DoFn):  # type: ignore[misc]  # Beam has no types
    """Does the elements that it gets; yields them."""

    def __init__(self, task: Task) -> None:
        self._task, self._shared = task, Shared()
        self._opened: _Opened | None = None

    def setup(self) -> None:
        """Opens the networks, once a process."""
        self._opened = self._shared.acquire(lambda: _Opened(self._task.open()))

    def process(self, element: Any) -> Iterator[Any]:
        """Does one element."""
        assert self._opened is not None  # Beam calls setup first
        for name, number in self._opened.do(element).items():
            Metrics.counter(NAMESPACE, name).inc(number)
        yield element


def run(task: Task, elements: Sequence[Any], options: BeamOptions) -> dict[str, int]:
    """Does elements, each once unless a worker fails.

    Args:
      task: what is done with each.
      elements: small ones, such as numbers.
      options: the engine.

    Returns:
      The counters, by name, as the engine reports them.

    Raises:
      ChildProcessError: a worker died.
      OSError: the engine says that the pipeline failed; says why.
    """
    pipeline = beam.Pipeline(runner=options.engine, options=options.pipeline_options)
    _ = (
        pipeline
        | "Shards" >> beam.Create(list(enumerate(elements)), reshuffle=False)
        | "One a key" >> beam.GroupByKey()  # so that engines spread them evenly over workers
        | "Elements" >> beam.FlatMap(_values)
        | "Do" >> beam.ParDo(DoElement(task))
    )

    def through() -> Any:
        result = pipeline.run()
        result.wait_until_finish()
        return result

    return _counters(watched(through))


def _values(element: tuple[int, Iterable[Any]]) -> Iterable[Any]:
    return element[1]


def _counters(result: Any) -> dict[str, int]:
    found = result.metrics().query()["counters"]
    return {
        counter.key.metric.name: int(counter.result)
        for counter in found
        if counter.key.metric.namespace == NAMESPACE
    }

"""The Beam pipeline: shards in, finished shards and counters out.

An element is a shard, not a picture, and it is done when its file is there. With Beam's
RunInference an element would be a picture, and the engine would keep all people until every picture
is done, before a single file were written: killed late, such a run loses everything. Our networks
gain nothing by batches, which is what else RunInference has. The network is opened once a process
(`Shared`).

DirectRunner of Beam 2.77 first fetches Prism, a program of another language. Here the name means
`FnApiRunner`, the part of it that is in the package: it starts the processes that are asked for.
"""

import queue
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import grpc
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.utils.shared import Shared

from estimator.pose_estimator import PoseEstimator

from . import rows, storage, work
from .job import Job
from .plan import Plan, Shard

DIRECT = "DirectRunner"
NAMESPACE = "tfpose.bulk"


class _Opened:
    """An estimator that can be shared: `Shared` keeps it by a weak reference."""

    def __init__(self, estimator: PoseEstimator) -> None:
        self.estimator = estimator


class DoShard(beam.DoFn):  # type: ignore[misc]  # Beam has no types
    """Does the shards whose lines of the plan it gets; yields their counts."""

    def __init__(self, job: Job) -> None:
        self._job, self._shared = job, Shared()
        self._opened: _Opened | None = None
        self._counters = {
            name: Metrics.counter(NAMESPACE, name)
            for name in ("pictures", "people", "shards", *(f"failed_{k}" for k in rows.KINDS))
        }

    def setup(self) -> None:
        """Opens the network, once a process."""
        self._opened = self._shared.acquire(lambda: _Opened(self._job.estimator()))

    def process(self, place: tuple[int, int]) -> Iterator[str]:
        """Does one shard.

        Args:
          place: first byte and length of its line in the plan.
        """
        assert self._opened is not None  # Beam calls setup first
        line = storage.patiently(lambda: storage.read_part(self._job.plan_path, *place))
        shard = Shard.of_line(line)
        counts = work.do(self._job, shard, self._opened.estimator)
        self._counters["shards"].inc()
        self._counters["pictures"].inc(counts.pictures)
        self._counters["people"].inc(counts.people)
        for kind, number in counts.failed.items():
            self._counters[f"failed_{kind}"].inc(number)
        yield shard.name


def run(
    job: Job,
    plan: Plan,
    shards: Sequence[Shard],
    *,
    runner: str = DIRECT,
    workers: int = 1,
    options: Sequence[str] = (),
) -> dict[str, int]:
    """Does shards of a plan that `progress.begin` has written.

    Args:
      job: what is asked.
      plan: all shards.
      shards: those to do.
      runner: Beam's name of an engine.
      workers: processes, with DirectRunner; other runners have options of their own.
      options: flags of Beam, such as "--flink_master=host:8081".

    Returns:
      The counters, by name, as the engine reports them; of this run only.

    Raises:
      ChildProcessError: a worker died.
      OSError: the engine says that the pipeline failed; says why.
    """
    places = plan.places()
    elements = [(shard.index, places[shard.index]) for shard in shards]
    given = list(options)
    if runner == DIRECT and workers > 1:
        given += ["--direct_running_mode=multi_processing", f"--direct_num_workers={workers}"]
    pipeline = beam.Pipeline(
        runner=_direct() if runner == DIRECT else runner, options=PipelineOptions(given)
    )
    _ = (
        pipeline
        | "Shards" >> beam.Create(elements, reshuffle=False)
        | "One a key" >> beam.GroupByKey()  # so that engines spread them evenly over workers
        | "Places" >> beam.FlatMap(_values)
        | "Do" >> beam.ParDo(DoShard(job))
    )
    return _counters(_watched(pipeline))


def _direct() -> Any:
    """Beam's runner for this machine, whose workers log errors only."""
    from apache_beam.portability.api import beam_provision_api_pb2 as provision
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner
    from apache_beam.runners.portability.fn_api_runner.fn_runner import ExtendedProvisionInfo
    from google.protobuf.struct_pb2 import Struct

    told = Struct()
    told.update({"beam:option:default_sdk_harness_log_level:v1": "ERROR"})
    info = provision.ProvisionInfo(retrieval_token="unused", pipeline_options=told)
    return FnApiRunner(provision_info=ExtendedProvisionInfo(info))


def _values(element: tuple[int, Iterable[tuple[int, int]]]) -> Iterable[tuple[int, int]]:
    return element[1]


def _counters(result: Any) -> dict[str, int]:
    found = result.metrics().query()["counters"]
    return {
        counter.key.metric.name: int(counter.result)
        for counter in found
        if counter.key.metric.namespace == NAMESPACE
    }


def _watched(pipeline: Any) -> Any:
    """Runs the pipeline in a thread of its own, for FnApiRunner waits for dead workers for ever.

    Returns:
      The engine's result.

    Raises:
      ChildProcessError: a worker died.
      OSError: the engine says that the pipeline failed.
    """
    ended = queue.SimpleQueue[Any]()
    usual = threading.excepthook

    def of_thread(found: threading.ExceptHookArgs) -> None:
        if isinstance(found.exc_value, RuntimeError) and "subprocess" in str(found.exc_value):
            ended.put(ChildProcessError(str(found.exc_value)))
        elif not isinstance(found.exc_value, grpc.RpcError):  # of the channels to a dead worker
            usual(found)

    def work_through() -> None:
        try:
            result = pipeline.run()
            result.wait_until_finish()
            ended.put(result)
        except BaseException as error:
            ended.put(error)

    threading.excepthook = of_thread
    try:
        threading.Thread(target=work_through, daemon=True).start()
        end = ended.get()
    finally:
        threading.excepthook = usual
    if isinstance(end, ChildProcessError):
        raise ChildProcessError(
            f"a worker died ({end}): run the same command again; finished shards stay"
        )
    if isinstance(end, RuntimeError):  # the text ends with the worker's own error
        last = [line for line in str(end).splitlines() if line.strip()][-1:]
        raise OSError(f"the pipeline failed: {''.join(last) or type(end).__name__}") from end
    if isinstance(end, BaseException):
        raise end
    return end

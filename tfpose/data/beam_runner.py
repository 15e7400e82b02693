"""Apache Beam's runner: the engine that works through a pipeline, and the watch over its workers.

DirectRunner of Beam 2.77 first fetches Prism, a program of another language, from the internet;
where there is none it tries for minutes. Here the name means `FnApiRunner`, the part of it that is
in the package: it starts the processes that are asked for.
"""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

DIRECT = "DirectRunner"
Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class BeamOptions:
    """Where a pipeline runs.

    Attributes:
      runner: Beam's name of an engine; DirectRunner is this machine.
      workers: processes of DirectRunner; other runners have options of their own.
      flags: of Beam, such as "--flink_master=HOST:8081".
    """

    runner: str = DIRECT
    workers: int = 1
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ValueError(f"workers must be at least 1, found {self.workers}")

    @property
    def engine(self) -> Any:
        """For `beam.Pipeline`: a runner, or the name of one."""
        return _direct() if self.runner == DIRECT else self.runner

    @property
    def pipeline_options(self) -> Any:
        """Beam's PipelineOptions."""
        from apache_beam.options.pipeline_options import PipelineOptions

        given = list(self.flags)
        if self.runner == DIRECT and self.workers > 1:
            given += ["--direct_running_mode=multi_processing"]
            given += [f"--direct_num_workers={self.workers}"]
        return PipelineOptions(given)


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


def watched(call: Callable[[], Answer]) -> Answer:
    """Runs a pipeline in a thread of its own, for FnApiRunner waits for dead workers for ever.

    Args:
      call: runs it to its end.

    Returns:
      What `call` returns.

    Raises:
      ChildProcessError: a worker died.
      OSError: the engine says that the pipeline failed.
    """
    import grpc

    ended = queue.SimpleQueue[Any]()
    usual = threading.excepthook

    def of_thread(found: threading.ExceptHookArgs) -> None:
        if isinstance(found.exc_value, RuntimeError) and "subprocess" in str(found.exc_value):
            ended.put((None, ChildProcessError(str(found.exc_value))))
        elif not isinstance(found.exc_value, grpc.RpcError):  # of the channels to a dead worker
            usual(found)

    def work_through() -> None:
        try:
            ended.put((call(), None))
        except BaseException as error:
            ended.put((None, error))

    threading.excepthook = of_thread
    try:
        threading.Thread(target=work_through, daemon=True).start()
        answer, error = ended.get()
    finally:
        threading.excepthook = usual
    if isinstance(error, ChildProcessError):
        raise ChildProcessError(
            f"a worker died ({error}): run the same command again; finished shards stay"
        )
    if isinstance(error, RuntimeError):  # the text ends with the worker's own error
        last = [line for line in str(error).splitlines() if line.strip()][-1:]
        raise OSError(f"the pipeline failed: {''.join(last) or type(error).__name__}") from error
    if error is not None:
        raise error
    return answer  # type: ignore[no-any-return]  # a queue's

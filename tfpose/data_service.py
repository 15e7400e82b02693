"""Input pipelines on other machines: tf.data service, its dispatcher and its workers.

One dispatcher and any number of workers run `python -m scripts.data_worker`. A trainer hands its
pipeline to `distribute`; the graph travels to the workers, which read the prepared data themselves
and so must see it under the same path. Everything goes unencrypted over gRPC: keep the network
private.

What a mode promises; tests/tfpose/test_data_service.py kills a worker in mid-epoch and counts:

    dynamic  Workers share the data out among themselves. Nothing is seen twice; without a failure
             everything is seen once. What a killed worker held is lost for that epoch, the
             others go on with the rest. Workers may come and go. The default.
    static   The workers' addresses are fixed (--workers of the dispatcher), each has its part.
             Nothing is lost; without a failure everything is seen once. A killed worker that is
             back begins its part again: some of it is seen twice.
    off      Every worker goes through all of the data: without a failure everything is seen once
             a worker. Nothing is lost. For endless training, where epochs don't matter.

In all of them a killed worker stops nobody while the others have data. A pass that ends does so
only once the killed worker is back under its address, or a new one is in its place (TensorFlow
2.21 waits for it); an endless pipeline, as the trainer's, never waits.

What is shared out are the elements of the pipeline's source. `datasets.load` alone is shared out
by shard; `input_pipeline.training` begins with a range of epochs, so that a worker takes a whole
epoch at a time, and a killed worker loses the rest of its epoch.

A dispatcher with a work_dir keeps a journal there and can be killed and started again; without one
its death ends the training.
"""

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

_POLICIES = {
    "dynamic": tf.data.experimental.service.ShardingPolicy.DYNAMIC,
    "static": tf.data.experimental.service.ShardingPolicy.DATA,
    "off": tf.data.experimental.service.ShardingPolicy.OFF,
}
MODES = tuple(_POLICIES)
HEARTBEAT = 1000  # milliseconds between a worker's reports to the dispatcher


def distribute(
    dataset: tf.data.Dataset, dispatcher: str, *, mode: str = "dynamic", job: str | None = None
) -> tf.data.Dataset:
    """The same pipeline, run by the workers.

    Args:
      dataset: any pipeline without python functions.
      dispatcher: its address, host:port.
      mode: one of MODES.
      job: trainers that give the same name share one pass through the data; None keeps it to
        this trainer.

    Raises:
      ValueError: there is no such mode, or the address has no port.
    """
    if mode not in MODES:
        raise ValueError(f"no mode {mode!r} of the data service; there are {', '.join(MODES)}")
    if not dispatcher.rpartition(":")[2].isdigit() or "//" in dispatcher:
        raise ValueError(f"the dispatcher's address must be host:port, found {dispatcher!r}")
    return dataset.apply(
        tf.data.experimental.service.distribute(
            processing_mode=_POLICIES[mode], service=f"grpc://{dispatcher}", job_name=job
        )
    )


def start_dispatcher(
    port: int, *, work_dir: Path | None = None, workers: Sequence[str] = ()
) -> tf.data.experimental.service.DispatchServer:
    """Starts a dispatcher; `join` it.

    Args:
      port: to listen at; 0 takes a free one (`target` tells it).
      work_dir: keeps its journal, so that it survives being killed.
      workers: addresses of all workers, for the mode static; empty lets any worker come.
    """
    return tf.data.experimental.service.DispatchServer(
        tf.data.experimental.service.DispatcherConfig(
            port=port,
            protocol="grpc",
            work_dir=None if work_dir is None else str(work_dir),
            fault_tolerant_mode=work_dir is not None,
            worker_addresses=list(workers) or None,
            worker_timeout_ms=10 * HEARTBEAT,
        )
    )


def start_worker(
    dispatcher: str, *, host: str, port: int
) -> tf.data.experimental.service.WorkerServer:
    """Starts a worker; `join` it.

    Args:
      dispatcher: its address, host:port.
      host: under which the trainers reach this machine.
      port: to listen at.
    """
    return tf.data.experimental.service.WorkerServer(
        tf.data.experimental.service.WorkerConfig(
            dispatcher_address=dispatcher,
            worker_address=f"{host}:{port}",
            port=port,
            protocol="grpc",
            heartbeat_interval_ms=HEARTBEAT,
        )
    )

"""Input pipelines on other machines, by tf.data service: its dispatcher and its workers.

One dispatcher and any number of workers run `tfpose data-worker`. A trainer passes its pipeline to
`distribute`; the graph is sent to the workers, which read the prepared data under the same path.
gRPC is not encrypted: keep the network private.

The modes; tests/tfpose/pipeline/test_data_service.py kills a worker in mid-epoch and counts:

    dynamic  Workers divide the data among themselves. No sample is seen twice; without a failure
             each is seen once. The samples of a killed worker are lost for that epoch. Workers may
             join and leave. The default.
    static   The workers' addresses are fixed (--workers of the dispatcher), and each has its part.
             No sample is lost; without a failure each is seen once. A restarted worker begins its
             part again, so some samples are seen twice.
    off      Every worker reads all data: without a failure each sample is seen once per worker. No
             sample is lost. For endless training, where epochs don't matter.

In all modes training goes on after a worker was killed, while others have data. A finite pass ends
only once the killed worker, or a new one, is back under its address (TensorFlow 2.21 waits for it);
an endless pipeline, such as the trainer's, never waits.

The elements of the pipeline's source are divided. `datasets.load` alone is divided by shard;
`batches.training` begins with a range of epochs, so that a worker takes a whole epoch at a time,
and a killed worker loses the rest of its epoch.

A dispatcher with a work_dir keeps a journal there and can be killed and restarted; without one its
death ends the training.
"""

import socket
import time
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

_POLICIES = {
    "dynamic": tf.data.experimental.service.ShardingPolicy.DYNAMIC,
    "static": tf.data.experimental.service.ShardingPolicy.DATA,
    "off": tf.data.experimental.service.ShardingPolicy.OFF,
}
MODES = tuple(_POLICIES)
PATIENCE = 20.0  # seconds for which nobody may answer at the dispatcher's address
HEARTBEAT = 1000  # milliseconds between a worker's reports to the dispatcher


def distribute(
    dataset: tf.data.Dataset, dispatcher: str, *, mode: str = "dynamic", job: str | None = None
) -> tf.data.Dataset:
    """Runs a pipeline on the workers.

    Args:
      dataset: any pipeline without python functions.
      dispatcher: its address, host:port.
      mode: one of MODES.
      job: trainers with the same name share one pass through the data; None is for this trainer
        alone.

    Raises:
      ValueError: there is no such mode, or the address has no port.
      ConnectionError: nobody answers at the address for `PATIENCE` seconds.
    """
    if mode not in MODES:
        raise ValueError(f"no mode {mode!r} of the data service; there are {', '.join(MODES)}")
    check_answers(dispatcher)
    return dataset.apply(
        tf.data.experimental.service.distribute(
            processing_mode=_POLICIES[mode], service=f"grpc://{dispatcher}", job_name=job
        )
    )


def check_answers(dispatcher: str, *, patience: float = PATIENCE) -> None:
    """Waits until somebody listens at a dispatcher's address; gRPC itself would wait for ever.

    Raises:
      ValueError: the address has no port.
      ConnectionError: nobody does within `patience` seconds.
    """
    host, _, port = dispatcher.rpartition(":")
    if not host or not port.isdigit() or "/" in host:
        raise ValueError(f"the dispatcher's address must be host:port, found {dispatcher!r}")
    end = time.monotonic() + patience
    while True:
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=2).close()
        except OSError as error:
            if time.monotonic() > end:
                raise ConnectionError(
                    f"no dispatcher answers at {dispatcher} for {patience:g} s ({error}): start "
                    "`tfpose data-worker --role=dispatcher`, or mend the address"
                ) from error
            time.sleep(0.2)
        else:
            return


def start_dispatcher(
    port: int, *, work_dir: Path | None = None, workers: Sequence[str] = ()
) -> tf.data.experimental.service.DispatchServer:
    """Starts a dispatcher; `join` it.

    Args:
      port: to listen at; 0 takes a free one (the server's `target` has it).
      work_dir: folder of its journal, so that it can be restarted; None keeps no journal.
      workers: addresses of all workers, for the mode static; empty lets any worker join.
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
      host: name or address under which the trainers reach this machine.
      port: to listen at.

    Raises:
      ValueError: the dispatcher's address has no port.
      ConnectionError: nobody answers there for `PATIENCE` seconds.
    """
    check_answers(dispatcher)
    return tf.data.experimental.service.WorkerServer(
        tf.data.experimental.service.WorkerConfig(
            dispatcher_address=dispatcher,
            worker_address=f"{host}:{port}",
            port=port,
            protocol="grpc",
            heartbeat_interval_ms=HEARTBEAT,
        )
    )

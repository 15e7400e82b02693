"""Strategies for one device, several devices or several hosts, and batches cut for their replicas.

Every process reads its own share of the data with a plain tf.data iterator, which a checkpoint can
hold; its batch is cut here into one slice per local replica. So one loop serves all strategies.
"""

import os
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

Tensor = Any
Strategy = Any


def strategy() -> Strategy:
    """The strategy of this machine and its environment.

    TF_CONFIG with more than one worker makes MultiWorkerMirroredStrategy, several GPUs make
    MirroredStrategy; else there is one replica, on the GPU where there is one. Call it before
    any other operation of TensorFlow: hosts must connect first.
    """
    cluster = tf.distribute.cluster_resolver.TFConfigClusterResolver().cluster_spec()
    if "TF_CONFIG" in os.environ and len(cluster.as_dict().get("worker", ())) > 1:
        return tf.distribute.MultiWorkerMirroredStrategy()
    if len(tf.config.list_logical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def worker(strategy: Strategy) -> tuple[int, int]:
    """This process's index, and the number of processes."""
    resolver = strategy.cluster_resolver
    if resolver is None or "worker" not in resolver.cluster_spec().as_dict():
        return 0, 1
    return int(resolver.task_id or 0), len(resolver.cluster_spec().as_dict()["worker"])


def local_batch(strategy: Strategy, batch: int, accumulate: int) -> int:
    """Pictures per step that this process reads.

    Raises:
      ValueError: the batch does not divide by replicas and accumulation.
    """
    replicas, (_, workers) = strategy.num_replicas_in_sync, worker(strategy)
    if batch % (replicas * accumulate):
        raise ValueError(
            f"batch {batch} must be a multiple of {replicas} replicas times {accumulate} "
            "accumulated parts"
        )
    return batch // workers


def spread(strategy: Strategy, batch: Mapping[str, Tensor]) -> dict[str, Any]:
    """Cuts this process's batch into one slice per local replica."""
    _, workers = worker(strategy)
    local = strategy.num_replicas_in_sync // workers
    if local == 1 and workers == 1:
        return dict(batch)

    def cut(value: Tensor) -> Any:
        size = value.shape[0] // local

        def slice_of(context: Any) -> Tensor:
            place = context.replica_id_in_sync_group % local
            return value[place * size : (place + 1) * size]

        return strategy.experimental_distribute_values_from_function(slice_of)

    return {name: cut(value) for name, value in batch.items()}


def lowest(strategy: Strategy, number: int) -> int:
    """The smallest of the processes' numbers."""
    if worker(strategy)[1] == 1:
        return number
    mine = strategy.experimental_distribute_values_from_function(
        lambda _: tf.constant([number], tf.int64)
    )
    return int(tf.reduce_min(strategy.gather(mine, axis=0)))

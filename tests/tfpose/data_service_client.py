"""Reads one distributed pass and prints how often each element came; a process of its own."""

import collections
import json
import sys

import tensorflow as tf

from tfpose.pipeline import data_service

COUNT = 3000
STEP = 50


def slow(number: tf.Tensor) -> tf.Tensor:
    """The number, after a few milliseconds of work."""
    work = tf.random.stateless_uniform([160, 160], [number, number])
    for _ in range(6):
        work = tf.linalg.matmul(work, work) / 100
    return number + tf.cast(0 * tf.reduce_sum(work), tf.int64)


def main(dispatcher: str, mode: str) -> None:
    dataset = data_service.distribute(tf.data.Dataset.range(COUNT).map(slow), dispatcher, mode=mode)
    seen: collections.Counter[int] = collections.Counter()
    for element in dataset.as_numpy_iterator():
        seen[int(element)] += 1
        if seen.total() % STEP == 0:
            print(seen.total(), flush=True)
    print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

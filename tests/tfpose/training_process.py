"""Trainings in a process of their own, for tests that kill it, or that need several of them.

    python training_process.py '{"RUN": {"steps": 8}}' DEVICES

Each folder of a run has its overrides of the recipe; one training follows the other.
DEVICES: 1, or 2 for two virtual ones; TF_CONFIG makes it a worker of several.
"""

import json
import sys
from pathlib import Path

import tensorflow as tf

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]


def main() -> None:
    """Trains `small_runs.RECIPE` with the overrides of each run."""
    runs, devices = json.loads(sys.argv[1]), int(sys.argv[2])
    if devices > 1:
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0],
            [tf.config.LogicalDeviceConfiguration()] * devices,
        )
    import small_runs

    from tfpose.training import loop, recipe, replicas
    from tfpose.training.run import spec_of

    small_runs.add_family()
    if devices > 1:
        strategy = tf.distribute.MirroredStrategy([f"CPU:{index}" for index in range(devices)])
    else:
        strategy = replicas.strategy()
    for run, overrides in runs.items():
        effective = recipe.override(small_runs.RECIPE, overrides)
        spec, worker = spec_of(effective), replicas.worker(strategy)
        batch = replicas.local_batch(strategy, effective.batch, effective.accumulate)
        feed = small_runs.feed(spec, batch, worker=worker)
        loop.train(effective, run, feed=feed, strategy=strategy)
    print("done", flush=True)


if __name__ == "__main__":
    main()

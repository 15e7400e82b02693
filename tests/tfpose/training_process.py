"""A training of its own process, for tests that kill it, or that need several of them.

    python training_process.py RUN '{"steps": 8}' DEVICES

DEVICES: 1, or 2 for two virtual ones; TF_CONFIG makes it a worker of several.
"""

import json
import sys
from pathlib import Path

import tensorflow as tf

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]


def main() -> None:
    """Trains `small_runs.RECIPE` with the overrides."""
    run, overrides, devices = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
    if devices > 1:
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0],
            [tf.config.LogicalDeviceConfiguration()] * devices,
        )
    import small_runs

    from tfpose import recipe, replicas, train
    from tfpose.run import spec_of

    small_runs.add_family()
    if devices > 1:
        strategy = tf.distribute.MirroredStrategy([f"CPU:{index}" for index in range(devices)])
    else:
        strategy = replicas.strategy()
    effective = recipe.override(small_runs.RECIPE, overrides)
    spec, worker = spec_of(effective), replicas.worker(strategy)
    batch = replicas.local_batch(strategy, effective.batch, effective.accumulate)
    feed = small_runs.feed(spec, batch, worker=worker)
    train.train(effective, run, feed=feed, strategy=strategy)
    print("done", flush=True)


if __name__ == "__main__":
    main()

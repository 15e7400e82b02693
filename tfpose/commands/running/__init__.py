"""Commands that run a finished network: on pictures and streams, as a service, against the clock.

What they do lies in `estimator`, `tfpose.serving` and `tfpose.benchmarks`. None needs TensorFlow,
but for benchmarks of training.
"""

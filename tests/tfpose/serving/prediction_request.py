"""PredictRequests as bytes, for clients without TensorFlow."""

from collections.abc import Sequence

from estimator.protobuf import field, integer

METHOD = "/tensorflow.serving.PredictionService/Predict"


def strings(values: Sequence[bytes], *, shape: Sequence[int] | None = None) -> bytes:
    """A TensorProto of strings."""
    sizes = [len(values)] if shape is None else shape
    dims = b"".join(field(2, integer(1, size)) for size in sizes)
    return integer(1, 7) + field(2, dims) + b"".join(field(8, value) for value in values)


def request(pictures: Sequence[bytes], *, model: str = "pose", name: str = "image_bytes") -> bytes:
    """A PredictRequest of encoded pictures."""
    entry = field(1, name.encode()) + field(2, strings(pictures))
    return field(1, field(1, model.encode())) + field(2, entry)

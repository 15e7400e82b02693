"""TensorFlow Serving's messages, read and written without TensorFlow and without generated code.

Sources: tensorflow_serving/apis/predict.proto, model.proto, get_model_metadata.proto and
get_model_status.proto; tensorflow/core/framework/tensor.proto, tensor_shape.proto and types.proto;
tensorflow/core/protobuf/meta_graph.proto; google/protobuf/any.proto and wrappers.proto. Fields that
are not read here are passed over, as protobuf has it.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from estimator import protobuf

FLOAT, INT32, STRING = 1, 3, 7  # DataType
_CODES = {"float32": FLOAT, "int32": INT32}
_FORMS = {FLOAT: "<f", 2: "<d", INT32: "<i", 9: "<q"}  # of an element's bytes
_INTEGERS = (7, 10)  # fields of TensorProto: int_val, int64_val
_NUMBERS = (4, 5, 6, *_INTEGERS)  # besides tensor_content, float_val, double_val
_AVAILABLE = 30  # ModelVersionStatus.State
_SIGNATURES = "type.googleapis.com/tensorflow.serving.SignatureDefMap"
_METHOD = "tensorflow/serving/predict"
Array: TypeAlias = npt.NDArray[np.float32] | npt.NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """Which model is asked; "" and None where it is not said."""

    name: str = ""
    version: int | None = None
    label: str = ""
    signature: str = ""


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """An input.

    Attributes:
      dtype: its number in DataType.
      shape: of it; None where it is unknown.
      strings: the elements of one of strings.
      number: the first element of one of floats or integers; None where there is none.
    """

    dtype: int = 0
    shape: tuple[int, ...] | None = ()
    strings: tuple[bytes, ...] = ()
    number: float | None = None


@dataclass(frozen=True, kw_only=True)
class PredictRequest:
    """What a client wants predicted."""

    model: ModelSpec = field(default_factory=ModelSpec)
    inputs: Mapping[str, Tensor] = field(default_factory=dict)
    wanted: tuple[str, ...] = ()  # output_filter


@dataclass(frozen=True, kw_only=True)
class TensorInfo:
    """A tensor of a signature; -1 in a shape is any number."""

    name: str
    dtype: int
    shape: tuple[int, ...]


class Reader:
    """Reads messages of one request, with a bound on their parts.

    Args:
      parts: fields that all messages of the request may have together: each costs time, and a few
        megabytes could have millions.
    """

    def __init__(self, parts: int) -> None:
        self._parts = parts

    def predict(self, data: bytes) -> PredictRequest:
        """PredictRequest.

        Raises:
          ValueError: it is no such message, or has too many parts.
        """
        model, inputs, wanted = ModelSpec(), dict[str, Tensor](), list[str]()
        for number, value in self._fields(data):
            if number == 1:
                model = self._model(_message(value))
            elif number == 2:
                name, tensor = self._entry(_message(value))
                inputs[name] = self._tensor(tensor)
            elif number == 3:
                wanted.append(_text(value))
        return PredictRequest(model=model, inputs=inputs, wanted=tuple(wanted))

    def model_and_fields(self, data: bytes) -> tuple[ModelSpec, tuple[str, ...]]:
        """GetModelMetadataRequest; GetModelStatusRequest is the same without fields.

        Raises:
          ValueError: it is no such message, or has too many parts.
        """
        model, wanted = ModelSpec(), list[str]()
        for number, value in self._fields(data):
            if number == 1:
                model = self._model(_message(value))
            elif number == 2:
                wanted.append(_text(value))
        return model, tuple(wanted)

    def _fields(self, message: bytes | memoryview) -> Iterator[tuple[int, int | memoryview]]:
        for found in protobuf.fields(memoryview(message)):
            self._parts -= 1
            if self._parts < 0:
                raise ValueError("the message has too many parts")
            yield found

    def _model(self, message: memoryview) -> ModelSpec:
        name, version, label, signature = "", None, "", ""
        for number, value in self._fields(message):
            if number == 1:
                name = _text(value)
            elif number == 2:  # Int64Value
                version = next((v for n, v in self._fields(_message(value)) if n == 1), 0)
            elif number == 3:
                signature = _text(value)
            elif number == 4:
                label = _text(value)
        found = version if isinstance(version, int) else None
        return ModelSpec(name=name, version=found, label=label, signature=signature)

    def _entry(self, message: memoryview) -> tuple[str, memoryview]:
        parts = dict(self._fields(message))
        return _text(parts.get(1, memoryview(b""))), _message(parts.get(2, memoryview(b"")))

    def _tensor(self, message: memoryview) -> Tensor:
        dtype, shape, strings, number = 0, tuple[int, ...](), list[bytes](), None
        unknown = False
        for field_number, value in self._fields(message):
            if field_number == 1:
                dtype = _integer(value)
            elif field_number == 2:
                sizes = list[int]()
                for shape_number, part in self._fields(_message(value)):
                    if shape_number == 2:  # Dim
                        found = dict(self._fields(_message(part))).get(1, 0)
                        sizes.append(_signed(_integer(found)))
                    elif shape_number == 3:
                        unknown = bool(part)
                shape = tuple(sizes)
            elif field_number == 8:
                strings.append(bytes(_message(value)))
            elif field_number in _NUMBERS:
                number = _number(dtype, field_number, value) if number is None else number
        return Tensor(
            dtype=dtype,
            shape=None if unknown else shape,
            strings=tuple(strings),
            number=number,
        )


def _number(dtype: int, field_number: int, value: int | memoryview) -> float | None:
    """The first number of a tensor's content, or of its list of floats or integers."""
    if isinstance(value, int):
        return float(_signed(value))
    if field_number in _INTEGERS:  # packed: the first of them
        packed = bytes(value[:10])
        end = next((at for at, byte in enumerate(packed) if byte < 128), None)
        if end is None:
            return None
        parts = [(byte & 127) << 7 * at for at, byte in enumerate(packed[: end + 1])]
        return float(_signed(sum(parts)))
    form = _FORMS.get(dtype)
    if form is None or len(value) < struct.calcsize(form):
        return None
    return float(struct.unpack_from(form, value)[0])


def _signed(value: int) -> int:
    """A varint as int64: protobuf writes negative numbers in two's complement."""
    return value - (1 << 64) if value >= 1 << 63 else value


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number stands where a message or bytes should")
    return value


def _integer(value: int | memoryview) -> int:
    if isinstance(value, int):
        return value
    raise ValueError("bytes stand where a number should")


def _text(value: int | memoryview) -> str:
    return bytes(_message(value)).decode("utf-8", "backslashreplace")


def predict_response(model: str, version: int, outputs: Mapping[str, Array]) -> bytes:
    """PredictResponse."""
    parts = [
        protobuf.field(1, _map_entry(name, _tensor_proto(array))) for name, array in outputs.items()
    ]
    return b"".join((*parts, protobuf.field(2, _model_spec(model, version))))


def metadata_response(
    model: str, version: int, inputs: Iterable[TensorInfo], outputs: Iterable[TensorInfo]
) -> bytes:
    """GetModelMetadataResponse with its one field of metadata, signature_def."""
    signature = b"".join(
        (
            *(protobuf.field(1, _map_entry(one.name, _tensor_info(one))) for one in inputs),
            *(protobuf.field(2, _map_entry(one.name, _tensor_info(one))) for one in outputs),
            protobuf.field(3, _METHOD.encode()),
        )
    )
    signatures = protobuf.field(1, _map_entry("serving_default", signature))
    packed = protobuf.field(1, _SIGNATURES.encode()) + protobuf.field(2, signatures)
    entry = protobuf.field(2, _map_entry("signature_def", packed))
    return protobuf.field(1, _model_spec(model, version)) + entry


def status_response(version: int) -> bytes:
    """GetModelStatusResponse of one version that is served."""
    status = protobuf.integer(1, version) + protobuf.integer(2, _AVAILABLE)
    return protobuf.field(1, status + protobuf.field(3, b""))  # an empty status is OK


def _model_spec(name: str, version: int) -> bytes:
    wrapped = protobuf.field(2, protobuf.integer(1, version))
    return protobuf.field(1, name.encode()) + wrapped + protobuf.field(3, b"serving_default")


def _map_entry(key: str, value: bytes) -> bytes:
    return protobuf.field(1, key.encode()) + protobuf.field(2, value)


def _tensor_proto(array: Array) -> bytes:
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return (
        protobuf.integer(1, _CODES[array.dtype.name])
        + protobuf.field(2, _shape(array.shape))
        + protobuf.field(4, little.tobytes())
    )


def _tensor_info(info: TensorInfo) -> bytes:
    return (
        protobuf.field(1, info.name.encode())
        + protobuf.integer(2, info.dtype)
        + protobuf.field(3, _shape(info.shape))
    )


def _shape(sizes: Iterable[int]) -> bytes:
    return b"".join(protobuf.field(2, protobuf.integer(1, size % (1 << 64))) for size in sizes)

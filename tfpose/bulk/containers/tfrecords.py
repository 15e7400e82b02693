"""TFRecords of `tf.train.Example`, such as TensorFlow Datasets writes, read without TensorFlow.

tf.train.Example (tensorflow/core/example/example.proto, feature.proto): field 1 holds Features,
whose field 1 is a map: an entry has the name in field 1 and a Feature in field 2; of a Feature,
field 1 is a list of bytes whose field 1 is a value.
"""

from collections.abc import Iterator, Sequence
from functools import partial

from estimator import protobuf

from ...data import tfrecord
from .. import storage
from ..pieces import Item, Piece, cut
from ..storage import Stored
from . import Reading

PICTURES = (
    "image/encoded",
    "image",
    "jpg",
    "png",
    "image_raw",
)  # features, the first that is there
NAMES = ("image/filename", "filename", "image/file_name", "file_name", "image_id", "image/id", "id")


def list_pieces(stored: Stored, most: int, reading: Reading) -> Sequence[Piece]:
    """Goes through the records' lengths."""
    del reading
    found, fault = list[tuple[int, int]](), ""
    try:
        with storage.opened(stored.path) as file:
            found.extend(tfrecord.places(file, stored.size))
    except (OSError, ValueError) as error:
        fault = f"cut off or no TFRecord, after {len(found)} records: {error}"
    pieces = [
        Piece(
            kind="tfrecords",
            path=stored.path,
            first=first,
            count=count,
            size=sum(length for _, length in found[first : first + count]),
            offset=found[first][0] - tfrecord.HEAD,
        )
        for first, count in cut(len(found), most)
    ]
    if fault:
        pieces.append(Piece(kind="tfrecords", path=stored.path, count=1, size=0, fault=fault))
    return pieces


def read(piece: Piece, reading: Reading) -> Iterator[Item]:
    """The pictures of a piece.

    Raises:
      OSError, ValueError: the file cannot be read any more.
    """
    with storage.opened(piece.path) as file:
        size = file.seek(0, 2)
        file.seek(piece.offset)
        places = tfrecord.places(file, size)
        for place, (start, length) in zip(range(piece.count), places, strict=False):
            file.seek(start)
            data = file.read(length)
            number = piece.first + place
            name = f"{piece.path}!{number}"
            try:
                features = of_example(data)
            except ValueError as error:
                yield Item(place=place, source=name, load=partial(_refuse, f"no Example: {error}"))
                continue
            named = next((features[key] for key in NAMES if key in features), b"")
            if named:
                name += f" ({named.decode('utf-8', 'backslashreplace')})"
            yield Item(place=place, source=name, load=partial(_picture, features, reading.column))


def _picture(features: dict[str, bytes], column: str) -> bytes:
    wanted = (column,) if column else PICTURES
    for name in wanted:
        if name in features:
            return features[name]
    raise OSError(f"no picture in {' or '.join(wanted)}; there are {', '.join(sorted(features))}")


def _refuse(reason: str) -> bytes:
    raise OSError(reason)


def of_example(data: bytes) -> dict[str, bytes]:
    """The features of an example that hold bytes: the first value of each.

    Raises:
      ValueError: it is no `tf.train.Example`.
    """
    found: dict[str, bytes] = {}
    for entry in _messages(memoryview(data), 1, 1):
        parts = dict(protobuf.fields(entry))
        name, feature = parts.get(1), parts.get(2)
        if isinstance(name, memoryview) and isinstance(feature, memoryview):
            value = next(_messages(feature, 1, 1), None)
            if value is not None:
                found[bytes(name).decode("utf-8", "backslashreplace")] = bytes(value)
    return found


def _messages(message: memoryview, *path: int) -> Iterator[memoryview]:
    """The messages below a message, along the numbers of fields."""
    number, *deeper = path
    for found, value in protobuf.fields(message):
        if found == number and isinstance(value, memoryview):
            yield from _messages(value, *deeper) if deeper else iter([value])

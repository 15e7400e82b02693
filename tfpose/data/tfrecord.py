"""TFRecord files taken apart without TensorFlow: where each record lies.

TFRecord: eight bytes of length, four of its CRC, the data, four of its CRC
(tensorflow.org/tutorials/load_data/tfrecord). The CRCs are not computed.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO

HEAD, TAIL = 12, 4  # bytes before and behind the data


def places(file: BinaryIO, size: int) -> Iterator[tuple[int, int]]:
    """The records of a file: first byte and number of bytes of each one's data.

    Reads the lengths only, and moves the file; whoever reads a record between two places may, too.

    Args:
      file: open for reading, at the beginning of a record.
      size: bytes of the whole file.

    Raises:
      ValueError: the file is cut off, or no TFRecord.
    """
    start = file.tell()
    while start < size:
        file.seek(start)
        head = file.read(HEAD)
        length = struct.unpack("<Q", head[:8])[0] if len(head) == HEAD else size
        end = start + HEAD + length + TAIL
        if end > size:
            raise ValueError(f"the record at byte {start} ends beyond the file's {size} bytes")
        yield start + HEAD, length
        start = end

"""Parquet files with a column of encoded pictures: bytes, or Hugging Face's struct of them.

Source of the struct: huggingface/datasets, `Image` feature: {"bytes": binary, "path": string}.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from .. import storage
from ..pieces import Item, Piece, cut
from ..storage import Stored
from . import Reading

AT_ONCE = 16  # rows decoded at a time: pictures may be large


def list_pieces(stored: Stored, most: int, reading: Reading) -> Sequence[Piece]:
    """Reads the footer; finds the column."""
    import pyarrow
    import pyarrow.parquet

    try:
        with storage.opened(stored.path) as file:
            table = pyarrow.parquet.ParquetFile(file)
            rows = table.metadata.num_rows
            column = _column(table.schema_arrow, reading.column)
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        return [Piece(kind="parquets", path=stored.path, count=1, size=0, fault=str(error))]
    return [
        Piece(
            kind="parquets",
            path=stored.path,
            first=first,
            count=count,
            size=stored.size * count // rows,
            detail=column,
        )
        for first, count in cut(rows, most)
    ]


def _column(schema: Any, wanted: str) -> str:
    """The column with the pictures.

    Raises:
      ValueError: there is none of that name, or not exactly one that could be it.
    """
    fitting = [field.name for field in schema if _holds_bytes(field.type)]
    if wanted:
        if wanted not in fitting:
            raise ValueError(f"no column {wanted!r} of bytes; there are {', '.join(fitting)}")
        return wanted
    if len(fitting) != 1:
        raise ValueError(
            f"{len(fitting)} columns of bytes ({', '.join(fitting)}): name the one with --column"
        )
    return str(fitting[0])


def _holds_bytes(kind: Any) -> bool:
    import pyarrow.types as types

    if types.is_struct(kind):
        place = kind.get_field_index("bytes")
        return bool(place >= 0 and _holds_bytes(kind.field(place).type))
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def read(piece: Piece, reading: Reading) -> Iterator[Item]:
    """The rows of a piece.

    Raises:
      OSError: the file cannot be read any more.
    """
    del reading
    import pyarrow
    import pyarrow.parquet

    try:
        with storage.opened(piece.path) as file:
            table = pyarrow.parquet.ParquetFile(file)
            for place, value in enumerate(_values(table, piece)):
                name = f"{piece.path}!{piece.first + place}"
                if isinstance(value, dict):
                    name += f" ({value['path']})" if value.get("path") else ""
                    value = value["bytes"]
                yield Item(place=place, source=name, load=partial(_present, value))
    except pyarrow.ArrowException as error:
        raise OSError(str(error)) from error


def _values(table: Any, piece: Piece) -> Iterator[Any]:
    """The column's values of the piece's rows; reads the row groups that hold them."""
    begin, end = piece.first, piece.first + piece.count
    at = 0
    for group in range(table.num_row_groups):
        rows = table.metadata.row_group(group).num_rows
        if at < end and at + rows > begin:
            batches = table.iter_batches(AT_ONCE, row_groups=[group], columns=[piece.detail])
            row = at
            for batch in batches:
                if row + len(batch) > begin and row < end:
                    yield from batch.column(0)[max(0, begin - row) : end - row].to_pylist()
                row += len(batch)
        at += rows


def _present(value: bytes | None) -> bytes:
    if value is None:
        raise OSError("the row has no picture")
    return value

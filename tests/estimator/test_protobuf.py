"""Text in an .onnx, against the onnx package and by hand."""

import pytest

from estimator import protobuf


def test_an_entry_by_hand() -> None:
    # Field 14, bytes: 14 << 3 | 2 = 114. The entry: field 1 (10) "k", field 2 (18) "vw".
    assert protobuf.append(b"", "k", "vw") == bytes([114, 7, 10, 1, 107, 18, 2, 118, 119])


def test_long_text_and_the_last_entry_of_a_key() -> None:
    data = protobuf.append(b"\x08\x0a", "spec", "old")  # ir_version 10 in front
    data = protobuf.append(data, "spec", "ä" * 40_000)
    assert protobuf.read(data, "spec") == ("ä" * 40_000).encode()
    assert protobuf.read(data, "other") is None
    assert protobuf.read(b"", "spec") is None


@pytest.mark.parametrize("data", [b"TFL3", b"\x72\x7f", b"\xff" * 12, b"\x72"])
def test_what_is_no_onnx_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"no \.onnx"):
        protobuf.read(data, "spec")


def test_the_onnx_package_reads_it() -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.helper.make_model(onnx.helper.make_graph([], "empty", [], []))
    data = protobuf.append(model.SerializeToString(), "spec", "text")
    (entry,) = onnx.load_from_string(data).metadata_props
    assert (entry.key, entry.value) == ("spec", "text")


def test_the_fields_of_a_message_by_hand() -> None:
    # Field 1: the varint 150 = 0x96 0x01. Field 2: text. Field 3: four bytes. Field 4: eight.
    data = bytes([8, 0x96, 1, 18, 2, 104, 105, 29, 1, 2, 3, 4, 33, *range(8)])
    found = [
        (number, value if isinstance(value, int) else bytes(value))
        for number, value in protobuf.fields(memoryview(data))
    ]
    assert found == [(1, 150), (2, b"hi"), (3, bytes([1, 2, 3, 4])), (4, bytes(range(8)))]
    for length in (2, 4, 6, 9, 17):
        with pytest.raises(ValueError, match=r"ends? at"):
            list(protobuf.fields(memoryview(data[:length])))

"""Text in an .onnx, against the onnx package and by hand."""

import pytest

from estimator import onnx_metadata


def test_an_entry_by_hand() -> None:
    # Field 14, bytes: 14 << 3 | 2 = 114. The entry: field 1 (10) "k", field 2 (18) "vw".
    assert onnx_metadata.append(b"", "k", "vw") == bytes([114, 7, 10, 1, 107, 18, 2, 118, 119])


def test_long_text_and_the_last_entry_of_a_key() -> None:
    data = onnx_metadata.append(b"\x08\x0a", "spec", "old")  # ir_version 10 in front
    data = onnx_metadata.append(data, "spec", "ä" * 40_000)
    assert onnx_metadata.read(data, "spec") == "ä" * 40_000
    assert onnx_metadata.read(data, "other") is None
    assert onnx_metadata.read(b"", "spec") is None


@pytest.mark.parametrize("data", [b"TFL3", b"\x72\x7f", b"\xff" * 12, b"\x72"])
def test_what_is_no_onnx_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"no \.onnx"):
        onnx_metadata.read(data, "spec")


def test_the_onnx_package_reads_it() -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.helper.make_model(onnx.helper.make_graph([], "empty", [], []))
    data = onnx_metadata.append(model.SerializeToString(), "spec", "text")
    (entry,) = onnx.load_from_string(data).metadata_props
    assert (entry.key, entry.value) == ("spec", "text")

"""A network as OpenVINO's own files: an .xml, and its weights in a .bin beside it.

Made from the .onnx, so inputs and outputs are the .onnx's. Weights stay float32.
"""

from pathlib import Path

from estimator import bundle
from estimator.spec import PoseSpec


def write(model: bytes, path: Path, spec: PoseSpec | None) -> None:
    """Writes the .xml and the .bin.

    Args:
      model: an .onnx.
      path: ends in .xml.
      spec: the .xml carries it; None leaves it out, for other programs' layouts.

    Raises:
      ImportError: OpenVINO is not installed.
    """
    try:
        import openvino
    except ImportError as error:
        raise ImportError("this needs OpenVINO: pip install 'tfpose[openvino]'") from error
    graph = openvino.Core().read_model(model)
    if spec is not None:
        graph.set_rt_info(spec.to_json(), [bundle.RT_INFO])
    openvino.save_model(graph, path, compress_to_fp16=False)

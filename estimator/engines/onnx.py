"""Runs an .onnx with ONNX Runtime on the CPU."""

from pathlib import Path

import numpy as np

from ..arrays import Float, UInt8
from ..spec import PoseSpec
from .checks import check_alone, check_image, check_names, check_scale, check_size


class OnnxRunner:
    """Runs an .onnx written by tfpose.export: `image` (1, H, W, 3) float32 to named maps.

    Several threads may call one instance.

    Args:
      path: the file.
      spec: checked against the file's outputs.
      threads: number of threads, at least 1; None is ONNX Runtime's default, the cores.

    Raises:
      ImportError: ONNX Runtime is not installed.
      ValueError: it cannot run the file, or the file's tensors are not the spec's.
    """

    engine = "onnxruntime"

    def __init__(self, path: Path, spec: PoseSpec, *, threads: int | None = None) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise ImportError(f"{path} needs ONNX Runtime: pip install 'tfpose[onnx]'") from error
        check_scale(path, spec)
        self._path, self._spec = path, spec
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its exceptions have no class in common but this
            raise ValueError(f"{path} is no .onnx that ONNX Runtime can run: {error}") from error
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            found = [one.name for one in inputs]
            raise ValueError(f"{path} must have one input, the image; found {found}")
        (self._input,) = inputs
        check_names(path, spec, [output.name for output in self._session.get_outputs()])

    def __call__(self, image: UInt8) -> dict[str, Float]:
        """Runs the network once; see `Runner`."""
        check_image(image)
        check_size(self._path, self._spec, image.shape)
        if self._input.shape[0] == 1:
            check_alone(self._path, image)
        names = list(self._spec.channels)
        try:
            answers = self._session.run(names, {self._input.name: image.astype(np.float32)})
        except Exception as error:  # as above
            raise ValueError(f"{self._path} cannot be run: {error}") from error
        return dict(zip(names, answers, strict=True))

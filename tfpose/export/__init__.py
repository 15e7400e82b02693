"""Export of trained networks: converted, measured against Keras, then written.

One file per format (tflite, saved_model, onnx). `writing.export` writes all of them and refuses
what `gate.measure` rejects; `tflite.export_tflite` writes a float32 .tflite without pictures, for
weights that were just imported. Running what was written is `estimator.engines`.
"""

from .calibration import NoPicturesError
from .gate import THRESHOLDS, Report, Thresholds
from .network import deployed
from .tflite import ParityError, compare, converter, export_tflite, to_tflite
from .writing import FORMATS, GateError, Material, export

__all__ = [
    "FORMATS",
    "THRESHOLDS",
    "GateError",
    "Material",
    "NoPicturesError",
    "ParityError",
    "Report",
    "Thresholds",
    "compare",
    "converter",
    "deployed",
    "export",
    "export_tflite",
    "to_tflite",
]

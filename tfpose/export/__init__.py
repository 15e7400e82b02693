"""A trained network as a file that runs elsewhere: converted, measured, then written.

One file a format (tflite, saved_model, onnx); `writing.export` is the one door, and nothing passes
it that `gate.measure` finds to answer otherwise than Keras does. `tflite.export_tflite` is the
short way to a float32 file, without pictures: for weights that were just imported.
"""

from .calibration import NoPicturesError
from .gate import THRESHOLDS, Report, Thresholds
from .network import last_stage
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
    "export",
    "export_tflite",
    "last_stage",
    "to_tflite",
]

"""Writes a trained network as TFLite, SavedModel, ONNX or OpenVINO, if it answers as in Keras.

  tfpose export --model=human_pose_estimation_0001 \
    --weights=human_pose_estimation_0001.npz --format=int8 --out=model.tflite \
    --calibration=people.zip --pictures=photos --annotations=val.json --images=val.zip
  tfpose export --model=runs/best.keras --format=saved_model --out=served/pose/1

docs/export.md says what each format costs, and what the report's figures mean.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from absl import app, flags

from estimator.program import run
from tfpose.commands import arguments, zoo_figures

if TYPE_CHECKING:
    from keras import Model

    from estimator.arrays import UInt8
    from estimator.skeleton import Skeleton
    from estimator.spec import PoseSpec
    from tfpose import export

SUFFIXES = {
    **dict.fromkeys(("float32", "float16", "dynamic", "int8"), ".tflite"),
    "saved_model": "",
    "onnx": ".onnx",
    "openvino": ".xml",
}  # a test holds them equal to those of `tfpose.export`
FLAGS = run.new_flags()

MODEL = flags.DEFINE_string(
    "model", None, "A network's name, or a .keras file.", required=True, flag_values=FLAGS
)
WEIGHTS = flags.DEFINE_string(
    "weights", None, "Of a name: .weights.h5, .pth, .npz, ...", flag_values=FLAGS
)
FORMAT = flags.DEFINE_enum(
    "format", "float32", tuple(SUFFIXES), "What to write.", flag_values=FLAGS
)
OUT = flags.DEFINE_string(
    "out", None, "File, or folder of a SavedModel.", required=True, flag_values=FLAGS
)
SKELETON = flags.DEFINE_string(
    "skeleton", None, "Keypoints of the weights, if not the model's own.", flag_values=FLAGS
)
HEIGHT = flags.DEFINE_integer(
    "height", None, "Of the input, if not the model's own.", flag_values=FLAGS
)
WIDTH = flags.DEFINE_integer(
    "width", None, "Of the input, if not the model's own.", flag_values=FLAGS
)
FIXED = flags.DEFINE_bool("fixed", False, "The file takes this size only.", flag_values=FLAGS)
CALIBRATION = flags.DEFINE_list(
    "calibration", [], "int8: folders, zips, prepared sets.", flag_values=FLAGS
)
CALIBRATION_COUNT = flags.DEFINE_integer(
    "calibration_count", 120, "How many pictures are drawn.", flag_values=FLAGS
)
PICTURES = flags.DEFINE_list(
    "pictures", [], "To compare on; made ones if none are given.", flag_values=FLAGS
)
PICTURE_COUNT = flags.DEFINE_integer(
    "picture_count", 20, "How many pictures are drawn.", flag_values=FLAGS
)
ANNOTATIONS = flags.DEFINE_string(
    "annotations", None, "COCO keypoints, to measure the AP on.", flag_values=FLAGS
)
IMAGES = flags.DEFINE_list(
    "images", [], "Folders and zips with the annotated pictures.", flag_values=FLAGS
)
AP_HEIGHT = flags.DEFINE_integer(
    "ap_height", None, "Base height of the input for the AP.", flag_values=FLAGS
)
HINTS = flags.DEFINE_string(
    "hints",
    "",
    "Layer whose input a .tflite gives too, for `tfpose cache-teacher --hints`.",
    flag_values=FLAGS,
)
ONNX_NAMES = flags.DEFINE_enum(
    "onnx_names",
    None,
    ["lightweight_openpose"],
    "Write the .onnx or .xml with an original's names and layout, every stage's maps, no spec.",
    flag_values=FLAGS,
)
DEPTH_TO_SPACE = flags.DEFINE_bool(
    "depth_to_space",
    True,
    "--nodepth_to_space writes transposed convolutions in its place, for NNAPI and the Edge TPU; "
    "with --fixed.",
    flag_values=FLAGS,
)
FORCE = flags.DEFINE_bool(
    "force", False, "Write it even if it answers otherwise; with its report.", flag_values=FLAGS
)


arguments.model(MODEL, known=tuple(zoo_figures.read()))
arguments.existing(WEIGHTS, PICTURES, ANNOTATIONS, IMAGES)
arguments.skeleton(SKELETON)
arguments.writable(OUT, folder=None)


def main(_: list[str]) -> int:
    """Writes the file and prints its report; 1 where it answers otherwise than Keras."""
    if bool(ANNOTATIONS.value) != bool(IMAGES.value):
        raise app.UsageError("--annotations and --images go together")
    if Path(OUT.value).suffix != (suffix := SUFFIXES[FORMAT.value]):
        wanted = f"end in {suffix}" if suffix else "be a folder, without a suffix"
        raise app.UsageError(f"--out of --format={FORMAT.value} must {wanted}, found {OUT.value}")
    from tfpose import export
    from tfpose.export import reports, source

    model, spec = source.load(
        MODEL.value,
        WEIGHTS.value,
        skeleton=SKELETON.value,
        height=HEIGHT.value,
        width=WIDTH.value,
        fixed=FIXED.value,
    )
    Path(OUT.value).parent.mkdir(parents=True, exist_ok=True)
    if ONNX_NAMES.value:
        return _as_the_original(model, spec)
    try:
        report = export.export(
            model,
            spec,
            OUT.value,
            kind=FORMAT.value,
            material=_material(spec.skeleton),
            hints=HINTS.value,
            depth_to_space=DEPTH_TO_SPACE.value,
            force=FORCE.value,
        )
    except export.GateError as error:
        print(reports.table(error.report))
        raise ValueError(f"{error} (--force writes it)") from error
    except export.ParityError as error:
        raise ValueError(str(error)) from error
    print(f"wrote {OUT.value}\n{reports.table(report)}")
    return 0


def _as_the_original(model: "Model", spec: "PoseSpec") -> int:
    from tfpose.export import onnx_original

    if FORMAT.value not in ("onnx", "openvino"):
        raise app.UsageError(f"--onnx_names is for --format=onnx or openvino, found {FORMAT.value}")
    for name, difference in onnx_original.export(model, spec, OUT.value).items():
        print(f"{name:30} differs by {difference:.1e} of its largest value")
    print(f"wrote {OUT.value}")
    return 0


def _material(skeleton: "Skeleton") -> "export.Material":
    from tfpose import export
    from tfpose.evaluation import annotations
    from tfpose.export import gate

    annotated = None
    if ANNOTATIONS.value:
        annotated = gate.Annotated(
            truth=annotations.read(ANNOTATIONS.value, known=(skeleton,)),
            images=IMAGES.value,
            height=AP_HEIGHT.value,
        )
    return export.Material(
        calibration=_read(CALIBRATION.value, CALIBRATION_COUNT.value),
        pictures=_read(PICTURES.value, PICTURE_COUNT.value),
        source=",".join(Path(path).name for path in PICTURES.value),
        annotated=annotated,
    )


def _read(sources: list[str], count: int) -> "list[UInt8]":
    from tfpose.export import calibration

    return calibration.read(sources, count) if sources else []

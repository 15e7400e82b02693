"""Writes a trained network as TFLite, SavedModel or ONNX, if it answers there as it does in Keras.

  python -m scripts.export --model=human_pose_estimation_0001 \
    --weights=human_pose_estimation_0001.npz --format=int8 --out=model.tflite \
    --calibration=people.zip --pictures=photos --annotations=val.json --images=val.zip
  python -m scripts.export --model=runs/best.keras --format=saved_model --out=served/pose/1

docs/export.md says what each format costs, and what the report's figures mean.
"""

import sys
from pathlib import Path

from absl import app, flags

from estimator.arrays import UInt8
from estimator.skeleton import Skeleton
from tfpose import export, truth
from tfpose.export import calibration, gate, reports, source

MODEL = flags.DEFINE_string("model", None, "A network's name, or a .keras file.", required=True)
WEIGHTS = flags.DEFINE_string("weights", None, "Of a name: .weights.h5, .pth, .npz, ...")
FORMAT = flags.DEFINE_enum("format", "float32", export.FORMATS, "What to write.")
OUT = flags.DEFINE_string("out", None, "File, or folder of a SavedModel.", required=True)
SKELETON = flags.DEFINE_string(
    "skeleton", None, "Keypoints of the weights, if not the model's own."
)
HEIGHT = flags.DEFINE_integer("height", None, "Of the input, if not the model's own.")
WIDTH = flags.DEFINE_integer("width", None, "Of the input, if not the model's own.")
FIXED = flags.DEFINE_bool("fixed", False, "The file takes this size only.")
CALIBRATION = flags.DEFINE_list("calibration", [], "int8: folders, zips, prepared sets.")
CALIBRATION_COUNT = flags.DEFINE_integer("calibration_count", 120, "How many pictures are drawn.")
PICTURES = flags.DEFINE_list("pictures", [], "To compare on; made ones if none are given.")
PICTURE_COUNT = flags.DEFINE_integer("picture_count", 20, "How many pictures are drawn.")
ANNOTATIONS = flags.DEFINE_string("annotations", None, "COCO keypoints, to measure the AP on.")
IMAGES = flags.DEFINE_list("images", [], "Folders and zips with the annotated pictures.")
AP_HEIGHT = flags.DEFINE_integer("ap_height", None, "Base height of the input for the AP.")
HINTS = flags.DEFINE_string(
    "hints", "", "Layer whose input a .tflite gives too, for scripts.cache_teacher --hints."
)
FORCE = flags.DEFINE_bool("force", False, "Write it even if it answers otherwise; with its report.")


def main(argv: list[str]) -> None:
    if argv[1:]:
        raise app.UsageError(f"unexpected arguments {argv[1:]}")
    try:
        model, spec = source.load(
            MODEL.value,
            WEIGHTS.value,
            skeleton=SKELETON.value,
            height=HEIGHT.value,
            width=WIDTH.value,
            fixed=FIXED.value,
        )
        Path(OUT.value).parent.mkdir(parents=True, exist_ok=True)
        report = export.export(
            model,
            spec,
            OUT.value,
            kind=FORMAT.value,
            material=_material(spec.skeleton),
            hints=HINTS.value,
            force=FORCE.value,
        )
    except export.GateError as error:
        print(reports.table(error.report))
        sys.exit(f"error: {error} (--force writes it)")
    except (ValueError, OSError, ImportError, export.ParityError) as error:
        sys.exit(f"error: {error}")
    print(f"wrote {OUT.value}\n{reports.table(report)}")


def _material(skeleton: Skeleton) -> export.Material:
    if bool(ANNOTATIONS.value) != bool(IMAGES.value):
        raise ValueError("--annotations and --images go together")
    annotated = None
    if ANNOTATIONS.value:
        annotated = gate.Annotated(
            truth=truth.read(ANNOTATIONS.value, known=(skeleton,)),
            images=IMAGES.value,
            height=AP_HEIGHT.value,
        )
    return export.Material(
        calibration=_read(CALIBRATION.value, CALIBRATION_COUNT.value),
        pictures=_read(PICTURES.value, PICTURE_COUNT.value),
        source=",".join(Path(path).name for path in PICTURES.value),
        annotated=annotated,
    )


def _read(sources: list[str], count: int) -> list[UInt8]:
    return calibration.read(sources, count) if sources else []


if __name__ == "__main__":
    app.run(main)

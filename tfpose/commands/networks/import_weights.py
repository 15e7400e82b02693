"""Makes a model of ours from the weights of an original.

  tfpose import-weights --model=lightweight_openpose \
    --source=checkpoint_iter_370000.pth --out=lightweight_openpose.tflite
  tfpose predict --model=lightweight_openpose.tflite photo.jpg

`--out` ends in .tflite (to run it), .keras (network and weights) or .weights.h5 (weights alone, to
train on). docs/weights.md lists the public files and the command of each.
"""

from dataclasses import replace
from pathlib import Path

from absl import flags, logging

from estimator.program import run
from tfpose.commands import arguments, zoo_figures

FLAGS = run.new_flags()

MODEL = flags.DEFINE_string(
    "model",
    None,
    "A network's name; `tfpose zoo` lists them.",
    required=True,
    flag_values=FLAGS,
)
SOURCE = flags.DEFINE_string(
    "source", None, "The original's weights: .pth, .npz, ...", required=True, flag_values=FLAGS
)
OUT = flags.DEFINE_string(
    "out", None, "File to write: .tflite, .keras or .weights.h5.", required=True, flag_values=FLAGS
)
SKELETON = flags.DEFINE_string(
    "skeleton",
    None,
    "Keypoints of the file: a name, or a .json; the model's own where not given.",
    flag_values=FLAGS,
)
HEIGHT = flags.DEFINE_integer(
    "height", None, "Input height; the model's own where not given.", flag_values=FLAGS
)
WIDTH = flags.DEFINE_integer(
    "width", None, "Input width; the model's own where not given.", flag_values=FLAGS
)
ONLY = flags.DEFINE_list(
    "only", [], "Load only the layers under these names (a backbone).", flag_values=FLAGS
)
BOXES = flags.DEFINE_integer(
    "boxes",
    0,
    "Stride of the map of people's boxes that the file has, too; 0 for none.",
    flag_values=FLAGS,
)
BACKBONE = flags.DEFINE_bool(
    "backbone",
    False,
    "The file is an ImageNet classifier: take what the network starts from.",
    flag_values=FLAGS,
)
IGNORE = flags.DEFINE_list(
    "ignore", [], "Names under which the file may hold more than needed.", flag_values=FLAGS
)
CHANNELS = flags.DEFINE_enum(
    "channels",
    None,
    ["rgb", "bgr"],
    "What the file's network reads; needed with --only.",
    flag_values=FLAGS,
)
SUFFIXES = (".tflite", ".keras", ".weights.h5")


arguments.one_of(MODEL, tuple(zoo_figures.read()))
arguments.existing(SOURCE)
arguments.skeleton(SKELETON)
arguments.ending(OUT, SUFFIXES)
arguments.writable(OUT)


def main(_: list[str]) -> None:
    """Loads the original's weights, and writes the model."""
    from tfpose import export, models
    from tfpose.weights import foreign, keras_files

    out = Path(OUT.value)
    skeleton = arguments.skeleton_of(SKELETON.value)
    spec = models.spec(MODEL.value, skeleton=skeleton, height=HEIGHT.value, width=WIDTH.value)
    if BOXES.value:
        spec = replace(spec, outputs=replace(spec.outputs, boxes=BOXES.value))
    model = models.build(spec, flexible=out.suffix != ".tflite" and spec.image.flexible)
    untouched = foreign.load(
        model,
        spec,
        SOURCE.value,
        only=ONLY.value,
        ignore=IGNORE.value,
        backbone=BACKBONE.value,
        channels=CHANNELS.value,
    )
    if not untouched:
        spec = foreign.original_spec(spec)
    else:
        logging.warning("%d layers keep their random weights: %s", len(untouched), untouched)
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".tflite":
        export.export_tflite(model, spec, out)
    elif out.suffix == ".keras":
        keras_files.save_keras(model, spec, out)
    else:
        model.save_weights(out)
    print(f"{out}: {MODEL.value} with the weights of {SOURCE.value}")

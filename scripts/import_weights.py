"""Makes a model of ours from the weights of an original.

  python -m scripts.import_weights --model=lightweight_openpose \
    --source=checkpoint_iter_370000.pth --out=lightweight_openpose.tflite
  python -m estimator --model=lightweight_openpose.tflite photo.jpg

`--out` ends in .tflite (to run it), .keras (network and weights) or .weights.h5 (weights alone, to
train on). docs/weights.md lists the public files and the command of each.
"""

from pathlib import Path

from absl import app, flags, logging

from estimator import skeletons
from tfpose import export, models, networks
from tfpose.weights import checkpoint

MODEL = flags.DEFINE_string(
    "model", None, "A network's name; `python -m scripts.zoo` lists.", required=True
)
SOURCE = flags.DEFINE_string(
    "source", None, "The original's weights: .pth, .npz, ...", required=True
)
OUT = flags.DEFINE_string(
    "out", None, "File to write: .tflite, .keras or .weights.h5.", required=True
)
SKELETON = flags.DEFINE_enum(
    "skeleton", None, skeletons.names(), "Keypoints of the file; the model's own where not given."
)
HEIGHT = flags.DEFINE_integer("height", None, "Input height; the model's own where not given.")
WIDTH = flags.DEFINE_integer("width", None, "Input width; the model's own where not given.")
ONLY = flags.DEFINE_list("only", [], "Load only the layers under these names (a backbone).")
BACKBONE = flags.DEFINE_bool(
    "backbone", False, "The file is an ImageNet classifier: take what the network starts from."
)
IGNORE = flags.DEFINE_list("ignore", [], "Names under which the file may hold more than needed.")
CHANNELS = flags.DEFINE_enum(
    "channels", None, ["rgb", "bgr"], "What the file's network reads; needed with --only."
)
SUFFIXES = (".tflite", ".keras", ".weights.h5")


def main(argv: list[str]) -> None:
    if argv[1:]:
        raise app.UsageError(f"unexpected arguments {argv[1:]}")
    out = Path(OUT.value)
    if not out.name.endswith(SUFFIXES):
        raise app.UsageError(f"--out must end in {', '.join(SUFFIXES)}, found {out}")
    try:
        skeleton = skeletons.get(SKELETON.value) if SKELETON.value else None
        spec = models.spec(MODEL.value, skeleton=skeleton, height=HEIGHT.value, width=WIDTH.value)
        model = models.build(spec, flexible=out.suffix != ".tflite" and spec.image.flexible)
        untouched = checkpoint.load(
            model,
            spec,
            SOURCE.value,
            only=ONLY.value,
            ignore=IGNORE.value,
            backbone=BACKBONE.value,
            channels=CHANNELS.value,
        )
    except (ValueError, FileNotFoundError, ImportError) as error:
        raise SystemExit(f"error: {error}") from error
    if not untouched:
        spec = checkpoint.original_spec(spec)
    else:
        logging.warning("%d layers keep their random weights: %s", len(untouched), untouched)
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".tflite":
        export.export_tflite(model, spec, out)
    elif out.suffix == ".keras":
        networks.save_keras(model, spec, out)
    else:
        model.save_weights(out)
    print(f"{out}: {MODEL.value} with the weights of {SOURCE.value}")


if __name__ == "__main__":
    app.run(main)

"""Measures a network on annotated pictures: COCO's AP and AR, or MPII's PCKh.

  tfpose evaluate --model=model.tflite --annotations=person_keypoints_val2017.json \
    --images=val2017.zip --height=368 --flip --out=runs/flip
  tfpose evaluate ... --compare=runs/plain --worst=20 --out=runs/other
  tfpose evaluate --model=hrnet_w32.tflite --boxes=detections.json --suppress=soft ...
  tfpose evaluate --model=hrnet_mpii.keras --pckh_people=valid.json --images=images.zip \
    --pckh=pred.mat --pckh_truth=gt_valid.mat
  tfpose evaluate --pckh=pred.mat --pckh_truth=gt_valid.mat

docs/evaluation.md says what each figure means.
"""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import app, flags

from estimator.decoders import heatmap, simcc
from estimator.engines import CHOICES
from estimator.inputs.averaging import MULTISCALE, Averaging
from estimator.people import suppression
from estimator.pose_estimator import is_shipped, shipped_names
from estimator.program import run
from estimator.second_look.options import MODES as LOOKS
from estimator.second_look.options import Options as SecondLook
from tfpose.commands import arguments, label_flags
from tfpose.data.picture_files import Pictures

if TYPE_CHECKING:
    from tfpose.evaluation import annotations as truth
    from tfpose.evaluation import boxes, evaluate
    from tfpose.evaluation import network as networks

FLAGS = run.new_flags()

MODEL = flags.DEFINE_string(
    "model", None, "A .tflite, .keras, SavedModel or a shipped name.", flag_values=FLAGS
)
ANNOTATIONS = flags.DEFINE_string(
    "annotations", None, "COCO keypoints: .json, or .zip of one.", flag_values=FLAGS
)
IMAGES = flags.DEFINE_list("images", [], "Folders and zips with the pictures.", flag_values=FLAGS)
SKELETON = flags.DEFINE_string(
    "skeleton",
    None,
    "Keypoints of the annotations, by name or from a .json; found by their names if not.",
    flag_values=FLAGS,
)
LABELS = label_flags.LabelFlags(FLAGS)
OUT = flags.DEFINE_string(
    "out", None, "Folder for results.json, summary.json and drawings.", flag_values=FLAGS
)
HEIGHT = flags.DEFINE_integer(
    "height", None, "Base height of a flexible network's input.", flag_values=FLAGS
)
THREADS = flags.DEFINE_integer("threads", None, "Of a .tflite.", flag_values=FLAGS)
ENGINE = flags.DEFINE_enum(
    "engine",
    None,
    list(CHOICES),
    "What runs the file; default: LiteRT for a .tflite, ONNX Runtime for an .onnx.",
    flag_values=FLAGS,
)
BATCH = flags.DEFINE_integer(
    "batch", None, "Pictures at a time; a .tflite takes one.", flag_values=FLAGS
)
FLIP = flags.DEFINE_bool("flip", False, "Average with the mirrored picture.", flag_values=FLAGS)
MULTI = flags.DEFINE_bool(
    "multiscale", False, f"Average over the sizes {MULTISCALE}.", flag_values=FLAGS
)
SCALES = flags.DEFINE_list(
    "scales", [], "Other sizes to average over, such as 1,2.", flag_values=FLAGS
)
BOXES = flags.DEFINE_string(
    "boxes",
    None,
    "Top-down: a detections.json or a bottom-up model; the truth's if not given.",
    flag_values=FLAGS,
)
BOX_SCORE = flags.DEFINE_float(
    "box_score", 0.0, "Lowest score of a box that is looked into.", flag_values=FLAGS
)
SUPPRESS = flags.DEFINE_enum(
    "suppress",
    None,
    suppression.KINDS,
    "Of two answers for one person. Default: hard for boxes, else none.",
    flag_values=FLAGS,
)
LOOK = flags.DEFINE_enum(
    "second_look", SecondLook.mode, LOOKS, "As `tfpose predict` has it.", flag_values=FLAGS
)
READER = flags.DEFINE_string("reader", None, "As `tfpose predict` has it.", flag_values=FLAGS)
LIMIT = flags.DEFINE_float("oks_limit", None, "How alike two may be.", flag_values=FLAGS)
REFINEMENT = flags.DEFINE_enum(
    "refinement",
    None,
    sorted({*heatmap.REFINEMENTS, *simcc.REFINEMENTS}),
    "Top-down: how the place inside a cell is found; published figures of HRNet, LPN and the "
    "hourglass are the quarter's. The network's own if not given.",
    flag_values=FLAGS,
)
SUBSET = flags.DEFINE_integer(
    "subset", None, "Evaluate so many pictures, drawn at random.", flag_values=FLAGS
)
SEED = flags.DEFINE_integer("seed", None, "Of the subset and the bootstrap.", flag_values=FLAGS)
DRAWS = flags.DEFINE_integer(
    "draws", None, "Of the bootstrap; 0 leaves intervals out.", flag_values=FLAGS
)
COMPARE = flags.DEFINE_string(
    "compare", None, "results.json, or folder, of another run.", flag_values=FLAGS
)
WORST = flags.DEFINE_integer(
    "worst", 12, "So many of the costliest pictures are listed, drawn.", flag_values=FLAGS
)
PCKH = flags.DEFINE_string(
    "pckh", None, "MPII predictions, a .mat; --pckh_people writes it.", flag_values=FLAGS
)
PCKH_PEOPLE = flags.DEFINE_string(
    "pckh_people", None, "HRNet's valid.json, for a model to read.", flag_values=FLAGS
)
PCKH_TRUTH = flags.DEFINE_string(
    "pckh_truth", None, "MPII's gt_valid.mat, where not in --pckh.", flag_values=FLAGS
)
STRICT = flags.DEFINE_bool(
    "pckh_strict", False, "A joint at the threshold is a miss, as FPD's.", flag_values=FLAGS
)


arguments.model(MODEL, BOXES, READER, known=shipped_names())
arguments.existing(ANNOTATIONS, IMAGES, COMPARE, PCKH_PEOPLE, PCKH_TRUTH)
arguments.skeleton(SKELETON)
arguments.writable(OUT, folder=True)


def main(_: list[str]) -> None:
    """Prints the figures."""
    if PCKH.value:
        _pckh(Path(PCKH.value))
    elif MODEL.value and ANNOTATIONS.value and IMAGES.value:
        _evaluate(MODEL.value, ANNOTATIONS.value)
    else:
        raise app.UsageError("give --model, --annotations and --images, or --pckh")


def _pckh(predictions: Path) -> None:
    from tfpose.evaluation import text
    from tfpose.evaluation.metrics import pckh

    if PCKH_PEOPLE.value and MODEL.value and IMAGES.value:
        _predict_mpii(MODEL.value, Path(PCKH_PEOPLE.value), predictions)
    people = pckh.read_mat(predictions, PCKH_TRUTH.value)
    print(text.pckh_table(people, strict=STRICT.value))


def _evaluate(model: str, annotations: str) -> None:
    from tfpose.evaluation import annotations as truth
    from tfpose.evaluation import costliest as worst
    from tfpose.evaluation import diagnosis, evaluate, files, text

    network = _network(model)
    if HEIGHT.value is not None:
        network = network.with_height(HEIGHT.value)
    skeleton = arguments.skeleton_of(SKELETON.value)
    images = Pictures(map(Path, IMAGES.value))
    people = truth.read(
        annotations,
        skeleton=skeleton,
        known=(network.spec.skeleton,),
        choice=LABELS.choice,
        pictures=images,
    )
    people = people.upright(images)
    label_flags.report([(people.labels, people.skeleton)])
    report = evaluate.evaluate(
        network, people, images, settings=_settings(), boxes=_boxes(people), progress=True
    )
    print(text.figures(report))
    errors = diagnosis.diagnose(report)
    print(text.diagnosis(errors))
    more: dict[str, Any] = {"diagnosis": dataclasses.asdict(errors)}
    if COMPARE.value:
        found = files.compare(report, COMPARE.value)
        print(text.comparison(found))
        more["comparison"] = {"with": COMPARE.value, **dataclasses.asdict(found)}
    costliest = [cost for cost in worst.costs(report)[: WORST.value] if cost.missed or cost.wrong]
    print(text.costs(costliest))
    if OUT.value:
        more["worst"] = [dataclasses.asdict(cost) for cost in costliest]
        files.write(report, OUT.value, **more)
        worst.draw_costs(report, images, costliest, Path(OUT.value) / "worst")
        print(f"wrote {OUT.value}")


def _network(model: str) -> "networks.Network":
    from tfpose.evaluation import network as networks

    network = networks.load(model, threads=THREADS.value, engine=ENGINE.value, workers=True)
    return network.with_refinement(REFINEMENT.value) if REFINEMENT.value else network


def _predict_mpii(model: str, people: Path, out: Path) -> None:
    from tfpose.evaluation import mpii

    found = mpii.read_people(
        _network(model),
        people,
        Pictures(map(Path, IMAGES.value)),
        averaging=Averaging(flip=FLIP.value),
        batch=BATCH.value,
        progress=True,
    )
    mpii.write_mat(found, out)
    if found.unread:
        print(f"{len(found.unread)} people could not be read and count as missed:")
        print(*found.unread, sep="\n  ")


def _settings() -> "evaluate.Settings":
    """The defaults of `evaluate.Settings`, with what the flags say instead."""
    from tfpose.evaluation import evaluate

    if MULTI.value and SCALES.value:
        raise app.UsageError("give --multiscale or --scales, not both")
    scales = tuple(map(float, SCALES.value)) or (MULTISCALE if MULTI.value else (1.0,))
    default = evaluate.Settings()
    assert MODEL.value is not None
    look = SecondLook(mode=LOOK.value, model=READER.value or "")
    own = look.unasked and not is_shipped(MODEL.value)  # as PoseEstimator has it
    alone = own or look.mode == "off"
    alike = {"kind": SUPPRESS.value, "limit": LIMIT.value}
    return dataclasses.replace(
        default,
        averaging=Averaging(flip=FLIP.value, scales=scales),
        batch=BATCH.value,
        subset=SUBSET.value,
        seed=default.seed if SEED.value is None else SEED.value,
        suppression=dataclasses.replace(default.suppression, **_given(alike)),
        second_look="off" if alone else look,
        draws=default.draws if DRAWS.value is None else DRAWS.value,
    )


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _boxes(people: "truth.Truth") -> "boxes.Source | None":
    from tfpose.evaluation import boxes
    from tfpose.evaluation import network as networks

    if not BOXES.value:
        return None
    if BOXES.value.endswith(".json"):
        return boxes.of_detections(BOXES.value, people, min_score=BOX_SCORE.value)
    finder = networks.load(BOXES.value, threads=THREADS.value)
    return boxes.of_network(finder, min_score=BOX_SCORE.value)

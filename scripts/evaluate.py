"""Measures a network on annotated pictures: COCO's AP and AR, or MPII's PCKh.

  python -m scripts.evaluate --model=model.tflite --annotations=person_keypoints_val2017.json \
    --images=val2017.zip --height=368 --flip --out=runs/flip
  python -m scripts.evaluate ... --compare=runs/plain --worst=20 --out=runs/other
  python -m scripts.evaluate --model=hrnet_w32.tflite --boxes=detections.json --suppress=soft ...
  python -m scripts.evaluate --model=hrnet_mpii.keras --pckh_people=valid.json --images=images.zip \
    --pckh=pred.mat --pckh_truth=gt_valid.mat
  python -m scripts.evaluate --pckh=pred.mat --pckh_truth=gt_valid.mat

docs/evaluation.md says what each figure means.
"""

import dataclasses
from pathlib import Path
from typing import Any

from absl import app, flags

from estimator.averaging import MULTISCALE, Averaging
from tfpose import (
    evaluate,
    evaluation_files,
    evaluation_text,
    mpii_predictions,
    networks,
    person_boxes,
    suppression,
    truth,
    worst,
)
from tfpose.metrics import pckh
from tfpose.picture_files import Pictures

DEFAULT = evaluate.Settings()
MODEL = flags.DEFINE_string("model", None, "A .tflite, .keras, SavedModel or a shipped name.")
ANNOTATIONS = flags.DEFINE_string("annotations", None, "COCO keypoints: .json, or .zip of one.")
IMAGES = flags.DEFINE_list("images", [], "Folders and zips with the pictures.")
OUT = flags.DEFINE_string("out", None, "Folder for results.json, summary.json and drawings.")
HEIGHT = flags.DEFINE_integer("height", None, "Base height of a flexible network's input.")
THREADS = flags.DEFINE_integer("threads", None, "Of a .tflite.")
BATCH = flags.DEFINE_integer("batch", None, "Pictures at a time; a .tflite takes one.")
FLIP = flags.DEFINE_bool("flip", DEFAULT.averaging.flip, "Average with the mirrored picture.")
MULTI = flags.DEFINE_bool("multiscale", False, f"Average over the sizes {MULTISCALE}.")
SCALES = flags.DEFINE_list("scales", [], "Other sizes to average over, such as 1,2.")
BOXES = flags.DEFINE_string(
    "boxes", None, "Top-down: a detections.json or a bottom-up model; the truth's if not given."
)
BOX_SCORE = flags.DEFINE_float("box_score", 0.0, "Lowest score of a box that is looked into.")
SUPPRESS = flags.DEFINE_enum(
    "suppress", DEFAULT.suppression.kind, suppression.KINDS, "OKS suppression of two alike."
)
LIMIT = flags.DEFINE_float("oks_limit", DEFAULT.suppression.limit, "How alike two may be.")
SUBSET = flags.DEFINE_integer("subset", None, "Evaluate so many pictures, drawn at random.")
SEED = flags.DEFINE_integer("seed", DEFAULT.seed, "Of the subset and the bootstrap.")
DRAWS = flags.DEFINE_integer("draws", DEFAULT.draws, "Of the bootstrap; 0 leaves intervals out.")
COMPARE = flags.DEFINE_string("compare", None, "results.json, or folder, of another run.")
WORST = flags.DEFINE_integer("worst", 12, "So many of the costliest pictures are listed, drawn.")
PCKH = flags.DEFINE_string("pckh", None, "MPII predictions, a .mat; --pckh_people writes it.")
PCKH_PEOPLE = flags.DEFINE_string("pckh_people", None, "HRNet's valid.json, for a model to read.")
PCKH_TRUTH = flags.DEFINE_string("pckh_truth", None, "MPII's gt_valid.mat, where not in --pckh.")
STRICT = flags.DEFINE_bool("pckh_strict", False, "A joint at the threshold is a miss, as FPD's.")


def main(argv: list[str]) -> None:
    if argv[1:]:
        raise app.UsageError(f"unexpected arguments {argv[1:]}; --images takes a,b")
    try:
        if PCKH.value:
            if PCKH_PEOPLE.value and MODEL.value and IMAGES.value:
                _predict_mpii(MODEL.value, Path(PCKH_PEOPLE.value), Path(PCKH.value))
            people = pckh.read_mat(PCKH.value, PCKH_TRUTH.value)
            print(evaluation_text.pckh_table(people, strict=STRICT.value))
        elif MODEL.value and ANNOTATIONS.value and IMAGES.value:
            _evaluate(MODEL.value, ANNOTATIONS.value)
        else:
            raise app.UsageError("give --model, --annotations and --images, or --pckh")
    except (ValueError, FileNotFoundError) as error:
        raise SystemExit(f"error: {error}") from error


def _evaluate(model: str, annotations: str) -> None:
    network = networks.load(model, threads=THREADS.value)
    if HEIGHT.value is not None:
        network = network.with_height(HEIGHT.value)
    people = truth.read(annotations, known=(network.spec.skeleton,))
    images = Pictures(map(Path, IMAGES.value))
    report = evaluate.evaluate(
        network, people, images, settings=_settings(), boxes=_boxes(people), progress=True
    )
    print(evaluation_text.figures(report))
    more: dict[str, Any] = {}
    if COMPARE.value:
        found = evaluation_files.compare(report, COMPARE.value)
        print(evaluation_text.comparison(found))
        more["comparison"] = {"with": COMPARE.value, **dataclasses.asdict(found)}
    costliest = [cost for cost in worst.costs(report)[: WORST.value] if cost.missed or cost.wrong]
    print(evaluation_text.costs(costliest))
    if OUT.value:
        more["worst"] = [dataclasses.asdict(cost) for cost in costliest]
        evaluation_files.write(report, OUT.value, **more)
        worst.draw_costs(report, images, costliest, Path(OUT.value) / "worst")
        print(f"wrote {OUT.value}")


def _predict_mpii(model: str, people: Path, out: Path) -> None:
    found = mpii_predictions.read_people(
        networks.load(model, threads=THREADS.value),
        people,
        Pictures(map(Path, IMAGES.value)),
        averaging=Averaging(flip=FLIP.value),
        batch=BATCH.value,
        progress=True,
    )
    mpii_predictions.write_mat(found, out)
    if found.unread:
        print(f"{len(found.unread)} people could not be read and count as missed:")
        print(*found.unread, sep="\n  ")


def _settings() -> evaluate.Settings:
    if MULTI.value and SCALES.value:
        raise ValueError("give --multiscale or --scales, not both")
    scales = tuple(map(float, SCALES.value)) or (MULTISCALE if MULTI.value else (1.0,))
    return dataclasses.replace(
        DEFAULT,
        averaging=Averaging(flip=FLIP.value, scales=scales),
        batch=BATCH.value,
        subset=SUBSET.value,
        seed=SEED.value,
        suppression=suppression.Suppression(kind=SUPPRESS.value, limit=LIMIT.value),
        draws=DRAWS.value,
    )


def _boxes(people: truth.Truth) -> person_boxes.Source | None:
    if not BOXES.value:
        return None
    if BOXES.value.endswith(".json"):
        return person_boxes.of_detections(BOXES.value, people, min_score=BOX_SCORE.value)
    finder = networks.load(BOXES.value, threads=THREADS.value)
    return person_boxes.of_network(finder, min_score=BOX_SCORE.value)


if __name__ == "__main__":
    app.run(main)

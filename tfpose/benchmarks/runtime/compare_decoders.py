"""AP of our decoder and of Lightweight OpenPose's on the same maps, with a paired bootstrap.

    tfpose benchmark compare_decoders --maps=FOLDER --truth=annotations.json

FOLDER has one file a picture, `<image id>.npz`: `heatmaps` (h, w, 19), `pafs` (h, w, 38), and
`matrix` (2, 3), from picture to network input. Ours reads them as they are; the original one reads
them enlarged to the picture, and adds half a pixel, as its own evaluation does. The table has a
third row, the original without that half pixel, so that it is not what makes the difference.
"""

import json
from dataclasses import astuple
from pathlib import Path

import numpy as np
from absl import flags

from estimator import geometry
from estimator.outputs import results as writers
from estimator.poses import Poses
from estimator.program import run
from tfpose.evaluation.metrics import coco

from .. import original_decoder, timing
from ..stored_maps import SPEC, read

FLAGS = run.new_flags()

MAPS = flags.DEFINE_string("maps", None, "Folder of maps.", required=True, flag_values=FLAGS)
TRUTH = flags.DEFINE_string(
    "truth", None, "COCO's annotations of the pictures.", required=True, flag_values=FLAGS
)
DRAWS = flags.DEFINE_integer("draws", 1000, "Of the bootstrap.", 1, flag_values=FLAGS)

HALF = np.array([[1, 0, 0.5], [0, 1, 0.5]])


def main(_: list[str]) -> None:
    """Prints the table, and both comparisons."""
    truth = json.loads(Path(TRUTH.value).read_text())
    results: dict[str, list[coco.Result]] = {"original": [], "original, no half": [], "ours": []}
    for image in truth["images"]:
        ours, original = _decode(Path(MAPS.value) / f"{image['id']:012d}.npz", image)
        results["ours"] += writers.coco_results(ours, image["id"])
        results["original"] += writers.coco_results(original.transformed(HALF), image["id"])
        results["original, no half"] += writers.coco_results(original, image["id"])
    evaluations = {name: coco.evaluate(truth, part) for name, part in results.items()}
    half = np.arange(len(truth["images"])) % 2
    rows = []
    for name, found in evaluations.items():
        halves = (found.scores(1 - half).ap, found.scores(half).ap)
        rows.append((name, *(f"{value:.3f}" for value in (*astuple(found.scores()), *halves))))
    print(timing.table(("", "AP", "50", "75", "M", "L", "AR", "AP even", "AP odd"), rows))
    for name in ("original", "original, no half"):
        gain = coco.compare(evaluations[name], evaluations["ours"], draws=DRAWS.value)
        print(
            f"ours above {name}: AP {gain.value:+.3f}, {gain.confidence:.0%} interval "
            f"{gain.low:+.3f} to {gain.high:+.3f}, above in {gain.share_above:.1%} of draws"
        )


def _decode(file: Path, image: dict[str, int]) -> tuple[Poses, Poses]:
    """The people of both decoders, in pixels of the picture."""
    maps = read(file)
    with np.load(file) as arrays:
        matrix = arrays["matrix"]
    ours = SPEC.decode(maps).transformed(geometry.invert(matrix))
    heatmaps, pafs = (
        original_decoder.enlarge_to_picture(
            maps[name], SPEC.outputs.stride, matrix, image["height"], image["width"]
        )
        for name in ("heatmaps", "pafs")
    )
    return ours, original_decoder.decode(heatmaps, pafs)

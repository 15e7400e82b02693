"""Layout: a network's input and output maps, as the spec states them."""

from dataclasses import dataclass

FITS = ("letterbox", "crop")
LONGEST, COARSEST = 8192, 1024  # pixels of an input's side; of a multiple or a stride


@dataclass(frozen=True, kw_only=True)
class ImageSpec:
    """The network's input: RGB, 0..255; normalisation is the network's own first layer.

    Attributes:
      height, width: size that the model was made for, pixels.
      multiple: height and width must be multiples of this number of pixels.
      flexible: the graph can be resized to other multiples; if not, it takes height x width only.
      fit: "letterbox": the input is the whole picture (bottom-up); "crop": a person's box
        (top-down).
      box_padding: factor on the size of the box before it is cut out; "crop" only.
    """

    height: int
    width: int
    multiple: int = 8
    flexible: bool = False
    fit: str = "letterbox"
    box_padding: float = 1.25

    def __post_init__(self) -> None:
        if self.fit not in FITS:
            raise ValueError(f"image.fit must be one of {FITS}, found {self.fit!r}")
        if not 1 <= self.multiple <= COARSEST:
            raise ValueError(
                f"image.multiple must be at least 1 and at most {COARSEST}, found {self.multiple}"
            )
        for name, length in (("height", self.height), ("width", self.width)):
            if not self.multiple <= length <= LONGEST or length % self.multiple:
                raise ValueError(
                    f"image.{name} must be a positive multiple of {self.multiple}, at most "
                    f"{LONGEST}, found {length}"
                )
        if not 0 < self.box_padding <= 100:
            raise ValueError(
                f"image.box_padding must be positive and at most 100, found {self.box_padding}"
            )


@dataclass(frozen=True, kw_only=True)
class OutputSpec:
    """The network's maps: what their channels are, and how targets for them are drawn.

    Attributes:
      stride: input pixels per cell.
      background: the last heatmap channel is 1 - max of the others.
      pafs: there are part affinity fields, two channels per limb, x before y.
      sigma: standard deviation of the keypoints' Gaussians, in input pixels.
      paf_thickness: half the width of the field of a limb, in cells.
    """

    stride: int = 8
    background: bool = True
    pafs: bool = True
    sigma: float = 7.0
    paf_thickness: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= self.stride <= COARSEST:
            raise ValueError(
                f"outputs.stride must be at least 1 and at most {COARSEST}, found {self.stride}"
            )
        if not (0 < self.sigma <= LONGEST and 0 < self.paf_thickness <= LONGEST):
            raise ValueError(
                "outputs.sigma and outputs.paf_thickness must be positive, and at most "
                f"{LONGEST}, found {self.sigma} and {self.paf_thickness}"
            )

    def channels(self, keypoints: int, limbs: int) -> dict[str, int]:
        """The number of channels of each output, by name, for K keypoints and L limbs."""
        channels = {"heatmaps": keypoints + self.background}
        if self.pafs:
            channels["pafs"] = 2 * limbs
        return channels

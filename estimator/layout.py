"""Layout: a network's input and output maps, as the spec states them."""

from dataclasses import dataclass

FITS = ("letterbox", "crop")
LONGEST, COARSEST = 8192, 1024  # pixels of an input's side; of a multiple or a stride
BOXES = "person_boxes"  # name of that map
BOX_CHANNELS = 5  # logit of the score, and four sides (people/box_map.py)


@dataclass(frozen=True, kw_only=True)
class ImageSpec:
    """The network's input: RGB, 0..255; normalisation is the network's own first layer.

    A foreign file may lack that layer: then `scale` says what its pixels are multiplied by.

    Attributes:
      height, width: size that the model was made for, pixels.
      multiple: height and width must be multiples of this number of pixels.
      flexible: the graph can be resized to other multiples; if not, it takes height x width only.
      fit: "letterbox": the input is the whole picture (bottom-up); "crop": a person's box
        (top-down).
      box_padding: factor on the size of the box before it is cut out; "crop" only.
      scale: factor on the pixels; 1, but for a foreign file that reads floats of 0..1 (1 / 255).
    """

    height: int
    width: int
    multiple: int = 8
    flexible: bool = False
    fit: str = "letterbox"
    box_padding: float = 1.25
    scale: float = 1.0

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
        if not 0 < self.scale <= 100:
            raise ValueError(f"image.scale must be positive and at most 100, found {self.scale}")


@dataclass(frozen=True, kw_only=True)
class OutputSpec:
    """The network's maps: what their channels are, and how targets for them are drawn.

    Attributes:
      stride: input pixels per cell; of a SimCC network, of its last feature map.
      background: the last heatmap channel is 1 - max of the others.
      pafs: there are part affinity fields, two channels per limb, x before y.
      sigma: standard deviation of the keypoints' Gaussians, in input pixels.
      paf_thickness: half the width of the field of a limb, in cells.
      simcc: split ratio of a SimCC network, which answers bins along x and along y instead of maps:
        bins per input pixel. 0: maps.
      people: that a network answers which gives keypoints instead of maps (MoveNet: 1 or 6).
      boxes: input pixels per cell of the map of people's boxes. 0: there is none.
    """

    stride: int = 8
    background: bool = True
    pafs: bool = True
    sigma: float = 7.0
    paf_thickness: float = 1.0
    simcc: int = 0
    people: int = 1
    boxes: int = 0

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

        if not 0 <= self.boxes <= COARSEST:
            raise ValueError(
                f"outputs.boxes must be at least 0 and at most {COARSEST}, found {self.boxes}"
            )
        if self.people < 1:
            raise ValueError(f"outputs.people must be at least 1, found {self.people}")
        if self.simcc < 0:
            raise ValueError(f"outputs.simcc must be at least 0, found {self.simcc}")
        if self.simcc and (self.background or self.pafs):
            raise ValueError(
                f"a SimCC network (outputs.simcc {self.simcc}) has no maps: set outputs.background "
                "and outputs.pafs to False"
            )

    def channels(self, keypoints: int, limbs: int) -> dict[str, int]:
        """The number of channels of each map, by name, for K keypoints and L limbs."""
        channels = {"heatmaps": keypoints + self.background}
        if self.pafs:
            channels["pafs"] = 2 * limbs
        if self.boxes:
            channels[BOXES] = BOX_CHANNELS
        return channels

    def map_shapes(
        self, keypoints: int, limbs: int, height: int, width: int
    ) -> dict[str, tuple[int, ...]]:
        """(h, w, C) of each map, by name, for an input of that size."""
        shapes: dict[str, tuple[int, ...]] = {}
        for name, count in self.channels(keypoints, limbs).items():
            stride = self.boxes if name == BOXES else self.stride
            shapes[name] = (height // stride, width // stride, count)
        return shapes

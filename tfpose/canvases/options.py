"""CanvasOptions: sizes and frequencies of what canvases are composed of."""

from dataclasses import dataclass

SHARES = (
    "rotated",
    "occluded",
    "pasted",
    "background",
    "recoloured",
    "blurred",
    "sharpened",
    "grainy",
    "grey",
)


@dataclass(frozen=True, kw_only=True)
class CanvasOptions:
    """Sizes of canvases, and frequencies of what they are composed of.

    Attributes:
      height, width: pixels.
      single, four, pair, nine: relative frequencies of one crop, 2x2, two side by side, 3x3.
      person: smallest and largest longer side of the person of a crop, pixels; the logarithm is
        drawn evenly. In mosaics, people are smaller in proportion.
      enlarge: largest factor on a picture.
      rotated: share of rotated crops.
      rotation: standard deviation of their angle, degrees; clipped at four times that.
      zoom: largest factor on a picture without labelled people, beyond covering the crop.
      occluded: share of canvases with one to three patches: ellipses and rotated rectangles, cut
        from pictures without people, whose half axes are 6 to 30% of the canvas's sides.
      pasted: share of canvases with one to three pasted people.
      background: share of crops that show a picture without people, not a colour, outside of their
        own picture.
      recoloured, blurred, sharpened: share of canvases with other contrast and brightness, with a
        3x3 Gaussian blur, and with an unsharp mask (enlarged pictures lack the fine edges of a
        camera's), before the teacher sees them.
      grainy, grey: share of canvases with a sensor's noise, and without colours, likewise.
    """

    height: int = 288
    width: int = 288
    single: float = 0.45
    four: float = 0.35
    pair: float = 0.10
    nine: float = 0.10
    person: tuple[float, float] = (60.0, 340.0)
    enlarge: float = 3.0
    rotated: float = 0.6
    rotation: float = 9.0
    zoom: float = 1.6
    occluded: float = 0.4
    pasted: float = 0.5
    background: float = 0.9
    recoloured: float = 0.5
    blurred: float = 0.1
    sharpened: float = 0.25
    grainy: float = 0.2
    grey: float = 0.04

    def __post_init__(self) -> None:
        if min(self.height, self.width) < 32:
            raise ValueError(f"a canvas has at least 32x32, found {self.height}x{self.width}")
        shares = (self.single, self.four, self.pair, self.nine)
        if min(shares) < 0 or not sum(shares) > 0:
            raise ValueError(f"single, four, pair, nine must be weights, found {shares}")
        low, high = self.person
        if not 0 < low <= high:
            raise ValueError(f"person must be smallest and largest, found {self.person}")
        if not (self.enlarge > 0 and self.zoom >= 1 and self.rotation >= 0):
            raise ValueError(
                "enlarge must be positive, zoom at least 1 and rotation not negative, found "
                f"{self.enlarge}, {self.zoom} and {self.rotation}"
            )
        for name in SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be a share of 0..1, found {getattr(self, name)}")

from dataclasses import replace

import numpy as np
import pytest

from estimator import skeletons
from estimator.decoders import heatmap, simcc
from estimator.inputs.mirroring import merge_mirrored
from estimator.layout import ImageSpec, OutputSpec
from estimator.spec import PoseSpec
from tests.toy_skeleton import TOY

SPEC = PoseSpec(
    model="toy",
    skeleton=TOY,
    image=ImageSpec(height=64, width=32, multiple=32, fit="crop"),
    outputs=OutputSpec(stride=32, background=False, pafs=False, simcc=2),
    decoder=simcc.Parameters(),
)
PLACES = np.array([[3.0, 20], [10.25, 30.75], [20, 40.1], [28.9, 60], [0, 5]], np.float32)


def bins(places: np.ndarray, spec: PoseSpec = SPEC, height: float = 0.9) -> dict[str, np.ndarray]:
    """Gaussians as wide as labels at places in pixels, with bin i at (i + 0.5) / ratio - 0.5."""
    drawn = {}
    for axis, (name, (_, count)) in enumerate(spec.shapes().items()):
        centre = (places[:, axis : axis + 1] + 0.5) * spec.outputs.simcc - 0.5
        distance = np.arange(count) - centre
        drawn[name] = (height * np.exp(-(distance**2) / (2 * count / 16))).astype(np.float32)
    return drawn


def test_shapes_are_the_bins() -> None:
    assert SPEC.shapes() == {"simcc_x": (5, 64), "simcc_y": (5, 128)}
    assert SPEC.channels == {"simcc_x": 64, "simcc_y": 128}
    assert PoseSpec.from_json(SPEC.to_json()) == SPEC


def test_the_deviation_is_rtmposes() -> None:
    assert [round(simcc.sigma(count), 2) for count in (384, 512)] == [4.9, 5.66]


def test_keypoints_come_back_within_a_fortieth_of_a_pixel() -> None:
    people = SPEC.decode(bins(PLACES))
    inner = slice(0, 4)  # the last lies at the border, where nothing is refined
    assert np.abs(people.xy[0, inner] - PLACES[inner]).max() < 0.025
    assert np.abs(people.xy[0] - PLACES).max() < 0.26  # half a bin
    assert people.score[0] == pytest.approx(0.9, abs=0.03)
    assert people.person_score[0] == pytest.approx(0.9, abs=0.03)


def test_without_refinement_it_is_the_bin() -> None:
    spec = replace(SPEC, decoder=simcc.Parameters(refinement="none"))
    found = spec.decode(bins(PLACES)).xy[0]
    assert found.tolist() == (((PLACES + 0.5) * 2 - 0.5).round() * 0.5 - 0.25).tolist()


def test_mmposes_bin_i_lies_at_pixel_i_half() -> None:
    outputs = {name: np.zeros(shape, np.float32) for name, shape in SPEC.shapes().items()}
    outputs["simcc_x"][:, 20], outputs["simcc_y"][:, 30] = 0.5, 0.7
    spec = replace(SPEC, decoder=simcc.Parameters(offset=0.25, refinement="none"))
    people = spec.decode(outputs)
    assert people.xy[0, 0].tolist() == [10, 15]
    assert people.score[0].tolist() == pytest.approx([0.5] * 5)  # the lower of both


def test_what_is_not_above_the_score_is_not_found() -> None:
    outputs = bins(PLACES)
    outputs["simcc_x"][1] = 0
    people = SPEC.decode(outputs)
    assert people.found[0].tolist() == [True, False, True, True, True]
    assert np.isnan(people.xy[0, 1]).all()
    nobody = SPEC.decode({name: np.zeros_like(rows) for name, rows in outputs.items()})
    assert not nobody.found.any()
    assert nobody.person_score.tolist() == [0]


@pytest.mark.parametrize("offset", [0.0, 0.25])
def test_a_mirrored_picture_adds_the_same_keypoints(offset: float) -> None:
    spec = replace(SPEC, decoder=simcc.Parameters(offset=offset))
    places, width = PLACES[:4], SPEC.image.width
    places = np.concatenate([places, [[15.0, 31]]]).astype(np.float32)
    mirrored = places.copy()[list(TOY.flip_order)]
    mirrored[:, 0] = width - 1 - mirrored[:, 0]
    merged = merge_mirrored(bins(places - offset), bins(mirrored - offset), spec)
    assert np.abs(spec.decode(merged).xy[0] - places).max() < 0.03


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(ValueError, match="go together"):
        replace(SPEC, decoder=heatmap.Parameters())
    with pytest.raises(ValueError, match="go together"):
        replace(SPEC, outputs=replace(SPEC.outputs, simcc=0))
    with pytest.raises(ValueError, match="has no maps"):
        OutputSpec(simcc=2)
    with pytest.raises(ValueError, match="refinement of SimCC must be one of"):
        simcc.Parameters(refinement="dark")
    with pytest.raises(ValueError, match="NaN"):
        SPEC.decode({name: np.full_like(rows, np.nan) for name, rows in bins(PLACES).items()})
    with pytest.raises(ValueError, match="simcc_x"):
        SPEC.decode({name: rows[:4] for name, rows in bins(PLACES).items()})


def test_corners_are_the_first_and_last_pixel() -> None:
    """Unbiased data processing, of ViTPose's own weights."""
    skeleton = skeletons.get("coco17")
    maps = np.zeros((1, 64, 48, 17), np.float32)
    maps[0, 0, 0, 0] = maps[0, 63, 47, 1] = 1
    layout = OutputSpec(stride=4, background=False, pafs=False)
    parameters = heatmap.Parameters(refinement="none", corners=True)
    people = heatmap.decode_boxes(maps, skeleton, layout, parameters)
    assert people.xy[0, :2].ravel().tolist() == pytest.approx([0, 0, 191, 255])
    with pytest.raises(ValueError, match="offset must be 0"):
        heatmap.Parameters(corners=True, offset=1.0)

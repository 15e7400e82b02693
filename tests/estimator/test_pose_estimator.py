from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from estimator import PoseEstimator, bundle, pose_estimator
from estimator.decoders import heatmap
from estimator.inputs import preprocess
from estimator.inputs.averaging import Averaging
from estimator.layout import OutputSpec
from estimator.outputs import results

from .conftest import colour_spec

Model = Callable[..., Path]
PLACES = np.array([[11.5, 11.5], [27.5, 11.5], [43.5, 11.5]])  # of the blobs: red, green, blue


def test_finds_the_blobs_as_one_person(colour_model: Model, blobs: np.ndarray) -> None:
    poses = PoseEstimator(colour_model())(blobs)
    assert poses.skeleton.name == "colours"
    assert np.allclose(poses.xy, [PLACES], atol=0.01)
    assert np.allclose(poses.score, 1, atol=0.01)


def test_finds_nobody_in_the_dark(colour_model: Model) -> None:
    assert len(PoseEstimator(colour_model())(np.zeros((32, 48, 3), np.uint8))) == 0


@pytest.mark.parametrize("flexible", [True, False])
@pytest.mark.parametrize(("up", "right"), [(0, 0), (1, 1)])
def test_places_are_pixels_of_the_picture(
    flexible: bool, up: int, right: int, colour_model: Model, blobs: np.ndarray
) -> None:
    # enlarged threefold, then with a black border of whole cells: the network sees it smaller
    large = blobs.repeat(3, axis=0).repeat(3, axis=1)
    padded = np.pad(large, ((24 * up, 0), (0, 24 * right), (0, 0)))
    model = colour_model(flexible=flexible, height=64, width=96) if flexible else colour_model()
    poses = PoseEstimator(model)(padded)
    expected = (PLACES + 0.5) * 3 - 0.5 + [0, 24 * up]
    assert len(poses) == 1
    assert np.abs(poses.xy[0] - expected).max() < 8  # less than a cell's 24 pixels


def test_wide_picture_is_not_squeezed_into_a_flexible_graph(
    colour_model: Model, blobs: np.ndarray
) -> None:
    twins = np.concatenate([blobs, blobs], axis=1)  # 32 x 96
    poses = PoseEstimator(colour_model(flexible=True))(twins)
    assert len(poses) == 2
    left, right = sorted(poses.xy.tolist())
    assert np.allclose(left, PLACES, atol=0.01)
    assert np.allclose(right, np.add(PLACES, [48, 0]), atol=0.01)


def test_maps_come_with_the_matrix_that_made_them(colour_model: Model, blobs: np.ndarray) -> None:
    estimator = PoseEstimator(colour_model())
    maps = estimator.maps(blobs)
    assert maps.outputs["heatmaps"].shape == (4, 6, 4)
    assert np.allclose(maps.matrix, np.eye(2, 3))
    assert np.array_equal(estimator.decode(maps).xy, estimator(blobs).xy)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
@pytest.mark.parametrize("flexible", [True, False])
def test_thin_pictures_have_nobody(
    size: tuple[int, int], flexible: bool, colour_model: Model
) -> None:
    estimator = PoseEstimator(colour_model(flexible=flexible))
    assert len(estimator(np.zeros((*size, 3), np.uint8))) == 0


def test_height_changes_the_input_of_a_flexible_graph(
    colour_model: Model, blobs: np.ndarray
) -> None:
    estimator = PoseEstimator(colour_model(flexible=True), height=64)
    assert estimator.maps(blobs).outputs["heatmaps"].shape == (8, 12, 4)
    with pytest.raises(ValueError, match="fixed graph of 32x48; height 64 needs one exported"):
        PoseEstimator(colour_model(), height=64)
    with pytest.raises(ValueError, match="height must be at least 1 pixel, found 0"):
        PoseEstimator(colour_model(flexible=True), height=0)


@pytest.mark.parametrize(("height", "used"), [(57, 64), (64, 64), (65, 72), (1, 8), (32, 32)])
def test_a_height_is_rounded_up_to_what_the_network_takes(
    colour_model: Model, height: int, used: int
) -> None:
    assert PoseEstimator(colour_model(flexible=True), height=height).spec.image.height == used


def test_decoder_parameters_can_be_changed(colour_model: Model, blobs: np.ndarray) -> None:
    estimator = PoseEstimator(colour_model(), decoder={"min_keypoints": 4})
    assert estimator.spec.decoder.min_keypoints == 4
    assert len(estimator(blobs)) == 0
    with pytest.raises(ValueError, match=r"decoder 'paf' of colours has the parameters .*'magic'"):
        PoseEstimator(colour_model(), decoder={"magic": 1})


def test_another_engine_can_run_the_network(colour_model: Model, blobs: np.ndarray) -> None:
    shapes: list[tuple[int, ...]] = []

    def blind(image: np.ndarray) -> dict[str, np.ndarray]:
        shapes.append(image.shape)
        return {name: np.zeros((1, 4, 6, 4), np.float32) for name in ("heatmaps", "pafs")}

    estimator = PoseEstimator(colour_model(), runner=blind)
    assert len(estimator(blobs)) == 0
    assert shapes == [(1, 32, 48, 3)]
    assert (estimator.engine, PoseEstimator(colour_model()).engine) == ("own", "litert")


def test_boxes_are_for_top_down_models(colour_model: Model, blobs: np.ndarray) -> None:
    for boxes in ([(0, 0, 5, 5)], []):
        with pytest.raises(ValueError, match="colours finds people by itself"):
            PoseEstimator(colour_model())(blobs, boxes=boxes)


@pytest.fixture
def top_down(colour_flatbuffer: bytes, tmp_path: Path) -> PoseEstimator:
    decoder = heatmap.Parameters(refinement="none")
    spec = replace(colour_spec(fit="crop", box_padding=1.0), decoder=decoder)
    path = tmp_path / "top_down.tflite"
    bundle.write_tflite(path, colour_flatbuffer, spec)
    return PoseEstimator(path)


def test_top_down_answers_box_by_box_in_their_order(
    top_down: PoseEstimator, blobs: np.ndarray
) -> None:
    scene = np.zeros((200, 300, 3), np.uint8)
    scene[100:132, 200:248] = blobs
    scene[10:42, 20:68] = blobs
    poses = top_down(scene, boxes=[(199.5, 99.5, 48, 32), (19.5, 9.5, 48, 32)])
    assert np.allclose(poses.xy, [np.add(PLACES, [200, 100]), np.add(PLACES, [20, 10])])


@pytest.mark.parametrize("batch", [2, 3, 8])
@pytest.mark.parametrize("flip", [False, True])
def test_boxes_in_batches_answer_as_they_do_one_by_one(
    batch: int, flip: bool, top_down: PoseEstimator, blobs: np.ndarray, tmp_path: Path
) -> None:
    scene = np.random.default_rng(0).integers(0, 100, (200, 300, 3), np.uint8)
    boxes = [(50.0 * index, 20.0 * index, 48, 32) for index in range(5)]
    for x, y, width, height in np.array(boxes, int):
        scene[y : y + height, x : x + width] = blobs
    shapes = []

    class Counting:
        def __call__(self, image: np.ndarray) -> dict[str, np.ndarray]:
            shapes.append(len(image))
            return top_down.runner(image)

    averaging = Averaging(flip=flip)
    path = tmp_path / "top_down.tflite"
    together = PoseEstimator(path, batch=batch, runner=Counting(), averaging=averaging)
    shapes.clear()
    one_by_one = PoseEstimator(path, averaging=averaging)(scene, boxes)
    found = together(scene, boxes)
    assert np.array_equal(found.xy, one_by_one.xy)
    assert np.array_equal(found.person_score, one_by_one.person_score)
    assert sum(shapes) == len(boxes) * (1 + flip)
    assert max(shapes) == min(batch, len(boxes))


def test_batches_are_for_boxes(
    colour_model: Model, top_down: PoseEstimator, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="boxes are for models whose spec has"):
        PoseEstimator(colour_model(), batch=2)
    with pytest.raises(ValueError, match="batch must be at least 1, found 0"):
        PoseEstimator(tmp_path / "top_down.tflite", batch=0)


class Spotlight:
    """In place of a network: a Gaussian where a crop's light of each colour has its middle."""

    def __init__(self, stride: int, sigma: float) -> None:
        self._stride, self._sigma = stride, sigma

    def __call__(self, image: np.ndarray) -> dict[str, np.ndarray]:
        light = np.maximum(image.astype(np.float64) - preprocess.GREY, 0)  # (B, H, W, 3)
        y, x = np.indices(light.shape[1:3])
        total = light.sum(axis=(1, 2))  # (B, 3)
        places = [np.einsum("bhwk,hw->bk", light, axis) / total for axis in (x, y)]
        rows, columns = (
            (np.arange(n // self._stride) + 0.5) * self._stride - 0.5 for n in image.shape[1:3]
        )
        across = columns - places[0][:, :, np.newaxis]  # (B, 3, w)
        down = rows - places[1][:, :, np.newaxis]  # (B, 3, h)
        peaks = [np.exp(-(distance**2) / (2 * self._sigma**2)) for distance in (down, across)]
        return {"heatmaps": np.einsum("bkh,bkw->bhwk", *peaks).astype(np.float32)}


@pytest.mark.parametrize("longest", [40, 200, 600])
def test_a_keypoint_s_way_into_a_crop_and_back_loses_under_half_a_pixel(
    longest: int, colour_flatbuffer: bytes, tmp_path: Path
) -> None:
    """Boxes smaller than, like, and more than twice as large as the input of 256 x 192; pixels of
    the picture. A disc of light a keypoint is cut out, placed by maps, and found again."""
    spec = colour_spec(height=256, width=192, fit="crop")
    outputs = OutputSpec(stride=4, background=False, pafs=False, sigma=8.0)
    spec = replace(spec, decoder=heatmap.Parameters(), outputs=outputs)
    bundle.write_tflite(tmp_path / "m.tflite", colour_flatbuffer, spec)
    estimator = PoseEstimator(tmp_path / "m.tflite", runner=Spotlight(4, 8.0))
    random = np.random.default_rng(longest)
    for _ in range(20):
        box = [*random.uniform(10, 60, 2), *random.uniform(0.5, 1, 2) * longest]
        truth = np.array(box[:2]) + random.uniform(0.2, 0.8, (3, 2)) * box[2:]
        picture = np.zeros((700, 700, 3), np.uint8)
        for channel, (x, y) in enumerate(truth):
            layer = np.zeros((700, 700), np.uint8)
            centre = (round(x * 256), round(y * 256))
            cv2.circle(layer, centre, round(longest / 12 * 256), 255, -1, cv2.LINE_AA, 8)
            picture[..., channel] = layer
        found = estimator(picture, [box]).xy[0]
        assert np.abs(found - truth).max() < 0.5


def test_top_down_without_boxes_takes_the_whole_picture(
    top_down: PoseEstimator, blobs: np.ndarray
) -> None:
    assert np.allclose(top_down(blobs).xy, [PLACES])
    assert len(top_down(blobs, boxes=[])) == 0


def test_model_without_spec_is_refused(colour_flatbuffer: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(colour_flatbuffer)
    with pytest.raises(ValueError, match=r"carries no pose_spec\.json; was it written by"):
        PoseEstimator(tmp_path / "m.tflite")


def test_saved_model_is_refused_with_the_fix(tmp_path: Path) -> None:
    bundle.write_saved_model(tmp_path / "m", colour_spec())
    with pytest.raises(ValueError, match=r"is a SavedModel; give the \.tflite"):
        PoseEstimator(tmp_path / "m")


@pytest.mark.parametrize("name", ["m.tflite", "folder/m"])
def test_missing_file_is_named(name: str) -> None:
    with pytest.raises(FileNotFoundError, match=f"no model at {name}"):
        PoseEstimator(name)


def test_model_is_found_by_its_name(
    colour_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blobs: np.ndarray
) -> None:
    monkeypatch.setattr(pose_estimator, "SHIPPED", tmp_path / "saved_models")
    with pytest.raises(FileNotFoundError, match=r"shipped are none yet; .*path"):
        PoseEstimator("colours")
    folder = tmp_path / "saved_models" / "colours"
    folder.mkdir(parents=True)
    colour_model().rename(folder / "model.tflite")
    assert len(PoseEstimator("colours")(blobs)) == 1
    with pytest.raises(FileNotFoundError, match="no model 'shapes': shipped are colours"):
        PoseEstimator("shapes")


def test_a_path_and_a_list_of_paths_are_read(
    colour_model: Model, blobs: np.ndarray, tmp_path: Path
) -> None:
    results.write_picture(tmp_path / "a.png", blobs)
    estimator = PoseEstimator(colour_model())
    expected = estimator(blobs)
    assert np.allclose(estimator(tmp_path / "a.png").xy, expected.xy, equal_nan=True)
    (one,) = estimator([str(tmp_path / "a.png")])
    assert np.allclose(one.xy, expected.xy, equal_nan=True)
    with pytest.raises(FileNotFoundError):
        estimator("nosuch.jpg")


def test_a_list_of_pictures_gives_a_list(colour_model: Model, blobs: np.ndarray) -> None:
    estimator = PoseEstimator(colour_model())
    assert estimator([]) == []
    one, nobody = estimator([blobs, np.zeros((64, 64, 3), np.uint8)])
    assert np.array_equal(one.xy, estimator(blobs).xy)
    assert len(nobody) == 0
    with pytest.raises(ValueError, match="boxes are of one picture"):
        estimator([blobs], [(0, 0, 4, 4)])


def test_several_sizes_find_the_same_places(colour_model: Model, blobs: np.ndarray) -> None:
    model = colour_model(flexible=True)
    poses = PoseEstimator(model, averaging=Averaging(scales=(1.0, 2.0)))(blobs)
    assert np.allclose(poses.xy, [PLACES], atol=3)  # a cell has 8 pixels


def test_a_limb_that_points_right_is_undone_by_its_mirror_image(
    colour_model: Model, blobs: np.ndarray
) -> None:
    """The network says "right" of mirrored pictures, too, so that the mean field is 0."""
    estimator = PoseEstimator(colour_model(), averaging=Averaging(flip=True))
    maps = estimator.maps(blobs)
    assert np.allclose(maps.outputs["pafs"], 0, atol=1e-6)
    assert np.allclose(
        maps.outputs["heatmaps"], PoseEstimator(colour_model()).maps(blobs).outputs["heatmaps"]
    )


def test_averaging_that_cannot_be_is_refused_before_the_first_picture(colour_model: Model) -> None:
    with pytest.raises(ValueError, match="scale 1 only, found 2"):
        PoseEstimator(colour_model(), averaging=Averaging(scales=(1.0, 2.0)))


def test_threads_share_one_estimator(colour_model: Model, blobs: np.ndarray) -> None:
    estimator = PoseEstimator(colour_model(flexible=True))
    pictures = [np.ascontiguousarray(blobs[:, : 8 * columns]) for columns in range(4, 9)]
    alone = [estimator(picture).xy for picture in pictures]

    def same(index: int) -> bool:
        found = estimator(pictures[index % len(pictures)])
        return np.array_equal(found.xy, alone[index % len(pictures)], equal_nan=True)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(same, range(100)))

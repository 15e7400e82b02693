from dataclasses import replace

import numpy as np
import pytest

from estimator.skeleton import Skeleton
from estimator.spec import PoseSpec
from tfpose import models
from tfpose.losses.distillation import Teacher, TeacherOptions, channels, distilled_terms
from tfpose.losses.maps import LossOptions, label_terms


def skeleton(name: str, keypoints: str, limbs: tuple[tuple[int, int], ...], **rest) -> Skeleton:
    names = tuple(keypoints.split())
    return Skeleton(
        name=name,
        keypoints=names,
        limbs=limbs,
        flip_pairs=(),
        sigmas=(0.1,) * len(names),
        **rest,
    )


ARM = skeleton("arm", "shoulder elbow wrist", ((0, 1), (1, 2)))
TURNED = skeleton("turned", "wrist shoulder elbow tip", ((0, 2), (1, 2), (0, 3)))
FOOT = skeleton("foot", "heel toe", ((0, 1),))


def spec(of: Skeleton, *, stride: int = 8, background: bool = True) -> PoseSpec:
    whole = models.spec("lightweight_openpose", skeleton=of, height=32, width=48)
    outputs = replace(whole.outputs, stride=stride, background=background)
    image = replace(whole.image, multiple=16)
    return replace(whole, image=image, outputs=outputs)


def test_the_same_skeleton_is_learnt_channel_by_channel() -> None:
    picked = channels(spec(ARM), spec(ARM))
    assert picked["heatmaps"].taught.tolist() == [1, 1, 1, 1]
    assert picked["heatmaps"].matrix[:3, :3].tolist() == np.eye(3).tolist()
    assert picked["pafs"].matrix.tolist() == np.eye(4).tolist()


def test_channels_are_picked_by_name_and_a_limb_may_run_the_other_way() -> None:
    picked = channels(spec(TURNED), spec(ARM))
    assert picked["heatmaps"].matrix.argmax(axis=1)[:3].tolist() == [1, 2, 0]
    shoulder_elbow, elbow_wrist = picked["pafs"].matrix[0], picked["pafs"].matrix[2]
    assert shoulder_elbow.tolist() == [0, 0, 1, 0, 0, 0]
    assert elbow_wrist.tolist() == [-1, 0, 0, 0, 0, 0]


def test_what_the_teacher_does_not_know_is_left_to_the_labels() -> None:
    picked = channels(spec(ARM), spec(TURNED))
    assert picked["heatmaps"].taught.tolist() == [1, 1, 1, 0, 0]  # no tip, hence no background
    assert picked["pafs"].taught.tolist() == [1, 1, 1, 1, 0, 0]


def test_a_derived_keypoint_is_not_known() -> None:
    neck = skeleton("neck", "shoulder wrist neck", (), derived={"neck": ("shoulder", "wrist")})
    picked = channels(spec(ARM), _without_pafs(neck))
    assert picked["heatmaps"].taught.tolist() == [1, 1, 0, 0]
    assert list(picked) == ["heatmaps"]


def _without_pafs(of: Skeleton) -> PoseSpec:
    whole = models.spec("lightweight_openpose", height=32, width=48)
    return replace(whole, skeleton=of, outputs=replace(whole.outputs, pafs=False))


def test_strangers_are_refused() -> None:
    with pytest.raises(ValueError, match="share no keypoint: shoulder, elbow, wrist against heel"):
        channels(spec(ARM), spec(FOOT))


@pytest.mark.parametrize("stride", [4, 8, 16])
def test_a_lit_cell_stays_in_its_place_at_another_stride(stride: int) -> None:
    """The blob's centre of mass in pixels is the same in the teacher's and the student's maps."""
    teacher, student = spec(ARM, stride=stride), spec(ARM)
    h, w = 64 // stride, 96 // stride
    maps = np.zeros((1, h, w, 4), np.float32)
    rows, columns = np.mgrid[:h, :w]
    x, y = (columns + 0.5) * stride - 0.5, (rows + 0.5) * stride - 0.5
    maps[0, ..., 0] = np.exp(-((x - 40) ** 2 + (y - 30) ** 2) / (2 * 12**2))
    pafs = np.zeros((1, h, w, 4), np.float32)
    network = Teacher(lambda _: {"heatmaps": [maps], "pafs": pafs}, teacher, student)
    found = np.asarray(network(np.zeros((1, 64, 96, 3), np.uint8))["heatmaps"])[0, ..., 0]
    assert found.shape == (8, 12)
    rows, columns = np.mgrid[:8, :12]
    centre = [(found * axis).sum() / found.sum() for axis in (columns, rows)]
    pixels = [(axis + 0.5) * 8 - 0.5 for axis in centre]
    assert pixels == pytest.approx([40, 30], abs=1.0)


def test_the_background_is_what_the_keypoints_leave() -> None:
    maps = np.random.default_rng(0).uniform(size=(1, 4, 6, 4)).astype(np.float32)
    network = Teacher(lambda _: {"heatmaps": maps, "pafs": maps}, spec(ARM), spec(ARM))
    found = np.asarray(network(np.zeros((1, 32, 48, 3), np.float32))["heatmaps"])
    np.testing.assert_allclose(found[..., 3], 1 - maps[..., :3].max(axis=-1), rtol=1e-6)


def test_a_scale_shows_the_teacher_a_larger_picture() -> None:
    seen = []

    def network(image):
        seen.append(tuple(image.shape))
        return {head: np.zeros((1, 6, 9, 4), np.float32) for head in ("heatmaps", "pafs")}

    maps = Teacher(network, spec(ARM), spec(ARM), scale=1.5)(np.zeros((1, 32, 48, 3), np.uint8))
    assert seen == [(1, 48, 64, 3)]  # to multiples of 16
    assert maps["pafs"].shape == (1, 4, 6, 4)


def terms_of(alpha: float, **batch) -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    outputs = {"heatmaps": [random.normal(size=(2, 4, 6, 3)).astype(np.float32)] * 2}
    labels = {"heatmaps": random.normal(size=(2, 4, 6, 3)).astype(np.float32), **batch}
    taught = {"heatmaps": random.normal(size=(2, 4, 6, 3)).astype(np.float32)}
    known = {"heatmaps": np.array([1, 1, 0], np.float32)}
    terms = distilled_terms(outputs, labels, taught, known, alpha, LossOptions())
    return {name: np.asarray(value) for name, value in terms.items()}


def squares(index: int) -> np.ndarray:
    """Mean squares by picture and channel against labels (0) or teacher (1)."""
    random = np.random.default_rng(1)
    student, *others = (random.normal(size=(2, 4, 6, 3)).astype(np.float32) for _ in range(3))
    return ((student - others[index]) ** 2).mean(axis=(1, 2))


def test_alpha_shares_between_teacher_and_labels_on_every_stage() -> None:
    terms = terms_of(0.25)
    assert sorted(terms) == [
        *("heatmaps.1", "heatmaps.2", "teacher.heatmaps.1", "teacher.heatmaps.2"),
    ]
    labels, teacher = squares(0), squares(1)
    told, learnt = np.array([0.75, 0.75, 1]), np.array([0.25, 0.25, 0])
    np.testing.assert_allclose(terms["heatmaps.2"], (labels * told).mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(terms["teacher.heatmaps.1"], (teacher * learnt).mean(1), rtol=1e-5)


def test_a_picture_without_labels_has_the_teacher_alone_in_full() -> None:
    terms = terms_of(0.25, labelled=np.array([0, 1], np.float32))
    assert terms["heatmaps.1"][0] == 0
    alone = (squares(1) * np.array([1, 1, 0])).mean(axis=1)
    assert terms["teacher.heatmaps.1"][0] == pytest.approx(alone[0], rel=1e-5)
    assert terms["teacher.heatmaps.1"][1] == pytest.approx(alone[1] / 4, rel=1e-5)


def test_alpha_zero_is_training_without_a_teacher() -> None:
    random = np.random.default_rng(1)
    outputs = {"heatmaps": [random.normal(size=(2, 4, 6, 3)).astype(np.float32)] * 2}
    labels = {"heatmaps": random.normal(size=(2, 4, 6, 3)).astype(np.float32)}
    expected = label_terms(outputs, labels, LossOptions())
    terms = terms_of(0.0)
    np.testing.assert_allclose(terms["heatmaps.1"], np.asarray(expected["heatmaps.1"]))
    assert terms["teacher.heatmaps.1"].tolist() == [0, 0]


def test_the_mask_of_the_labels_does_not_hold_for_the_teacher() -> None:
    terms = terms_of(0.5, mask=np.zeros((2, 4, 6), np.float32))
    assert terms["heatmaps.1"].tolist() == [0, 0]
    assert (terms["teacher.heatmaps.1"] > 0).all()


@pytest.mark.parametrize("wrong", [{"alpha": 1.5}, {"scale": 0.0}])
def test_impossible_options_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match=r"teacher\.alpha"):
        TeacherOptions(**wrong)


def test_a_top_down_model_cannot_teach_a_bottom_up_one() -> None:
    crop = replace(spec(ARM), image=replace(spec(ARM).image, fit="crop"))
    with pytest.raises(ValueError, match="reads a crop cannot teach a student that reads a letter"):
        Teacher(lambda _: {}, crop, spec(ARM))

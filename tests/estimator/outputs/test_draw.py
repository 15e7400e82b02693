from dataclasses import replace

import numpy as np
import pytest

from estimator import skeletons
from estimator.inputs import preprocess
from estimator.layout import ImageSpec
from estimator.outputs import draw
from estimator.poses import Poses
from tests.estimator.conftest import COLOURS

COCO = skeletons.get("coco17")


def upright_person(height: float, left: float = 0.0, top: float = 0.0) -> Poses:
    """A standing coco17 person that fills a box of height x height / 2."""
    x = np.array([5, 6, 4, 7, 3, 8, 2, 9, 1, 10, 0, 7, 3, 7, 3, 7, 3]) / 10 * height / 2
    y = np.array([1, 0, 0, 1, 1, 3, 3, 4, 4, 5, 5, 6, 6, 8, 8, 10, 10]) / 10 * height
    xy = np.stack([x + left, y + top], axis=1)[None].astype(np.float32)
    score = np.ones((1, 17), np.float32)
    return Poses(skeleton=COCO, xy=xy, score=score, person_score=np.ones(1, np.float32))


def changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return (before != after).any(axis=2)


def test_nobody_leaves_the_picture_as_it_was() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    drawn = draw.skeletons(picture, Poses.empty(COCO))
    assert np.array_equal(drawn, picture)
    assert drawn is not picture


def test_picture_given_is_not_drawn_on() -> None:
    picture = np.zeros((100, 60, 3), np.uint8)
    draw.skeletons(picture, upright_person(90), scores=True)
    assert not picture.any()


def test_limbs_lie_between_their_keypoints() -> None:
    poses = upright_person(180, left=10, top=10)
    picture = np.zeros((200, 120, 3), np.uint8)
    drawn = draw.skeletons(picture, poses)
    for start, end in COCO.drawn_limbs:
        for share in (0, 0.5, 1):
            x, y = np.round(poses.xy[0, start] * (1 - share) + poses.xy[0, end] * share).astype(int)
            assert drawn[y, x].any()


def test_sides_have_their_colours() -> None:
    poses = upright_person(180, left=10, top=10)
    drawn = draw.skeletons(np.zeros((200, 120, 3), np.uint8), poses)
    for name, colour in (("left_ankle", draw._LEFT), ("right_ankle", draw._RIGHT)):
        x, y = np.round(poses.xy[0, COCO.keypoints.index(name)]).astype(int)
        assert tuple(drawn[y, x].tolist()) == colour


def test_people_have_different_colours() -> None:
    two = upright_person(80, left=5, top=5), upright_person(80, left=60, top=5)
    poses = Poses(
        skeleton=COCO,
        xy=np.concatenate([person.xy for person in two]),
        score=np.concatenate([person.score for person in two]),
        person_score=np.ones(2, np.float32),
    )
    drawn = draw.skeletons(np.zeros((100, 120, 3), np.uint8), poses, colour_by="person")
    ankles = [drawn[tuple(np.round(xy[15, ::-1]).astype(int))].tolist() for xy in poses.xy]
    assert ankles[0] != ankles[1]


def test_weak_keypoints_and_their_limbs_are_left_out() -> None:
    poses = upright_person(180, left=10, top=10)
    score = poses.score.copy()
    score[0, 15] = 0.2  # left ankle
    weak = Poses(skeleton=COCO, xy=poses.xy, score=score, person_score=poses.person_score)
    picture = np.zeros((200, 120, 3), np.uint8)
    x, y = np.round(poses.xy[0, 15]).astype(int)
    assert draw.skeletons(picture, weak)[y, x].any()
    assert not draw.skeletons(picture, weak, min_score=0.3)[y, x].any()


def test_lone_keypoint_is_a_dot_where_it_is() -> None:
    xy = np.full((1, 3, 2), np.nan, np.float32)
    xy[0, 1] = 30, 20
    score = np.array([[0, 1, 0]], np.float32)
    poses = Poses(skeleton=COLOURS, xy=xy, score=score, person_score=np.ones(1, np.float32))
    picture = np.zeros((41, 61, 3), np.uint8)
    light = changed(picture, draw.skeletons(picture, poses))
    y, x = np.nonzero(light)
    assert (x.mean(), y.mean()) == (30, 20)


@pytest.mark.parametrize(("height", "least", "most"), [(200, 1, 4), (2160, 5, 40)])
def test_thickness_grows_with_the_picture(height: int, least: float, most: float) -> None:
    picture = np.zeros((height, height, 3), np.uint8)
    drawn = draw.skeletons(picture, upright_person(0.8 * height, top=0.1 * height))
    row = drawn[round(0.8 * height)].max(axis=1) > 127  # crosses both shins, without outlines
    assert 2 * least <= row.sum() <= 2 * most


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
def test_any_picture_takes_people_partly_outside(size: tuple[int, int]) -> None:
    picture = np.zeros((*size, 3), np.uint8)
    drawn = draw.skeletons(picture, upright_person(100, left=-40, top=-40), scores=True)
    assert drawn.shape == picture.shape


def test_unknown_colouring_is_refused() -> None:
    with pytest.raises(ValueError, match="colour_by must be one of"):
        draw.skeletons(np.zeros((4, 4, 3), np.uint8), Poses.empty(COCO), colour_by="mood")


@pytest.mark.parametrize("size", [(64, 64), (100, 300), (300, 100), (1, 5000)])
def test_heat_lies_over_what_caused_it(size: tuple[int, int]) -> None:
    picture = np.full((*size, 3), 80, np.uint8)
    image = ImageSpec(height=64, width=96)
    _, matrix = preprocess.letterbox(picture, image)
    heatmaps = np.zeros((8, 12, 4), np.float32)
    heatmaps[..., 3] = 1  # background does not show
    assert np.array_equal(draw.heatmap(picture, heatmaps, matrix, keypoints=3, stride=8), picture)
    centre = np.array([size[1] / 2 - 0.5, size[0] / 2 - 0.5])
    x, y = matrix[:, :2] @ centre + matrix[:, 2]
    heatmaps[int(y // 8), int(x // 8), 1] = 1
    drawn = draw.heatmap(picture, heatmaps, matrix, keypoints=3, stride=8)
    heat = np.abs(drawn.astype(int) - 80).sum(axis=2)
    hottest = np.argwhere(heat >= 0.9 * heat.max()).mean(axis=0)
    there = matrix[:, :2] @ hottest[::-1] + matrix[:, 2]
    cell = np.array([int(x // 8), int(y // 8)]) * 8 + 3.5
    assert np.allclose(there, cell, atol=4.5)  # the cell's middle, where the picture shows it


CANVAS = np.zeros((260, 300, 3), np.uint8)


def person() -> Poses:
    return upright_person(180, left=60, top=60)


def named(*identity: int) -> Poses:
    poses = person().select(np.zeros(len(identity), np.int64))
    return replace(poses, identity=np.array(identity, np.int64))


def test_somebody_s_colour_stays_whatever_their_place_in_the_list() -> None:
    """Two people at one place: the first is drawn on top."""
    alone = draw.skeletons(CANVAS, named(7), colour_by="person")
    first = draw.skeletons(CANVAS, named(7, 3), colour_by="person")
    other = draw.skeletons(CANVAS, named(3), colour_by="person")
    x, y = np.round(person().xy[0, 15]).astype(int)
    assert alone[y, x].tolist() == first[y, x].tolist()
    assert alone[y, x].tolist() != other[y, x].tolist()


@pytest.mark.parametrize("boxes", [False, True])
def test_a_name_is_written_inside_the_picture(boxes: bool) -> None:
    plain = draw.skeletons(CANVAS, named(7), boxes=boxes, names={7: ""})
    labelled = draw.skeletons(CANVAS, named(7), boxes=boxes, names={7: "Anna"})
    light = np.argwhere(changed(plain, labelled))
    assert len(light) > 20
    assert np.ptp(light[:, 1]) > np.ptp(light[:, 0])  # wider than high


def test_a_box_surrounds_the_person() -> None:
    drawn = draw.skeletons(CANVAS, person(), boxes=True)
    light = np.argwhere(changed(drawn, CANVAS))
    low, high = light.min(axis=0)[::-1], light.max(axis=0)[::-1]
    xy = person().xy[0][person().found[0]]
    assert (low < xy.min(axis=0)).all()
    assert (high > xy.max(axis=0)).all()


@pytest.mark.parametrize(
    ("vector", "colour"),
    [((1, 0), (255, 0, 0)), ((0, 1), (128, 255, 0)), ((-1, 0), (0, 255, 255))],
)
def test_a_field_s_hue_is_its_direction(
    vector: tuple[int, int], colour: tuple[int, int, int]
) -> None:
    """A network of stride 8 whose second limb points one way in the left half of the picture."""
    pafs = np.zeros((4, 6, 4), np.float32)
    pafs[:, :3, 2:] = vector
    picture = np.full((32, 48, 3), 50, np.uint8)
    drawn = draw.fields(picture, pafs, np.eye(2, 3), stride=8, strength=1.0)
    assert drawn[16, 8] == pytest.approx(colour, abs=3)
    assert drawn[16, 40].tolist() == [50, 50, 50]


def test_beside_needs_one_size() -> None:
    assert draw.beside(CANVAS, CANVAS).shape == (CANVAS.shape[0], 2 * CANVAS.shape[1], 3)
    with pytest.raises(ValueError, match="both pictures must have the same size"):
        draw.beside(CANVAS, CANVAS[:-1])


def whole_body(height: float) -> Poses:
    """A standing person with a face of 68 points and hands, as close together as they are."""
    skeleton = skeletons.get("coco_wholebody133")
    body = upright_person(height, left=height / 4, top=10)
    xy = np.zeros((133, 2), np.float32)
    xy[:17] = body.xy[0]
    xy[17:23] = xy[15] + np.stack([np.arange(6) * height / 60, np.full(6, height / 50)], axis=1)
    turn = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    xy[23:91] = xy[0] + circle * height / 16
    for first, wrist in ((91, 9), (112, 10)):
        grid = np.stack(np.meshgrid(np.arange(5), np.arange(5)), axis=2).reshape(-1, 2)[:21]
        xy[first : first + 21] = xy[wrist] + grid * height / 60
    score = np.ones((1, 133), np.float32)
    return Poses(skeleton=skeleton, xy=xy[None], score=score, person_score=np.ones(1, np.float32))


def test_the_points_of_a_face_stay_apart() -> None:
    """Between two neighbours of the face there is a pixel that neither brightens."""
    poses = whole_body(900)
    before = np.zeros((960, 900, 3), np.uint8)
    covered = draw.skeletons(before, poses).max(axis=2) > 128
    face = poses.xy[0, 23:91]
    between = (face + np.roll(face, 1, axis=0)) / 2
    gaps = [covered[round(float(y)), round(float(x))] for x, y in between]
    assert np.mean(gaps) < 0.5
    shown = [covered[round(float(y)), round(float(x))] for x, y in face]
    assert np.mean(shown) > 0.9


def test_hands_are_thinner_than_arms() -> None:
    assert draw._fineness("left_hand_root") == draw._fineness("right_pinky_finger4")
    assert draw._fineness("face_30") < draw._fineness("left_thumb1") < draw._fineness("left_heel")
    assert draw._fineness("left_heel") < draw._fineness("left_elbow") == 1

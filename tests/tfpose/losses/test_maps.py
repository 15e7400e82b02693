import numpy as np
import pytest

from tfpose.losses.maps import LossOptions, check_maps, label_terms, picture_errors

MEAN, SUM = LossOptions(), LossOptions(normalisation="sum")


def maps(seed: int, batch: int = 2, height: int = 4, width: int = 6, channels: int = 3):
    random = np.random.default_rng(seed)
    return random.normal(size=(batch, height, width, channels)).astype(np.float32)


def errors(predicted, target, weight=1.0, options=MEAN, **extra):
    weight = np.asarray(weight, np.float32)
    return np.asarray(picture_errors(predicted, target, weight, options, **extra))


def test_nothing_that_counts_costs_nothing() -> None:
    assert errors(maps(0), maps(1), np.zeros((2, 4, 6, 1))).tolist() == [0, 0]


def test_mean_is_over_the_cells_and_channels_that_count() -> None:
    predicted, target = np.zeros((1, 2, 2, 2), np.float32), np.zeros((1, 2, 2, 2), np.float32)
    predicted[0, 0, 0] = (2, 4)  # 4 + 16
    predicted[0, 1, 1] = (100, 100)
    mask = np.array([[1, 1], [1, 0]]).reshape(1, 2, 2, 1)
    assert errors(predicted, target, mask) == pytest.approx(20 / 6)


def test_mean_does_not_change_with_size_or_mask_of_like_content() -> None:
    predicted, target = maps(0), maps(1)
    once = errors(predicted, target)
    tiled = errors(np.tile(predicted, (1, 3, 2, 1)), np.tile(target, (1, 3, 2, 1)))
    assert tiled == pytest.approx(once, rel=1e-5)


def test_sum_is_lightweight_openposes() -> None:
    predicted, target = maps(0), maps(1)
    mask = np.random.default_rng(2).integers(0, 2, (2, 4, 6, 1)).astype(np.float32)
    original = (((predicted - target) * mask) ** 2).sum() / 2 / len(predicted)
    assert errors(predicted, target, mask, SUM).mean() == pytest.approx(original, rel=1e-5)


def test_foreground_makes_people_count_more() -> None:
    predicted, target = np.zeros((1, 1, 2, 1), np.float32), np.zeros((1, 1, 2, 1), np.float32)
    target[0, 0, 0] = 1.0
    options = LossOptions(foreground=3.0)
    assert errors(predicted, target, options=options) == pytest.approx(4 / 2)


def test_a_share_scales_and_is_not_averaged_over() -> None:
    assert errors(maps(0), maps(1), share=np.float32(0.25)) == pytest.approx(
        errors(maps(0), maps(1)) / 4
    )


def test_terms_have_every_stage_and_head_with_their_weights() -> None:
    outputs = {"heatmaps": [maps(0), maps(1)], "pafs": [maps(2), maps(3)]}
    batch = {"heatmaps": maps(4), "pafs": maps(5)}
    plain = label_terms(outputs, batch, MEAN)
    assert list(plain) == ["heatmaps.1", "heatmaps.2", "pafs.1", "pafs.2"]
    weighed = label_terms(outputs, batch, LossOptions(pafs=2.0, stages=(0.5, 1.0)))
    assert np.asarray(weighed["pafs.1"]) == pytest.approx(np.asarray(plain["pafs.1"]))
    assert np.asarray(weighed["heatmaps.1"]) == pytest.approx(np.asarray(plain["heatmaps.1"]) / 2)


def test_a_keypoint_without_label_and_a_masked_cell_do_not_count() -> None:
    batch = {"heatmaps": maps(1), "weights": np.array([[1, 0, 1], [1, 1, 1]], np.float32)}
    batch["mask"] = np.ones((2, 4, 6), np.float32)
    batch["mask"][1, 0] = 0
    predicted = maps(0)
    before = np.asarray(label_terms({"heatmaps": [predicted]}, batch, MEAN)["heatmaps.1"])
    predicted[0, :, :, 1], predicted[1, 0] = 99, 99
    after = np.asarray(label_terms({"heatmaps": [predicted]}, batch, MEAN)["heatmaps.1"])
    assert after.tolist() == before.tolist()


def test_a_picture_without_labels_costs_nothing() -> None:
    batch = {"heatmaps": maps(1), "labelled": np.array([0, 1], np.float32)}
    terms = np.asarray(label_terms({"heatmaps": [maps(0)]}, batch, MEAN)["heatmaps.1"])
    assert terms[0] == 0
    assert terms[1] > 0


def test_targets_of_another_skeleton_stride_or_head_are_refused() -> None:
    outputs = {"heatmaps": [maps(0)]}
    with pytest.raises(ValueError, match=r"stage 1 gives heatmaps of \(4, 6, 3\).*\(4, 6, 5\)"):
        check_maps(outputs, {"heatmaps": maps(0, channels=5)})
    with pytest.raises(ValueError, match="the model has heatmaps, the batch only image"):
        check_maps(outputs, {"image": maps(0)})


@pytest.mark.parametrize(
    "wrong", [{"normalisation": "rms"}, {"pafs": -1.0}, {"stages": (1.0, -1.0)}]
)
def test_impossible_options_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match="loss"):
        LossOptions(**wrong)


def test_too_few_weights_of_stages_are_refused() -> None:
    with pytest.raises(ValueError, match="1 weights, the model has a stage 2"):
        LossOptions(stages=(1.0,)).weight("pafs", 1)


def test_the_background_is_no_foreground() -> None:
    """Its target is near 1 everywhere, and would drown the people that it leaves out."""
    target = np.zeros((1, 1, 1, 2), np.float32)
    target[..., 1] = 1.0  # nobody
    options = LossOptions(foreground=3.0)
    outputs = {"heatmaps": [np.zeros_like(target)]}
    plain = label_terms(outputs, {"heatmaps": target}, options)
    assert np.asarray(plain["heatmaps.1"]) == pytest.approx(4 / 2)
    spared = label_terms(outputs, {"heatmaps": target}, options, background=True)
    assert np.asarray(spared["heatmaps.1"]) == pytest.approx(1 / 2)

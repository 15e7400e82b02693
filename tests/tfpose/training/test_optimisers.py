import numpy as np
import pytest
import tensorflow as tf

from tfpose.training.update import muon
from tfpose.training.update.optimisers import Group, Optimiser, Updater

START = np.array([1.0, -2.0, 3.0, 0.5], np.float32)
GRADIENTS = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


def moved(
    settings: Optimiser, *, groups: tuple[Group, ...] = (), name: str = "layer/kernel"
) -> np.ndarray:
    """The variable after all gradients."""
    variable = tf.Variable(START)
    updater = Updater({name: variable}, settings, groups)
    step = tf.function(updater.apply)
    for gradient in GRADIENTS:
        rate = tf.constant(settings.rate)
        step(tf.distribute.get_strategy(), [tf.constant(gradient)], rate, tf.constant(True))
    return variable.numpy()


def torch_moved(name: str, **settings: float) -> np.ndarray:
    torch = pytest.importorskip("torch")
    parameter = torch.nn.Parameter(torch.tensor(START))
    optimiser = getattr(torch.optim, name)([parameter], **settings)
    for gradient in GRADIENTS:
        parameter.grad = torch.tensor(gradient)
        optimiser.step()
    return parameter.detach().numpy()


@pytest.mark.parametrize(
    ("ours", "theirs", "settings"),
    [
        (Optimiser(kind="adam", rate=0.1), "Adam", {"lr": 0.1}),
        (Optimiser(rate=0.1, decay=0.3), "Adam", {"lr": 0.1, "weight_decay": 0.3}),
        (Optimiser(kind="adamw", rate=0.1, decay=0.3), "AdamW", {"lr": 0.1, "weight_decay": 0.3}),
        (
            Optimiser(kind="rmsprop", rate=0.1, momentum=0.9),
            "RMSprop",
            {"lr": 0.1, "momentum": 0.9},
        ),
        (Optimiser(kind="sgd", rate=0.1, momentum=0.9), "SGD", {"lr": 0.1, "momentum": 0.9}),
    ],
)
def test_rules_move_as_pytorchs(ours: Optimiser, theirs: str, settings: dict) -> None:
    np.testing.assert_allclose(moved(ours), torch_moved(theirs, **settings), rtol=2e-5, atol=1e-6)


def test_rmsprop_tf1_moves_as_tensorflow_1s() -> None:
    variable = tf.Variable(START)
    theirs = tf.compat.v1.train.RMSPropOptimizer(0.1, decay=0.5, momentum=0.9, epsilon=1e-10)
    for gradient in GRADIENTS:
        theirs.apply_gradients([(tf.constant(gradient), variable)])
    ours = Optimiser(kind="rmsprop_tf1", rate=0.1, rho=0.5, momentum=0.9, epsilon=1e-10)
    np.testing.assert_allclose(moved(ours), variable.numpy(), rtol=1e-5)


def test_a_group_has_its_rate_and_decay_and_the_first_that_matches_owns() -> None:
    groups = (Group(pattern="kernel$", rate=4.0, decay=0.3), Group(pattern="bias$", rate=2.0))
    variables = {"a/kernel": tf.Variable(START), "a/bias": tf.Variable(START)}
    updater = Updater(variables, Optimiser(kind="sgd", rate=1.0), groups)
    gradients = [tf.constant(GRADIENTS[0])] * 2
    updater.apply(tf.distribute.get_strategy(), gradients, tf.constant(0.1), tf.constant(True))
    np.testing.assert_allclose(
        variables["a/kernel"].numpy(), START - 0.4 * (GRADIENTS[0] + 0.3 * START), rtol=1e-6
    )
    np.testing.assert_allclose(variables["a/bias"].numpy(), START - 0.2 * GRADIENTS[0], rtol=1e-6)


def test_a_rate_of_a_group_is_that_of_the_rule_under_adam_too() -> None:
    direct = moved(Optimiser(rate=0.4))
    grouped = moved(Optimiser(rate=0.1), groups=(Group(pattern="kernel", rate=4.0),))
    np.testing.assert_allclose(grouped, direct, rtol=1e-6)


def test_an_update_that_is_not_good_changes_nothing() -> None:
    variable = tf.Variable(START)
    updater = Updater({"a/kernel": variable}, Optimiser(decay=0.1))
    bad = tf.constant(np.full(4, np.nan, np.float32))
    updater.apply(tf.distribute.get_strategy(), [bad], tf.constant(0.1), tf.constant(False))
    assert variable.numpy().tolist() == START.tolist()
    assert all(slot.numpy().tolist() == [0] * 4 for slot in updater.slots["a/kernel"].values())
    assert int(updater.count) == 0


def test_a_group_that_owns_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\['head'\] own no variable.*a/kernel"):
        Updater({"a/kernel": tf.Variable(START)}, Optimiser(), (Group(pattern="head"),))


@pytest.mark.parametrize("wrong", [{"kind": "lion"}, {"rate": 0.0}, {"decay": -1.0}])
def test_impossible_settings_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match="optimiser"):
        Optimiser(**wrong)


@pytest.mark.parametrize("shape", [(3, 3, 16, 40), (1, 1, 12, 48), (30, 30)])
def test_muons_direction_has_singular_values_near_one(shape: tuple[int, ...]) -> None:
    gradient = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    found = muon.direction(tf.constant(gradient)).numpy().reshape(-1, shape[-1])
    inputs, outputs = found.shape
    values = np.linalg.svd(found, compute_uv=False) / max(1, outputs / inputs) ** 0.5
    left, _, right = np.linalg.svd(gradient.reshape(found.shape), full_matrices=False)
    assert 0.65 < np.median(values) < 1.25  # the post's 0.7 to 1.2
    assert values.max() < 1.3
    aligned = np.diag(left.T @ found @ right.T)  # the gradient's own directions, none turned over
    assert aligned.min() > 0


def test_muons_direction_is_the_posts_iteration() -> None:
    gradient = np.random.default_rng(1).normal(size=(20, 8))
    expected = gradient / np.linalg.norm(gradient)
    for _ in range(5):
        gram = expected.T @ expected
        expected = expected @ (3.4445 * np.eye(8) - 4.7750 * gram + 2.0315 * gram @ gram)
    found = muon.direction(tf.constant(gradient, tf.float32)).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_group_may_have_a_rule_of_its_own() -> None:
    settings = Optimiser(kind="muon", rate=0.1, momentum=0.9, decay=0.5)
    groups = (Group(pattern="/bias$", kind="adamw", decay=0.0),)
    kernel, bias = tf.Variable(np.eye(4, dtype=np.float32)), tf.Variable(START)
    updater = Updater({"a/kernel": kernel, "a/bias": bias}, settings, groups)
    assert list(updater.slots["a/kernel"]) == ["velocity"]
    gradients = [tf.zeros((4, 4)), tf.constant(GRADIENTS[0])]
    updater.apply(tf.distribute.get_strategy(), gradients, tf.constant(0.1), tf.constant(True))
    np.testing.assert_allclose(kernel.numpy(), 0.95 * np.eye(4), rtol=1e-6)  # decay alone
    np.testing.assert_allclose(bias.numpy(), START - 0.1 * np.sign(GRADIENTS[0]), rtol=1e-4)


def test_muon_refuses_vectors() -> None:
    with pytest.raises(ValueError, match="muon moves kernels, and a/bias are vectors"):
        Updater({"a/bias": tf.Variable(START)}, Optimiser(kind="muon"))
    with pytest.raises(ValueError, match="a group's kind must be one of"):
        Group(pattern="a", kind="lion")

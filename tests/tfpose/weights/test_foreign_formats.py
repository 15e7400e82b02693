import pickle
from pathlib import Path

import cv2
import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from estimator.pose_estimator import PoseEstimator
from tests.tfpose import golden_weights
from tfpose import export, models
from tfpose.blocks.layer_names import original_name
from tfpose.weights.foreign import load
from tfpose.weights.formats import ckpt, h5, npy, pb

PB = "weights/tf_pose_mobilenet_v2_small_graph_opt.pb"


def built(name: str, height: int = 64, width: int = 96) -> tuple[keras.Model, models.PoseSpec]:
    spec = models.spec(name, height=height, width=width)
    return models.build(spec), spec


def answers_like_golden(model: keras.Model, name: str) -> bool:
    x = golden_weights.picture(name)
    x = x if name == "cmu" else (x + 1) * 128
    answer = model(x[..., ::-1].astype(np.float32))
    found = np.concatenate([answer[head][-1] for head in ("heatmaps", "pafs")], axis=-1)
    return golden_weights.answers(name)["output"].error(found) < 1e-4


# --- .npy


def caffe_tree() -> dict[str, dict[str, np.ndarray]]:
    tree: dict[str, dict[str, np.ndarray]] = {}
    for name, array in golden_weights.weights("cmu").items():
        layer, parameter = name.split("/")
        tree.setdefault(layer, {})[parameter] = array
    return tree


@pytest.mark.parametrize("protocol", [2, 4])  # caffe-tensorflow's, and today's
def test_openpose_coco_npy_loads_whole(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "openpose_coco.npy"
    tree: dict[object, object] = dict(caffe_tree())
    if protocol == 2:
        tree = {str(layer).encode(): parameters for layer, parameters in tree.items()}
    with path.open("wb") as file:
        header = {"descr": "|O", "fortran_order": False, "shape": ()}
        np.lib.format.write_array_header_1_0(file, header)
        pickle.dump(np.array(tree, object), file, protocol=protocol)
    model, spec = built("cmu")
    assert load(model, spec, path) == ()
    assert answers_like_golden(model, "cmu")


class Malicious:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("code of the file ran",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.zeros(3), "holds an array of float64"),
        (np.array({"conv1_1": Malicious()}, object), "it would run builtins.print"),
        (np.array({"conv1_1": 3}, object), "layer 'conv1_1' holds no parameters by name"),
    ],
)
def test_an_npy_of_anything_else_is_refused(
    tmp_path: Path, content: np.ndarray, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "a.npy", content, allow_pickle=True)
    with pytest.raises(ValueError, match=message):
        npy.read(tmp_path / "a.npy")
    assert "ran" not in capsys.readouterr().out


# --- .pb


def test_published_mobilenet_v2_small_answers_photographs_like_its_graph(shared: Path) -> None:
    """Normalising by the picture amplifies rounding: the published graph's own answer to p3 is
    2.2e-4 from the exact one in float64, ours 4e-5; the maps are stored in half precision."""
    model, spec = built("tf_pose_mobilenet_v2_small", 368, 432)
    assert load(model, spec, shared / PB) == ()
    for name in ("p3", "ski"):
        picture = cv2.imread(str(shared / f"photos/{name}.jpg"))
        picture = cv2.resize(picture, (432, 368), interpolation=cv2.INTER_CUBIC)
        answer = model(picture[np.newaxis, ..., ::-1].astype(np.float32))
        with np.load(shared / f"golden/maps/photo_{name}.npz") as maps:
            for output in ("heatmaps", "pafs"):
                found = np.asarray(answer[output][-1])[0]
                assert np.abs(found - maps[output].astype(np.float32)).max() < 6e-4
                assert found.max() > 0.5  # there is somebody


@pytest.mark.slow
def test_published_mobilenet_v2_small_finds_the_people_in_photographs(
    shared: Path, tmp_path: Path
) -> None:
    model, spec = built("tf_pose_mobilenet_v2_small", 368, 432)
    load(model, spec, shared / PB)
    export.export_tflite(model, spec, tmp_path / "model.tflite")
    estimator = PoseEstimator(tmp_path / "model.tflite", threads=1)
    for name, people in (("golf", 1), ("p1", 1), ("p2", 2), ("p3", 3), ("ski", 5)):
        picture = cv2.imread(str(shared / f"photos/{name}.jpg"))[..., ::-1]
        assert len(estimator(np.ascontiguousarray(picture))) == people


def test_pb_into_the_network_with_statistics_says_what_is_missing(shared: Path) -> None:
    model, spec = built("mobilenet_v2_small")
    with pytest.raises(ValueError, match=r"MobilenetV2\.Conv\.BatchNorm\.moving_mean"):
        load(model, spec, shared / PB)


@pytest.mark.parametrize("size", ["small", "large"])
def test_both_kinds_of_mobilenet_v2_have_the_same_weights(size: str) -> None:
    ours, _ = built(f"mobilenet_v2_{size}")
    published, _ = built(f"tf_pose_mobilenet_v2_{size}")
    shapes = [
        [(weight.path, weight.shape) for weight in model.trainable_weights]
        for model in (ours, published)
    ]
    assert shapes[0] == shapes[1]


def test_a_pb_of_anything_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pb").write_text("a web page")
    with pytest.raises(ValueError, match="no frozen TensorFlow graph"):
        pb.read(tmp_path / "a.pb")
    (tmp_path / "b.pb").write_bytes(b"")
    with pytest.raises(ValueError, match="a graph without weights"):
        pb.read(tmp_path / "b.pb")


def test_frozen_thin_graph_loads_whole(tmp_path: Path) -> None:
    """mobilenet_thin's graph: no file of it here, so one of the same layout."""
    graph = tf.Graph()
    with graph.as_default():
        for name, array in golden_weights.weights("mobilenet_thin").items():
            tf.constant(array, name=f"{name}/read/_3__cf__3")
    (tmp_path / "graph_opt.pb").write_bytes(graph.as_graph_def().SerializeToString())
    model, spec = built("mobilenet_thin")
    assert load(model, spec, tmp_path / "graph_opt.pb") == ()
    assert answers_like_golden(model, "mobilenet_thin")


# --- TensorFlow 1 checkpoints


def save_checkpoint(path: Path, arrays: dict[str, np.ndarray]) -> None:
    graph = tf.Graph()
    with graph.as_default(), tf.compat.v1.Session(graph=graph) as session:
        variables = {
            name: tf.compat.v1.Variable(array, use_resource=False, name=name)
            for name, array in arrays.items()
        }
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver(variables).save(session, str(path), write_meta_graph=False)


@pytest.mark.parametrize("suffix", ["", ".index"])
def test_tf_pose_checkpoint_loads_without_its_optimizer(tmp_path: Path, suffix: str) -> None:
    arrays = golden_weights.weights("mobilenet_fast")
    slots = {f"{name}/RMSProp": array for name, array in list(arrays.items())[:3]}
    save_checkpoint(
        tmp_path / "model-146000", arrays | slots | {"global_step": np.array(146000, np.int64)}
    )
    model, spec = built("mobilenet_fast")
    assert load(model, spec, f"{tmp_path}/model-146000{suffix}") == ()  # Conv2d_8 is left out
    assert answers_like_golden(model, "mobilenet_fast")


def test_slim_imagenet_backbone_loads_when_its_rest_is_ignored(tmp_path: Path) -> None:
    source, spec = built("mobilenet_v2_small")
    arrays = {}
    for layer in source.layers:
        if layer.name.startswith("MobilenetV2"):
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            for weight in layer.weights:
                kernel = "depthwise_weights" if depthwise else "weights"
                name = kernel if weight.name == "kernel" else weight.name
                value = np.random.default_rng(len(arrays)).random(weight.shape, np.float32)
                arrays[f"{original_name(layer.name).replace('.', '/')}/{name}"] = value
    averages = {f"{name}/ExponentialMovingAverage": array for name, array in arrays.items()}
    logits = {"MobilenetV2/Logits/Conv2d_1c_1x1/weights": np.zeros((1, 1, 8, 5), np.float32)}
    path = tmp_path / "mobilenet_v2_0.5_224.ckpt"
    save_checkpoint(path, arrays | averages | logits)
    model, spec = built("mobilenet_v2_small")
    with pytest.raises(ValueError, match=r"MobilenetV2\.Logits\.Conv2d_1c_1x1\.weights"):
        load(model, spec, path, only=["MobilenetV2"], channels="rgb")
    untouched = load(model, spec, path, backbone=True, channels="rgb")
    assert all(name.startswith("Openpose") for name in untouched)
    kernel = np.asarray(model.get_layer("MobilenetV2-Conv").kernel)
    assert np.array_equal(kernel, arrays["MobilenetV2/Conv/weights"])


def test_slim_mobilenet_v1_loads_as_the_original_takes_it(tmp_path: Path) -> None:
    model, spec = built("mobilenet_thin")
    arrays = {}
    for layer in model.layers:
        if layer.name.startswith("MobilenetV1") and layer.name.endswith(("wise", "Conv2d_0")):
            scope = original_name(layer.name).replace(".", "/")
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            kernel = np.random.default_rng(len(arrays)).random(layer.kernel.shape, np.float32)
            arrays[f"{scope}/{'depthwise_weights' if depthwise else 'weights'}"] = kernel
            count = layer.kernel.shape[2 if depthwise else 3]
            for name in ("beta", "gamma", "moving_mean", "moving_variance"):
                arrays[f"{scope}/BatchNorm/{name}"] = np.full(count, 2, np.float32)
    arrays["MobilenetV1/Conv2d_13_pointwise/weights"] = np.zeros((1, 1, 2, 2), np.float32)
    arrays["MobilenetV1/Logits/Conv2d_1c_1x1/biases"] = np.zeros(5, np.float32)
    save_checkpoint(tmp_path / "mobilenet_v1_0.75_224.ckpt", arrays)
    load(model, spec, tmp_path / "mobilenet_v1_0.75_224.ckpt", backbone=True, channels="rgb")
    layer = model.get_layer("MobilenetV1-Conv2d_11_pointwise")
    expected = arrays["MobilenetV1/Conv2d_11_pointwise/weights"]
    assert np.array_equal(np.asarray(layer.kernel), expected)


def test_a_checkpoint_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no weights at"):
        ckpt.read(tmp_path / "model-1")
    (tmp_path / "model.ckpt").write_text("a web page")
    with pytest.raises(ValueError, match="no TensorFlow checkpoint"):
        ckpt.read(tmp_path / "model.ckpt")


# --- Keras applications' .h5


def save_h5(path: Path, model: keras.Model, *, old: bool = False) -> None:
    """The layout of the files that keras.applications downloads."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = []
            for weight in layer.weights:
                name = f"{layer.name}/{weight.name}:0"
                if old:
                    name = f"{layer.name}_{'W' if weight.name == 'kernel' else 'b'}_1:0"
                elif isinstance(layer, keras.layers.DepthwiseConv2D):
                    name = f"{layer.name}/depthwise_kernel:0"
                group.create_dataset(name, data=np.asarray(weight))
                names.append(name.encode())
            group.attrs["weight_names"] = names


def test_keras_mobilenet_becomes_the_backbone_layer_for_layer(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    source = keras.applications.MobileNet(weights=None, input_shape=(64, 64, 3), classes=10)
    rng = np.random.default_rng(0)
    for layer in source.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.random(weight.shape) + 1e-4 for weight in layer.weights])
    save_h5(tmp_path / "mobilenet_1_0_224_tf.h5", source)
    model, spec = built("lightweight_openpose")
    load(model, spec, tmp_path / "mobilenet_1_0_224_tf.h5", backbone=True, channels="rgb")
    for theirs, ours in (("conv1", "0.0"), ("conv_dw_1", "1.0"), ("conv_pw_11", "11.3")):
        kernel = np.asarray(model.get_layer(f"model.{ours}".replace(".", "-")).kernel)
        assert np.array_equal(kernel, np.asarray(source.get_layer(theirs).kernel))
    x = rng.random((1, 4, 4, 512), np.float32)
    expected = source.get_layer("conv_dw_7_bn")(x)
    assert np.allclose(model.get_layer("model-7-1")(x), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("old", [False, True])
def test_keras_vgg19_becomes_openposes_backbone(tmp_path: Path, old: bool) -> None:
    source = keras.applications.VGG19(weights=None, include_top=False, input_shape=(32, 32, 3))
    save_h5(tmp_path / "vgg19.h5", source, old=old)
    model, spec = built("cmu")
    load(model, spec, tmp_path / "vgg19.h5", backbone=True, channels="bgr")
    first = np.asarray(source.get_layer("block1_conv1").kernel)[:, :, ::-1]  # Caffe's read BGR
    assert np.array_equal(np.asarray(model.get_layer("conv1_1").kernel), first)
    last = np.asarray(source.get_layer("block4_conv2").bias)
    assert np.array_equal(np.asarray(model.get_layer("conv4_2").bias), last)


def test_an_h5_of_anything_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_text("a web page")
    with pytest.raises(ValueError, match=r"is no \.h5 file"):
        h5.read(tmp_path / "a.h5")
    model, _ = built("lightweight_openpose_half")
    model.save_weights(tmp_path / "ours.weights.h5")
    with pytest.raises(ValueError, match=r"load a \.weights\.h5 of ours with model\.load_weights"):
        h5.read(tmp_path / "ours.weights.h5")

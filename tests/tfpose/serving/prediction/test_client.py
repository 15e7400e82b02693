"""TensorFlow Serving's own client (tensorflow-serving-api) against our service."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the extra [serve]")
pytest.importorskip("grpc", reason="needs the extra [grpc]")
pytest.importorskip("tensorflow_serving", reason="needs tensorflow-serving-api")

import grpc
import tensorflow as tf
from fastapi.testclient import TestClient
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tests.conftest import ROOT

from ..fakes import SKELETON, FakeNetwork, fake_app, people, picture, standing

FOUND = people(standing(100, 60), standing(300, 60))


@pytest.fixture(scope="module")
def channel() -> Iterator[Any]:
    app = fake_app(FakeNetwork(FOUND), grpc_port=0)
    with (
        TestClient(app),
        grpc.insecure_channel(f"127.0.0.1:{app.state.service.grpc_port}") as channel,
    ):
        channel.target = f"127.0.0.1:{app.state.service.grpc_port}"
        yield channel


@pytest.fixture
def stub(channel: Any) -> Any:
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


def asked(*pictures: bytes, **inputs: Any) -> predict_pb2.PredictRequest:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "pose"
    request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto(list(pictures), tf.string))
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


def outputs(answer: predict_pb2.PredictResponse) -> dict[str, np.ndarray]:
    return {name: tf.make_ndarray(tensor) for name, tensor in answer.outputs.items()}


def test_people_come_as_tensors(stub: Any) -> None:
    answer = stub.Predict(asked(picture(), picture(150, 200, ".png")), timeout=20)
    found = outputs(answer)
    assert (answer.model_spec.name, answer.model_spec.version.value) == ("pose", 1)
    assert found["people"].tolist() == [2, 2]
    assert found["sizes"].tolist() == [[300, 400], [150, 200]]
    keypoints = found["keypoints"]
    assert keypoints.shape == (2, 2, len(SKELETON.keypoints), 3)
    np.testing.assert_allclose(keypoints[0, ..., :2], FOUND.xy)
    np.testing.assert_allclose(keypoints[1, ..., 2], FOUND.score)
    np.testing.assert_allclose(found["boxes"][0], FOUND.boxes)
    np.testing.assert_allclose(found["scores"][0], FOUND.person_score)


@pytest.mark.parametrize(
    "number",
    [np.int32(1), np.int64(1), np.float32(1), np.float64(1), np.array([1], np.int32)],
    ids=lambda one: f"{one.dtype.name}{one.shape}",
)
def test_options_are_inputs_and_outputs_can_be_chosen(stub: Any, number: Any) -> None:
    request = asked(picture(), max_people=number, min_score=np.float32(0.5))
    request.output_filter.extend(["people", "scores"])
    found = outputs(stub.Predict(request, timeout=20))
    assert set(found) == {"people", "scores"}
    assert found["people"].tolist() == [1]
    sure = outputs(stub.Predict(asked(picture(), min_score=np.float32(0.95)), timeout=20))
    assert sure["people"].tolist() == [0]
    assert sure["keypoints"].shape == (1, 0, len(SKELETON.keypoints), 3)


def test_one_picture_may_be_a_scalar(stub: Any) -> None:
    request = asked()
    request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto(picture()))
    assert outputs(stub.Predict(request, timeout=20))["people"].tolist() == [2]


def test_the_signature_says_what_predict_takes_and_gives(stub: Any) -> None:
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "pose"
    answer = stub.GetModelMetadata(request, timeout=20)
    found = get_model_metadata_pb2.SignatureDefMap()
    assert answer.metadata["signature_def"].Unpack(found)
    signature = found.signature_def["serving_default"]
    assert signature.method_name == "tensorflow/serving/predict"
    pictures = signature.inputs["image_bytes"]
    assert pictures.dtype == tf.string.as_datatype_enum
    assert [dim.size for dim in pictures.tensor_shape.dim] == [-1]
    given = outputs(stub.Predict(asked(picture()), timeout=20))
    assert set(signature.outputs) == set(given)
    for name, info in signature.outputs.items():
        assert tf.dtypes.as_dtype(info.dtype) == given[name].dtype
        sizes = [dim.size for dim in info.tensor_shape.dim]
        for size, real in zip(sizes, given[name].shape, strict=True):
            assert size in (-1, real)


def test_the_version_is_served(channel: Any) -> None:
    stub = model_service_pb2_grpc.ModelServiceStub(channel)
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "pose"
    (status,) = stub.GetModelStatus(request, timeout=20).model_version_status
    assert (status.version, status.status.error_code) == (1, 0)
    assert status.state == get_model_status_pb2.ModelVersionStatus.AVAILABLE


def _nameless(request: Any) -> None:
    request.model_spec.name = ""


def _other_model(request: Any) -> None:
    request.model_spec.name = "else"


def _other_version(request: Any) -> None:
    request.model_spec.version.value = 7


def _label(request: Any) -> None:
    request.model_spec.version_label = "canary"


def _signature(request: Any) -> None:
    request.model_spec.signature_name = "classify"


def _no_pictures(request: Any) -> None:
    del request.inputs["image_bytes"]


def _empty(request: Any) -> None:
    request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto([], tf.string))


def _numbers(request: Any) -> None:
    request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto([[1.0, 2.0]]))


def _wrong_shape(request: Any) -> None:
    request.inputs["image_bytes"].tensor_shape.dim[0].size = 9


def _broken(request: Any) -> None:
    request.inputs["image_bytes"].string_val[0] = b"no picture"


def _many(request: Any) -> None:
    request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto([picture()] * 17))


def _other_output(request: Any) -> None:
    request.output_filter.append("heatmaps")


def _other_input(request: Any) -> None:
    request.inputs["images"].CopyFrom(tf.make_tensor_proto(1.0))


def _score(request: Any) -> None:
    request.inputs["min_score"].CopyFrom(tf.make_tensor_proto(1.5))


def _people(request: Any) -> None:
    request.inputs["max_people"].CopyFrom(tf.make_tensor_proto(np.int32(-1)))


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (_other_model, "NOT_FOUND", "no model 'else'; there are pose"),
        (_other_version, "NOT_FOUND", "no version 7 of pose"),
        (_label, "NOT_FOUND", "no version 'canary'"),
        (_signature, "INVALID_ARGUMENT", "there is serve_bytes, found 'classify'"),
        (_no_pictures, "INVALID_ARGUMENT", "image_bytes is missing"),
        (_empty, "INVALID_ARGUMENT", "has 0 pictures"),
        (_numbers, "INVALID_ARGUMENT", "must be strings"),
        (_wrong_shape, "INVALID_ARGUMENT", "has 1 pictures, and its shape says"),
        (_broken, "INVALID_ARGUMENT", "image_bytes.0"),
        (_many, "RESOURCE_EXHAUSTED", "at most 16 pictures a request, found 17"),
        (_other_output, "INVALID_ARGUMENT", "there is no 'heatmaps'; there are people"),
        (_other_input, "INVALID_ARGUMENT", "there is no 'images'"),
        (_score, "INVALID_ARGUMENT", "min_score must be in 0..1"),
        (_people, "INVALID_ARGUMENT", "max_people must be a whole number in 1..1000, found -1"),
    ],
)
def test_what_is_wrong_is_said(stub: Any, change: Any, code: str, said: str) -> None:
    request = asked(picture())
    change(request)
    with pytest.raises(grpc.RpcError) as error:
        stub.Predict(request, timeout=20)
    assert error.value.code().name == code
    assert said in error.value.details()


def test_without_a_name_the_default_model_answers(stub: Any) -> None:
    request = asked(picture())
    _nameless(request)
    assert stub.Predict(request, timeout=20).model_spec.name == "pose"


def test_the_example_of_the_docs_runs(
    channel: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    (code,) = re.findall(
        r"```python\n(from pathlib import Path\n\nimport grpc\n.*?)```", text, re.DOTALL
    )
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(picture())
    monkeypatch.chdir(tmp_path)
    code = code.replace("localhost:8500", channel.target).replace("tfpose_s", "pose")
    exec(code, {})
    assert capsys.readouterr().out == "[2 2] (2, 2, 18, 3)\n"


def test_what_is_not_served_is_not_implemented(stub: Any) -> None:
    from tensorflow_serving.apis import classification_pb2

    with pytest.raises(grpc.RpcError) as error:
        stub.Classify(classification_pb2.ClassificationRequest(), timeout=20)
    assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED

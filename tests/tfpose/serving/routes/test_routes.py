import contextlib
import json
import logging
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from estimator.pictures import header
from tfpose.serving import hard_hat
from tfpose.serving.requests import multipart
from tfpose.serving.requests.bodies import Reader
from tfpose.serving.settings import Settings

from ..fakes import FakeNetwork, encoded, fake_app, people, picture, standing

KEY = "a-key-of-at-least-16"


def test_a_file_is_answered_with_people(client: TestClient) -> None:
    answer = client.post("/v1/pose", files={"image": picture()})
    assert answer.status_code == 200
    found = answer.json()
    assert (found["model"], found["skeleton"]) == ("pose", "openpose18")
    (image,) = found["images"]
    assert (image["width"], image["height"], len(image["people"])) == (400, 300, 2)
    first = image["people"][0]
    assert first["keypoints"]["nose"] == {"x": 100, "y": 64, "score": 0.9}
    assert first["box"] == [74, 60, 52, 179]
    assert set(found["timing"]) == {"waited", "worked", "total"}


def test_base64_and_several_pictures_are_answered_in_their_order(client: TestClient) -> None:
    images = [encoded(picture(20, wide)) for wide in (30, 50, 40)]
    found = client.post("/v1/pose", json={"images": images}).json()
    assert [image["width"] for image in found["images"]] == [30, 50, 40]
    files = [("image", picture(20, wide, ".png")) for wide in (30, 50, 40)]
    found = client.post("/v1/pose", files=files).json()
    assert [image["width"] for image in found["images"]] == [30, 50, 40]


def test_the_header_of_a_picture_is_read_once_and_its_body_is_not_copied(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both take longer than decoding where a body has 31 MiB, and hold the interpreter's lock."""
    headers, bodies = [], []
    read_header, read_files, read_body = header.read, multipart.files, Reader.read

    async def reading(*args: object) -> bytes:
        bodies.append(await read_body(*args))
        return bodies[0]

    def files(body: bytes, *args: object) -> list[bytes]:
        bodies.append(body)
        return read_files(body, *args)

    monkeypatch.setattr(header, "read", lambda data: headers.append(1) or read_header(data))
    monkeypatch.setattr(Reader, "read", reading)
    monkeypatch.setattr(multipart, "files", files)
    assert client.post("/v1/pose", files={"image": picture()}).status_code == 200
    assert len(headers) == 1
    assert bodies[1] is bodies[0]


def test_small_pictures_say_that_bulk_must_wait_and_large_ones_do_not(network: FakeNetwork) -> None:
    entered = []

    @contextlib.contextmanager
    def small() -> Iterator[None]:
        entered.append(1)
        yield

    app = fake_app(network)
    app.state.service.pace.small = small
    large = picture()[:-2] + bytes(app.state.service.settings.limits.bulk_bytes) + picture()[-2:]
    with TestClient(app) as client:
        for sent, count in ((picture(), 1), (large, 1), (picture(), 2)):
            assert client.post("/v1/pose", files={"image": sent}).status_code == 200
            assert len(entered) == count


def test_keypoints_below_the_threshold_are_left_out(client: TestClient) -> None:
    found = client.post("/v1/pose?min_score=0.95", files={"image": picture()}).json()
    assert found["images"][0]["people"] == []


def test_the_drawn_picture_has_the_size_of_the_picture_and_a_skeleton(client: TestClient) -> None:
    answer = client.post("/v1/pose?draw=1", files={"image": picture()})
    assert answer.headers["content-type"] == "image/jpeg"
    drawn = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    assert drawn.shape == (300, 400, 3)
    plain = cv2.imdecode(np.frombuffer(picture(), np.uint8), cv2.IMREAD_COLOR)
    changed = np.abs(drawn.astype(int) - plain).max(axis=2) > 40
    assert changed[60:240, 70:130].any()
    assert not changed[:, 150:250].any()


def test_models_say_their_engine_and_spec(client: TestClient) -> None:
    (model,) = client.get("/v1/models").json()["models"]
    assert model["default"]
    assert model["engine"] == "fake"
    assert model == client.get("/v1/models/pose").json()
    assert model["spec"]["skeleton"]["name"] == "openpose18"
    assert client.get("/v1/models/other").json()["error"].startswith("no model 'other'")


@pytest.mark.parametrize("row", [{"b64": None}, {"image_bytes": {"b64": None}}])
def test_predict_answers_as_tensorflow_serving_does(client: TestClient, row: dict) -> None:
    body = json.dumps({"instances": [row, row]}).replace("null", f'"{encoded(picture())}"')
    answer = client.post("/v1/models/pose:predict", content=body)
    assert answer.status_code == 200
    assert [len(one["people"]) for one in answer.json()["predictions"]] == [2, 2]
    assert "error" in client.post("/v1/models/other:predict", content=body).json()


@pytest.mark.parametrize(
    "inputs",
    [
        {"b64": None},
        [{"b64": None}],
        [{"image_bytes": {"b64": None}}],
        {"image_bytes": {"b64": None}},
        {"image_bytes": [{"b64": None}]},
    ],
)
def test_columns_are_answered_in_outputs_whatever_the_content_type(
    client: TestClient, inputs: object
) -> None:
    body = json.dumps({"inputs": inputs}).replace("null", f'"{encoded(picture())}"')
    headers = {"Content-Type": "application/x-www-form-urlencoded"}  # as curl -d says
    path = "/v1/models/pose/versions/1:predict"
    answer = client.post(path, content=body, headers=headers)
    assert answer.status_code == 200
    assert [len(one["people"]) for one in answer.json()["outputs"]] == [2]
    assert "predictions" not in answer.json()


def test_a_version_and_its_metadata_are_described(client: TestClient) -> None:
    for path in ("/v1/models/pose", "/v1/models/pose/versions/1"):
        (status,) = client.get(path).json()["model_version_status"]
        assert (status["version"], status["state"]) == ("1", "AVAILABLE")
    for path in ("/v1/models/pose/metadata", "/v1/models/pose/versions/1/metadata"):
        found = client.get(path).json()
        assert found["model_spec"] == {"name": "pose", "signature_name": "", "version": "1"}
        assert "image_bytes" in json.dumps(found["metadata"])
    assert "there is 1" in client.get("/v1/models/pose/versions/2").json()["error"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "either 'instances' or 'inputs'"),
        ({"inputs": []}, "either 'instances' or 'inputs'"),
        ({"instances": [{"b64": "aGVsbG8="}], "inputs": {"b64": "aGVsbG8="}}, "either"),
    ],
)
def test_predict_without_pictures_says_what_it_takes(
    client: TestClient, body: dict, said: str
) -> None:
    answer = client.post("/v1/models/pose:predict", json=body)
    assert answer.status_code == 422
    assert said in answer.json()["error"]


def test_the_best_people_and_shares_of_the_picture_are_given_on_request(
    client: TestClient, network: FakeNetwork
) -> None:
    """The nose lies at 100, 64 of 400 x 300: from edge to edge at 100.5 / 400 and 64.5 / 300."""
    network.poses.person_score[:] = (0.4, 0.8)
    for path, key in (("/v1/pose", "images"), ("/v1/models/pose:predict", "predictions")):
        body = {"images": [encoded(picture())]}
        if key == "predictions":
            body = {"instances": [{"b64": encoded(picture())}]}
        (found,) = client.post(f"{path}?max_people=1&normalised=1", json=body).json()[key]
        (person,) = found["people"]
        assert person["score"] == pytest.approx(0.8)
        assert person["keypoints"]["nose"]["x"] == pytest.approx(300.5 / 400, abs=1e-6)
        assert person["keypoints"]["nose"]["y"] == pytest.approx(64.5 / 300, abs=1e-6)
        assert person["box"] == pytest.approx(
            [274.5 / 400, 60.5 / 300, 52 / 400, 179 / 300], abs=1e-6
        )
    assert client.post("/v1/pose?max_people=0", files={"image": picture()}).status_code == 422


def test_the_hard_hat_service_answers_the_fields_and_types_of_the_original(
    client: TestClient,
) -> None:
    hat = {"height": 18, "left": 286, "top": 41, "width": 28}
    answer = client.post("/", json={"hat_location": [hat], "img": [encoded(picture())]})
    assert answer.json() == {
        "code": "200",
        "data": [
            {"flag": False, "rate": 7.757, "x1": 74, "x2": 126, "y1": 60, "y2": 239},
            {"flag": True, "rate": 7.757, "x1": 274, "x2": 326, "y1": 60, "y2": 239},
        ],
        "message": "Success",
    }


def test_the_later_hard_hat_addresses_answer_a_number_as_code(client: TestClient) -> None:
    body = {"img": [encoded(picture())]}
    heads = client.post("/get_head_point", json=body).json()
    assert (heads["code"], heads["message"], len(heads["data"])) == (200, "Success", 2)
    assert heads["data"][0][0] == [91, 60]
    boxes = client.post("/get_body_box", json=body).json()
    assert boxes["data"][0] == {"height": 179, "left": 74, "top": 60, "width": 52}


def test_the_rule_is_chosen_by_the_settings(network: FakeNetwork) -> None:
    network.poses = people(standing(100, 60), standing(118, 60))
    hat = {"height": 18, "left": 87, "top": 42, "width": 28}
    flags = {}
    for rule in ("assigned", "legacy"):
        with TestClient(fake_app(network, hard_hat_rule=rule)) as client:
            found = client.post("/", json={"hat_location": [hat], "img": [encoded(picture())]})
            flags[rule] = [one["flag"] for one in found.json()["data"]]
    assert flags == {"assigned": [True, False], "legacy": [True, True]}


PICTURE = encoded(picture(8, 8, ".png"))
HAT = {"height": 16, "left": 398, "top": 110, "width": 22}


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 422, "hat_location: Field required"),
        ({"hat_location": []}, 422, "img: Field required"),
        ({"hat_location": None, "img": [PICTURE]}, 422, "hat_location: "),
        ({"hat_location": {}, "img": [PICTURE]}, 422, "hat_location: "),
        ({"hat_location": [5], "img": [PICTURE]}, 422, "hat_location.0: "),
        ({"hat_location": [{}], "img": [PICTURE]}, 422, "hat_location.0.height: Field required"),
        ({"hat_location": [HAT | {"left": "x"}], "img": [PICTURE]}, 422, "hat_location.0.left: "),
        ({"hat_location": [HAT | {"top": True}], "img": [PICTURE]}, 422, "hat_location.0.top: "),
        ({"hat_location": [HAT | {"width": 0}], "img": [PICTURE]}, 422, "hat_location.0.width: "),
        ({"hat_location": [HAT | {"left": 1e300}], "img": [PICTURE]}, 422, "hat_location.0.left"),
        ({"hat_location": [HAT] * 1001, "img": [PICTURE]}, 413, "at most 1000 hats"),
        ({"hat_location": [], "img": []}, 422, "img"),
        ({"hat_location": [], "img": [""]}, 422, "img"),
        ({"hat_location": [], "img": [7]}, 422, "img"),
        ({"hat_location": [], "img": ["%%%%"]}, 422, "img: is not base64"),
        ({"hat_location": [], "img": ["aGVsbG8="]}, 415, "img: is no JPEG, PNG, WebP or BMP"),
        ({"hat_location": [], "img": [PICTURE[:40]]}, 422, "img: is cut off or broken"),
        ([], 422, "JSON object"),
        ("text", 422, "JSON object"),
        (None, 422, "JSON object"),
    ],
)
def test_a_malformed_field_of_the_hard_hat_service_is_named(
    client: TestClient, body: object, status: int, said: str
) -> None:
    answer = client.post("/", json=body)
    assert answer.status_code == status
    assert answer.json()["code"] == str(status)
    assert answer.json()["data"] == []
    assert said in answer.json()["message"]


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b'{"a": 1e', b"[" * 100, b"1" * 5000])
@pytest.mark.parametrize("path", ["/", "/get_body_box", "/v1/pose", "/v1/models/pose:predict"])
def test_what_is_no_json_is_refused(client: TestClient, path: str, content: bytes) -> None:
    answer = client.post(path, content=content, headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert answer.json().get("error") or answer.json()["message"]


def test_json_without_a_content_type_is_read(client: TestClient) -> None:
    body = json.dumps({"hat_location": [], "img": PICTURE}).encode()
    assert client.post("/", content=body).status_code == 200


@pytest.mark.parametrize(
    ("query", "fields", "status", "said"),
    [
        ("?model=none", {"files": {"image": picture()}}, 404, "no model 'none'; there are pose"),
        ("?min_score=2", {"files": {"image": picture()}}, 422, "min_score"),
        ("", {"files": {"image": b"hello"}}, 415, "image 1: is no JPEG"),
        ("", {"data": {"image": "text"}}, 415, "content type"),
        ("", {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400, ""),
        ("?draw=1", {"files": [("image", picture())] * 2}, 422, "draw=1 takes one picture"),
        ("", {"files": [("image", picture(8, 8))] * 17}, 400, "at most 16 files"),
        ("", {"files": {"image": picture()}, "data": {"model": "pose"}}, 422, "'model' is no file"),
        ("", {"files": {"image": (None, "text")}}, 422, "curl -F image=@photo.jpg"),
        ("", {"json": {"images": [PICTURE] * 17}}, 413, "at most 16 pictures"),
        ("", {"json": {"images": [PICTURE], "boxes": []}}, 422, "boxes are for top-down"),
        ("", {"json": {"image": [PICTURE]}}, 422, "images: Field required"),
    ],
)
def test_a_wrong_request_for_poses_is_told_what_is_wrong(
    client: TestClient, query: str, fields: dict, status: int, said: str
) -> None:
    answer = client.post(f"/v1/pose{query}", **fields)
    assert answer.status_code == status
    assert said in answer.json()["error"]
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_an_error_of_ours_is_logged_and_not_shown(
    client: TestClient, network: FakeNetwork, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    monkeypatch.setattr(hard_hat, "judge", lambda *_, **__: 1 / 0)
    caplog.set_level(logging.INFO, "tfpose.serving")
    body = {"hat_location": [], "img": [PICTURE]}
    answer = client.post("/", json=body)
    assert answer.status_code == 500
    assert answer.json() == {"code": "500", "data": [], "message": "an error of the service"}
    assert "ZeroDivisionError" in caplog.text
    monkeypatch.undo()
    assert client.post("/v1/pose", files={"image": picture()}).status_code == 200


def test_a_request_id_that_could_forge_a_log_is_replaced(client: TestClient) -> None:
    for bad in ("a b", "x" * 65, '"}'):
        answer = client.get("/healthz", headers={"X-Request-ID": bad})
        assert answer.headers["x-request-id"] != bad
    assert client.get("/healthz", headers={"X-Request-ID": "a-1"}).headers["x-request-id"] == "a-1"


def test_logs_have_no_picture_and_no_key(network: FakeNetwork, caplog) -> None:
    caplog.set_level(logging.INFO)
    with TestClient(fake_app(network, api_key=KEY)) as client:
        data = encoded(picture())
        client.post("/v1/pose", json={"images": [data]}, headers={"X-API-Key": KEY})
        client.post("/v1/pose", json={"images": [data + "!"]}, headers={"X-API-Key": KEY})
    said = [record.__dict__ for record in caplog.records]
    rows = [one["fields"] for one in said if "fields" in one]
    assert [row["status"] for row in rows] == [200, 422]
    assert all(row["route"] == "/v1/pose" and row["bytes"] > len(data) for row in rows)
    assert KEY not in str(said)
    assert data[:40] not in str(said)


def test_without_its_key_only_the_page_and_probes_answer(network: FakeNetwork) -> None:
    with TestClient(fake_app(network, api_key=KEY)) as client:
        for path in ("/", "/page.js", "/page.css", "/docs", "/openapi.json", "/healthz", "/readyz"):
            assert client.get(path).status_code == 200
        for path in ("/v1/models", "/metrics"):
            assert client.get(path).status_code == 401
        body = {"hat_location": [], "img": [PICTURE]}
        assert client.post("/", json=body).json()["code"] == "401"
        for headers in ({"X-API-Key": KEY}, {"Authorization": f"Bearer {KEY}"}):
            assert client.post("/", json=body, headers=headers).status_code == 200
        for wrong in (KEY[:-1], KEY + "x", "", "é"):
            headers = {"X-API-Key": wrong.encode()}
            assert client.post("/", json=body, headers=headers).status_code == 401


@pytest.mark.parametrize("key", ["short", "passwort-mit-ö-und-mehr", "with a blank in it"])
def test_a_key_that_no_header_carries_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="at least 16"):
        Settings(models={"a": "b"}, api_key=key)
    assert KEY not in repr(Settings(models={"a": "b"}, api_key=KEY))


def test_other_sites_are_let_in_only_where_they_are_named(network: FakeNetwork) -> None:
    asks = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    with TestClient(fake_app(network)) as client:
        assert "access-control-allow-origin" not in client.get("/healthz", headers=asks).headers
    with TestClient(fake_app(network, origins=("https://shop.example",))) as client:
        allowed = client.options("/v1/pose", headers=asks).headers["access-control-allow-origin"]
        assert allowed == "https://shop.example"


def test_metrics_count_what_was_done(client: TestClient) -> None:
    client.post("/v1/pose", files={"image": picture()})
    client.get("/made-up-1")
    text = client.get("/metrics").text
    assert 'tfpose_requests_total{method="POST",route="/v1/pose",status="200"} 1.0' in text
    assert 'tfpose_requests_total{method="GET",route="other",status="404"} 1.0' in text
    assert 'tfpose_people_total{model="pose"} 2.0' in text
    assert "tfpose_queued_pictures 0.0" in text
    assert "process_resident_memory_bytes" in text


def test_a_draining_service_is_alive_and_not_ready(client: TestClient) -> None:
    client.app.state.service.draining = True
    assert client.get("/readyz").status_code == 503
    assert client.get("/readyz").headers["connection"] == "close"
    assert client.get("/healthz").status_code == 200
    assert client.post("/v1/pose", files={"image": picture()}).status_code == 200
    client.app.state.service.draining = False


def test_the_schema_has_an_example_for_every_body(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    text = json.dumps(schema)
    assert text.count('"examples"') >= 4
    assert "$defs" not in text
    assert set(schema["paths"]) == {
        *("/v1/pose", "/v1/models", "/v1/models/{name}", "/v1/models/{name}:predict"),
        *("/v1/models/{name}/metadata", "/v1/models/{name}/versions/{version}"),
        "/v1/models/{name}/versions/{version}:predict",
        "/v1/models/{name}/versions/{version}/metadata",
        *("/", "/get_head_point", "/get_body_box", "/healthz", "/readyz", "/metrics"),
    }

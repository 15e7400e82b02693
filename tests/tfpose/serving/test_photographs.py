"""The hard-hat service as its README asks it, on real photographs with hats drawn over heads."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from tfpose.serving.app import create_app
from tfpose.serving.settings import Settings

from ...estimator.conftest import trained_model  # noqa: F401
from .fakes import encoded

# Of everybody: a hat that sits on their head (left, top, width, height), and the tip of their
# nose; read off the photographs by eye.
PEOPLE = {
    "p2.jpg": [((102, 30, 58, 34), (137, 78)), ((320, 28, 64, 38), (352, 83))],
    "p3.jpg": [
        ((110, 138, 72, 42), (157, 200)),
        ((255, 52, 68, 42), (289, 113)),
        ((403, 145, 70, 42), (429, 208)),
    ],
    "ski.jpg": [
        ((46, 232, 42, 27), (67, 270)),
        ((152, 232, 42, 27), (172, 278)),
        ((278, 38, 42, 28), (304, 80)),
        ((425, 24, 72, 50), (482, 98)),
        ((589, 7, 48, 28), (615, 42)),
    ],
}
# A hat that lies or is carried where no head is.
ELSEWHERE = {
    "p2.jpg": (130, 220, 58, 34),
    "p3.jpg": (265, 275, 70, 42),
    "ski.jpg": (190, 60, 44, 28),
}
CASES = [
    (name, wearers)
    for name, everybody in PEOPLE.items()
    for wearers in [(), *((one,) for one in range(len(everybody))), tuple(range(len(everybody)))]
]


@pytest.fixture(scope="module")
def client(trained_model: Path) -> Iterator[TestClient]:  # noqa: F811
    settings = Settings(models={"pose": str(trained_model)}, lanes=1, hosts=("testserver",))
    with TestClient(create_app(settings)) as client:
        yield client


def wear(picture: np.ndarray, box: Sequence[int]) -> None:
    """Draws a yellow hat with a brim."""
    left, top, width, height = box
    middle = (left + width // 2, top + height - height // 6)
    cv2.ellipse(
        picture, middle, (int(width * 0.42), int(height * 0.8)), 0, 180, 360, (0, 200, 250), -1
    )
    cv2.ellipse(
        picture, middle, (width // 2, height // 6), 0, 0, 360, (0, 160, 220), -1, cv2.LINE_AA
    )


def ask(client: TestClient, photo: Path, hats: Sequence[Sequence[int]]) -> list[tuple]:
    """Everybody's flag with their head's middle, from the README's request."""
    picture = cv2.imread(str(photo))
    for hat in hats:
        wear(picture, hat)
    img = [encoded(cv2.imencode(".jpg", picture)[1].tobytes())]
    fields = ("left", "top", "width", "height")
    body = {"hat_location": [dict(zip(fields, hat, strict=True)) for hat in hats], "img": img}
    answer = client.post("/", json=body)
    assert answer.status_code == 200
    assert answer.json()["code"] == "200"
    assert answer.json()["message"] == "Success"
    heads = client.post("/get_head_point", json={"img": img}).json()["data"]
    flags = [one["flag"] for one in answer.json()["data"]]
    return list(zip(flags, [np.mean(head, axis=0) for head in heads], strict=True))


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize(("name", "wearers"), CASES)
def test_the_flag_is_true_for_the_wearers_and_false_for_the_others(
    client: TestClient, shared: Path, name: str, wearers: tuple[int, ...], elsewhere: bool
) -> None:
    hats = [PEOPLE[name][one][0] for one in wearers]
    found = ask(client, shared / "photos" / name, hats + [ELSEWHERE[name]] * elsewhere)
    assert len(found) == len(PEOPLE[name])
    for person, (_, nose) in enumerate(PEOPLE[name]):
        off, flag = min((np.linalg.norm(head - nose), flag) for flag, head in found)
        assert off < 40
        assert flag == (person in wearers), f"person {person}"

"""A load on the service: pictures of a folder, one request after another by every user.

    locust --locustfile=deploy/locustfile.py --headless --users=8 --run-time=30s --stop-timeout=10 \
      --host=http://127.0.0.1:24417

TFPOSE_PICTURES is a folder of JPEGs (one sample if it is not given), TFPOSE_API_KEY the service's
key, TFPOSE_PAUSE the seconds that a user waits between two requests. An answer other than 200 is a
failure; 503 says that the queue was full. Load nobody else's service.
"""

import itertools
import os
from pathlib import Path

from locust import HttpUser, constant, task

SAMPLE = Path(__file__).resolve().parents[1] / "estimator" / "pictures" / "sample.jpg"
FOLDER = os.getenv("TFPOSE_PICTURES")
PICTURES = [path.read_bytes() for path in sorted(Path(FOLDER).glob("*.jp*g"))] if FOLDER else []
KEY = os.getenv("TFPOSE_API_KEY")


class Caller(HttpUser):
    """One client."""

    wait_time = constant(float(os.getenv("TFPOSE_PAUSE", "0")))

    def on_start(self) -> None:
        """Gets the key ready, and this user's order of pictures."""
        if KEY:
            self.client.headers["Authorization"] = f"Bearer {KEY}"
        self.pictures = itertools.cycle(PICTURES or [SAMPLE.read_bytes()])

    @task
    def pose(self) -> None:
        """Asks for the people of one picture."""
        files = {"image": ("picture.jpg", next(self.pictures), "image/jpeg")}
        with self.client.post("/v1/pose", files=files, catch_response=True) as answer:
            if answer.status_code == 200 and "images" not in answer.json():
                answer.failure("an answer without `images`")

import asyncio
import time

import cv2
import numpy as np
import pytest

from estimator import geometry, pictures
from tests import hostile_pictures as hostile
from tfpose.serving.errors import ServiceError
from tfpose.serving.lanes import decoding_process
from tfpose.serving.lanes.decoder import Decoder
from tfpose.serving.metrics import Metrics
from tfpose.serving.settings import Limits

LIT = (200, 120)  # x, y of the middle of a white square


def lit(kind: str) -> bytes:
    pixels = np.zeros((240, 320, 3), np.uint8)
    pixels[LIT[1] - 15 : LIT[1] + 16, LIT[0] - 15 : LIT[0] + 16] = 255
    return cv2.imencode(kind, pixels)[1].tobytes()


@pytest.mark.parametrize("kind", [".png", ".jpg"])
@pytest.mark.parametrize("pixels", [240 * 320, 20_000, 999])
def test_a_picture_made_smaller_still_has_its_spot_where_it_was(kind: str, pixels: int) -> None:
    picture, matrix = decoding_process.read(lit(kind), factor=1, pixels=pixels)
    assert picture.shape[0] * picture.shape[1] <= 1.1 * pixels
    weight = picture[..., 0].astype(np.float64)
    y, x = np.indices(weight.shape)
    place = np.array([[(x * weight).sum(), (y * weight).sum()]]) / weight.sum()
    found = geometry.transform(geometry.invert(matrix), place.astype(np.float32))[0]
    assert found.tolist() == pytest.approx(LIT, abs=0.5 if pixels > 999 else 2)


def test_pictures_come_back_and_one_that_takes_too_long_ends_nothing_but_its_own() -> None:
    """The process is ended within its time, and the next picture gets a new one."""
    png = lit(".png")

    async def ask() -> None:
        patient, hasty = (
            Decoder(Limits(decode_seconds=seconds, costly_pictures=2), Metrics())
            for seconds in (30.0, 0.02)
        )
        until = time.monotonic() + 60
        read = await patient.read(png, "it", factor=1, until=until)
        np.testing.assert_array_equal(read.picture, pictures.read(png))
        with pytest.raises(ServiceError, match="it: is no picture that OpenCV can decode"):
            await patient.read(b"hello", "it", factor=1, until=until)
        with pytest.raises(ServiceError, match=r"it: takes more than 0\.02 s to decode"):
            await hasty.read(hostile.many_scans(99, 7000, 7000), "it", factor=1, until=until)
        three = [patient.read(png, "it", factor=1, until=until) for _ in range(3)]
        found = await asyncio.gather(*three, return_exceptions=True)
        assert [isinstance(one, ServiceError) for one in found] == [False, False, True]
        patient.close()
        hasty.close()
        with pytest.raises(ServiceError, match="shutting down"):
            await patient.read(png, "it", factor=1, until=until)

    asyncio.run(ask())


def test_a_picture_that_takes_too_much_memory_is_refused() -> None:
    async def ask() -> None:
        decoder = Decoder(Limits(decode_bytes=64 << 20), Metrics())
        until = time.monotonic() + 60
        png = cv2.imencode(".png", np.zeros((6000, 6000, 3), np.uint8))[1].tobytes()
        with pytest.raises(ServiceError, match="it: "):
            await decoder.read(png, "it", factor=1, until=until)
        assert (await decoder.read(lit(".png"), "it", factor=1, until=until)).picture.any()
        decoder.close()

    asyncio.run(ask())

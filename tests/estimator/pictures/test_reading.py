import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from estimator import pictures
from estimator.pictures import header as picture_header
from estimator.pictures import reading


@pytest.fixture
def quarters() -> np.ndarray:
    """32 x 48: red, green above blue, white; tells every turn and mirror from the others."""
    picture = np.zeros((32, 48, 3), np.uint8)
    picture[:16, :24], picture[:16, 24:] = (255, 0, 0), (0, 255, 0)
    picture[16:, :24], picture[16:, 24:] = (0, 0, 255), (255, 255, 255)
    return picture


def encode(picture: np.ndarray, kind: str, mode: str | None = None, **options: object) -> bytes:
    image = Image.fromarray(picture)
    file = io.BytesIO()
    (image.convert(mode) if mode else image).save(file, kind, **options)
    return file.getvalue()


def corners(picture: np.ndarray) -> list[str]:
    """The colours of the four quarters, row by row."""
    names = {(1, 0, 0): "red", (0, 1, 0): "green", (0, 0, 1): "blue", (1, 1, 1): "white"}
    height, width = picture.shape[:2]
    places = [(y, x) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    return [names.get(tuple((picture[place] > 127).astype(int).tolist()), "?") for place in places]


UPRIGHT = ["red", "green", "blue", "white"]


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("JPEG", None),
        ("JPEG", "CMYK"),
        ("PNG", None),
        ("PNG", "P"),
        ("PNG", "RGBA"),
        ("WEBP", None),
        ("WEBP", "RGBA"),
        ("BMP", None),
        ("TIFF", None),
    ],
)
def test_colours_come_as_rgb(quarters: np.ndarray, kind: str, mode: str | None) -> None:
    picture = pictures.read(encode(quarters, kind, mode))
    assert picture.shape == (32, 48, 3)
    assert picture.dtype == np.uint8
    assert corners(picture) == UPRIGHT


# How a camera that was held so stores the upright picture, by Exif's table of orientations.
STORED = {
    1: lambda upright: upright,
    2: np.fliplr,
    3: lambda upright: np.rot90(upright, 2),
    4: np.flipud,
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: np.rot90(upright, 2).transpose(1, 0, 2),
    8: lambda upright: np.rot90(upright, -1),
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_large_file_is_read_as_its_bytes_are(
    kind: str,
    mode: str,
    quarters: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = encode(quarters, kind, mode)
    file = tmp_path / "Größe.bin"
    file.write_bytes(data)
    expected = pictures.read(data)
    monkeypatch.setattr(reading, "_LARGE", 1)
    np.testing.assert_array_equal(pictures.read(file), expected)
    file.write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=r"Größe\.bin"):
        pictures.read(file)


@pytest.mark.skipif(
    "dst" not in str(cv2.imread.__doc__) or sys.platform != "linux",
    reason="OpenCV before 4.11 decodes into a copy; ru_maxrss is in KiB on Linux only",
)
def test_a_large_picture_takes_its_own_memory_once(tmp_path: Path) -> None:
    """Its pixels, and what the decoder works with; never a second copy of them."""
    file = tmp_path / "large.png"
    height, width = 4096, 8192  # 96 MiB
    cv2.imwrite(str(file), np.zeros((height, width, 3), np.uint8))
    program = (
        "import resource, sys; from estimator import pictures; "
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; "
        "before = peak(); pictures.read(sys.argv[1]); print(peak() - before)"
    )
    grown = subprocess.run(
        [sys.executable, "-c", program, str(file)], check=True, capture_output=True, text=True
    ).stdout
    assert int(grown) * 1024 < 1.5 * height * width * 3


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("JPEG", None),
        ("PNG", None),
        ("PNG", "RGBA"),
        ("WEBP", None),
        ("WEBP", "RGBA"),
        ("TIFF", None),
    ],
)
def test_rotated_by_exif_comes_upright(
    quarters: np.ndarray, orientation: int, kind: str, mode: str | None
) -> None:
    stored = np.ascontiguousarray(STORED[orientation](quarters))
    if mode == "RGBA":  # a PNG or WebP without transparent pixels is written without alpha
        alpha = np.full((*stored.shape[:2], 1), 254, np.uint8)
        stored, mode = np.concatenate([stored, alpha], axis=2), None
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = pictures.read(encode(stored, kind, mode, exif=exif))
    assert picture.shape == (32, 48, 3)
    assert corners(picture) == UPRIGHT


def test_damaged_exif_is_upright() -> None:
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x09"  # nine tags announced, none there
    rgba = np.full((4, 6, 4), 100, np.uint8)
    assert pictures.read(encode(rgba, "PNG", exif=exif)).shape == (4, 6, 3)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_transparent_pixels_lie_on_white(kind: str) -> None:
    rgba = np.zeros((4, 6, 4), np.uint8)
    rgba[:, 2:4], rgba[:, 4:] = (200, 0, 0, 128), (0, 100, 0, 255)
    picture = pictures.read(encode(rgba, kind, lossless=True, exact=True))
    assert picture[0, 0].tolist() == [255, 255, 255]
    assert np.allclose(picture[0, 2], [200 * 128 / 255 + 127, 127, 127], atol=1)
    assert picture[0, 5].tolist() == [0, 100, 0]


def test_transparent_colour_of_a_palette_lies_on_white() -> None:
    red = np.full((4, 6, 3), (255, 0, 0), np.uint8)
    picture = pictures.read(encode(red, "PNG", "P", transparency=0))
    index = np.asarray(Image.fromarray(red).convert("P"))[0, 0]
    transparent = pictures.read(encode(red, "PNG", "P", transparency=int(index)))
    assert picture[0, 0].tolist() == [255, 0, 0]
    assert transparent[0, 0].tolist() == [255, 255, 255]


def test_grey_and_alpha_lie_on_white() -> None:
    grey = Image.fromarray(np.full((4, 6), 90, np.uint8)).convert("LA")
    grey.putalpha(
        Image.fromarray(np.where(np.arange(6) < 3, 0, 255).astype(np.uint8)[None].repeat(4, 0))
    )
    file = io.BytesIO()
    grey.save(file, "PNG")
    assert pictures.read(file.getvalue())[0, [0, 5]].tolist() == [[255] * 3, [90] * 3]


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_grey_has_three_equal_channels(kind: str) -> None:
    picture = pictures.read(encode(np.full((5, 7), 90, np.uint8), kind))
    assert picture.shape == (5, 7, 3)
    assert (np.abs(picture.astype(int) - 90) <= 1).all()


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_keep_their_upper_eight(channels: int) -> None:
    deep = np.full((5, 7, channels), 0x5A80, np.uint16)
    deep[..., 3:] = 0xFFFF
    data = cv2.imencode(".png", deep)[1].tobytes()
    assert (np.abs(pictures.read(data).astype(int) - 0x5A) <= 1).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_thin_pictures_are_read(size: tuple[int, int], kind: str) -> None:
    assert pictures.read(encode(np.full((*size, 3), 7, np.uint8), kind)).shape == (*size, 3)


@pytest.mark.slow
def test_hundred_megapixels_are_read() -> None:
    grey = np.zeros((10_000, 10_000), np.uint8)
    grey[-1, -1] = 255
    picture = pictures.read(cv2.imencode(".png", grey)[1].tobytes())
    assert picture.shape == (10_000, 10_000, 3)
    assert picture[-1, -1].tolist() == [255] * 3


def claim_png(height: int, width: int) -> bytes:
    """A PNG of a few bytes whose header announces that many pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    end = b"\0\0\0\0IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    checked = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + checked + end


def claim_jpeg(quarters: np.ndarray) -> bytes:
    data = encode(quarters, "JPEG")
    return data.replace(struct.pack(">HH", 32, 48), struct.pack(">HH", 60_000, 60_000))


def test_more_pixels_than_the_limit_are_refused_unread(quarters: np.ndarray) -> None:
    for data in (claim_png(60_000, 60_000), claim_jpeg(quarters)):
        with pytest.raises(
            ValueError, match=r"has 60000 x 60000 pixels, more than the 256 x 2\^20"
        ):
            pictures.read(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.9, 0.5, 0.1, 0.02])
def test_cut_off_picture_is_refused_by_name(kind: str, share: float, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)
    data = encode(noise, kind)
    path = tmp_path / "half.jpg"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ValueError, match=r"half\.jpg is cut off: .* Copy or download it again"):
        pictures.read(path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_no_prefix_of_a_picture_breaks_the_reader(quarters: np.ndarray, kind: str) -> None:
    data = encode(quarters, kind)
    for length in range(0, len(data) - 3, 7):
        with pytest.raises(ValueError, match=r"cut off|no picture"):
            pictures.read(data[:length])


def test_thumbnail_does_not_end_a_cut_off_jpeg(quarters: np.ndarray) -> None:
    thumbnail = b"\xff\xd8\xff\xd9"
    data = encode(quarters, "JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", 2 + len(thumbnail)) + thumbnail
    assert picture_header.read(data[:2] + segment + data[2:]).whole
    assert not picture_header.read(data[:2] + segment + data[2:-2]).whole


def test_bytes_behind_a_jpeg_do_not_matter(quarters: np.ndarray) -> None:
    film = b"\0\0\0\x18ftypmp42" + b"\xff\xda" * 9  # phones append one to a moving photograph
    assert corners(pictures.read(encode(quarters, "JPEG") + film)) == UPRIGHT


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_text("not a picture, whatever its name says"),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\0" * 1000),
    ],
)
def test_what_is_no_picture_is_refused_by_name(
    write: Callable[[Path], object], tmp_path: Path
) -> None:
    path = tmp_path / "text.jpg"
    write(path)
    with pytest.raises(ValueError, match=r"text\.jpg is no picture that OpenCV can decode"):
        pictures.read(path)


def test_missing_file_and_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no picture at .*none\.jpg"):
        pictures.read(tmp_path / "none.jpg")
    with pytest.raises(ValueError, match="is a folder"):
        pictures.read(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "below").mkdir()
    for name in ("p10.jpg", "p2.JPG", "p1.poses.jpg", "notes.txt", "below/p3.png"):
        (tmp_path / name).touch()
    return tmp_path


def names(files: tuple[Path, ...]) -> list[str]:
    return [file.name for file in files]


def test_folder_gives_its_own_pictures_in_natural_order(folder: Path) -> None:
    listing = pictures.find([folder], drawn_suffix=".poses")
    assert names(listing.files) == ["p2.JPG", "p10.jpg"]
    assert names(listing.skipped) == ["notes.txt", "p1.poses.jpg"]


def test_glob_goes_below(folder: Path) -> None:
    listing = pictures.find([f"{folder}/**/*"])
    assert names(listing.files) == ["p3.png", "p1.poses.jpg", "p2.JPG", "p10.jpg"]


def test_file_is_taken_whatever_its_name_and_once(folder: Path) -> None:
    listing = pictures.find([folder / "notes.txt", folder / "p10.jpg", folder, folder])
    assert names(listing.files) == ["notes.txt", "p10.jpg", "p1.poses.jpg", "p2.JPG"]
    assert names(listing.skipped) == []


def test_name_with_brackets_is_a_file_before_it_is_a_glob(tmp_path: Path) -> None:
    (tmp_path / "a[1].jpg").touch()
    assert names(pictures.find([tmp_path / "a[1].jpg"]).files) == ["a[1].jpg"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("none.jpg", "no picture or folder at"),
        ("*.webp", "no pictures in .*: 0 files"),
        ("notes*", r"no pictures in .*: 1 files, none of \.avif"),
    ],
)
def test_nothing_found_is_an_error(path: str, message: str, folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=message):
        pictures.find([folder / path])


def test_folder_without_pictures_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no pictures in"):
        pictures.find([tmp_path])


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P"])
def test_a_bmp_says_its_size_and_whether_it_is_whole(quarters: np.ndarray, mode: str) -> None:
    data = encode(quarters, "BMP", mode)
    header = picture_header.read(data)
    assert (header.height, header.width, header.whole) == (32, 48, True)
    assert not picture_header.read(data[:-1]).whole
    assert not picture_header.read(data[:20]).whole


def test_a_bmp_stored_from_the_top_says_its_size(quarters: np.ndarray) -> None:
    data = bytearray(encode(quarters, "BMP"))
    struct.pack_into("<i", data, 22, -32)
    header = picture_header.read(bytes(data))
    assert (header.height, header.width, header.whole) == (32, 48, True)


def test_an_empty_glob_does_not_stop_the_others(folder: Path) -> None:
    listing = pictures.find([f"{folder}/*.webp", folder / "p10.jpg"])
    assert names(listing.files) == ["p10.jpg"]
    (line,) = listing.empty
    assert line.startswith("no pictures in ")

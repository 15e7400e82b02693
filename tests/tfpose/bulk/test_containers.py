"""Containers: every picture is in exactly one piece, however a container is cut."""

import itertools
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from estimator.streams import sources
from tests.tfpose.bulk import made_containers
from tfpose.bulk import containers, plan, storage
from tfpose.bulk.containers import Reading
from tfpose.bulk.pieces import Piece, cut
from tfpose.data import picture_files

Maker = Callable[[Path, dict[str, bytes]], Path]
BROKEN = [(kind, file, make) for kind, file, make in made_containers.MAKERS if "." in file]


def _make(make: Maker, path: Path, members: dict[str, bytes]) -> Path:
    if make is made_containers.tabled:
        pytest.importorskip("pyarrow", reason="needs pyarrow (the extra [beam])")
    return make(path, members)


def _contents(path: Path, most: int) -> list[tuple[str, bytes]]:
    """The pictures of a container, read while it is open."""
    reading, found = Reading(), []
    for shard in plan.make([str(path)], most=most, reading=reading).shards:
        for piece in shard.pieces:
            for item in containers.read(piece, reading):
                data = item.load()
                assert isinstance(data, bytes)
                found.append((item.source, data))
    return found


@pytest.mark.parametrize("kind", containers.names())
def test_every_kind_has_both_functions_and_a_test(kind: str) -> None:
    module = containers.get(kind)
    assert callable(module.list_pieces)
    assert callable(module.read)
    assert kind == "videos" or kind in {maker[0] for maker in made_containers.MAKERS}


@pytest.mark.parametrize("most", [1, 3, 4, 100])
@pytest.mark.parametrize(("kind", "file", "make"), made_containers.MAKERS)
def test_pieces_of_any_length_hold_every_picture_once_in_order(
    kind: str, file: str, make: Maker, most: int, tmp_path: Path
) -> None:
    members = made_containers.pictures()
    found = _contents(_make(make, tmp_path / file, members), most)
    assert [data for _, data in found] == list(members.values())
    assert len({source for source, _ in found}) == len(members)
    assert all(name in source for name, (source, _) in zip(members, found, strict=True))
    assert kind == "single_files" or containers.kind_of(str(tmp_path / file)) == kind


@pytest.mark.parametrize("most", [3, 4])
@pytest.mark.parametrize(("kind", "file", "make"), made_containers.MAKERS)
def test_a_shard_has_at_most_so_many_pictures(
    kind: str, file: str, make: Maker, most: int, tmp_path: Path
) -> None:
    path = _make(make, tmp_path / file, made_containers.pictures())
    sizes = [shard.count for shard in plan.make([str(path)], most=most, reading=Reading()).shards]
    assert sum(sizes) == made_containers.COUNT
    assert max(sizes) <= (made_containers.COUNT if file.endswith(".gz") else most)


@pytest.mark.parametrize(("kind", "file", "make"), BROKEN)
def test_a_container_that_is_cut_off_is_named_and_keeps_what_is_whole(
    kind: str, file: str, make: Maker, tmp_path: Path
) -> None:
    path = _make(make, tmp_path / file, made_containers.pictures())
    path.write_bytes(path.read_bytes()[: int(0.6 * path.stat().st_size)])
    made = plan.make([str(path)], most=100, reading=Reading())
    pieces = [piece for shard in made.shards for piece in shard.pieces]
    *sound, broken = pieces
    assert broken.fault
    (item,) = containers.read(broken, Reading())
    assert item.source == str(path)
    with pytest.raises(OSError, match=r"."):
        item.load()
    if kind in ("tars", "tfrecords") and not file.endswith(".gz"):
        assert 0 < sum(piece.count for piece in sound) < made_containers.COUNT


def _said_of(path: Path) -> dict[str, str]:
    """What the pictures of a container raise when they are loaded, by their names."""
    said = {}
    for shard in plan.make([str(path)], most=100, reading=Reading()).shards:
        for piece in shard.pieces:
            for item in containers.read(piece, Reading()):
                try:
                    item.load()
                except OSError as error:
                    said[item.source.rpartition("/")[2]] = str(error)
    return said


def test_a_zip_bomb_is_refused_by_name_and_the_rest_is_read(tmp_path: Path) -> None:
    """The bound and the words are those of the pictures of a data set."""
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("set/bomb.png", bytes(70 << 20))
        for name, data in made_containers.pictures(2).items():
            archive.writestr(f"set/{name}", data)
    with zipfile.ZipFile(path) as archive:
        packed = archive.getinfo("set/bomb.png").compress_size
    assert _said_of(path) == {
        "bomb.png": f"set/bomb.png in {path} has {packed} bytes that unpack to {70 << 20}: "
        "a zip bomb? If it is sound, unpack it and give the file"
    }


@pytest.mark.parametrize(
    ("file", "make"),
    [
        ("set.zip", made_containers.zipped),
        ("set.tar", made_containers.tarred),
        ("set.tar.gz", made_containers.tarred),
    ],
)
def test_a_member_larger_than_any_picture_is_refused(
    file: str, make: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture_files, "MOST_BYTES", 5000)
    path = make(tmp_path / file, {"a.png": bytes(5000), "b.png": bytes(5001)})
    (said,) = _said_of(path).values()
    assert said.endswith("b.png has more than 5000 bytes: is it a picture?")


def test_a_broken_header_in_a_tar_is_not_taken_for_its_end(tmp_path: Path) -> None:
    path = made_containers.tarred(tmp_path / "set.tar", made_containers.pictures(4))
    (piece,) = containers.list_pieces(storage.find(str(path))[0], "tars", 2, Reading())[1:]
    data = bytearray(path.read_bytes())
    data[piece.offset + 150] ^= 1  # of the header's check sum
    path.write_bytes(data)
    (sound, broken) = containers.list_pieces(storage.find(str(path))[0], "tars", 9, Reading())
    assert sound.count == 2
    assert "broken header" in broken.fault


def _greys(made: plan.Plan, every: int = 1) -> list[tuple[int | None, float | None, float]]:
    found = []
    for shard in made.shards:
        for piece in shard.pieces:
            for item in containers.read(piece, Reading(every=every)):
                picture = item.load()
                assert isinstance(picture, np.ndarray)
                found.append((item.frame, item.time, float(picture.mean())))
    return found


def _from_front_to_end(path: Path) -> list[float]:
    """The mean of each frame; no two are alike."""
    with sources.Video(str(path)) as video:
        greys = [float(frame.picture.mean()) for frame in video]
    assert len(set(greys)) == len(greys) == 90
    return greys


@pytest.mark.parametrize("most", [7, 30, 1000])
def test_segments_of_a_video_hold_every_frame_once(most: int, tmp_path: Path) -> None:
    path = made_containers.filmed(tmp_path / "walk.avi")
    found = _greys(plan.make([str(path)], most=most, reading=Reading()))
    assert [frame for frame, _, _ in found] == list(range(90))
    assert [grey for _, _, grey in found] == _from_front_to_end(path)
    np.testing.assert_allclose([time for _, time, _ in found], np.arange(90) / 25, atol=1e-3)


def test_every_third_frame(tmp_path: Path) -> None:
    path = made_containers.filmed(tmp_path / "walk.avi")
    found = _greys(plan.make([str(path)], most=8, reading=Reading(every=3)), every=3)
    assert [grey for _, _, grey in found] == _from_front_to_end(path)[::3]


def _uneven_film(path: Path) -> list[int]:
    """An MP4 with gaps between its frames; the milliseconds of each."""
    av = pytest.importorskip("av", reason="needs PyAV (the extra [dev])")
    from fractions import Fraction

    stamps = list(itertools.accumulate([0] + [20, 20, 70, 40, 300] * 16))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25, options={"g": "6"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for index, stamp in enumerate(stamps):
            grey = np.full((48, 64, 3), 3 * index, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
            frame.pts, frame.time_base = stamp, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return stamps


@pytest.mark.parametrize("most", [10, 17])
def test_segments_of_an_uneven_video_lose_and_double_no_frame(most: int, tmp_path: Path) -> None:
    path = tmp_path / "phone.mp4"
    stamps = _uneven_film(path)
    found = _greys(plan.make([str(path)], most=most, reading=Reading()))
    np.testing.assert_allclose([time for _, time, _ in found], np.array(stamps) / 1000, atol=2e-3)


def test_a_video_that_ends_early_is_named_once(tmp_path: Path) -> None:
    path = made_containers.filmed(tmp_path / "walk.avi")
    stored = storage.find(str(path))[0]
    pieces = containers.list_pieces(stored, "videos", 30, Reading())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    ends = []
    for piece in pieces:
        try:
            for item in containers.read(piece, Reading()):
                item.load()
        except (OSError, ValueError) as error:
            ends.append(str(error))
    assert len(ends) == 1


def test_what_is_no_video_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "walk.mp4"
    path.write_bytes(b"no video")
    (piece,) = containers.list_pieces(storage.find(str(path))[0], "videos", 9, Reading())
    assert "no video" in piece.fault


def test_a_column_is_found_or_asked_for(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="needs pyarrow (the extra [beam])")
    import pyarrow.parquet as pq

    path = tmp_path / "two.parquet"
    pq.write_table(pa.table({"left": [b"1", None], "right": [b"2", b"3"], "n": [1, 2]}), path)
    stored = storage.find(str(path))[0]
    (piece,) = containers.list_pieces(stored, "parquets", 9, Reading())
    assert "left, right" in piece.fault
    (piece,) = containers.list_pieces(stored, "parquets", 9, Reading(column="left"))
    loads = [item.load for item in containers.read(piece, Reading(column="left"))]
    assert loads[0]() == b"1"
    with pytest.raises(OSError, match="no picture"):
        loads[1]()


def test_an_example_without_a_picture_is_one_failure(tmp_path: Path) -> None:
    path = made_containers.recorded(tmp_path / "a.tfrecord", made_containers.pictures(2))
    (piece,) = containers.list_pieces(storage.find(str(path))[0], "tfrecords", 9, Reading())
    (first, _) = containers.read(piece, Reading(column="photo"))
    with pytest.raises(OSError, match="no picture in photo; there are image/encoded"):
        first.load()


@pytest.mark.parametrize(
    ("count", "most", "sizes"), [(0, 3, []), (1, 3, [1]), (7, 3, [2, 2, 3]), (6, 3, [3, 3])]
)
def test_cuts_are_nearly_equal(count: int, most: int, sizes: list[int]) -> None:
    parts = cut(count, most)
    assert [size for _, size in parts] == sizes
    assert [first for first, _ in parts] == list(itertools.accumulate([0, *sizes]))[: len(parts)]


def test_a_piece_comes_back_from_json() -> None:
    piece = Piece(kind="zips", path="a.zip", first=3, count=2, size=9, names=("b",), last=True)
    assert Piece.of_tree(piece.tree()) == piece


def test_frames_are_rgb(tmp_path: Path) -> None:
    path = tmp_path / "red.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for _ in range(3):
        writer.write(np.full((48, 64, 3), (0, 0, 250), np.uint8))  # BGR
    writer.release()
    made = plan.make([str(path)], most=9, reading=Reading())
    frames = iter(containers.read(made.shards[0].pieces[0], Reading()))
    picture = next(frames).load()
    assert isinstance(picture, np.ndarray)
    assert picture[..., 0].min() > 200
    assert picture[..., 2].max() < 50

"""Models that are cut, damaged or made to harm: refused in a ValueError that names the file."""

import io
import json
import random
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import keras
import pytest

from estimator import bundle
from tests.tfpose import small_runs
from tfpose.evaluation import network as networks
from tfpose.export import saved_model
from tfpose.weights import keras_files

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
SPEC = small_runs.spec()
CONFIG, WEIGHTS = "config.json", keras_files.WEIGHTS


@pytest.fixture(autouse=True)
def small_models(monkeypatch: pytest.MonkeyPatch) -> None:
    small_runs.add_family(monkeypatch.setattr)


@pytest.fixture(scope="module")
def keras_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keras") / "m.keras"
    keras_files.save_keras(small_runs.build(SPEC, None, None), SPEC, path)
    return path


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(parts: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return file.getvalue()


def damaged(path: Path) -> Iterator[tuple[str, bytes]]:
    """Kinds of damage to a .keras, by name."""
    whole, parts = path.read_bytes(), members(path)
    for share in (0.01, 0.3, 0.9):
        yield f"cut at {share}", whole[: int(len(whole) * share)]
    for name in (CONFIG, WEIGHTS):
        yield f"no {name}", zipped({key: data for key, data in parts.items() if key != name})
    for data in (b"", b"[]", b"{}", b"null", b"\xff\xfe", b"[" * 200_000, b'{"config": 1}'):
        yield f"a config of {data[:20]!r}", zipped(parts | {CONFIG: data})
    layers = json.loads(parts[CONFIG])
    for odd in (None, 7, [7], [{}], [{"config": []}]):
        layers["config"]["layers"] = odd
        yield f"layers of {odd!r}", zipped(parts | {CONFIG: json.dumps(layers).encode()})
    for data in (b"", b"no HDF5", parts[WEIGHTS][: len(parts[WEIGHTS]) // 2]):
        yield f"weights of {len(data)} bytes", zipped(parts | {WEIGHTS: data})
    yield "a bomb of weights", zipped(parts | {WEIGHTS: bytes(70 << 20)})
    yield "a bomb of a config", zipped(parts | {CONFIG: b" " * (70 << 20)})


def test_a_damaged_keras_file_is_refused_by_its_name(keras_file: Path, tmp_path: Path) -> None:
    path, escaped = tmp_path / "m.keras", []
    for kind, data in damaged(keras_file):
        path.write_bytes(data)
        try:
            networks.load(path)
            escaped.append(f"{kind}: opened")
        except ValueError as error:
            if str(path) not in str(error):
                escaped.append(f"{kind}: no name in {error}")
        except Exception as error:
            escaped.append(f"{kind}: {error!r}")
    assert not escaped


@pytest.mark.soak
@pytest.mark.faults
def test_a_keras_file_with_other_bytes_is_read_or_refused(keras_file: Path, tmp_path: Path) -> None:
    """300 files with one to eight other bytes, anywhere; half of them where the headers are."""
    path, source, whole = tmp_path / "m.keras", random.Random(0), keras_file.read_bytes()
    for number in range(300):
        data = bytearray(whole)
        start = 0 if number % 2 else len(data) - 2000
        for _ in range(source.randint(1, 8)):
            data[source.randrange(start, len(data))] = source.randrange(256)
        path.write_bytes(data)
        try:
            networks.load(path)
        except ValueError as error:
            assert str(path) in str(error)  # noqa: PT017


def test_a_saved_model_with_parts_missing_is_refused_by_its_name(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    saved_model.write(small_runs.build(SPEC, None, None), SPEC, whole)
    assert networks.load(whole).spec == SPEC
    parts = [path.relative_to(whole) for path in whole.rglob("*") if path.is_file()]
    needed = [part for part in parts if part.name != "fingerprint.pb"]
    assert {part.name for part in needed} >= {"saved_model.pb", bundle.MEMBER, "variables.index"}
    for number, part in enumerate(needed):
        for harm in ("gone", "empty", "cut", "other"):
            folder = tmp_path / f"{number}{harm}"
            shutil.copytree(whole, folder)
            data = (folder / part).read_bytes()
            (folder / part).unlink()
            if harm != "gone":
                other = {"empty": b"", "cut": data[: len(data) // 2], "other": b"\xff" * 99}[harm]
                (folder / part).write_bytes(other)
            with pytest.raises(ValueError, match=str(folder)):
                networks.load(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=str(tmp_path / "empty")):
        networks.load(tmp_path / "empty")


def test_a_network_that_keras_would_run_code_for_is_refused(tmp_path: Path) -> None:
    """A Lambda's function is Python's byte code inside the file."""
    image = keras.Input((64, 64, 3), name="image")
    model = keras.Model(image, keras.layers.Lambda(lambda x: x * 2)(image))
    keras_files.save_keras(model, SPEC, tmp_path / "m.keras")
    with pytest.raises(ValueError, match=r"m\.keras"):
        networks.load(tmp_path / "m.keras")

"""Pages' commands and programs run as printed, and so do the cells of the migration pages."""

import re
import shutil
from pathlib import Path

import pytest

from estimator import PoseEstimator, pictures
from tests import printed_commands
from tests.conftest import ROOT
from tfpose import recipes

DOCS = ROOT / "docs"
MIGRATION = sorted((DOCS / "migration").glob("*.md"))
GUIDES = [DOCS / name for name in ("estimator.md", "video.md", "evaluation.md")]
PAGES = [*MIGRATION, *GUIDES]
FIRST = "tfpose sample"  # makes what the others read


def test_each_page_begins_with_the_samples() -> None:
    assert len(MIGRATION) == 5
    for page in PAGES:
        assert printed_commands.commands(page)[0] == FIRST, page


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_pages_commands_and_programs_run_as_printed(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In their order, since later ones read what earlier ones wrote; then the programs."""
    place = tmp_path / "here"
    place.mkdir()
    for command in printed_commands.commands(page):
        printed_commands.run(command, place)
    monkeypatch.chdir(place)
    for code in printed_commands.programs(page):
        exec(code, {})


@pytest.mark.slow
def test_programs_of_pages_without_commands_of_their_own_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "here"
    place.mkdir()
    printed_commands.run("tfpose sample photo --out=sample", place)
    monkeypatch.chdir(place)
    for name in ("index.md", "decoder.md"):
        (code,) = printed_commands.programs(DOCS / name)
        exec(code, {})


RUN_BY = {  # page whose commands a test of its own runs, in blocks or one by one
    "quick_start.md": "tests/test_readme.py",
    "your_own_data.md": "tests/test_your_own_data.py",
    "serving.md": "tests/tfpose/serving/test_docs.py",
    **{str(page.relative_to(DOCS)): "tests/test_docs_commands.py" for page in PAGES},
}
NOT_RUN = {  # how a command begins, and why no test runs it as printed
    "pip install": ".ci/run and .ci/wheel install the package in fresh environments",
    "npm --prefix web": ".ci/run builds web/, and tests/web run what is built",
    "mkdocs build": "tests/test_links.py builds the site into a folder of its own",
    "tfpose serve --live": "tests/tfpose/serving/routes/test_live.py asks such a service",
    "tfpose bulk": "tests/tfpose/bulk/test_pipeline.py runs the command on pictures of its own",
    "unzip": "tests/estimator/test_bundle.py reads the member in Python",
}


def test_a_command_is_run_by_a_test_or_says_why_not() -> None:
    """Blocks of `bash` are run; what needs a data set, a device or a cluster is `sh` or `text`."""
    ran = {one for name in RUN_BY for one in printed_commands.commands(DOCS / name)}
    for test in RUN_BY.values():
        assert (ROOT / test).is_file()
    for reason in NOT_RUN.values():
        for test in re.findall(r"tests/\S+", reason):
            assert (ROOT / test).exists(), test
    for page in sorted(DOCS.rglob("*.md")):
        for command in printed_commands.commands(page):
            assert command in ran or command.startswith(tuple(NOT_RUN)), f"{page}: {command}"


def _ours(page: Path) -> list[str]:
    """What stands between backticks in the column "Ours", alternatives apart."""
    rows = re.findall(r"^\| [^|]+ \| ([^|]+) \|$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [code for cell in rows for code in re.findall(r"`([^`]+)`", cell)]


CELLS = sorted({cell for page in MIGRATION for cell in _ours(page)})
PYTHON = [cell for cell in CELLS if re.match(r"PoseEstimator|estimator|person|poses|\.", cell)]
SHELL = [cell for cell in CELLS if cell not in PYTHON]
LIVE = [cell for cell in SHELL if re.search(r"camera:|rtsp:", cell)]  # tests/estimator/streams
TRAIN = [cell for cell in SHELL if cell.startswith(("tfpose train", "--recipe"))]
ELSEWHERE = {  # tests that run a cell
    "tfpose prepare-dataset": "tests/test_your_own_data.py",
    "tfpose export": "tests/test_readme.py",
    "tfpose export --format=int8 --calibration=FOLDER": ".ci/wheel",
    "tfpose export --format=float16": "tests/test_readme.py",
    "tfpose export --format=onnx --onnx_names=lightweight_openpose": "tests/tfpose/export/"
    "test_onnx_original.py",
}
# Flags that a cell leaves to the reader, by how the cell begins.
SET = "--images=sample/people/pictures --annotations"
REST = {
    "tfpose evaluate": f"--model=tfpose_s {SET}=sample/people/val.json --draws=20 --out=evaluation",
    "tfpose prepare-dataset --format": "--name=yolo --images=yolo --out=data",
    "tfpose predict --track": "walk.mp4 --draw=none --jsonl=tracked.jsonl",
}


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the samples and the files that the cells name."""
    place = tmp_path_factory.mktemp("cells") / "here"
    place.mkdir()
    printed_commands.run(FIRST, place)
    models = ROOT / "saved_models"
    for name in ("photo.jpg", "a.jpg", "p1.jpg"):
        shutil.copy(place / "sample" / "photo.jpg", place / name)
    shutil.copy(place / "sample" / "walk.mp4", place / "walk.mp4")
    shutil.copytree(place / "sample" / "people" / "pictures", place / "pictures")
    shutil.copytree(place / "pictures", place / "FOLDER")
    for name, model in (
        ("X", "tfpose_s"),
        ("mobilenet_thin", "tfpose_s"),
        ("rtmpose_s", "tfpose_person"),
    ):
        shutil.copy(models / model / "model.tflite", place / f"{name}.tflite")
    _yolo(place / "yolo")
    shutil.copy(place / "yolo" / "data.yaml", place / "data.yaml")
    return place


def _yolo(folder: Path) -> None:
    """A set of one picture in Ultralytics' layout, with COCO's 17 keypoints."""
    (folder / "images" / "train").mkdir(parents=True)
    (folder / "labels" / "train").mkdir(parents=True)
    shutil.copy(pictures.SAMPLE, folder / "images" / "train" / "one.jpg")
    keypoints = " ".join(f"0.{40 + number} 0.{30 + 2 * number} 2" for number in range(17))
    (folder / "labels" / "train" / "one.txt").write_text(f"0 0.5 0.5 0.5 0.8 {keypoints}\n")
    (folder / "data.yaml").write_text(
        f"path: {folder}\ntrain: images/train\nnames: {{0: person}}\nkpt_shape: [17, 3]\n"
    )


def test_the_cells_are_read() -> None:
    assert len(SHELL) > 35
    assert len(PYTHON) >= 10
    assert "tfpose predict --model=X.tflite a.jpg" in SHELL
    assert "poses.to_dict()" in PYTHON


@pytest.mark.slow
@pytest.mark.parametrize("cell", [one for one in SHELL if one not in [*LIVE, *TRAIN, *ELSEWHERE]])
def test_a_cell_of_ours_runs(cell: str, cells: Path) -> None:
    """A cell of flags alone belongs to `tfpose predict`; `...` and a missing flag to the reader."""
    command = f"tfpose predict walk.mp4 --frames=0:4 {cell}" if cell.startswith("--") else cell
    command = command.replace("--subset=250", "--subset=8")  # of eight pictures
    command = " ".join(word for word in command.split() if not word.endswith("=..."))
    more = next((rest for start, rest in REST.items() if command.startswith(start)), "")
    given = {word.partition("=")[0] for word in command.split()}
    more = " ".join(word for word in more.split() if word.partition("=")[0] not in given)
    printed_commands.run(f"{command} {more}", cells)


@pytest.mark.parametrize("cell", TRAIN)
def test_a_cell_that_trains_names_a_recipe(cell: str) -> None:
    """Trainings themselves: tests/tfpose/recipes."""
    for name in re.findall(r"--recipe=(\w+)", cell):
        assert name == "NAME" or recipes.get(name)


def test_a_cell_that_is_run_elsewhere_says_where() -> None:
    for cell, test in ELSEWHERE.items():
        assert cell in SHELL
        assert (ROOT / test).is_file()


@pytest.mark.slow
@pytest.mark.parametrize("cell", PYTHON)
def test_a_cell_of_python_runs(cell: str, cells: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(cells)
    picture = pictures.read("photo.jpg")
    estimator = PoseEstimator()
    poses = estimator(picture)
    names = {
        "PoseEstimator": PoseEstimator,
        "estimator": estimator,
        "picture": picture,
        "poses": poses,
        "person": next(iter(poses)),
    }
    assert eval(cell, names) is not None

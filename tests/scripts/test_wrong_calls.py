"""Every command, called wrongly in every way that a user finds: one line and an exit code."""

from pathlib import Path

import pytest

from tfpose import commands

from .conftest import Tfpose

DATA = ("--name=toy", "--annotations={toy}/toy.json", "--images={toy}/pictures")
OUT = "--out={toy}/file/below/x"  # below a file: root, too, cannot write there
WRONG: list[tuple[str, tuple[str, ...], str]] = [
    # A missing file.
    ("predict", ("{toy}/none.jpg",), "none.jpg"),
    ("predict", ("--model={toy}/none.tflite",), "none.tflite"),
    ("serve", ("--model={toy}/none.tflite",), "none.tflite"),
    ("serve", ("--api_key_file={toy}/none",), "no such file"),
    ("evaluate", ("--annotations={toy}/none.json",), "no such file"),
    ("evaluate", ("--pckh={toy}/none.mat",), "none.mat"),
    ("export", ("--model={toy}/none.keras", "--out={toy}/a.tflite"), "no such file"),
    ("import-weights", ("--model=cmu", "--source={toy}/none", "--out={toy}/a.keras"), "no such"),
    ("train", ("--recipe=tfpose_s", "--run={toy}/run", "--data_dir={toy}/none"), "no such file"),
    ("prepare-dataset", ("--name=a", "--images={toy}/none", "--out={toy}/data"), "no such file"),
    ("dataset-doctor", ("--name=a", "--images={toy}/none"), "no such file"),
    ("show-samples", ("--dataset=coco", "--data_dir={toy}/none"), "no such file"),
    ("show-samples", ("--dataset=coco", "--data_dir={toy}"), "no prepared data set 'coco'"),
    ("show-samples", ("--dataset=custom/a", "--data_dir={toy}"), "prepare-dataset --name=a "),
    ("sample", (OUT,), "cannot be written"),
    ("sample", ("nothing", "--out={toy}/s"), "there are photo, film, people, toy"),
    ("weights", ("cmu", OUT), "cannot be written"),
    ("weights", ("nothing",), "no weights 'nothing'; there are"),
    ("edit-annotations", ("--annotations={toy}/none.json", "--out={toy}/a.json"), "no such file"),
    ("edit-annotations", ("--annotations={toy}/broken.json", "--out={toy}/a.json"), "is not JSON"),
    ("edit-annotations", ("--annotations={toy}/list.json", "--out={toy}/a.json"), "found a list"),
    ("pseudo-label", ("--model={toy}/no.keras", "--images=x", "--out={toy}/a.json"), "no such"),
    ("pseudo-label", ("--images={toy}", "--out={toy}/a.json"), "give --model, or --detectors"),
    (
        "pseudo-label",
        ("--detectors={toy}/list.json", "--images={toy}", "--out={toy}/a.json"),
        "give both or neither",
    ),
    ("cache-teacher", ("--pictures={toy}/none", "--out={toy}/cache"), "no such file"),
    (
        "average-weights",
        ("--models={toy}/none.keras,{toy}/none.keras", "--out={toy}/a.keras"),
        "no such file",
    ),
    (
        "pack-scenes",
        ("--data_dir={toy}/none", "--teacher_weights=x", "--start=x", "--out={toy}/packed"),
        "no such file",
    ),
    ("distil-online", ("--packed={toy}/none", "--out={toy}/o", "--seconds=1"), "no such file"),
    ("benchmark", ("infer", "--models={toy}/none.tflite"), "none.tflite"),
    ("benchmark", ("compare_decoders", "--maps={toy}", "--truth={toy}/none.json"), "none.json"),
    ("add-spec", ("--model={toy}/none.tflite", "--out={toy}/a.tflite"), "no such file"),
    (
        "unstretch",
        (
            *("--images={toy}/pictures", "--detectors={toy}/none.xml"),
            *("--teachers={toy}/none.xml", "--out={toy}/photos"),
        ),
        "no such file",
    ),
    (
        "find-boxes",
        (
            *("--detectors={toy}/none.xml", "--images={toy}/pictures"),
            "--out={toy}/boxes.jsonl",
        ),
        "no such file",
    ),
    (
        "distil-boxes",
        (
            *("--boxes={toy}/none.jsonl", "--images={toy}/pictures", "--start={toy}/none.npz"),
            *("--out={toy}/runs", "--seconds=1"),
        ),
        "no such file",
    ),
    (
        "cache-people",
        (
            *("--annotations={toy}/none.json", "--images={toy}/pictures"),
            *("--teachers={toy}/none.xml", "--out={toy}/people"),
        ),
        "no such file",
    ),
    (
        "distil-people",
        (
            *("--people={toy}/none", "--images={toy}/pictures", "--out={toy}/d"),
            *("--start={toy}/none.keras", "--seconds=1"),
        ),
        "no such file",
    ),
    (
        "distil-people",
        (
            *("--people={toy}", "--images={toy}/pictures", "--out={toy}/d", "--seconds=1"),
            *("--start={toy}/toy.json", "--all_layers", "--frozen=stem"),
        ),
        "give --all_layers or --frozen, not both",
    ),
    ("bulk", ("--input={toy}/none*.zip", "--output={toy}/b"), "no files at"),
    ("draw", ("--predictions={toy}/none.json", "--images={toy}", "--out={toy}/d"), "no such file"),
    # A wrong suffix, or a file of another kind.
    ("add-spec", ("--model={toy}/bad.tflite", "--out={toy}/a.keras"), "must end in .tflite"),
    ("add-spec", ("--model={toy}/bad.tflite", "--out={toy}/a.tflite"), "bad.tflite"),
    ("predict", ("--model={toy}/bad.tflite",), "bad.tflite"),
    ("serve", ("--model={toy}/bad.tflite",), "bad.tflite"),
    (
        "bulk",
        ("--model={toy}/bad.tflite", "--input={toy}/pictures", "--output={toy}/b", "--dry_run"),
        "bad.tflite",
    ),
    (
        "evaluate",
        ("--model={toy}/bad.keras", "--annotations={toy}/toy.json", "--images={toy}/pictures"),
        "bad.keras",
    ),
    ("export", ("--model={toy}/bad.keras", "--out={toy}/a.txt"), "must end in .tflite"),
    ("export", ("--model={toy}/bad.keras", "--out={toy}/a.tflite"), "bad.keras"),
    ("import-weights", ("--model=cmu", "--source={toy}/file", "--out={toy}/a.txt"), "must end in"),
    ("import-weights", ("--model=cmu", "--source={toy}/file", "--out={toy}/a.keras"), "file"),
    ("average-weights", ("--models={toy}/bad.keras", "--out={toy}/a.txt"), "must end in .keras"),
    (
        "average-weights",
        ("--models={toy}/bad.keras,x", "--out={toy}/a.keras"),
        "x: there is no such",
    ),
    ("pseudo-label", ("--model={toy}/bad.keras", "--images={toy}", "--out=a.txt"), "must end in"),
    (
        "average-weights",
        ("--models={toy}/bad.keras,{toy}/bad.keras", "--out={toy}/a.keras"),
        "bad.keras",
    ),
    # An unknown name.
    ("predict", ("--model=tfpose_x",), "no model 'tfpose_x'"),
    ("serve", ("--model=tfpose_x",), "no model 'tfpose_x'"),
    ("serve", ("--reader=tfpose_x",), "no model 'tfpose_x'"),
    ("predict", ("--reader=tfpose_x",), "no model 'tfpose_x'"),
    ("zoo", ("--models=tfpose_x",), "did you mean tfpose_s?"),
    ("export", ("--model=tfpose_x", "--out={toy}/a.tflite"), "no model of that name"),
    ("evaluate", ("--model=tfpose_x",), "no model of that name"),
    ("evaluate", ("--reader=tfpose_x",), "no model of that name"),
    ("import-weights", ("--model=cmuu", "--source={toy}/file", "--out=a.keras"), "mean cmu?"),
    ("train", ("--recipe=tfpose", "--run={toy}/run"), "should be one of"),
    ("train", ("--recipe=tfpose_s", "--run={toy}/run", "--skeleton=coco"), "no skeleton 'coco'"),
    ("train", ("--recipe=tfpose_s", "--run={toy}/run", "--precision=half"), "precision"),
    ("prepare-dataset", ("--dataset=cocoo", "--out={toy}/data"), "should be one of"),
    ("dataset-doctor", (*DATA, "--skeleton=coco"), "no skeleton 'coco'"),
    ("show-samples", ("--dataset=a", "--data_dir={toy}", "--policy=none_such"), "there are"),
    ("bulk", ("--input={toy}", "--output={toy}/b", "--format=csv"), "should be one of"),
    ("bulk", ("--input={toy}", "--output={toy}/b", "--reader=tfpose_x"), "no model of that name"),
    ("data-worker", ("--role=boss", "--port=1"), "should be one of"),
    ("benchmark", ("decoed",), "did you mean decode?"),
    # An output that cannot be written.
    ("predict", (OUT,), "file"),
    ("predict", ("--json={toy}/file/x.json",), "file"),
    ("evaluate", (OUT,), "cannot be written"),
    ("bulk", ("--input={toy}", "--output={toy}/file/below/x"), "cannot be written"),
    ("export", ("--model={toy}/bad.keras", OUT), "cannot be written"),
    ("import-weights", ("--model=cmu", "--source={toy}/file", OUT + ".keras"), "cannot be written"),
    ("train", ("--recipe=tfpose_s", "--run={toy}/file/run"), "cannot be written"),
    ("prepare-dataset", (*DATA, OUT), "cannot be written"),
    ("dataset-doctor", (*DATA, OUT), "cannot be written"),
    ("show-samples", ("--dataset=coco", "--data_dir={toy}", OUT), "cannot be written"),
    ("pseudo-label", ("--model=tfpose_s", "--images={toy}", OUT + ".json"), "cannot be written"),
    ("cache-teacher", ("--pictures={toy}/pictures", OUT), "cannot be written"),
    ("average-weights", ("--models={toy}/bad.keras", OUT + ".keras"), "cannot be written"),
    ("zoo", ("--write={toy}",), "is a folder"),
    ("data-worker", ("--role=dispatcher", "--port=1", "--work_dir={toy}/file"), "is a file"),
    ("distil-online", ("--packed={toy}", OUT, "--seconds=1"), "cannot be written"),
    ("draw", ("--predictions={toy}/list.json", "--images={toy}", OUT), "cannot be written"),
    # Broken JSON, and JSON of another kind.
    (
        "draw",
        ("--predictions={toy}/broken.json", "--images={toy}/pictures", "--out={toy}/d"),
        "broken.json",
    ),
    ("predict", ("--boxes={toy}/broken.json",), "broken.json"),
    ("dataset-doctor", (*DATA, "--skeleton={toy}/broken.json"), "broken.json holds no skeleton"),
    ("dataset-doctor", (*DATA, "--skeleton={toy}/list.json"), "list.json holds no skeleton"),
    (
        "dataset-doctor",
        ("--name=a", "--images={toy}/pictures", "--annotations={toy}/broken.json"),
        "broken.json",
    ),
    (
        "prepare-dataset",
        (
            *("--name=a", "--images={toy}/pictures", "--annotations={toy}/list.json"),
            *("--skeleton={toy}/skeleton.json", "--out={toy}/data"),
        ),
        "list.json",
    ),
    (
        "evaluate",
        ("--model=tfpose_s", "--annotations={toy}/broken.json", "--images={toy}/pictures"),
        "broken.json",
    ),
    (
        "evaluate",
        ("--model=tfpose_s", "--annotations={toy}/list.json", "--images={toy}/pictures"),
        "list.json",
    ),
    (
        "cache-teacher",
        ("--pictures={toy}/pictures", "--origins={toy}/broken.json", "--out={toy}/cache"),
        "broken.json",
    ),
    ("zoo", ("--models=tfpose_s", "--skeleton={toy}/broken.json"), "holds no skeleton"),
    ("export", ("--model=cmu", OUT, "--skeleton={toy}/broken.json"), "holds no skeleton"),
    (
        "train",
        ("--recipe=tfpose_s", "--run={toy}/run", "--skeleton={toy}/broken.json"),
        "holds no skeleton",
    ),
]


def test_every_command_is_among_the_wrong_calls() -> None:
    assert {name for name, _, _ in WRONG} == set(commands.names())


@pytest.mark.parametrize(("name", "words", "said"), WRONG, ids=lambda value: str(value)[:60])
def test_what_a_user_does_wrong_is_one_line_and_a_code(
    name: str, words: tuple[str, ...], said: str, toy: Path, tfpose: Tfpose
) -> None:
    ended = tfpose(name, *(word.format(toy=toy) for word in words))
    assert ended.returncode in (1, 2)
    last = ended.stderr.strip().splitlines()[-1]
    assert said in last
    assert "Traceback" not in ended.stderr

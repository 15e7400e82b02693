"""The console command: its list, its flags, what it imports, and how every command fails."""

import subprocess
import sys
from pathlib import Path

import pytest

import tfpose as package
from estimator import skeletons
from estimator.program import extras
from tests.conftest import ROOT
from tfpose import benchmarks, commands
from tfpose.commands import arguments, door, recipe_flags, run, zoo_figures

from .conftest import Tfpose

NAMES = commands.names()
LARGE = ("tensorflow", "keras", "torch", "tensorflow_datasets", "scipy", "fastapi")


def test_the_list_has_a_line_for_every_command() -> None:
    rows = [line for line in door.listing().splitlines() if line.startswith("  ")]
    assert [row.split()[0] for row in rows] == list(NAMES)
    assert all(len(row.split()) > 4 and "scripts" not in row for row in rows)
    assert {"predict", "train", "evaluate", "export", "serve", "zoo", "benchmark"} <= set(NAMES)


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_the_list_is_what_one_gets_without_a_command(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert door.main(words) == 0
    assert capsys.readouterr().out.strip() == door.listing()


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert door.main(["--version"]) == 0
    assert capsys.readouterr().out == f"tfpose {package.__version__}\n"


def test_a_mistyped_command_suggests_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert door.main(["evalute"]) == 2
    assert capsys.readouterr().err == "error: no command 'evalute'. Did you mean evaluate?\n"


@pytest.mark.parametrize("name", NAMES)
def test_help_says_the_flags_of_the_command(name: str, tfpose: Tfpose) -> None:
    for flag in ("--help", "-h"):
        ended = tfpose(name, flag)
        assert ended.returncode == 0
        assert ended.stdout.startswith(f"usage: tfpose {name} [flags]")
        for own in commands.get(name).FLAGS:
            assert (
                f"\n  --{own}\n" in ended.stdout
                or f"--[no]{own}" in ended.stdout
                or (own in ("flagfile", "undefok"))
            )


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_flag_is_a_line_and_2(name: str, tfpose: Tfpose) -> None:
    ended = tfpose(name, "--nonsense=1")
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: no flag --nonsense; ")
    assert len(ended.stderr.splitlines()) == 1


def test_an_unknown_flag_suggests_the_nearest(tfpose: Tfpose) -> None:
    assert "did you mean --annotations?" in tfpose("evaluate", "--anotations=x").stderr


def test_all_flags_that_are_missing_are_named(tfpose: Tfpose) -> None:
    assert tfpose("train").stderr == "error: give --recipe and --run\n"


@pytest.mark.parametrize("name", NAMES)
def test_a_process_answers_without_importing_what_is_large(name: str) -> None:
    """The one process of each command: help, in a fresh interpreter."""
    code = (
        "import sys; from tfpose.commands import door\n"
        f"code = door.main(['{name}', '--help'])\n"
        f"sys.exit(code or ' '.join(sys.modules.keys() & set({LARGE})) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: tfpose {name}")


def test_predict_runs_without_importing_what_it_does_not_need(tmp_path: Path) -> None:
    code = (
        "import sys; from tfpose.commands import door\n"
        f"code = door.main(['predict', '--out={tmp_path}'])\n"
        f"sys.exit(code or ' '.join(sys.modules.keys() & set({LARGE})) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "sample.jpg" in done.stdout
    assert done.stderr == ""
    assert (tmp_path / "sample.poses.jpg").is_file()


def test_a_script_is_its_command(tmp_path: Path) -> None:
    shims = {path.stem for path in (ROOT / "scripts").glob("*.py")} - {"__init__", "plain_decoder"}
    assert shims == {name.replace("-", "_") for name in NAMES} - {"predict"}
    done = subprocess.run(
        [sys.executable, "-m", "scripts.zoo", "--models=none"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: --models: none: there are")


def test_the_help_of_every_benchmark_comes_without_tensorflow() -> None:
    code = (
        "import sys; from tfpose import benchmarks; from tfpose.commands import door\n"
        "for name in benchmarks.names():\n"
        "    assert door.main(['benchmark', name, '--help']) == 0\n"
        "    assert 'tensorflow' not in sys.modules, name\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=100
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", benchmarks.names())
def test_every_benchmark_says_its_flags(name: str, tfpose: Tfpose) -> None:
    ended = tfpose("benchmark", name, "--help")
    assert ended.stdout.startswith(f"usage: tfpose benchmark {name} [flags]")


def test_commands_forget_the_flags_of_an_earlier_call(tfpose: Tfpose) -> None:
    one = tfpose("zoo", "--models=tfpose_s").stdout
    assert len(one.splitlines()) == 2
    assert len(tfpose("zoo").stdout.splitlines()) == 1 + len(zoo_figures.read())


def test_a_missing_package_names_the_extra_that_brings_it() -> None:
    for extra, packages in extras.EXTRAS.items():
        for name in packages:
            error = ModuleNotFoundError(f"No module named {name!r}", name=f"{name}.part")
            assert f'pip install "tfpose[{extra}]"' in extras.advice(error)
    own = ModuleNotFoundError("No module named 'mine'", name="mine")
    assert extras.advice(own) == "No module named 'mine'"


def test_a_command_whose_extra_is_missing_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tfpose: Tfpose
) -> None:
    for name in [name for name in sys.modules if name.startswith("tfpose.evaluation")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_Refuse(), *sys.meta_path])
    for name in [name for name in sys.modules if name.partition(".")[0] == "pycocotools"]:
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "a.json").write_text("{}")
    ended = tfpose(
        "evaluate", "--model=tfpose_s", f"--annotations={tmp_path}/a.json", f"--images={tmp_path}"
    )
    assert ended.returncode == 2
    assert ended.stderr == (
        'error: this needs pycocotools, which is not installed: pip install "tfpose[train]"\n'
    )


def test_the_runtime_alone_says_every_help_and_which_extra_a_benchmark_needs() -> None:
    absent = [name for packages in extras.EXTRAS.values() for name in packages]
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({absent}))\n"
        "from tfpose import commands\n"
        "from tfpose.commands import run\n"
        "for name in commands.names():\n"
        "    assert run.call(commands.get(name), name, ['--help']) == 0\n"
        "for name in ('input_pipeline', 'compare_decoders'):\n"
        "    assert run.call(commands.get('benchmark'), 'benchmark', [name]) == 2\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert all(line.endswith('pip install "tfpose[train]"') for line in done.stderr.splitlines())


class _Refuse:
    """Finds no pycocotools."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] == "pycocotools":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_the_tables_are_those_of_the_rooms() -> None:
    """What is written down, so that nobody waits for TensorFlow, is what TensorFlow's side says."""
    from tfpose import datasets, models, recipes
    from tfpose.commands.networks import export as command
    from tfpose.export import writing
    from tfpose.training import recipe

    assert {name: kind for name, (kind, _) in recipe_flags.FIELDS.items()} == recipe.settings()
    assert command.SUFFIXES == writing.SUFFIXES
    assert tuple(zoo_figures.read()) == models.names()
    assert arguments.modules("recipes") == recipes.names()
    assert arguments.modules("datasets") == datasets.names()


@pytest.mark.parametrize("name", ["tfpose_s", "lightweight_openpose_half", "lpn_18"])
def test_stored_figures_are_those_of_the_network(name: str, tmp_path: Path, tfpose: Tfpose) -> None:
    written = tmp_path / "zoo.json"
    ended = tfpose("zoo", f"--models={name}", "--recount", f"--write={written}")
    assert ended.returncode == 0, ended.stderr
    assert zoo_figures.read(written) == {name: zoo_figures.read()[name]}


def test_a_skeleton_of_ones_own_is_taken_by_name_and_by_file(toy: Path, tfpose: Tfpose) -> None:
    assert arguments.skeleton_of("coco17") == skeletons.get("coco17")
    own = arguments.skeleton_of(f"{toy}/skeleton.json")
    assert own is not None
    assert own.name == "toy5"
    assert arguments.skeleton_of(None) is None
    ended = tfpose("zoo", "--models=tfpose_s", f"--skeleton={toy}/skeleton.json")
    assert ended.stdout.splitlines()[1].split()[2] == "toy5"


def test_ctrl_c_is_130_without_a_traceback(monkeypatch: pytest.MonkeyPatch, tfpose: Tfpose) -> None:
    def interrupted(_: list[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands.get("zoo"), "main", interrupted)
    ended = tfpose("zoo")
    assert (ended.returncode, ended.stderr) == (130, "error: interrupted\n")


def test_an_error_that_nobody_expects_keeps_its_traceback(
    monkeypatch: pytest.MonkeyPatch, tfpose: Tfpose
) -> None:
    def broken(_: list[str]) -> None:
        raise AttributeError("a mistake of ours")

    monkeypatch.setattr(commands.get("zoo"), "main", broken)
    with pytest.raises(AttributeError, match="a mistake of ours"):
        run.call(commands.get("zoo"), "tfpose zoo", [])


def test_tensorflow_is_imported_without_a_line_and_its_failures_are_shown(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text(
        "import os\nos.write(2, b'CUDA noise\\n')\n"
        "if os.environ.get('BREAK'): raise ImportError('x')\n"
    )
    code = (
        f"import sys; sys.path[:0] = ['{ROOT}', '{tmp_path}']\n"
        "from tfpose.commands import quiet\n"
        "quiet.install()\n"
        "import os, tensorflow\n"
        "os.write(2, b'later\\n')\n"
    )
    for broken, said in (("", ["later"]), ("1", ["CUDA noise", "ImportError: x"])):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={"BREAK": broken, "PATH": ""},
            capture_output=True,
            text=True,
            timeout=60,
        )
        lines = done.stderr.splitlines()
        assert [line for line in said if line not in lines] == []
        assert ("CUDA noise" in lines) is bool(broken)

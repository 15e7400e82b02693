"""The npm package: what `npm pack` packs, that it loads, and that its examples are typed."""

import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from estimator import __version__

WEB = Path(__file__).resolve().parents[2] / "web"
NPM, NODE = shutil.which("npm"), shutil.which("node")


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, unpacked."""
    if not (NPM and NODE and (WEB / "node_modules").is_dir()):
        pytest.skip("needs npm and the packages of web: npm --prefix web ci")
    folder = tmp_path_factory.mktemp("packed")
    command = [NPM, "pack", "--silent", "--pack-destination", str(folder)]
    subprocess.run(command, cwd=WEB, check=True, capture_output=True, timeout=180)
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    (folder / "node_modules").mkdir()
    (folder / "package").rename(folder / "node_modules" / "tfpose")
    for name in ("@litertjs", "typescript", "@typescript"):
        if (WEB / "node_modules" / name).exists():
            (folder / "node_modules" / name).symlink_to(WEB / "node_modules" / name)
    return folder


def test_it_has_code_types_model_licence_and_the_packages_version(packed: Path) -> None:
    package = packed / "node_modules" / "tfpose"
    for name in ("dist/index.js", "dist/types/index.d.ts", "README.md", "dist/LICENSE"):
        assert (package / name).is_file(), name
    shipped = WEB.parent / "saved_models" / "tfpose_s" / "model.tflite"
    assert (package / "dist/models/tfpose_s.tflite").read_bytes() == shipped.read_bytes()
    assert not (package / "src").exists()
    assert json.loads((package / "package.json").read_text())["version"] == __version__


def test_it_loads_and_reads_the_spec_of_its_model(packed: Path) -> None:
    script = (
        "import { readSpec } from 'tfpose'; import { readFileSync } from 'node:fs';"
        "import { fileURLToPath } from 'node:url';"
        "const file = fileURLToPath(import.meta.resolve('tfpose/models/tfpose_s.tflite'));"
        "console.log(readSpec(new Uint8Array(readFileSync(file))).skeleton.keypoints.length);"
    )
    (packed / "spec.mjs").write_text(script)
    done = subprocess.run([str(NODE), "spec.mjs"], cwd=packed, capture_output=True, text=True)
    assert done.stdout.strip() == "18", done.stderr


def test_the_readmes_examples_are_typed(packed: Path) -> None:
    readme = (WEB / "README.md").read_text()
    examples = re.findall(r"^```js\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    assert len(examples) == 2
    source = (
        "declare const video: HTMLVideoElement; declare const context: CanvasRenderingContext2D;\n"
        + examples[0].replace("const poses", "let poses")
        + examples[1].replace("const poses", "poses")
    )
    (packed / "example.ts").write_text(source)
    flags = ["--noEmit", "--strict", "--target", "es2022", "--module", "esnext"]
    flags += ["--moduleResolution", "bundler"]
    compiler = WEB / "node_modules" / "typescript" / "bin" / "tsc"
    command = [str(NODE), str(compiler), *flags, "--skipLibCheck", "--types", "", "example.ts"]
    done = subprocess.run(command, cwd=packed, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout


def test_no_host_of_a_registry_is_named() -> None:
    lock = json.loads((WEB / "package-lock.json").read_text())
    assert len(lock["packages"]) > 5
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
    pinned = json.loads((WEB / "package.json").read_text())
    for versions in (pinned["dependencies"], pinned["devDependencies"]):
        assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions.values())

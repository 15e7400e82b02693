"""The public API: the page lists what `__all__` names, and every name is there."""

import re
import subprocess
import sys
from types import ModuleType

import pytest

import estimator
import tfpose
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "api.md"


@pytest.mark.parametrize("package", [estimator, tfpose], ids=lambda package: package.__name__)
def test_the_page_lists_what_is_public(package: ModuleType) -> None:
    text = PAGE.read_text(encoding="utf-8")
    section = text.split(f"\n## {package.__name__}\n")[1].split("\n## ")[0]
    listed = re.findall(r"^\| `(\w+)` \| .{8,} \|$", section, re.MULTILINE)
    assert sorted(listed) == sorted(package.__all__)
    for name in package.__all__:
        assert hasattr(package, name)


def test_both_packages_have_the_distributions_version() -> None:
    assert tfpose.__version__ == estimator.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", tfpose.__version__)
    assert 'attr = "estimator.__version__"' in (ROOT / "pyproject.toml").read_text()


def test_importing_tfpose_imports_nothing_large() -> None:
    code = (
        "import sys, tfpose\n"
        "assert not sys.modules.keys() & {'tensorflow', 'keras', 'numpy', 'cv2'}\n"
        "assert 'coco17' in __import__('estimator').skeletons.names()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=60)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = tfpose.nonsense

"""The public names: what `__all__` promises is there, documented, and of the package's version."""

import re

import pytest

import estimator

from ..conftest import ROOT

PAGE = ROOT / "docs/estimator.md"


def test_every_public_name_is_there() -> None:
    assert all(hasattr(estimator, name) for name in estimator.__all__)
    assert callable(estimator.follow)


def test_the_page_lists_the_public_names() -> None:
    if not PAGE.exists():
        pytest.skip("the documentation is not beside these tests")
    section = PAGE.read_text().partition("## Public names")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `(\w+)` \|", section, re.M)
    assert sorted(listed) == sorted(estimator.__all__)


def test_the_version_is_the_package_s() -> None:
    if not (ROOT / "CHANGELOG.md").exists():
        pytest.skip("the changelog is not beside these tests")
    (version,) = re.findall(r"^## (\d\S+)", (ROOT / "CHANGELOG.md").read_text(), re.M)[:1]
    assert version == estimator.__version__

"""AP against time: what is measured, what is drawn, and the documentation's own plot."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.conftest import ROOT
from tfpose.benchmarks import scatter
from tfpose.benchmarks.scatter import Point

from .conftest import Tfpose

FIGURES = ROOT / "docs" / "trade_off.json"


def circles(svg: str) -> list[tuple[float, float]]:
    tree = ElementTree.fromstring(svg)
    found = [part for part in tree.iter() if part.tag.endswith("circle")]
    return [(float(part.attrib["cx"]), float(part.attrib["cy"])) for part in found]


def test_a_point_lies_where_its_axes_say() -> None:
    part = [Point(x=1, y=0.2, label="a"), Point(x=2, y=0.3), Point(x=3, y=0.4, label="<b>")]
    svg = scatter.svg({"one": part}, title="t", x="ms", y="AP")
    (left, low), (middle, between), (right, high), _ = circles(svg)  # the last is the legend's
    assert (left, low) == (scatter.LEFT, scatter.HEIGHT - scatter.BOTTOM)
    assert (right, high) == (scatter.WIDTH - scatter.RIGHT, scatter.TOP)
    assert middle == pytest.approx((left + right) / 2, abs=0.1)
    assert between == pytest.approx((low + high) / 2, abs=0.1)
    assert "&lt;b&gt;" in svg


def test_values_far_apart_have_a_logarithmic_axis() -> None:
    part = [Point(x=1, y=0.2), Point(x=10, y=0.3), Point(x=100, y=0.4)]
    (left, _), (middle, _), (right, _), _ = circles(scatter.svg({"": part}, title="", x="", y=""))
    assert middle == pytest.approx((left + right) / 2, abs=0.1)


@pytest.mark.parametrize("span", [1.1, 2.0, 5.0, 6.5, 8.0, 9.9])
def test_every_span_has_ticks_and_its_points_between_them(span: float) -> None:
    part = [Point(x=10, y=1), Point(x=10 + span, y=1 + span / 10)]
    for x, y in circles(scatter.svg({"": part}, title="", x="", y=""))[:-1]:
        assert scatter.LEFT <= x <= scatter.WIDTH - scatter.RIGHT
        assert scatter.TOP <= y <= scatter.HEIGHT - scatter.BOTTOM


def test_one_point_alone_has_room() -> None:
    (x, y), _ = circles(scatter.svg({"": [Point(x=5, y=0.25)]}, title="", x="", y=""))
    assert scatter.LEFT <= x <= scatter.WIDTH - scatter.RIGHT
    assert scatter.TOP <= y <= scatter.HEIGHT - scatter.BOTTOM


@pytest.mark.parametrize("points", [[], [Point(x=0, y=1)]])
def test_nothing_to_draw_is_refused(points: list[Point]) -> None:
    with pytest.raises(ValueError, match="a plot needs a point"):
        scatter.svg({"": points}, title="", x="", y="")


@pytest.mark.slow
def test_networks_are_measured_and_drawn(tmp_path: Path, tfpose: Tfpose) -> None:
    assert tfpose("sample", "people", f"--out={tmp_path}").returncode == 0
    out, plot = tmp_path / "a.json", tmp_path / "a.svg"
    ended = tfpose(
        *("benchmark", "trade_off", "--heights=96", "--timed=2", f"--out={out}", f"--plot={plot}"),
        "--mirrored=tfpose_s",
        *(f"--annotations={tmp_path / 'val.json'}", f"--images={tmp_path / 'pictures'}"),
    )
    assert ended.returncode == 0, ended.stderr
    rows = json.loads(out.read_text())["figures"]
    shown = [(row["network"], row["height"]) for row in rows]
    names = ("tfpose_s", "tfpose_s, second look", "tfpose_s, --flip")
    assert shown == [(name, height) for name in names for height in (96, 352)]
    assert rows[1]["ratio"] == 1
    assert all(row["milliseconds"] > 0 and row["low"] <= row["ap"] <= row["high"] for row in rows)
    assert len(circles(plot.read_text())) == 6 + 3


def test_only_a_measured_network_is_mirrored(tfpose: Tfpose) -> None:
    ended = tfpose("benchmark", "trade_off", "--mirrored=other", "--annotations=a", "--images=b")
    assert ended.returncode != 0
    assert "--mirrored takes names of --models, found other" in ended.stderr


def test_without_pictures_or_figures_it_says_what_to_give(tfpose: Tfpose) -> None:
    ended = tfpose("benchmark", "trade_off")
    assert ended.returncode != 0
    assert "--annotations and --images, or --figures" in ended.stderr


def test_the_documentations_plot_and_table_are_the_stored_figures(
    tmp_path: Path, tfpose: Tfpose
) -> None:
    if not FIGURES.exists():
        pytest.skip("the documentation is not beside these tests")
    plot = tmp_path / "again.svg"
    ended = tfpose("benchmark", "trade_off", f"--figures={FIGURES}", f"--plot={plot}")
    assert ended.returncode == 0
    assert plot.read_text() == FIGURES.with_suffix(".svg").read_text()
    page = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    rows = json.loads(FIGURES.read_text())["figures"]
    assert len(rows) > 10
    for row in rows:
        name, comma, look = row["network"].partition(",")
        interval = f"{row['ap']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
        cells = f"`{name}`{comma}{look} | {row['height']} | {interval} | {row['ratio']:.2f}"
        assert f"\n| {cells} |\n" in page

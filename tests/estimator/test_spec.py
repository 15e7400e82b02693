import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimator import decoders, skeletons
from estimator.decoders import paf
from estimator.layout import ImageSpec, OutputSpec
from estimator.spec import FORMAT, PoseSpec


def spec_of(skeleton: str) -> PoseSpec:
    return PoseSpec(
        model="a",
        skeleton=skeletons.get(skeleton),
        image=ImageSpec(height=256, width=192, flexible=True),
        outputs=OutputSpec(sigma=5.5),
        decoder=paf.Parameters(),
    )


@pytest.mark.parametrize("name", skeletons.names())
def test_json_leads_back(name: str) -> None:
    spec = spec_of(name)
    assert PoseSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize("name", decoders.names())
def test_every_decoder_travels(name: str) -> None:
    module = decoders.get(name)
    outputs = {
        "maps": OutputSpec(),
        "bins": OutputSpec(background=False, pafs=False, simcc=2),
        "boxes": OutputSpec(background=False, pafs=False, boxes=8),
    }
    parameters = {"height": 64, "width": 64} if name == "movenet" else {}
    spec = replace(
        spec_of("coco17"),
        outputs=outputs.get(module.ANSWERS, OutputSpec(background=False, pafs=False)),
        decoder=module.Parameters(**parameters),
    )
    assert PoseSpec.from_json(spec.to_json()).decoder == spec.decoder


def test_channels_follow_skeleton_and_outputs() -> None:
    spec = spec_of("openpose18")
    assert spec.channels == {"heatmaps": 19, "pafs": 38}
    top_down = replace(spec, outputs=OutputSpec(background=False, pafs=False))
    assert top_down.channels == {"heatmaps": 18}


def drop(*path: str) -> Callable[[dict[str, Any]], None]:
    def change(tree: dict[str, Any]) -> None:
        for key in path[:-1]:
            tree = tree[key]
        del tree[path[-1]]

    return change


def put(*path: Any) -> Callable[[dict[str, Any]], None]:
    def change(tree: dict[str, Any]) -> None:
        for key in path[:-2]:
            tree = tree[key]
        tree[path[-2]] = path[-1]

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop("format"), "no integer 'format'"),
        (put("format", FORMAT + 1), f"format {FORMAT + 1}, this tfpose reads up to {FORMAT}"),
        (drop("model"), r"spec has unknown fields \[\] and lacks \['model'\]"),
        (put("colour", "BGR"), r"spec has unknown fields \['colour'\]"),
        (drop("skeleton"), "needs an object 'skeleton', found None"),
        (put("image", 256), "needs an object 'image', found 256"),
        (drop("image", "height"), r"image has unknown fields \[\] and lacks \['height'\]"),
        (put("image", "mean", 128), r"image has unknown fields \['mean'\]"),
        (put("image", "height", 250), "image.height must be a positive multiple of 8, .*found 250"),
        (put("image", "fit", "stretch"), "image.fit must be one of"),
        (put("image", "height", "256"), "image.height must be int, found '256'"),
        (put("decoder", "samples", 10**9), "decoder.samples must be at least 2 and at most 256"),
        (put("decoder", "max_peaks", 1.5), "decoder.max_peaks must be int"),
        (put("outputs", "sigma", math.inf), "outputs.sigma must be float"),
        (put("outputs", "background", 1), "outputs.background must be bool"),
        (put("image", "height", 8 * 10**8), "image.height must be a positive multiple"),
        (put("model", ["a"]), "spec.model must be str"),
        (put("skeleton", "derived", None), "skeleton: a field is of a wrong type"),
        (put("skeleton", "sigmas", [math.inf] * 17), "positive sigmas, at most 100"),
        (put("skeleton", "keypoints", "abc"), "skeleton: keypoints must be a list"),
        (put("outputs", "stride", 0), "outputs.stride must be at least 1"),
        (put("outputs", "stride", 16), "image.multiple 8 must be a multiple of outputs.stride 16"),
        (put("skeleton", "limbs", []), "no limbs"),
        (put("skeleton", "limbs", [[0, 99]]), "different keypoints of 0..16"),
        (
            put("decoder", "name", "psychic"),
            "no decoder 'psychic'; there are blazepose, boxes, heatmap, movenet, paf",
        ),
        (put("decoder", "name", None), "no decoder 'None'"),
        (put("decoder", "magic", 1), r"decoder has unknown fields \['magic'\]"),
    ],
)
def test_what_does_not_fit_is_named(change: Callable[[Any], None], message: str) -> None:
    tree = json.loads(spec_of("coco17").to_json())
    change(tree)
    with pytest.raises(ValueError, match=message):
        PoseSpec.from_json(json.dumps(tree))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"format": "1"}', "[" * 200_000, "1" * 10_000]
)
def test_what_is_no_spec_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"pose_spec\.json"):
        PoseSpec.from_json(text)


def test_a_spec_written_with_the_old_names_of_fields_loads() -> None:
    spec = spec_of("coco17")
    tree = json.loads(spec.to_json())
    decoder = tree["decoder"]
    decoder["doubt"], decoder["error"] = 1.5, 0.2
    del decoder["missing_limb_prior"], decoder["localisation_error"]
    found = PoseSpec.from_json(json.dumps(tree)).decoder
    assert (found.missing_limb_prior, found.localisation_error) == (1.5, 0.2)
    assert replace(found, missing_limb_prior=3.0, localisation_error=0.3) == spec.decoder


def places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside a JSON value."""
    found = [path] if path else []
    inside = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in inside:
        found += places(value, (*path, key)) if isinstance(value, dict | list) else [(*path, key)]
    return found


TREE = json.loads(spec_of("coco17").to_json())
ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.sampled_from(["", "left_hip", "crop", "heatmap", "\udcff", "x" * 1000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(changes=st.lists(st.tuples(st.sampled_from(places(TREE)), ODD), min_size=1, max_size=3))
def test_a_damaged_spec_is_refused_or_a_spec(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    tree = json.loads(json.dumps(TREE))
    for path, value in changes:
        part = tree
        try:
            for key in path[:-1]:
                part = part[key]
            part[path[-1]] = value
        except (KeyError, IndexError, TypeError):  # an earlier change took it away
            continue
    try:
        spec = PoseSpec.from_json(json.dumps(tree))
    except ValueError:
        return
    assert PoseSpec.from_json(spec.to_json()) == spec
    assert all(0 < count < 2000 for count in spec.channels.values())

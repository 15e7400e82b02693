"""The batches of a run on a teacher's cache: windows of canvases, with the teacher's maps.

Sample `n` of a run depends on the seed and on n alone: each epoch shuffles the canvases by index,
without a buffer, and stateless draws place the window, mirror it and change its colours. So a
checkpoint of the iterator holds a number and no pictures.
"""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from augment import colour, policy, sampling
from augment.policy import AugmentPolicy
from estimator.inputs.mirroring import heatmap_order, mirrored_fields
from estimator.spec import PoseSpec

from ...losses import distillation
from ...teacher import cache as canvas_cache
from ...teacher.cache import CANVASES_A_SHARD, HINTS, Cache, decoded
from ..recipe import Recipe
from .feed import TAUGHT, Feed, check_size

Fields = dict[str, tf.Tensor]


def open_cache(recipe: Recipe, spec: PoseSpec, *, batch: int, worker: tuple[int, int]) -> Feed:
    """The feed of a recipe's cache.

    Args:
      recipe: `canvases` is the cache; its `policy` mirrors and recolours; `examples` takes the
        first canvases alone, which is how one trains while a cache is being filled.
      spec: of the network.
      batch: samples per step of this process.
      worker: this process's index, and the number of processes.

    Raises:
      FileNotFoundError: there is no cache.
      ValueError: it is not whole, smaller than the network's input or of other strides, it has no
        hints where the recipe wants them, its teacher shares no keypoint with the network, or the
        policy moves pixels.
    """
    cache = canvas_cache.read(recipe.canvases)
    count = recipe.examples or cache.canvases
    check_size(count, recipe.batch, recipe.canvases)
    _check(cache, count, spec, recipe)
    changes = policy.get(recipe.policy)
    _check_policy(changes, recipe.policy)
    picked = distillation.channels(cache.spec, spec)
    index, workers = worker
    read = reader(cache, hints=bool(recipe.hints.layer))

    def sample(turn: tf.Tensor) -> Fields:
        number = turn * workers + index
        canvas = canvas_at(number, count, recipe.seed)
        window = augmented(read(canvas), number, cache.spec, spec, changes, recipe.seed)
        return {"image_id": tf.strings.as_string(canvas)} | window

    dataset = tf.data.Dataset.counter().map(sample, num_parallel_calls=tf.data.AUTOTUNE)
    dataset = dataset.batch(batch, drop_remainder=True)
    dataset = dataset.map(lambda samples: _for_student(samples, picked, spec, batch)).prefetch(2)
    options = tf.data.Options()
    options.deterministic = True
    options.threading.max_intra_op_parallelism = 1
    return Feed(
        batches=dataset.with_options(options),
        examples=count,
        taught_channels={head: channels.taught for head, channels in picked.items()},
        hints=cache.hints if recipe.hints.layer else 0,
    )


def _for_student(
    samples: Fields, picked: Mapping[str, distillation.Channels], spec: PoseSpec, batch: int
) -> Fields:
    """A batch with the teacher's maps as the student should give them; no picture has labels."""
    maps = {head: samples.pop(TAUGHT + head) for head in picked}
    cells = spec.image.height // spec.outputs.stride, spec.image.width // spec.outputs.stride
    taught = distillation.translated(maps, picked, spec, cells)
    named = {TAUGHT + head: value for head, value in taught.items()}
    return samples | named | {"labelled": tf.zeros([batch], tf.float32)}


def canvas_at(number: tf.Tensor, count: int, seed: int) -> tf.Tensor:
    """The canvas of a run's sample: each epoch has each of `count` once, in another order."""
    epoch, place = number // count, number % count
    key = tf.stack([epoch, tf.constant(seed, tf.int64)])
    return tf.random.experimental.index_shuffle(place, seed=key, max_index=count - 1)


def reader(cache: Cache, *, hints: bool) -> Callable[[tf.Tensor], Fields]:
    """The function from a canvas's number to its arrays, uint8, as the cache names them."""
    record, header = cache.dtype.itemsize, cache.header
    names = [name for name in cache.dtype.names or () if hints or name != HINTS]
    shapes = {name: cache.dtype[name].shape for name in names}
    fields: Any = cache.dtype.fields
    starts = {name: int(fields[name][1]) for name in names}
    folder = str(cache.folder)

    def read(canvas: tf.Tensor) -> Fields:
        shard, place = canvas // CANVASES_A_SHARD, canvas % CANVASES_A_SHARD
        number = tf.strings.as_string(shard, width=5, fill="0")
        path = tf.strings.join([folder, "/canvases-", number, ".npy"])
        before = header + place * record
        last = tf.minimum(cache.canvases - shard * CANVASES_A_SHARD, CANVASES_A_SHARD)
        after = (last - 1 - place) * record
        found = tf.data.FixedLengthRecordDataset(path, record, before, after)
        raw = tf.io.decode_raw(found.get_single_element(), tf.uint8)
        return {
            name: tf.reshape(raw[start : start + _bytes(shapes[name])], shapes[name])
            for name, start in starts.items()
        }

    return read


def _bytes(shape: tuple[int, ...]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


def augmented(
    canvas: Fields,
    number: tf.Tensor,
    taught: PoseSpec,
    spec: PoseSpec,
    changes: AugmentPolicy,
    seed: int,
) -> Fields:
    """A window of a canvas, drawn for a sample: its place, whether it is mirrored, its colours.

    Args:
      canvas: as `reader`'s function gives it.
      number: of the sample, int64.
      taught: the spec of the cache's teacher; its image is the canvas.
      spec: of the network; its image is the window.
      changes: of the recipe's policy.
      seed: of the run.

    Returns:
      `image` (H, W, 3) uint8, the teacher's maps (h, w, C) behind `TAUGHT`, and, where the canvas
      has `hints`, them and `hinted`, 0 in a mirrored window.
    """
    height, width, stride = spec.image.height, spec.image.width, taught.outputs.stride
    rows, columns = taught.image.height - height, taught.image.width - width
    key = tf.stack([number, tf.constant(seed, tf.int64)])
    place = tf.random.stateless_uniform([3], key)
    top = tf.cast(place[0] * (rows // stride + 1), tf.int32)
    left = tf.cast(place[1] * (columns // stride + 1), tf.int32)
    part = window(canvas, top, left, height, width, stride)
    flipped = place[2] < changes.flip
    part = tf.cond(flipped, lambda: mirrored(part, taught), lambda: part)
    image = part.pop("image")
    if changes.changes_colours:
        image = colour.adjust(image, *sampling.colours(changes, key))
    features = {HINTS: part.pop(HINTS)} if HINTS in part else {}
    if features:
        features["hinted"] = tf.cast(~flipped, tf.float32)
    return {"image": image} | features | {TAUGHT + head: maps for head, maps in part.items()}


def window(
    canvas: Mapping[str, Any], top: Any, left: Any, height: int, width: int, stride: int
) -> dict[str, Any]:
    """Cuts a window of whole cells out of a canvas and its answers.

    Args:
      canvas: `image` (H, W, 3) and answers (h, w, C), uint8, as the cache has them.
      top, left: of the window, cells.
      height, width: of the window, pixels; multiples of `stride`.
      stride: pixels per cell.

    Returns:
      `image` (height, width, 3) uint8, and the answers, decoded, float32.
    """
    h, w = height // stride, width // stride
    y, x = top * stride, left * stride
    found = {
        "image": tf.ensure_shape(canvas["image"][y : y + height, x : x + width], (height, width, 3))
    }
    for name in canvas:
        if name != "image":
            cells = canvas[name][top : top + h, left : left + w]
            cells = tf.ensure_shape(cells, (h, w, cells.shape[-1]))
            found[name] = decoded(name, tf.cast(cells, tf.float32))
    return found


def mirrored(part: Mapping[str, tf.Tensor], spec: PoseSpec) -> dict[str, tf.Tensor]:
    """Mirrors a window and its answers.

    Left and right channels change places, and fields change their sign along x. Hints are mirrored
    as they lie, which is not what the teacher would answer: they must not count.
    """
    flipped = {name: tf.reverse(value, [1]) for name, value in part.items()}
    order = heatmap_order(spec.skeleton, background=spec.outputs.background)
    flipped["heatmaps"] = tf.gather(flipped["heatmaps"], order, axis=-1)
    if "pafs" in flipped:
        channels, signs = mirrored_fields(spec.skeleton)
        flipped["pafs"] = tf.gather(flipped["pafs"], channels, axis=-1) * signs
    return flipped


def _check(cache: Cache, count: int, spec: PoseSpec, recipe: Recipe) -> None:
    wanted = range(-(-count // CANVASES_A_SHARD))
    missing = sorted(set(cache.missing()) & set(wanted))
    if missing or count > cache.canvases:
        raise ValueError(
            f"{cache.folder} is not whole: of {count} canvases {len(missing)} shards are missing, "
            f"the first {cache.path(missing[0] if missing else cache.shards).name}. Give the "
            "command of tfpose cache-teacher again, or --examples for the first canvases alone"
        )
    image, stride = cache.spec.image, cache.spec.outputs.stride
    if spec.image.fit != "letterbox":
        raise ValueError(f"{spec.model} reads people's boxes, and a cache has whole canvases")
    if spec.image.height > image.height or spec.image.width > image.width:
        raise ValueError(
            f"the network trains at {spec.image.height}x{spec.image.width}, canvases are only "
            f"{image.height}x{image.width}: give a smaller --height and --width"
        )
    if spec.image.height % stride or spec.image.width % stride:
        raise ValueError(
            f"{spec.image.height}x{spec.image.width} must be multiples of the cache's stride "
            f"{stride}"
        )
    if recipe.hints.layer and not cache.hints:
        raise ValueError(
            f"{cache.folder} has no hints: make one with --hints, or train with --hints.layer="
        )


def _check_policy(changes: AugmentPolicy, name: str) -> None:
    """Refuses a policy that moves pixels: the teacher's maps would have to follow."""
    allowed = ("flip", "brightness", "contrast", "channel", "blur", "one_colour_change")
    neutral = AugmentPolicy()
    moving = [
        field
        for field in vars(changes)
        if field not in allowed and getattr(changes, field) != getattr(neutral, field)
    ]
    if moving:
        raise ValueError(
            f"policy {name!r} changes {', '.join(moving)}, which a cache cannot follow: take one "
            "that only mirrors and recolours, such as cached"
        )

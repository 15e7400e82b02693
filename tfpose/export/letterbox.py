"""The letterbox of `estimator.inputs.preprocess` in the graph: encoded files to one input batch.

The steps are the same: halving by averages while the picture is at least twice too large, then a
cubic resize, then grey borders. The resize is a product with two matrices of OpenCV's weights:
INTER_CUBIC's kernel with a = -0.75 (Keys 1981, eq. 4), where `tf.image.resize` has only -0.5.
"""

import tensorflow as tf

from estimator.inputs.preprocess import GREY

CUBIC = -0.75


def letterbox_files(files: tf.Tensor, height: int, width: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes files and lays them in; TensorFlow reads no Exif orientation, so none is applied.

    Transparent pixels of a PNG become white.

    Args:
      files: (B,) JPEG or PNG.
      height, width: of the input.

    Returns:
      (B, height, width, 3) float32, whole numbers 0..255; and (B, 2, 3) float32, the matrices from
      pixels of the input to pixels of the picture.
    """

    def lay_in(file: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return letterbox(_decode(file), height, width)

    images, matrices = tf.map_fn(
        lay_in,
        files,
        fn_output_signature=(
            tf.TensorSpec((height, width, 3), tf.float32),
            tf.TensorSpec((2, 3), tf.float32),
        ),
    )
    return images, matrices


def _decode(file: tf.Tensor) -> tf.Tensor:
    """(H, W, 3) float32. Exact integers, as OpenCV decodes."""
    picture = tf.cond(
        tf.io.is_jpeg(file),
        lambda: tf.io.decode_jpeg(file, channels=3, dct_method="INTEGER_ACCURATE"),
        lambda: _on_paper(tf.io.decode_png(file, channels=4)),
    )
    return tf.ensure_shape(tf.cast(picture, tf.float32), (None, None, 3))


def _on_paper(picture: tf.Tensor) -> tf.Tensor:
    """(H, W, 4) uint8 to (H, W, 3), white where transparent, as `estimator.pictures.read`."""
    colour, alpha = tf.cast(picture[..., :3], tf.float32), tf.cast(picture[..., 3:], tf.float32)
    return tf.cast(tf.round(colour * alpha / 255) + (255 - alpha), tf.uint8)


def letterbox(picture: tf.Tensor, height: int, width: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Lays one picture (H, W, 3) in; see `letterbox_files`."""
    have = tf.shape(picture)[:2]
    sides = tf.cast(have, tf.float64)
    factor = tf.reduce_min(tf.constant([height, width], tf.float64) / sides)
    inner = tf.cast(tf.round(sides * factor), tf.int32)  # to even, as Python rounds
    inner = tf.clip_by_value(inner, 1, tf.constant([height, width]))
    halved, step = _halved(picture, inner)
    picture = _cubic(halved, inner)
    covered = tf.cast(tf.shape(halved)[:2] * step, tf.float64)  # the rest is left out
    before = (tf.constant([height, width]) - inner) // 2  # top, left
    after = tf.constant([height, width]) - inner - before
    paddings = tf.stack([tf.stack([before[axis], after[axis]]) for axis in (0, 1)] + [[0, 0]])
    image = tf.pad(picture, paddings, constant_values=float(GREY))
    return tf.ensure_shape(image, (height, width, 3)), _back(covered, inner, before)


def _back(covered: tf.Tensor, inner: tf.Tensor, before: tf.Tensor) -> tf.Tensor:
    """(2, 3) from input to picture: picture = (input - before + 0.5) * scale - 0.5."""
    scale = covered / tf.cast(inner, tf.float64)  # y, x
    move = (0.5 - tf.cast(before, tf.float64)) * scale - 0.5
    zero = tf.zeros((), tf.float64)
    rows = [[scale[1], zero, move[1]], [zero, scale[0], move[0]]]
    return tf.cast(tf.stack([tf.stack(row) for row in rows]), tf.float32)


def _halved(picture: tf.Tensor, inner: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The picture, halved until it is less than twice too large, and the factor as int32."""

    def too_large(found: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
        return tf.reduce_all(tf.shape(found)[:2] >= 2 * inner)

    def halve(found: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        half = tf.shape(found)[:2] // 2
        found = found[: 2 * half[0], : 2 * half[1]]
        fours = tf.reshape(found, (half[0], 2, half[1], 2, 3))
        return tf.floor(tf.reduce_mean(fours, axis=(1, 3)) + 0.5), 2 * step  # as OpenCV rounds

    shapes = (tf.TensorShape((None, None, 3)), tf.TensorShape(()))
    found, step = tf.while_loop(too_large, halve, (picture, 1), shape_invariants=shapes)
    return found, step


def _cubic(picture: tf.Tensor, inner: tf.Tensor) -> tf.Tensor:
    have = tf.shape(picture)[:2]
    rows, columns = (_cubic_weights(have[axis], inner[axis]) for axis in (0, 1))
    return _resize(picture, rows, columns)


def _resize(picture: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Applies weights (h, H) and (w, W) to (H, W, 3), and rounds as uint8 pictures are rounded."""
    picture = tf.einsum("hH,HWc->hWc", rows, picture)
    picture = tf.einsum("wW,hWc->hwc", columns, picture)
    return tf.clip_by_value(tf.round(picture), 0, 255)


def _cubic_weights(have: tf.Tensor, want: tf.Tensor) -> tf.Tensor:
    """(want, have): Keys' kernel about each new pixel's centre; borders are repeated."""
    ratio = tf.cast(have, tf.float32) / tf.cast(want, tf.float32)
    centre = (tf.range(want, dtype=tf.float32) + 0.5) * ratio - 0.5
    first = tf.floor(centre)
    weights = tf.zeros((want, have))
    for step in (-1, 0, 1, 2):
        place = tf.clip_by_value(tf.cast(first, tf.int32) + step, 0, have - 1)
        weight = _keys(tf.abs(centre - first - step))
        weights += weight[:, tf.newaxis] * tf.one_hot(place, have)
    return weights


def _keys(distance: tf.Tensor) -> tf.Tensor:
    near = ((CUBIC + 2) * distance - (CUBIC + 3)) * distance**2 + 1
    far = ((CUBIC * distance - 5 * CUBIC) * distance + 8 * CUBIC) * distance - 4 * CUBIC
    return tf.where(distance <= 1, near, tf.where(distance < 2, far, 0.0))

"""Pictures and bodies that cost whoever reads them far more than their bytes."""

import struct
import zlib


def segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def many_scans(
    scans: int, height: int = 7000, width: int = 7000, components: int = 1, extra: bytes = b""
) -> bytes:
    """A progressive JPEG whose every scan says "nothing here" for all blocks.

    Each is a first scan of the coefficients 1 to 63 of one component. Its Huffman table has one
    code, 0, for the symbol E0: 2^14 blocks and as many more as the next 14 bits say (T.81, G.1.2).
    """
    blocks = -(-height // 8) * -(-width // 8)
    runs = -(-blocks // 0x7FFF)
    bits = ("0" + "1" * 14) * runs
    bits += "1" * (-len(bits) % 8)
    packed = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    shape = struct.pack(">BHHB", 8, height, width, components)
    shape += b"".join(bytes([1 + index, 0x11, 0]) for index in range(components))
    table = bytes([0x10, 1, *[0] * 15, 0xE0])
    parts = [b"\xff\xd8", segment(0xDB, bytes([0, *[1] * 64])), segment(0xC2, shape)]
    parts += [segment(0xC4, table), extra]
    parts += [
        segment(0xDA, bytes([1, 1 + index % components, 0, 1, 63, 0])) + packed
        for index in range(scans)
    ]
    return b"".join([*parts, b"\xff\xd9"])


def fill_bytes(count: int) -> bytes:
    """A JPEG that is FF after its start."""
    return b"\xff\xd8" + b"\xff" * count + b"\xd9"


def empty_segments(count: int) -> bytes:
    """A JPEG of application segments without content."""
    return b"\xff\xd8" + b"\xff\xe5\0\2" * count + b"\xff\xd9"


def png_chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def empty_chunks(count: int) -> bytes:
    """A PNG of 8 x 8 with chunks of nothing before its pixels."""
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0))
    pixels = png_chunk(b"IDAT", zlib.compress(bytes(72)))
    return b"\x89PNG\r\n\x1a\n" + head + png_chunk(b"noNe") * count + pixels + png_chunk(b"IEND")


def webp_chunks(count: int) -> bytes:
    """An extended WebP of 8 x 8 that promises Exif behind chunks of nothing."""
    wide = b"VP8X" + struct.pack("<I", 10) + bytes([8, 0, 0, 0]) + b"\7\0\0\7\0\0"
    data = b"WEBP" + wide + (b"NONE" + bytes(4)) * count
    return b"RIFF" + struct.pack("<I", len(data)) + data


def deep_escapes(size: int) -> bytes:
    """JSON that nests 17 deep with one string of escapes in it."""
    return b"[" * 17 + b'"' + b"\\a" * (size // 2) + b'"' + b"]" * 17


def escapes(size: int) -> bytes:
    """JSON of seventeen empty arrays and one string of escapes."""
    return b"[" + b"[]," * 17 + b'"' + b"\\n" * (size // 2) + b'"]'

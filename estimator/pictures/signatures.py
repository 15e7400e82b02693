"""What kind of file it is, by its first bytes: HEIC, an animation, a video, or no picture at all.

Sources: ISO/IEC 14496-12 (ISO media files: box `ftyp`, brands) and 23008-12 (brands of HEIF);
RFC 9649 (WebP: the flag of VP8X); GIF89a, section 20 (image descriptors); the APNG specification
(chunk `acTL`); ITU-T H.264 annex B (start codes); RFC 9559 (Matroska: EBML); ISO/IEC 13818-1
(MPEG-2 streams: sync byte 0x47, pack header 0x000001BA).
"""

HEIC_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})
AVIF_BRANDS = frozenset({b"avif", b"avis"})
PACKET = 188  # bytes of an MPEG-2 transport packet
ENOUGH = 1 << 20  # bytes that tell what a file is


def is_heic(data: bytes) -> bool:
    """Whether it is a picture of an iPhone: HEIF with HEVC inside."""
    return data[4:8] == b"ftyp" and data[8:12] in HEIC_BRANDS and b"avif" not in data[8:64]


def is_animated(data: bytes) -> bool:
    """Whether it is a GIF, WebP or PNG of more than one frame."""
    if data.startswith(b"GIF8"):
        return _gif_frames(data) > 1
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return data[12:16] == b"VP8X" and len(data) > 20 and bool(data[20] & 0x02)
    return data.startswith(b"\x89PNG") and b"acTL" in data[:1024]


def is_video(data: bytes) -> bool:
    """Whether it is a video, whatever its name: MP4, MOV, AVI, Matroska, MPEG, FLV, Ogg, H.264."""
    if data[4:8] == b"ftyp":
        return data[8:12] not in HEIC_BRANDS | AVIF_BRANDS
    if data[4:8] in (b"moov", b"mdat", b"wide"):
        return True
    if data[:4] == b"RIFF":
        return data[8:12] == b"AVI "
    if data.startswith(
        (b"\x1a\x45\xdf\xa3", b"FLV\x01", b"OggS", b"\0\0\x01\xba", b"\0\0\x01\xb3")
    ):
        return True
    if data[:1] == b"\x47" and len(data) > PACKET and data[PACKET] == 0x47:
        return True
    return is_elementary(data)


def is_elementary(data: bytes) -> bool:
    """Whether it is a raw stream of H.264 or H.265: a start code, then what begins one."""
    for start in (b"\0\0\0\x01", b"\0\0\x01"):
        if data.startswith(start) and len(data) > len(start):
            kind = data[len(start)]
            of_h264 = kind & 0x80 == 0 and kind & 0x1F in (6, 7, 9)  # SEI, SPS, delimiter
            return of_h264 or (kind >> 1 & 0x3F) in (32, 33, 35)  # VPS, SPS, delimiter of H.265
    return False


def _gif_frames(data: bytes) -> int:
    """The number of image descriptors, at most 2."""
    found, place = 0, 13
    if len(data) > 10 and data[10] & 0x80:
        place += 3 << (data[10] & 7) + 1
    while place < len(data) and found < 2:
        kind = data[place]
        if kind == 0x2C:
            found += 1
            flags = data[place + 9] if place + 9 < len(data) else 0
            place += 11 + ((3 << (flags & 7) + 1) if flags & 0x80 else 0)
        elif kind == 0x21:
            place += 2
        else:
            break
        while place < len(data) and data[place]:
            place += data[place] + 1
        place += 1
    return found

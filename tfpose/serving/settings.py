"""What the service is told when it starts: where it listens, and how much it takes."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from estimator.second_look.options import MODES
from estimator.second_look.options import Options as SecondLook

from .hard_hat import RULES

LOOPBACK = ("127.0.0.1", "localhost", "::1", "0.0.0.0")  # the last reaches the same on Linux
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

_KEY = re.compile(r"[!-~]{16,}")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s]+")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much is taken from a request, and how much at once. Beyond it comes an HTTP error.

    Attributes:
      body_bytes: of a request's body.
      buffered_bytes: of all bodies held at once.
      pictures: a request.
      picture_pixels: of one picture, by its header, before it is decoded.
      picture_side: of one picture's height and width.
      lane_work: of decoding a picture in a lane, as `encoded_pictures.work` estimates it; costlier
        pictures are decoded in a process of their own.
      costly_pictures: that wait for that process; the next are refused with Retry-After.
      decode_seconds: that it may take for one; then it is ended.
      decode_bytes: of memory that it may take for one.
      reduced_pixels: that such a picture is made smaller to.
      json_depth, json_parts, json_values: how deep arrays and objects nest, how many there are,
        and how many strings, numbers and commas.
      hats, boxes: a request.
      queued_pictures: that wait for a core; the next are refused with Retry-After.
      head_bytes, head_fields: of a request's head, or of what else is no body; and its headers.
      pipelined: requests of a connection that are taken in before the first is answered. The rest
        wait unread, as far as the end of each is known before it is parsed; else it is closed.
      bulk_bytes: of a request that are read at once; the rest waits while others' pictures are at
        work, and a body whose first picture is refused by then is not kept.
      bulk_share: of a core that it then gets, with all requests that were sent ahead of an answer.
      header_seconds, body_seconds: until a request's head, and then its body, must be there.
      answer_seconds: from then on to the answer.
      send_seconds: that a client may leave an answer unread.
      connections: open at once.
      streams: WebSockets at once; every one holds a connection, too.
      frame_bytes, frame_pixels: of one frame of a stream.
      idle_seconds: after which a stream without frames is closed.
      lane_seconds: on one picture, after which a lane counts as lost and /healthz fails.
    """

    body_bytes: int = 32 << 20
    buffered_bytes: int = 64 << 20
    pictures: int = 16
    picture_pixels: int = 50_000_000
    picture_side: int = 32_000
    lane_work: float = 48e6
    costly_pictures: int = 4
    decode_seconds: float = 10.0
    decode_bytes: int = 384 << 20
    reduced_pixels: int = 8_000_000
    json_depth: int = 16
    json_parts: int = 4096
    json_values: int = 65_536
    hats: int = 1000
    boxes: int = 64
    queued_pictures: int = 256
    head_bytes: int = 32 << 10
    head_fields: int = 100
    pipelined: int = 16
    bulk_bytes: int = 256 << 10
    bulk_share: float = 0.2
    header_seconds: float = 10.0
    body_seconds: float = 30.0
    answer_seconds: float = 30.0
    send_seconds: float = 10.0
    connections: int = 1000
    streams: int = 16
    frame_bytes: int = 4 << 20
    frame_pixels: int = 9_000_000
    idle_seconds: float = 60.0
    lane_seconds: float = 120.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"{name} must be positive, found {value}")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The service.

    Attributes:
      models: name to path of a .tflite or .onnx, or a shipped model; the first is the default.
      height: base height of flexible models' inputs; None takes each spec's.
      second_look: whether a small network reads the people found again; one of
        `second_look.options.MODES`.
      reader: that network's path or shipped name; empty takes ours.
      lanes: pictures worked on at once, a thread each; None takes the cores of this process.
      batch_pictures: of one size that a thread takes at a time at most.
      batch_milliseconds: that a thread waits for more of them while others are at work.
      hard_hat_rule: one of `hard_hat.RULES`.
      api_key: that requests must carry; None for no key.
      origins: of web pages elsewhere that browsers may let in (CORS); none by default.
      host: address that is listened at.
      hosts: names that `Host` may have besides the loopback's and `host`; "*" is any.
      live: folder of the built live demo (`web/`), served at /live; None serves none.
      drain_seconds: between SIGTERM and the end of listening: /readyz says no, all else goes on.
      grpc_port: where TensorFlow Serving's gRPC form is answered; None nowhere, 0 at a free port.
      limits: see Limits.
    """

    models: dict[str, str]
    height: int | None = None
    second_look: str = SecondLook.mode
    reader: str = SecondLook.model
    lanes: int | None = None
    batch_pictures: int = 8
    batch_milliseconds: float = 2.0
    hard_hat_rule: str = "assigned"
    api_key: str | None = field(default=None, repr=False)
    origins: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    hosts: tuple[str, ...] = ()
    live: Path | None = None
    drain_seconds: float = 2.0
    grpc_port: int | None = None
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not self.models:
            raise ValueError("there must be at least one model to serve")
        for name in self.models:
            if not _NAME.fullmatch(name):
                raise ValueError(
                    f"a model's name must be letters, digits, '.', '_' and '-', found {name!r}"
                )
        if self.hard_hat_rule not in RULES:
            raise ValueError(f"hard_hat_rule must be one of {list(RULES)}: {self.hard_hat_rule!r}")
        if self.second_look not in MODES:
            raise ValueError(f"second_look must be one of {list(MODES)}: {self.second_look!r}")
        if self.lanes is not None and self.lanes < 1:
            raise ValueError(f"lanes must be at least 1, found {self.lanes}")
        if self.batch_pictures < 1:
            raise ValueError(f"batch_pictures must be at least 1, found {self.batch_pictures}")
        if self.batch_milliseconds < 0 or self.drain_seconds < 0:
            raise ValueError("batch_milliseconds and drain_seconds must not be negative")
        if self.api_key is not None and not _KEY.fullmatch(self.api_key):
            raise ValueError(
                "an API key must have at least 16 characters, all of them printable ASCII without "
                "blanks, for it goes into a header: `openssl rand -hex 16` makes one"
            )
        for origin in self.origins:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"an origin must be SCHEME://HOST[:PORT] without a path, found {origin!r}"
                )

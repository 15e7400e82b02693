"""The application: routes around one Service. `server.py` runs it; tests call it in process."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from . import catalogue, errors
from .catalogue import Opener
from .guard import Guard
from .lanes.batching import Batcher
from .lanes.decoder import Decoder
from .metrics import Metrics
from .pace import Pace
from .routes import hard_hats, live, pages, poses, predict, stream
from .service import Service
from .settings import Settings

_ABOUT = """People's poses in pictures, and who of them wears a hard hat.

Coordinates are pixels of the upright picture; the centre of its first pixel is 0, 0.
"""


def create_app(settings: Settings, opener: Opener | None = None) -> FastAPI:
    """Opens the models and makes the application.

    Args:
      settings: of the service.
      opener: opens a model by its name and threads; PoseEstimator if not given.

    Returns:
      The application; `app.state.service` is its Service.

    Raises:
      FileNotFoundError, ImportError, ValueError: a model cannot be served.
    """
    models, lanes, wide = catalogue.open_all(settings, opener)
    metrics = Metrics()
    batcher = Batcher(lanes, wide, settings, metrics)
    shared = Service(
        settings=settings,
        catalogue=models,
        batcher=batcher,
        decoder=Decoder(settings.limits, metrics),
        metrics=metrics,
        pace=Pace(lambda: batcher.busy, settings.limits.bulk_share),
    )

    app = FastAPI(
        title="tfpose",
        description=_ABOUT,
        version="1",
        docs_url=None,  # FastAPI's pages load scripts from another host; ours is page/docs.html
        redoc_url=None,
        lifespan=lambda _: _running(shared),
        strict_content_type=False,  # the original reads JSON without a Content-Type, too
    )
    app.state.service = shared
    errors.install(app)
    for family in (poses, predict, stream, hard_hats, pages):
        app.include_router(family.router)
    app.include_router(live.router(settings.live))
    app.add_middleware(Guard, service=shared)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key", "X-Request-ID"],
            expose_headers=["X-Request-ID", "Retry-After"],
        )
    return app


@asynccontextmanager
async def _running(shared: Service) -> AsyncIterator[None]:
    """The second door while the application runs; at its end, the lanes are closed."""
    async with AsyncExitStack() as doors:
        if shared.settings.grpc_port is not None:
            from .prediction.door import open_door  # grpcio: an extra of its own

            shared.grpc_port = await doors.enter_async_context(
                open_door(shared, shared.settings.grpc_port)
            )
        yield
    shared.decoder.close()
    await shared.batcher.close()

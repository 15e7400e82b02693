"""Who asks: the host that was asked for, the page that asks, and the API key.

A browser lets any page send requests to any address, 127.0.0.1 too, and names the page's origin
(Fetch standard, "Origin header"). With a name of its own that it points at 127.0.0.1 (DNS
rebinding) a page becomes of the service's own origin; only `Host` then shows that name.
"""

import hmac
import ipaddress
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from ..errors import ServiceError
from ..settings import LOOPBACK, Settings

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


def check(settings: Settings, headers: Headers, method: str) -> None:
    """Refuses requests for another host, and those of other sites' pages.

    Raises:
      ServiceError: 421 for the host, 403 for the page.
    """
    host = headers.get("host")
    if host is not None and not host_fits(settings, host):
        raise ServiceError(
            HTTPStatus.MISDIRECTED_REQUEST,
            f"no host {host[:80]!r} here: it is served under {', '.join(_names(settings))}; "
            "start with --allowed_hosts=NAME to add one",
        )
    if not page_fits(settings, headers, method):
        raise ServiceError(
            HTTPStatus.FORBIDDEN,
            "pages of other origins are not let in; start with --cors_origins=ORIGIN to let one in",
        )


def host_fits(settings: Settings, host: str) -> bool:
    """Whether `Host`, with or without a port, is a name of this service."""
    name = (host.rpartition(":")[0] if _has_port(host) else host).lower().strip("[]").rstrip(".")
    if "*" in settings.hosts or name in _names(settings):
        return True
    return settings.host in ("0.0.0.0", "::", "") and _is_address(name)


def page_fits(settings: Settings, headers: Headers, method: str) -> bool:
    """Whether a request comes from this service's own page, a site let in, or from no page."""
    origin = headers.get("origin")
    if origin is None:
        return method in _READING or headers.get("sec-fetch-site") not in ("cross-site",)
    return origin in settings.origins or urlsplit(origin).netloc == headers.get("host", "")


def key_fits(settings: Settings, headers: Headers, offered: str | None = None) -> bool:
    """Compares the key in a time that does not tell how much of it is right.

    Args:
      settings: have the key, or none.
      headers: of the request: `Authorization: Bearer KEY`, or `X-API-Key: KEY`.
      offered: a key from elsewhere, taken where the headers have none.
    """
    if settings.api_key is None:
        return True
    scheme, _, token = headers.get("authorization", "").partition(" ")
    given = token if scheme.lower() == "bearer" else headers.get("x-api-key")
    return hmac.compare_digest((given or offered or "").encode(), settings.api_key.encode())


def _names(settings: Settings) -> tuple[str, ...]:
    bound = (settings.host.lower(),) if settings.host not in LOOPBACK else ()
    return (*LOOPBACK, *bound, *(name.lower() for name in settings.hosts))


def _has_port(host: str) -> bool:
    return host.rpartition(":")[2].isdecimal() and (host.count(":") == 1 or "]:" in host)


def _is_address(name: str) -> bool:
    """An address needs no name server, so that nobody can point it elsewhere."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

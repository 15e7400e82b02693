"""What Prometheus reads at /metrics."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """One set of figures an app, so that two apps of one process keep theirs apart."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = self._counter("requests", "Requests", ("route", "method", "status"))
        self.seconds = self._histogram(
            "request_seconds", "From a request's head to its answer", ("route",)
        )
        self.pictures = self._counter("pictures", "Pictures done", ("model",))
        self.people = self._counter("people", "People found", ("model",))
        self.queue_seconds = self._histogram("queue_seconds", "That a picture waited", ())
        self.work_seconds = self._histogram("work_seconds", "That a picture took", ("model",))
        self.batch = Histogram(
            "tfpose_batch_pictures",
            "Pictures that a thread took at once",
            buckets=(1, 2, 4, 8, 16),
            registry=self.registry,
        )
        self.queued = self._gauge("queued_pictures", "Pictures that wait")
        self.costly = self._gauge("costly_pictures", "Pictures that wait for the decoding process")
        self.refused = self._counter("refused", "Requests refused for lack of room", ("reason",))
        self.buffered = self._gauge("buffered_bytes", "Of request bodies")
        self.streams = self._gauge("streams", "WebSockets open")
        self.frames = self._counter("stream_frames", "Frames of streams", ("fate",))

    def _counter(self, name: str, text: str, labels: tuple[str, ...]) -> Counter:
        return Counter(f"tfpose_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"tfpose_{name}", text, registry=self.registry)

    def _histogram(self, name: str, text: str, labels: tuple[str, ...]) -> Histogram:
        return Histogram(f"tfpose_{name}", text, labels, buckets=_SECONDS, registry=self.registry)

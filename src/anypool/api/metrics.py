"""The route for monitoring systems that speak the exposition format of Prometheus."""

from collections.abc import Iterable, Iterator

from litestar import Response, get
from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from anypool import __version__
from anypool.api.asking import By, Live, Use
from anypool.api.broadcast import Broadcast
from anypool.service import Principal, Services
from anypool.service.measures import Gauge

_process = CollectorRegistry()
ProcessCollector(namespace="anypool", registry=_process)
REQUESTS = Histogram(
    "anypool_api_request_seconds",
    "Time to the beginning of an answer",
    ("method", "route", "status"),
    registry=_process,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
"""Observed by the access log."""


class _Gauges(Collector):
    def __init__(self, gauges: Iterable[Gauge]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        families: dict[str, GaugeMetricFamily] = {}
        for gauge in self._gauges:
            name = f"anypool_{gauge.name}"
            if name not in families:
                labels = [label for label, _ in gauge.labels]
                families[name] = GaugeMetricFamily(name, gauge.help, labels=labels)
            families[name].add_metric([value for _, value in gauge.labels], gauge.value)
        yield from families.values()


def exposition(services: Services, by: Principal, broadcast: Broadcast) -> bytes:
    """Return the page of metrics, as the caller may see it."""
    readers = Gauge("event_readers", "Open event streams", broadcast.readers)
    build = Gauge("build_info", "The release that runs", 1, (("version", __version__),))
    registry = CollectorRegistry()
    registry.register(_Gauges((*services.measures.gauges(by), readers, build)))
    return generate_latest(registry) + generate_latest(_process)


@get("/metrics", sync_to_thread=True, media_type="text/plain", include_in_schema=False)
def get_metrics(services: Use, by: By, broadcast: Live) -> Response[bytes]:
    """Return all metrics; a token limited to `read` is enough for the one who scrapes."""
    return Response(exposition(services, by, broadcast), media_type=CONTENT_TYPE_LATEST)


ROUTES = (get_metrics,)

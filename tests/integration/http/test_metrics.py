"""The text of the metrics, which takes long to render."""

import asyncio
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from entrypoints.http.metrics import MetricsText


class Renderings:
    """A metric that tells how often it was read."""

    number = 0

    def collect(self) -> Iterator[Metric]:
        self.number += 1
        yield GaugeMetricFamily("renderings", "So far", self.number)


async def test_many_who_ask_at_once_get_few_renderings_and_none_that_is_older() -> None:
    registry, renderings = CollectorRegistry(auto_describe=False), Renderings()
    registry.register(renderings)
    text = MetricsText(registry)
    first = asyncio.create_task(text.render())
    await asyncio.sleep(0)
    before = renderings.number
    many = await asyncio.gather(*(text.render() for _ in range(50)))
    assert len(set(many)) == 1
    assert renderings.number <= before + 2
    assert b"renderings" in await first
    assert await text.render() not in many

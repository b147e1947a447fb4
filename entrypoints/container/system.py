"""What every part may need: the time, and where it is counted."""

from __future__ import annotations

from dependency_injector import containers, providers

from adapters.prometheus.telemetry import PrometheusTelemetry
from adapters.system.clock import SystemClock


class SystemContainer(containers.DeclarativeContainer):
    """Clock and telemetry."""

    clock = providers.Singleton(SystemClock)
    telemetry = providers.Singleton(PrometheusTelemetry)

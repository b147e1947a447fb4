"""Live sessions, and what processes share through Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dependency_injector import containers, providers

from adapters.circuit_breaker import CircuitBreaker
from adapters.single_process import SingleProcessMessageChannel, SingleProcessSessionPlaces
from adapters.tracking import KalmanFaceTracker
from application.ports.message_channel import MessageChannel
from application.ports.session_places import SessionPlaces
from application.ports.telemetry import Telemetry
from application.sessions.analysis import FrameAnalysis
from application.sessions.sessions import StreamSessions
from entrypoints.container.extras import extra
from entrypoints.settings import Settings
from entrypoints.settings.realtime import RealtimeSettings

if TYPE_CHECKING:
    from adapters.redis import RedisDatabase, RedisMessageChannel, RedisSessionPlaces

# A session waits for Redis when it is opened, and for nothing else.
_REDIS_TIMEOUT_S = 1.0


def _redis_database(settings: RealtimeSettings, telemetry: Telemetry) -> RedisDatabase:
    """What several processes share, in the Redis of the settings; not connected yet."""
    with extra("redis", "REDIS_URL needs"):
        from adapters.redis import RedisDatabase
    assert settings.redis_url is not None
    return RedisDatabase(
        url=settings.redis_url.get_secret_value(),
        prefix=settings.redis_prefix,
        timeout_s=_REDIS_TIMEOUT_S,
        breaker=CircuitBreaker("Redis", failures=2, telemetry=telemetry),
    )


def _redis_session_places(database: RedisDatabase) -> RedisSessionPlaces:
    from adapters.redis import RedisSessionPlaces

    return RedisSessionPlaces(database)


def _redis_message_channel(database: RedisDatabase) -> RedisMessageChannel:
    from adapters.redis import RedisMessageChannel

    return RedisMessageChannel(database)


class RealtimeContainer(containers.DeclarativeContainer):
    """The sessions, their places, and the channel between processes."""

    settings = providers.Dependency(instance_of=Settings)
    config = settings.provided.realtime
    system = providers.DependenciesContainer()
    vision = providers.DependenciesContainer()
    stores = providers.DependenciesContainer()
    accounts = providers.DependenciesContainer()

    redis_database = providers.Singleton(_redis_database, config, system.telemetry)
    session_places: providers.Provider[SessionPlaces] = providers.Selector(
        config.shared_through,
        single_process=providers.Singleton(SingleProcessSessionPlaces, system.clock),
        redis=providers.Singleton(_redis_session_places, redis_database),
    )
    message_channel: providers.Provider[MessageChannel] = providers.Selector(
        config.shared_through,
        single_process=providers.Singleton(SingleProcessMessageChannel),
        redis=providers.Singleton(_redis_message_channel, redis_database),
    )

    stream_sessions = providers.Singleton(
        StreamSessions,
        limits=settings.provided.session_limits,
        defaults=settings.provided.session_defaults,
        new_analysis=providers.Factory(
            FrameAnalysis,
            analyser=vision.frame_analyser,
            tracker=providers.Factory(KalmanFaceTracker),
            telemetry=system.telemetry,
        ).provider,
        spooler=stores.spooler,
        places=session_places,
        verify_token=accounts.authenticate.provided.execute,
        clock=system.clock,
        telemetry=system.telemetry,
    )

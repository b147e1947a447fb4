"""What several processes of the service share in one Redis."""

from adapters.redis.database import RedisDatabase
from adapters.redis.message_channel import RedisMessageChannel
from adapters.redis.session_places import RedisSessionPlaces

__all__ = ["RedisDatabase", "RedisMessageChannel", "RedisSessionPlaces"]

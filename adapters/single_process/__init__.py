"""What several processes share in Redis, for a service of one process."""

from adapters.single_process.message_channel import SingleProcessMessageChannel
from adapters.single_process.session_places import SingleProcessSessionPlaces

__all__ = ["SingleProcessMessageChannel", "SingleProcessSessionPlaces"]

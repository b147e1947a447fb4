"""Identity and tokens without an external service: the embedded default."""

from adapters.local_auth.identity_provider import LocalIdentityProvider
from adapters.local_auth.secret import load_or_create_secret
from adapters.local_auth.token_service import JwtTokenService

__all__ = [
    "JwtTokenService",
    "LocalIdentityProvider",
    "load_or_create_secret",
]

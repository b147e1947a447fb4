"""Identity and tokens without an external service: the embedded default."""

from adapters.local_auth.identity_provider import LocalIdentityProvider
from adapters.local_auth.link_signer import HmacLinkSigner
from adapters.local_auth.secret import load_or_create_secret
from adapters.local_auth.sign_in_codes import LocalSignInCodes
from adapters.local_auth.token_service import JwtTokenService

__all__ = [
    "HmacLinkSigner",
    "JwtTokenService",
    "LocalIdentityProvider",
    "LocalSignInCodes",
    "load_or_create_secret",
]

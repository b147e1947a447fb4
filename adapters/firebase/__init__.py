"""Sign-in with Firebase Authentication."""

from adapters.firebase.client import open_client
from adapters.firebase.identity_provider import FirebaseIdentityProvider

__all__ = ["FirebaseIdentityProvider", "open_client"]

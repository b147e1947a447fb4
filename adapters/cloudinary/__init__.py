"""Images in Cloudinary, a hosted store that also delivers them."""

from adapters.cloudinary.image_store import CloudinaryImageStore
from adapters.cloudinary.urls import CloudinaryUrls

__all__ = ["CloudinaryImageStore", "CloudinaryUrls"]

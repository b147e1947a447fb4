"""Images and videos in Cloudinary, a hosted store that also delivers images."""

from adapters.cloudinary.client import CloudinaryClient
from adapters.cloudinary.image_store import CloudinaryImageStore
from adapters.cloudinary.urls import CloudinaryUrls
from adapters.cloudinary.video_store import CloudinaryVideoStore

__all__ = ["CloudinaryClient", "CloudinaryImageStore", "CloudinaryUrls", "CloudinaryVideoStore"]

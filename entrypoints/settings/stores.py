"""Settings of the stores."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator

from entrypoints.settings.group import Group, InLowerCase, MongoUri, PathOrHome, WebAddress


class StoreSettings(Group):
    """The data folder, MongoDB and Cloudinary."""

    repository: Annotated[Literal["sqlite", "mongodb"], InLowerCase] = "sqlite"
    image_store: Annotated[Literal["filesystem", "cloudinary"], InLowerCase] = "filesystem"

    data_dir: PathOrHome = Path("data")
    spool_max_mb: int = Field(default=1024, ge=16)
    store_give_up_hours: float = Field(default=24.0, gt=0, le=8760)

    mongodb_uri: MongoUri | None = None
    mongodb_name: str = Field(default="emotion_detection", min_length=1)
    mongodb_timeout_s: float = Field(default=2.0, gt=0, le=60)
    mongodb_max_connections: int = Field(default=50, ge=1, le=1000)
    import_mongodb_uri: MongoUri | None = None

    cloudinary_cloud_name: str | None = None
    cloudinary_api_key: str | None = None
    cloudinary_api_secret: SecretStr | None = None
    cloudinary_folder: str = Field(default="emotion-api", min_length=1)
    cloudinary_authenticated: bool = True
    cloudinary_timeout_s: float = Field(default=20.0, gt=0, le=300)
    cloudinary_upload_prefix: WebAddress = "https://api.cloudinary.com"
    cloudinary_delivery_url: WebAddress = "https://res.cloudinary.com"

    @field_validator("mongodb_name")
    @classmethod
    def _check_database_name(cls, name: str) -> str:
        if not re.fullmatch(r'[^/\\. "$*<>:|?]{1,63}', name):
            raise ValueError("must be the name of a database such as emotion_detection")
        return name

    def needed(self) -> dict[str, list[str]]:
        """The settings that the chosen stores need."""
        needed = {}
        if self.repository == "mongodb":
            needed["REPOSITORY=mongodb"] = ["mongodb_uri"]
        if self.image_store == "cloudinary":
            needed["IMAGE_STORE=cloudinary"] = [
                "cloudinary_cloud_name",
                "cloudinary_api_key",
                "cloudinary_api_secret",
            ]
        return needed

    def not_chosen(self) -> dict[str, tuple[str, ...]]:
        """What only the other stores use. `emotion-api import` uses ``MONGODB_NAME`` as well."""
        others: dict[str, tuple[str, ...]] = {}
        if self.repository != "mongodb":
            others["REPOSITORY=mongodb"] = ("mongodb_uri",)
        if self.image_store != "cloudinary":
            others["IMAGE_STORE=cloudinary"] = ("cloudinary_",)
        return others

    @property
    def database_path(self) -> Path:
        """The embedded database."""
        return self.data_dir / "emotion.sqlite3"

    @property
    def images_dir(self) -> Path:
        """Stored images."""
        return self.data_dir / "images"

    @property
    def videos_dir(self) -> Path:
        """Files of videos."""
        return self.data_dir / "videos"

    @property
    def receiving_dir(self) -> Path:
        """The folder for video uploads in progress."""
        return self.videos_dir / "receiving"

    @property
    def instance_id_path(self) -> Path:
        """The file with the name of this data folder."""
        return self.data_dir / "place"

    @property
    def spool_dir(self) -> Path:
        """The folder of the spool."""
        return self.data_dir / "spool"

    @property
    def secret_path(self) -> Path:
        """Where the signing secret is kept when the operator gives none."""
        return self.data_dir / "secret.key"

    @property
    def spool_max_bytes(self) -> int:
        """Bytes the spool may hold."""
        return self.spool_max_mb * 2**20

    @property
    def store_give_up_s(self) -> float:
        """Seconds after which an image that cannot be stored is given up."""
        return self.store_give_up_hours * 3600

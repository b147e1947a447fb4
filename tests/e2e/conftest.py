import io

import pytest
import skimage.data
from PIL import Image


@pytest.fixture(scope="session")
def astronaut() -> bytes:
    """A photograph of one smiling face, as JPEG."""
    return as_jpeg(skimage.data.astronaut())


def as_jpeg(pixels: object) -> bytes:
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "JPEG", quality=92)
    return encoded.getvalue()

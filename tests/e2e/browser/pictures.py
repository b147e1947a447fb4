"""Photos and a camera clip, made from the portrait in scikit-image."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from skimage import data

FACE_X, FACE_Y = 224, 115  # centre of the face in the picture of the astronaut

CLIP_SIZE = (640, 480)
LEFT, RIGHT = 20, 340  # position of the portrait in the clip
MARK = (0, 255, 0)  # a bar at the top of each frame, above the middle of the face
_PORTRAIT_SIZE = 280
_FACE_IN_PORTRAIT = 116


def astronaut() -> Image.Image:
    """A portrait of 512 × 512 pixels."""
    return Image.fromarray(data.astronaut())


def jpeg(picture: Image.Image) -> bytes:
    """The picture, encoded."""
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90)
    return out.getvalue()


def portrait() -> bytes:
    """One face."""
    return jpeg(astronaut())


def pair() -> bytes:
    """Two faces: one left, and its mirror image right."""
    picture = Image.new("RGB", (1024, 512))
    picture.paste(astronaut(), (0, 0))
    picture.paste(astronaut().transpose(Image.Transpose.FLIP_LEFT_RIGHT), (512, 0))
    return jpeg(picture)


def phone_photo() -> bytes:
    """One face in 12 megapixels and 9 MB, stored sideways as phones do."""
    upright = Image.new("RGB", (3000, 4000), (96, 104, 112))
    upright.paste(astronaut().resize((3000, 3000)), (0, 500))
    grain = np.random.default_rng(1).integers(-18, 19, (4000, 3000, 1), dtype=np.int16)
    grainy = Image.fromarray(np.clip(np.asarray(upright) + grain, 0, 255).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be rotated by 90° clockwise when shown
    out = io.BytesIO()
    grainy.transpose(Image.Transpose.ROTATE_90).save(out, "JPEG", quality=99, exif=exif)
    return out.getvalue()


# Centre of its face, in shares of the upright picture.
FACE_IN_PHONE_PHOTO = (FACE_X / 512, (500 + FACE_Y * 3000 / 512) / 4000)


def crowd(columns: int, rows: int, side: int = 160) -> tuple[bytes, list[tuple[int, ...]]]:
    """A face for each column and row, close together, and their boxes."""
    face = astronaut().crop((150, 40, 300, 190)).resize((side, side))
    picture = Image.new("RGB", (columns * side, rows * side))
    boxes = []
    for row in range(rows):
        for column in range(columns):
            picture.paste(face, (column * side, row * side))
            left, top, size = 0.18 * side, 0.15 * side, 0.64 * side
            place = (column * side + left, row * side + top, size, size * 1.25)
            boxes.append(tuple(round(value) for value in place))
    return jpeg(picture), boxes


def write_camera_clip(path: Path) -> None:
    """Eight seconds at 30 frames a second; the face waits left, goes right, waits, and returns."""
    face = astronaut().crop((100, 0, 400, 300)).resize((_PORTRAIT_SIZE, _PORTRAIT_SIZE))
    way = [LEFT + (RIGHT - LEFT) * step / 75 for step in range(75)]
    places = [LEFT] * 45 + way + [RIGHT] * 45 + way[::-1]
    with path.open("wb") as clip:
        for x in places:
            frame = Image.new("RGB", CLIP_SIZE, (96, 104, 112))
            frame.paste(face, (round(x), 120))
            middle = x + _FACE_IN_PORTRAIT
            ImageDraw.Draw(frame).rectangle((middle - 10, 0, middle + 10, 40), fill=MARK)
            frame.save(clip, "JPEG", quality=85)

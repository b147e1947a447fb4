"""The collections and their indexes.

The names differ from those that older services of this kind use in a database of the same name.
"""

from __future__ import annotations

from collections.abc import Mapping

from pymongo import ASCENDING, DESCENDING, IndexModel

DETECTIONS = "detection_records"
USERS = "user_records"
REFRESH_TOKENS = "refresh_token_records"
USAGE = "usage_counts"
ACCOUNT_ENDS = "account_ends"
VIDEOS = "video_records"
VIDEO_FRAMES = "video_frames"
VIDEO_TURNS = "video_turns"

# Unique keys are the ``_id``. An index with ``expireAfterSeconds`` lets the server delete expired
# documents; a document without that date stays.
INDEXES: Mapping[str, tuple[IndexModel, ...]] = {
    DETECTIONS: (
        IndexModel(
            [("user_id", ASCENDING), ("timestamp_us", DESCENDING), ("_id", DESCENDING)],
            name="newest",
        ),
    ),
    REFRESH_TOKENS: (
        IndexModel([("user_id", ASCENDING)], name="user"),
        IndexModel([("family_id", ASCENDING)], name="family"),
        IndexModel([("expires_at", ASCENDING)], name="expiry", expireAfterSeconds=0),
    ),
    ACCOUNT_ENDS: (IndexModel([("known_until", ASCENDING)], name="expiry", expireAfterSeconds=0),),
    VIDEOS: (
        IndexModel(
            [("user_id", ASCENDING), ("status", ASCENDING), ("submitted_at_us", ASCENDING)],
            name="of_user",
        ),
        IndexModel([("status", ASCENDING), ("held_until_us", ASCENDING)], name="waiting"),
    ),
    VIDEO_FRAMES: (IndexModel([("video_id", ASCENDING), ("first", ASCENDING)], name="in_order"),),
    USAGE: (IndexModel([("window_ends_at", ASCENDING)], name="window", expireAfterSeconds=0),),
}

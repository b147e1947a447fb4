"""Limits of every request that are no settings; the texts of problems name them."""

from __future__ import annotations

MAX_JSON_BYTES = 64 * 1024
MAX_HEADER_LINES = 128

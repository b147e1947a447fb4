"""The least length of secrets that sign."""

MIN_SECRET_LENGTH = 32
"""Characters of a secret for HMAC-SHA256 (RFC 7518, section 3.2: 256 bits)."""

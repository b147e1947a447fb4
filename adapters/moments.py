"""Times as whole microseconds since 1970 in UTC, so that databases can compare them exactly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(moment: datetime) -> int:
    """Microseconds since 1970; the moment has a time zone."""
    return (moment - _EPOCH) // _MICROSECOND


def from_us(microseconds: int) -> datetime:
    """The moment, in UTC."""
    return _EPOCH + microseconds * _MICROSECOND


def from_us_or_none(microseconds: int | None) -> datetime | None:
    """The moment, in UTC, if there is one."""
    return None if microseconds is None else from_us(microseconds)

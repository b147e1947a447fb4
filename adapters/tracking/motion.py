"""A constant-velocity Kalman filter for one number, in closed form.

SORT (Bewley et al. 2016, "Simple Online and Realtime Tracking", arXiv:1602.00763) filters a box's
centre and size with one 7-dimensional filter whose matrices couple each number only with its own
velocity. Such a filter separates into independent two-dimensional ones, which need no linear
algebra. Two things differ from SORT: time is measured in seconds and not in frames, because frames
of a live session come unevenly; and the velocity of a face that is not seen fades, so that a face
that vanished while moving does not leave the frame.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_STEADY_S = 0.3
"""How long a velocity is kept in full without a reading."""

_FADE_S = 0.5
"""Time in which it decays to 1/e after that."""


@dataclass(slots=True)
class MotionFilter:
    """Estimates a number and its velocity from noisy readings.

    Attributes:
        value: the estimate.
        velocity: units a second.
        p_value: variance of ``value``.
        p_both: covariance of the two.
        p_velocity: variance of ``velocity``.
    """

    value: float
    p_value: float
    p_velocity: float
    velocity: float = 0.0
    p_both: float = 0.0

    def advance(self, seconds: float, acceleration: float) -> None:
        """Advance the time.

        Args:
            seconds: 0 or more.
            acceleration: standard deviation of the unknown acceleration, in units/s²: white noise
                that is constant within a step (Bar-Shalom et al. 2001, section 6.3.2).
        """
        self.value = self.after(seconds)
        q = acceleration**2
        self.p_value += seconds * (2 * self.p_both + seconds * self.p_velocity) + q * seconds**4 / 4
        self.p_both += seconds * self.p_velocity + q * seconds**3 / 2
        self.p_velocity += q * seconds**2

    def correct(self, reading: float, deviation: float) -> None:
        """Correct the estimate by a reading whose error has this standard deviation (above 0)."""
        surprise = reading - self.value
        spread = self.p_value + deviation**2
        gain_value, gain_velocity = self.p_value / spread, self.p_both / spread
        self.value += gain_value * surprise
        self.velocity += gain_velocity * surprise
        self.p_velocity -= gain_velocity * self.p_both
        self.p_both *= 1 - gain_value
        self.p_value *= 1 - gain_value

    def rescale(self, factor: float) -> None:
        """Scale the unit by this factor."""
        self.value *= factor
        self.velocity *= factor
        self.p_value *= factor**2
        self.p_both *= factor**2
        self.p_velocity *= factor**2

    def after(self, seconds: float) -> float:
        """The predicted value after this time without a reading."""
        return self.value + self.velocity * _travelling(seconds)


def _travelling(seconds: float) -> float:
    """The distance in seconds at full velocity that a face moves in this time without a reading."""
    if seconds <= _STEADY_S:
        return seconds
    return _STEADY_S + _FADE_S * (1 - math.exp(-(seconds - _STEADY_S) / _FADE_S))

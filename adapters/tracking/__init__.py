"""Tracking faces by motion alone: Kalman filters and the Hungarian method."""

from adapters.tracking.kalman_tracker import KalmanFaceTracker

__all__ = ["KalmanFaceTracker"]

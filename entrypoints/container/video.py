"""Recorded video."""

from __future__ import annotations

from dependency_injector import containers, providers

from adapters.av import AvVideoReader
from adapters.inference.executor import WorkExecutor
from adapters.tracking import KalmanFaceTracker
from application.ports.emotion_classifier import EmotionClassifier
from application.ports.face_detector import FaceDetector
from application.ports.telemetry import Telemetry
from application.ports.video_reader import VideoReader
from application.use_cases.analyse_video import AnalyseVideo


class VideoContainer(containers.DeclarativeContainer):
    """Reading video files and analysing their frames."""

    min_face_size_px: providers.Dependency[int] = providers.Dependency(instance_of=int)
    frames_at_once: providers.Dependency[int] = providers.Dependency(instance_of=int)
    executor = providers.Dependency(instance_of=WorkExecutor)
    telemetry: providers.Dependency[Telemetry] = providers.Dependency()
    face_detector: providers.Dependency[FaceDetector] = providers.Dependency()
    emotion_classifier: providers.Dependency[EmotionClassifier] = providers.Dependency()

    video_reader: providers.Provider[VideoReader] = providers.Singleton(
        AvVideoReader, executor=executor
    )
    analyse_video = providers.Singleton(
        AnalyseVideo,
        reader=video_reader,
        detector=face_detector,
        classifier=emotion_classifier,
        new_tracker=providers.Object(KalmanFaceTracker),
        telemetry=telemetry,
        min_face_size_px=min_face_size_px,
        frames_at_once=frames_at_once,
    )

"""Recorded video: uploads, the queue, and results."""

from __future__ import annotations

from pathlib import Path

from dependency_injector import containers, providers

from adapters.av.camera import camera_frames
from adapters.av.video_annotator import AvVideoAnnotator
from adapters.av.video_reader import AvVideoReader
from adapters.filesystem import instance_id_of
from adapters.inference.executor import WorkExecutor
from adapters.tracking import KalmanFaceTracker
from application.accounts.links import LinkSigner
from application.faces import FaceReader
from application.ports.clock import Clock
from application.ports.detection_repository import DetectionRepository
from application.ports.emotion_classifier import EmotionClassifier
from application.ports.face_detector import FaceDetector
from application.ports.telemetry import Telemetry
from application.ports.video_annotator import VideoAnnotator
from application.ports.video_reader import VideoReader
from application.ports.video_repository import VideoRepository
from application.ports.video_store import VideoStore
from application.use_cases.analyse_video import AnalyseVideo
from application.use_cases.erase_videos import EraseVideos
from application.use_cases.read_videos import ReadVideos
from application.use_cases.submit_video import SubmitVideo
from application.use_cases.watch_camera import WatchCamera
from application.videos.work import WorkOnVideos
from entrypoints.settings.video import VideoSettings


class VideoContainer(containers.DeclarativeContainer):
    """Reading video files, analysing their frames, and the queue."""

    settings = providers.Dependency(instance_of=VideoSettings)
    config = settings.provided
    instance_id_path: providers.Dependency[Path] = providers.Dependency(instance_of=Path)
    min_face_size_px: providers.Dependency[int] = providers.Dependency(instance_of=int)
    frames_at_once: providers.Dependency[int] = providers.Dependency(instance_of=int)
    executor = providers.Dependency(instance_of=WorkExecutor)
    clock: providers.Dependency[Clock] = providers.Dependency()
    telemetry: providers.Dependency[Telemetry] = providers.Dependency()
    face_detector: providers.Dependency[FaceDetector] = providers.Dependency()
    emotion_classifier: providers.Dependency[EmotionClassifier] = providers.Dependency()
    videos: providers.Dependency[VideoRepository] = providers.Dependency()
    video_files: providers.Dependency[VideoStore] = providers.Dependency()
    erase_videos = providers.Dependency(instance_of=EraseVideos)
    history: providers.Dependency[DetectionRepository] = providers.Dependency()
    link_signer = providers.Dependency(instance_of=LinkSigner)

    face_reader = providers.Singleton(
        FaceReader, detector=face_detector, classifier=emotion_classifier, telemetry=telemetry
    )
    video_reader: providers.Provider[VideoReader] = providers.Singleton(
        AvVideoReader, executor=executor
    )
    video_annotator: providers.Provider[VideoAnnotator] = providers.Singleton(AvVideoAnnotator)
    watch_camera = providers.Singleton(
        WatchCamera,
        camera_frames=providers.Object(camera_frames),
        face_reader=face_reader,
        new_tracker=providers.Object(KalmanFaceTracker),
        clock=clock,
        min_face_size_px=min_face_size_px,
    )
    analyse_video = providers.Singleton(
        AnalyseVideo,
        video_reader=video_reader,
        face_reader=face_reader,
        new_tracker=providers.Object(KalmanFaceTracker),
        min_face_size_px=min_face_size_px,
        frames_at_once=frames_at_once,
    )

    work = providers.Singleton(
        WorkOnVideos,
        repository=videos,
        store=video_files,
        history=history,
        clock=clock,
        analyse=analyse_video,
        erase_videos=erase_videos,
        limits=config.limits,
        instance_id=providers.Callable(instance_id_of, instance_id_path),
        workers=config.video_workers,
    )
    submit_video = providers.Singleton(
        SubmitVideo,
        repository=videos,
        store=video_files,
        reader=video_reader,
        limits=config.limits,
        clock=clock,
        holder=work.provided.holder,
        submitted=work.provided.wake,
    )
    read_videos = providers.Singleton(
        ReadVideos, repository=videos, store=video_files, links=link_signer, clock=clock
    )

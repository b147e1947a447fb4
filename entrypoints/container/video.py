"""Recorded video: uploads, the queue, and results."""

from __future__ import annotations

from dependency_injector import containers, providers

from adapters.av.video_reader import AvVideoReader
from adapters.filesystem import instance_id_of
from adapters.tracking import KalmanFaceTracker
from application.faces import FaceReader
from application.ports.video_annotator import VideoAnnotator
from application.ports.video_reader import VideoReader
from application.use_cases.analyse_video import AnalyseVideo
from application.use_cases.read_videos import ReadVideos
from application.use_cases.submit_video import SubmitVideo
from application.use_cases.watch_camera import CameraFrames, WatchCamera
from application.videos.work import WorkOnVideos
from entrypoints.settings import Settings

# The service itself reads files in processes of their own: FFmpeg, which takes 16 MB when imported,
# is left to the commands.


def _video_annotator() -> VideoAnnotator:
    from adapters.av.video_annotator import AvVideoAnnotator

    return AvVideoAnnotator()


def _camera_frames() -> CameraFrames:
    from adapters.av.camera import camera_frames

    return camera_frames


class VideoContainer(containers.DeclarativeContainer):
    """Reading video files, analysing their frames, and the queue."""

    settings = providers.Dependency(instance_of=Settings)
    config = settings.provided.video
    system = providers.DependenciesContainer()
    vision = providers.DependenciesContainer()
    stores = providers.DependenciesContainer()
    accounts = providers.DependenciesContainer()

    face_reader = providers.Singleton(
        FaceReader,
        detector=vision.face_detector,
        classifier=vision.emotion_classifier,
        telemetry=system.telemetry,
    )
    video_reader: providers.Provider[VideoReader] = providers.Singleton(
        AvVideoReader, executor=vision.executor
    )
    video_annotator: providers.Provider[VideoAnnotator] = providers.Singleton(_video_annotator)
    watch_camera = providers.Singleton(
        WatchCamera,
        camera_frames=providers.Callable(_camera_frames),
        face_reader=face_reader,
        new_tracker=providers.Object(KalmanFaceTracker),
        clock=system.clock,
        min_face_size_px=settings.provided.vision.face_detect_min_size,
    )
    analyse_video = providers.Singleton(
        AnalyseVideo,
        video_reader=video_reader,
        face_reader=face_reader,
        new_tracker=providers.Object(KalmanFaceTracker),
        min_face_size_px=settings.provided.vision.face_detect_min_size,
        frames_at_once=settings.provided.vision.video_frames_at_once,
    )

    work = providers.Singleton(
        WorkOnVideos,
        repository=stores.videos,
        store=stores.video_files,
        history=stores.repository,
        clock=system.clock,
        analyse=analyse_video,
        erase_videos=stores.erase_videos,
        limits=config.limits,
        instance_id=providers.Callable(instance_id_of, settings.provided.stores.instance_id_path),
        workers=config.video_workers,
    )
    submit_video = providers.Singleton(
        SubmitVideo,
        repository=stores.videos,
        store=stores.video_files,
        reader=video_reader,
        limits=config.limits,
        clock=system.clock,
        holder=work.provided.holder,
        submitted=work.provided.wake,
    )
    read_videos = providers.Singleton(
        ReadVideos,
        repository=stores.videos,
        store=stores.video_files,
        links=accounts.link_signer,
        verify_token=accounts.authenticate.provided.execute,
        clock=system.clock,
    )

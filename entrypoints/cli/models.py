"""``emotion-api models``: downloading, converting and measuring models."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from application.errors import ServiceUnavailable
from entrypoints.cli.console import (
    console,
    errors,
    exit_on_error,
    progress,
    settings_or_exit,
    stop,
)

if TYPE_CHECKING:
    from entrypoints.container import Container

models = typer.Typer(help="Download, convert and measure models.", no_args_is_help=True)

JsonFile = Annotated[
    Path | None, typer.Option("--json", help="Also write the figures to this file.")
]


@models.command()
def evaluate(
    faces: Annotated[
        Path | None,
        typer.Option(
            help="NumPy archive (.npz) of face crops: `images`, uint8, (N, height, width) grey or "
            "(N, height, width, 3) RGB, and `labels`, (N,) emotion words.",
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option("--photos", help="Folder of images, to measure the face detector on."),
    ] = None,
    boxes: Annotated[
        Path | None,
        typer.Option(
            help="CSV file of the faces in --photos: name,x,y,w,h in pixels, a line per face; a "
            "name alone for an image without one. More columns: ignore, and ten of landmarks.",
        ),
    ] = None,
    min_size: Annotated[
        int | None,
        typer.Option(min=1, help="Smallest face that counts, instead of FACE_DETECT_MIN_SIZE."),
    ] = None,
    shifts: Annotated[
        bool,
        typer.Option(
            "--shifts",
            help="With --faces, also measure on the faces as other cameras and framings would show "
            "them.",
        ),
    ] = False,
    json_out: JsonFile = None,
) -> None:
    """Measure the configured classifier on face crops, or the face detector on images."""
    if faces is None and images is not None and boxes is not None and not shifts:
        _evaluate_detector(images, boxes, min_size, json_out)
    elif faces is not None and images is None and boxes is None:
        _evaluate_classifier(faces, shifts, json_out)
    else:
        stop("give --faces to measure the classifier, or --photos and --boxes for the detector")


def _evaluate_classifier(faces: Path, shifts: bool, json_out: Path | None) -> None:
    from entrypoints.cli.evaluation import as_json, print_tables

    container = _container()
    with exit_on_error(ValueError):
        labelled = container.models().read_labelled_faces(faces)
        with progress("Reading faces", len(labelled.labels)) as advance:
            evaluation = container.models().evaluation(labelled, advance)
        if shifts:
            with progress(
                "Reading shifts", container.models().shifted_readings(labelled)
            ) as advance:
                shift_metrics = container.models().shift_metrics(labelled, advance)
            evaluation = replace(evaluation, shifts=shift_metrics)
        print_tables(console(), evaluation)
        if json_out is not None:
            json_out.write_text(as_json(evaluation), "utf-8")


def _evaluate_detector(
    folder: Path, boxes: Path, min_size: int | None, json_out: Path | None
) -> None:
    from entrypoints.cli.evaluation import detector_as_json, print_detector_tables

    container = _container()
    with exit_on_error(ValueError), closing(container.vision().executor()):
        images = container.models().read_labelled_images(folder, boxes)
        smallest = min_size or container.settings().vision.face_detect_min_size
        with progress("Detecting faces", len(images)) as advance:
            measuring = container.models().detector_evaluation(images, smallest, advance)
            evaluation = asyncio.run(measuring)
        print_detector_tables(console(), evaluation)
        if json_out is not None:
            json_out.write_text(detector_as_json(evaluation), "utf-8")


@models.command()
def pull() -> None:
    """Download YuNet (YUNET_MODEL), and the checkpoint if the settings ask for one.

    They do with CLASSIFIER=vit, or when HUGGINGFACE_MODEL names one; that needs the extra "vit".
    Files that exist are not downloaded again. Both are tried; if either fails, the exit code is 2.
    """
    container = _container()
    vision = container.settings().vision
    wants_checkpoint = vision.classifier == "vit" or "huggingface_model" in vision.model_fields_set
    faults = []
    for pull_one in (_pull_yunet, _pull_checkpoint if wants_checkpoint else _mention_checkpoint):
        try:
            pull_one(container)
        except (ServiceUnavailable, OSError) as error:
            faults.append(str(error))
    if faults:
        stop("\n       ".join(faults))


@models.command()
def export(
    out: Annotated[
        Path,
        typer.Option(help="The ONNX file; a .json file of the same name goes beside it."),
    ] = Path("models/classifier.onnx"),
    quantize: Annotated[
        bool, typer.Option("--quantize", help="Use int8 for matrix products: smaller and faster.")
    ] = False,
    faces: Annotated[
        Path | None,
        typer.Option(help="Compare on these faces (see `models evaluate`) instead of noise."),
    ] = None,
    triton: Annotated[
        Path | None,
        typer.Option(
            help="Only write the bundled network, or CLASSIFIER_WEIGHTS, into this folder as a "
            "model repository of NVIDIA Triton."
        ),
    ] = None,
) -> None:
    """Turn the checkpoint HUGGINGFACE_MODEL into an ONNX file that CLASSIFIER=onnx serves.

    Or, with --triton, the ONNX file that CLASSIFIER=onnx serves into a model repository of NVIDIA
    Triton, which CLASSIFIER=remote uses.
    """
    if triton is not None:
        if quantize or faces is not None:
            stop("--triton takes an ONNX file as it is; export that one first, with --quantize")
        _export_to_triton(triton)
        return
    from entrypoints.cli.evaluation import print_export

    if out.suffix != ".onnx":
        stop(f"--out {out}: the name has to end with .onnx")
    container = _container()
    with exit_on_error(ValueError):
        exporter = container.models().checkpoint_export()
        crops = None
        if faces is not None:
            labelled = container.models().read_labelled_faces(faces)
            crops = labelled.crops(exporter.crop_spec, 0, 64)
        with errors.status("loading") as status:
            report = exporter.write(out, quantize=quantize, crops=crops, on_step=status.update)
    print_export(console(), report, on_noise=faces is None)


def _export_to_triton(folder: Path) -> None:
    container = _container()
    with exit_on_error():
        model, network = container.models().triton_repository(folder)
    console().print(
        f"{network} is in {folder}. Serve it with\n"
        f"    tritonserver --model-repository {folder}\n"
        "and use it with\n"
        "    CLASSIFIER=remote REMOTE_CLASSIFIER_URL=http://HOST:8000 "
        f"REMOTE_CLASSIFIER_MODEL={model}",
        highlight=False,
        soft_wrap=True,
    )


def _pull_yunet(container: Container) -> None:
    file = container.models().yunet_file()
    if file.is_intact():
        errors.print(f"YuNet exists: {file.path}", style="dim", soft_wrap=True)
        return
    with progress("Downloading YuNet", file.size_bytes) as advance:
        file.pull(advance)
    errors.print(f"YuNet is ready: {file.path}; use it with FACE_DETECTOR=yunet", soft_wrap=True)


def _pull_checkpoint(container: Container) -> None:
    files = container.models().checkpoint().pull()
    errors.print(f"The checkpoint {files.name} is ready, version {files.version}", soft_wrap=True)


def _mention_checkpoint(_: Container) -> None:
    errors.print(
        "The checkpoint for CLASSIFIER=vit is not downloaded; get it too with "
        "CLASSIFIER=vit emotion-api models pull",
        style="dim",
        highlight=False,
        soft_wrap=True,
    )


def _container() -> Container:
    from entrypoints.container import Container

    return Container(settings=settings_or_exit())

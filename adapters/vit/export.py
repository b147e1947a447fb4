"""Exporting a checkpoint to one ONNX file, preprocessing included."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import QuantType, quantize_dynamic

from adapters.inference.crops import CropSpec
from adapters.inference.model import softmax
from adapters.vit.checkpoint import HuggingFaceCheckpoint
from adapters.vit.classifier import computes_bfloat16
from adapters.vit.network import EmotionNetwork, load_network
from application.errors import InferenceUnavailable
from application.evaluation import ExportReport, FormMetrics
from domain.emotion import Emotion

_INPUT, _OUTPUT = "faces", "logits"
_TIMED_RUNS = 7
_NOISE_CROPS = 8

Predict = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


class CheckpointExport:
    """Writes a checkpoint as ONNX.

    Attributes:
        crop_spec: which crops the network reads.
    """

    def __init__(self, *, checkpoint: HuggingFaceCheckpoint) -> None:
        """Load the checkpoint.

        Raises:
            InferenceUnavailable: it is not on this machine, or cannot be used.
        """
        self._files = checkpoint.find()
        torch.set_num_threads(1)
        self._network = load_network(self._files)
        shown = self._network.preprocessing
        self.crop_spec = CropSpec(width=shown.width, height=shown.height, channels=3)

    def write(
        self,
        out: Path,
        *,
        quantize: bool,
        crops: NDArray[np.uint8] | None = None,
        on_step: Callable[[str], None] = lambda step: None,
    ) -> ExportReport:
        """Write ``out`` and its JSON file, then compare the result with torch.

        Args:
            out: the ONNX file; its folder is created, and an existing file is replaced.
            quantize: store matrices as int8 and multiply in it (dynamic quantisation of MatMul and
                Gemm, a scale per channel); everything else stays float32.
            crops: faces to compare on, as ``crop_spec`` says; None for images of soft noise, which
                are less conclusive.
            on_step: called with the name of each step.

        Raises:
            InferenceUnavailable: the network cannot be expressed in ONNX.
            OSError: the file cannot be written.
        """
        crops = _soft_noise(self.crop_spec) if crops is None else crops
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent) as folder:
            plain, small = Path(folder, "plain.onnx"), Path(folder, "int8.onnx")
            on_step("writing the network as ONNX")
            self._write_plain(plain)
            forms: dict[str, Path] = {"ONNX float32": plain}
            if quantize:
                on_step("quantising")
                _quantize(plain, small)
                forms["ONNX int8"] = small
            on_step("comparing with torch")
            compared = self._compare(forms, crops, on_step)
            written = small if quantize else plain
            facts = self._facts(written, compared[-1], len(crops), quantize=quantize)
            os.replace(written, out)
        out.with_suffix(".json").write_text(json.dumps(facts, indent=2) + "\n", "utf-8")
        return ExportReport(out=out, crops=len(crops), forms=tuple(compared))

    def _write_plain(self, path: Path) -> None:
        spec = self.crop_spec
        example = torch.zeros(2, spec.channels, spec.height, spec.width)
        exporter_log = logging.getLogger("torch.onnx._internal.exporter")
        level = exporter_log.level
        exporter_log.setLevel(logging.ERROR)  # it would warn that torchvision is not installed
        try:
            with warnings.catch_warnings(), torch.inference_mode():
                # torch's exporter causes this warning itself.
                warnings.filterwarnings("ignore", r"`isinstance\(treespec", FutureWarning)
                torch.onnx.export(
                    self._network,
                    (example,),
                    path,
                    input_names=[_INPUT],
                    output_names=[_OUTPUT],
                    dynamic_shapes={_INPUT: {0: torch.export.Dim("faces", min=1)}},
                    external_data=False,
                    dynamo=True,
                    verbose=False,
                )
        except Exception as error:  # The exporter's exceptions have no common base class.
            raise InferenceUnavailable(
                f"{self._files.name} cannot be written as ONNX: {str(error).splitlines()[0]}"
            ) from error
        finally:
            exporter_log.setLevel(level)

    def _compare(
        self, forms: dict[str, Path], crops: NDArray[np.uint8], on_step: Callable[[str], None]
    ) -> list[FormMetrics]:
        on_step("torch float32")
        by_torch = _predict_by_torch(self._network)
        truth = _probabilities(by_torch, crops)
        metrics = [FormMetrics("torch float32", _ms_per_face(by_torch, crops), 0.0, 1.0)]
        if computes_bfloat16("cpu"):
            on_step("torch bfloat16")
            by_torch = _predict_by_torch(load_network(self._files, dtype=torch.bfloat16))
            metrics.append(_metrics("torch bfloat16", by_torch, crops, truth))
        for form, path in forms.items():
            on_step(form)
            metrics.append(_metrics(form, _predict_by_onnx(path), crops, truth, path))
        return metrics

    def _facts(
        self, written: Path, metrics: FormMetrics, crops: int, *, quantize: bool
    ) -> dict[str, object]:
        files, spec = self._files, self.crop_spec
        return {
            "name": f"{files.name} (ONNX)",
            "version": files.version,
            "file_sha256": hashlib.sha256(written.read_bytes()).hexdigest(),
            "file_bytes": written.stat().st_size,
            "labels": [emotion.value for emotion in Emotion],
            "input": {
                "name": _INPUT,
                "width": spec.width,
                "height": spec.height,
                "channels": spec.channels,
                "range": [0, 255],
            },
            "output": {"name": _OUTPUT, "scores": "softmax"},
            "precision": "dynamic int8" if quantize else "float32",
            "agreement_with_torch": {
                "crops": crops,
                "largest_difference_of_a_probability": round(metrics.largest_difference, 6),
                "same_dominant_emotion": metrics.same_answer,
            },
        }


def _quantize(plain: Path, small: Path) -> None:
    log = logging.getLogger()
    log.addFilter(_is_no_advice)  # the quantiser logs advice on the root logger
    try:
        quantize_dynamic(
            plain,
            small,
            op_types_to_quantize=["MatMul", "Gemm"],
            per_channel=True,
            weight_type=QuantType.QInt8,
        )
    finally:
        log.removeFilter(_is_no_advice)


def _is_no_advice(record: logging.LogRecord) -> bool:
    return "pre-processing before quantization" not in record.getMessage()


def _predict_by_torch(network: EmotionNetwork) -> Predict:
    def predict(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            faces = torch.from_numpy(crops).permute(0, 3, 1, 2).float()
            return np.asarray(network(faces).softmax(dim=1).numpy(), dtype=np.float32)

    return predict


def _predict_by_onnx(path: Path) -> Predict:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    inference_session = onnxruntime.InferenceSession(
        path, options, providers=["CPUExecutionProvider"]
    )

    def predict(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        faces = np.ascontiguousarray(crops.transpose(0, 3, 1, 2), dtype=np.float32)
        logits = inference_session.run([_OUTPUT], {_INPUT: faces})[0]
        return softmax(logits)

    return predict


def _metrics(
    form: str,
    predict: Predict,
    crops: NDArray[np.uint8],
    truth: NDArray[np.float32],
    path: Path | None = None,
) -> FormMetrics:
    probabilities = _probabilities(predict, crops)
    return FormMetrics(
        form=form,
        ms_per_face=_ms_per_face(predict, crops),
        largest_difference=float(np.abs(probabilities - truth).max()),
        same_answer=float((probabilities.argmax(axis=1) == truth.argmax(axis=1)).mean()),
        megabytes=path.stat().st_size / 1e6 if path else None,
    )


def _probabilities(predict: Predict, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    # One by one, as in live sessions: dynamic quantisation computes its scale over the whole batch.
    return np.concatenate([predict(crops[number : number + 1]) for number in range(len(crops))])


def _ms_per_face(predict: Predict, crops: NDArray[np.uint8]) -> float:
    times = []
    for _ in range(_TIMED_RUNS):
        began = time.perf_counter()
        predict(crops[:1])
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def _soft_noise(spec: CropSpec) -> NDArray[np.uint8]:
    """Images of noise with large and small patches."""
    rng = np.random.default_rng(0)
    noise = np.zeros((_NOISE_CROPS, spec.height, spec.width, spec.channels))
    for patches in (2, 4, 8, 16):
        coarse = rng.normal(size=(_NOISE_CROPS, patches, patches, spec.channels))
        rows = np.arange(spec.height) * patches // spec.height
        columns = np.arange(spec.width) * patches // spec.width
        noise += coarse[:, rows][:, :, columns]
    return np.clip(noise * 32 + 128, 0, 255).astype(np.uint8)

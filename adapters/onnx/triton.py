"""Writing a network as a model repository for NVIDIA Triton."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np

from adapters.inference.model import MAX_BATCH
from adapters.onnx.classifier import INPUT, OUTPUT, OnnxCropClassifier
from application.errors import InferenceUnavailable

MODEL_NAME = "emotion"

_CONFIG = """\
# {network}, for NVIDIA Triton. It reads {colours} faces of {width} x {height} pixels, 0 to 255, and
# answers logits: their softmax is the probability of each label in labels.txt.
name: "{model}"
backend: "onnxruntime"
max_batch_size: {batch}
input [
  {{
    name: "{faces}"
    data_type: TYPE_FP32
    dims: [ {channels}, {height}, {width} ]
  }}
]
output [
  {{
    name: "{logits}"
    data_type: TYPE_FP32
    dims: [ {labels} ]
    label_filename: "labels.txt"
  }}
]
# Faces of all callers that wait at the same moment are read together. A delay of some hundred
# microseconds makes larger batches and later answers: measure before you set one.
dynamic_batching {{ }}
# One instance on each GPU, or one on the processors where there is no GPU. Raise the count when
# requests queue while the device is idle; KIND_GPU and KIND_CPU choose one of the two.
instance_group [
  {{
    kind: KIND_AUTO
    count: 1
  }}
]
# The first runs of a network are slow, and slowest for the largest batch: run here, before the
# server says that it is ready.
model_warmup [
  {{
    name: "one face"
    batch_size: 1
    inputs {{
      key: "{faces}"
      value {{
        data_type: TYPE_FP32
        dims: [ {channels}, {height}, {width} ]
        random_data: true
      }}
    }}
  }},
  {{
    name: "a full batch"
    batch_size: {batch}
    inputs {{
      key: "{faces}"
      value {{
        data_type: TYPE_FP32
        dims: [ {channels}, {height}, {width} ]
        random_data: true
      }}
    }}
  }}
]
"""


def write_triton_repository(classifier: OnnxCropClassifier, folder: Path) -> tuple[str, str]:
    """Write ``emotion/config.pbtxt``, ``emotion/labels.txt`` and ``emotion/1/model.onnx``.

    Files in their place are replaced.

    Args:
        classifier: the network, which was checked when it was loaded.
        folder: of the repository, for ``tritonserver --model-repository``; created if needed.

    Returns:
        The name of the model in it, and the name and version of the network.

    Raises:
        InferenceUnavailable: the network reads batches of one size only.
        OSError: a file cannot be written.
    """
    card, spec = classifier.card, classifier.crop_spec
    _check_batches(classifier)
    network = " ".join(f"{card.name} {card.version}".split())
    config = _CONFIG.format(
        network=network,
        colours="grey" if spec.channels == 1 else "RGB",
        model=MODEL_NAME,
        batch=MAX_BATCH,
        faces=INPUT,
        logits=OUTPUT,
        channels=spec.channels,
        width=spec.width,
        height=spec.height,
        labels=len(card.labels),
    )
    model = folder / MODEL_NAME
    version = model / "1"
    version.mkdir(parents=True, exist_ok=True)
    # A server that watches the folder must never see a partial file.
    partly = version / "model.onnx.part"
    shutil.copyfile(classifier.path, partly)
    os.replace(partly, version / "model.onnx")
    (model / "labels.txt").write_text("".join(f"{label}\n" for label in card.labels), "utf-8")
    (model / "config.pbtxt").write_text(config, "utf-8")
    return MODEL_NAME, network


def _check_batches(classifier: OnnxCropClassifier) -> None:
    spec = classifier.crop_spec
    try:
        for faces in (1, MAX_BATCH):
            classifier.predict(np.zeros((faces, spec.height, spec.width, spec.channels), np.uint8))
    except Exception as error:  # ONNX Runtime's exceptions have no common base class.
        raise InferenceUnavailable(
            f"{classifier.path.name} does not read batches of 1 and of {MAX_BATCH} faces; "
            "its first dimension has to be open"
        ) from error

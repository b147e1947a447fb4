"""Checkpoints of the transformers library, really loaded and run."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from transformers import (
    AutoImageProcessor,
    AutoModelForImageClassification,
    ConvNextConfig,
    ConvNextForImageClassification,
    ViTModel,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil

from adapters.inference.crops import CropSpec
from adapters.vit.checkpoint import HuggingFaceCheckpoint
from adapters.vit.classifier import VitCropClassifier
from adapters.vit.network import load_network
from application.errors import InferenceUnavailable
from domain.emotion import Emotion
from tests.checkpoints import LABELS, SIDE, id2label, save, sharpen, write_checkpoint

# Largest error by bfloat16 of a probability of the tiny checkpoint, whose weights are scaled up.
ROUGHLY = 0.05


def as_its_authors_run_it(folder: Path, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Probabilities of the checkpoint's own labels, computed as the library documents."""
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    model = AutoModelForImageClassification.from_pretrained(folder)
    inputs = processor(images=[Image.fromarray(crop) for crop in crops], return_tensors="pt")
    with torch.inference_mode():
        return np.asarray(model(**inputs).logits.softmax(dim=1).numpy())


def by_our_network(folder: Path, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    network = load_network(HuggingFaceCheckpoint(model=str(folder)).find())
    with torch.inference_mode():
        faces = torch.from_numpy(crops).permute(0, 3, 1, 2).float()
        return np.asarray(network(faces).softmax(dim=1).numpy())


def test_scores_equal_those_of_the_librarys_documented_pipeline(
    checkpoint: Path, crops: NDArray[np.uint8]
) -> None:
    expected = as_its_authors_run_it(checkpoint, crops)
    expected = expected[:, [LABELS.index(emotion) for emotion in Emotion]]
    assert len(set(expected.argmax(axis=1))) > 1  # the answers differ between images
    np.testing.assert_allclose(by_our_network(checkpoint, crops), expected, atol=1e-5)
    classifier = VitCropClassifier(model=str(checkpoint), device="cpu")
    assert classifier.crop_spec == CropSpec(width=SIDE, height=SIDE, channels=3)
    scores = classifier.predict(crops)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(scores, expected, atol=ROUGHLY)


def test_the_probability_of_contempt_is_shared_and_synonyms_are_added(
    tmp_path: Path, crops: NDArray[np.uint8]
) -> None:
    faces = ("Anger", "Contempt", "Disgust", "Fear", "Happiness", "Calm", "Neutral")
    labels = (*faces, "Sadness", "Surprise")
    folder = write_checkpoint(tmp_path / "nine", labels)
    own = as_its_authors_run_it(folder, crops)
    anger, contempt, disgust, fear, happiness, calm, neutral, sadness, surprise = own.T
    seven = np.stack(
        [happiness, sadness, anger, disgust, fear, surprise, calm + neutral], axis=1
    ) / (1 - contempt[:, None])
    np.testing.assert_allclose(by_our_network(folder, crops), seven, atol=1e-5)


@pytest.mark.parametrize(
    "processor",
    [
        {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]},
        {"do_normalize": False},
        {"do_rescale": False, "do_normalize": False},
    ],
)
def test_its_own_scaling_is_kept(
    tmp_path: Path, crops: NDArray[np.uint8], processor: dict[str, Any]
) -> None:
    folder = write_checkpoint(tmp_path / "scaled", processor=processor)
    expected = as_its_authors_run_it(folder, crops)
    expected = expected[:, [LABELS.index(emotion) for emotion in Emotion]]
    np.testing.assert_allclose(by_our_network(folder, crops), expected, atol=1e-4)


def test_a_checkpoint_that_crops_the_middle_gets_a_larger_crop(tmp_path: Path) -> None:
    config = ConvNextConfig(hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], **id2label(LABELS))
    model = ConvNextForImageClassification(config)
    sharpen(model)
    save(tmp_path, model)
    ConvNextImageProcessorPil(size={"shortest_edge": 56}, crop_pct=0.875).save_pretrained(tmp_path)

    classifier = VitCropClassifier(model=str(tmp_path), device="cpu")
    assert classifier.crop_spec == CropSpec(width=64, height=64, channels=3)
    crops = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    expected = as_its_authors_run_it(tmp_path, crops)
    expected = expected[:, [LABELS.index(emotion) for emotion in Emotion]]
    np.testing.assert_allclose(by_our_network(tmp_path, crops), expected, atol=1e-4)


def rewrite_processor(folder: Path, **told: Any) -> None:
    """Replace the preprocessing of a checkpoint."""
    (folder / "preprocessor_config.json").write_text(json.dumps(told))


@pytest.mark.parametrize(
    "spelling",
    [
        {"image_processor_type": "ViTFeatureExtractor"},
        {"feature_extractor_type": "ViTFeatureExtractor"},
        {
            "image_processor_type": "ViTFeatureExtractor",
            "feature_extractor_type": "ViTFeatureExtractor",
        },
        {"image_processor_type": "ViTImageProcessor"},
    ],
)
def test_the_preprocessing_of_older_checkpoints_is_understood(
    tmp_path: Path, spelling: dict[str, str]
) -> None:
    mean, std = [0.4, 0.45, 0.5], [0.2, 0.25, 0.3]
    folder = write_checkpoint(tmp_path / "older")
    rewrite_processor(
        folder,
        do_normalize=True,
        do_resize=True,
        image_mean=mean,
        image_std=std,
        resample=2,
        size=224,
        **spelling,
    )
    shown = load_network(HuggingFaceCheckpoint(model=str(folder)).find()).preprocessing
    assert (shown.width, shown.height, shown.columns, shown.rows) == (224, 224, 224, 224)
    np.testing.assert_allclose(shown.slope, 1 / (255 * np.array(std)), rtol=1e-5)
    np.testing.assert_allclose(shown.offset, -np.array(mean) / std, rtol=1e-5)


@pytest.mark.parametrize("name", ["CLIPFeatureExtractor", "NobodysFeatureExtractor"])
def test_an_older_processor_name_is_not_confused_with_another(tmp_path: Path, name: str) -> None:
    folder = write_checkpoint(tmp_path / "older")
    rewrite_processor(folder, image_processor_type=name, size=SIDE)
    with pytest.raises(InferenceUnavailable, match=f"asks for {name}, and there is ViTImage"):
        VitCropClassifier(model=str(folder))


def test_an_unknown_processor_is_refused_in_one_sentence(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "unknown")
    rewrite_processor(folder, image_processor_type="NobodysImageProcessor", size=SIDE)
    with pytest.raises(InferenceUnavailable, match="Unrecognized image processor") as refused:
        VitCropClassifier(model=str(folder))
    assert "model_type" not in str(refused.value)
    assert len(str(refused.value)) < 300


def test_preprocessing_that_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    write_checkpoint(tmp_path)
    CLIPImageProcessorPil(
        size={"shortest_edge": 24}, crop_size={"height": SIDE, "width": SIDE}
    ).save_pretrained(tmp_path)  # it adds a black border
    with pytest.raises(InferenceUnavailable, match="prepares images in a way"):
        VitCropClassifier(model=str(tmp_path))


def test_concurrent_calls_use_one_thread_each(checkpoint: Path, crops: NDArray[np.uint8]) -> None:
    classifier = VitCropClassifier(model=str(checkpoint), device="cpu")
    alone = [classifier.predict(crop[None]) for crop in crops]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda crop: classifier.predict(crop[None]), [*crops] * 5))
        assert set(threads.map(lambda _: torch.get_num_threads(), range(4))) == {1}
    np.testing.assert_allclose(together, alone * 5, atol=1e-6)


def test_the_card_names_the_folder_and_a_hash_of_the_weights(
    checkpoint: Path, tmp_path: Path
) -> None:
    card = VitCropClassifier(model=str(checkpoint)).card
    assert card.name == "tiny-vit"  # not the path
    assert card.labels == tuple(Emotion)
    labels = tuple(reversed(LABELS))
    other = write_checkpoint(tmp_path, processor={"image_mean": [0.4] * 3})
    assert VitCropClassifier(model=str(other)).card.version == card.version
    longer = write_checkpoint(tmp_path / "longer", (*labels, "contempt"))
    assert VitCropClassifier(model=str(longer)).card.version != card.version


def test_a_checkpoint_that_was_not_pulled_is_reported_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(InferenceUnavailable, match="emotion-api models pull"):
        VitCropClassifier(model="somebody/never-pulled", cache=tmp_path)


def test_a_name_that_is_neither_folder_nor_id_is_reported() -> None:
    with pytest.raises(InferenceUnavailable, match="neither a folder nor the id"):
        VitCropClassifier(model="/nowhere/at all")


def test_a_folder_without_weights_cannot_be_pulled(tmp_path: Path) -> None:
    write_checkpoint(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(InferenceUnavailable, match=r"has no weights \(.*\)$"):
        VitCropClassifier(model=str(tmp_path))


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    write_checkpoint(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(InferenceUnavailable, match="cannot be loaded"):
        VitCropClassifier(model=str(tmp_path))


def test_a_checkpoint_with_other_labels_is_refused_by_name(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "pets", ("cat", "dog"))
    with pytest.raises(InferenceUnavailable, match="the labels cat, dog cannot be mapped"):
        VitCropClassifier(model=str(folder))


def test_a_network_without_a_classifier_head_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    write_checkpoint(tmp_path)
    save(tmp_path, ViTModel.from_pretrained(checkpoint))
    config = (checkpoint / "config.json").read_text()
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(InferenceUnavailable, match=r"lacks weights: classifier"):
        VitCropClassifier(model=str(tmp_path))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_is_not_silently_replaced(checkpoint: Path) -> None:
    with pytest.raises(InferenceUnavailable, match="no CUDA device"):
        VitCropClassifier(model=str(checkpoint), device="cuda")

"""Finding and downloading a checkpoint: a folder, or a model repository in the local cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi, try_to_load_from_cache
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from adapters.inference.labels import UnknownLabels, outputs_of_emotions
from application.errors import InferenceUnavailable

_HOW_TO_GET_IT = "get it with CLASSIFIER=vit emotion-api models pull"
_CONFIGURATION = ("config.json", "preprocessor_config.json")
# The file names of weights, the preferred format first; large weights are split and have an index.
_WEIGHTS = (
    ("model.safetensors", "model.safetensors.index.json"),
    ("pytorch_model.bin", "pytorch_model.bin.index.json"),
)
_WEIGHTS_ARE = "weights (model.safetensors or pytorch_model.bin)"
_TIMEOUT_S = 20
_MAX_REASON_LENGTH = 200


@dataclass(frozen=True, slots=True)
class CheckpointFiles:
    """A checkpoint on this machine.

    Attributes:
        folder: with ``config.json``, ``preprocessor_config.json`` and the weights.
        name: for people; never a path of this machine.
        version: the repository's commit, or the hash of the weights of a local folder.
        labels: of its outputs in order; they can be mapped to the emotions.
    """

    folder: Path
    name: str
    version: str
    labels: tuple[str, ...]


class HuggingFaceCheckpoint:
    """An image-classification checkpoint, by folder or by id of a model repository.

    Only ``pull`` uses the network.
    """

    def __init__(
        self,
        *,
        model: str,
        revision: str | None = None,
        endpoint: str | None = None,
        cache: Path | None = None,
    ) -> None:
        """Describe the checkpoint.

        Args:
            model: a folder, or an id such as ``owner/name``.
            revision: commit, tag or branch of the repository; None for its main branch.
            endpoint: address of the hub; None for the library's default.
            cache: folder of the local copies; None for the library's default (``HF_HOME``).
        """
        self._model = model
        self._revision = revision
        self._endpoint = endpoint
        self._cache = cache

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder on this machine, so that there is nothing to download."""
        return Path(self._model).is_dir()

    def find(self) -> CheckpointFiles:
        """Find the checkpoint on this machine.

        Raises:
            InferenceUnavailable: it does not exist, or its labels do not name the emotions.
        """
        if self.is_folder:
            folder = Path(self._model)
            return _files(folder, name=folder.resolve().name, version=_hash_of_weights(folder))
        try:
            config = try_to_load_from_cache(
                self._model, "config.json", cache_dir=self._cache, revision=self._revision
            )
        except HFValidationError as error:
            raise InferenceUnavailable(
                f"HUGGINGFACE_MODEL={self._model} is neither a folder nor the id of a model "
                "repository such as dima806/facial_emotions_image_detection"
            ) from error
        if not isinstance(config, str):
            raise InferenceUnavailable(
                f"the checkpoint {self._full_name} is not on this machine; {_HOW_TO_GET_IT}"
            )
        folder = Path(config).parent
        return _files(folder, name=self._model, version=folder.name, remedy=f"; {_HOW_TO_GET_IT}")

    def pull(self) -> CheckpointFiles:
        """Download missing files, showing progress on standard error.

        Only the files that a classifier needs are downloaded: configuration and weights, preferably
        as safetensors.

        Raises:
            InferenceUnavailable: the hub cannot be reached, or the checkpoint does not exist or
                lacks what a classifier needs; nothing is downloaded then.
        """
        if self.is_folder:
            return self.find()
        try:
            hub = HfApi(endpoint=self._endpoint)
            facts = hub.model_info(self._model, revision=self._revision, timeout=_TIMEOUT_S)
            files = [file.rfilename for file in facts.siblings or ()]
            if lacking := _missing_files(files):
                raise self._not_pulled(f"the repository has no {' and no '.join(lacking)}")
            hub.snapshot_download(
                self._model,
                revision=self._revision,
                allow_patterns=_needed_files(files),
                cache_dir=self._cache,
            )
        except InferenceUnavailable:
            raise
        except GatedRepoError as error:
            reason = "its owner requires an agreement; accept it there and set HF_TOKEN"
            raise self._not_pulled(reason) from error
        except RevisionNotFoundError as error:
            raise self._not_pulled("the repository has no such revision") from error
        except RepositoryNotFoundError as error:
            raise self._not_pulled("there is no such repository, or it is private") from error
        except HFValidationError as error:
            raise self._not_pulled("that is not the id of a model repository") from error
        except HfHubHTTPError as error:
            reason = f"the hub answers {error.response.status_code}"
            raise self._not_pulled(reason) from error
        except Exception as error:  # The HTTP library's exceptions have no common base class.
            reason = f"the hub cannot be reached, or stopped answering ({in_short(error)})"
            raise self._not_pulled(reason) from error
        return self.find()

    @property
    def _full_name(self) -> str:
        return self._model if self._revision is None else f"{self._model} ({self._revision})"

    def _not_pulled(self, reason: str) -> InferenceUnavailable:
        return InferenceUnavailable(f"{self._full_name} cannot be downloaded: {reason}")


def _missing_files(files: Sequence[str]) -> list[str]:
    """What is missing in a repository with these files, for the message."""
    lacking = [name for name in _CONFIGURATION if name not in files]
    if not any(name in files for form in _WEIGHTS for name in form):
        lacking.append(_WEIGHTS_ARE)
    return lacking


def _needed_files(files: Sequence[str]) -> list[str]:
    form = next(form for form in _WEIGHTS if any(name in files for name in form))
    stem, _, ending = form[0].partition(".")
    weights = [
        name
        for name in files
        if name.startswith((form[0], f"{stem}-")) and f".{ending}" in name and "/" not in name
    ]
    return [*_CONFIGURATION, *weights]


def _weights(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*.safetensors"), *folder.glob("pytorch_model*.bin")])


def _files(folder: Path, *, name: str, version: str, remedy: str = "") -> CheckpointFiles:
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        id2label = {int(key): str(label) for key, label in config.get("id2label", {}).items()}
    except (OSError, ValueError, AttributeError) as error:
        raise InferenceUnavailable(f"the checkpoint {name} has no readable config.json") from error
    if not _weights(folder):
        raise InferenceUnavailable(f"the checkpoint {name} has no {_WEIGHTS_ARE}{remedy}")
    if sorted(id2label) != list(range(len(id2label))):
        raise InferenceUnavailable(f"the checkpoint {name} numbers its labels with gaps")
    labels = tuple(id2label[number] for number in sorted(id2label))
    try:
        outputs_of_emotions(labels)
    except UnknownLabels as error:
        raise InferenceUnavailable(f"the checkpoint {name} cannot be used: {error}") from error
    return CheckpointFiles(folder=folder, name=name, version=version, labels=labels)


def _hash_of_weights(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in _weights(folder):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return f"sha256:{digest.hexdigest()[:16]}"


def in_short(error: Exception) -> str:
    """The first sentence of an error, shortened if it is long."""
    first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
    sentence = first_line.split(". ")[0]
    return sentence if len(sentence) <= _MAX_REASON_LENGTH else f"{sentence[:_MAX_REASON_LENGTH]}…"

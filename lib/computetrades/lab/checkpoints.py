"""The lab's trained models in data/models/,
written by train.py and described in data/facts/lab/lab-models.yaml."""
from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from .. import used
from ..data import data_dir, nearest
from ..model.config import ModelConfig
from ..model.transformer import Transformer
from ..tokenizers.bpe import Tokenizer

SUMS, TOKENS, HELD_OUT, CURVES = "SHA256SUMS", "tokens.txt", "held-out.txt", "losses.csv"


class WeightsError(ValueError):
    """A stored file that cannot be used; says which, what is wrong, and what to do."""


def load(name: str) -> tuple[Transformer, Tokenizer]:
    """'tiny' or its 'draft': the model, in float32 and ready to evaluate,
    and the tokenizer that the two share."""
    return model_from(stored(f"{name}.safetensors")), load_tokenizer()


def load_tokenizer() -> Tokenizer:
    return Tokenizer.load(stored(TOKENS))


def held_out() -> str:
    """The text that the models never saw: the held-out files of corpus.py, one after the other."""
    return stored(HELD_OUT).read_text(encoding="utf-8")


def stored(name: str) -> Path:
    """The path of a file of data/models/ whose bytes are as they were written; WeightsError otherwise."""
    directory = folder()
    sums = dict(reversed(line.split("  ")) for line in (directory / SUMS).read_text().splitlines())
    if name not in sums:
        raise WeightsError(f"data/models has no {name!r}{nearest(name, sums)}")
    path = directory / name
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "none"
    if digest != sums[name]:
        raise WeightsError(f"data/models/{name} has SHA-256 {digest}, {SUMS} says {sums[name]}; "
                           "fetch the file again or retrain")
    return path


def seal():
    """Write the checksums of everything in data/models/, in the format of sha256sum."""
    names = sorted(path.name for path in folder().iterdir() if path.name != SUMS)
    digests = [hashlib.sha256((folder() / name).read_bytes()).hexdigest() for name in names]
    lines = (f"{digest}  {name}\n" for digest, name in zip(digests, names, strict=True))
    (folder() / SUMS).write_text("".join(lines))


def folder() -> Path:
    return data_dir() / "models"


def save(path: Path, model: Transformer):
    """In float16, which keeps three digits of every weight,
    with the fields of the configuration that are not the default."""
    config = {f.name: getattr(model.config, f.name)
              for f in fields(ModelConfig) if getattr(model.config, f.name) != f.default}
    save_file({name: tensor.half().contiguous() for name, tensor in model.state_dict().items()}, path,
              metadata={"config": json.dumps(config)})


def model_from(path: Path) -> Transformer:
    """WeightsError names the tensor that is missing, superfluous, of another shape, or not finite."""
    try:
        with safe_open(used.file(path), framework="pt") as file:
            model = Transformer(ModelConfig(**json.loads(file.metadata()["config"])))
        tensors = {name: tensor.float() for name, tensor in load_file(path).items()}
    except SafetensorError as error:
        raise WeightsError(f"{path.name} is no safetensors file ({error}); "
                           "fetch the file again or retrain") from None
    wanted = model.state_dict()
    for name in wanted.keys() ^ tensors.keys():
        raise WeightsError(f"{path.name}: tensor {name!r} is "
                           + ("missing" if name in wanted else "not part of the model"))
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape:
            raise WeightsError(f"{path.name}: tensor {name!r} is {list(tensor.shape)}, "
                               f"the model's is {list(wanted[name].shape)}")
        if not tensor.isfinite().all():
            raise WeightsError(f"{path.name}: tensor {name!r} holds values that are not finite numbers")
    model.load_state_dict(tensors)
    return model.eval()

"""Small random models in the hub's layout, written by transformers and tokenizers themselves."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Regex, decoders, models, pre_tokenizers, processors
from tokenizers import Tokenizer as Library
from transformers import (
    CLIPConfig,
    CLIPModel,
    GemmaConfig,
    PaliGemmaConfig,
    PaliGemmaForConditionalGeneration,
    PreTrainedModel,
    SiglipConfig,
    SiglipModel,
    SiglipVisionConfig,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from clipbook.text import CLIPTokenizer

SIZE = 32
TOWER = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24
}  # fmt: skip
LIGHT = {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.6, 0.7, 0.8]}  # like no published model's
PICTURE = {"image_size": SIZE, "patch_size": 8}
MERGES = [(66, 66 + 256), (64, 64 + 256)]
PIECES = ["</s>", "<unk>", "▁", "▁a", "▁red", "▁circle", "▁s", "tar", "s", "r", "e", "d", "t", "x"]


def moved(model: PreTrainedModel) -> PreTrainedModel:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.15 * torch.randn_like(parameter))
    return model.eval()


def clip_tokenizer() -> CLIPTokenizer:
    return CLIPTokenizer(MERGES, context_length=12)


@cache
def clip_model() -> CLIPModel:
    torch.manual_seed(0)
    tokenizer = clip_tokenizer()
    text = TOWER | {
        "vocab_size": tokenizer.vocab_size,
        "max_position_embeddings": tokenizer.context_length,
        "bos_token_id": tokenizer.start_id,
        "eos_token_id": tokenizer.end_id,
    }
    config = CLIPConfig(text_config=text, vision_config=TOWER | PICTURE, projection_dim=20)
    return moved(CLIPModel(config))


def piece_tokenizer() -> Library:
    """One that lower-cases nothing, so that this has to be done before."""
    library = Library(models.Unigram([(piece, -float(k)) for k, piece in enumerate(PIECES)], 1))
    library.pre_tokenizer = pre_tokenizers.Metaspace()
    library.decoder = decoders.Metaspace()
    library.add_special_tokens(["</s>"])
    library.post_processor = processors.TemplateProcessing("$A </s>", None, [("</s>", 0)])
    library.enable_padding(length=99)  # which files may hold, and which is not wanted
    library.enable_truncation(3)
    return library


@cache
def siglip_model() -> SiglipModel:
    torch.manual_seed(0)
    text = TOWER | {
        "vocab_size": len(PIECES), "max_position_embeddings": 10, "projection_size": 16
    }  # fmt: skip
    return moved(SiglipModel(SiglipConfig(text_config=text, vision_config=TOWER | PICTURE)))


def gemma_tokenizer() -> Library:
    """A few whole words behind the special tokens and 1,024 locations, as text of its own."""
    words = ["<pad>", "<eos>", "<bos>", "\n", " ", "caption", "en", "detect", "red", "cat"]
    words += [f"<loc{k:04d}>" for k in range(1024)]
    library = Library(models.WordLevel({word: k for k, word in enumerate(words)}, "<pad>"))
    library.pre_tokenizer = pre_tokenizers.Split(Regex(r"\s"), "isolated")
    library.decoder = decoders.Fuse()
    library.add_special_tokens(words[:3])
    library.add_tokens(words[10:])
    library.enable_padding(length=99)
    return library


@cache
def paligemma_model() -> PaliGemmaForConditionalGeneration:
    torch.manual_seed(0)
    size = gemma_tokenizer().get_vocab_size()
    text = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "head_dim": 8}
    text |= {"intermediate_size": 24, "num_key_value_heads": 1}
    config = PaliGemmaConfig(
        vision_config=SiglipVisionConfig(**TOWER, **PICTURE, vision_use_head=False),
        text_config=GemmaConfig(vocab_size=size + 1, **text),
        image_token_index=size,
        projection_dim=16,
        hidden_size=16,
        vocab_size=size + 1,
    )
    return moved(PaliGemmaForConditionalGeneration(config))


@cache
def paligemma_files(shards: bool = True) -> dict[str, bytes]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        paligemma_model().save_pretrained(folder, max_shard_size="40KB" if shards else "1GB")
        SiglipImageProcessorPil(size={"height": SIZE, "width": SIZE}, **LIGHT).save_pretrained(
            folder
        )
        gemma_tokenizer().save(str(folder / "tokenizer.json"))
        return files_of(folder)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@cache
def clip_files() -> dict[str, bytes]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        clip_model().save_pretrained(folder)
        weights = load_file(folder / "model.safetensors")
        weights["text_model.embeddings.position_ids"] = torch.arange(12)[None]  # as old files have
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
        CLIPImageProcessorPil(
            size={"shortest_edge": SIZE}, crop_size={"height": SIZE, "width": SIZE}, **LIGHT
        ).save_pretrained(folder)
        clip_tokenizer().save(folder / "merges.txt")
        return files_of(folder)


@cache
def siglip_files() -> dict[str, bytes]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        siglip_model().save_pretrained(folder)
        SiglipImageProcessorPil(size={"height": SIZE, "width": SIZE}, **LIGHT).save_pretrained(
            folder
        )
        piece_tokenizer().save(str(folder / "tokenizer.json"))
        return files_of(folder)


def write(files: dict[str, bytes], folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder

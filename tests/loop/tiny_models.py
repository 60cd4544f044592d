"""Models of a few thousand weights, written to folders as the real ones are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[ENC]", "[DEC]"]
PLAIN = "a bold faint picture of circle square line red blue green on with and the"
WORDS = [*SPECIAL, *PLAIN.split(" ")]
SIDE = 32


def bert_words(folder: Path) -> Any:
    """A tokenizer that knows every word of `WORDS`."""
    from transformers import BertTokenizerFast

    vocabulary = {word: number for number, word in enumerate(WORDS)}
    words = BertTokenizerFast(vocab=vocabulary, model_max_length=24)
    assert len(words) == len(vocabulary)
    words.save_pretrained(folder)
    return words


def write_bert(folder: Path) -> None:
    from transformers import BertConfig, BertModel

    bert_words(folder)
    BertModel(
        BertConfig(
            vocab_size=len(WORDS),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            max_position_embeddings=24,
        )
    ).save_pretrained(folder)


def write_dino(folder: Path) -> None:
    from transformers import BitImageProcessor, Dinov2Config, Dinov2Model

    Dinov2Model(
        Dinov2Config(
            image_size=28, patch_size=14, hidden_size=16, num_hidden_layers=1, num_attention_heads=2
        )
    ).save_pretrained(folder)
    BitImageProcessor(
        size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}
    ).save_pretrained(folder)


def write_blip(folder: Path) -> None:
    from transformers import (
        BlipConfig,
        BlipForConditionalGeneration,
        BlipImageProcessor,
        BlipProcessor,
        BlipTextConfig,
        BlipVisionConfig,
    )

    words = bert_words(folder)
    text = BlipTextConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        encoder_hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        projection_dim=8,
        max_position_embeddings=24,
        bos_token_id=6,
        sep_token_id=3,
        eos_token_id=3,
        pad_token_id=0,
    )
    vision = BlipVisionConfig(
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=SIDE,
        patch_size=16,
        projection_dim=8,
    )
    config = BlipConfig(
        text_config=text.to_dict(),
        vision_config=vision.to_dict(),
        projection_dim=8,
        image_text_hidden_size=8,
    )
    BlipForConditionalGeneration(config).save_pretrained(folder)
    BlipProcessor(BlipImageProcessor(size={"height": SIDE, "width": SIDE}), words).save_pretrained(
        folder
    )


def write_blip2(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        Blip2Config,
        Blip2ForConditionalGeneration,
        Blip2Processor,
        Blip2QFormerConfig,
        Blip2VisionConfig,
        BlipImageProcessor,
        OPTConfig,
        PreTrainedTokenizerFast,
    )

    pieces = ["<pad>", "<s>", "</s>", "<unk>", "<image>", *PLAIN.split(" ")]
    known = Tokenizer(models.WordLevel({p: i for i, p in enumerate(pieces)}, unk_token="<unk>"))
    known.pre_tokenizer = pre_tokenizers.Whitespace()
    words = PreTrainedTokenizerFast(
        tokenizer_object=known,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        extra_special_tokens={"image_token": "<image>"},
    )
    assert len(words) == len(pieces)
    vision = Blip2VisionConfig(
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=SIDE,
        patch_size=16,
    )
    former = Blip2QFormerConfig(
        vocab_size=len(pieces),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        encoder_hidden_size=16,
        cross_attention_frequency=1,
    )
    text = OPTConfig(
        vocab_size=len(pieces),
        hidden_size=16,
        num_hidden_layers=1,
        ffn_dim=16,
        num_attention_heads=2,
        max_position_embeddings=64,
        word_embed_proj_dim=16,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    config = Blip2Config(
        vision_config=vision.to_dict(),
        qformer_config=former.to_dict(),
        text_config=text.to_dict(),
        num_query_tokens=2,
        image_token_index=4,
    )
    Blip2ForConditionalGeneration(config).save_pretrained(folder)
    looks = BlipImageProcessor(size={"height": SIDE, "width": SIDE})
    Blip2Processor(looks, words, num_query_tokens=2).save_pretrained(folder)


def write_diffusion(folder: Path) -> None:
    from diffusers import (
        AutoencoderKL,
        DDIMScheduler,
        StableDiffusionPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    letters = sorted({letter for word in WORDS for letter in word.lower()})
    pieces = [*letters, *(f"{letter}</w>" for letter in letters)]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    source = folder / "words"
    source.mkdir()
    (source / "vocab.json").write_text(json.dumps({piece: i for i, piece in enumerate(pieces)}))
    (source / "merges.txt").write_text("#version: 0.2\n")
    words = CLIPTokenizer(
        str(source / "vocab.json"), str(source / "merges.txt"), model_max_length=77
    )
    for path in source.iterdir():
        path.unlink()
    source.rmdir()
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(pieces),
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=77,
            projection_dim=8,
            bos_token_id=len(pieces) - 2,
            eos_token_id=len(pieces) - 1,
            pad_token_id=len(pieces) - 1,
        )
    )
    unet = UNet2DConditionModel(
        sample_size=SIDE // 2,
        in_channels=4,
        out_channels=4,
        layers_per_block=1,
        block_out_channels=(8, 16),
        norm_num_groups=4,
        cross_attention_dim=16,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=4,
    )
    vae = AutoencoderKL(
        block_out_channels=(8, 8),
        norm_num_groups=4,
        latent_channels=4,
        down_block_types=("DownEncoderBlock2D", "DownEncoderBlock2D"),
        up_block_types=("UpDecoderBlock2D", "UpDecoderBlock2D"),
        sample_size=SIDE,
    )
    StableDiffusionPipeline(
        vae=vae,
        text_encoder=text,
        tokenizer=words,
        unet=unet,
        scheduler=DDIMScheduler(steps_offset=1, clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)

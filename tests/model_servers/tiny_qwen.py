"""A Qwen2.5-VL of 1 MB, made from nothing, that the real mlx_vlm.server loads.

Its weights are set by hand on top of small random ones: it answers YES when the picture is redder than blue, else NO,
and its log-probabilities move smoothly with the colour. Asked for a "bbox_2d" it answers one box, always the same.

    python tests/model_servers/tiny_qwen.py FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

SPECIAL = [
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>"),
    *("<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>"),
    *("<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"),
]
# Qwen2.5-VL's own template, without tools.
CHAT = (
    "{% for message in messages %}"
    "{% if loop.first and message['role'] != 'system' %}"
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
    "<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}<|im_end|>\n"
    "{% else %}{% for content in message['content'] %}"
    "{% if content['type'] == 'image' or 'image' in content or 'image_url' in content %}"
    "<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif 'text' in content %}{{ content['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
HIDDEN, VISION_HIDDEN = 64, 32
BOX = '[{"bbox_2d": [28, 28, 280, 280], "label": "it"}]'


def make(folder: Path) -> Path:
    """Write the checkpoint."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = _tokenizer(folder)
    config = _config(ids)
    (folder / "config.json").write_text(json.dumps(config))
    ends = [ids["<|im_end|>"], ids["<|endoftext|>"]]
    generation = {"bos_token_id": ends[1], "eos_token_id": ends, "pad_token_id": ends[1], "do_sample": False}
    (folder / "generation_config.json").write_text(json.dumps(generation))
    (folder / "preprocessor_config.json").write_text(json.dumps(_preprocessor()))
    _weights(folder, config, ids)
    return folder


def _tokenizer(folder: Path) -> dict[str, int]:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    words = ["YES", "NO"] * 50 + [
        "You are a helpful assistant. Does this image show it? Answer YES or NO. system user"
    ] * 5
    words += ["bbox"] * 50
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(words, trainer)
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.add_tokens([BOX])  # a whole answer in one token
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=SPECIAL,
        chat_template=CHAT,
        model_max_length=32768,
        clean_up_tokenization_spaces=False,
    )
    fast.save_pretrained(folder)
    return {name: tokenizer.token_to_id(name) for name in [*SPECIAL, "YES", "NO", "bbox", BOX]} | {"size": len(fast)}


def _config(ids: dict[str, int]) -> dict[str, Any]:
    return {
        "architectures": ["Qwen2_5_VLForConditionalGeneration"],
        "model_type": "qwen2_5_vl",
        "hidden_size": HIDDEN,
        "num_hidden_layers": 2,
        "intermediate_size": 128,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "vocab_size": (ids["size"] + 31) // 32 * 32,
        "max_position_embeddings": 32768,
        "rope_theta": 1000000.0,
        "rope_scaling": {"type": "mrope", "mrope_section": [4, 6, 6]},  # sums to half a head
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        "use_sliding_window": False,
        "bos_token_id": ids["<|endoftext|>"],
        "eos_token_id": ids["<|im_end|>"],
        "pad_token_id": ids["<|endoftext|>"],
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
        "vision_token_id": ids["<|vision_pad|>"],
        "vision_config": {
            "model_type": "qwen2_5_vl",
            "depth": 2,
            "hidden_size": VISION_HIDDEN,
            "intermediate_size": 64,
            "out_hidden_size": HIDDEN,
            "num_heads": 2,
            "patch_size": 14,
            "spatial_patch_size": 14,
            "spatial_merge_size": 2,
            "in_chans": 3,
            "in_channels": 3,
            "temporal_patch_size": 2,
            "tokens_per_second": 2,
            "window_size": 112,
            "fullatt_block_indexes": [1],
            "hidden_act": "silu",
        },
    }


def _preprocessor() -> dict[str, Any]:
    return {
        "image_processor_type": "Qwen2VLImageProcessor",
        "processor_class": "Qwen2_5_VLProcessor",
        "min_pixels": 3136,
        "max_pixels": 50176,  # 224 × 224: a CPU answers in a tenth of a second
        "patch_size": 14,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "do_convert_rgb": True,
    }


def _weights(folder: Path, config: dict[str, Any], ids: dict[str, int]) -> None:
    import mlx.core as mx
    from mlx.utils import tree_flatten
    from mlx_vlm.models.qwen2_5_vl import Model, ModelConfig, TextConfig, VisionConfig

    read = ModelConfig.from_dict(json.loads(json.dumps(config)))
    read.text_config = TextConfig.from_dict(read.text_config)
    read.vision_config = VisionConfig.from_dict(read.vision_config)
    chance = np.random.default_rng(0)
    weights: dict[str, np.ndarray] = {}
    for name, value in tree_flatten(Model(read).parameters()):
        if "norm" in name or "ln_q" in name:
            made = np.ones(value.shape)
        elif name.endswith("bias"):
            made = np.zeros(value.shape)
        else:
            made = chance.normal(0, 0.02, value.shape)
        weights[name] = made.astype(np.float32)
    _see_colours(weights)
    _say_yes_or_no(weights, ids)
    _say_where(weights, ids)
    mx.save_safetensors(
        str(folder / "model.safetensors"),
        {name: mx.array(value) for name, value in weights.items()},
        metadata={"format": "mlx"},
    )


def _see_colours(weights: dict[str, np.ndarray]) -> None:
    """The vision tower: channel 0 of a patch is mean red minus mean blue, channel 1 is constant."""
    patches = weights["vision_tower.patch_embed.proj.weight"]  # MLX's layout: out, time, height, width, in
    patches[0] = 0
    patches[0, ..., 0] = 1 / patches[0, ..., 0].size
    patches[0, ..., 2] = -1 / patches[0, ..., 2].size
    patches[1] = 0
    weights["vision_tower.blocks.0.mlp.down_proj.bias"][1] = 1.0
    first, second = weights["vision_tower.merger.mlp.0.weight"], weights["vision_tower.merger.mlp.2.weight"]
    first[:2] = 0
    for patch in range(4):
        first[0, patch * VISION_HIDDEN] = 0.25
        first[1, patch * VISION_HIDDEN] = -0.25
    second[[0, 2]] = 0
    second[2, 0] = 1
    second[2, 1] = -1  # gelu(x) - gelu(-x) is x
    weights["vision_tower.merger.mlp.2.bias"][0] = 1.0


def _say_yes_or_no(weights: dict[str, np.ndarray], ids: dict[str, int]) -> None:
    """The language model: dimension 0 constant, 1 "has answered", 2 colour of a patch, 3 colour of the picture."""
    layers = "language_model.model.layers."
    embedding = weights["language_model.model.embed_tokens.weight"]
    embedding[:, 0] = 1
    embedding[:, 1:4] = 0
    embedding[[ids["YES"], ids["NO"]], 1] = 4
    for name in ("q_proj", "k_proj", "v_proj", "o_proj"):  # attention that looks everywhere alike
        weights[f"{layers}0.self_attn.{name}.weight"][:] = 0
    weights[f"{layers}0.self_attn.v_proj.weight"][0, 2] = 0.2
    weights[f"{layers}0.self_attn.o_proj.weight"][3, 0] = 0.4
    for layer in ("0", "1"):
        weights[f"{layers}{layer}.mlp.down_proj.weight"][:4] = 0
    weights[f"{layers}1.self_attn.o_proj.weight"][:4] = 0
    head = weights["language_model.lm_head.weight"]
    head[:, :4] = 0
    head[ids["YES"], 0] = head[ids["NO"], 0] = 1.5
    head[ids["YES"], 3] = 0.6
    head[ids["NO"], 3] = -0.6
    head[ids["<|im_end|>"], 1] = 3.0


def _say_where(weights: dict[str, np.ndarray], ids: dict[str, int]) -> None:
    """Dimension 4: this word is "bbox"; 5: it stands somewhere in the question, and then the box is the answer."""
    embedding = weights["language_model.model.embed_tokens.weight"]
    embedding[:, 4:6] = 0
    embedding[ids["bbox"], 4] = 20
    embedding[ids[BOX], 1] = 4
    weights["vision_tower.merger.mlp.2.weight"][4:6] = 0
    layers = "language_model.model.layers."
    weights[f"{layers}0.self_attn.v_proj.weight"][1, 4] = 1
    weights[f"{layers}0.self_attn.o_proj.weight"][5, 1] = 10
    for layer in ("0", "1"):
        weights[f"{layers}{layer}.mlp.down_proj.weight"][4:6] = 0
    weights[f"{layers}1.self_attn.o_proj.weight"][4:6] = 0
    head = weights["language_model.lm_head.weight"]
    head[:, 4:6] = 0
    head[ids[BOX], :4] = 0
    head[ids[BOX], 5] = 40
    head[ids["<|im_end|>"], 1] = 30


if __name__ == "__main__":
    print(make(Path(sys.argv[1])))

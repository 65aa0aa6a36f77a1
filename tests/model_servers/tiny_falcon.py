"""A Falcon Perception of 2 MB, made from nothing, that the real mlx_vlm loads. Boxes only, no masks.

Its weights are random but for a state machine: it emits a position, a size, a position, … until its tokens are used up.

    python tests/model_servers/tiny_falcon.py FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

# The token ids of the released model; its code has some of them built in.
IDS = {
    "<|end_of_text|>": 11,
    "<|image|>": 227,
    "<|end_of_image|>": 230,
    "<|coord|>": 240,
    "<|size|>": 241,
    "<|image_cls|>": 244,
    "<|image_reg_1|>": 245,
    "<|image_reg_2|>": 246,
    "<|image_reg_3|>": 247,
    "<|image_reg_4|>": 248,
    "<|seg|>": 262,
    "<|start_of_query|>": 263,
    "<|REF_SEG|>": 264,
    "<|pad|>": 265,
}
VOCABULARY = 512
CHAT = "{% for m in messages %}{{ m['content'] if m['content'] is string else m['content'][-1]['text'] }}{% endfor %}"
CONFIG: dict[str, Any] = {
    "architectures": ["FalconPerceptionForSegmentation"],
    "model_type": "falcon_perception",
    "torch_dtype": "float32",
    "dim": 64,
    "n_layers": 2,
    "n_heads": 2,
    "head_dim": 32,
    "n_kv_heads": 1,
    "vocab_size": VOCABULARY,
    "ffn_dim": 128,
    "norm_eps": 1e-5,
    "max_seq_len": 8192,
    "rope_theta": 10000,
    "channel_size": 3,
    "spatial_patch_size": 16,
    "temporal_patch_size": 1,
    "coord_enc_dim": 32,
    "coord_dec_dim": 64,
    "coord_out_dim": 2048,
    "size_enc_dim": 32,
    "size_dec_dim": 64,
    "size_out_dim": 2048,
    "do_segmentation": False,
    "perception_heads": True,
    "segm_out_dim": 32,
    "num_segm_layers": 3,
    "img_id": 227,
    "eos_id": 11,
    "eos_token_id": [11],
    "img_end_id": 230,
    "image_cls_token_id": 244,
    "image_reg_1_token_id": 245,
    "image_reg_2_token_id": 246,
    "image_reg_3_token_id": 247,
    "image_reg_4_token_id": 248,
    "coord_token_id": 240,
    "size_token_id": 241,
    "seg_token_id": 262,
}


def make(folder: Path) -> Path:
    """Write the checkpoint."""
    folder.mkdir(parents=True, exist_ok=True)
    _tokenizer(folder)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    _weights(folder)
    return folder


def _tokenizer(folder: Path) -> None:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    names = {number: name for name, number in IDS.items()}
    letters = iter(sorted(pre_tokenizers.ByteLevel.alphabet()))
    words = {names.get(i) or next(letters, f"<|unused_{i}|>"): i for i in range(VOCABULARY)}
    tokenizer = Tokenizer(models.BPE(vocab=words, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in IDS])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|end_of_text|>",
        pad_token="<|pad|>",
        chat_template=CHAT,
        additional_special_tokens=list(IDS),
        model_max_length=8192,
    ).save_pretrained(folder)


def _weights(folder: Path) -> None:
    import mlx.core as mx
    from mlx.utils import tree_flatten
    from mlx_vlm.models.falcon_perception import Model, ModelConfig

    chance = np.random.default_rng(0)
    weights: dict[str, np.ndarray] = {}
    for name, value in tree_flatten(Model(ModelConfig.from_dict(json.loads(json.dumps(CONFIG)))).parameters()):
        if "norm" in name and name.endswith("weight"):
            made = np.ones(value.shape)
        elif name.endswith("bias") or "sinks" in name:
            made = np.zeros(value.shape)
        elif any(part in name for part in ("embed_tokens", "img_projector", "coord", "size")):
            made = chance.normal(0, 0.3, value.shape)
        elif "freqs_cis_golden" in name:
            made = chance.normal(0, 1, value.shape)
        else:
            made = chance.normal(0, 0.05, value.shape)
        weights[name] = made.astype(np.float32)
    _draw_boxes(weights, chance)
    saved = {name: mx.array(np.ascontiguousarray(value)) for name, value in _released_layout(weights).items()}
    mx.save_safetensors(str(folder / "model.safetensors"), saved, metadata={"format": "pt"})


def _draw_boxes(weights: dict[str, np.ndarray], chance: np.random.Generator) -> None:
    """The first dimensions of an embedding say which token it is; the head reads them and gives the next one."""
    follows = {IDS["<|REF_SEG|>"]: IDS["<|coord|>"], IDS["<|coord|>"]: IDS["<|size|>"]}
    follows[IDS["<|size|>"]] = IDS["<|coord|>"]
    states = list(follows)
    embedding, head = weights["language_model.model.embed_tokens.weight"], weights["language_model.lm_head.weight"]
    embedding[:, :8] = 0
    head[:] = chance.normal(0, 0.01, head.shape)
    head[:, :8] = 0
    for state, token in enumerate(states):
        embedding[token, state] = 20.0
        head[follows[token], state] = 4.0
    # The embeddings of positions and sizes come from encoders: those get a constant direction too.
    for encoder, token in (("coord_encoder", "<|coord|>"), ("size_encoder", "<|size|>")):
        weights[f"{encoder}.transform.weight"][:8] = 0
        weights[f"{encoder}.embed.weight"][0] = 0
        weights[f"{encoder}.transform.weight"][states.index(IDS[token]), 0] = 20.0  # feature 0 is cos(0)
    weights["language_model.model.img_projector.weight"][:8] = 0
    for layer in range(CONFIG["n_layers"]):
        weights[f"language_model.model.layers.{layer}.self_attn.wo.weight"][:8] = 0
        weights[f"language_model.model.layers.{layer}.mlp.w2.weight"][:8] = 0


def _released_layout(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Names and layouts of the published checkpoint: mlx-vlm's reader takes no other."""
    renamed = (
        ("language_model.model.embed_tokens.", "tok_embeddings."),
        ("language_model.model.freqs_cis_golden", "freqs_cis_golden"),
        ("language_model.lm_head.", "output."),
        ("language_model.model.", ""),
        (".self_attn.", ".attention."),
        (".mlp.", ".feed_forward."),
    )
    released: dict[str, np.ndarray] = {}
    for name, value in weights.items():
        if name.endswith(("cos_1d", "sin_1d")):
            continue
        for ours, theirs in renamed:
            name = name.replace(ours, theirs)
        if ".w13." in name:  # gate and up are interleaved row by row
            half = value.shape[0] // 2
            mixed = np.empty_like(value)
            mixed[0::2], mixed[1::2] = value[:half], value[half:]
            value = mixed
        released[name] = value
    return released


if __name__ == "__main__":
    print(make(Path(sys.argv[1])))

"""Shapes of the pocket checkpoint: a CLIP vision tower, a two-layer projector, a Llama decoder.

One place for every number that training, export and the benchmark sets must agree on.
"""

from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig

PAD, BOS, EOS, IMAGE = 0, 1, 2, 3
SPECIAL_TOKENS = ["<pad>", "<s>", "</s>", "<image>"]
IMAGE_SIZE = 96
PATCH_SIZE = 12
IMAGE_TOKENS = (IMAGE_SIZE // PATCH_SIZE) ** 2
HEAD_DIM = 48


def vision_config() -> CLIPVisionConfig:
    """64 patches + CLS, width 160: about 2.0M parameters."""
    return CLIPVisionConfig(
        image_size=IMAGE_SIZE,
        patch_size=PATCH_SIZE,
        hidden_size=160,
        intermediate_size=640,
        num_hidden_layers=6,
        num_attention_heads=5,
        hidden_act="quick_gelu",
    )


def text_config(vocab_size: int) -> LlamaConfig:
    """5 layers, width 192, 4 heads: about 1.9M parameters and the (tied) embedding. Biases: see recall.py."""
    return LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=192,
        intermediate_size=384,
        num_hidden_layers=5,
        num_attention_heads=4,
        num_key_value_heads=4,
        head_dim=HEAD_DIM,
        attention_bias=True,
        max_position_embeddings=2048,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        pad_token_id=PAD,
        bos_token_id=BOS,
        eos_token_id=EOS,
    )


def llava_config(vocab_size: int) -> LlavaConfig:
    return LlavaConfig(
        vision_config=vision_config(),
        text_config=text_config(vocab_size),
        image_token_id=IMAGE,
        image_seq_length=IMAGE_TOKENS,
        projector_hidden_act="gelu",
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
        tie_word_embeddings=True,
        pad_token_id=PAD,
        bos_token_id=BOS,
        eos_token_id=EOS,
    )

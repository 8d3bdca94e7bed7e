"""What both encoders are made of: attention, the block around it, and pooling."""

from clipbook.transformer.attention import MultiHeadAttention, allowed_keys
from clipbook.transformer.block import Block, run_blocks
from clipbook.transformer.pooling import pool

__all__ = ["Block", "MultiHeadAttention", "allowed_keys", "pool", "run_blocks"]

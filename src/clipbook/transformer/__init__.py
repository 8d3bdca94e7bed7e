"""What both encoders are made of: attention, the block around it, their stack, and pooling."""

from clipbook.transformer.attention import MultiHeadAttention, allowed_keys
from clipbook.transformer.block import Block
from clipbook.transformer.pooling import AttentionPooling, pool
from clipbook.transformer.stack import Stack

__all__ = ["AttentionPooling", "Block", "MultiHeadAttention", "Stack", "allowed_keys", "pool"]

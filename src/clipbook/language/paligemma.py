"""A picture in front of the words: an image encoder's tokens, projected, and a decoder behind them.

Not in it: several pictures in one prompt, segmentation, PaliGemma 2's soft cap.
Source: Beyer et al. 2024 ("PaliGemma"), §3.1. Built in: book/language/paligemma.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from clipbook.image import CNN, CNNConfig, Preprocessing, ViT, ViTConfig, preprocess
from clipbook.image.preprocessing import in_precision_of
from clipbook.language.decoder import Decoder, DecoderBlock, DecoderConfig
from clipbook.language.generation import check_one_each, generate
from clipbook.language.loss import next_token_loss
from clipbook.language.prefix import check_prefix, prefix_mask
from clipbook.pairs.modes import evaluating
from clipbook.validation import excerpt, one_of, true_or_false

NORMS = ("plain", "learned")


def token_widths(image: ViTConfig | CNNConfig) -> dict[str, int]:
    """How many numbers a token has, after each part of an image encoder that gives tokens."""
    if isinstance(image, CNNConfig):
        return {f"stage {k}": width for k, width in enumerate(image.widths, 1)}
    return dict.fromkeys(
        ["embedded", *(f"block {k}" for k in range(1, image.depth + 1))], image.width
    )


@dataclass(frozen=True)
class PaliGemmaConfig:
    """An image encoder, a decoder, and what stands between them.

    tokens_after: which of the image encoder's `intermediates` are the picture's tokens: "block 2",
    or "stage 2" of a CNN, whose places are tokens. image_norm: "plain" norms each of them without
    weights; "learned" is the encoder's own last norm, as in SigLIP. prefix: picture and question
    see each other in both directions; without it all is causal. preprocessing: as the image
    encoder was trained with. Raises ValueError for what is no config of its part, and for tokens
    that the image encoder doesn't give or, with the learned norm, has no norm for.
    """

    image: ViTConfig | CNNConfig = field(default_factory=ViTConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    tokens_after: str = "block 2"
    image_norm: str = "plain"
    prefix: bool = True
    preprocessing: Preprocessing = field(default_factory=Preprocessing)

    def __post_init__(self) -> None:
        for name, kinds in (
            ("image", (ViTConfig, CNNConfig)),
            ("decoder", (DecoderConfig,)),
            ("preprocessing", (Preprocessing,)),
        ):
            if not isinstance(getattr(self, name), kinds):
                names = " or ".join(kind.__name__ for kind in kinds)
                raise ValueError(f"{name}={excerpt(getattr(self, name))} is no {names}")
        widths = token_widths(self.image)
        one_of("tokens_after", self.tokens_after, list(widths))
        one_of("image_norm", self.image_norm, NORMS)
        true_or_false("prefix", self.prefix, True)
        if self.image_norm == "learned" and widths[self.tokens_after] != self.image.width:
            raise ValueError(
                f"image_norm='learned' norms {self.image.width} numbers, tokens after "
                f"{self.tokens_after} have {widths[self.tokens_after]}; try image_norm='plain'"
            )

    @property
    def token_width(self) -> int:
        return token_widths(self.image)[self.tokens_after]


class PaliGemma(nn.Module):
    """A picture and token ids → logits of the next token, at every place of the text.

    Equal to `transformers.PaliGemmaForConditionalGeneration` with the same weights, see
    `clipbook.pretrained.paligemma_from_transformers`. Between the decoder's own numbers and the
    picture's there is nothing but a linear projection: the features are not multiplied by √width.
    """

    def __init__(self, config: PaliGemmaConfig) -> None:
        super().__init__()
        self.config = config
        image = config.image
        self.image_encoder = ViT(image) if isinstance(image, ViTConfig) else CNN(image)
        self.projection = nn.Linear(config.token_width, config.decoder.width)
        self.decoder = Decoder(config.decoder)
        self._start()

    def _start(self) -> None:
        """First weights: words and patches enter with numbers about 1 large, and each block adds
        little, the less the more blocks there are (Radford et al. 2019, §2.3)."""
        nn.init.normal_(self.projection.weight, std=self.config.token_width**-0.5)
        nn.init.zeros_(self.projection.bias)
        nn.init.normal_(self.decoder.token_embedding.weight, std=self.config.decoder.width**-0.5)
        for block in self.decoder.blocks:
            assert isinstance(block, DecoderBlock)
            for layer in (block.attention.output, block.mlp.down):
                assert isinstance(layer, nn.Linear)
                std = (2 * self.config.decoder.depth * layer.in_features) ** -0.5
                nn.init.normal_(layer.weight, std=std)

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.projection.weight.device

    def preprocess(self, pictures: Any) -> Float[Tensor, "batch 3 size size"]:
        """Pixels of one or more pictures as this model takes them, on its device; see
        `clipbook.image.preprocess`."""
        config = self.config
        return preprocess(pictures, config.image.image_size, config.preprocessing).to(self.device)

    def image_features(
        self, pixels: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch patches image_width"]:
        """What the image encoder says of each patch, normed: a class token first, if it has one;
        of a CNN each place of a map, row by row."""
        pixels = in_precision_of(self.projection.weight, pixels)
        tokens = self.image_encoder.intermediates(pixels)[self.config.tokens_after]
        if tokens.ndim == 4:
            tokens = tokens.flatten(2).transpose(1, 2)  # b w h w -> b hw w
        if self.config.image_norm == "learned":
            return self.image_encoder.norm(tokens)
        return layer_norm(tokens, tokens.shape[-1:])

    def image_embeddings(
        self, pixels: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch patches decoder_width"]:
        """The picture as vectors of the decoder's width, which stand where words stand."""
        return self.projection(self.image_features(pixels))

    def forward(
        self,
        pixels: Float[Tensor, "batch 3 height width"] | None,
        token_ids: Int64[Tensor, "batch tokens"],
        in_prompt: Bool[Tensor, "batch tokens"],
    ) -> Float[Tensor, "batch tokens vocab_size"]:
        """Row i scores what comes after token i of the text.

        in_prompt: true at the tokens of the prompt, which come first; then come those of the
        answer, then padding, see `AnswerTokenizer.batch`. pixels: None for no picture at all.
        Raises ValueError for another order, another number of pictures than texts, and as
        `Decoder.embed`.
        """
        embeddings, allowed = self._sequence(pixels, token_ids, in_prompt)
        features = self.decoder.features(embeddings, allowed=allowed)
        return self.decoder.logits(features[:, -token_ids.shape[1] :])

    def loss(
        self,
        pixels: Float[Tensor, "batch 3 height width"] | None,
        token_ids: Int64[Tensor, "batch tokens"],
        in_prompt: Bool[Tensor, "batch tokens"],
        in_answer: Bool[Tensor, "batch tokens"],
    ) -> Float[Tensor, ""]:
        """Mean of -ln p over the answers' tokens, the end token among them, in nats."""
        return next_token_loss(self(pixels, token_ids, in_prompt), token_ids, in_answer)

    def generate(
        self,
        pixels: Float[Tensor, "batch 3 height width"] | None,
        token_ids: Int64[Tensor, "batch tokens"],
        in_prompt: Bool[Tensor, "batch tokens"] | None = None,
        max_new_tokens: int = 16,
        *,
        end_id: int | None = None,
        use_cache: bool = True,
    ) -> Int64[Tensor, "batch new_tokens"]:
        """The most probable answers' tokens, in eval mode; in_prompt: true at real tokens, where
        prompts differ in length. The rest as in `clipbook.language.generate`."""
        with evaluating(self):
            before = None if pixels is None else self.image_embeddings(pixels)
        return generate(
            self.decoder, token_ids, max_new_tokens, mask=in_prompt, before=before,
            prefix=self.config.prefix, end_id=end_id, use_cache=use_cache,
        )  # fmt: skip

    def attention_weights(
        self,
        pixels: Float[Tensor, "batch 3 height width"] | None,
        token_ids: Int64[Tensor, "batch tokens"],
        in_prompt: Bool[Tensor, "batch tokens"],
    ) -> Float[Tensor, "depth batch heads all all"]:
        """The decoder's weights of every block and head, the picture's tokens first: rows are
        queries and sum to 1."""
        embeddings, allowed = self._sequence(pixels, token_ids, in_prompt)
        return self.decoder.attention_weights(embeddings, allowed=allowed)

    def _sequence(
        self, pixels: Tensor | None, token_ids: Tensor, in_prompt: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """What the decoder reads, and which keys each query may look at; None for causal."""
        if in_prompt.shape != token_ids.shape:
            raise ValueError(
                f"in_prompt has the shape {tuple(in_prompt.shape)}, token_ids "
                f"{tuple(token_ids.shape)}; it says of each token whether it is of the prompt, see "
                "AnswerTokenizer.batch"
            )
        check_prefix(in_prompt)
        embeddings, in_prefix = self.decoder.embed(token_ids), in_prompt
        if pixels is not None:
            check_one_each(pixels, token_ids)
            patches = self.image_embeddings(pixels)
            embeddings = torch.cat([patches, embeddings], dim=1)
            in_prefix = torch.cat([in_prompt.new_ones(patches.shape[:2]), in_prompt], dim=1)
        return embeddings, prefix_mask(in_prefix) if self.config.prefix else None

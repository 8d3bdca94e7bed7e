"""What the model is without anybody's weights: shapes, what sees what, the loss, its answers."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from clipbook.image import CNNConfig, ViTConfig
from clipbook.language import (
    Answerer,
    AnswerTokenizer,
    DecoderConfig,
    PaliGemma,
    PaliGemmaConfig,
    load_paligemma,
    read_boxes,
    save_paligemma,
)
from clipbook.language.saving import paligemma_from_json, paligemma_to_json
from clipbook.scenes import EXAMPLE, render
from clipbook.text import Tokenizer
from tests import tiny
from tests.plain import plain_python

WORDS = Tokenizer.train(["what colour is the circle?\n red", " a blue square"] * 3, 290)
TOKENIZER = AnswerTokenizer(WORDS, bins=32)
DECODER = DecoderConfig(TOKENIZER.vocab_size, width=24, depth=2, heads=4, head_dim=6, mlp_width=32)
VIT = replace(tiny.VIT, depth=2)
CONFIG = PaliGemmaConfig(VIT, DECODER)
QUESTIONS = ["what colour is the circle?", "detect red circle", "what?"]


def model(config: PaliGemmaConfig = CONFIG) -> PaliGemma:
    torch.manual_seed(0)
    made = PaliGemma(config).eval().requires_grad_(False)
    for parameter in made.parameters():
        parameter.add_(0.2 * torch.randn_like(parameter))
    return made


def a_batch():
    return TOKENIZER.batch(QUESTIONS, ["red", "a blue square", "a"])


PIXELS = tiny.normals(3, 3, 16, 16)


@pytest.mark.parametrize(
    ("image", "tokens_after", "shape"),
    [
        (VIT, "block 1", (3, 4, 16)),
        (VIT, "embedded", (3, 4, 16)),
        (replace(VIT, pooling="first"), "block 2", (3, 5, 16)),
        (tiny.CNN, "stage 1", (3, 64, 4)),
        (tiny.CNN, "stage 2", (3, 16, 8)),
    ],
)
def test_the_tokens_of_any_image_encoder_go_in(image, tokens_after, shape):
    made = model(PaliGemmaConfig(image, DECODER, tokens_after))
    features = made.image_features(PIXELS)
    assert features.shape == shape
    assert features.mean(dim=-1).abs().max() < 1e-5  # normed
    token_ids, in_prompt, _ = a_batch()
    assert made(PIXELS, token_ids, in_prompt).shape == (*token_ids.shape, TOKENIZER.vocab_size)
    named = made.image_encoder.intermediates(PIXELS)[tokens_after]
    if named.ndim == 4:  # places row by row
        last = torch.nn.functional.layer_norm(named[:, :, -1, 0], named.shape[1:2])
        assert torch.allclose(features[:, -named.shape[3]], last, atol=1e-5)


def test_the_learned_norm_is_the_image_encoders_own():
    made = model(replace(CONFIG, image_norm="learned"))
    expected = made.image_encoder.norm(made.image_encoder.intermediates(PIXELS)["block 2"])
    assert torch.equal(made.image_features(PIXELS), expected)


def changed(made: PaliGemma, row: int, column: int) -> torch.Tensor:
    """At which places the logits of a row change with another token in that column."""
    token_ids, in_prompt, _ = a_batch()
    other = token_ids.clone()
    other[row, column] = TOKENIZER.vocab_size - 1
    before, after = made(PIXELS, token_ids, in_prompt), made(PIXELS, other, in_prompt)
    return (before - after).abs().amax(dim=-1)[row] > 1e-6


def test_a_prompt_is_seen_from_everywhere_and_an_answer_from_behind_alone():
    _, in_prompt, in_answer = a_batch()
    row = 1
    last_of_prompt, first_of_answer = int(in_prompt[row].sum()) - 1, int(in_prompt[row].sum())
    assert changed(model(), row, last_of_prompt).all()
    answer = changed(model(), row, first_of_answer)
    assert not answer[:first_of_answer].any()
    assert answer[first_of_answer:][in_answer[row, first_of_answer:]].all()
    causal = changed(model(replace(CONFIG, prefix=False)), row, last_of_prompt)
    assert not causal[:last_of_prompt].any()


def test_the_picture_is_seen_from_every_token():
    token_ids, in_prompt, _ = a_batch()
    made = model()
    before, after = (made(pixels, token_ids, in_prompt) for pixels in (PIXELS, PIXELS.flip(-1)))
    assert ((before - after).abs().amax(dim=-1) > 1e-6).all()
    blind = made(None, token_ids, in_prompt)
    assert blind.shape == before.shape
    assert (blind - before).abs().max() > 1e-3


def test_the_loss_is_of_the_answers_alone_each_token_told_by_the_one_before():
    token_ids, in_prompt, in_answer = a_batch()
    made = model()
    logits = made(PIXELS, token_ids, in_prompt).log_softmax(dim=-1)
    costs = [
        -logits[row, column - 1, token_ids[row, column]]
        for row, column in in_answer.nonzero().tolist()
    ]
    expected = torch.stack(costs).mean()
    assert torch.isclose(made.loss(PIXELS, token_ids, in_prompt, in_answer), expected)


def test_padding_changes_nothing():
    token_ids, in_prompt, _ = a_batch()
    made = model()
    whole = made(PIXELS, token_ids, in_prompt)
    length = int(in_prompt[2].sum())
    alone = made(PIXELS[2:], token_ids[2:, :length], in_prompt[2:, :length])
    assert torch.allclose(whole[2, :length], alone[0], atol=1e-5)


@pytest.mark.parametrize("prefix", [True, False])
@pytest.mark.parametrize("pixels", [PIXELS, None])
def test_what_is_generated_is_what_a_full_pass_finds_most_probable(prefix, pixels):
    made = model(replace(CONFIG, prefix=prefix))
    token_ids, in_prompt, _ = TOKENIZER.batch(QUESTIONS, [""] * 3)
    longest = int(in_prompt.sum(dim=1).max())
    token_ids, in_prompt = (
        token_ids[:, :longest].where(in_prompt[:, :longest], 0),
        in_prompt[:, :longest],
    )
    written = made.generate(pixels, token_ids, in_prompt, 5)
    slow = made.generate(pixels, token_ids, in_prompt, 5, use_cache=False)
    assert torch.equal(written, slow)
    for row in range(3):
        ids = token_ids[row][in_prompt[row]].tolist()
        start = len(ids)
        for expected in written[row].tolist():
            is_prompt = torch.arange(len(ids))[None] < start
            part = None if pixels is None else pixels[row : row + 1]
            logits = made(part, torch.tensor([ids]), is_prompt)
            assert int(logits[0, -1].argmax()) == expected
            ids.append(expected)


def test_attention_weights_are_those_of_the_forward_pass():
    made = model()
    token_ids, in_prompt, _ = a_batch()
    weights = made.attention_weights(PIXELS, token_ids, in_prompt)
    patches, tokens = VIT.patches, token_ids.shape[1]
    assert weights.shape == (2, 3, 4, patches + tokens, patches + tokens)
    assert torch.allclose(weights.sum(dim=-1), torch.ones(2, 3, 4, patches + tokens))
    free = patches + int(in_prompt[1].sum())
    assert (weights[:, 1, :, :free, free:] == 0).all()
    assert (weights[:, 1, :, free:, :free] > 0).all()
    # values through these weights are what attention gathers
    x, _ = made._sequence(PIXELS, token_ids, in_prompt)
    block = made.decoder.blocks[0]
    value = block.attention.value(block.attention_norm(x)).unsqueeze(1)  # one head of values
    gathered = block.attention.output((weights[0] @ value).transpose(1, 2).flatten(2))
    x = x + gathered
    x = x + block.mlp(block.mlp_norm(x))
    block = made.decoder.blocks[1]
    value = block.attention.value(block.attention_norm(x)).unsqueeze(1)
    x = x + block.attention.output((weights[1] @ value).transpose(1, 2).flatten(2))
    x = made.decoder.norm(x + block.mlp(block.mlp_norm(x)))
    logits = made.decoder.logits(x)[:, patches:]
    assert torch.allclose(logits, made(PIXELS, token_ids, in_prompt), atol=1e-4)


@pytest.mark.parametrize("dtype", [None, torch.float16])
def test_a_saved_model_is_the_same(tmp_path, dtype):
    made = model(replace(CONFIG, prefix=False, tokens_after="block 1", image_norm="learned"))
    save_paligemma(made, tmp_path / "model.safetensors", dtype)
    with tiny.drawing_nothing():
        again = load_paligemma(tmp_path / "model.safetensors")
    assert again.config == made.config
    assert not again.training
    for name, value in made.state_dict().items():
        expected = value if dtype is None else value.half().float()
        assert torch.equal(again.state_dict()[name], expected)


def test_a_weight_that_half_precision_cannot_hold_is_named(tmp_path):
    made = model()
    made.projection.bias.data[0] = 1e5
    with pytest.raises(ValueError, match=r"projection\.bias holds 100000, more than torch.float16"):
        save_paligemma(made, tmp_path / "model.safetensors", torch.float16)


def test_a_configuration_says_all_of_itself():
    for config in (CONFIG, PaliGemmaConfig(CNNConfig(16, (4, 8)), DECODER, "stage 1")):
        assert paligemma_from_json(paligemma_to_json(config)) == config


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"block 2"', '"block 9"', "tokens_after='block 9'; try embedded or block 1"),
        ('"prefix": true', '"prefix": 1', "prefix=1 is no bool"),
        ('"image_norm"', '"norm"', r"missing \['image_norm'\], unknown \['norm'\]"),
        ('"ViTConfig"', '"RNNConfig"', "encoder='RNNConfig'; try ViTConfig or CNNConfig"),
        ('"kv_heads": 1', '"kv_heads": 3', "decoder.heads=4 is not a multiple of kv_heads=3"),
    ],
)
def test_what_was_not_written_so_is_refused(old, new, said):
    text = paligemma_to_json(CONFIG)
    assert old in text
    with pytest.raises(ValueError, match=f"no configuration of a PaliGemma .*{said}"):
        paligemma_from_json(text.replace(old, new))


def test_a_file_with_other_blocks_than_it_says_is_refused(tmp_path):
    made = model()
    made.config = replace(CONFIG, decoder=replace(DECODER, depth=3))
    save_paligemma(made, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="decoder.depth=3 and the weights of 2 blocks"):
        load_paligemma(tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"image": 3}, "image=3 is no ViTConfig or CNNConfig"),
        ({"decoder": None}, "decoder=None is no DecoderConfig"),
        ({"preprocessing": "crop"}, "preprocessing='crop' is no Preprocessing"),
        ({"tokens_after": "block 3"}, "tokens_after='block 3'; try embedded or block 1 or block 2"),
        ({"image_norm": "none"}, "image_norm='none'; try plain or learned"),
        ({"prefix": "yes"}, "prefix='yes' is neither True nor False"),
        (
            {"image": tiny.CNN, "tokens_after": "stage 1", "image_norm": "learned"},
            "image_norm='learned' norms 8 numbers, tokens after stage 1 have 4; try",
        ),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(fields, said):
    with plain_python(), pytest.raises(ValueError, match=said):
        replace(CONFIG, **fields)


ANSWERER = Answerer(model(), TOKENIZER)
PICTURES = [render(scene, 16) for scene, _ in EXAMPLE[:3]]


def test_asking_alone_and_together_is_the_same():
    together = ANSWERER.ask_all(PICTURES, QUESTIONS)
    alone = [ANSWERER.ask(p, q) for p, q in zip(PICTURES, QUESTIONS, strict=True)]
    assert together == alone
    assert ANSWERER.ask_all(None, QUESTIONS) == [ANSWERER.ask(None, q) for q in QUESTIONS]
    assert ANSWERER.caption(PICTURES[0]) == ANSWERER.ask(PICTURES[0], "caption")


def test_it_is_a_pair_of_model_and_tokenizer():
    made, tokenizer = ANSWERER
    assert isinstance(made, PaliGemma)
    assert tokenizer is TOKENIZER


def test_detect_gives_the_boxes_that_the_answer_tells(monkeypatch):
    answer = "<loc0001><loc0002><loc0010><loc0012> red circle"
    monkeypatch.setattr(Answerer, "ask", lambda self, picture, question: f"{answer}{question[:0]}")
    expected = [box for box, _ in read_boxes(answer, 32)]
    assert ANSWERER.detect(PICTURES[0], "red circle") == expected
    monkeypatch.setattr(Answerer, "ask", lambda self, picture, question: "nothing")
    assert ANSWERER.detect(PICTURES[0], "red circle") == []


@pytest.mark.parametrize("picture", [PICTURES[0], None])
def test_an_explanation_tells_the_same_answer_token_by_token(picture):
    told = ANSWERER.explain(picture, QUESTIONS[0], candidates=3)
    assert told.answer == ANSWERER.ask(picture, QUESTIONS[0])
    steps, patches = len(told.tokens), 0 if picture is None else VIT.patches
    assert told.attention.shape == (steps, 2, 4, patches)
    for token, candidates in zip(told.tokens, told.candidates, strict=True):
        assert candidates[0][0] == token  # it writes the most probable
        shares = [share for _, share in candidates]
        assert shares == sorted(shares, reverse=True)
        assert len(shares) == 3
        assert sum(shares) <= 1 + 1e-6
    if picture is not None:
        prompt = TOKENIZER.prompt(QUESTIONS[0])
        pixels = ANSWERER.model.preprocess(picture)
        one = torch.tensor([prompt])
        weights = ANSWERER.model.attention_weights(pixels, one, torch.ones_like(one).bool())
        assert torch.allclose(told.attention[0], weights[:, 0, :, -1, :patches], atol=1e-5)


def test_what_asks_nothing_is_refused():
    with plain_python():
        for question in ("", " ", None, 3):
            with pytest.raises(ValueError, match=r"asks nothing; try 'what colour is the"):
                ANSWERER.ask(PICTURES[0], question)
        for questions in ([], "what?"):
            with pytest.raises(ValueError, match="give a list of at least one"):
                ANSWERER.ask_all(PICTURES, questions)
        with pytest.raises(ValueError, match="3 pictures for 1 questions"):
            ANSWERER.ask_all(PICTURES, QUESTIONS[:1])
        with pytest.raises(ValueError, match="candidates=0 is not a whole number"):
            ANSWERER.explain(PICTURES[0], QUESTIONS[0], candidates=0)
        with pytest.raises(ValueError, match="question='\\\\ud800' holds half a character"):
            ANSWERER.ask(PICTURES[0], "\ud800")
        with pytest.raises(ValueError, match="is not a picture"):
            ANSWERER.explain(PICTURES[:2], QUESTIONS[0])
        with pytest.raises(ValueError, match="name=' ' names nothing to look for"):
            ANSWERER.detect(PICTURES[0], " ")


def test_questions_may_come_from_any_iterable():
    with plain_python():
        expected = ANSWERER.ask_all(PICTURES, QUESTIONS)
        for questions in (iter(QUESTIONS), np.array(QUESTIONS)):
            assert ANSWERER.ask_all(PICTURES, questions) == expected


def test_asking_moves_no_batch_norm_and_leaves_the_mode():
    config = PaliGemmaConfig(tiny.CNN, DECODER, "stage 2")
    asked = Answerer(PaliGemma(config).train(), TOKENIZER)
    before = {name: value.clone() for name, value in asked.model.state_dict().items()}
    asked.ask(PICTURES[0], QUESTIONS[0])
    asked.explain(PICTURES[0], QUESTIONS[0])
    for name, value in asked.model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert all(part.training for part in asked.model.modules())


def test_what_does_not_belong_together_is_refused():
    token_ids, in_prompt, _ = a_batch()
    with plain_python():
        for run in (
            lambda: model()(PIXELS[:1], token_ids, in_prompt),
            lambda: model().generate(PIXELS[:1], token_ids[:, :2]),
        ):
            with pytest.raises(ValueError, match="1 pictures, or what .* give each text its own"):
                run()
        with pytest.raises(ValueError, match="in_prompt has the shape"):
            model()(PIXELS, token_ids, in_prompt[:, 1:])


def test_the_first_loss_is_not_far_from_a_guess():
    torch.manual_seed(0)
    made = PaliGemma(PaliGemmaConfig(ViTConfig(16, width=16, heads=2, depth=2), DECODER))
    loss = made.loss(PIXELS, *a_batch())
    assert loss < 3 * torch.tensor(float(TOKENIZER.vocab_size)).log()


def test_a_model_in_half_precision_takes_the_same_pictures():
    pictures = [render(EXAMPLE[k][0], 16) for k in (0, 1)]
    half = model().bfloat16()
    rows = half.image_embeddings(half.preprocess(pictures))
    assert rows.dtype == torch.bfloat16
    wanted = model().image_embeddings(half.preprocess(pictures))
    torch.testing.assert_close(rows.float(), wanted, atol=0.1, rtol=0.1)


def test_prompts_come_first_also_where_each_token_sees_only_those_before():
    in_prompt = torch.tensor([[False, True, False, True]])
    for prefix in (True, False):
        with pytest.raises(ValueError, match="prompt|prefix"):
            model(replace(CONFIG, prefix=prefix))(None, torch.ones(1, 4).long(), in_prompt)

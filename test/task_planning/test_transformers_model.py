# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Causal models of transformers: the same text with and without draft, cache and grammar; tiny random weights."""

import json
import time

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robot_planner.errors import InvalidInputError, ModelError
from robot_planner.task_planning.domain_file import load_domain
from robot_planner.task_planning.grammar import Grammar
from robot_planner.task_planning.language_model import LANGUAGE_MODELS, DeadlineError, GenerationCancelledError
from robot_planner.task_planning.plan import ObjectRef, parse_plan
from robot_planner.task_planning.scene import Scene
from robot_planner.task_planning.transformers_model import TransformersConfig, TransformersModel

transformers = pytest.importorskip("transformers", reason="the extra 'pretrained' is not installed")
tokenizers = pytest.importorskip("tokenizers")

TEXT = "[WALK] <kitchen> (1)\n[OPEN] <fridge> (2)\n[GRAB] <apple> (3)\nEND\n"
PROMPT = "Task: put the apple into the fridge\nDraft:\nNULL\nPlan:\n"
SOME = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def save(folder, seed=0, kind="llama", **more):
    bpe = tokenizers.Tokenizer(tokenizers.models.BPE())
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=320, special_tokens=["<eos>"], initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator([TEXT, PROMPT], trainer)
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<eos>")
    fast.save_pretrained(folder)
    torch.manual_seed(seed)
    sizes = {
        "vocab_size": bpe.get_vocab_size() + 3, "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 256, "initializer_range": 0.6,
        "eos_token_id": 0, "bos_token_id": 0, "tie_word_embeddings": False,
    }  # fmt: skip
    configs = {"llama": transformers.LlamaConfig, "mistral": transformers.MistralConfig}
    transformers.AutoModelForCausalLM.from_config(configs[kind](**(sizes | more))).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def model(folder):
    return fresh(folder)


def fresh(folder, **options):
    return TransformersModel(TransformersConfig(str(folder), dtype="float64", **options))


def forget(model):
    model._kept = ((), None)
    return model


def grammar():
    things = {"kitchen": "room", "fridge": "container", "apple": "food"}
    domain = load_domain("household")
    return Grammar(Scene(domain, {ObjectRef(n, i): t for i, (n, t) in enumerate(things.items(), 1)}))


def test_plain_greedy_decoding_is_that_of_transformers(model):
    found = forget(model).generate(PROMPT, max_tokens=24)
    ids = torch.tensor([model.tokenizer.encode(PROMPT)])
    wanted = model.network.generate(ids, do_sample=False, max_new_tokens=24, pad_token_id=0)[0, ids.shape[1] :]
    assert found.text == model.tokenizer.decode(wanted).replace("<eos>", "") and found.text
    assert found.new_tokens == found.forwards == len(wanted) and found.draft_tokens == 0
    logits = model.network(torch.cat([ids[0], wanted]).unsqueeze(0)).logits[0, ids.shape[1] - 1 : -1]
    score = torch.log_softmax(logits, -1).gather(1, wanted.unsqueeze(1)).sum()
    assert found.log_probability == pytest.approx(float(score))


@SOME
@given(
    draft=st.one_of(st.text(st.sampled_from("[WALK] <apple>(3)\nEND"), max_size=60), st.just(TEXT)),
    cut=st.integers(0, 30), glue=st.booleans(), temperature=st.sampled_from([0.0, 0.8]), within=st.booleans(),
    lookahead=st.integers(0, 12),
)  # fmt: skip
def test_any_draft_and_any_cache_lead_to_the_same_text(model, draft, cut, glue, temperature, within, lookahead):
    options = {"temperature": temperature, "seed": 3, "max_tokens": 24, "grammar": grammar() if within else None}
    plain = forget(model).generate(PROMPT, **options)
    draft = plain.text[:cut] + draft + plain.text[cut:] if glue else draft
    quick = model.generate(PROMPT, draft=draft, **options)
    assert quick.text == plain.text and quick.new_tokens == plain.new_tokens
    assert quick.log_probability == pytest.approx(plain.log_probability, abs=1e-9)
    assert quick.forwards <= plain.forwards and plain.reused_tokens == 0 < quick.reused_tokens


def test_the_previous_text_as_draft_takes_few_calls(model):
    for rules in (None, grammar()):
        plain = forget(model).generate(PROMPT, max_tokens=24, grammar=rules)
        again = model.generate(PROMPT, draft=plain.text, max_tokens=24, grammar=rules)
        assert again.text == plain.text and again.forwards == 1 < plain.forwards
        assert again.draft_tokens >= again.new_tokens - 1


def test_a_draft_of_another_hand_is_tokenised(model):
    model._written.clear()
    wanted = model.tokenizer.encode(TEXT)
    assert model._encode_draft(TEXT) == wanted
    for at in range(100):
        model.generate("T", max_tokens=1, temperature=3.0, seed=at)
    assert len(model._written) <= 64


@SOME
@given(prompts=st.lists(st.text(st.sampled_from("abT: "), min_size=1, max_size=12), min_size=2, max_size=4))
def test_keys_and_values_are_reused_for_the_same_beginning_alone(model, prompts):
    forget(model)
    for prompt in prompts:
        kept = model._kept[0]
        found = model.generate("Task: ", prompt, max_tokens=6)
        tokens = model.tokenizer.encode("Task: " + prompt)
        shared = sum(1 for at in range(len(tokens)) if kept[: at + 1] == tuple(tokens[: at + 1]))
        assert found.reused_tokens == min(shared, len(tokens) - 1) and found.prompt_tokens == len(tokens)
        assert model._kept[0][: len(tokens)] == tuple(tokens)
        assert model._kept[1].get_seq_length() == len(model._kept[0])
        text, kept_now = found.text, model._kept
        assert forget(model).generate("Task: ", prompt, max_tokens=6).text == text
        model._kept = kept_now if model._kept[0] != kept_now[0] else model._kept


def test_within_a_grammar_random_weights_write_plans(model):
    rules, known = grammar(), 0
    for seed in range(12):
        found = model.generate(PROMPT, grammar=rules, temperature=3.0, seed=seed, max_tokens=200)
        if found.text.endswith("END"):
            known += 1
            assert rules.decode(rules.encode(parse_plan(found.text)))
    assert known


def test_sampling_follows_the_seed(model):
    texts = {model.generate(PROMPT, temperature=1.0, seed=seed, max_tokens=12).text for seed in (1, 1, 2, 3)}
    assert len(texts) == 3
    with pytest.raises(InvalidInputError, match="temperature -1"):
        model.generate(PROMPT, temperature=-1.0)


def test_a_text_ends_at_its_first_line_end(model, monkeypatch):
    wanted = model.tokenizer.encode("[WALK] <kitchen> (1)\nEND\nand then")
    written = iter(wanted)

    def foretold(tokens, cache, keep):
        rows = torch.zeros(keep, model.network.config.vocab_size)
        rows[-1, next(written)] = 1.0
        return list(rows), cache

    forget(model)
    monkeypatch.setattr(model.decoder, "forward", foretold)
    found = model.generate(PROMPT)
    assert found.text == "[WALK] <kitchen> (1)\nEND" and found.new_tokens < len(wanted)
    forget(model)


def test_cancel_and_deadline_leave_a_model_that_works(model):
    wanted = forget(model).generate(PROMPT, max_tokens=10)
    polls = iter([False] * 4 + [True])
    with pytest.raises(GenerationCancelledError):
        model.generate(PROMPT, max_tokens=10, cancelled=lambda: next(polls))
    with pytest.raises(DeadlineError):
        model.generate(PROMPT, max_tokens=10, deadline=time.monotonic() - 1)
    assert model.generate(PROMPT, max_tokens=10).text == wanted.text


def test_a_prompt_longer_than_the_model_takes_is_refused(model):
    with pytest.raises(InvalidInputError, match="allowed by .*: 255"):
        model.generate("Task: " * 200)
    found = model.generate("a" * 250, max_tokens=100)
    assert found.prompt_tokens + found.new_tokens <= 256


def test_a_model_with_a_window_is_decoded_without_draft_and_cache(tmp_path):
    windowed = fresh(save(tmp_path, kind="mistral", sliding_window=8))
    assert not windowed.decoder.can_crop
    plain = windowed.generate(PROMPT, max_tokens=16)
    again = windowed.generate(PROMPT, draft=plain.text, max_tokens=16)
    assert again.text == plain.text and again.reused_tokens == 0 and again.forwards == plain.forwards


def test_a_chat_template_is_used_on_demand(folder):
    chat = fresh(folder, chat=True)
    chat.tokenizer.chat_template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<answer>"
    assert chat._encode_prompt("hi") == chat.tokenizer.encode("<user>hi<answer>")


# -- files -----------------------------------------------------------------------------------------------------------


def save_adapter(folder, rank=2, **more):
    torch.manual_seed(5)
    path = "base_model.model.model.layers.0.self_attn.q_proj"
    down, up = torch.randn(rank, 24), torch.randn(24, rank)
    safetensors.torch.save_file(
        {f"{path}.lora_A.weight": down, f"{path}.lora_B.weight": up}, folder / "adapter_model.safetensors"
    )
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": 6, "bias": "none"} | more
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return up.double() @ down.double()


@pytest.mark.parametrize(("options", "scale"), [({}, 3.0), ({"use_rslora": True}, 6 / 2**0.5)])
def test_an_adapter_is_added_to_the_weights(folder, model, tmp_path, options, scale):
    change = save_adapter(tmp_path, **options)
    adapted = fresh(folder, adapter=str(tmp_path))
    before, after = (m.network.model.layers[0].self_attn.q_proj.weight for m in (model, adapted))
    assert torch.allclose(after - before, scale * change)
    others = (m.network.model.layers[1].self_attn.q_proj.weight for m in (model, adapted))
    assert torch.equal(*others)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"use_dora": True}, "use_dora"), ({"peft_type": "IA3"}, "IA3"), ({"r": "x"}, "ValueError"), ({"r": 0}, "rank 0")],
)
def test_an_adapter_of_another_kind_is_refused(folder, tmp_path, options, words):
    save_adapter(tmp_path, **options)
    with pytest.raises(ModelError, match=words):
        fresh(folder, adapter=str(tmp_path))


def test_an_adapter_of_another_model_is_refused(folder, tmp_path):
    with pytest.raises(ModelError, match="no adapter can be read"):
        fresh(folder, adapter=str(tmp_path))
    save_adapter(tmp_path)
    weights = tmp_path / "adapter_model.safetensors"
    tensors = safetensors.torch.load_file(weights)
    safetensors.torch.save_file({key.replace("q_proj", "x_proj"): v for key, v in tensors.items()}, weights)
    with pytest.raises(ModelError, match="for another model: this one has no"):
        fresh(folder, adapter=str(tmp_path))
    safetensors.torch.save_file({key: v[:, :1].contiguous() for key, v in tensors.items()}, weights)
    with pytest.raises(ModelError, match="another shape"):
        fresh(folder, adapter=str(tmp_path))
    safetensors.torch.save_file({key: v for key, v in tensors.items() if "lora_A" in key}, weights)
    with pytest.raises(ModelError, match="allowed: pairs"):
        fresh(folder, adapter=str(tmp_path))


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match="config.json and"):
        fresh(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "nonsense"}')
    (tmp_path / "model.safetensors").write_bytes(b"garbage")
    with pytest.raises(ModelError, match="can't be read"):
        fresh(tmp_path)
    with pytest.raises(InvalidInputError, match="unknown dtype 'int8'"):
        TransformersModel(TransformersConfig(str(tmp_path), dtype="int8"))


def test_it_is_registered_by_name():
    assert LANGUAGE_MODELS.factory("transformers") is TransformersModel

# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
import importlib
import json

import numpy as np
import pytest
import safetensors.torch
import torch

from robot_planner.errors import EnvironmentSetupError, InvalidInputError, ModelError
from robot_planner.language import adapters
from robot_planner.language.adapters import PretrainedText, load_pretrained
from robot_planner.language.encoder import TextEncoder
from robot_planner.perception.encoder import ENCODERS, Encoder
from robot_planner.perception.pretrained import PretrainedImages

WORDS = ["<pad>", "<unk>", "<eos>", "put", "the", "red", "green", "block", "in", "bin", "a", "b"]


def tower(**more):
    return {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, **more}


def save_transformers(folder, kind):
    transformers = pytest.importorskip("transformers", reason="the extra 'pretrained' is not installed")
    tokenizers = pytest.importorskip("tokenizers")
    torch.manual_seed(0)
    text = tower(vocab_size=len(WORDS), max_position_embeddings=16, eos_token_id=2, bos_token_id=2, pad_token_id=0)
    vision = tower(image_size=32, patch_size=8)
    if kind == "clip":
        config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=12)
        model = transformers.CLIPModel(config)
    else:
        config = transformers.SiglipConfig(text_config=text, vision_config=vision)
        model = transformers.SiglipModel(config)
    model.save_pretrained(folder)
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel(dict(zip(WORDS, range(99), strict=False)), "<unk>"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    words.post_processor = tokenizers.processors.TemplateProcessing("$A <eos>", special_tokens=[("<eos>", 2)])
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="<unk>", pad_token="<pad>", eos_token="<eos>", model_max_length=16
    )
    fast.save_pretrained(folder)
    return model.eval()


def save_open_clip(folder, prefix=""):
    open_clip = usable_open_clip()
    torch.manual_seed(0)
    sizes = {
        "embed_dim": 12,
        "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "patch_size": None},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    }
    model = open_clip.CLIP(**sizes).eval()
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": sizes, "preprocess_cfg": {}}))
    tensors = {prefix + key: value.contiguous() for key, value in model.state_dict().items()}
    safetensors.torch.save_file(tensors, folder / "open_clip_model.safetensors")
    return model, open_clip


def usable_open_clip():
    try:
        return importlib.import_module("open_clip")
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"open_clip is not usable here: {error}")


def images(batch=2, size=48, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (batch, size, size, 3), dtype=np.uint8)


@pytest.mark.parametrize(("kind", "dim"), [("clip", 12), ("siglip", 16)])
def test_text_and_images_of_a_transformers_model_are_encoded_into_one_space(tmp_path, kind, dim):
    save_transformers(tmp_path, kind)
    model = load_pretrained(tmp_path)
    text = PretrainedText(model)
    assert isinstance(text, TextEncoder)
    embeddings = text.encode(
        ["put the red block in bin a", "put the green block in bin b", "put the red block in bin a"]
    )
    assert embeddings.shape == (3, text.embedding_dim) == (3, dim) and embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), dim**0.5, rtol=1e-4)
    np.testing.assert_allclose(embeddings[0], embeddings[2], rtol=1e-4)
    assert np.abs(embeddings[0] - embeddings[1]).max() > 1e-3
    assert model.images(images()).shape == (2, dim)


def test_the_padding_of_a_batch_changes_no_embedding(tmp_path):
    for kind in ("clip", "siglip"):
        (tmp_path / kind).mkdir()
        save_transformers(tmp_path / kind, kind)
        text = PretrainedText(load_pretrained(tmp_path / kind))
        alone = text.encode(["put red"])
        among = text.encode(["put red", "put the red block in bin a"])
        np.testing.assert_allclose(alone[0], among[0], rtol=1e-3, atol=1e-4)


def test_images_are_scaled_and_normalised_as_the_model_was_trained(tmp_path):
    reference = save_transformers(tmp_path, "clip")
    white = np.full((1, 48, 48, 3), 255, np.uint8)
    mean, std = np.array(adapters._CLIP_MEAN), np.array(adapters._CLIP_STD)
    pixels = torch.from_numpy(((1.0 - mean) / std).astype(np.float32)).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    with torch.inference_mode():
        expected = reference.get_image_features(pixel_values=pixels)
    expected = getattr(expected, "pooler_output", expected)[0].numpy()
    found = load_pretrained(tmp_path).images(white)[0]
    np.testing.assert_allclose(found / np.linalg.norm(found), expected / np.linalg.norm(expected), atol=1e-4)


def test_each_view_has_its_part_of_the_latent(tmp_path):
    save_transformers(tmp_path, "clip")
    encoder = ENCODERS.make("pretrained", tmp_path, views=("front", "wrist"))
    assert isinstance(encoder, PretrainedImages) and isinstance(encoder, Encoder)
    front, wrist, other = images(seed=1), images(seed=2), images(seed=3)
    latents = encoder.encode(np.stack([front, wrist], axis=1))
    changed = encoder.encode(np.stack([front, other], axis=1))
    assert latents.shape == (2, encoder.latent_dim) == (2, 24)
    np.testing.assert_allclose(latents[:, :12], changed[:, :12], rtol=1e-4)
    assert np.abs(latents[:, 12:] - changed[:, 12:]).max() > 1e-3


@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_clip_resnet_is_read_through_open_clip(tmp_path, prefix):
    reference, open_clip = save_open_clip(tmp_path, prefix)
    model = load_pretrained(tmp_path)
    with torch.inference_mode():
        tokens = open_clip.SimpleTokenizer(context_length=16)(["put the red block in bin a"])
        expected = reference.encode_text(tokens)[0].numpy()
    found = PretrainedText(model).encode(["put the red block in bin A"])[0]
    np.testing.assert_allclose(found / np.linalg.norm(found), expected / np.linalg.norm(expected), atol=1e-4)
    assert model.images(images()).shape == (2, 12)


def test_other_weights_have_another_digest(tmp_path):
    for name in ("one", "two", "other"):
        (tmp_path / name).mkdir()
        save_transformers(tmp_path / name, "clip")
    weights = tmp_path / "other" / "model.safetensors"
    tensors = safetensors.torch.load_file(weights)
    tensors["logit_scale"] = tensors["logit_scale"] + 1
    safetensors.torch.save_file(tensors, weights, metadata={"format": "pt"})
    one, two, other = (load_pretrained(tmp_path / name).digest for name in ("one", "two", "other"))
    assert one == two != other


def test_pickled_weights_are_not_read(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "clip"}')
    (tmp_path / "pytorch_model.bin").write_bytes(b"whatever")
    with pytest.raises(ModelError, match="safetensors"):
        load_pretrained(tmp_path)


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(ModelError, match="holds no pretrained model"):
        load_pretrained(tmp_path)
    with pytest.raises(ModelError, match="holds no pretrained model"):
        load_pretrained(tmp_path / "nowhere")


def test_damaged_weights_and_other_model_types_are_one_clear_line(tmp_path):
    save_transformers(tmp_path, "clip")
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError) as error:
        load_pretrained(tmp_path)
    assert "\n" not in str(error.value)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ModelError, match="'bert'"):
        load_pretrained(tmp_path)


@pytest.mark.parametrize("files", [adapters.TRANSFORMERS_FILES, adapters.OPEN_CLIP_FILES])
def test_a_missing_package_names_the_extra(tmp_path, monkeypatch, files):
    for name in files:
        (tmp_path / name).write_text('{"model_type": "clip"}')

    def absent(name, *_):
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)

    monkeypatch.setattr(adapters.importlib, "import_module", absent)
    with pytest.raises(EnvironmentSetupError, match=r"robot_planner\[pretrained\]"):
        load_pretrained(tmp_path)


def test_images_and_texts_of_the_wrong_kind_are_refused(tmp_path):
    save_transformers(tmp_path, "clip")
    model = load_pretrained(tmp_path)
    for wrong in (images().astype(np.float32), images()[0], images()[:, :24], images()[..., :2]):
        with pytest.raises(InvalidInputError):
            model.images(wrong)
    with pytest.raises(InvalidInputError, match="empty"):
        model.texts([""])
    with pytest.raises(InvalidInputError, match="views"):
        ENCODERS.make("pretrained", tmp_path).encode(np.stack([images(), images()], axis=1))

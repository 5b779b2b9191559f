#!/usr/bin/env python3
"""Writes configs/NAME/config.json: the configurations that transformers documents as those of published checkpoints.

Each configuration class names, in its documentation, the checkpoint whose configuration its defaults are. That is what
is written here, as the library itself writes it. Run it in an environment with the library; neither torch nor a network
is needed:  pip install transformers==5.23.0 && python3 tools/make_configs.py
"""

import json
import pathlib
import re

from transformers import __version__
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

OUT = pathlib.Path(__file__).resolve().parent.parent / "configs"
CHECKPOINT = re.compile(r"\[([\w.\-]+/[\w.\-]+)\]\(https://huggingface.co/")
WANTED = """albert arcee aria_text audio-spectrogram-transformer beit bert bert-generation big_bird biogpt bitnet bros camembert
canine codegen cohere convbert convnext ctrl data2vec-text deberta deberta-v2 deit distilbert dpr electra ernie esm falcon flaubert
fnet funnel gemma gemma2 git glm gpt2 gpt_bigcode gpt_neo gpt_neox gptj granite herbert ibert layoutlm llama longformer luke
mamba mistral mixtral mobilebert modernbert mpnet mpt mra mvp nezha nystromformer olmo olmo2 openai-gpt opt phi phi3 qwen2 qwen3
rembert roberta roformer splinter squeezebert stablelm starcoder2 vit wav2vec2 xglm xlm-roberta xlnet yoso""".split()


def main():
    written, seen = 0, set()
    for name in WANTED:
        if name not in CONFIG_MAPPING:
            continue
        kind = CONFIG_MAPPING[name]
        checkpoint = CHECKPOINT.search(kind.__doc__ or "")
        if not checkpoint or checkpoint.group(1) in seen:
            continue
        seen.add(checkpoint.group(1))
        config = kind().to_dict()
        config.pop("transformers_version", None)
        whole = {**dict(sorted(config.items())), "_name_or_path": checkpoint.group(1)}
        folder = OUT / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(whole, indent=1) + "\n")
        written += 1
    print(f"{written} configurations of transformers {__version__}")


if __name__ == "__main__":
    main()

"""Every figure of the model card, measured on the shipped files: JSON and a Markdown table.

    python measure.py ../pocket [--split test | --fresh SEED] [--tuned] [--json FILE] [--markdown FILE]

--fresh draws new scenes that nobody looked at before; --tuned merges the adapter of FOLDER/tuned first. Every set of images is
measured a second time with the sprites of another family ("other style"): the same scenes and questions. Greedy decoding in
float32 on the float16-rounded weights of model.safetensors; 95% intervals by scene. Progress goes to the standard error.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM, LlavaForConditionalGeneration

import measurements as m
from asking import Asker, Pocket
from bench import statistics, write_split
from card import markdown
from estimates import Figure
from lora import merge_adapter
from measurements import Figures
from verify_export import image_prompts, text_prompts, verify

BENCH_SEED = 7
Table = dict[str, Figures]


def timed(name: str, measurement: Callable[[], Figures | Table]) -> Figures | Table:
    started = time.time()
    figures = measurement()
    print(f"{name}, {time.time() - started:.0f} s: {json.dumps(as_json(figures))}", file=sys.stderr, flush=True)
    return figures


def about_images(pocket: Pocket, plain: Pocket | None) -> tuple[Table, m.Captions]:
    """All that is asked about images without noise. plain: the model without its adapter, to compare with."""
    texts = m.captions_of(pocket)
    single: dict[str, Callable[[], Figures]] = {
        "captions": lambda: m.chair(pocket, texts),
        "unusual_existence": lambda: m.yes_no(pocket, "unusual_existence"),
        "attributes": lambda: m.yes_no(pocket, "attributes"),
        "relations": lambda: m.yes_no(pocket, "relations"),
        "counts": lambda: m.counts(pocket),
        "reasoning": lambda: m.reasoning(pocket),
        "descriptions": lambda: m.described(pocket),
        "direct": lambda: m.direct(pocket),
    }
    if plain is not None:
        single["against_plain"] = lambda: m.against(plain, pocket, texts)
    table: Table = {name: timed(name, measurement) for name, measurement in single.items()}
    return table | timed("pope", lambda: m.pope(pocket)) | timed("colours", lambda: m.colours(pocket)), texts


def beyond_images(pocket: Pocket, texts: m.Captions) -> Table:
    """Noise, texts in place of images, and the base LLM."""
    table = timed("noise", lambda: m.noise_sweep(pocket))
    table["reading"] = timed("reading", lambda: m.reading(pocket))
    if pocket.asker.base is not None:
        table["base_reading"] = timed("base_reading", lambda: m.base_reading(pocket))
        table["base_usual_colour"] = timed("base_usual_colour", lambda: m.base_knowledge(pocket))
        table["base_on_captions"] = timed("base_on_captions", lambda: m.base_on_captions(pocket, texts))
    return table


def exports(pocket: Pocket, folder: Path) -> dict[str, dict[str, float]]:
    """How many of 100 prompts get PyTorch's greedy tokens from the float32 and the int8 graphs."""
    rng = random.Random(3)
    shares = {"pope_adversarial": 35, "captions": 25, "colours": 20, "reasoning": 20}
    sets = {name: pocket.records(name) for name in shares}
    chosen = [r for name, n in shares.items() for r in rng.sample(sets[name], min(n, len(sets[name])))]
    questions = [(r["text"], pocket.bench / "images" / r["image"]) for r in chosen]
    rows = {}
    for name, model, prompts in (
        ("llava", pocket.asker.llava, image_prompts(folder / "llava", questions)),
        ("base", pocket.asker.base, text_prompts(folder / "base", questions)),
    ):
        report = verify(model, folder / name, prompts, 64)
        graphs = {label: report[label] for label in ("float32", "int8") if label in report}
        rows[name] = {f"{label}_identical": graph["identical"] for label, graph in graphs.items()} | {
            "largest_logit_difference": float(f"{graphs['float32']['largest_logit_difference']:.1e}"),
            "n": report["prompts"],
        }
    return rows


def load(folder: Path, tuned: bool) -> Asker:
    """The LVLM with its base LLM; if tuned, with its adapter and no base LLM, whose figures are the same."""
    llava = LlavaForConditionalGeneration.from_pretrained(folder / "llava", dtype=torch.float32).eval()
    if tuned:
        merge_adapter(llava, folder / "tuned")
    base = None if tuned else LlamaForCausalLM.from_pretrained(folder / "base", dtype=torch.float32).eval()
    return Asker(llava, base, Tokenizer.from_file(str(folder / "llava/tokenizer.json")))


def as_json(value: object) -> object:
    """Figures at any depth as plain values."""
    if isinstance(value, Figure):
        return value.as_dict()
    return {k: as_json(v) for k, v in value.items()} if isinstance(value, dict) else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--split", default="test", choices=("dev", "test"))
    parser.add_argument("--fresh", type=int, metavar="SEED", help="new scenes from this seed, in place of a split")
    parser.add_argument("--tuned", action="store_true", help="with the adapter in FOLDER/tuned")
    parser.add_argument("--seed", type=int, default=11, help="of the diffusion noise and of the base LLM's texts")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=int, help="records of each set, for a quick look")
    parser.add_argument("--no-exports", action="store_true", help="leave the graphs out")
    parser.add_argument("--json", type=Path, help="write all figures here")
    parser.add_argument("--markdown", type=Path, help="write the table here, else to the standard output")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    bench_seed, name = (BENCH_SEED, args.split) if args.fresh is None else (args.fresh, "fresh")
    with torch.no_grad(), tempfile.TemporaryDirectory() as temporary:
        askers = [load(args.folder, args.tuned), *([load(args.folder, False)] if args.tuned else [])]
        drawn = Path(temporary)
        counted = statistics(bench_seed)
        write_split(drawn / "other", name, bench_seed, *counted, style="outOfDistribution")
        bench = args.folder / "bench"
        if args.fresh is not None:
            bench = drawn / "usual"
            write_split(bench, name, bench_seed, *counted)

        def pockets(folder: Path) -> tuple[Pocket, Pocket | None]:
            pocket, *plain = [Pocket(asker, folder / name, args.seed, args.limit) for asker in askers]
            return pocket, plain[0] if plain else None

        pocket, plain = pockets(bench)
        usual, texts = about_images(pocket, plain)
        usual |= beyond_images(pocket, texts)
        other, _ = about_images(*pockets(drawn / "other"))
        graphs = {} if args.no_exports or args.tuned else timed("exports", lambda: exports(pocket, args.folder))
    heading = {"scenes": name if args.fresh is None else f"fresh, seed {args.fresh}", "tuned": args.tuned, "seed": args.seed}
    if args.json:
        whole = heading | {"figures": as_json(usual), "other_style": as_json(other), "exports": graphs}
        args.json.write_text(json.dumps(whole, indent=1) + "\n")
    text = markdown(usual, other, graphs, args.tuned)
    if args.markdown:
        args.markdown.write_text(text)
    else:
        print(text, end="")


if __name__ == "__main__":
    main()

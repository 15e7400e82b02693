"""Makes one network of several by the mean of their weights (docs/training.md, "A soup").

  python -m scripts.average_weights --models=runs/second,runs/first --shares=0.6,0.4 \
    --out=averaged.keras
  python -m scripts.evaluate --model=averaged.keras ...

For networks that were trained on from one another, and for checkpoints of one run.
"""

from pathlib import Path

from absl import app, flags

from tfpose import networks, soup

MODELS = flags.DEFINE_list(
    "models", None, "Two or more .keras, runs, checkpoints; a .keras or finished run first.",
    required=True,
)  # fmt: skip
SHARES = flags.DEFINE_list("shares", [], "How much each counts; all alike where not given.")
OUT = flags.DEFINE_string("out", None, "File to write: .keras.", required=True)


def main(argv: list[str]) -> None:
    if argv[1:]:
        raise app.UsageError(f"unexpected arguments {argv[1:]}; lists are written a,b")
    out = Path(OUT.value)
    try:
        if out.suffix != ".keras":
            raise ValueError(f"--out must end in .keras, found {out}")
        model, spec = soup.average(MODELS.value, [_number(share) for share in SHARES.value])
        out.parent.mkdir(parents=True, exist_ok=True)
        networks.save_keras(model, spec, out)
    except (ValueError, OSError) as error:
        raise SystemExit(f"error: {error}") from error
    print(f"{out}: the mean of {len(MODELS.value)} networks")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"--shares takes numbers, found {text!r}") from None


if __name__ == "__main__":
    app.run(main)

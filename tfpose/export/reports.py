"""An export's report as files: JSON and a table beside the model, and a summary in its card."""

import dataclasses
import json
import re
from pathlib import Path

from estimator import files

from .gate import Report

CARD = "card.md"


def write(report: Report, out: Path) -> None:
    """Writes NAME.export.json and NAME.export.txt, and a summary into card.md where there is one.

    In a folder of saved_models, a card is created where there is none.
    """
    files.write(out.with_name(f"{out.name}.export.json"), json.dumps(tree(report), indent=1) + "\n")
    files.write(out.with_name(f"{out.name}.export.txt"), table(report) + "\n")
    card = out.with_name(CARD)
    if card.is_file() or out.resolve().parent.parent.name == "saved_models":
        text = card.read_text(encoding="utf-8") if card.is_file() else f"# {report.model}\n"
        files.write(card, with_summary(text, out.name, report))


def tree(report: Report) -> dict[str, object]:
    """The report, ready for JSON; infinite errors are null."""
    text = json.dumps(dataclasses.asdict(report)).replace("Infinity", "null")
    found: dict[str, object] = json.loads(text.replace("NaN", "null"))
    return found


def table(report: Report) -> str:
    """The report as a table."""
    limits, alike = report.thresholds, report.alike
    rows = [
        f"{report.model}, {report.kind}: {report.bytes / 1e6:.2f} MB, {report.milliseconds:.1f} ms",
        f"against Keras on {report.pictures} pictures ({report.source})",
        f"{'':12}{'largest':>10}{'rms':>10}",
    ]
    for name, error in report.heads.items():
        rows.append(f"{name:12}{error.largest:10.2e}{error.rms:10.2e}")
    rows.append(f"{'allowed':12}{limits.largest:10.2e}{limits.rms:10.2e}")
    if alike.people:
        rows.append(
            f"{alike.measure} {alike.oks:.4f} over {alike.people} people (at least {limits.oks}); "
            f"{alike.lost} lost, {alike.invented} invented"
        )
    else:
        rows.append(f"{alike.measure} not measured: Keras finds nobody in these pictures")
    if report.cost:
        cost = report.cost
        rows.append(
            f"AP {cost.exported:.4f} against {cost.keras:.4f} on {cost.pictures} pictures: "
            f"{cost.difference:+.4f} [{cost.low:+.4f}, {cost.high:+.4f}], "
            f"{-limits.ap:+.4f} allowed"
        )
    else:
        rows.append("AP not measured: no annotations were given")
    verdict = [f"FAILED: {failure}" for failure in report.failures] or ["passed"]
    return "\n".join([*rows, *verdict])


def with_summary(card: str, name: str, report: Report) -> str:
    """The card with a section on this file, which replaces an earlier one."""
    section = f"## Export: {name}\n\n```\n{table(report)}\n```\n"
    earlier = re.compile(rf"^## Export: {re.escape(name)}\n\n```\n.*?\n```\n", re.S | re.M)
    if earlier.search(card):
        return earlier.sub(lambda _: section, card)
    return card.rstrip() + "\n\n" + section

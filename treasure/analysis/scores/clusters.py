"""What is drawn as one for an interval: a prompt, or whatever the prompts of a benchmark have in common."""

from treasure.evaluation.record import EvaluationRecord

CLUSTER_SLICES = ("row", "document")
"""Slices that name a cluster; nobody wants to see them apart."""


def problem_of(prompt_id: str) -> str:
    """What is the same for one problem of code in all languages and tasks: the last part of the id."""
    return prompt_id.rpartition("/")[2]


def document_of(record: EvaluationRecord) -> tuple[str, str]:
    """Source language and document of a translation: pairs of one source language share their documents."""
    return record.slices["pair"].partition("-")[0], record.slices["document"]


def row_of(record: EvaluationRecord) -> str:
    """Subset and row of language confusion, which all languages share."""
    return f"{record.slices['subset']}/{record.slices['row']}"


def cluster_of(kind: str, record: EvaluationRecord) -> str:
    """The cluster of a record of a benchmark of `kind`, as in that benchmark's own figures."""
    match kind:
        case "humanevalpack" | "quixbugs":
            return problem_of(record.prompt_id)
        case "translation":
            return "/".join(document_of(record))
        case "language_confusion":
            return row_of(record)
        case "reward_levers":
            return str(record.reference["asked"])
    return record.prompt_id

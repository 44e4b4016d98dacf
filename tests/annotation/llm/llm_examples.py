"""A small taxonomy, and examples that tell the fault server's model what they are."""

from treasure.annotation.finding import Finding, Outcome
from treasure.annotation.llm.annotator import LLMAnnotator
from treasure.data.example import Example, Message, example_id
from treasure.taxonomy.taxonomy import AppliesWhen, Category, Kind, Taxonomy, Value


def closed(name, *values, **options):
    return Category(
        name, Kind.NOMINAL, f"What is its {name}?", tuple(Value(v, f"It is {v}.") for v in values), **options
    )


TAXONOMY = Taxonomy(
    "small",
    (
        closed("domain", "Sciences", "Legal", "Code", "Unspecified", multiple=True),
        closed("task", "Translation", "Rewrite", "Reasoning"),
        closed("code_type", "python", "c", applies_when=AppliesWhen("domain", ("Code",))),
        Category("length_tokens", Kind.INTEGER, minimum=0),
    ),
)


def example(prompt, completion="Well.", *, name=None):
    messages = (Message("user", prompt),)
    return Example(name or example_id(messages, completion), messages, completion, "tests")


def numbered(count):
    """Examples of which every one says its domain and task."""
    domains, tasks = (TAXONOMY.category(name).value_names for name in ("domain", "task"))
    return [
        example(f"Question {n}: domain={domains[n % 4]} task={tasks[n % 3]}", f"Answer {n}. " + "Word " * (n % 7))
        for n in range(count)
    ]


def truth(n):
    domains, tasks = (TAXONOMY.category(name).value_names for name in ("domain", "task"))
    return {"domain": (domains[n % 4],), "task": (tasks[n % 3],)}


def annotate(config, examples, known=None, taxonomy=TAXONOMY, **options):
    with LLMAnnotator(config, taxonomy, **options) as annotator:
        return annotator.annotate(examples, known or [{} for _ in examples])


def found(value, annotator="rules"):
    return Finding(annotator, Outcome.FOUND, (value,))

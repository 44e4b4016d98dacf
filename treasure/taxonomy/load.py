"""Taxonomies from YAML files, with inheritance, and to and from plain data.

A file holds `name`, `categories` (in canonical order) and optionally `extends` and `only`:

    name: clinic
    extends: treasure_hunt          # treasure_hunt.yaml in the same folder, or else the shipped one
    only: [domain, lang]            # nothing else is kept, nor checked
    categories:
      domain:                       # an entry given here goes over the inherited one
        values: [Medical, Code, Technology]  # a list: exactly these, in this order; known ones keep their descriptions
      lang:
        values: {Zulu: {definition: ..., includes: ..., tie_break: ...}}   # a mapping: one more, or another wording
      urgency: {kind: ordinal, values: [low, high]}                        # a new category comes last

A setting is taken back with null.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from treasure.errors import did_you_mean
from treasure.taxonomy.build import build_taxonomy
from treasure.taxonomy.taxonomy import LENGTHS, Category, Taxonomy, Value
from treasure.taxonomy.yaml_source import Places, read_yaml


def load_taxonomy(path: Path, shipped: Path | None = None) -> Taxonomy:
    """The taxonomy in the YAML file `path`; what it extends is looked for beside it, then in the folder `shipped`.

    Raises:
        TaxonomyError: the file is missing or not a valid taxonomy; the message names file and line.
    """
    data, places = _read(path, (), shipped)
    return build_taxonomy(data, places)


def taxonomy_from_dict(data: dict[str, Any], origin: str) -> Taxonomy:
    """The taxonomy that `taxonomy_to_dict` wrote; `origin` names the source in error messages.

    Raises:
        TaxonomyError: `data` is not a valid taxonomy.
    """
    return build_taxonomy(data, Places(origin))


def taxonomy_to_dict(taxonomy: Taxonomy) -> dict[str, Any]:
    """`taxonomy` as data that JSON and YAML can hold; `taxonomy_from_dict` gives an equal one back."""
    return {
        "name": taxonomy.name,
        "categories": {category.name: _category_to_dict(category) for category in taxonomy.categories},
    }


def _read(path: Path, below: tuple[Path, ...], shipped: Path | None) -> tuple[dict[str, Any], Places]:
    """The data of `path` with everything it extends merged in; `below` are the files that extend it."""
    data, places = read_yaml(path)
    base_name, only = data.pop("extends", None), data.pop("only", None)
    if base_name is not None:
        base_path = _base_path(base_name, (*below, path), shipped, places)
        base, base_places = _read(base_path, (*below, path), shipped)
        data = _merged(base, data, places)
        places = Places(str(path), {**base_places.lines, **places.lines})
    if only is not None:
        data = {**data, "categories": _kept(data.get("categories"), only, places)}
    return data, places


def _base_path(name: Any, below: tuple[Path, ...], shipped: Path | None, places: Places) -> Path:
    """The file called `name`: beside the last of `below`, or else in `shipped`; never one of `below` itself."""
    if not isinstance(name, str) or Path(name).name != name:
        raise places.error(
            ("extends",),
            f"'extends' names a file in the same folder or a shipped taxonomy, without .yaml, got {name!r}.",
        )
    folders = [below[-1].parent, *([shipped] if shipped is not None else [])]
    candidates = [folder / f"{name}.yaml" for folder in folders]
    there = [path for path in candidates if path.is_file()]
    known = {path.resolve() for path in below}
    fresh = [path for path in there if path.resolve() not in known]
    if fresh:
        return fresh[0]
    if there:
        raise places.error(("extends",), f"'{name}' extends itself.")
    beside, *others = (sorted(file.stem for file in folder.glob("*.yaml")) for folder in folders)
    allowed = [*beside, *(other for names in others for other in names)]
    shipped_note = f" Shipped: {', '.join(others[0])}." if others else ""
    raise places.error(
        ("extends",),
        f"There is no taxonomy '{name}' to extend.{did_you_mean(name, allowed)} "
        f"In this folder: {', '.join(beside)}.{shipped_note}",
    )


def _merged(base: dict[str, Any], own: dict[str, Any], places: Places) -> dict[str, Any]:
    own_categories = own.get("categories") or {}
    if not isinstance(own_categories, dict) or not isinstance(base.get("categories"), dict):
        raise places.error(("categories",), "'categories' must be a mapping of names to descriptions.")
    categories = dict(base["categories"])
    for name, entry in own_categories.items():
        inherited = categories.get(name, {})
        both = isinstance(inherited, dict) and isinstance(entry, dict)
        categories[name] = _merged_category(inherited, entry) if both else entry
    return {**own, "categories": categories}


def _merged_category(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    found = {**base, **own}
    if "values" in base and "values" in own:
        found["values"] = _merged_values(base["values"], own["values"])
    rules = base.get("applies_when"), own.get("applies_when")
    if isinstance(rules[0], dict) and isinstance(rules[1], dict):
        found["applies_when"] = {**rules[0], **rules[1]}
    return {key: value for key, value in found.items() if value is not None}


def _merged_values(base: Any, own: Any) -> Any:
    known = dict.fromkeys(map(str, base)) if isinstance(base, list) else base
    if not isinstance(known, dict):
        return own
    if isinstance(own, list) and len(set(map(str, own))) == len(own):
        return {str(name): known.get(str(name)) for name in own}
    if isinstance(own, dict):
        return {**known, **{name: _merged_value(known.get(name), entry) for name, entry in own.items()}}
    return own


def _merged_value(base: Any, own: Any) -> Any:
    return {**base, **own} if isinstance(base, dict) and isinstance(own, dict) else base if own is None else own


def _kept(categories: Any, only: Any, places: Places) -> dict[str, Any]:
    """The entries in `only`, in the order of `categories`, without the rules that hang on an entry left out."""
    if not isinstance(categories, Mapping):
        raise places.error(("categories",), "'categories' must be a mapping of names to descriptions.")
    if not isinstance(only, list) or not only or not all(isinstance(name, str) for name in only):
        raise places.error(("only",), f"'only' is a list of category names, got {only!r:.60}.")
    for name in only:
        if name not in categories:
            raise places.error(
                ("only",),
                f"Unknown category '{name}'.{did_you_mean(name, categories)} Allowed: {', '.join(categories)}.",
            )
    left_out = set(categories) - set(only)
    return {name: _detached(entry, left_out) for name, entry in categories.items() if name in only}


def _detached(entry: Any, left_out: set[str]) -> Any:
    if not isinstance(entry, dict):
        return entry
    rule, gone = entry.get("applies_when"), set[str]()
    if isinstance(rule, dict) and rule.get("category") in left_out:
        gone.add("applies_when")
    if isinstance(number := entry.get("derived_from"), str) and number in left_out.difference(LENGTHS):
        gone |= {"derived_from", "edges"}
    return {key: setting for key, setting in entry.items() if key not in gone}


def _category_to_dict(category: Category) -> dict[str, Any]:
    """Only what differs from an empty category, so that a written taxonomy stays readable."""
    found: dict[str, Any] = {"kind": category.kind.value}
    if category.definition:
        found["definition"] = category.definition
    if category.values:
        found["values"] = {value.name: _value_to_dict(value) for value in category.values}
    if category.multiple:
        found["multiple"] = True
    if category.applies_when is not None:
        found["applies_when"] = {
            "category": category.applies_when.category,
            "values": list(category.applies_when.values),
        }
    bounds = {"minimum": category.minimum, "maximum": category.maximum, "derived_from": category.derived_from}
    found |= {key: setting for key, setting in bounds.items() if setting is not None}
    if category.decimals:
        found["decimals"] = category.decimals
    if category.edges:
        found["edges"] = list(category.edges)
    return found


def _value_to_dict(value: Value) -> dict[str, str]:
    texts = {"definition": value.definition, "includes": value.includes, "tie_break": value.tie_break}
    return {key: text for key, text in texts.items() if text}

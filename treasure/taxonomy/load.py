"""Taxonomies from YAML files, with inheritance, and to and from plain data.

A file holds `name`, `categories` (in canonical order) and optionally `extends` and `only`:

    name: clinic
    extends: treasure_hunt          # treasure_hunt.yaml in the same folder
    only: [domain, lang]            # nothing else is kept
    categories:
      domain:                       # an entry given here goes over the inherited one
        values: [Medical, Code, Technology]  # a list: exactly these, in this order; known ones keep their descriptions
      lang:
        values: {Zulu: {definition: ..., includes: ..., tie_break: ...}}   # a mapping: one more, or another wording
      urgency: {kind: ordinal, values: [low, high]}                        # a new category comes last

A setting is taken back with null.
"""

from pathlib import Path
from typing import Any

from treasure.errors import TaxonomyError
from treasure.taxonomy.build import build_taxonomy
from treasure.taxonomy.taxonomy import Category, Taxonomy, Value
from treasure.taxonomy.yaml_source import Places, read_yaml


def load_taxonomy(path: Path) -> Taxonomy:
    """The taxonomy in the YAML file `path`.

    Raises:
        TaxonomyError: the file is missing or not a valid taxonomy; the message names file and line.
    """
    data, places = _read(path, ())
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


def _read(path: Path, below: tuple[Path, ...]) -> tuple[dict[str, Any], Places]:
    """The data of `path` with everything it extends merged in; `below` are the files that extend it."""
    data, places = read_yaml(path)
    base_name, only = data.pop("extends", None), data.pop("only", None)
    if base_name is not None:
        if not isinstance(base_name, str) or Path(base_name).name != base_name:
            raise places.error(("extends",), f"'extends' names a file in the same folder, got {base_name!r}.")
        base_path = path.with_name(f"{base_name}.yaml")
        if base_path in (path, *below):
            raise places.error(("extends",), f"'{base_name}' extends itself.")
        base, base_places = _read(base_path, (path, *below))
        data = _merged(base, data, places)
        places = Places(str(path), {**base_places.lines, **places.lines})
    if only is not None:
        if not isinstance(only, list) or not all(isinstance(name, str) for name in only):
            raise places.error(("only",), f"'only' is a list of category names, got {only!r:.60}.")
        data = taxonomy_to_dict(_kept(build_taxonomy(data, places), only, places))
    return data, places


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


def _kept(taxonomy: Taxonomy, names: list[str], places: Places) -> Taxonomy:
    try:
        return taxonomy.only(names)
    except TaxonomyError as error:
        raise places.error(("only",), str(error)) from error


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

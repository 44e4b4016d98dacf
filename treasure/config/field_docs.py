"""Reads the docstring that stands under each field of an option dataclass, for help and error texts."""

import ast
import inspect
import textwrap
from functools import cache


@cache
def field_docs(schema: type) -> dict[str, str]:
    """Field name -> its docstring, whole, as one line. Fields without one are left out."""
    docs: dict[str, str] = {}
    for part in reversed(schema.__mro__[:-1]):
        docs |= _docs_of_class(part)
    return docs


def _docs_of_class(part: type) -> dict[str, str]:
    try:
        source = textwrap.dedent(inspect.getsource(part))
    except (OSError, TypeError):  # a class made in an interactive session has no source file
        return {}
    body = ast.parse(source).body[0]
    if not isinstance(body, ast.ClassDef):
        return {}
    docs: dict[str, str] = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            text = _text_of(below)
            if text:
                docs[field.target.id] = text
    return docs


def _text_of(statement: ast.stmt) -> str:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        value = statement.value.value
        if isinstance(value, str):
            return " ".join(value.split())
    return ""

"""Published formats, as far as guardrail writes them; tests/schemas says where each of them is from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
from lxml import etree

FOLDER = Path(__file__).parent / "schemas"


def conforms(report: str, name: str) -> Any:
    """The JSON report, held against the schema of that name."""
    schema = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    parsed = json.loads(report)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(parsed, schema, jsonschema.Draft202012Validator, format_checker=jsonschema.FormatChecker())
    return parsed


def conforms_to_junit(report: str) -> etree._Element:
    """The XML report, held against that of JUnit."""
    tree = etree.fromstring(report.encode())
    etree.XMLSchema(etree.parse(FOLDER / "junit.xsd")).assertValid(tree)
    return tree

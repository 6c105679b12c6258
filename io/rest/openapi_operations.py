"""The scheduling operations in the OpenAPI document, from their declarations."""

from __future__ import annotations

from ..operations.declared import Declaration, Parameter
from ..references import Json
from .definitions import described
from .openapi_parts import answers, body, in_path, in_query, to_write

_TAG = "Operations"
_DATE_TIME = {
    "type": "string",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2}))?$",
}


def operation_path(operation: Declaration) -> Json:
    """The path item of one operation."""
    found: Json = {"post": _call(operation, operation.name.removeprefix("$"))}
    if operation.level == "instance":
        found["parameters"] = [in_path("id")]
    if operation.level == "instance" and operation.name == "$cancel":
        found["post"]["operationId"] = "cancelById"
    required = operation.needs_body
    found["post"]["requestBody"] = body(_request_schema(operation), required=required)
    if not operation.changes_state:
        found["get"] = {
            **_call(operation, f"{operation.name.removeprefix('$')}ByQuery"),
            "parameters": [_in_query(one) for one in operation.parameters],
        }
    return found


def removed_path(path: str, replacement: str) -> Json:
    """An operation of earlier interfaces."""
    item: Json = {
        "tags": [_TAG],
        "summary": f"No longer supported, use {replacement}",
        "deprecated": True,
        "responses": answers({}, 400, 404),
    }
    name = "".join(letter for letter in path if letter.isalpha())
    return {
        "parameters": [in_path("id")],
        "get": {**item, "operationId": f"removed{name}ByQuery"},
        "post": {**item, "operationId": f"removed{name}"},
    }


def _call(operation: Declaration, id: str) -> Json:
    successes = {200: operation.returns.type, operation.success: operation.returns.type}
    errors = (400, 404, 409) if operation.changes_state else (400, 404)
    return {
        "operationId": id,
        "tags": [_TAG],
        "summary": operation.title,
        "description": operation.documentation,
        "responses": answers(successes, *errors),
    }


def _in_query(parameter: Parameter) -> Json:
    schema = _schema(parameter)
    if parameter.max == "*":
        schema = {"type": "array", "items": schema, "minItems": parameter.min}
    return in_query(parameter.name, schema, described(parameter), required=parameter.min > 0)


def _request_schema(operation: Declaration) -> Json:
    parameters: Json = {
        "type": "object",
        "required": ["resourceType", *(["parameter"] if operation.needs_body else [])],
        "properties": {
            "resourceType": {"const": "Parameters"},
            "parameter": {
                "type": "array",
                "items": {"anyOf": [_named(one) for one in operation.parameters]},
                **({"minItems": 1} if operation.needs_body else {}),
            },
        },
    }
    return parameters if operation.body is None else {"anyOf": [parameters, to_write(operation.body)]}


def _named(parameter: Parameter) -> Json:
    """One parameter of a Parameters resource, with the value[x] it usually has."""
    if parameter.kinds:
        value = parameter.kinds[0]
        schema = _element(parameter)
    else:
        value, schema = "resource", to_write(parameter.type)
    return {
        "type": "object",
        "description": described(parameter),
        "required": ["name", value],
        "properties": {"name": {"const": parameter.name}, value: schema},
    }


def _element(parameter: Parameter) -> Json:
    if parameter.type == "Reference":
        return {"type": "object", "required": ["reference"], "properties": {"reference": _schema(parameter)}}
    return _schema(parameter)


def _schema(parameter: Parameter) -> Json:
    """A value as a query has it."""
    if parameter.type == "dateTime":
        return dict(_DATE_TIME)
    if parameter.type == "Reference":
        return {"type": "string", "pattern": f"^{parameter.target}/[A-Za-z0-9\\-.]{{1,64}}$"}
    if parameter.type == "code":
        return {"enum": list(parameter.values)}
    if parameter.type == "CodeableConcept":
        return {"type": "object", "properties": {"text": {"type": "string"}}}
    found: Json = {"type": "integer"}
    if parameter.least is not None:
        found["minimum"] = parameter.least
    if parameter.most is not None:
        found["maximum"] = parameter.most
    return found

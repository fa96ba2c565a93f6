"""The contracts for machines, docs/asyncapi.yaml and docs/openapi.yaml, as something that frames and answers are held to.

What is published is open: clients must not mind members that they do not know. Here it is closed: what a server says, and
what a test says to it, has no member that the contract does not know.
"""

import copy
import re

import yaml
from jsonschema import Draft7Validator, Draft202012Validator, RefResolver

from binaries import ROOT

BASE = "http://contract.invalid/"  # nothing is fetched from there: both documents are at hand
NAMES = ("asyncapi.yaml", "openapi.yaml")


def load(name):
    return yaml.safe_load((ROOT / "docs" / name).read_text())


def closed(node):
    """The same with nothing beside what it names."""
    if isinstance(node, dict):
        node = {key: closed(value) for key, value in node.items()}
        if node.get("type") == "object" and "properties" in node:
            node.setdefault("additionalProperties", False)
        return node
    return [closed(one) for one in node] if isinstance(node, list) else node


class Contract:
    """One of the two documents. `schemas`: those of its components, which may be replaced to see that it matters."""

    def __init__(self, name, kind):
        self.document = load(name)
        store = {BASE + one: {**load(one), "components": closed(load(one)["components"])} for one in NAMES}
        self.resolver = RefResolver(BASE + name, store[BASE + name], store=store)
        self.kind = kind
        self.schemas = self.document["components"]["schemas"]

    def resolve(self, node):
        """What a reference within this document refers to; anything else as it is."""
        while isinstance(node, dict) and "$ref" in node:
            node = self.resolver.resolve(node["$ref"])[1]
        return node

    def problems(self, schema, value):
        """What is wrong with a value, as texts; [] where nothing is."""
        validator = self.kind(closed(schema), resolver=self.resolver)
        return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in validator.iter_errors(value)]


class Frames(Contract):
    """The JSON protocol. A request's schema is called as its type, that of what the server says has "Frame" behind it."""

    def __init__(self):
        super().__init__("asyncapi.yaml", Draft7Validator)

    def requests(self):
        return {name for name in self.document["channels"]["v1"]["messages"] if not name.endswith("Frame")}

    def answers(self):
        names = self.document["channels"]["plain"]["messages"]
        return {name.removesuffix("Frame") for name in names if name.endswith("Frame")}

    def request_problems(self, frame):
        return self._problems(frame, frame.get("type", "message"))

    def answer_problems(self, frame):
        return self._problems(frame, f"{frame.get('type')}Frame")

    def _problems(self, frame, name):
        if name not in self.schemas:
            return [f"no {name} in the contract"]
        return self.problems({"$ref": f"#/components/schemas/{name}"}, frame)

    def members(self, name):
        """The paths of all members of a frame, through lists and into entries: "items.by"."""
        return set(self._members({"$ref": f"#/components/schemas/{name}"}))

    def _members(self, schema):
        schema = self.resolve(schema)
        for name, value in schema.get("properties", {}).items():
            yield name
            inner = self.resolve(value)
            if name == "items" or "properties" in inner:
                for path in self._members(inner.get("items", inner)):
                    yield f"{name}.{path}"


def members_of(value):
    """The paths of all members of a frame that was captured, as Frames.members has them."""
    for name, inner in value.items():
        yield name
        for one in inner if isinstance(inner, list) else [inner]:
            if isinstance(one, dict):
                yield from (f"{name}.{path}" for path in members_of(one))


class Answers(Contract):
    """HTTP: what answers to a request are in the contract."""

    def __init__(self):
        super().__init__("openapi.yaml", Draft202012Validator)
        self.paths = self.document["paths"]

    def template_of(self, path):
        """The path of the contract that this path of a request goes by."""
        for template in self.paths:
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
                return template
        return None

    def operation(self, method, path):
        return self.paths.get(self.template_of(path), {}).get("get" if method == "HEAD" else method.lower())

    def response_of(self, method, path, status):
        """The answer in the contract, or None."""
        operation = self.operation(method, path) or {"responses": {}}
        anything = self.document["x-answers-to-anything"]
        return self.resolve(operation["responses"].get(str(status), anything.get(str(status))))

    def answer_problems(self, method, path, answer):
        """`answer` has status, headers (a list of pairs) and body."""
        response = self.response_of(method, path, answer.status)
        if response is None:
            return [f"no {answer.status} of {method} {path} in the contract"]
        return self._header_problems(response, answer) + self._body_problems(response, method, answer)

    def _header_problems(self, response, answer):
        promised = {} if answer.status == 101 else dict(self.document["x-headers-of-everything"])
        promised.update(response.get("headers", {}))
        promised = {name.lower(): self.resolve(header) for name, header in promised.items()}
        sent = {name.lower(): value for name, value in answer.headers}
        problems = [f"no {name}" for name, header in promised.items() if header.get("required") and name not in sent]
        for name in sent.keys() - promised.keys() - {"content-type", "content-length"}:
            problems.append(f"{name} is not in the contract")
        for name in sent.keys() & promised.keys():
            problems += [f"{name}: {text}" for text in self.problems(promised[name]["schema"], sent[name])]
        return problems

    def _body_problems(self, response, method, answer):
        content = response.get("content", {})
        headers = {name.lower(): value for name, value in answer.headers}
        kind = headers.get("content-type", "").split(";")[0]
        if not content:
            return [f"a body of type {kind}"] if kind else []
        if kind not in content:
            return [f"{kind} is not in the contract"]
        if method == "HEAD":
            return ["a body"] if answer.body else []
        body = answer.json() if kind == "application/json" else answer.body.decode()
        return self.problems(content[kind]["schema"], body)


def without(frame, member):
    frame = copy.deepcopy(frame)
    del frame[member]
    return frame

#!/usr/bin/env python3
"""Random JSON schemas against an independent validator (python3-jsonschema).

    random_schemas.py [--model] [-v] LINNET [COUNT [SEED]]

For each schema, `linnet grammar --jsonl` generates texts by random choices among the tokens that the
grammar allows; with --model, `linnet generate --json-schema` does it with a model of random weights
(`linnet synth`). Each text must be JSON and valid under the schema. Exit status 1 where one is not,
where more than one schema in ten is refused, and where more than half of the model's texts reach the
limit of tokens; 77 where jsonschema is not installed.
"""
import argparse
import json
import random
import re
import subprocess
import sys
import tempfile

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is not installed")
    sys.exit(77)

sys.setrecursionlimit(20_000)
FORMATS = ["date", "time", "date-time", "uuid", "email", "ipv4", "ipv6", "hostname", "uri",
           "duration", "json-pointer"]
PATTERNS = ["^[a-z]+$", "[0-9]", "^(a|bc)*d{2,3}$", "^[^x]{2,}$", "^\\+?[0-9]{2,4}(-[0-9]+)?$",
            "foo|^bar$", "^(?=.*[0-9])[a-z0-9]{3,8}$", "\\.json$", "^\\S+$", "^[A-Z]\\w* [0-9]?"]
NAMES = ["name", "id", "a", "b", "ab", "kind", "value", "x-y", "é", "with \"quotes\"", "", "a/b"]


# What python3-jsonschema leaves unchecked where the packages for it are not installed; each by its RFC: 3339 (time, duration),
# 1123, 3986, 6901.
TIME = r"([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)"
LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
UNRESERVED = r"[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2}"
CHARACTER = rf"({UNRESERVED}|[:@])"
AUTHORITY = rf"(({UNRESERVED}|:)*@)?(\[[0-9A-Fa-f:.v]+\]|({UNRESERVED})*)(:\d*)?"
PATH = rf"(//{AUTHORITY}(/{CHARACTER}*)*|/({CHARACTER}+(/{CHARACTER}*)*)?|{CHARACTER}+(/{CHARACTER}*)*|)"
EXPRESSIONS = {
    "time": TIME,
    "date-time": rf"\d{{4}}-\d\d-\d\d[Tt]{TIME}",
    "duration": r"P(?!$)(\d+W|(\d+Y(\d+M(\d+D)?)?|\d+M(\d+D)?|\d+D)?(T(\d+H(\d+M(\d+S)?)?|\d+M(\d+S)?|\d+S))?)",
    "hostname": rf"(?=.{{1,253}}$){LABEL}(\.{LABEL})*",
    "uri": rf"[A-Za-z][A-Za-z0-9+.-]*:{PATH}(\?({CHARACTER}|[/?])*)?(\#({CHARACTER}|[/?])*)?",
    "json-pointer": r"(/([^~/]|~[01])*)*",
}


def format_checker():
    checker = jsonschema.FormatChecker()
    for name, expression in EXPRESSIONS.items():
        compiled = re.compile(expression, re.ASCII | re.DOTALL)
        checker.checks(name)(lambda text, compiled=compiled: not isinstance(text, str) or compiled.fullmatch(text))
    return checker


class Maker:
    """Makes one random schema; `defs` are the names that $ref may use."""

    def __init__(self, rng):
        self.rng = rng
        self.defs = rng.sample(["node", "leaf", "point"], rng.randrange(3))
        self.in_definition = False  # and not in an object or array there: no $ref, it might not end

    def chance(self, probability):
        return self.rng.random() < probability

    def root(self):
        schema = self.schema(0)
        if self.defs:
            schema = {"$defs": {name: self.definition() for name in self.defs}, **schema}
        if self.chance(0.3):
            schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        return schema

    def definition(self):
        self.in_definition = True
        schema = self.schema(1)
        self.in_definition = False
        return schema

    def inner(self, depth):
        outer, self.in_definition = self.in_definition, False
        schema = self.schema(depth + 1)
        self.in_definition = outer
        return schema

    def schema(self, depth):
        kinds = ["string", "number", "integer", "boolean", "null", "enum", "const", "types"]
        if depth < 4:
            kinds += ["object"] * 5 + ["array"] * 3 + ["anyOf", "oneOf", "allOf", "not", "if"]
        kinds += ["ref"] * 2 if self.defs and depth > 0 and not self.in_definition else []
        return getattr(self, "make_" + self.rng.choice(kinds).lower())(depth)

    def make_string(self, _):
        schema = {"type": "string"}
        which = self.rng.randrange(5)
        if which == 0:
            schema["pattern"] = self.rng.choice(PATTERNS)
        elif which == 1:
            schema["format"] = self.rng.choice(FORMATS)
        if which in (2, 3):
            low = self.rng.randrange(6)
            if self.chance(0.7):
                schema["minLength"] = low
            if self.chance(0.7):
                schema["maxLength"] = low + self.rng.choice([0, 1, 5, 40, 500])
        elif which == 0 and self.chance(0.3):
            schema["maxLength"] = 8
        return schema

    def bounds(self, schema, draw):
        low = draw()
        if self.chance(0.6):
            schema[self.rng.choice(["minimum", "exclusiveMinimum"])] = low
        if self.chance(0.6):
            high = low + abs(draw()) + 2
            schema[self.rng.choice(["maximum", "exclusiveMaximum"])] = high
        return schema

    def make_number(self, _):
        schema = self.bounds({"type": "number"}, lambda: self.rng.choice(
            [0, 1, -1, 0.5, -2.25, 3.14159, 100, -1000, 1e-3, 12345.678, 0.1]))
        if self.chance(0.2):
            schema["multipleOf"] = self.rng.choice([0.5, 0.25, 2, 10])
        return schema

    def make_integer(self, _):
        schema = self.bounds({"type": "integer"}, lambda: self.rng.choice(
            [0, 1, -1, 7, 10, 99, 100, -12, -100, 123456, 2 ** 53, -2 ** 40]))
        if self.chance(0.2):
            schema["multipleOf"] = self.rng.choice([2, 3, 5, 7, 10])
            schema.pop("maximum", None), schema.pop("exclusiveMaximum", None)
        return schema

    def make_boolean(self, _):
        return {"type": "boolean"}

    def make_null(self, _):
        return {"type": "null"}

    def value(self):
        return self.rng.choice(["red", "green", "", "a\"b\\c\n", "日本", 0, 1, -3, 2.5, True, False, None,
                                [1, 2], {"k": "v"}, [], {}, 1e20])

    def make_enum(self, _):
        values = []
        for _ in range(self.rng.randrange(1, 6)):
            value = self.value()
            if not any(type(value) is type(v) and value == v for v in values):
                values.append(value)
        return {"enum": values}

    def make_const(self, _):
        return {"const": self.value()}

    def make_types(self, _):
        names = ["string", "integer", "number", "boolean", "null", "array", "object"]
        return {"type": self.rng.sample(names, self.rng.randrange(1, 4))}

    def make_ref(self, _):
        return {"$ref": "#/$defs/" + self.rng.choice(self.defs)}

    def make_object(self, depth):
        names = self.rng.sample(NAMES, self.rng.randrange(5))
        schema = {"type": "object", "properties": {n: self.inner(depth) for n in names}}
        if depth > 1 and self.defs:  # let recursion end
            required = [n for n in names if self.chance(0.2)]
        else:
            required = [n for n in names if self.chance(0.5)]
        if required or self.chance(0.3):
            schema["required"] = required
        if self.chance(0.4):
            schema["additionalProperties"] = self.rng.choice([False, False, True, {"type": "integer"}])
        if self.chance(0.1):
            schema["patternProperties"] = {self.rng.choice(["^x-", "[0-9]$", "^a"]): {"type": ["integer", "null"]}}
        if self.chance(0.1) and len(names) > 1:
            schema["minProperties"] = self.rng.randrange(len(names))
        if self.chance(0.1):
            schema["maxProperties"] = len(required) + self.rng.randrange(3)
        if self.chance(0.05):
            schema["propertyNames"] = {"maxLength": 12}
        if self.chance(0.1) and len(names) > 1:
            schema["dependentRequired"] = {names[0]: [names[1]]}
        return schema

    def make_array(self, depth):
        schema = {"type": "array"}
        if self.chance(0.8):
            schema["items"] = self.inner(depth)
        if self.chance(0.2):
            schema["prefixItems"] = [self.inner(depth) for _ in range(self.rng.randrange(1, 4))]
        if self.chance(0.4):
            schema["minItems"] = self.rng.randrange(3)
        if self.chance(0.4):
            schema["maxItems"] = schema.get("minItems", 0) + self.rng.randrange(5)
        if self.chance(0.15):
            schema = {"type": "array", "items": {"enum": ["a", "b", "c", 1]}, "uniqueItems": True}
        return schema

    def make_anyof(self, depth):
        return {"anyOf": [self.schema(depth + 1) for _ in range(self.rng.randrange(1, 4))]}

    def make_oneof(self, depth):
        if self.chance(0.5):  # told apart by a property
            return {"oneOf": [{"type": "object", "required": ["kind", "value"],
                               "properties": {"kind": {"const": k}, "value": self.schema(depth + 1)}}
                              for k in ("first", "second", "third")[:self.rng.randrange(1, 4)]]}
        return {"oneOf": [self.schema(depth + 1) for _ in range(2)]}

    def make_allof(self, depth):
        base = self.make_object(depth)
        return {"allOf": [base, {"type": "object", "properties": {"extra": self.schema(depth + 1)}}]}

    def make_not(self, _):
        return {"type": ["string", "integer"],
                "not": self.rng.choice([{"enum": ["red", 1]}, {"const": 5}, {"type": "string"}, {"minimum": 3},
                                        {"pattern": "^a"}, {"type": "string", "minLength": 4}])}

    def make_if(self, depth):
        return {"type": "object", "properties": {"kind": {"enum": ["a", "b"]}, "value": self.schema(depth + 1)},
                "required": ["kind"], "if": {"properties": {"kind": {"const": "a"}}},
                "then": {"required": ["value"]}, "else": {"properties": {"value": {"type": "null"}}}}


# A request that is refused with one of these has nothing that could be generated, or says so.
def is_satisfiable_error(error):
    return "matches no text" not in error


def texts_of_choices(program, schemas, texts_each):
    """A list of answers for each schema: {"text": ...} or {"error": ...}."""
    lines = [json.dumps({"schema": s, "seed": i * texts_each + j})
             for i, s in enumerate(schemas) for j in range(texts_each)]
    run = subprocess.run([program, "grammar", "--jsonl"], input="\n".join(lines) + "\n", capture_output=True,
                         encoding="utf-8", timeout=1800)
    answers = [json.loads(line) for line in run.stdout.split("\n")[:-1]]
    if run.returncode != 0 or len(answers) != len(lines):
        sys.exit(f"the program ended with {run.returncode} after {len(answers)} of {len(lines)} lines")
    return [answers[i:i + texts_each] for i in range(0, len(answers), texts_each)]


def text_of_model(program, model, schema, seed):
    # In synth's vocabularies byte b is token 3 + b. What ends strings, lists and objects is made
    # likelier, or most texts would be very long.
    biases = [word for byte in b'"]}' for word in ("--logit-bias", f"{3 + byte}=4")]
    run = subprocess.run([program, "generate", "--gguf", model, "--prompt", "x", "--json", "--temp", "1", "-m", "400",
                          "--seed", str(seed), "--json-schema", json.dumps(schema), *biases],
                         capture_output=True, encoding="utf-8", timeout=120)
    if run.returncode not in (0, 1):
        sys.exit(f"the program ended with {run.returncode} for {json.dumps(schema)}")
    if run.returncode == 1:
        return {"error": run.stderr.strip().splitlines()[-1]}
    answer = json.loads(run.stdout)
    return {"text": answer["text"]} if answer["finish_reason"] == "stop" else {"cut": True}


def texts_of_model(program, schemas):
    with tempfile.TemporaryDirectory() as folder:
        model = folder + "/random.gguf"
        subprocess.run([program, "synth", "--shape", "tiny", "--type", "F16", model], check=True, capture_output=True)
        return [[text_of_model(program, model, schema, i)] for i, schema in enumerate(schemas)]


def problem_of(text, validator):
    try:
        error = next(validator.iter_errors(json.loads(text)), None)
    except ValueError as error:
        return f"not JSON: {error}"
    return error and error.message


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", metavar="LINNET")
    parser.add_argument("count", nargs="?", type=int, default=1000)
    parser.add_argument("seed", nargs="?", type=int, default=1)
    parser.add_argument("--model", action="store_true", help="with a model of random weights")
    parser.add_argument("-v", action="store_true", help="show the schemas that are refused")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    schemas = [Maker(rng).root() for _ in range(options.count)]
    answers = (texts_of_model(options.program, schemas) if options.model
               else texts_of_choices(options.program, schemas, texts_each=4))
    wrong, refused, empty, texts, cut = 0, 0, 0, 0, 0
    for i, schema in enumerate(schemas):
        validator = jsonschema.Draft202012Validator(schema, format_checker=format_checker())
        for answer in answers[i]:
            if "error" in answer:
                satisfiable = is_satisfiable_error(answer["error"])
                refused, empty = refused + satisfiable, empty + (not satisfiable)
                if options.v:
                    print("refused:" if satisfiable else "empty:", answer["error"], json.dumps(schema))
                break
            if "cut" in answer:
                cut += 1
                continue
            texts += 1
            problem = problem_of(answer["text"], validator)
            if problem:
                wrong += 1
                if wrong <= 10:
                    print(f"schema {i}: {json.dumps(schema)}\n  text: {answer['text']}\n  {problem}")
                break
    print(f"{options.count} schemas, {texts} texts, {cut} cut at the limit, {wrong} schemas with an invalid text, "
          f"{refused} refused, {empty} that no text satisfies")
    return 1 if wrong or refused > options.count // 10 or texts < options.count // 2 else 0


if __name__ == "__main__":
    sys.exit(main())

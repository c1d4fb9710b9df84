"""Random schemas of the keywords that the grammar compiler supports, for check_schema_suite.py."""
import random

PATTERNS = ["^[a-c]{1,3}$", "x", "^\\d+$", "^(ab|cd)*$", "[^a]$", "^한?글", "\\s", "^.{2,4}$", "^a|b$"]
FORMATS = ["date", "time", "date-time", "email", "ipv4", "ipv6", "uuid", "hostname", "duration"]
NAMES = ["a", "b", "ab", "이름", "x y", "q\"", "n_1"]
VALUES = [None, True, False, 0, 1, -3, 2.5, "", "a", "ab", "한글", "x\ny", [], [1], {}, {"a": 1}]


class RandomSchemas:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def document(self):
        self.names = [f"d{i}" for i in range(self.random.randrange(3))]
        schema = self.schema(0)
        if self.names and isinstance(schema, dict):
            schema["$defs"] = {name: self.schema(1) for name in self.names}
        return schema

    def some(self, chance):
        return self.random.random() < chance

    def schema(self, depth):
        choose = self.random.random()
        if choose < 0.04:
            return self.some(0.9)
        if choose < 0.12 and self.names:
            return {"$ref": "#/$defs/" + self.random.choice(self.names)}
        if choose < 0.22:
            return {"enum": self.random.sample(VALUES, self.random.randrange(1, 5))}
        if choose < 0.26:
            return {"const": self.random.choice(VALUES)}
        out = {}
        kinds = ["string", "integer", "number", "object", "array", "null", "boolean"]
        if depth > 3:
            kinds = [kind for kind in kinds if kind not in ("object", "array")]
        kind = self.random.choice(kinds)
        out["type"] = [kind, self.random.choice(kinds)] if self.some(0.15) else kind
        if isinstance(out["type"], list) and out["type"][0] == out["type"][1]:
            out["type"] = kind
        getattr(self, "of_" + kind)(out, depth)
        if self.some(0.12):
            other = self.random.choice(kinds)
            getattr(self, "of_" + other)(out, depth)
        if depth < 3 and self.some(0.15):
            del out["type"]
        if depth < 3 and self.some(0.25):
            key = self.random.choice(["anyOf", "anyOf", "oneOf", "allOf"])
            out[key] = [self.schema(depth + 2) for _ in range(self.random.randrange(1, 4))]
            if self.some(0.5):
                out = {key: out[key]}
        return out

    def of_null(self, out, depth):
        pass

    of_boolean = of_null

    def of_string(self, out, depth):
        if self.some(0.3):
            out["minLength"] = self.random.randrange(4)
        if self.some(0.3):
            out["maxLength"] = self.random.randrange(2, 20)
        if self.some(0.3):
            out["pattern"] = self.random.choice(PATTERNS)
        elif self.some(0.2):
            out["format"] = self.random.choice(FORMATS)

    def of_integer(self, out, depth):
        for key in ("minimum", "exclusiveMinimum"):
            if self.some(0.25):
                out[key] = self.random.choice([-100, -7, 0, 3, 0.5, -2.5])
        for key in ("maximum", "exclusiveMaximum"):
            if self.some(0.25):
                out[key] = self.random.choice([1000, 12, 3, 3.75, 1e6])
        if self.some(0.15):
            out["multipleOf"] = self.random.choice([1, 2, 7, 10, 2.0])

    of_number = of_integer

    def of_array(self, out, depth):
        if self.some(0.7):
            out["items"] = self.schema(depth + 1)
        if self.some(0.25):
            out["prefixItems"] = [self.schema(depth + 1) for _ in range(self.random.randrange(1, 3))]
        if self.some(0.3):
            out["minItems"] = self.random.randrange(3)
        if self.some(0.4):
            out["maxItems"] = self.random.randrange(4)

    def of_object(self, out, depth):
        names = self.random.sample(NAMES, self.random.randrange(4))
        if names or self.some(0.5):
            out["properties"] = {name: self.schema(depth + 1) for name in names}
        if self.some(0.5):
            out["required"] = [name for name in NAMES if self.some(0.15)]
        if self.some(0.5):
            out["additionalProperties"] = self.schema(depth + 1) if self.some(0.5) else self.some(0.3)
        if self.some(0.2):
            out["patternProperties"] = {self.random.choice(PATTERNS): self.schema(depth + 1) for _ in range(2)}
        if self.some(0.1):
            out["propertyNames"] = {"pattern": self.random.choice(PATTERNS)}
        if self.some(0.15):
            out["minProperties"] = self.random.randrange(3)
        if self.some(0.15):
            out["maxProperties"] = self.random.randrange(1, 4)

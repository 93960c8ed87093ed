#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Verifies contract documents from their JSON alone, as README.md beside this file describes them.

    verify.py [file ...]        without files: all *.json beside the script

Every signature and digest is computed anew and compared with what the document says, and the document is printed again and
compared byte by byte. Prints "ok <file> <digest>" for each file that holds; otherwise one line for each fault with its path, and
the exit status is 1. Needs Python 3.8 and nothing else.
"""

import hashlib
import json
import pathlib
import sys

FORMAT = "plugreg/contract/v1"
POLICIES = ("default", "unchecked", "forward", "backward", "full", "strict")
ROLES = ("both", "provides", "requires", "config", "data", "export")

# The keys of each kind of object, with the types of their values.
CONTRACT = {"digest": str, "format": str, "name": str, "policy": str, "requires": list, "shapes": list,
            "shapes_digest": str, "uses": list, "version": str}
DEPENDENCY = {"constraint": str, "name": str, "optional": bool}
SHAPE = {"comparable": bool, "fields": list, "go_type": str, "kind": str, "methods": list, "name": str, "role": str}
FIELD = {"aliases": list, "default": str, "embedded": bool, "name": str, "position": int, "required": bool,
         "signature": str, "tag": str, "type": str, "wire": str}
METHOD = {"name": str, "pointer": bool, "signature": str, "type": str}

WORDS = {str: "a string", bool: "a bool", int: "an integer", list: "an array", dict: "an object"}


class Malformed(Exception):
    """A document that cannot be read any further."""


class Document:
    """One contract document and what is wrong with it."""

    def __init__(self, data):
        self.faults = []
        text = data.decode("utf-8")
        self.root = json.loads(text, object_pairs_hook=unique, parse_float=no_float, parse_constant=no_float)
        printed = canonical(self.root).encode("utf-8")
        if data not in (printed, printed + b"\n"):
            self.fault("$", "not in canonical form: key order, white space or escapes differ")

    def fault(self, path, what):
        self.faults.append("%s: %s" % (path, what))

    def same(self, path, found, computed):
        if found != computed:
            self.fault(path, "found %s, computed %s" % (ascii(found), ascii(computed)))

    def check(self):
        """Checks everything and returns the computed digest."""
        c = self.members(self.root, CONTRACT, "$")
        self.same("$.format", c["format"], FORMAT)
        self.one_of("$.policy", c["policy"], POLICIES)
        self.each(c["uses"], str, "$.uses")
        self.ascending("$.uses", c["uses"])
        for i, d in enumerate(c["requires"]):
            self.members(d, DEPENDENCY, "$.requires[%d]" % i)
        self.ascending("$.requires", [d["name"] for d in c["requires"]])
        hashes = [self.shape(s, "$.shapes[%d]" % i) for i, s in enumerate(c["shapes"])]
        self.ascending("$.shapes", [name for name, _ in hashes])
        shapes = digest("plugreg/shapes/v1\0" + canonical(hashes))
        self.same("$.shapes_digest", c["shapes_digest"], shapes)
        hashed = pick(c, "name", "policy", "requires", "uses", "version")
        hashed["shapes"] = shapes
        whole = digest("plugreg/contract/v1\0" + canonical(hashed))
        self.same("$.digest", c["digest"], whole)
        return whole

    def shape(self, s, path):
        """Checks a shape and returns the pair of its name and hash."""
        self.members(s, SHAPE, path)
        self.one_of(path + ".role", s["role"], ROLES)
        fields = [self.field(f, "%s.fields[%d]" % (path, i)) for i, f in enumerate(s["fields"])]
        methods = [self.method(m, "%s.methods[%d]" % (path, i)) for i, m in enumerate(s["methods"])]
        self.ascending(path + ".fields", [f["position"] for f in fields])
        self.ascending(path + ".methods", [m["name"] for m in methods])
        if s["kind"] != "struct" and fields:
            self.fault(path + ".fields", "fields of what is no struct")
        hashed = pick(s, "comparable", "kind", "name", "role")
        hashed["fields"], hashed["methods"] = fields, methods
        return [s["name"], digest("plugreg/shape/v1\0" + canonical(hashed))]

    def field(self, f, path):
        """Checks a field and returns what is hashed of it."""
        self.members(f, FIELD, path)
        self.each(f["aliases"], str, path + ".aliases")
        self.same(path + ".signature", f["signature"], digest("%s|%s|%d" % (f["name"], f["type"], f["position"])))
        return pick(f, "aliases", "default", "embedded", "name", "position", "required", "tag", "type", "wire")

    def method(self, m, path):
        """Checks a method and returns what is hashed of it."""
        self.members(m, METHOD, path)
        receiver = "pointer" if m["pointer"] else "value"
        self.same(path + ".signature", m["signature"], digest("%s|%s|%s" % (m["name"], m["type"], receiver)))
        return pick(m, "name", "pointer", "type")

    def members(self, o, keys, path):
        """Demands an object of exactly these keys, with values of these types, and returns it."""
        if type(o) is not dict:
            raise Malformed("%s: want an object" % path)
        wrong = [key for key in keys if key in o and type(o[key]) is not keys[key]]
        for key in sorted(set(o) - set(keys)):
            self.fault("%s.%s" % (path, key), "unknown key")
        for key in [key for key in keys if key not in o]:
            raise Malformed("%s.%s: missing key" % (path, key))
        for key in wrong:
            raise Malformed("%s.%s: want %s" % (path, key, WORDS[keys[key]]))
        return o

    def each(self, values, kind, path):
        for i, value in enumerate(values):
            if type(value) is not kind:
                raise Malformed("%s[%d]: want %s" % (path, i, WORDS[kind]))

    def ascending(self, path, values):
        """Strings of Python compare by code points, which is the order of their bytes in UTF-8."""
        for a, b in zip(values, values[1:]):
            if not a < b:
                self.fault(path, "%s before %s: want ascending order" % (ascii(a), ascii(b)))

    def one_of(self, path, found, known):
        if found not in known:
            self.fault(path, "found %s, want one of %s" % (ascii(found), ", ".join(known)))


def canonical(value):
    """The one spelling: sorted keys, no white space, and no escapes but those that JSON demands."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)


def digest(text):
    return "sha256:" + hashlib.sha256(text.encode("utf-8")).hexdigest()


def pick(o, *keys):
    return {key: o[key] for key in keys}


def unique(pairs):
    o = dict(pairs)
    if len(o) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise Malformed('$: the key "%s" stands there twice in one object' % twice)
    return o


def no_float(text):
    raise Malformed("$: no floats, found " + text)


def verify(path):
    """Prints the verdict on one file and returns whether it holds."""
    name, faults, computed = path.name, [], ""
    try:
        document = Document(path.read_bytes())
        faults = document.faults
        computed = document.check()
    except Malformed as err:
        faults.append(str(err))
    except (OSError, ValueError, RecursionError) as err:
        faults.append("$: %s" % ascii(str(err)))
    for fault in faults:
        print("mismatch %s %s" % (name, fault))
    if not faults:
        print("ok %s %s" % (name, computed))
    return not faults


def main(arguments):
    paths = [pathlib.Path(a) for a in arguments] or sorted(pathlib.Path(__file__).resolve().parent.glob("*.json"))
    held = [verify(path) for path in paths]
    return 0 if held and all(held) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Verifies contract documents, snapshots and payloads from their JSON alone, as README.md beside this file describes them.

    verify.py [file ...]        without files: all *.json beside the script and in ../payloads

Of a contract every signature and digest is computed anew and compared with what the document says, and the document is printed
again and compared byte by byte; so it is for a snapshot, which is an object with the key "contracts", and for each contract in it. A payload, which is an object with the key "data", is compared with the contract beside the script
whose digest it names. Prints "ok <file> <digest>" for each file that holds; otherwise one line for each fault with its path, and the
exit status is 1. Needs Python 3.8 and nothing else.
"""

import datetime
import functools
import hashlib
import json
import pathlib
import sys

FORMAT = "plugreg/contract/v1"
SNAPSHOT_FORMAT = "plugreg/snapshot/v1"
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

SNAPSHOT = {"contracts": list, "digest": str, "expires": str, "format": str, "go": str, "min_policy": str, "platform": str,
            "policy": str, "registry": str, "taken": str}

# Of a payload; what "data" holds is for its shape to say, and "shape" may be missing.
PAYLOAD = {"contract": str, "digest": str}

HERE = pathlib.Path(__file__).resolve().parent

WORDS = {str: "a string", bool: "a bool", int: "an integer", list: "an array", dict: "an object"}


class Malformed(Exception):
    """A document that cannot be read any further."""


class Faults:
    """What is wrong with a document."""

    def __init__(self):
        self.faults = []

    def fault(self, path, what):
        self.faults.append("%s: %s" % (path, what))

    def same(self, path, found, computed):
        if found != computed:
            self.fault(path, "found %s, computed %s" % (ascii(found), ascii(computed)))


class Document(Faults):
    """One contract document."""

    def __init__(self, data):
        super().__init__()
        text = data.decode("utf-8")
        self.root = json.loads(text, object_pairs_hook=unique, parse_float=no_float, parse_constant=no_float)
        printed = canonical(self.root).encode("utf-8")
        if data not in (printed, printed + b"\n"):
            self.fault("$", "not in canonical form: key order, white space or escapes differ")

    def check(self):
        """Checks everything and returns the computed digest."""
        return self.contract(self.root, "$")

    def contract(self, c, path):
        """Checks a contract and returns its computed digest."""
        self.members(c, CONTRACT, path)
        self.same(path + ".format", c["format"], FORMAT)
        self.one_of(path + ".policy", c["policy"], POLICIES)
        self.each(c["uses"], str, path + ".uses")
        self.ascending(path + ".uses", c["uses"])
        for i, d in enumerate(c["requires"]):
            self.members(d, DEPENDENCY, "%s.requires[%d]" % (path, i))
        self.ascending(path + ".requires", [d["name"] for d in c["requires"]])
        hashes = [self.shape(s, "%s.shapes[%d]" % (path, i)) for i, s in enumerate(c["shapes"])]
        self.ascending(path + ".shapes", [name for name, _ in hashes])
        shapes = digest("plugreg/shapes/v1\0" + canonical(hashes))
        self.same(path + ".shapes_digest", c["shapes_digest"], shapes)
        hashed = pick(c, "name", "policy", "requires", "uses", "version")
        hashed["shapes"] = shapes
        whole = digest("plugreg/contract/v1\0" + canonical(hashed))
        self.same(path + ".digest", c["digest"], whole)
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


class Snapshot(Document):
    """One snapshot: contracts, and who had them when."""

    def check(self):
        s = self.members(self.root, SNAPSHOT, "$")
        self.same("$.format", s["format"], SNAPSHOT_FORMAT)
        whole = digest(SNAPSHOT_FORMAT + "\0" + canonical([self.contract(c, "$.contracts[%d]" % i) for i, c in enumerate(s["contracts"])]))
        self.ascending("$.contracts", [Release(c["name"], c["version"]) for c in s["contracts"]])
        self.one_of("$.policy", s["policy"], POLICIES)
        self.one_of("$.min_policy", s["min_policy"], POLICIES)
        self.time("$.expires", s["expires"])
        self.time("$.taken", s["taken"])
        self.same("$.digest", s["digest"], whole)
        return whole

    def time(self, path, text):
        """Demands whole seconds of UTC, in one spelling, or nothing."""
        form = "%Y-%m-%dT%H:%M:%SZ"
        known = "2000" + text[4:] if text.startswith("0000") else text  # Python has no year 0, which is as long as 2000
        try:
            if text and (len(text) != 20 or datetime.datetime.strptime(known, form) == datetime.datetime.min):
                raise ValueError
        except ValueError:
            self.fault(path, "found %s, want whole seconds of UTC" % ascii(text))


@functools.total_ordering
class Release:
    """A name and a version by precedence, of which build metadata is no part."""

    def __init__(self, name, version):
        self.text = "%s@%s" % (name, version)
        core, _, pre = version.partition("+")[0].partition("-")
        numbers = [int(n) for n in core.split(".")]
        parts = [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in pre.split(".")]
        self.key = (name, numbers, not pre, parts)

    def __eq__(self, other):
        return self.key == other.key

    def __lt__(self, other):
        return self.key < other.key

    def __repr__(self):
        return repr(self.text)


class Payload(Faults):
    """One payload, which any JSON spelling will do for."""

    def __init__(self, root):
        super().__init__()
        self.root = root

    def check(self):
        """Compares the payload with its contract and returns the computed digest of that."""
        for key in PAYLOAD:
            if type(self.root.get(key)) is not str:
                raise Malformed("$.%s: want a string" % key)
        for key in sorted(set(self.root) - set(PAYLOAD) - {"shape", "data"}):
            self.fault("$.%s" % key, "unknown key")
        contract, computed = written_under(self.root["digest"])
        self.same("$.contract", self.root["contract"], "%s@%s" % (contract["name"], contract["version"]))
        self.shapes = {s["name"]: s for s in contract["shapes"]}
        if "shape" in self.root:  # else only the reader knows what it reads
            shape = self.shapes.get(self.root["shape"])
            if shape is None or shape["role"] != "data":
                raise Malformed("$.shape: the contract has no such payload")
            self.value(self.root["data"], shape["name"], "$.data")
        return computed

    def value(self, v, text, path):
        """Follows a type text and a value to the structs that the contract describes."""
        shape = self.shapes.get(text)
        if v is None:
            return
        if shape is not None and shape["kind"] == "struct":
            self.struct(v, shape, path)
        elif shape is not None:
            self.value(v, shape["kind"], path)
        elif text.startswith("*"):
            self.value(v, text[1:], path)
        elif text.startswith("[]") and type(v) is list:
            for i, element in enumerate(v):
                self.value(element, text[2:], "%s[%d]" % (path, i))
        elif text.startswith("map[string]") and type(v) is dict:
            for key in v:
                self.value(v[key], text[len("map[string]"):], "%s.%s" % (path, key))

    def struct(self, v, shape, path):
        if type(v) is not dict:
            raise Malformed("%s: want an object" % path)
        known = {}
        for f in shape["fields"]:
            names = [] if f["wire"] in ("", "-") else [f["wire"]] + f["aliases"]
            found = [name for name in names if name in v]
            if len(found) > 1 or f["required"] and not found:
                self.fault(path, "found %s, want one of %s" % (ascii(found), ascii(names)))
            within = self.shapes.get(f["type"])
            if names and not found and within is not None and within["kind"] == "struct":
                self.struct({}, within, "%s.%s" % (path, f["wire"]))  # an absent struct is one whose fields are all absent
            known.update((name, f) for name in names)
        inlines = any(f["wire"] == "" for f in shape["fields"])
        for key in v:
            if key in known:
                self.value(v[key], known[key]["type"], "%s.%s" % (path, key))
            elif not inlines:
                self.fault("%s.%s" % (path, key), "unknown key")


def written_under(wanted):
    """The contract beside the script that has the digest, which is computed and not looked up."""
    for path in sorted(HERE.glob("*.json")):
        document = Document(path.read_bytes())
        computed = document.check()
        if computed == wanted and not document.faults:
            return document.root, computed
    raise Malformed("$.digest: no contract has the digest %s" % ascii(wanted))


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
    if path.parent.name in ("payloads", "snapshots"):
        name = "%s/%s" % (path.parent.name, name)
    try:
        data = path.read_bytes()
        payload = json.loads(data.decode("utf-8"), object_pairs_hook=unique)
        keys = payload if type(payload) is dict else ()
        document = Payload(payload) if "data" in keys else Snapshot(data) if "contracts" in keys else Document(data)
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
    paths = [pathlib.Path(a) for a in arguments] or [
        path for pattern in ("contracts", "payloads", "snapshots") for path in sorted(HERE.parent.glob(pattern + "/*.json"))]
    held = [verify(path) for path in paths]
    return 0 if held and all(held) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
